"""The impact ratio of two groups: its interval by a method that holds, its place at four fifths, its size in people.

Counts come in, numbers go out: ``selected`` of ``n`` rows of a group against ``benchmark_selected`` of
``benchmark_n``. docs/statistics.md has every formula with an example; benchmarks/coverage.py measures how often the
intervals cover.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from scipy.special import betaincinv, stdtrit

from fairhire.auditing.tally import Clusters, Repeats
from fairhire.estimate import (
    Estimate,
    Measurement,
    MethodEstimate,
    Undefined,
    normal_quantile,
    wilson,
    wilson_limits,
    written,
)

__all__ = [
    "METHODS",
    "Flip",
    "below_four_fifths",
    "clopper_pearson_interval",
    "clustered_freedom",
    "clustered_interval",
    "cohen_h",
    "design_effect",
    "difference_of",
    "effective_counts",
    "few_effective",
    "flip",
    "katz_interval",
    "newcombe_interval",
    "rate_interval",
    "rate_variance",
    "ratio_interval",
    "reading",
    "score_interval",
    "shortfall",
    "widened_interval",
]

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "katz": "Katz's log interval: at least 100 selected and 100 not selected in both groups; covers 94 to 96 %",
        "score": "score interval: at least 15 selected and 15 not selected in both groups; covers 94 to 96 %",
        "score, small counts": "score interval, a count being under 15: whole numbers make steps, covers 93 % or more",
        "clopper-pearson, conservative": (
            "from two Clopper-Pearson intervals, because a count is under 5: covers 94 % or more, mostly far more"
        ),
        "katz by person": (
            "Katz's log interval with people, not rows, as witnesses, and Student's t; covers 93 to 97 % in simulation"
        ),
        "katz by person, small counts": (
            "the same, under 15 people's rows being selected, or not; covers 93 % or more in simulation"
        ),
        "score by person, nobody selected": (
            "score interval, all rows of a person taken for one; covers 94 % or more in simulation, mostly far more"
        ),
        "clopper-pearson by person, conservative": (
            "from two Clopper-Pearson intervals, all rows of a person taken for one, because under 5 people's rows are "
            "selected, or not; covers 94 % or more in simulation, mostly far more"
        ),
        "katz by person, design effect of the deployed cut": (
            "Katz's log interval, widened as people's rows ask for at the deployed cut; at other cuts an approximation"
        ),
        "katz by person, design effect at the median": (
            "Katz's log interval, widened as people's rows ask for at the median score; at other cuts an approximation"
        ),
    }
)
"""What :func:`ratio_interval` may choose, and what to say of it at level 95 % (measured by benchmarks/coverage.py)."""

_KATZ_FROM = 100
_SCORE_FROM = 15
_SMALL_FROM = 5
"""Least of the four counts (selected and not, in both groups) from which a method is used [D], from the coverage."""

_NONE_FROM = 10
"""People a group of which nobody is selected must have for the score interval [D]."""

_TOO_FEW = "fewer than 2 people in a group: no variance between people"

_STEPS = 200
"""Steps after which the search for an end of the score interval has long ended."""

_PRECISION = 1e-12
"""Width of the bracket, relative, or size of the score statistic at which that search ends."""


@dataclass(frozen=True)
class Flip:
    """The counts after one selection moved from the benchmark to the group, and whether the order then reverses.

    Where it does, the numbers are too small to conclude from (Questions and Answers 21, audit-rules.md 4.1).
    """

    selected: int
    n: int
    benchmark_selected: int
    benchmark_n: int
    ratio: float | Undefined
    reverses: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json."""
        return {
            "selected": self.selected,
            "n": self.n,
            "benchmark_selected": self.benchmark_selected,
            "benchmark_n": self.benchmark_n,
            "ratio": written(self.ratio),
            "reverses": self.reverses,
        }


