"""A measured number with its interval, or the reason why there is none; both wings print nothing else.

People are resampled, never rows: two interviews of one person are not two independent witnesses (papers.md, sections 3
and 7). Letters: N rows (interviews), R bootstrap replicates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.errors import DataError, NotComputableError

__all__ = [
    "Estimate",
    "Measurement",
    "MethodEstimate",
    "Statistic",
    "Undefined",
    "accuracy_of",
    "auc",
    "auc_of",
    "average_precision_of",
    "bootstrap_by_person",
    "bootstrap_difference",
    "f1_of",
    "mae_of",
    "mean_of",
    "normal_quantile",
    "pearson_of",
    "precision_of",
    "quotient",
    "r2_of",
    "rating_metrics",
    "recall_of",
    "share_of",
    "task_metrics",
    "wilson",
    "wilson_limits",
    "written",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CHUNK = 1_000_000
"""Weights held at a time (N x replicates): 8 MB an array, whatever the number of replicates."""


@dataclass(frozen=True)
class Estimate:
    """A value, its interval [``low``, ``high``] at confidence ``level`` (0.95: 95 %) and the ``n`` people behind it."""

    value: float
    low: float
    high: float
    level: float
    n: int

    def __post_init__(self) -> None:
        numbers = (self.value, self.low, self.high, self.level)
        if not all(math.isfinite(number) for number in numbers) or self.low > self.high or not 0 < self.level < 1:
            raise ValueError(f"an estimate: expected finite numbers, low <= high and 0 < level < 1, got {self}")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json: ``{value, low, high, level, n}``."""
        return {"value": self.value, "low": self.low, "high": self.high, "level": self.level, "n": self.n}

    def excludes(self, number: float) -> bool:
        """Return whether ``number`` lies outside the interval."""
        return not self.low <= number <= self.high

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class MethodEstimate(Estimate):
    """An estimate that says by which ``method`` its interval was found, and what that method takes for granted."""

    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json: ``{value, low, high, level, n, method}``."""
        return {**super().to_dict(), "method": self.method}


@dataclass(frozen=True)
class Undefined:
    """A quantity that does not exist for these data, and why; ``n`` people were looked at."""

    reason: str
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json: ``{undefined, n}``."""
        return {"undefined": self.reason, "n": self.n}

    def __str__(self) -> str:
        return f"undefined ({self.reason})"


Measurement = Estimate | Undefined


@dataclass(frozen=True)
class Statistic:
    """A number computed from weighted rows, so that one formula serves the data and all their resamples.

    ``evaluate`` maps weights (N, R), how often each row counts in each replicate, to values (R,), NaN in a replicate
    that does not define the number. ``missing`` is the reason to give when the data themselves do not define it.
    ``witnesses`` (N,) marks the rows that carry a statistic bounded by [0, 1]; None for an unbounded one.
    """

    evaluate: Callable[[Floats], Floats]
    rows: int
    missing: str
    witnesses: Flags | None = None


def auc_of(labels: ArrayLike, scores: ArrayLike) -> Statistic:
    """Return the area under the ROC curve, ties counted one half: P(score of a positive > score of a negative)."""
    positive, score = _labels(labels), _scores(scores)
    _same_length(positive, score)
    ones, zeros = np.flatnonzero(positive), np.flatnonzero(~positive)
    zeros = zeros[np.argsort(score[zeros], kind="stable")]
    below = np.searchsorted(score[zeros], score[ones], side="left")
    up_to = np.searchsorted(score[zeros], score[ones], side="right")

    def evaluate(weights: Floats) -> Floats:
        passed = np.zeros((len(zeros) + 1, weights.shape[1]))
        np.cumsum(weights[zeros], axis=0, out=passed[1:])
        own = weights[ones]
        wins = np.einsum("ir,ir->r", own, passed[below]) + np.einsum("ir,ir->r", own, passed[up_to])
        return quotient(wins, 2 * own.sum(axis=0) * passed[-1])

    rarer = positive if len(ones) <= len(zeros) else ~positive
    return Statistic(evaluate, len(score), _one_class(positive), rarer)


