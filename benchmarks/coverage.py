"""How often the intervals of the impact ratio hold the true ratio: every pair of counts, weighted by its probability.

``python -m benchmarks.coverage`` prints one line a method: the settings (sizes of both groups, rate of the benchmark,
true ratio) in which :func:`fairhire.auditing.ratio.ratio_interval` mostly chooses it, and the lowest and highest
coverage among them. Nothing is simulated but people with several rows. Pairs without an interval (nobody selected in
the benchmark) are left out, and settings in which they are the rule.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from fairhire.auditing.ratio import (
    clopper_pearson_interval,
    katz_interval,
    ratio_interval,
    score_interval,
)
from fairhire.auditing.significance import clustered_z
from fairhire.auditing.tally import Repeats
from fairhire.estimate import Estimate, Measurement, Undefined

__all__ = [
    "CLAIMS",
    "CLAIMS_BY_PERSON",
    "ByPerson",
    "Coverage",
    "Setting",
    "by_person",
    "coverage",
    "grid",
    "grid_by_person",
    "main",
    "of_one_method",
    "random_settings",
]

Interval = Callable[[int, int, int, int], Measurement]

CLAIMS = {
    "katz": (0.94, 0.96),
    "score": (0.94, 0.96),
    "score, small counts": (0.93, 1.0),
    "clopper-pearson, conservative": (0.94, 1.0),
}
"""Between what the coverage must lie at level 95 %, in every setting in which a method is the one mostly chosen."""

CLAIMS_BY_PERSON = {
    "katz by person": (0.93, 0.97),
    "katz by person, small counts": (0.93, 1.0),
    "score by person, nobody selected": (0.94, 1.0),
    "clopper-pearson by person, conservative": (0.94, 1.0),
}
"""The same where people have several rows, from samples."""

_PEOPLE = (2, 3, 5, 8, 12, 20, 30, 60, 100, 400)
_ROWS = (2, 4, 20, 0)
_CORRELATIONS = (0.05, 0.2, 0.5, 0.8)
_SIZES = (10, 12, 15, 20, 25, 30, 40, 60, 100, 150, 250, 400, 800)
_RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
_RATIOS = (0.3, 0.5, 0.65, 0.8, 0.9, 1.0, 1.25)

_DEFINED = 0.5
"""Probability of an interval from which a setting counts: an answer given once in five times has no frequency."""

_WEIGHTLESS = 1e-6
"""Probability that each tail of a binomial may lose: the coverage is exact to 4e-6."""


@dataclass(frozen=True)
class Setting:
    """Two groups, the selection ``rate`` of the benchmark, and the true ``ratio`` of the group's rate to it."""

    n: int
    benchmark_n: int
    rate: float
    ratio: float


@dataclass(frozen=True)
class Coverage:
    """Probability ``covered`` that the interval holds the true ratio, given that there is one (``defined``).

    ``chosen`` is how often each method is chosen, given that there is an interval.
    """

    setting: Setting
    covered: float
    defined: float
    chosen: dict[str, float]

    @property
    def method(self) -> str:
        """The method that is chosen most often."""
        return max(self.chosen, key=self.chosen.__getitem__)


def grid() -> Iterator[Setting]:
    """Yield all settings of a grid in which both rates are possible."""
    for n, benchmark_n, rate, ratio in product(_SIZES, _SIZES, _RATES, _RATIOS):
        if rate * ratio <= 0.99 and n * benchmark_n <= 800 * 150:
            yield Setting(n, benchmark_n, rate, ratio)


def random_settings(count: int, *, most: int = 3000, seed: int = 0) -> Iterator[Setting]:
    """Yield settings that no grid was tuned on: sizes from 10 to ``most``, a third of them equal, any rates."""
    rng = np.random.default_rng(seed)
    while count:
        n, other = (int(size) for size in np.exp(rng.uniform(np.log(10), np.log(most), 2)))
        rate, ratio = rng.uniform(0.01, 0.99), float(rng.choice([0.8, 1.0, rng.uniform(0.1, 1.3)]))
        if rate * ratio <= 0.99:
            count -= 1
            yield Setting(n, n if rng.random() < 1 / 3 else other, float(rate), ratio)


