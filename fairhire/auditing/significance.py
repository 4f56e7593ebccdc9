"""Whether two rates differ by more than chance: exact and approximate tests, and what many tests at once cost.

Counts come in, probabilities go out: ``selected`` of ``n`` rows of a group against ``benchmark_selected`` of
``benchmark_n``. Formulas with examples are in docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from fairhire.auditing.ratio import clustered_freedom, effective_counts, few_effective, rate_variance
from fairhire.auditing.tally import Repeats
from fairhire.estimate import Undefined, written

__all__ = ["Tests", "benjamini_hochberg", "clustered_z", "holm", "tests"]

_TIE = 1e-7
"""Relative difference up to which two tables are equally probable: floats of equal whole numbers differ in the end."""


@dataclass(frozen=True)
class Tests:
    """Two-sided tests of equal rates: p-values of all four, and the statistics ``z`` (group minus benchmark), ``chi2``.

    A p-value smaller than any float is 0. ``z`` and what follows from it is undefined where everybody or nobody is
    selected.
    """

    fisher: float
    mid_p: float
    z: float | Undefined
    z_p: float | Undefined
    chi2: float | Undefined
    chi2_p: float | Undefined

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in AUDIT.json."""
        numbers = {"z": self.z, "z_p": self.z_p, "chi2": self.chi2, "chi2_p": self.chi2_p}
        return {
            "fisher": self.fisher,
            "mid_p": self.mid_p,
            **{name: written(one) for name, one in numbers.items()},
        }


def tests(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> Tests:
    """Return Fisher's exact test, Lancaster's mid-P, the pooled z and the chi-square without continuity correction.

    Fisher two-sided sums all tables no more probable than the one seen; mid-P counts the equally probable ones half.
    The time grows with the standard deviation of the table, not with the counts: millions are fine.
    """
    if not (0 <= selected <= n and 0 <= benchmark_selected <= benchmark_n):
        raise ValueError(
            f"counts: expected 0 <= selected <= n in both groups, got {selected} of {n} and "
            f"{benchmark_selected} of {benchmark_n}"
        )
    fisher, mid_p = _exact(selected, n, benchmark_selected, benchmark_n)
    everyone, chosen = n + benchmark_n, selected + benchmark_selected
    if n == 0 or benchmark_n == 0:
        missing = Undefined("a group is empty", everyone)
    elif chosen in (0, everyone):
        missing = Undefined(f"{'everybody' if chosen else 'nobody'} is selected in both groups", everyone)
    else:
        # n·m·(difference of rates) in whole numbers: no cancellation whatever the counts
        distance = selected * benchmark_n - benchmark_selected * n
        z = distance * math.sqrt(everyone / (chosen * (everyone - chosen) * n * benchmark_n))
        return Tests(fisher, mid_p, z, _two_sided(z), z * z, _two_sided(z))
    return Tests(fisher, mid_p, missing, missing, missing, missing)


def clustered_z(
    selected: int,
    n: int,
    repeats: Repeats,
    benchmark_selected: int,
    benchmark_n: int,
    benchmark_repeats: Repeats,
) -> tuple[float, float] | Undefined:
    """Return z and its two-sided p where people have several rows: difference of rates by its variance over people.

    Wald's statistic, not pooled, with :func:`fairhire.auditing.ratio.rate_variance`, and p from Student's t. Where
    under 5 people's rows are selected, or not, in a group, all rows of a person are taken for one as in
    :func:`fairhire.auditing.ratio.clustered_interval`: then z is the pooled one of so many rows, times √((N - 1) / N).
    Undefined with fewer than 2 people in a group or no variation between people.
    """
    counts = (selected, n, benchmark_selected, benchmark_n)
    if n == 0 or benchmark_n == 0:
        return Undefined("a group is empty", n + benchmark_n)
    one = rate_variance(selected, n, repeats)
    other = rate_variance(benchmark_selected, benchmark_n, benchmark_repeats)
    if isinstance(one, Undefined):
        return one
    if isinstance(other, Undefined):
        return other
    if few_effective(*counts, repeats, benchmark_repeats):
        z = _pooled_z(*effective_counts(*counts[:2], repeats), *effective_counts(*counts[2:], benchmark_repeats))
        return Undefined("the people of both groups do not vary", n + benchmark_n) if z is None else (z, _two_sided(z))
    if one + other == 0:
        return Undefined("the people of both groups do not vary", n + benchmark_n)
    z = (selected / n - benchmark_selected / benchmark_n) / math.sqrt(one + other)
    freedom = clustered_freedom(one, repeats.people, other, benchmark_repeats.people)
    return z, 2 * float(stdtr(freedom, -abs(z)))


def holm(p: Sequence[float]) -> list[float]:
    """Return Holm's (1979) step-down p-values of a family, in the order given: for claims."""
    adjusted, worst = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        worst = max(worst, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = worst
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Return Benjamini and Hochberg's (1995) step-up p-values of a family, in the order given: for exploration."""
    adjusted, best = [0.0] * len(p), 1.0
    for rank, place in reversed(list(enumerate(sorted(range(len(p)), key=p.__getitem__), start=1))):
        best = min(best, len(p) / rank * p[place])
        adjusted[place] = best
    return adjusted


def _pooled_z(selected: float, n: float, benchmark_selected: float, benchmark_n: float) -> float | None:
    """Return the score statistic of so many independent rows; None where everybody or nobody is selected."""
    everyone, chosen = n + benchmark_n, selected + benchmark_selected
    variance = chosen * (everyone - chosen) * n * benchmark_n
    if variance == 0:
        return None
    return (selected * benchmark_n - benchmark_selected * n) * math.sqrt((everyone - 1) / variance)


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))


