"""How the vectors of several modalities become one score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["FUSIONS", "EarlyFusion", "Fusion", "LateFusion"]


class Fusion(nn.Module, ABC):
    """Scores R rows (interviews, or answers) from one vector a modality.

    K is the number of heads: how many scores a row gets before they are averaged as probabilities.
    """

    @abstractmethod
    def forward(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, K) and which exist (R, K), from vectors (R, H_m), zero where not ``present`` (R,)."""


class EarlyFusion(Fusion):
    """One head on all vectors side by side, trained together with them.

    With one modality this is the output layer of papers section 1.1. The paper's early fusion fits classic learners
    on the concatenation afterwards; ours trains end to end, so that one adversary can act on everything.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.head = nn.Linear(sum(widths), 1)

    def forward(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, 1) and whether any modality is present (R, 1)."""
        return self.head(torch.cat(list(vectors), dim=1)), torch.stack(list(present), dim=1).any(dim=1, keepdim=True)


class LateFusion(Fusion):
    """One head a modality; the score is the mean of those that are present (papers section 1.1)."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(width, 1) for width in widths)

    def forward(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, M), one of each modality, and which modalities are present (R, M)."""
        logits = [head(vector) for head, vector in zip(self.heads, vectors, strict=True)]
        return torch.cat(logits, dim=1), torch.stack(list(present), dim=1)


FUSIONS = {"none": EarlyFusion, "early": EarlyFusion, "late": LateFusion}
"""Every fusion by its name; ``none`` is for a single modality, whose one head needs no fusing."""