def coverage(setting: Setting, *, interval: Interval = ratio_interval) -> Coverage:
    """Return the coverage of an interval in one setting, every pair of counts that has any weight being tried."""
    own, own_weights = _counts(setting.n, setting.rate * setting.ratio)
    other, other_weights = _counts(setting.benchmark_n, setting.rate)
    covered = defined = 0.0
    chosen: dict[str, float] = defaultdict(float)
    for selected, weight in zip(own, own_weights, strict=True):
        for benchmark_selected, other_weight in zip(other, other_weights, strict=True):
            found = interval(int(selected), setting.n, int(benchmark_selected), setting.benchmark_n)
            if isinstance(found, Estimate):
                probability = float(weight * other_weight)
                defined += probability
                covered += probability * (not found.excludes(setting.ratio))
                chosen[getattr(found, "method", "")] += probability
    shares = {method: probability / defined for method, probability in chosen.items()}
    return Coverage(setting, covered / defined, defined, shares)


@dataclass(frozen=True)
class ByPerson:
    """Coverage in samples of people with several rows: ``covered`` by person, ``by_row`` by Katz of rows alone.

    Both are among the samples that have the interval; ``defined`` is the share of those with one by person. ``chosen``
    is how often each method is chosen, given that there is an interval; ``rejected`` how often the test between people
    has p under 0.05, which for a true ratio of 1 should not be more than that.
    """

    setting: Setting
    covered: float
    by_row: float
    defined: float
    chosen: dict[str, float]
    rejected: float

    @property
    def method(self) -> str:
        """The method that is chosen most often."""
        return max(self.chosen, key=self.chosen.__getitem__)


def grid_by_person() -> Iterator[tuple[Setting, int, float]]:
    """Yield settings (n people), rows a person (0: from 1 to 12, drawn) and correlations of their decisions."""
    for n, rate, ratio in product(_PEOPLE, (0.1, 0.3, 0.5, 0.8), (0.1, 0.8, 1.0)):
        for other in sorted({n, 2 * n, 200}):
            for rows, correlation in product(_ROWS, _CORRELATIONS):
                yield Setting(n, other, rate, ratio), rows, correlation


def by_person(setting: Setting, *, rows: int, correlation: float, replicates: int = 4000, seed: int = 0) -> ByPerson:
    """Return the coverage for people (n of a setting) with ``rows`` rows each, or 1 to 12 where that is 0.

    A person's own rate is drawn from a beta distribution: ``correlation`` is that of two decisions on one person.
    """
    rng = np.random.default_rng(seed)
    hits = tried = naive_hits = naive_tried = rejected = 0
    chosen: dict[str, float] = defaultdict(float)
    for _ in range(replicates):
        own, mine = _sample(rng, setting.n, rows, setting.rate * setting.ratio, correlation)
        other, theirs = _sample(rng, setting.benchmark_n, rows, setting.rate, correlation)
        found = ratio_interval(*own, *other, repeats=mine, benchmark_repeats=theirs)
        naive = katz_interval(*own, *other)
        test = clustered_z(*own, mine, *other, theirs)
        rejected += not isinstance(test, Undefined) and test[1] < 0.05
        if isinstance(found, Estimate):
            tried += 1
            hits += not found.excludes(setting.ratio)
            chosen[getattr(found, "method", "")] += 1
        if isinstance(naive, Estimate):
            naive_tried += 1
            naive_hits += not naive.excludes(setting.ratio)
    return ByPerson(
        setting,
        hits / max(tried, 1),
        naive_hits / max(naive_tried, 1),
        tried / replicates,
        {method: number / tried for method, number in chosen.items()} or {"": 1.0},
        rejected / replicates,
    )


