"""How far the scores of a group lie from those of the benchmark, before any cut is made.

Per group: mean, median, spread, quantiles and a histogram; against the benchmark: how far the scores would have to be
moved (Wasserstein-1), how far the distribution functions part (Kolmogorov-Smirnov), how often a member outscores one
of the benchmark (superiority), and the distance of the means in standard deviations (Cohen's d). Computed from
histograms: exact where those hold the distinct scores, else within half a bin. Letters: V values, R replicates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from fairhire.auditing.metrics.resampling import drawn_counts, interval_around, itself
from fairhire.auditing.tally import Category, Scored
from fairhire.estimate import Estimate, Measurement, MethodEstimate, Undefined, normal_quantile, wilson, written

__all__ = [
    "ScoreHistogram",
    "ScoreRow",
    "ScoreTable",
    "cohen_d",
    "kolmogorov_smirnov",
    "quantile_of_counts",
    "score_table",
    "superiority",
    "wasserstein",
]

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Number = float | Undefined

_QUANTILES = (0.05, 0.25, 0.75, 0.95)
_BINS = 20
_MOST_CELLS = 512
"""Values that are resampled; more are merged into as many of about equal numbers of people, for the interval only."""

_BAND = "bootstrap of rows, centred: an upper and a lower bound on the distance, wider than needed far from 0"
_PERCENTILE = "bootstrap of rows, percentile, widened for small groups"


@dataclass(frozen=True)
class ScoreHistogram:
    """``counts`` (20,) of scores between ``edges`` (21,); a score on an edge counts upwards, 1 in the last bin."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json."""
        return {"edges": list(self.edges), "counts": list(self.counts)}


@dataclass(frozen=True)
class ScoreRow:
    """The scores of one group; distances are to the benchmark, superiority and d positive where the group is ahead."""

    category: Category
    n: int
    mean: Number
    median: Number
    sd: Number
    quantiles: Mapping[str, Number]
    histogram: ScoreHistogram
    wasserstein: Measurement
    ks: Measurement
    superiority: Measurement
    cohen_d: Measurement

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json."""
        return {
            "category": list(self.category),
            "n": self.n,
            "mean": written(self.mean),
            "median": written(self.median),
            "sd": written(self.sd),
            "quantiles": {name: written(value) for name, value in self.quantiles.items()},
            "histogram": self.histogram.to_dict(),
            "wasserstein": self.wasserstein.to_dict(),
            "ks": self.ks.to_dict(),
            "superiority": self.superiority.to_dict(),
            "cohen_d": self.cohen_d.to_dict(),
        }


@dataclass(frozen=True)
class ScoreTable:
    """The scores of every known group; ``exact`` where distinct scores were counted, else bins of ``width``.

    ``rows_as_witnesses`` where people have several rows, which the intervals take as independent.
    """

    grouping: tuple[str, ...]
    benchmark: Category | None
    exact: bool
    width: float
    rows: tuple[ScoreRow, ...]
    rows_as_witnesses: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the score table as in AUDIT.json."""
        return {
            "grouping": list(self.grouping),
            "benchmark": None if self.benchmark is None else list(self.benchmark),
            "exact": self.exact,
            "width": self.width,
            "rows_as_witnesses": self.rows_as_witnesses,
            "rows": [row.to_dict() for row in self.rows],
        }


def score_table(
    scored: Scored, grouping: Sequence[str], *, benchmark: Category | None, level: float = 0.95, seed: int = 0
) -> ScoreTable:
    """Return the scores of every known group of ``grouping``, and their distances to ``benchmark``.

    Intervals come from 1000 multinomial resamples of both histograms, drawn from ``seed``. A distance is never
    negative and lies above 0 by chance alone, so its interval is a band around it (the resampled distribution functions
    less the observed ones), which does reach 0 where nothing is shown; superiority and d have percentile intervals.
    A group or benchmark of fewer than 2 rows has no distance.
    """
    groups = scored.of(grouping)
    moments = scored.moments(grouping)
    reference = None if benchmark is None else groups.get(benchmark)
    against = None
    if reference is not None and benchmark is not None and reference.sum() >= 2:
        against = _Side(benchmark, reference, moments[benchmark])
    rows = [
        _row(scored.values, category, counts, moments, against, benchmark=benchmark, level=level, seed=(seed, place))
        for place, (category, counts) in enumerate(groups.items(), start=1)
    ]
    return ScoreTable(tuple(grouping), benchmark, scored.width == 0, scored.width, tuple(rows), scored.people_repeat)


