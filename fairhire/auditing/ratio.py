"""The impact ratio of two groups: its interval by a method that holds, its place at four fifths, its size in people.

Counts come in, numbers go out: ``selected`` of ``n`` rows of a group against ``benchmark_selected`` of
``benchmark_n``. docs/statistics.md has every formula with an example; benchmarks/coverage.py measures how often the
intervals cover.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType
from typing import Any, Literal

from scipy.special import betaincinv

from fairhire.auditing.tally import Repeats
from fairhire.estimate import Estimate, Measurement, Undefined, wilson

__all__ = [
    "METHODS",
    "Flip",
    "Ratio",
    "below_four_fifths",
    "clopper_pearson_interval",
    "clustered_interval",
    "cohen_h",
    "design_effect",
    "difference_of",
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
        "katz by person": "Katz's log interval with people, not rows, as witnesses; covers 94 to 96 % in simulation",
        "katz by person, small counts": (
            "Katz's log interval with people as witnesses, too few of them; covers 92 to 100 % in simulation"
        ),
        "katz by person, design effect of the deployed cut": (
            "Katz's log interval, widened as people's rows ask for at the deployed cut; at other cuts an approximation"
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

_STEPS = 200
"""Steps after which the search for an end of the score interval has long ended."""

_PRECISION = 1e-12
"""Width of the bracket, relative, or size of the score statistic at which that search ends."""


@dataclass(frozen=True)
class Ratio(Estimate):
    """An estimate together with the ``method`` of its interval; also used for differences of rates."""

    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json: ``{value, low, high, level, n, method}``."""
        return {**super().to_dict(), "method": self.method}


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
            "ratio": self.ratio.to_dict() if isinstance(self.ratio, Undefined) else self.ratio,
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
    if least < _SCORE_FROM and isinstance(found, Ratio):
        return Ratio(found.value, found.low, found.high, found.level, found.n, "score, small counts")
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

    The variance of each rate is that of a ratio estimator over people (:func:`rate_variance`); None stands for one row
    a person. The method says so where a count, divided by the rows of a person, is under 15. Undefined with fewer than
    2 people in a group, nobody selected, or no variation between people.
    """
    missing = _no_ratio(selected, n, benchmark_selected, benchmark_n)
    if missing is not None:
        return missing
    people = n + benchmark_n
    if selected == 0:
        return Undefined("an interval by person needs at least one selected in both groups", people)
    first, second = _people(selected, n, repeats), _people(benchmark_selected, benchmark_n, benchmark_repeats)
    one, other = rate_variance(selected, n, first), rate_variance(benchmark_selected, benchmark_n, second)
    for variance in (one, other):
        if isinstance(variance, Undefined):
            return variance
    assert not isinstance(one, Undefined)
    assert not isinstance(other, Undefined)
    if one == 0 and other == 0:
        return Undefined("the people of both groups do not vary: no interval by person", people)
    variance = one * (n / selected) ** 2 + other * (benchmark_n / benchmark_selected) ** 2
    least = min(
        min(selected, n - selected) * n / first.nn,
        min(benchmark_selected, benchmark_n - benchmark_selected) * benchmark_n / second.nn,
    )
    method = "katz by person" if least >= _SCORE_FROM else "katz by person, small counts"
    return _logarithmic(selected, n, benchmark_selected, benchmark_n, variance=variance, level=level, method=method)


def rate_variance(selected: int, n: int, repeats: Repeats) -> float | Undefined:
    """Return the variance of the rate selected/n when people are independent and their rows are not.

    ``m/(m-1) (ss - 2 p ns + p² nn) / n²`` for m people: the linearised ratio estimator (Cochran 1977, 6.3).
    """
    if repeats.people < 2:
        return Undefined("fewer than 2 people in a group: no variance between people", n)
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
    if design == 1.0:
        return wilson(selected, n, level=level)
    z, rate, size = _quantile(level), selected / n, n / design
    shrink = 1 + z * z / size
    centre = (rate + z * z / (2 * size)) / shrink
    half = z * math.sqrt(rate * (1 - rate) / size + z * z / (4 * size * size)) / shrink
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Estimate(rate, 0.0 if selected == 0 else low, 1.0 if selected == n else high, level, n)


def design_effect(selected: int, n: int, repeats: Repeats) -> float | Undefined:
    """Return how many times larger the variance of the rate is than if all rows were of different people; 1 at least.

    Where nobody or everybody is selected nothing is seen of it: people with all their rows alike are assumed, so that
    it is the mean number of rows that a row's person has.
    """
    if n == 0:
        return Undefined("the group is empty", 0)
    if selected in (0, n):
        return max(1.0, repeats.nn / n)
    variance = rate_variance(selected, n, repeats)
    if isinstance(variance, Undefined):
        return variance
    rate = selected / n
    return max(1.0, variance * n / (rate * (1 - rate)))


def widened_interval(
    selected: int,
    n: int,
    benchmark_selected: int,
    benchmark_n: int,
    *,
    design: float,
    benchmark_design: float,
    level: float = 0.95,
) -> Measurement:
    """Return the ratio with Katz's log interval whose variances are multiplied by design effects known from elsewhere.

    For cuts at which the rows of a person were not counted together; :func:`clustered_interval` where they were.
    """
    missing = _no_ratio(selected, n, benchmark_selected, benchmark_n)
    if missing is not None:
        return missing
    if selected == 0 or (selected == n and benchmark_selected == benchmark_n):
        return Undefined("an interval by person needs some selected and some not", n + benchmark_n)
    variance = design * (n - selected) / (selected * n) + benchmark_design * (benchmark_n - benchmark_selected) / (
        benchmark_selected * benchmark_n
    )
    method = "katz by person, design effect of the deployed cut"
    return _logarithmic(selected, n, benchmark_selected, benchmark_n, variance=variance, level=level, method=method)


def difference_of(rate: Measurement, benchmark: Measurement) -> Measurement:
    """Return the difference of two independent rates, each with its interval (Newcombe 1998; Donner and Zou 2010)."""
    if isinstance(rate, Undefined):
        return rate
    if isinstance(benchmark, Undefined):
        return benchmark
    value = rate.value - benchmark.value
    low = value - math.hypot(rate.value - rate.low, benchmark.high - benchmark.value)
    high = value + math.hypot(rate.high - rate.value, benchmark.value - benchmark.low)
    return Ratio(value, max(low, -1.0), min(high, 1.0), rate.level, rate.n + benchmark.n, "newcombe")


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
    z = _quantile(level)
    value = selected * benchmark_n / (benchmark_selected * n)
    low = 0.0 if selected == 0 else _crossing(lambda ratio: _score(*counts, ratio) - z, value, down=True)
    start = value or 1 / n
    while _score(*counts, start) + z <= 0:  # only where nobody is selected: begin where the ratio is not yet rejected
        start /= 2
    high = _crossing(lambda ratio: _score(*counts, ratio) + z, start, down=False)
    return Ratio(value, min(low, value), max(high, value), level, n + benchmark_n, "score")


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
    value = selected * benchmark_n / (benchmark_selected * n)
    name = "clopper-pearson, conservative"
    return Ratio(value, min(lowest, value), max(highest, value), level, n + benchmark_n, name)


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


def _score(selected: int, n: int, benchmark_selected: int, benchmark_n: int, ratio: float) -> float:
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
) -> Ratio:
    ratio = selected * benchmark_n / (benchmark_selected * n)
    reach = math.exp(_quantile(level) * math.sqrt(variance))
    return Ratio(ratio, ratio / reach, ratio * reach, level, n + benchmark_n, method)


def _clopper_pearson(k: int, n: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))
    return low, high


def _quantile(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


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
