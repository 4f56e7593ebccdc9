"""The indirect adversary: it tries to match an interview's representation to the candidate's own face, or voice.

What it cannot match is gone from the representation, and with it what a face gives away, though no sensitive label
was ever read (arXiv 2110.09424; papers section 2). Both published variants: pick the right face among those in the
batch, and regress the face.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fairhire.adversaries.base import Adversary, AdversaryOutput, Persons, reader
from fairhire.adversaries.target import BiometricTarget

__all__ = ["PickTheFace", "RegressTheFace", "pick"]

TEMPERATURE = 0.1  # of the softmax over faces; papers section 2.3, our default


class _BiometricReader(Adversary):
    """What both variants share: a reader from the representation to the target, and who has one."""

    def __init__(self, width: int, target: BiometricTarget) -> None:
        super().__init__()
        self.target = target  # a plain attribute, not a buffer: the state dict must hold nothing of a face
        self.read = reader(width, target.components.shape[1])

    def can_play(self, people: Persons) -> bool:
        """Whether at least two candidates have a face (or voice)."""
        return self.target.can_play(people)


class PickTheFace(_BiometricReader):
    """Negative sampling: which of the faces in the batch is this candidate's? (variant NS, papers section 2.1)

    A softmax over cosine similarities at temperature 0.1, the candidate's own face in the denominator (InfoNCE; our
    reading of the printed formula). Other interviews of the same person are masked: they are no wrong answers.
    """

    def forward(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return the loss over the rows of ``representation`` (n, H) that have a face."""
        mask, face, person = self.target.of(people)
        return pick(self.read(representation[mask]), face, person)


def pick(guess: Tensor, face: Tensor, person: Tensor) -> AdversaryOutput:
    """Return how well guesses (m, r) tell their own targets (m, r) from those of other persons (m,)."""
    similarity = F.normalize(guess.float(), dim=1) @ F.normalize(face, dim=1).T
    own = torch.eye(len(person), dtype=torch.bool, device=person.device)
    same = person[:, None] == person[None, :]
    logits = (similarity / TEMPERATURE).masked_fill(same & ~own, -torch.inf)
    right = torch.arange(len(person), device=person.device)
    with torch.no_grad():
        accuracy = (logits.argmax(dim=1) == right).float().mean()
        chance = (1.0 / torch.isfinite(logits).sum(dim=1)).mean()
    return AdversaryOutput(F.cross_entropy(logits, right), accuracy, chance, len(person))


class RegressTheFace(_BiometricReader):
    """Regression: what does this candidate's face embedding look like? (variant MSE, papers section 2.1)

    ``loss`` is the squared error divided by that of always guessing the mean face of the training people, so 1 means
    "knows nothing". ``accuracy`` is how often the guess lies nearest to the candidate's own face among those of the
    batch's people. The reversed loss has no upper bound: far above 1 the adversary is defeated, not the leak
    (papers section 2.3); training warns above 1.2.
    """

    def forward(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return the loss over the rows of ``representation`` (n, H) that have a face."""
        mask, face, person = self.target.of(people)
        guess = self.read(representation[mask]).float()
        loss = (guess - face).square().sum(dim=1).mean() / face.square().sum(dim=1).mean()
        with torch.no_grad():
            distance = torch.cdist(guess, face)
            own = torch.eye(len(person), dtype=torch.bool, device=person.device)
            same = person[:, None] == person[None, :]
            distance = distance.masked_fill(same & ~own, torch.inf)
            accuracy = (distance.argmin(dim=1) == torch.arange(len(person), device=person.device)).float().mean()
            chance = (1.0 / torch.isfinite(distance).sum(dim=1)).mean()
        return AdversaryOutput(loss, accuracy, chance, len(person))