def quantile_of_counts(values: Floats, counts: Counts, share: float) -> Number:
    """Return the ``share`` quantile of ``counts`` (V,) at ascending ``values`` (V,), as numpy's linear rule has it."""
    n = int(counts.sum())
    if n == 0:
        return Undefined("there are no scores", 0)
    place = share * (n - 1)
    passed = np.cumsum(counts)
    below, above = (values[np.searchsorted(passed, end, side="right")] for end in (math.floor(place), math.ceil(place)))
    return float(below + (above - below) * (place - math.floor(place)))


def wasserstein(values: Floats, counts: Counts, reference: Counts) -> float:
    """Return the mean distance that scores must be moved to turn one distribution (V,) into the other (V,)."""
    return float(np.abs(_parting(counts, reference))[:-1] @ np.diff(values))


def kolmogorov_smirnov(counts: Counts, reference: Counts) -> float:
    """Return the largest difference of the two distribution functions, counts (V,) at the same values."""
    return float(np.abs(_parting(counts, reference)).max())


def superiority(counts: Counts, reference: Counts) -> float:
    """Return P(score of the group > score of the reference), ties counted one half; 1/2 where neither is ahead."""
    return float(_wins(counts[None].astype(float), reference[None].astype(float))[0])


def cohen_d(first: tuple[int, float, float], second: tuple[int, float, float]) -> Number:
    """Return first mean minus second in pooled standard deviations, each side as (n, mean, variance with n - 1)."""
    (n, mean, variance), (m, other, other_variance) = first, second
    pooled = ((n - 1) * variance + (m - 1) * other_variance) / (n + m - 2)
    if pooled <= 0:
        return Undefined("all scores within the groups are equal", n + m)
    return (mean - other) / math.sqrt(pooled)


@dataclass(frozen=True)
class _Side:
    category: Category
    counts: Counts
    moments: tuple[int, float, float]


def _row(
    values: Floats,
    category: Category,
    counts: Counts,
    moments: Mapping[Category, tuple[int, float, float]],
    against: _Side | None,
    *,
    benchmark: Category | None,
    level: float,
    seed: tuple[int, int],
) -> ScoreRow:
    n = int(counts.sum())
    empty, single = Undefined("there are no scores", 0), Undefined("a spread needs at least 2 scores", n)
    mean: Number = empty if n == 0 else moments[category][1] if n >= 2 else float(values[np.argmax(counts)])
    edges = np.arange(_BINS + 1) / _BINS
    if against is not None and n >= 2:
        mine = _Side(category, counts, moments[category])
        if category == benchmark:
            found = (itself(0.0, n, level=level), itself(0.0, n, level=level), itself(0.5, n, level=level))
            distances: tuple[Measurement, ...] = (*found, itself(0.0, n, level=level))
        else:
            distances = _distances(values, mine, against, level=level, seed=seed)
    else:
        distances = (Undefined(_why_no_distance(n, benchmark), n),) * 4
    return ScoreRow(
        category,
        n,
        mean,
        quantile_of_counts(values, counts, 0.5),
        math.sqrt(moments[category][2]) if n >= 2 else single,
        {f"{share:.2f}": quantile_of_counts(values, counts, share) for share in _QUANTILES},
        ScoreHistogram(
            tuple(float(edge) for edge in edges),
            tuple(int(count) for count in np.histogram(values, bins=edges, weights=counts)[0]),
        ),
        *distances,
    )


def _why_no_distance(n: int, benchmark: Category | None) -> str:
    if benchmark is None:
        return "there is no benchmark"
    if n < 2:
        return "fewer than 2 scores"
    return "the benchmark has fewer than 2 scores"


def _distances(
    values: Floats, mine: _Side, reference: _Side, *, level: float, seed: tuple[int, int]
) -> tuple[Measurement, Measurement, Measurement, Measurement]:
    people = mine.moments[0] + reference.moments[0]
    merged, (own, other) = _merge(values, mine.counts, reference.counts)
    drawn = drawn_counts(own, total=mine.moments[0], seed=(*seed, 0))
    drawn_other = drawn_counts(other, total=reference.moments[0], seed=(*seed, 1))
    wider = _widening(mine.moments[0], reference.moments[0], level)
    noise = wider * np.abs(np.cumsum((drawn - own) / own.sum() - (drawn_other - other) / other.sum(), axis=1))
    reach = float(np.quantile(noise[:, :-1] @ np.diff(merged), level)), float(np.quantile(noise.max(axis=1), level))
    moved = wasserstein(values, mine.counts, reference.counts)
    parted = kolmogorov_smirnov(mine.counts, reference.counts)
    ahead = superiority(mine.counts, reference.counts)
    wins = wider * (_wins(drawn, drawn_other) - superiority(own, other)) + ahead
    return (
        MethodEstimate(moved, max(0.0, moved - reach[0]), moved + reach[0], level, people, _BAND),
        MethodEstimate(parted, max(0.0, parted - reach[1]), min(1.0, parted + reach[1]), level, people, _BAND),
        _superiority(ahead, wins, mine, reference, level=level),
        _cohen_d(mine, reference, merged, own, other, drawn, drawn_other, level=level),
    )


