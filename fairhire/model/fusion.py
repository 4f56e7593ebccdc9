"""How the vectors of several modalities become one representation and one score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FUSIONS", "EarlyFusion", "Fusion", "GatedFusion", "LateFusion", "NoFusion"]


class Fusion(nn.Module, ABC):
    """Scores R rows (interviews, or answers) from one vector a modality.

    ``width`` is H, that of the representation; ``transparent`` says that it is nothing but the vectors side by side.
    K is the number of heads: how many scores a row gets before they are averaged as probabilities. Everything that a
    row's score is computed from passes through its representation.
    """

    width: int
    transparent: bool = True

    @abstractmethod
    def __init__(self, widths: Sequence[int], *, hidden: int, dropout: float) -> None:
        """Build for vectors of the given ``widths``, with ``hidden`` units where the fusion has any of its own."""
        super().__init__()

    @abstractmethod
    def represent(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> Tensor:
        """Return the representation (R, H) of vectors (R, H_m), zero where a modality is not ``present`` (R,)."""

    @abstractmethod
    def score(self, representation: Tensor, present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, K) and which of them exist (R, K), given which modalities do (R,)."""

    def aside(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, L) that are trained beside the score and never part of it, and which exist; here none."""
        return vectors[0].new_zeros(len(vectors[0]), 0), present[0].new_zeros(len(present[0]), 0)


class NoFusion(Fusion):
    """One modality: its vector is the representation, and one head scores it (papers section 1.1)."""

    def __init__(self, widths: Sequence[int], *, hidden: int, dropout: float) -> None:
        super().__init__(widths, hidden=hidden, dropout=dropout)
        (self.width,) = widths
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.width, 1)

    def represent(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> Tensor:  # noqa: ARG002 - zeros say it
        """Return the one vector as it is."""
        (vector,) = vectors
        return vector

    def score(self, representation: Tensor, present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, 1)."""
        return self.head(self.dropout(representation)), torch.stack(list(present), dim=1)


class EarlyFusion(Fusion):
    """The vectors side by side, squeezed into one by a layer of its own, then one head; trained together.

    The paper's early fusion fits classic learners on the concatenation afterwards. Ours is trained end to end and
    narrows to one vector: an adversary on the bare concatenation was measured to sit at chance while a fresh probe
    still read gender at .91 (undefended .93); on the squeezed vector the same adversary lowered it to .64
    (``docs/results.md``). The LayerNorm without parameters keeps the vector from escaping by rescaling.
    """

    transparent = False

    def __init__(self, widths: Sequence[int], *, hidden: int, dropout: float) -> None:
        super().__init__(widths, hidden=hidden, dropout=dropout)
        self.width = hidden
        self.dropout = nn.Dropout(dropout)
        self.squeeze = nn.Linear(sum(widths), hidden)
        self.head = nn.Linear(hidden, 1)

    def represent(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> Tensor:  # noqa: ARG002 - zeros say it
        """Return the squeezed vector (R, hidden)."""
        return F.layer_norm(torch.tanh(self.squeeze(self.dropout(torch.cat(list(vectors), dim=1)))), (self.width,))

    def score(self, representation: Tensor, present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, 1) and whether any modality is present (R, 1)."""
        any_present = torch.stack(list(present), dim=1).any(dim=1, keepdim=True)
        return self.head(self.dropout(representation)), any_present


class LateFusion(Fusion):
    """One head a modality; the score is the mean of those that are present (papers section 1.1).

    The representation is the vectors side by side, since every one of them is scored.
    """

    def __init__(self, widths: Sequence[int], *, hidden: int, dropout: float) -> None:
        super().__init__(widths, hidden=hidden, dropout=dropout)
        self.widths = list(widths)
        self.width = sum(widths)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(nn.Linear(width, 1) for width in widths)

    def represent(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> Tensor:  # noqa: ARG002 - zeros say it
        """Return the vectors side by side."""
        return torch.cat(list(vectors), dim=1)

    def score(self, representation: Tensor, present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, M), one of each modality, and which modalities are present (R, M)."""
        vectors = self.dropout(representation).split(self.widths, dim=1)
        logits = [head(vector) for head, vector in zip(self.heads, vectors, strict=True)]
        return torch.cat(logits, dim=1), torch.stack(list(present), dim=1)


class GatedFusion(Fusion):
    """Attention over modalities, number by number: each says something, and its gate how much that counts.

    ``z_m = softmax_m(G_m v_m)`` over the modalities that are present, ``h = sum_m z_m * tanh(W_m v_m)``, one head on
    the normalised ``h``. The gates are those of a gated multimodal unit (Arevalo et al. 2017) made to sum to 1 over any
    number of modalities; a missing one leaves its weight to the others. While learning, every modality is left out of
    an interview now and then (half as often as a unit by dropout, ours), never the last one, and each modality's own
    vector is made to tell the label too: a modality that learns slowly is not silenced by one that learns fast.
    """

    transparent = False

    def __init__(self, widths: Sequence[int], *, hidden: int, dropout: float) -> None:
        super().__init__(widths, hidden=hidden, dropout=dropout)
        self.width = hidden
        self.dropout = nn.Dropout(dropout)
        self.says = nn.ModuleList(nn.Linear(width, hidden) for width in widths)
        self.gates = nn.ModuleList(nn.Linear(width, hidden) for width in widths)
        self.head = nn.Linear(hidden, 1)
        self.own = nn.ModuleList(nn.Linear(width, 1) for width in widths)

    def represent(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> Tensor:
        """Return the gated sum (R, hidden), zero where nothing is present."""
        seen = self._heard(torch.stack(list(present), dim=1))[:, :, None]
        read = [self.dropout(vector) for vector in vectors]
        said = torch.stack([torch.tanh(layer(vector)) for layer, vector in zip(self.says, read, strict=True)], dim=1)
        gates = torch.stack([layer(vector) for layer, vector in zip(self.gates, read, strict=True)], dim=1)
        nothing = ~seen.any(dim=1, keepdim=True)  # a softmax over no modality at all would be NaN
        weights = torch.softmax(gates.masked_fill(~(seen | nothing), -torch.inf), dim=1) * seen
        return F.layer_norm((weights * said).sum(dim=1), (self.width,))

    def score(self, representation: Tensor, present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (R, 1) and whether any modality is present (R, 1)."""
        any_present = torch.stack(list(present), dim=1).any(dim=1, keepdim=True)
        return self.head(self.dropout(representation)), any_present

    def aside(self, vectors: Sequence[Tensor], present: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return each modality's own logit (R, M), and which modalities are present (R, M)."""
        logits = [head(self.dropout(vector)) for head, vector in zip(self.own, vectors, strict=True)]
        return torch.cat(logits, dim=1), torch.stack(list(present), dim=1)

    def _heard(self, present: Tensor) -> Tensor:
        """Return which modalities (R, M) take part: while learning, some that are present do not."""
        if not (self.training and self.dropout.p):
            return present
        drawn = torch.rand(present.shape, device=present.device)
        kept = present & (drawn >= self.dropout.p / 2)
        last = present & (drawn == drawn.masked_fill(~present, -1.0).amax(dim=1, keepdim=True))
        return kept | last


FUSIONS: dict[str, type[Fusion]] = {"none": NoFusion, "early": EarlyFusion, "late": LateFusion, "gated": GatedFusion}
"""Every fusion by its name; ``none`` is for a single modality."""
