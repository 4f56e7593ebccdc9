"""What every eraser is given and gives back: an affine map that takes something out of vectors, and what it cost.

Letters: n vectors of training people, H their width, r components of what is erased.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError

__all__ = ["NOTHING", "AffineMap", "Eraser", "Erasure", "Spectrum", "Witnesses", "cross_product", "spectrum_of"]

Floats = NDArray[np.float64]

NOTHING = 1e-12
"""Variance of a direction, relative to the largest, below which there is nothing but rounding in float32 vectors."""

_BLOCK = 8192  # rows whose products are summed at a time


@dataclass(frozen=True)
class Witnesses:
    """What an eraser may know of the vectors it is fitted on, row by row.

    ``people`` (n,) names the candidates; ``faces`` and ``voices`` (n, d) are NaN where there is none; ``labels`` (n,)
    are places of a sensitive category, -1 where unknown, for the labelled baselines only; ``readout`` (H, k) are the
    directions of the vectors from which the model's score is read, None where more than a product lies between.
    """

    people: NDArray[np.str_]
    faces: Floats | None = None
    voices: Floats | None = None
    labels: NDArray[np.int64] | None = None
    readout: Floats | None = None


@dataclass(frozen=True)
class AffineMap:
    """``vectors @ matrix + shift``: ``matrix`` (H, H), ``shift`` (H,), both float64."""

    matrix: Floats
    shift: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """Return the mapped vectors (n, H)."""
        mapped: Floats = vectors @ self.matrix + self.shift
        return mapped

    def then(self, other: AffineMap) -> AffineMap:
        """Return this map followed by ``other``."""
        return AffineMap(self.matrix @ other.matrix, self.shift @ other.matrix + other.shift)

    @classmethod
    def around(cls, mean: Floats, matrix: Floats) -> AffineMap:
        """Return the map that leaves ``mean`` (H,) where it is and maps differences from it by ``matrix``."""
        return cls(matrix, mean - mean @ matrix)


@dataclass(frozen=True)
class Spectrum:
    """Mean (H,), covariance (H, H), and its principal variances (H,), descending, with their directions (H, H)."""

    mean: Floats
    covariance: Floats
    variances: Floats
    directions: Floats

    @property
    def rank(self) -> int:
        """How many directions hold more than rounding."""
        return int((self.variances > NOTHING * max(self.variances[0], 1e-300)).sum())

    @property
    def effective_rank(self) -> float:
        """Exponential of the entropy of the variances' shares (Roy and Vetterli, EUSIPCO 2007); 0 if nothing varies."""
        total = self.variances.sum()
        if total <= 0:
            return 0.0
        shares = self.variances[self.variances > 0] / total
        return float(np.exp(-(shares * np.log(shares)).sum()))

    def through(self, map_: AffineMap) -> Spectrum:
        """Return the spectrum of the mapped vectors, without looking at them again."""
        covariance = map_.matrix.T @ self.covariance @ map_.matrix
        return _spectrum(map_(self.mean), (covariance + covariance.T) / 2)


def spectrum_of(vectors: Floats) -> Spectrum:
    """Return the spectrum of vectors (n, H); :class:`DataError` for fewer than two, NaN, or vectors all the same."""
    if vectors.ndim != 2 or len(vectors) < 2:
        raise DataError(f"expected the vectors of at least 2 training interviews, got shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise DataError("expected finite vectors, got NaN or infinity")
    mean = vectors.mean(axis=0)
    covariance = cross_product(vectors, vectors, mean, mean)
    if not covariance.diagonal().max() > 0:
        raise DataError(f"expected vectors that differ, got {len(vectors)} equal ones: the model says nothing")
    return _spectrum(mean, covariance)


def cross_product(left: Floats, right: Floats, left_mean: Floats, right_mean: Floats) -> Floats:
    """Return the covariance (H, r) of two sets of rows, a block at a time."""
    total = np.zeros((left.shape[1], right.shape[1]))
    for start in range(0, len(left), _BLOCK):
        block = slice(start, start + _BLOCK)
        total += (left[block] - left_mean).T @ (right[block] - right_mean)
    return total / len(left)


def _spectrum(mean: Floats, covariance: Floats) -> Spectrum:
    values, vectors = np.linalg.eigh(covariance)
    return Spectrum(mean, covariance, values[::-1].clip(min=0), vectors[:, ::-1])


@dataclass(frozen=True)
class Erasure:
    """A fitted eraser: its ``map``, and what is left of the vectors after it.

    ``rank_before`` and ``rank_after`` count directions that hold more than rounding, ``effective_rank`` is the
    exponential of the spectrum's entropy, ``removed_share`` the share of the variance that is gone. ``details`` are
    numbers of the eraser's own, ``remarks`` sentences worth telling.
    """

    name: str
    map: AffineMap
    width: int
    rank_before: int
    rank_after: int
    effective_rank_before: float
    effective_rank_after: float
    removed_share: float
    remarks: tuple[str, ...] = ()
    details: Mapping[str, float | int | str] = field(default_factory=dict)

    @classmethod
    def measured(
        cls,
        name: str,
        before: Spectrum,
        map_: AffineMap,
        *,
        remarks: tuple[str, ...] = (),
        details: Mapping[str, float | int | str] | None = None,
    ) -> Erasure:
        """Return the record of a map by what it does to ``before``; refuse one that leaves nothing."""
        after = before.through(map_)
        left = int((after.variances > NOTHING * before.variances[0]).sum())
        if left == 0:
            raise DataError(
                f"{name}: expected something to be left of the vectors, got nothing: all {before.rank} directions were "
                "erased; erase fewer components"
            )
        return cls(
            name=name,
            map=map_,
            width=len(before.mean),
            rank_before=before.rank,
            rank_after=left,
            effective_rank_before=before.effective_rank,
            effective_rank_after=after.effective_rank,
            removed_share=float(1 - after.variances.sum() / before.variances.sum()),
            remarks=remarks,
            details=dict(details or {}),
        )

    def then(self, other: Erasure) -> Erasure:
        """Return both as one; ``other`` was fitted on what this one leaves."""
        return Erasure(
            name=f"{self.name}+{other.name}",
            map=self.map.then(other.map),
            width=self.width,
            rank_before=self.rank_before,
            rank_after=other.rank_after,
            effective_rank_before=self.effective_rank_before,
            effective_rank_after=other.effective_rank_after,
            removed_share=1 - (1 - self.removed_share) * (1 - other.removed_share),
            remarks=self.remarks + other.remarks,
            details=dict(self.details) | dict(other.details),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all but the map, as JSON takes it."""
        return {
            "eraser": self.name,
            "width": self.width,
            "rank_before": self.rank_before,
            "rank_after": self.rank_after,
            "effective_rank_before": self.effective_rank_before,
            "effective_rank_after": self.effective_rank_after,
            "removed_share": self.removed_share,
            "remarks": list(self.remarks),
            **self.details,
        }


class Eraser(ABC):
    """Learns from training people's vectors (n, H) a map that takes something out of everybody's."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    """What of :class:`Witnesses` it cannot do without: ``face``, ``voice``, ``label``, or nothing."""

    @abstractmethod
    def fit(self, vectors: Floats, witnesses: Witnesses) -> Erasure:
        """Return the fitted eraser; :class:`DataError`, one line, where it cannot be fitted."""