def _sample(
    rng: np.random.Generator, people: int, rows: int, rate: float, correlation: float
) -> tuple[tuple[int, int], Repeats]:
    """Return selected and rows of a sample, and the sums over its people."""
    size = 1 / correlation - 1
    n = np.full(people, rows) if rows else rng.integers(1, 13, people)
    s = rng.binomial(n, rng.beta(rate * size, (1 - rate) * size, people))
    return (int(s.sum()), int(n.sum())), Repeats(people, int(n @ n), int(n @ s), int(s @ s))


@cache
def _counts(n: int, rate: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    low, high = binom.ppf(_WEIGHTLESS, n, rate), binom.isf(_WEIGHTLESS, n, rate)
    counts = np.arange(max(0, int(low)), min(n, int(high)) + 1)
    return counts, np.asarray(binom.pmf(counts, n, rate))


def of_one_method(found: Iterable[Coverage], *, least: float = 0.5) -> dict[str, list[Coverage]]:
    """Group coverages by the method chosen with a probability of ``least`` or more, where an interval is likely."""
    groups: dict[str, list[Coverage]] = {method: [] for method in CLAIMS}
    for one in found:
        if one.defined >= _DEFINED and one.chosen[one.method] >= least:
            groups.setdefault(one.method, []).append(one)
    return groups


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the coverage of every method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=10, help="try one setting in so many; 1 takes half an hour")
    every = parser.parse_args(arguments).every
    settings = [*grid()][::every] + list(random_settings(-(-3000 // every)))
    print(f"{len(settings)} settings, all pairs of counts enumerated; coverage of 95 % intervals")
    print(f"{'method':32}{'settings':>9}{'lowest':>9}{'1 in 100':>9}{'median':>9}{'highest':>9}   claimed")
    switching = [coverage(setting) for setting in settings]
    for method, found in of_one_method(switching).items():
        _print(method, found, claim="{:.0%} to {:.0%}".format(*CLAIMS[method]))
    _print("whatever is chosen", switching, claim="at least 93%")
    for interval in (katz_interval, score_interval, clopper_pearson_interval):
        found = [coverage(setting, interval=interval) for setting in settings]
        _print(f"{interval.__name__} alone", found, claim="-")
    print("\npeople with several rows, simulated: settings by the method mostly chosen")
    print(f"{'method':42}{'settings':>9}{'lowest':>9}{'1 in 100':>9}{'median':>9}{'highest':>9}   claimed")
    everything = [*grid_by_person()]
    drawn = np.random.default_rng(0).permutation(len(everything))[: -(-len(everything) // every)]  # no stride is fair
    several = [
        by_person(setting, rows=rows, correlation=correlation, replicates=20_000 // every, seed=int(place))
        for place, (setting, rows, correlation) in ((place, everything[place]) for place in drawn)
    ]
    for method, (least, most) in CLAIMS_BY_PERSON.items():
        covered = [one.covered for one in several if one.method == method and one.defined >= _DEFINED]
        _print_line(method, covered, claim=f"{least:.0%} to {most:.0%}", width=42)
    _print_line("as if rows were people (Katz)", [one.by_row for one in several], claim="-", width=42)
    equal = [one.rejected for one in several if one.setting.ratio == 1 and one.defined >= _DEFINED]
    _print_line("false alarms of the test, p < 0.05", equal, claim="-", width=42)


def _print(name: str, found: Sequence[Coverage], *, claim: str) -> None:
    _print_line(name, [one.covered for one in found if one.defined >= _DEFINED], claim=claim, width=32)


def _print_line(name: str, shares: Sequence[float], *, claim: str, width: int) -> None:
    if shares:
        low, rare, median, high = np.quantile(shares, [0, 0.01, 0.5, 1])
        print(f"{name:{width}}{len(shares):9}{low:9.4f}{rare:9.4f}{median:9.4f}{high:9.4f}   {claim}")


if __name__ == "__main__":
    main()
