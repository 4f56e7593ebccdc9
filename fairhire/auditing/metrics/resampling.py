"""Intervals from counts: rows are drawn again from their histogram, at a cost that does not depend on their number.

Nothing here knows about people with several rows: these intervals take rows as independent. Letters: K cells of
counts, R replicates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairhire.estimate import Measurement, MethodEstimate, Undefined

__all__ = ["REPLICATES", "drawn_counts", "interval_around", "itself"]

REPLICATES = 1000
"""Resamples behind an interval, as in fairhire.estimate."""


def itself(value: float, n: int, *, level: float) -> MethodEstimate:
    """Return the benchmark compared with itself: ``value`` without any doubt, because nothing was measured."""
    return MethodEstimate(value, value, value, level, n, "benchmark")


def drawn_counts(
    weights: NDArray[np.float64] | NDArray[np.int64],
    *,
    total: int,
    seed: tuple[int, ...],
    replicates: int = REPLICATES,
) -> NDArray[np.float64]:
    """Return ``replicates`` multinomial resamples (R, K) of ``total`` rows, cells as likely as ``weights`` (K,) say.

    Raises :class:`ValueError` where all weights are 0.
    """
    if not weights.any():
        raise ValueError("a resample: expected a cell with a weight, got none")
    filled = np.flatnonzero(weights)
    drawn = np.zeros((replicates, len(weights)))
    shares = weights[filled] / weights.sum()
    drawn[:, filled] = np.random.default_rng(seed).multinomial(total, shares, size=replicates)
    return drawn


def interval_around(
    value: float,
    drawn: NDArray[np.float64],
    *,
    n: int,
    level: float,
    method: str,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Measurement:
    """Return ``value`` with the percentile interval of its resamples ``drawn`` (R,), kept within ``bounds``.

    A replicate that does not define the number is NaN and left out; where those are more than 1 - ``level`` of all,
    the number is :class:`Undefined` [D], as in :func:`fairhire.estimate.bootstrap_by_person`.
    """
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < level * len(drawn):
        lost = len(drawn) - len(defined)
        return Undefined(f"too few people: {lost} of {len(drawn)} resamples do not define it", n)
    tail = (1 - level) / 2
    low, high = (float(end) for end in np.quantile(defined, [tail, 1 - tail]))
    low, high = max(bounds[0], min(low, value)), min(bounds[1], max(high, value))
    return MethodEstimate(value, low, high, level, n, method)
