"""What every other cut would do to the impact ratios; a ratio without its threshold is not reportable.

At each cut people with ``score >= threshold`` are selected, the benchmark is chosen anew by the policy of the table of
groups, and ratio, interval and reading are computed as there (audit-rules.md 5.6). Letters: V values, C cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.benchmark import BenchmarkChoice, benchmark_under, why_left_out
from fairhire.auditing.metrics.resampling import itself
from fairhire.auditing.plan import Sizes
from fairhire.auditing.ratio import below_four_fifths, design_effect, ratio_interval, reading, widened_interval
from fairhire.auditing.tally import Category, Clusters, GroupCount, Scored, Tally
from fairhire.errors import NotComputableError
from fairhire.estimate import Measurement, Undefined

__all__ = ["ThresholdPoint", "ThresholdRow", "ThresholdTable", "threshold_table"]


@dataclass(frozen=True)
class ThresholdPoint:
    """One group at one cut, against the benchmark of that cut."""

    threshold: float
    selected: int
    n: int
    benchmark: Category | None
    benchmark_selected: int | None
    benchmark_n: int | None
    ratio: Measurement
    reading: str | None
    below: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return the point as in AUDIT.json."""
        return {
            "threshold": self.threshold,
            "selected": self.selected,
            "n": self.n,
            "benchmark": None if self.benchmark is None else list(self.benchmark),
            "benchmark_selected": self.benchmark_selected,
            "benchmark_n": self.benchmark_n,
            "ratio": self.ratio.to_dict(),
            "reading": self.reading,
            "below_four_fifths": self.below,
        }


