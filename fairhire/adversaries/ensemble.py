"""Three adversaries that are made to differ: each sees the representation in its own scaling, none repeats another.

What an adversary overlooks hides in directions of negligible variance, which a fresh probe scales up. So one member
sees the vectors as they are, one with every column scaled to the same spread, one whitened; and what the hidden layers
of two members have in common is penalised (Han et al., Diverse Adversaries for Mitigating Bias in Training, EACL 2021).
Letters: n vectors, H their width, h hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import torch
from torch import Tensor, nn

from fairhire.adversaries.base import Adversary, AdversaryOutput, Persons, reader
from fairhire.adversaries.face import pick
from fairhire.adversaries.target import BiometricTarget

__all__ = ["DiverseAdversaries", "View"]

DIVERSITY = 1.0  # weight of the mean squared cosine between two members' hidden units (ours)
MEMORY = 0.98  # of the running moments, a batch
FLOOR = 1e-4  # variance, relative to the largest, below which the whitened member scales no further up (ours)


class View(nn.Module):
    """Running moments of the vectors, and the scaling that follows from them; no gradient flows into the moments."""

    mean: Tensor
    covariance: Tensor
    seen: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("covariance", torch.eye(width))  # until the first batch: the vectors as they are
        self.register_buffer("seen", torch.zeros(()))

    def update(self, vectors: Tensor) -> None:
        """Take a batch (n, H) into the moments; the first ones count fully."""
        with torch.no_grad():
            mean = vectors.mean(dim=0)
            centred = vectors - mean
            weight = (1 - MEMORY) / (1 - MEMORY ** (self.seen + 1))
            self.mean.lerp_(mean, float(weight))
            self.covariance.lerp_(centred.T @ centred / len(vectors), float(weight))
            self.seen += 1

    def standardised(self, vectors: Tensor) -> Tensor:
        """Return the vectors with every column at spread 1; faint ones scaled up to a hundredfold at most."""
        variance = self.covariance.diagonal()
        scaled: Tensor = (vectors - self.mean) / (variance + FLOOR * variance.max() + 1e-20).sqrt()
        return scaled

    def whitened(self, vectors: Tensor) -> Tensor:
        """Return the vectors along their principal directions, each at spread 1, with the same limit."""
        values, directions = torch.linalg.eigh(self.covariance.double())
        scale = directions / (values.clamp(min=0) + FLOOR * values[-1] + 1e-20).sqrt()
        white: Tensor = (vectors - self.mean) @ scale.to(vectors.dtype)
        return white


class DiverseAdversaries(Adversary):
    """Three pick-the-face readers over three views of the same vectors; ``loss`` is the mean of theirs.

    ``accuracy`` is that of the best member on the batch.
    """

    def __init__(self, width: int, target: BiometricTarget) -> None:
        super().__init__()
        self.target = target
        self.view = View(width)
        readers = [reader(width, target.components.shape[1]) for _ in range(3)]
        self.inner = nn.ModuleList(one[:-1] for one in readers)
        self.outer = nn.ModuleList(one[-1] for one in readers)

    def can_play(self, people: Persons) -> bool:
        """Whether at least two candidates have a face (or voice)."""
        return self.target.can_play(people)

    def watch(self, representation: Tensor) -> None:
        """Take a batch (n, H) into the moments of the two members that scale."""
        self.view.update(representation)

    def forward(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return the mean loss over the rows of ``representation`` (n, H) that have a face."""
        return self._judge(self._hidden(representation, people), people)

    def lesson(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return the same with what the members have in common, which is their own affair and not the model's."""
        hidden = self._hidden(representation, people)
        output = self._judge(hidden, people)
        alike = torch.stack([_alike(one, two) for one, two in combinations(hidden, 2)]).mean()
        return replace(output, loss=output.loss + DIVERSITY * alike)

    def _hidden(self, representation: Tensor, people: Persons) -> list[Tensor]:
        """Return the hidden units (m, h) of every member, each of its own view of those who have a face."""
        mask, _, _ = self.target.of(people)
        vectors = representation[mask].float()
        views = (vectors, self.view.standardised(vectors), self.view.whitened(vectors))
        return [inner(view) for inner, view in zip(self.inner, views, strict=True)]

    def _judge(self, hidden: Sequence[Tensor], people: Persons) -> AdversaryOutput:
        _, face, person = self.target.of(people)
        found = [pick(outer(units), face, person) for outer, units in zip(self.outer, hidden, strict=True)]
        accuracy = torch.stack([one.accuracy for one in found if one.accuracy is not None]).max()
        return AdversaryOutput(torch.stack([one.loss for one in found]).mean(), accuracy, found[0].chance, len(person))


def _alike(one: Tensor, two: Tensor) -> Tensor:
    """Return the mean squared cosine () between the hidden units (columns) of two members (n, h)."""
    a, b = (torch.nn.functional.normalize(h - h.mean(dim=0), dim=0) for h in (one, two))
    return (a.T @ b).square().mean()
