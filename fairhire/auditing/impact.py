"""Who is selected how often: rates and impact ratios by group, exact at the four-fifths line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.ratio import below_four_fifths, katz_interval
from fairhire.errors import DataError
from fairhire.estimate import Measurement, Undefined, wilson, written

__all__ = [
    "MINIMUM_GROUP",
    "GroupImpact",
    "Impact",
    "above_median",
    "at_threshold",
    "impact_by_group",
]

MINIMUM_GROUP = 10
"""People below which a group has no ratio and cannot be the benchmark (our default, audit-rules.md 5.7)."""


@dataclass(frozen=True)
class GroupImpact:
    """One group: ``selected`` of ``n`` people, their ``rate`` (Wilson interval), and the ratio to the benchmark's rate.

    ``ratio`` is the exact quotient or :class:`Undefined`; ``interval`` is its Katz interval, or why there is none.
    ``below`` says whether the ratio lies under four fifths, compared in integers; None without a ratio.
    """

    category: str
    n: int
    selected: int
    rate: Measurement
    ratio: float | Undefined
    interval: Measurement
    below: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return the group as JSON can hold it."""
        return {
            "category": self.category,
            "n": self.n,
            "selected": self.selected,
            "rate": self.rate.to_dict(),
            "ratio": written(self.ratio),
            "interval": self.interval.to_dict(),
            "below_four_fifths": self.below,
        }


@dataclass(frozen=True)
class Impact:
    """The groups of one attribute in alphabetical order, the ``benchmark`` among them, and the unknown, only counted.

    ``smallest`` is the lowest ratio of all groups that have one.
    """

    attribute: str
    groups: tuple[GroupImpact, ...]
    benchmark: str | None
    unknown_n: int
    unknown_selected: int

    @property
    def smallest(self) -> GroupImpact | None:
        """The group with the lowest ratio, None where no group but the benchmark has one."""
        rated = [g for g in self.groups if g.category != self.benchmark and not isinstance(g.ratio, Undefined)]
        return min(rated, key=lambda group: (group.ratio, group.category), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as JSON can hold it."""
        return {
            "attribute": self.attribute,
            "benchmark": self.benchmark,
            "groups": [group.to_dict() for group in self.groups],
            "unknown": {"n": self.unknown_n, "selected": self.unknown_selected},
        }


def at_threshold(score: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Return who is selected at ``score >= threshold``; scores (N,)."""
    return _finite(score) >= threshold


def above_median(score: ArrayLike) -> NDArray[np.bool_]:
    """Return who scores strictly above the median of everybody assessed, unknown people included (audit-rules.md 4.2).

    With more than half at the top value nobody does: the ratios are then undefined, which is the right answer.
    """
    values = _finite(score)
    if not len(values):
        return np.zeros(0, dtype=bool)
    return values > np.median(values)


def impact_by_group(
    selected: ArrayLike,
    categories: ArrayLike,
    *,
    attribute: str,
    categories_declared: Sequence[str] = (),
    minimum: int = MINIMUM_GROUP,
    level: float = 0.95,
) -> Impact:
    """Return rate and impact ratio of every group for ``selected`` (N,) 0/1 and ``categories`` (N,).

    The benchmark is the group of the highest rate among those of at least ``minimum`` rows, compared in integers; of
    equals the largest, then the first by name. ``categories_declared`` are listed even when nobody is in them.
    Rows, not people, are counted: give one row per application.
    """
    chosen, names = np.asarray(selected), np.asarray(categories, dtype=str)
    if chosen.shape != names.shape or chosen.ndim != 1:
        raise DataError(f"{attribute}: expected one decision a category, got {chosen.shape} and {names.shape}")
    if not np.isin(chosen, (0, 1)).all():
        raise DataError(f"{attribute}: expected decisions of 0 or 1, got {chosen[~np.isin(chosen, (0, 1))][0]!r}")
    groups = sorted((set(names.tolist()) | set(categories_declared)) - {UNKNOWN})
    counts = {name: (int((names == name).sum()), int(chosen[names == name].sum())) for name in groups}
    benchmark = _benchmark(counts, minimum)
    rows = [_group(name, counts, benchmark, minimum=minimum, level=level) for name in groups]
    unknown = names == UNKNOWN
    return Impact(attribute, tuple(rows), benchmark, int(unknown.sum()), int(chosen[unknown].sum()))


def _benchmark(counts: dict[str, tuple[int, int]], minimum: int) -> str | None:
    best: str | None = None
    for name, (n, selected) in counts.items():
        if n < max(minimum, 1):
            continue
        if best is None:
            best = name
            continue
        best_n, best_selected = counts[best]
        mine, theirs = selected * best_n, best_selected * n
        if mine > theirs or (mine == theirs and n > best_n):
            best = name
    return best


def _group(
    name: str, counts: dict[str, tuple[int, int]], benchmark: str | None, *, minimum: int, level: float
) -> GroupImpact:
    n, selected = counts[name]
    rate = wilson(selected, n, level=level)
    reference_n, reference = (0, 0) if benchmark is None else counts[benchmark]
    missing = _why_no_ratio(n, reference, minimum)
    if missing is not None:
        return GroupImpact(name, n, selected, rate, missing, missing, None)
    if name == benchmark:
        interval: Measurement = Undefined("this group is the benchmark", n)
    else:
        interval = katz_interval(selected, n, reference, reference_n, level=level)
    ratio = (selected * reference_n) / (reference * n)
    below = below_four_fifths(selected, n, reference, reference_n)
    return GroupImpact(name, n, selected, rate, ratio, interval, below)


def _why_no_ratio(n: int, benchmark_selected: int, minimum: int) -> Undefined | None:
    if n == 0:
        return Undefined("the group is empty", 0)
    if n < minimum:
        return Undefined(f"fewer than {minimum} people", n)
    if benchmark_selected == 0:
        return Undefined("nobody is selected in any group of sufficient size", n)
    return None


def _finite(score: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(score, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise DataError("scores: expected finite numbers, one a row, got NaN, infinity or another shape")
    return values