@dataclass(frozen=True)
class ThresholdRow:
    """One group over all cuts, in ascending order."""

    category: Category
    points: tuple[ThresholdPoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json."""
        return {"category": list(self.category), "points": [point.to_dict() for point in self.points]}


@dataclass(frozen=True)
class ThresholdTable:
    """All known groups of one grouping over the same cuts; the ``deployed`` one is among them where it is known."""

    grouping: tuple[str, ...]
    deployed: float | None
    rows: tuple[ThresholdRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the threshold table as in AUDIT.json."""
        return {
            "grouping": list(self.grouping),
            "deployed": self.deployed,
            "rows": [row.to_dict() for row in self.rows],
        }


@dataclass(frozen=True)
class _People:
    """What is known of people with several rows, at the cut ``found`` only: ``tables`` are the groups counted there."""

    tables: Mapping[Category, GroupCount]
    found: Literal["of the deployed cut", "at the median"]

    def clusters(self, category: Category) -> Clusters:
        """Return how the rows of a group divide among people, at whatever cut."""
        return self.tables[category].divided

    def design(self, category: Category) -> float | Undefined:
        """Return the design effect of a group's rate where its people were counted; not under 1 [D].

        That rows of a person differ more than those of different people at one cut does not make them do so at others.
        """
        group = self.tables[category]
        design = 1.0 if group.repeats is None else design_effect(group.selected, group.n, group.repeats)
        return design if isinstance(design, Undefined) else max(1.0, design)


def threshold_table(
    tally: Tally, grouping: Sequence[str], *, sizes: Sizes, level: float = 0.95, most_points: int = 101
) -> ThresholdTable:
    """Return ratio, interval and reading of every known group at every attainable cut, at most ``most_points``.

    Attainable are the distinct scores of everybody assessed, unknown people included; where those are too many, the
    cuts are spread evenly over the people, and the deployed one (``tally.threshold``) is always among them. Of binned
    scores the cuts are the lower edges of the bins, and a person counts as selected where the middle of their bin is:
    exact at an edge. Where people have several rows, these were counted together at one cut only, the deployed one if
    the decisions come from it, else the median; there the interval is that of the table of groups, at other cuts it is
    widened by the design effects found there. Raises :class:`NotComputableError` where there are no scores and
    :class:`ValueError` for fewer than 2 points.
    """
    if tally.scored is None:
        raise NotComputableError("a threshold sweep: expected scores, got none")
    scored, deployed = tally.scored, tally.threshold
    groups = scored.of(grouping)
    points: dict[Category, list[ThresholdPoint]] = {category: [] for category in groups}
    at_least = {category: np.append(np.cumsum(counts[::-1])[::-1], 0) for category, counts in groups.items()}

    def counted(cut: float) -> list[GroupCount]:
        place = int(np.searchsorted(scored.values, cut, side="left"))
        return [GroupCount(category, int(above[0]), int(above[place])) for category, above in at_least.items()]

    people = _people_of(tally, grouping, counted)
    for cut in _cuts(scored, deployed, most_points):
        counts = [_with_people(group, people, whole=cut == deployed) for group in counted(cut)]
        for category, point in zip(groups, _points(cut, counts, sizes, level, people), strict=True):
            points[category].append(point)
    return ThresholdTable(
        tuple(grouping), deployed, tuple(ThresholdRow(category, tuple(points[category])) for category in groups)
    )


def _people_of(
    tally: Tally, grouping: Sequence[str], counted: Callable[[float], Sequence[GroupCount]]
) -> _People | None:
    """Return what is known of people with several rows; None where nobody has them.

    The decisions come from the threshold if at that cut as many are selected in every group as were decided for.
    """
    if not tally.people_repeat:
        return None
    if tally.threshold is not None and tally.has("selection"):
        decided = {group.category: group for group in tally.table(grouping, "selection").groups if group.n}
        cut = {one.category: (one.n, one.selected) for one in counted(tally.threshold) if one.n}
        if {category: (group.n, group.selected) for category, group in decided.items()} == cut:
            return _People(decided, "of the deployed cut")
    return _People({group.category: group for group in tally.table(grouping, "scoring").groups}, "at the median")


def _with_people(group: GroupCount, people: _People | None, *, whole: bool) -> GroupCount:
    """Return a group at a cut with what is known of its people: all of it where they were counted at that cut."""
    if people is None or group.n == 0:
        return group
    if whole and people.found == "of the deployed cut":
        return people.tables[group.category]
    return replace(group, clusters=people.clusters(group.category))


def _cuts(scored: Scored, deployed: float | None, most: int) -> list[float]:
    if most < 2:
        raise ValueError(f"a threshold sweep: expected at least 2 points, got {most}")
    everybody = scored.counts.sum(axis=0)
    attained = np.flatnonzero(everybody)
    room = most if deployed is None else most - 1
    if len(attained) > room:
        attained = _spread(everybody, attained, room)
    cuts = {_edge(float(scored.values[place]), scored.width) for place in attained}
    return sorted(cuts if deployed is None else cuts | {deployed})


def _spread(everybody: NDArray[np.int64], attained: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """Return at most ``room`` of the attained places (V,), evenly spread over the people, the ends among them."""
    passed = np.cumsum(everybody[attained])
    wanted = np.linspace(1, passed[-1], room)
    return attained[np.unique(np.searchsorted(passed, wanted, side="left"))]


def _edge(middle: float, width: float) -> float:
    """Return the score from which people of this value are selected; the bin's lower edge, free of rounding noise."""
    return middle if width == 0 else max(0.0, round(middle - width / 2, 12))


def _points(
    cut: float, counts: Sequence[GroupCount], sizes: Sizes, level: float, people: _People | None
) -> list[ThresholdPoint]:
    choice = benchmark_under(counts, sizes)
    return [_point(cut, group, choice, sizes, level, people) for group in counts]


def _point(
    cut: float,
    group: GroupCount,
    choice: BenchmarkChoice,
    sizes: Sizes,
    level: float,
    people: _People | None,
) -> ThresholdPoint:
    benchmark = choice.group
    if benchmark is None:
        why = why_left_out(group, choice, minimum=sizes.ratio)
        reason = why or "no group that may be the benchmark has anybody at or above this cut"
        return ThresholdPoint(cut, group.selected, group.n, None, None, None, Undefined(reason, group.n), None, None)
    place = benchmark.category, benchmark.selected, benchmark.n
    if group is benchmark:
        same = itself(1.0, group.n, level=level)
        return ThresholdPoint(cut, group.selected, group.n, *place, same, None, False)
    why = why_left_out(group, choice, minimum=sizes.ratio)
    if why is not None:
        return ThresholdPoint(cut, group.selected, group.n, *place, Undefined(why, group.n), None, None)
    ratio = _ratio(group, benchmark, people, level=level)
    below = (
        None
        if isinstance(ratio, Undefined)
        else below_four_fifths(group.selected, group.n, benchmark.selected, benchmark.n)
    )
    return ThresholdPoint(cut, group.selected, group.n, *place, ratio, reading(ratio), below)


def _ratio(group: GroupCount, benchmark: GroupCount, people: _People | None, *, level: float) -> Measurement:
    counts = group.selected, group.n, benchmark.selected, benchmark.n
    clusters = group.divided, benchmark.divided
    counted_here = group.clusters is None and benchmark.clusters is None
    if people is None or counted_here or (clusters[0].people == group.n and clusters[1].people == benchmark.n):
        return ratio_interval(*counts, level=level, repeats=group.repeats, benchmark_repeats=benchmark.repeats)
    own, other = people.design(group.category), people.design(benchmark.category)
    if isinstance(own, Undefined):
        return own
    if isinstance(other, Undefined):
        return other
    return widened_interval(*counts, designs=(own, other), clusters=clusters, cut=people.found, level=level)
