"""Whether a score means the same for every group, say that seven in ten of the people with 0.7 are labelled hirable.

The same bins for all groups, the slope and intercept that would set a group's scores right, and the expected
calibration error. Letters: V values of the score, K cells, R replicates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.metrics.resampling import drawn_counts
from fairhire.auditing.tally import Category, Scored
from fairhire.estimate import Measurement, MethodEstimate, Undefined, normal_quantile, wilson, written

__all__ = [
    "CalibrationBin",
    "CalibrationRow",
    "CalibrationTable",
    "calibration_error",
    "calibration_table",
    "recalibrate",
]

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_CELLS = 20
"""Parts of a bin in which rows are resampled together."""

_PRIOR = 2
"""Rows, labelled as their scores promise, that each bin is mixed with when it is resampled [D]."""

_STEPS = 100


@dataclass(frozen=True)
class CalibrationBin:
    """Scores from ``low`` up to (but for the last bin not at) ``high``: ``share`` of ``n`` are labelled hirable."""

    low: float
    high: float
    n: int
    mean_score: float | Undefined
    share: Measurement

    def to_dict(self) -> dict[str, Any]:
        """Return the bin as in AUDIT.json."""
        return {
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "mean_score": written(self.mean_score),
            "share": self.share.to_dict(),
        }


@dataclass(frozen=True)
class CalibrationRow:
    """One group, rows with a label only. Perfect are slope 1, intercept 0 and an error of 0."""

    category: Category
    n: int
    slope: Measurement
    intercept: Measurement
    ece: Measurement
    bins: tuple[CalibrationBin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json."""
        return {
            "category": list(self.category),
            "n": self.n,
            "slope": self.slope.to_dict(),
            "intercept": self.intercept.to_dict(),
            "ece": self.ece.to_dict(),
            "bins": [one.to_dict() for one in self.bins],
        }