def _exact(selected: int, n: int, benchmark_selected: int, benchmark_n: int) -> tuple[float, float]:
    """Return Fisher's p and mid-P from the hypergeometric weights of all tables that matter."""
    first, weights = _weights(n, benchmark_n, selected + benchmark_selected)
    if not 0 <= selected - first < len(weights):
        return 0.0, 0.0
    seen = weights[selected - first]
    as_rare = float(weights[weights <= seen * (1 + _TIE)].sum())
    rarer = float(weights[weights < seen * (1 - _TIE)].sum())
    total = float(weights.sum())
    return min(1.0, as_rare / total), min(1.0, (rarer + as_rare) / 2 / total)


def _weights(n: int, benchmark_n: int, chosen: int) -> tuple[int, NDArray[np.float64]]:
    """Return the weights of the tables with these margins relative to the most probable one, and the first table.

    Tables further than 40 standard deviations plus 200 from it are left out: their weights are below the smallest
    float, in the tails of a binomial as of a Poisson distribution.
    """
    everyone = n + benchmark_n
    low, high = max(0, chosen - benchmark_n), min(n, chosen)
    mode = (n + 1) * (chosen + 1) // (everyone + 2)
    spread = math.sqrt(n * chosen * (everyone - chosen) * benchmark_n / max(everyone**2 * (everyone - 1), 1))
    reach = int(40 * spread) + 200
    low, mode, high = max(low, mode - reach), min(max(mode, low), high), min(high, mode + reach)
    up = np.arange(mode, high, dtype=np.float64)
    down = np.arange(mode, low, -1, dtype=np.float64)
    # w(k+1)/w(k) and w(k-1)/w(k); every factor is exact in a float up to counts of 2**53
    rising = (n - up) / (up + 1) * ((chosen - up) / (benchmark_n - chosen + up + 1))
    falling = down / (n - down + 1) * ((benchmark_n - chosen + down) / (chosen - down + 1))
    return low, np.concatenate([np.cumprod(falling)[::-1], [1.0], np.cumprod(rising)])
