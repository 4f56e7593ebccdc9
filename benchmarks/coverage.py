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
    clustered_interval,
    katz_interval,
    ratio_interval,
    score_interval,
)
from fairhire.auditing.tally import Repeats
from fairhire.estimate import Estimate, Measurement

__all__ = ["CLAIMS", "Coverage", "Setting", "by_person", "coverage", "grid", "main", "of_one_method", "random_settings"]

Interval = Callable[[int, int, int, int], Measurement]

CLAIMS = {
    "katz": (0.94, 0.96),
    "score": (0.94, 0.96),
    "score, small counts": (0.93, 1.0),
    "clopper-pearson, conservative": (0.94, 1.0),
}
"""Between what the coverage must lie at level 95 %, in every setting in which a method is the one mostly chosen."""

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


def by_person(
    setting: Setting, *, rows: int, correlation: float, replicates: int = 4000, seed: int = 0
) -> tuple[float, float, str]:
    """Return coverage by person and by row, and the method, for people (n of a setting) with ``rows`` rows each.

    A person's own rate is drawn from a beta distribution: ``correlation`` is that of two decisions on one person.
    """
    rng = np.random.default_rng(seed)
    hits = np.zeros(2)
    methods: dict[str, int] = defaultdict(int)
    tried = 0
    for _ in range(replicates):
        one = _people(rng, setting.n, rows, setting.rate * setting.ratio, correlation)
        other = _people(rng, setting.benchmark_n, rows, setting.rate, correlation)
        counts = int(one.sum()), setting.n * rows, int(other.sum()), setting.benchmark_n * rows
        found = clustered_interval(*counts, repeats=_repeats(one, rows), benchmark_repeats=_repeats(other, rows))
        naive = katz_interval(*counts)
        if isinstance(found, Estimate) and isinstance(naive, Estimate):
            tried += 1
            hits += [not found.excludes(setting.ratio), not naive.excludes(setting.ratio)]
            methods[getattr(found, "method", "")] += 1
    people, by_row = hits / tried
    return float(people), float(by_row), max(methods, key=methods.__getitem__)


def _people(rng: np.random.Generator, people: int, rows: int, rate: float, correlation: float) -> NDArray[np.int64]:
    size = 1 / correlation - 1
    return rng.binomial(rows, rng.beta(rate * size, (1 - rate) * size, people))


def _repeats(selected: NDArray[np.int64], rows: int) -> Repeats:
    people = len(selected)
    return Repeats(people, people * rows * rows, int(rows * selected.sum()), int((selected**2).sum()))


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
    print("\npeople with 4 rows each, simulated: by person, and as if the rows were people")
    for people, rate, correlation in product((25, 100, 400), (0.1, 0.5), (0.2, 0.6)):
        setting = Setting(people, 2 * people, rate, 0.8)
        own, rows, method = by_person(setting, rows=4, correlation=correlation, replicates=40_000 // every)
        about = f"{people} against {2 * people}, rate {rate}, correlation {correlation}"
        print(f"{about:52}{own:7.3f}{rows:7.3f}   {method}")


def _print(name: str, found: Sequence[Coverage], *, claim: str) -> None:
    covered = [one.covered for one in found if one.defined >= _DEFINED]
    if covered:
        low, rare, median, high = np.quantile(covered, [0, 0.01, 0.5, 1])
        print(f"{name:32}{len(covered):9}{low:9.4f}{rare:9.4f}{median:9.4f}{high:9.4f}   {claim}")


if __name__ == "__main__":
    main()
