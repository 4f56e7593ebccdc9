"""What every other cut would do to the impact ratios; a ratio without its threshold is not reportable.

At each cut people with ``score >= threshold`` are selected, the benchmark is chosen anew by the policy of the table of
groups, and ratio, interval and reading are computed as there (audit-rules.md 5.6). Letters: V values, C cuts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.benchmark import BenchmarkChoice, choose_benchmark, why_left_out
from fairhire.auditing.metrics.resampling import itself
from fairhire.auditing.plan import Sizes
from fairhire.auditing.ratio import below_four_fifths, ratio_interval, reading, widened_interval
from fairhire.auditing.tally import Category, GroupCount, Scored
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


def threshold_table(
    scored: Scored,
    grouping: Sequence[str],
    *,
    deployed: float | None,
    sizes: Sizes,
    level: float = 0.95,
    most_points: int = 101,
    designs: Mapping[Category, float] = MappingProxyType({}),
) -> ThresholdTable:
    """Return ratio, interval and reading of every known group at every attainable cut, at most ``most_points``.

    Attainable are the distinct scores of everybody assessed, unknown people included; where those are too many, the
    cuts are spread evenly over the people, and the ``deployed`` one is always among them. Of binned scores the cuts
    are the lower edges of the bins, and a person counts as selected where the middle of their bin is: exact at an
    edge. ``designs`` gives, where people have several rows, the design effect of every group's rate (1: none), by which
    the intervals are widened. Raises :class:`ValueError` for fewer than 2 points.
    """
    groups = scored.of(grouping)
    points: dict[Category, list[ThresholdPoint]] = {category: [] for category in groups}
    at_least = {category: np.append(np.cumsum(counts[::-1])[::-1], 0) for category, counts in groups.items()}
    for cut in _cuts(scored, deployed, most_points):
        place = int(np.searchsorted(scored.values, cut, side="left"))
        counts = [GroupCount(category, int(above[0]), int(above[place])) for category, above in at_least.items()]
        for category, point in zip(groups, _points(cut, counts, sizes, level, designs), strict=True):
            points[category].append(point)
    return ThresholdTable(
        tuple(grouping), deployed, tuple(ThresholdRow(category, tuple(points[category])) for category in groups)
    )


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
    cut: float, counts: Sequence[GroupCount], sizes: Sizes, level: float, designs: Mapping[Category, float]
) -> list[ThresholdPoint]:
    choice = choose_benchmark(
        counts,
        minimum=sizes.benchmark,
        share=sizes.share,
        known=sum(group.n for group in counts),
        expected=sizes.expected,
    )
    benchmark = next((group for group in counts if group.category == choice.category), None)
    return [_point(cut, group, benchmark, choice, sizes, level, designs) for group in counts]


def _point(
    cut: float,
    group: GroupCount,
    benchmark: GroupCount | None,
    choice: BenchmarkChoice,
    sizes: Sizes,
    level: float,
    designs: Mapping[Category, float],
) -> ThresholdPoint:
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
    against = group.selected, group.n, benchmark.selected, benchmark.n
    if designs:
        design, other = designs.get(group.category, 1.0), designs.get(benchmark.category, 1.0)
        ratio = widened_interval(*against, design=design, benchmark_design=other, level=level)
    else:
        ratio = ratio_interval(*against, level=level)
    return ThresholdPoint(cut, group.selected, group.n, *place, ratio, reading(ratio), below_four_fifths(*against))
