"""The part of a deployed model that lets through what erasers have left, and nothing of what they have erased."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Guard", "guarded"]


class Guard(nn.Module):
    """An affine map of vectors (n, H) by way of k coordinates: ``rest = vectors @ encode``, then ``rest @ decode``.

    What is emitted are the k coordinates. Written back into H numbers, the erased directions would hold nothing but the
    rounding of the others, and a probe that scales every direction up reads even that. All of it is computed in
    float64: an encoder of float32 would let a ten-millionth of what it erases pass, in a straight line.

    ``encode`` (H, k), ``decode`` (k, H) with orthonormal rows, ``shift`` (H,); all zero until :meth:`set`.
    """

    encode: Tensor
    decode: Tensor
    shift: Tensor

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.register_buffer("encode", torch.zeros(width, rank, dtype=torch.float64))
        self.register_buffer("decode", torch.zeros(rank, width, dtype=torch.float64))
        self.register_buffer("shift", torch.zeros(width, dtype=torch.float64))

    @classmethod
    def of(cls, matrix: Tensor, shift: Tensor, rank: int) -> Guard:
        """Return the guard of ``vectors @ matrix + shift``, a map (H, H) of the given rank."""
        left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
        guard = cls(len(matrix), rank)
        guard.encode.copy_(left[:, :rank] * values[:rank])
        guard.decode.copy_(right[:rank])
        guard.shift.copy_(shift.double())
        return guard

    @property
    def rank(self) -> int:
        """K: how many numbers are left of a vector."""
        return self.encode.shape[1]

    def reduce(self, vectors: Tensor) -> Tensor:
        """Return what is emitted of ``vectors`` (n, H): (n, k) in their own precision, rounded once."""
        return (vectors.double() @ self.encode).to(vectors.dtype)

    def restore(self, reduced: Tensor) -> Tensor:
        """Return (n, H) as the rest of the model reads it, computed from what is emitted (n, k) alone."""
        return (reduced.double() @ self.decode + self.shift).to(reduced.dtype)


def guarded(guard: Guard | None, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the rest of the model reads of ``vectors`` (n, H), and what is emitted of them (n, k)."""
    if guard is None:
        return vectors, vectors
    emitted = guard.reduce(vectors)
    return guard.restore(emitted), emitted