@dataclass(frozen=True)
class CalibrationTable:
    """All known groups of one grouping over the same bins.

    ``rows_as_witnesses`` where people have several rows, which the intervals take as independent.
    """

    grouping: tuple[str, ...]
    rows: tuple[CalibrationRow, ...]
    rows_as_witnesses: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration table as in AUDIT.json."""
        return {
            "grouping": list(self.grouping),
            "rows_as_witnesses": self.rows_as_witnesses,
            "rows": [row.to_dict() for row in self.rows],
        }


def calibration_table(
    scored: Scored, grouping: Sequence[str], *, bins: int = 10, level: float = 0.95, seed: int = 0
) -> CalibrationTable | Undefined:
    """Return calibration by group over ``bins`` equal bins of [0, 1]; Undefined where no known row has a label.

    Where scores were counted in bins themselves, mean scores are within half of their width. All intervals take rows as
    independent.
    """
    positive, negative = scored.of(grouping, label=1), scored.of(grouping, label=0)
    if not any(counts.any() for counts in (*positive.values(), *negative.values())):
        return Undefined("no row of a known group has a score and a true label", int(scored.counts.sum()))
    edges = np.arange(bins + 1) / bins
    rows = []
    for place, (category, hits) in enumerate(positive.items(), start=1):
        misses = negative[category]
        slope, intercept = recalibrate(scored.values, hits, misses, level=level)
        ece = calibration_error(scored.values, hits, misses, bins=bins, level=level, seed=(seed, place))
        found = _bins(scored.values, hits, misses, edges, level=level)
        rows.append(CalibrationRow(category, int(hits.sum() + misses.sum()), slope, intercept, ece, found))
    return CalibrationTable(tuple(grouping), tuple(rows), scored.people_repeat)


def recalibrate(
    values: Floats, positive: Counts, negative: Counts, *, level: float = 0.95
) -> tuple[Measurement, Measurement]:
    """Return slope and intercept of the logistic regression of the label on the logit of the score (Cox 1958).

    ``positive`` and ``negative`` (V,) count the labels at each of ``values`` (V,). Maximum likelihood, both at once,
    with Wald intervals. Scores of exactly 0 or 1 have no logit: those rows are left out and counted in ``method``.
    Undefined with one class only, with one score only, and where the scores separate the classes.
    """
    inside = (values > 0) & (values < 1) & (positive + negative > 0)
    at_ends = int((positive + negative)[~inside].sum())
    x = np.log(values[inside] / (1 - values[inside]))
    hits, misses = positive[inside].astype(float), negative[inside].astype(float)
    n = int(hits.sum() + misses.sum())
    missing = _no_regression(x, hits, misses)
    if missing is not None:
        undefined = Undefined(missing, n)
        return undefined, undefined
    try:
        (intercept, slope), covariance = _logistic(x, hits, misses)
    except np.linalg.LinAlgError:
        undefined = Undefined("the scores all but separate the classes: the slope has no estimate", n)
        return undefined, undefined
    method = "logistic recalibration, Wald"
    if at_ends:
        method += f"; {at_ends} rows with a score of exactly 0 or 1 left out"
    z = normal_quantile(level)
    estimates = (
        MethodEstimate(value, value - z * spread, value + z * spread, level, n, method)
        for value, spread in ((slope, math.sqrt(covariance[1, 1])), (intercept, math.sqrt(covariance[0, 0])))
    )
    first, second = estimates
    return first, second


def calibration_error(
    values: Floats,
    positive: Counts,
    negative: Counts,
    *,
    bins: int = 10,
    level: float = 0.95,
    seed: tuple[int, ...] = (0,),
) -> Measurement:
    """Return the expected calibration error over ``bins`` bins: the mean distance of share and mean score.

    It is never negative, and above 0 by chance even for perfect scores: the fewer people the more, and ``method`` says
    how much that would be here. The interval is a bootstrap band around it (the resampled gaps less those observed),
    so that it reaches 0 where nothing is shown; far from 0 it is wider than needed.
    """
    n = int(positive.sum() + negative.sum())
    if n == 0:
        return Undefined("the group has no row with a score and a label", 0)
    place = _place(values, bins)
    part = place * _CELLS + np.minimum(((values * bins - place) * _CELLS).astype(np.int64), _CELLS - 1)
    sums = [
        np.bincount(part, weights=side, minlength=bins * _CELLS)
        for side in (positive, negative, (positive + negative) * values)
    ]
    filled = np.flatnonzero(sums[0] + sums[1])
    hits, misses, total = (side[filled].astype(np.float64) for side in sums)
    belongs = np.equal.outer(filled // _CELLS, np.arange(bins)).astype(float)
    value = float(np.abs((hits - total) @ belongs).sum()) / n
    reach = _reach(hits, misses, total / (hits + misses), belongs, level=level, seed=seed)
    everybody = positive + negative
    variance = np.bincount(place, weights=everybody * values * (1 - values), minlength=bins)
    by_chance = math.sqrt(2 / math.pi) * float(np.sqrt(variance).sum()) / n
    method = f"bootstrap of rows, centred; biased upwards: perfect scores would show about {by_chance:.3f} here"
    return MethodEstimate(value, max(0.0, value - reach), min(1.0, value + reach), level, n, method)


def _reach(
    hits: Floats, misses: Floats, scores: Floats, belongs: Floats, *, level: float, seed: tuple[int, ...]
) -> float:
    """Return how far the gaps of all bins together stray by chance: parts (K,) of bins, ``belongs`` (K, bins).

    Rows are resampled, each bin mixed with as many rows as :data:`_PRIOR` that are labelled as their scores promise: in
    a bin of few rows who all agree, resampling alone would see no chance at work [D].
    """
    rows = hits + misses
    mixed = belongs @ (_PRIOR / (belongs.T @ rows + _PRIOR))
    weights = np.concatenate(
        [(1 - mixed) * hits + mixed * rows * scores, (1 - mixed) * misses + mixed * rows * (1 - scores)]
    )
    residuals = np.concatenate([(1 - scores)[:, None] * belongs, -scores[:, None] * belongs])
    drawn = drawn_counts(weights, total=int(rows.sum()), seed=seed)
    noise = np.abs((drawn - weights) @ residuals).sum(axis=1)
    return float(np.quantile(noise, level) / rows.sum())


def _bins(
    values: Floats, positive: Counts, negative: Counts, edges: Floats, *, level: float
) -> tuple[CalibrationBin, ...]:
    bins = len(edges) - 1
    place, everybody = _place(values, bins), positive + negative
    n, hits = (np.bincount(place, weights=side, minlength=bins).astype(np.int64) for side in (everybody, positive))
    total = np.bincount(place, weights=everybody * values, minlength=bins)
    return tuple(
        CalibrationBin(
            float(edges[one]),
            float(edges[one + 1]),
            int(n[one]),
            float(total[one] / n[one]) if n[one] else Undefined("the bin is empty", 0),
            wilson(int(hits[one]), int(n[one]), level=level) if n[one] else Undefined("the bin is empty", 0),
        )
        for one in range(bins)
    )


def _place(values: Floats, bins: int) -> NDArray[np.int64]:
    """Return the bin (V,) of every score: an edge belongs to the bin above, 1 to the last."""
    edges = np.arange(bins + 1) / bins
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1).astype(np.int64)


def _no_regression(x: Floats, hits: Floats, misses: Floats) -> str | None:
    """Return why the regression has no maximum: without an overlap of the classes its slope runs to infinity."""
    if not hits.any() and not misses.any():
        return "no labelled row has a score between 0 and 1"
    if not hits.any() or not misses.any():
        return f"only one class is present: everybody is {'positive' if hits.any() else 'negative'}"
    if len(x) < 2:
        return "all scores are equal"
    ones, zeros = x[hits > 0], x[misses > 0]
    if zeros.max() <= ones.min() or ones.max() <= zeros.min():
        return "the scores separate the classes: the slope has no finite estimate"
    return None


def _logistic(x: Floats, hits: Floats, misses: Floats) -> tuple[tuple[float, float], Floats]:
    """Return (intercept, slope) of maximum likelihood and their covariance (2, 2), by Newton steps halved at need."""
    design = np.column_stack([np.ones_like(x), x])
    weight = hits + misses

    def likelihood(beta: Floats) -> float:
        eta = design @ beta
        return float(hits @ -np.logaddexp(0, -eta) + misses @ -np.logaddexp(0, eta))

    beta = np.array([math.log(hits.sum() / misses.sum()), 0.0])
    best = likelihood(beta)
    information = np.eye(2)
    for _ in range(_STEPS):
        fitted = 1 / (1 + np.exp(-(design @ beta)))
        information = design.T @ (design * (weight * fitted * (1 - fitted))[:, None])
        step = np.linalg.solve(information, design.T @ (hits - weight * fitted))
        while (found := likelihood(beta + step)) < best - 1e-12 * abs(best):
            step = step / 2
        beta, best = beta + step, found
        if np.abs(step).max() <= 1e-10 * (1 + np.abs(beta).max()):
            break
    covariance: Floats = np.asarray(np.linalg.inv(information), dtype=np.float64)
    return (float(beta[0]), float(beta[1])), covariance