def below_four_fifths(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> bool:
    """Return whether selected/n is under 4/5 of the benchmark's rate, without rounding (audit-rules.md 4.1)."""
    return 5 * selected * benchmark_n < 4 * benchmark_selected * n


def ratio_interval(
    selected: int,
    n: int,
    benchmark_selected: int,
    benchmark_n: int,
    *,
    level: float = 0.95,
    repeats: Repeats | None = None,
    benchmark_repeats: Repeats | None = None,
) -> Measurement:
    """Return the ratio of two rates with the interval that holds for these counts; ``method`` says which (METHODS).

    The choice looks at counts that were seen, never at rates that nobody knows: with the least of the four counts
    (selected and not selected, in both groups) at 100 or more Katz, at 15 or more the score interval, at 5 or more
    the score interval too, named as small, below that limits from Clopper-Pearson. A group of 10 or more of which
    nobody is selected has the score interval (audit-rules.md 5.1). Where a person has several rows
    (``repeats``), people are the witnesses. Undefined without anybody selected in the benchmark.
    """
    counts = (selected, n, benchmark_selected, benchmark_n)
    missing = _no_ratio(*counts)
    if missing is not None:
        return missing
    if _repeated(repeats, n) or _repeated(benchmark_repeats, benchmark_n):
        return clustered_interval(*counts, level=level, repeats=repeats, benchmark_repeats=benchmark_repeats)
    benchmark_least = min(benchmark_selected, benchmark_n - benchmark_selected)
    least = min(selected, n - selected, benchmark_least)
    if least >= _KATZ_FROM:
        return katz_interval(*counts, level=level)
    nobody = selected == 0 and n >= _NONE_FROM and benchmark_least >= _SMALL_FROM
    if least < _SMALL_FROM and not nobody:
        return clopper_pearson_interval(*counts, level=level)
    found = score_interval(*counts, level=level)
    if least < _SCORE_FROM and isinstance(found, MethodEstimate):
        return MethodEstimate(found.value, found.low, found.high, found.level, found.n, "score, small counts")
    return found


def katz_interval(
    selected: int, n: int, benchmark_selected: int, benchmark_n: int, *, level: float = 0.95
) -> Measurement:
    """Return the ratio of two rates with the log interval of Katz et al. (1978), undefined with an empty cell.

    ``ratio * exp(± z sqrt(1/a - 1/n + 1/b - 1/m))`` (audit-rules.md 5.1).
    """
    missing = _no_ratio(selected, n, benchmark_selected, benchmark_n)
    if missing is not None:
        return missing
    people = n + benchmark_n
    if selected == 0:
        return Undefined("the Katz interval needs at least one selected in both groups", people)
    if selected == n and benchmark_selected == benchmark_n:
        return Undefined("the Katz interval needs somebody who is not selected", people)
    variance = (n - selected) / (selected * n) + (benchmark_n - benchmark_selected) / (benchmark_selected * benchmark_n)
    return _logarithmic(selected, n, benchmark_selected, benchmark_n, variance=variance, level=level, method="katz")


def clustered_interval(
    selected: int,
    n: int,
    benchmark_selected: int,
    benchmark_n: int,
    *,
    level: float = 0.95,
    repeats: Repeats | None = None,
    benchmark_repeats: Repeats | None = None,
) -> Measurement:
    """Return the ratio with Katz's log interval, people being the witnesses instead of rows.

    The variance of each rate is that of a ratio estimator over people (:func:`rate_variance`), the quantile that of
    Student's t (:func:`clustered_freedom`); None stands for one row a person. The method says so where a count,
    divided by the rows of a person, is under 15. Where one is under 5 (:func:`few_effective`) the variance of so few
    says nothing: then all rows of a person are taken for one, and the limits are those of the score method where
    nobody of at least 10 is selected, else of Clopper and Pearson. Undefined with fewer than 2 people in a group, or
    no variation between people.
    """
    counts = (selected, n, benchmark_selected, benchmark_n)
    missing = _no_ratio(*counts)
    if missing is not None:
        return missing
    first, second = _people(selected, n, repeats), _people(benchmark_selected, benchmark_n, benchmark_repeats)
    one, other = rate_variance(selected, n, first), rate_variance(benchmark_selected, benchmark_n, second)
    if isinstance(one, Undefined):
        return one
    if isinstance(other, Undefined):
        return other
    if few_effective(*counts, first, second):
        return _as_if_alike(counts, first, second, level=level)
    if one == 0 and other == 0:
        return Undefined("the people of both groups do not vary: no interval by person", n + benchmark_n)
    one, other = one * (n / selected) ** 2, other * (benchmark_n / benchmark_selected) ** 2
    least = _least(effective_counts(selected, n, first), effective_counts(benchmark_selected, benchmark_n, second))
    return _logarithmic(
        *counts,
        variance=one + other,
        level=level,
        method="katz by person" if least >= _SCORE_FROM else "katz by person, small counts",
        freedom=clustered_freedom(one, first.people, other, second.people),
    )


def clustered_freedom(variance: float, people: int, benchmark_variance: float, benchmark_people: int) -> float:
    """Return the degrees of freedom of a sum of two variances, each estimated from people (Satterthwaite 1946).

    Between the smaller number of people less one, and both together less two. At least one variance must not be 0.
    """
    total = variance + benchmark_variance
    return total * total / (variance**2 / (people - 1) + benchmark_variance**2 / (benchmark_people - 1))


def effective_counts(selected: int, n: int, clusters: Clusters) -> tuple[float, float]:
    """Return selected and n, divided by the rows that a row's person has on average (nn / n).

    So many independent rows there are where all rows of a person are alike; there are more of them where they are not.
    """
    return selected * n / clusters.nn, n * n / clusters.nn


def few_effective(
    selected: int, n: int, benchmark_selected: int, benchmark_n: int, clusters: Clusters, benchmark: Clusters
) -> bool:
    """Return whether so few people's rows are selected, or not, that their variance says nothing: under 5 [D]."""
    own, other = effective_counts(selected, n, clusters), effective_counts(benchmark_selected, benchmark_n, benchmark)
    return _least(own, other) < _SMALL_FROM


def _least(*counts: tuple[float, float]) -> float:
    """Return the smallest of the numbers of selected and of not selected."""
    return min(min(selected, n - selected) for selected, n in counts)


def _as_if_alike(
    counts: tuple[int, int, int, int], clusters: Clusters, benchmark: Clusters, *, level: float
) -> Measurement:
    """Return the ratio with the limits that it would have if a person's rows were one."""
    own, other = effective_counts(*counts[:2], clusters), effective_counts(*counts[2:], benchmark)
    rows = counts[1] + counts[3]
    if counts[0] == 0 and own[1] >= _NONE_FROM and _least(other) >= _SMALL_FROM:
        return MethodEstimate(
            0.0, *_score_limits(*own, *other, level=level), level, rows, "score by person, nobody selected"
        )
    if other[0] < 1:  # a fraction of a person: the lower limit of their rate is as good as 0
        return Undefined("fewer rows are selected in the benchmark than a person has: the ratio has no limit", rows)
    low, high = _donner_zou(*own, *other, level=level)
    ratio = counts[0] * counts[3] / (counts[2] * counts[1])
    method = "clopper-pearson by person, conservative"
    return MethodEstimate(ratio, min(low, ratio), max(high, ratio), level, rows, method)


def rate_variance(selected: int, n: int, repeats: Repeats) -> float | Undefined:
    """Return the variance of the rate selected/n when people are independent and their rows are not.

    ``m/(m-1) (ss - 2 p ns + p² nn) / n²`` for m people: the linearised ratio estimator (Cochran 1977, 6.3).
    """
    if repeats.people < 2:
        return Undefined(_TOO_FEW, n)
    # in whole numbers until the one division: the three terms nearly cancel
    spread = repeats.ss * n * n - 2 * selected * n * repeats.ns + selected * selected * repeats.nn
    return repeats.people / (repeats.people - 1) * (max(spread, 0) / n**4)


def rate_interval(selected: int, n: int, repeats: Repeats | None, *, level: float = 0.95) -> Measurement:
    """Return the rate selected/n with Wilson's interval, at the number of independent rows that its people amount to.

    With one row a person that is n itself, and the interval is :func:`~fairhire.estimate.wilson`; else n divided by
    the design effect (:func:`design_effect`), never more than n (Korn and Graubard 1998 do so with another interval).
    """
    design = 1.0 if repeats is None or not _repeated(repeats, n) else design_effect(selected, n, repeats)
    if isinstance(design, Undefined):
        return design
    if design <= 1.0:
        return wilson(selected, n, level=level)
    return Estimate(selected / n, *wilson_limits(selected / n, n / design, level=level), level, n)


def design_effect(selected: int, n: int, repeats: Repeats) -> float | Undefined:
    """Return how many times larger the variance of the rate is than if all rows were of different people.

    Under 1 where a person's rows differ more than those of different people do. Where fewer than 5 people's rows are
    selected, or not, too little is seen of it: people with all their rows alike are assumed, so that it is the mean
    number of rows that a row's person has. Undefined for an empty group.
    """
    if n == 0:
        return Undefined("the group is empty", 0)
    variance = rate_variance(selected, n, repeats)
    if _least(effective_counts(selected, n, repeats)) < _SMALL_FROM or isinstance(variance, Undefined):
        return repeats.nn / n
    rate = selected / n
    return variance * n / (rate * (1 - rate))


def widened_interval(
    selected: int,
    n: int,
    benchmark_selected: int,
    benchmark_n: int,
    *,
    designs: tuple[float, float],
    clusters: tuple[Clusters, Clusters],
    cut: Literal["of the deployed cut", "at the median"],
    level: float = 0.95,
) -> Measurement:
    """Return the ratio with Katz's log interval whose variances are multiplied by design effects known from elsewhere.

    For cuts at which the rows of a person were not counted together; :func:`clustered_interval` where they were, with
    which it agrees where ``designs`` (of the group, and of the benchmark) are those of these counts. ``cut`` says where
    they were found, ``clusters`` how the rows divide among people.
    """
    counts = (selected, n, benchmark_selected, benchmark_n)
    missing = _no_ratio(*counts)
    if missing is not None:
        return missing
    people = clusters[0].people, clusters[1].people
    if min(people) < 2:
        return Undefined(_TOO_FEW, n + benchmark_n)
    if few_effective(*counts, *clusters):
        return _as_if_alike(counts, *clusters, level=level)
    one = designs[0] * (n - selected) / (selected * n)
    other = designs[1] * (benchmark_n - benchmark_selected) / (benchmark_selected * benchmark_n)
    if one == 0 and other == 0:
        return Undefined("the people of both groups do not vary: no interval by person", n + benchmark_n)
    return _logarithmic(
        *counts,
        variance=one + other,
        level=level,
        method=f"katz by person, design effect {cut}",
        freedom=clustered_freedom(one, people[0], other, people[1]),
    )


def difference_of(rate: Measurement, benchmark: Measurement) -> Measurement:
    """Return the difference of two independent rates, each with its interval (Newcombe 1998; Donner and Zou 2010)."""
    if isinstance(rate, Undefined):
        return rate
    if isinstance(benchmark, Undefined):
        return benchmark
    value = rate.value - benchmark.value
    low = value - math.hypot(rate.value - rate.low, benchmark.high - benchmark.value)
    high = value + math.hypot(rate.high - rate.value, benchmark.value - benchmark.low)
    return MethodEstimate(value, max(low, -1.0), min(high, 1.0), rate.level, rate.n + benchmark.n, "newcombe")


def score_interval(
    selected: int, n: int, benchmark_selected: int, benchmark_n: int, *, level: float = 0.95
) -> Measurement:
    """Return the ratio with the score interval (Koopman 1984), variance times N/(N-1) (Miettinen and Nurminen 1985).

    All ratios that a score test with the rates fitted under that ratio does not reject. Holds at 0 and at n; undefined
    without anybody selected in the benchmark.
    """
    counts = (selected, n, benchmark_selected, benchmark_n)
    missing = _no_ratio(*counts)
    if missing is not None:
        return missing
    value = selected * benchmark_n / (benchmark_selected * n)
    low, high = _score_limits(*counts, level=level)
    return MethodEstimate(value, min(low, value), max(high, value), level, n + benchmark_n, "score")


def clopper_pearson_interval(
    selected: int, n: int, benchmark_selected: int, benchmark_n: int, *, level: float = 0.95
) -> Measurement:
    """Return the ratio with limits recovered from the exact Clopper-Pearson limits of both rates.

    The recovery is that of Donner and Zou (2012, equation 9, "MOVER"). Not proved to cover ``level``; of all settings
    that benchmarks/coverage.py enumerates it never covered less, and mostly far more.
    """
    counts = (selected, n, benchmark_selected, benchmark_n)
    missing = _no_ratio(*counts)
    if missing is not None:
        return missing
    value = selected * benchmark_n / (benchmark_selected * n)
    low, high = _donner_zou(*counts, level=level)
    name = "clopper-pearson, conservative"
    return MethodEstimate(value, min(low, value), max(high, value), level, n + benchmark_n, name)


def newcombe_interval(
    selected: int, n: int, benchmark_selected: int, benchmark_n: int, *, level: float = 0.95
) -> Measurement:
    """Return the difference of rates, group minus benchmark, with Newcombe's interval (1998, method 10)."""
    _check(selected, n, benchmark_selected, benchmark_n)
    if n == 0 or benchmark_n == 0:
        return Undefined("a group is empty", n + benchmark_n)
    return difference_of(wilson(selected, n, level=level), wilson(benchmark_selected, benchmark_n, level=level))


def reading(measurement: Measurement) -> Literal["clear", "below", "undecided"] | None:
    """Return how an interval lies to four fifths: all at or above, all under, or neither; None without an interval."""
    if isinstance(measurement, Undefined):
        return None
    if measurement.low >= 0.8:
        return "clear"
    return "below" if measurement.high < 0.8 else "undecided"


def cohen_h(p1: float, p2: float) -> float:
    """Return Cohen's h of two rates, ``2 asin √p1 - 2 asin √p2``: about 0.2 is small, 0.5 medium, 0.8 large."""
    return 2 * math.asin(math.sqrt(p1)) - 2 * math.asin(math.sqrt(p2))


def shortfall(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> int:
    """Return how many more of the group would have to be selected to reach four fifths (whole numbers)."""
    _check(selected, n, benchmark_selected, benchmark_n)
    if benchmark_n == 0:
        return 0
    return max(0, -(-4 * benchmark_selected * n // (5 * benchmark_n)) - selected)


def flip(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> Flip | None:
    """Return the flip test; None where the group is not behind, which includes a benchmark with nothing to give."""
    _check(selected, n, benchmark_selected, benchmark_n)
    if selected * benchmark_n >= benchmark_selected * n:
        return None
    taken, given = selected + 1, benchmark_selected - 1
    ratio = taken * benchmark_n / (given * n) if given else Undefined("nobody is left selected in the benchmark", n)
    return Flip(taken, n, given, benchmark_n, ratio, taken * benchmark_n > given * n)


def _score_limits(
    selected: float, n: float, benchmark_selected: float, benchmark_n: float, *, level: float
) -> tuple[float, float]:
    counts, z = (selected, n, benchmark_selected, benchmark_n), normal_quantile(level)
    value = selected * benchmark_n / (benchmark_selected * n)
    low = 0.0 if selected == 0 else _crossing(lambda ratio: _score(*counts, ratio) - z, value, down=True)
    start = value or 1 / n
    while _score(*counts, start) + z <= 0:  # only where nobody is selected: begin where the ratio is not yet rejected
        start /= 2
    return low, _crossing(lambda ratio: _score(*counts, ratio) + z, start, down=False)


def _donner_zou(
    selected: float, n: float, benchmark_selected: float, benchmark_n: float, *, level: float
) -> tuple[float, float]:
    """Return the limits recovered from those of both rates; somebody of the benchmark must be selected."""
    rate, other = selected / n, benchmark_selected / benchmark_n
    low, high = _clopper_pearson(selected, n, level)
    other_low, other_high = _clopper_pearson(benchmark_selected, benchmark_n, level)
    product = rate * other
    # The quotient of the published lower limit, freed of its cancellation: it holds where its denominator is 0.
    least = low * (2 * rate - low)
    root = math.sqrt(max(product * product - least * other_high * (2 * other - other_high), 0.0))
    lowest = least / (product + root) if selected else 0.0
    scale = other_low * (2 * other - other_low)
    highest = (product + math.sqrt(max(product * product - high * (2 * rate - high) * scale, 0.0))) / scale
    return lowest, highest


def _score(selected: float, n: float, benchmark_selected: float, benchmark_n: float, ratio: float) -> float:
    """Return the score statistic of a hypothetical ratio, with the rates fitted under it."""
    everyone, chosen = n + benchmark_n, selected + benchmark_selected
    middle = n * ratio + selected + benchmark_n + benchmark_selected * ratio
    root = math.sqrt(max(middle * middle - 4 * everyone * ratio * chosen, 0.0))
    other = min(2 * chosen / (middle + root), 1.0)
    rate = min(ratio * other, 1.0)
    variance = rate * (1 - rate) / n + ratio * ratio * other * (1 - other) / benchmark_n
    distance = selected / n - ratio * benchmark_selected / benchmark_n
    if variance <= 0:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance * everyone / (everyone - 1))


def _crossing(falling: Callable[[float], float], start: float, *, down: bool) -> float:
    """Return where a falling function of the ratio passes 0, looking from ``start`` ``down`` to 0 or up.

    The chord of the bracket, an end that stays twice halved (Illinois), and the middle where an end is infinite.
    """
    inner, outer = start, start
    factor = 0.5 if down else 2.0
    while (falling(outer) < 0) if down else (falling(outer) > 0):
        inner, outer = outer, outer * factor
    low, high = min(inner, outer), max(inner, outer)
    above, under = falling(low), falling(high)
    stale = 0
    for _ in range(_STEPS):
        if not high - low > _PRECISION * high:
            break
        middle = low + (high - low) * above / (above - under)
        if not low < middle < high:
            middle = (low + high) / 2
        value = falling(middle)
        if abs(value) < _PRECISION:
            return middle
        if value > 0:
            low, above, under, stale = middle, value, under / 2 if stale > 0 else under, 1
        else:
            high, under, above, stale = middle, value, above / 2 if stale < 0 else above, -1
    return (low + high) / 2


def _logarithmic(
    selected: int,
    n: int,
    benchmark_selected: int,
    benchmark_n: int,
    *,
    variance: float,
    level: float,
    method: str,
    freedom: float = math.inf,
) -> MethodEstimate:
    """Return the ratio with limits on the logarithmic scale, by Student's t of so many degrees of freedom."""
    ratio = selected * benchmark_n / (benchmark_selected * n)
    quantile = normal_quantile(level) if freedom == math.inf else float(stdtrit(freedom, 0.5 + level / 2))
    reach = math.exp(quantile * math.sqrt(variance))
    return MethodEstimate(ratio, ratio / reach, ratio * reach, level, n + benchmark_n, method)


def _clopper_pearson(k: float, n: float, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))
    return low, high


def _repeated(repeats: Repeats | None, n: int) -> bool:
    return repeats is not None and repeats.people < n


def _people(selected: int, n: int, repeats: Repeats | None) -> Repeats:
    return Repeats(n, n, selected, selected) if repeats is None else repeats


def _no_ratio(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> Undefined | None:
    _check(selected, n, benchmark_selected, benchmark_n)
    people = n + benchmark_n
    if n == 0:
        return Undefined("the group is empty", people)
    if benchmark_n == 0:
        return Undefined("the benchmark is empty", people)
    if benchmark_selected == 0:
        return Undefined("nobody is selected in the benchmark", people)
    return None


def _check(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> None:
    if not (0 <= selected <= n and 0 <= benchmark_selected <= benchmark_n):
        raise ValueError(
            f"counts: expected 0 <= selected <= n in both groups, got {selected} of {n} and "
            f"{benchmark_selected} of {benchmark_n}"
        )