def average_precision_of(labels: ArrayLike, scores: ArrayLike) -> Statistic:
    """Return the average precision: precision at every distinct score, weighted by the recall gained there."""
    positive, score = _labels(labels), _scores(scores)
    _same_length(positive, score)
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(order) else order
    hits = positive[order].astype(float)[:, None]

    def evaluate(weights: Floats) -> Floats:
        seen = np.cumsum(weights[order], axis=0)[ends]
        found = np.cumsum(weights[order] * hits, axis=0)[ends]
        gained = np.diff(found, axis=0, prepend=0.0)
        precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
        return quotient((gained * precision).sum(axis=0), found[-1])

    return Statistic(evaluate, len(score), "nobody is positive", positive)


def mean_of(values: ArrayLike) -> Statistic:
    """Return the mean of any finite numbers, one a row."""
    value = _scores(values)
    return Statistic(lambda weights: quotient(value @ weights, weights.sum(axis=0)), len(value), "there are no rows")


def share_of(hits: ArrayLike) -> Statistic:
    """Return the mean of credits in [0, 1], one a row, such as hits and misses."""
    credit = _scores(hits)
    if len(credit) and (credit.min() < 0 or credit.max() > 1):
        raise DataError(f"shares: expected numbers in [0, 1], got {credit.min():g} to {credit.max():g}")
    everyone = np.ones(len(credit), dtype=bool)
    return Statistic(
        lambda weights: quotient(credit @ weights, weights.sum(axis=0)), len(credit), "there are no rows", everyone
    )


def accuracy_of(labels: ArrayLike, decisions: ArrayLike) -> Statistic:
    """Return the share of decisions that equal the label."""
    positive, chosen = _labels(labels), _labels(decisions)
    _same_length(positive, chosen)
    return share_of((positive == chosen).astype(float))


def precision_of(labels: ArrayLike, decisions: ArrayLike) -> Statistic:
    """Return the share of positives among the chosen; undefined where nobody is chosen."""
    return _f(labels, decisions, chosen_weight=1.0, positive_weight=0.0, missing="nobody is chosen")


def recall_of(labels: ArrayLike, decisions: ArrayLike) -> Statistic:
    """Return the share of chosen among the positives; undefined where nobody is positive."""
    return _f(labels, decisions, chosen_weight=0.0, positive_weight=1.0, missing="nobody is positive")


def f1_of(labels: ArrayLike, decisions: ArrayLike) -> Statistic:
    """Return 2·TP / (positives + chosen), 0 where nobody is chosen; undefined where nobody is positive."""
    return _f(labels, decisions, chosen_weight=0.5, positive_weight=0.5, missing="nobody is positive")


def mae_of(truth: ArrayLike, predicted: ArrayLike) -> Statistic:
    """Return the mean absolute error of ``predicted`` (N,) for ``truth`` (N,), in their units."""
    true, guess = _pair(truth, predicted)
    return mean_of(np.abs(true - guess))


def r2_of(truth: ArrayLike, predicted: ArrayLike) -> Statistic:
    """Return 1 - squared error / squared error of the mean of ``truth`` (N,); below 0 where ``predicted`` is worse.

    The mean is that of the rows themselves, so that a constant learned elsewhere ends a little below 0.
    """
    true, guess = _pair(truth, predicted)
    squares, spread = (true - guess) ** 2, _spread_of(true)

    def evaluate(weights: Floats) -> Floats:
        return 1 - quotient(squares @ weights, spread(weights))

    return Statistic(evaluate, len(true), _one_value(true, "truth"))


