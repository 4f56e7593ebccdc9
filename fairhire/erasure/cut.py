"""Keeps the directions in which vectors vary most, and those that the score is read from, and drops all others.

After an adversary has played, what still leaks hides in directions of negligible variance, which a fresh probe scales
up (measured: ``docs/debiasing.md``). Dropping them costs no merit: where the score is a product
with the vectors, that product is kept to float64 rounding (the deployed model rounds once more, to float32).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fairhire.erasure.base import NOTHING, AffineMap, Eraser, Erasure, Witnesses, spectrum_of
from fairhire.errors import DataError, UsageError

__all__ = ["SpectralCut"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpectralCut(Eraser):
    """Cut to the leading components that hold ``share`` of the variance beside the score.

    With a readout (H, k) the vectors are split into what the k products predict of them, which is kept, and the rest,
    which is uncorrelated with them and cut to its leading components: the products themselves do not change. ``share``
    0 leaves them alone. Without a readout it is principal components and nothing else.
    """

    share: float = 0.99
    name: ClassVar[str] = "cut"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UsageError(f"cut: expected a share of the variance from 0 to 1, got {self.share!r}")

    def fit(self, vectors: Floats, witnesses: Witnesses) -> Erasure:
        """Return the fitted cut; :class:`DataError` for share 0 without a readout, or vectors that say nothing."""
        before = spectrum_of(vectors)
        width = len(before.mean)
        kept = np.zeros((width, width))
        rest = np.eye(width)
        readout = None if witnesses.readout is None else _independent(witnesses.readout, before.covariance)
        if readout is not None:
            # Oblique projection along the regression on the products: the rest is uncorrelated with every product.
            spread = readout.T @ before.covariance @ readout
            kept = readout @ np.linalg.solve(spread, readout.T @ before.covariance)
            rest = np.eye(width) - kept
        elif self.share == 0:
            raise DataError("cut: expected a share above 0 where the score is not read directly, got 0")
        covariance = rest.T @ before.covariance @ rest
        values, directions = np.linalg.eigh((covariance + covariance.T) / 2)
        values, directions = values[::-1].clip(min=0), directions[:, ::-1]
        components = _leading(values, self.share, faint=NOTHING * before.variances[0])
        leading = directions[:, :components]
        matrix = kept + rest @ leading @ leading.T @ rest  # the last factor takes a rounding off the products
        return Erasure.measured(
            self.name,
            before,
            AffineMap.around(before.mean, matrix),
            details={"cut_share": self.share, "components_beside_the_score": components},
        )


def _leading(values: Floats, share: float, *, faint: float) -> int:
    """Return how many leading ``values`` hold ``share`` of their sum; none that is only rounding."""
    total = values.sum()
    if share == 0 or total <= faint:
        return 0
    wanted = int(np.searchsorted(np.cumsum(values) / total, share - 1e-12)) + 1
    return min(wanted, int((values > faint).sum()))


def _independent(readout: Floats, covariance: Floats) -> Floats | None:
    """Return directions (H, k') that read the same products, without those that say nothing new; None if none does."""
    spread = readout.T @ covariance @ readout
    values, vectors = np.linalg.eigh(spread)
    real = values > NOTHING * max(float(np.trace(covariance)) * float((readout**2).sum()), 1e-300)
    return readout @ vectors[:, real] if real.any() else None
