"""What so small or so large a group could have shown at all: detectable ratios, power, sizes, false alarms.

Two-sided test of equal rates in the normal approximation, with the pooled variance under the null hypothesis
(audit-rules.md 5.5); false alarms of the four-fifths rule are enumerated exactly. Formulas with examples are in
docs/statistics.md.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, betaln

from fairhire.estimate import Undefined

__all__ = ["detectable_ratio", "false_alarm_rate", "n_for_ratio", "power_at"]

_NORMAL = NormalDist()

_STEPS = 60
"""Halvings of [0, 1]: more than a float has digits."""

_DEVIATIONS = 12.0
"""Standard deviations around the mean beyond which a binomial has no weight that a float would notice."""


def power_at(ratio: float, n: float, benchmark_n: float, benchmark_rate: float, *, alpha: float = 0.05) -> float:
    """Return the probability of finding a true ``ratio`` of rates with groups of n and benchmark_n people.

    Neither need be whole: where people have several rows, n is rows divided by their design effect.
    Raises ValueError for rates outside [0, 1], the group's ``ratio * benchmark_rate`` included, and empty groups.
    """
    rate = ratio * benchmark_rate
    if not (0 <= rate <= 1 and 0 <= benchmark_rate <= 1 and n > 0 and benchmark_n > 0):
        raise ValueError(
            f"power: expected rates in [0, 1] and people, got {rate} of {n} and {benchmark_rate} of {benchmark_n}"
        )
    pooled = (n * rate + benchmark_n * benchmark_rate) / (n + benchmark_n)
    same = math.sqrt(max(pooled * (1 - pooled), 0.0) * (1 / n + 1 / benchmark_n))
    different = math.sqrt(rate * (1 - rate) / n + benchmark_rate * (1 - benchmark_rate) / benchmark_n)
    distance, line = abs(rate - benchmark_rate), _NORMAL.inv_cdf(1 - alpha / 2) * same
    if different == 0:
        return float(distance > line)
    return _NORMAL.cdf((distance - line) / different) + _NORMAL.cdf((-distance - line) / different)


def detectable_ratio(
    n: float, benchmark_n: float, benchmark_rate: float, *, power: float = 0.8, alpha: float = 0.05
) -> float | Undefined:
    """Return the ratio under 1 nearest to 1 that is found with probability ``power``; n as in :func:`power_at`.

    Undefined where a group is empty, nobody is selected in the benchmark, or not even a ratio of 0 would be found.
    """
    people = round(n + benchmark_n)
    if n == 0 or benchmark_n == 0:
        return Undefined("a group is empty", people)
    if benchmark_rate == 0:
        return Undefined("nobody is selected in the benchmark", people)
    if power_at(0.0, n, benchmark_n, benchmark_rate, alpha=alpha) < power:
        return Undefined(f"too few people: not even a ratio of 0 would be found with power {power:g}", people)
    found, missed = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (found + missed) / 2
        if power_at(middle, n, benchmark_n, benchmark_rate, alpha=alpha) >= power:
            found = middle
        else:
            missed = middle
    return found


def n_for_ratio(ratio: float, rate: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Return how many people each of two groups needs for a true ``ratio`` to be found with probability ``power``.

    Raises ValueError for a ratio of 1, which no number of people shows, and for a rate outside (0, 1].
    """
    if ratio == 1 or not 0 < rate <= 1:
        raise ValueError(f"a size: expected a ratio other than 1 and a rate in (0, 1], got {ratio} and {rate}")
    most = 1
    while power_at(ratio, most, most, rate, alpha=alpha) < power:
        most *= 2
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        if power_at(ratio, middle, middle, rate, alpha=alpha) >= power:
            most = middle
        else:
            least = middle
    return most


def false_alarm_rate(n: int, benchmark_n: int, rate: float) -> float:
    """Return how often one of two groups falls below four fifths of the other although both have the same true rate.

    All pairs of counts are enumerated and compared in whole numbers; the group with the higher rate is the comparator,
    as the rule has it. Raises ValueError for empty groups and a rate outside [0, 1].
    """
    if n < 1 or benchmark_n < 1 or not 0 <= rate <= 1:
        raise ValueError(f"false alarms: expected people and a rate in [0, 1], got {n}, {benchmark_n} and {rate}")
    return _falls_below(n, benchmark_n, rate) + _falls_below(benchmark_n, n, rate)


def _falls_below(n: int, other_n: int, rate: float) -> float:
    """Return the probability that the group of n is below four fifths of the other, whose rate is the same."""
    counts, weights = _binomial(other_n, rate)
    # 5·a·m < 4·b·n: the largest a below is ceil(4bn / 5m) - 1
    largest = [-(-4 * int(count) * n // (5 * other_n)) - 1 for count in counts]
    below = np.array([float(bdtr(most, n, rate)) if most >= 0 else 0.0 for most in largest])
    return float(weights @ below)


def _binomial(n: int, rate: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the counts that a binomial takes and their probabilities."""
    if rate in (0.0, 1.0):
        return np.array([int(rate) * n]), np.ones(1)
    reach = _DEVIATIONS * math.sqrt(n * rate * (1 - rate)) + 50
    counts = np.arange(max(0, int(n * rate - reach)), min(n, int(n * rate + reach)) + 1)
    choices = -math.log(n + 1) - betaln(n - counts + 1, counts + 1)
    return counts, np.exp(choices + counts * math.log(rate) + (n - counts) * math.log1p(-rate))