def pearson_of(truth: ArrayLike, predicted: ArrayLike) -> Statistic:
    """Return the correlation of ``predicted`` (N,) with ``truth`` (N,), in [-1, 1]; undefined where one is constant."""
    true, guess = _pair(truth, predicted)
    spreads = _spread_of(true), _spread_of(guess)
    true, guess = (values - values.mean() if len(values) else values for values in (true, guess))

    def evaluate(weights: Floats) -> Floats:
        together = (true * guess) @ weights - quotient((true @ weights) * (guess @ weights), weights.sum(axis=0))
        product = spreads[0](weights) * spreads[1](weights)
        return np.clip(quotient(together, np.sqrt(product)), -1.0, 1.0)

    constant = _one_value(true, "truth") if _is_constant(true) else _one_value(guess, "prediction")
    return Statistic(evaluate, len(true), constant)


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the exact area under the ROC curve of ``scores`` (N,) for 0/1 ``labels`` (N,), ties counted one half.

    Raises :class:`NotComputableError` where only one class is present.
    """
    statistic = auc_of(labels, scores)
    value = _point(statistic)
    if math.isnan(value):
        raise NotComputableError(f"the AUC: expected both classes in the labels, but {statistic.missing}")
    return value


def wilson(k: int, n: int, *, level: float = 0.95) -> Measurement:
    """Return the share k / n with its Wilson score interval (audit-rules.md 5.1)."""
    if not 0 <= k <= n:
        raise ValueError(f"a share: expected 0 <= k <= n, got k = {k}, n = {n}")
    if n == 0:
        return Undefined("the group is empty", 0)
    return Estimate(k / n, *wilson_limits(k / n, n, level=level), level, n)


def wilson_limits(share: float, size: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's limits of a ``share`` seen in ``size`` independent rows, which need not be a whole number."""
    z = normal_quantile(level)
    shrink = 1 + z * z / size
    centre = (share + z * z / (2 * size)) / shrink
    half = z * math.sqrt(share * (1 - share) / size + z * z / (4 * size * size)) / shrink
    return 0.0 if share == 0 else max(0.0, centre - half), 1.0 if share == 1 else min(1.0, centre + half)


