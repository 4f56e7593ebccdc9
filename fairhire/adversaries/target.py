"""What an indirect adversary looks for: a candidate's face or voice embedding, reduced to its leading components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairhire.adversaries.base import Persons, check_candidates, distinct_people
from fairhire.concept import fit_concept
from fairhire.errors import DataError

__all__ = ["BiometricTarget", "fit_target"]


@dataclass(frozen=True)
class BiometricTarget:
    """How a face or voice embedding (d,) becomes the adversary's target (r,): centred, rotated, cut, scaled.

    ``kind`` is ``face`` or ``voice``; ``mean`` (d,), ``components`` (d, r), ``scale``: targets have mean norm 1 over
    training people. The record lives in memory during training only; neither checkpoints nor models hold it.
    """

    kind: str
    mean: Tensor
    components: Tensor
    scale: float

    def __call__(self, embeddings: Tensor) -> Tensor:
        """Return the targets (n, r) of embeddings (n, d)."""
        return (embeddings.float() - self.mean) @ self.components / self.scale

    def to(self, device: torch.device | str) -> BiometricTarget:
        """Return the same record on ``device``."""
        return BiometricTarget(self.kind, self.mean.to(device), self.components.to(device), self.scale)

    def known(self, people: Persons) -> tuple[Tensor, Tensor] | None:
        """Return the embeddings (n, d) and who has one (n,), or None where none were read."""
        values, mask = (people.faces, people.face_mask) if self.kind == "face" else (people.voices, people.voice_mask)
        return None if values is None or mask is None else (values, mask)

    def can_play(self, people: Persons) -> bool:
        """Whether at least two candidates have an embedding."""
        found = self.known(people)
        return found is not None and distinct_people(people.person[found[1]]) >= 2

    def of(self, people: Persons) -> tuple[Tensor, Tensor, Tensor]:
        """Return who has an embedding (n,), their targets (m, r) and persons (m,); :class:`DataError` for too few."""
        found = self.known(people)
        if found is None:
            raise DataError(f"the {self.kind} adversary: expected a batch with {self.kind}s, got one without")
        values, mask = found
        check_candidates(people.person[mask], f"a {self.kind}")
        return mask, self.to(values.device)(values[mask]), people.person[mask]


def fit_target(embeddings: NDArray[np.float32], *, width: int = 64, kind: str = "face") -> BiometricTarget:
    """Return the target fitted on training people's embeddings (n, d); errors of :func:`fairhire.concept.fit_concept`.

    64 components are our default (papers section 2.3).
    """
    concept = fit_concept(embeddings, width=width, what=kind)
    mean, components = (torch.from_numpy(part.astype(np.float32)) for part in (concept.mean, concept.components))
    return BiometricTarget(kind, mean, components, concept.scale)