def _superiority(ahead: float, drawn: Floats, mine: _Side, reference: _Side, *, level: float) -> Measurement:
    """Return P(ahead); at 0 or 1 all resamples agree, and the far end is Wilson's for the smaller group [D]."""
    people = mine.moments[0] + reference.moments[0]
    if ahead in (0.0, 1.0):
        smaller = min(mine.moments[0], reference.moments[0])
        far = wilson(smaller if ahead == 1.0 else 0, smaller, level=level)
        assert isinstance(far, Estimate)
        return MethodEstimate(
            ahead, far.low, far.high, level, people, "Wilson for the smaller group: the scores do not overlap"
        )
    return interval_around(ahead, drawn, n=people, level=level, method=_PERCENTILE, bounds=(0.0, 1.0))


def _cohen_d(
    mine: _Side,
    reference: _Side,
    values: Floats,
    own: Counts,
    other: Counts,
    drawn: Floats,
    drawn_other: Floats,
    *,
    level: float,
) -> Measurement:
    people = mine.moments[0] + reference.moments[0]
    value = cohen_d(mine.moments, reference.moments)
    if isinstance(value, Undefined):
        return value
    resampled = _standardised(values, drawn, drawn_other)
    strayed = resampled - _standardised(values, own[None].astype(float), other[None].astype(float))[0]
    wider = _widening(mine.moments[0], reference.moments[0], level)
    return interval_around(value, value + wider * strayed, n=people, level=level, method=_PERCENTILE)


def _widening(n: int, m: int, level: float) -> float:
    """Return by how much resamples of few rows stray too little: n/(n-1) of the variance, and Student's t for normal.

    The "expanded percentile" of Hesterberg (2015), with the smaller group's n.
    """
    smaller = min(n, m)
    return math.sqrt(smaller / (smaller - 1)) * float(stdtrit(n + m - 2, 0.5 + level / 2)) / normal_quantile(level)


def _standardised(values: Floats, counts: Floats, reference: Floats) -> Floats:
    """Return Cohen's d (R,) of resamples (R, V) and (R, V); NaN where no score varies."""
    sides = []
    for drawn in (counts, reference):
        n = drawn.sum(axis=1)
        mean = drawn @ values / n
        sides.append((n, mean, np.maximum(0.0, drawn @ values**2 - n * mean**2)))
    (n, mean, squares), (m, other, other_squares) = sides
    pooled = (squares + other_squares) / (n + m - 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(pooled > 1e-15, (mean - other) / np.sqrt(pooled), np.nan)


def _wins(counts: Floats, reference: Floats) -> Floats:
    """Return P(>) + P(=)/2 (R,) of histograms (R, V) over the same values."""
    below = np.cumsum(reference, axis=1) - reference / 2
    wins: Floats = (counts * below).sum(axis=1) / (counts.sum(axis=1) * reference.sum(axis=1))
    return wins


def _parting(counts: Counts, reference: Counts) -> Floats:
    """Return the difference (V,) of the two distribution functions."""
    difference: Floats = np.cumsum(counts) / counts.sum() - np.cumsum(reference) / reference.sum()
    return difference


def _merge(values: Floats, *sides: Counts) -> tuple[Floats, list[Counts]]:
    """Return at most 512 values and the counts there, neighbours merged so that each holds about as many people."""
    pooled = np.sum(sides, axis=0)
    filled = np.flatnonzero(pooled)
    if len(filled) <= _MOST_CELLS:
        return values[filled], [side[filled] for side in sides]
    passed = np.cumsum(pooled[filled]) - pooled[filled] / 2
    cells = np.minimum((passed * _MOST_CELLS / pooled.sum()).astype(np.int64), _MOST_CELLS - 1)
    starts = np.flatnonzero(np.append(True, np.diff(cells) > 0))
    weight = np.add.reduceat(pooled[filled], starts)
    centre = np.add.reduceat(pooled[filled] * values[filled], starts) / weight
    return centre, [np.add.reduceat(side[filled], starts) for side in sides]