def normal_quantile(level: float) -> float:
    """Return how many standard deviations to either side hold ``level`` of a normal distribution: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def quotient(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    """Return ``numerator / denominator``, NaN where the denominator is not above 0; arrays of one shape."""
    found = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=found, where=denominator > 0)
    return found


def written(number: float | Undefined | None) -> Any:
    """Return a number as JSON can hold it where it has no interval: itself, or why it does not exist."""
    return number.to_dict() if isinstance(number, Undefined) else number


def bootstrap_by_person(
    statistics: Mapping[str, Statistic],
    persons: ArrayLike,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Measurement]:
    """Return every statistic with its percentile interval from one set of resamples of whole people.

    ``persons`` (N,) names the person of each row; a person drawn twice brings all of their rows twice. Replicates that
    do not define a statistic (a resample without one class) are left out of its interval; where they are more than
    1 - ``level`` of all, the statistic is :class:`Undefined` [D]. At exactly 0 or 1 every resample repeats the value
    and the interval would have no width: the far end is then Wilson's for the people who carry the statistic (for an
    AUC those of the rarer class) [D].
    """
    person, count = _persons(persons)
    for name, statistic in statistics.items():
        if statistic.rows != len(person):
            raise DataError(f"{name}: expected one person a row, got {statistic.rows} rows and {len(person)} persons")
    points = {name: _point(statistic) for name, statistic in statistics.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in statistics}
    if count > 1:
        for weights in _resamples(person, count, replicates=replicates, seed=seed):
            for name, statistic in statistics.items():
                drawn[name].append(statistic.evaluate(weights))
    return {
        name: _interval(
            points[name],
            np.concatenate(drawn[name]) if drawn[name] else np.empty(0),
            statistic=statistic,
            person=person,
            count=count,
            level=level,
        )
        for name, statistic in statistics.items()
    }


def bootstrap_difference(
    first: Statistic,
    second: Statistic,
    persons: ArrayLike,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Measurement:
    """Return ``first`` minus ``second`` with a paired interval: both are measured on the same resampled people."""
    if first.rows != second.rows:
        raise DataError(f"a paired difference: expected the same rows, got {first.rows} and {second.rows}")
    if math.isnan(_point(first)) or math.isnan(_point(second)):
        reason = first.missing if math.isnan(_point(first)) else second.missing
        return Undefined(reason, _persons(persons)[1])
    difference = Statistic(
        lambda weights: first.evaluate(weights) - second.evaluate(weights), first.rows, "one side is undefined"
    )
    found = bootstrap_by_person({"difference": difference}, persons, replicates=replicates, level=level, seed=seed)
    return found["difference"]


def task_metrics(
    hirable: ArrayLike,
    score: ArrayLike,
    *,
    persons: ArrayLike,
    threshold: float = 0.5,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Measurement]:
    """Return how well ``score`` (N,) finds the hirable (N,) 0/1, each figure with an interval by person.

    Keys: ``auc``, ``average_precision``, and at ``score >= threshold`` ``f1``, ``precision``, ``recall``, ``accuracy``;
    ``f1_all_positive`` is the F1 of choosing everybody, the baseline without which an F1 says little (papers.md 6.4).
    """
    label, value = _labels(hirable), _scores(score)
    decision = value >= threshold
    return bootstrap_by_person(
        {
            "auc": auc_of(label, value),
            "average_precision": average_precision_of(label, value),
            "f1": f1_of(label, decision),
            "precision": precision_of(label, decision),
            "recall": recall_of(label, decision),
            "accuracy": accuracy_of(label, decision),
            "f1_all_positive": f1_of(label, np.ones(len(label), dtype=bool)),
        },
        persons,
        replicates=replicates,
        level=level,
        seed=seed,
    )


def rating_metrics(
    truth: ArrayLike,
    predicted: ArrayLike,
    *,
    constant: float,
    binary: bool,
    persons: ArrayLike,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Measurement]:
    """Return how well ``predicted`` (N,) meets a rating ``truth`` (N,), each figure with an interval by person.

    ``constant`` is what a predictor without any input would say, the mean of training people: its figures have names
    that end in ``_constant``. A ``binary`` rating (0 or 1) has an ``auc``; any other ``r2``, ``pearson`` and
    ``one_minus_mae`` where all of ``truth`` lies in [0, 1], the figure that is usual on First Impressions (Ponce-Lopez
    et al. 2016), else ``mae`` in the rating's units.
    """
    true, guess = _pair(truth, predicted)
    always = np.full(len(true), float(constant))
    statistics: dict[str, Statistic] = {}
    for end, values in (("", guess), ("_constant", always)):
        if binary:
            statistics[f"auc{end}"] = auc_of(true, values)
            continue
        unit = not len(true) or (true.min() >= 0 and true.max() <= 1)
        error = mae_of(true, values)
        statistics[f"one_minus_mae{end}" if unit else f"mae{end}"] = _complement(error) if unit else error
        statistics[f"r2{end}"] = r2_of(true, values)
    if not binary:
        statistics["pearson"] = pearson_of(true, guess)  # a constant correlates with nothing
    return bootstrap_by_person(statistics, persons, replicates=replicates, level=level, seed=seed)


def _complement(statistic: Statistic) -> Statistic:
    return Statistic(lambda weights: 1 - statistic.evaluate(weights), statistic.rows, statistic.missing)


def _pair(truth: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    true, guess = _scores(truth), _scores(predicted)
    if len(true) != len(guess):
        raise DataError(f"truth and predictions: expected the same length, got {len(true)} and {len(guess)}")
    return true, guess


def _spread_of(values: Floats) -> Callable[[Floats], Floats]:
    """Return what maps weights (N, R) to the weighted sum of squares around the weighted mean (R,), exactly 0 or more.

    Where all weighted rows are equal, what rounding leaves of the difference of two sums is taken for the 0 it is.
    """
    centred = values - values.mean() if len(values) else values
    squared = centred**2

    def spread(weights: Floats) -> Floats:
        whole = squared @ weights
        around = whole - np.nan_to_num(quotient((centred @ weights) ** 2, weights.sum(axis=0)))
        return np.where(around > 1e-12 * whole, around, 0.0)

    return spread


def _is_constant(values: Floats) -> bool:
    return not len(values) or bool(_spread_of(values)(np.ones((len(values), 1)))[0] == 0)


def _one_value(values: Floats, what: str) -> str:
    return f"every {what} is the same" if len(values) else "there are no rows"


def _f(
    labels: ArrayLike, decisions: ArrayLike, *, chosen_weight: float, positive_weight: float, missing: str
) -> Statistic:
    """Return true positives over a weighted mean of the chosen and the positives: precision, recall and F1 at once."""
    positive, chosen = _labels(labels), _labels(decisions)
    _same_length(positive, chosen)
    both = (positive & chosen).astype(float)
    base = chosen_weight * chosen + positive_weight * positive
    needed = (positive if positive_weight else chosen).astype(float)

    def evaluate(weights: Floats) -> Floats:
        values = quotient(both @ weights, base @ weights)
        return np.where(needed @ weights > 0, values, np.nan)

    return Statistic(evaluate, len(positive), missing, needed.astype(bool))


def _point(statistic: Statistic) -> float:
    if statistic.rows == 0:
        return math.nan
    return float(statistic.evaluate(np.ones((statistic.rows, 1)))[0])


def _resamples(person: NDArray[np.int64], count: int, *, replicates: int, seed: int) -> Iterator[Floats]:
    """Yield weights (N, r) in blocks; the draws do not depend on the size of the blocks."""
    rng = np.random.default_rng(seed)
    block = max(1, _CHUNK // max(len(person), 1))
    for start in range(0, replicates, block):
        width = min(block, replicates - start)
        drawn = np.empty((count, width))
        for column in range(width):
            drawn[:, column] = np.bincount(rng.integers(0, count, size=count), minlength=count)
        yield drawn[person]


def _interval(
    value: float,
    drawn: Floats,
    *,
    statistic: Statistic,
    person: NDArray[np.int64],
    count: int,
    level: float,
) -> Measurement:
    if math.isnan(value):
        return Undefined(statistic.missing, count)
    if count < 2:
        return Undefined("an interval by person needs at least 2 people", count)
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < level * len(drawn):
        lost = len(drawn) - len(defined)
        return Undefined(f"too few people: {lost} of {len(drawn)} resamples do not define it", count)
    tail = (1 - level) / 2
    low, high = (float(end) for end in np.quantile(defined, [tail, 1 - tail]))
    if statistic.witnesses is not None and low == high and value in (0.0, 1.0):
        people = len(np.unique(person[statistic.witnesses]))
        bound = wilson(people if value == 1.0 else 0, people, level=level)
        if isinstance(bound, Estimate):
            low, high = bound.low, bound.high
    return Estimate(value, low, high, level, count)


def _persons(persons: ArrayLike) -> tuple[NDArray[np.int64], int]:
    names, person = np.unique(np.asarray(persons), return_inverse=True)
    return person.reshape(-1).astype(np.int64), len(names)


def _labels(values: ArrayLike) -> Flags:
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"labels: expected one a row, got shape {array.shape}")
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise DataError(f"labels: expected 0 or 1, got {array[~np.isin(array, (0, 1))][0]!r}")
    return array.astype(bool)


def _scores(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise DataError(f"scores: expected one a row, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise DataError(f"scores: expected finite numbers, got NaN or infinity in row {_first_bad(array)}")
    return array


def _first_bad(array: Floats) -> int:
    return int(np.flatnonzero(~np.isfinite(array))[0])


def _same_length(first: NDArray[Any], second: NDArray[Any]) -> None:
    if len(first) != len(second):
        raise DataError(f"labels and scores: expected the same length, got {len(first)} and {len(second)}")


def _one_class(positive: Flags) -> str:
    if not len(positive):
        return "there are no rows"
    return f"only one class is present: all {len(positive)} rows are {'positive' if positive[0] else 'negative'}"
