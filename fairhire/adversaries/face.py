"""The indirect adversary: it tries to match an interview's representation to the candidate's own face.

What it cannot match is gone from the representation, and with it what a face gives away, though no sensitive label
was ever read (arXiv 2110.09424; papers section 2). Both published variants: pick the right face among those in the
batch, and regress the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fairhire.adversaries.base import Adversary, AdversaryOutput, check_candidates, distinct_people, reader
from fairhire.errors import DataError
from fairhire.interview import InterviewBatch

__all__ = ["FaceTarget", "PickTheFace", "RegressTheFace", "fit_face_target"]

TEMPERATURE = 0.1  # of the softmax over faces; papers section 2.3, our default


@dataclass(frozen=True)
class FaceTarget:
    """How a face embedding (d,) becomes the adversary's target (r,): centred, rotated, cut, scaled.

    ``mean`` (d,), ``components`` (d, r), ``scale``: targets have mean norm 1 over training people. The record lives
    in memory during training only; neither checkpoints nor models hold it.
    """

    mean: Tensor
    components: Tensor
    scale: float

    def __call__(self, faces: Tensor) -> Tensor:
        """Return the targets (B, r) of faces (B, d)."""
        return (faces.float() - self.mean) @ self.components / self.scale

    def to(self, device: torch.device | str) -> FaceTarget:
        """Return the same record on ``device``."""
        return FaceTarget(self.mean.to(device), self.components.to(device), self.scale)


def fit_face_target(faces: NDArray[np.float32], *, width: int = 64) -> FaceTarget:
    """Return the target fitted on training people's faces (n, d): their mean and ``width`` leading components.

    Hemamou and Coleman project the source to a low dimension before attacking it (papers section 1.4); 64 is our
    default. Raises :class:`DataError` for fewer than two faces, NaN, or faces that are all the same.
    """
    if len(faces) < 2:
        raise DataError(f"the face adversary: expected faces of at least 2 training people, got {len(faces)}")
    if not np.isfinite(faces).all():
        raise DataError("the face adversary: expected finite face embeddings, got NaN or infinity")
    exact = faces.astype(np.float64)
    mean = exact.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(exact - mean, rowvar=False).reshape(faces.shape[1], -1))
    kept = np.flatnonzero(values > 1e-10 * max(values[-1], 1e-300))[::-1][:width]
    if values[-1] <= 1e-12:
        raise DataError(f"the face adversary: expected faces that differ, got {len(faces)} equal ones")
    components = vectors[:, kept]
    components *= np.sign(components[np.abs(components).argmax(axis=0), np.arange(len(kept))])
    scale = float(np.linalg.norm((exact - mean) @ components, axis=1).mean())
    return FaceTarget(torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(components.astype(np.float32)), scale)


class _FaceReader(Adversary):
    """What both variants share: a reader from the representation to the face, and who has a face."""

    def __init__(self, width: int, target: FaceTarget) -> None:
        super().__init__()
        self.target = target  # a plain attribute, not a buffer: the state dict must hold nothing of a face
        self.read = reader(width, target.components.shape[1])

    def can_play(self, batch: InterviewBatch) -> bool:
        """Whether at least two candidates of the batch have a face."""
        if batch.faces is None or batch.face_mask is None:
            return False
        return distinct_people(batch.person[batch.face_mask]) >= 2

    def seen(self, representation: Tensor, batch: InterviewBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Return guesses (n, r), targets (n, r) and persons (n,) of the interviews with a face."""
        if batch.faces is None or batch.face_mask is None:
            raise DataError("the face adversary: expected a batch with faces, got one without")
        person = batch.person[batch.face_mask]
        check_candidates(person, "a face")
        faces = batch.faces[batch.face_mask]
        return self.read(representation[batch.face_mask]), self.target.to(faces.device)(faces), person


class PickTheFace(_FaceReader):
    """Negative sampling: which of the faces in the batch is this candidate's? (variant NS, papers section 2.1)

    A softmax over cosine similarities at temperature 0.1, the candidate's own face in the denominator (InfoNCE; our
    reading of the printed formula). Other interviews of the same person are masked: they are no wrong answers.
    """

    def forward(self, representation: Tensor, batch: InterviewBatch) -> AdversaryOutput:
        """Return the loss over the interviews of ``representation`` (B, H) that have a face."""
        guess, face, person = self.seen(representation, batch)
        similarity = F.normalize(guess.float(), dim=1) @ F.normalize(face, dim=1).T
        own = torch.eye(len(person), dtype=torch.bool, device=person.device)
        same = person[:, None] == person[None, :]
        logits = (similarity / TEMPERATURE).masked_fill(same & ~own, -torch.inf)
        right = torch.arange(len(person), device=person.device)
        with torch.no_grad():
            accuracy = (logits.argmax(dim=1) == right).float().mean()
            chance = (1.0 / torch.isfinite(logits).sum(dim=1)).mean()
        return AdversaryOutput(F.cross_entropy(logits, right), accuracy, chance, len(person))


class RegressTheFace(_FaceReader):
    """Regression: what does this candidate's face embedding look like? (variant MSE, papers section 2.1)

    ``loss`` is the squared error divided by that of always guessing the mean face of the training people, so 1 means
    "knows nothing". ``accuracy`` is how often the guess lies nearest to the candidate's own face among those of the
    batch's people. The reversed loss has no upper bound: far above 1 the adversary is defeated, not the leak
    (papers section 2.3); training warns above 1.2.
    """

    def forward(self, representation: Tensor, batch: InterviewBatch) -> AdversaryOutput:
        """Return the loss over the interviews of ``representation`` (B, H) that have a face."""
        guess, face, person = self.seen(representation, batch)
        guess = guess.float()
        loss = (guess - face).square().sum(dim=1).mean() / face.square().sum(dim=1).mean()
        with torch.no_grad():
            distance = torch.cdist(guess, face)
            own = torch.eye(len(person), dtype=torch.bool, device=person.device)
            same = person[:, None] == person[None, :]
            distance = distance.masked_fill(same & ~own, torch.inf)
            accuracy = (distance.argmin(dim=1) == torch.arange(len(person), device=person.device)).float().mean()
            chance = (1.0 / torch.isfinite(distance).sum(dim=1)).mean()
        return AdversaryOutput(loss, accuracy, chance, len(person))
