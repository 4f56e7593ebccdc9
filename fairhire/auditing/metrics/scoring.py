"""The median that scoring rates are about, and whether another reading of it would change any ratio.

New York's rule counts who scores above the median of everybody assessed (6 RCNY 5-301(c)(1)), those of unknown
category included. Others take the people of known category only; where that moves a ratio by more than 0.01, both are
printed (audit-rules.md 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.benchmark import benchmark_under, why_left_out
from fairhire.auditing.metrics.distances import quantile_of_counts
from fairhire.auditing.plan import Sizes
from fairhire.auditing.tally import Category, Clusters, GroupCount, Scored, Tally
from fairhire.errors import NotComputableError
from fairhire.estimate import Undefined, written

__all__ = ["OtherReading", "Scoring", "scoring"]

_MOVED = 0.01


@dataclass(frozen=True)
class OtherReading:
    """A ratio with the median of everybody assessed, and with that of the people of known category only.

    ``exact`` is False where scores were counted in bins: people in the median's own bin then count as not above it.
    """

    grouping: tuple[str, ...]
    category: Category
    ratio: float | Undefined
    ratio_known_only: float | Undefined
    exact: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the item as in AUDIT.json."""
        ratios = {"ratio": self.ratio, "ratio_known_only": self.ratio_known_only}
        return {
            "grouping": list(self.grouping),
            "category": list(self.category),
            **{name: written(one) for name, one in ratios.items()},
            "exact": self.exact,
        }


@dataclass(frozen=True)
class Scoring:
    """The exact ``median`` of ``n`` scores; ``tied`` of them lie on it and ``above`` over it."""

    median: float
    tied: int
    above: int
    n: int
    other_reading: tuple[OtherReading, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the scoring object as in AUDIT.json."""
        return {
            "median": self.median,
            "tied": self.tied,
            "above": self.above,
            "n": self.n,
            "other_reading": [item.to_dict() for item in self.other_reading],
        }


def scoring(tally: Tally, groupings: Sequence[Sequence[str]], *, sizes: Sizes) -> Scoring:
    """Return the median with its ties, and the ratios that change by more than 0.01 when only known people set it.

    A ratio that exists under one reading only is listed too. Known are the rows with a category in every attribute of
    the grouping. Raises :class:`NotComputableError` where there are no scores.
    """
    if tally.median is None:
        raise NotComputableError("the median: expected scores, got none")
    scored = tally.cells[tally.cells["above"] >= 0]
    return Scoring(
        median=tally.median,
        tied=tally.tied,
        above=int((scored["n"] * scored["above"]).sum()),
        n=int(scored["n"].sum()),
        other_reading=tuple(item for grouping in groupings for item in _other_reading(tally, tuple(grouping), sizes)),
    )


def _other_reading(tally: Tally, grouping: tuple[str, ...], sizes: Sizes) -> list[OtherReading]:
    if tally.scored is None:
        return []
    groups = tally.table(grouping, "scoring").groups
    first = _ratios(groups, sizes)
    other = _ratios(_known_only(tally.scored, grouping, {group.category: group.divided for group in groups}), sizes)
    return [
        OtherReading(grouping, category, ratio, other[category], tally.scored.width == 0)
        for category, ratio in first.items()
        if category in other and _moved(ratio, other[category])
    ]


def _known_only(scored: Scored, grouping: tuple[str, ...], clusters: Mapping[Category, Clusters]) -> list[GroupCount]:
    """Return how many of each group lie above the median of the known rows."""
    groups = scored.of(grouping)
    everybody: NDArray[np.int64] = np.sum(list(groups.values()), axis=0, dtype=np.int64)
    median = quantile_of_counts(scored.values, everybody, 0.5) if groups else Undefined("nobody is known", 0)
    if isinstance(median, Undefined):
        return []
    above = scored.values > median
    return [
        GroupCount(name, int(counts.sum()), int(counts[above].sum()), clusters=clusters.get(name))
        for name, counts in groups.items()
    ]


def _ratios(groups: Sequence[GroupCount], sizes: Sizes) -> dict[Category, float | Undefined]:
    choice = benchmark_under(groups, sizes)
    benchmark = choice.group
    ratios: dict[Category, float | Undefined] = {}
    for group in groups:
        why = why_left_out(group, choice, minimum=sizes.ratio)
        if why is not None:
            ratios[group.category] = Undefined(why, group.n)
        elif benchmark is None:
            ratios[group.category] = Undefined("nobody who may be the benchmark is above the median", group.n)
        else:
            ratios[group.category] = group.selected * benchmark.n / (benchmark.selected * group.n)
    return ratios


def _moved(first: float | Undefined, second: float | Undefined) -> bool:
    if isinstance(first, Undefined) or isinstance(second, Undefined):
        return isinstance(first, Undefined) is not isinstance(second, Undefined)
    return abs(first - second) > _MOVED
