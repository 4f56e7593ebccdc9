"""What a comparison says of one quantity: before, after, and the change with its interval and a plain reading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fairhire.auditing.tally import Category
from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.left_out import LeftOut

__all__ = ["Change", "ComparisonResult", "Scale", "independent_change", "name_group", "stands_alone", "what_is_missing"]

Scale = Literal["difference", "ratio", "share"]
"""What a change is: second minus first, second by first, or the share of people whose decision changed."""


@dataclass(frozen=True)
class Change:
    """One quantity before and after, and its change; ``first`` and ``second`` are None for a share of changes.

    ``grouping`` and ``category`` are None for a quantity of everybody.
    """

    quantity: str
    grouping: tuple[str, ...] | None
    category: Category | None
    first: Measurement | None
    second: Measurement | None
    change: Measurement
    scale: Scale

    @property
    def reading(self) -> str:
        """``higher`` or ``lower`` where the interval excludes no change, ``same``, ``undecided`` or ``undefined``.

        A share of changed decisions is only ``measured``: there is nothing it could be higher than.
        """
        if isinstance(self.change, Undefined):
            return "undefined"
        if self.scale == "share":
            return "measured"
        none = 1.0 if self.scale == "ratio" else 0.0
        if self.change.low == self.change.high == none:
            return "same"
        if self.change.excludes(none):
            return "higher" if self.change.value > none else "lower"
        return "undecided"

    @property
    def words(self) -> str:
        """The change as a sentence without its full stop."""
        who = "" if self.grouping is None or self.category is None else f"{name_group(self.grouping, self.category)}: "
        change = self.change
        if isinstance(change, Undefined):
            return f"{who}{self.quantity}: no change can be computed, {change.reason}"
        if self.scale == "share":
            return f"{who}{self.quantity}: {change}"
        before = f"from {self.first} to {self.second}"
        by = f"times {change}" if self.scale == "ratio" else f"by {change}"
        return {
            "higher": f"{who}{self.quantity} rose {before}, {by}",
            "lower": f"{who}{self.quantity} fell {before}, {by}",
            "same": f"{who}{self.quantity} did not change, {self.first} in both",
            "undecided": f"{who}{self.quantity}: whether it changed is undecided, {before}, {by}",
        }[self.reading]

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON can hold it."""
        return {
            "quantity": self.quantity,
            "grouping": None if self.grouping is None else list(self.grouping),
            "category": None if self.category is None else list(self.category),
            "first": None if self.first is None else self.first.to_dict(),
            "second": None if self.second is None else self.second.to_dict(),
            "change": self.change.to_dict(),
            "scale": self.scale,
            "reading": self.reading,
            "words": self.words,
        }


@dataclass(frozen=True)
class ComparisonResult:
    """All changes; whether they are ``paired``, that is measured on the same people; what was left out of them.

    ``words`` says how the two were compared and what to keep in mind, in sentences.
    """

    rows: tuple[Change, ...]
    paired: bool
    left_out: tuple[LeftOut, ...]
    words: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON can hold it."""
        return {
            "paired": self.paired,
            "rows": [row.to_dict() for row in self.rows],
            "left_out": [item.to_dict() for item in self.left_out],
            "words": list(self.words),
        }


def what_is_missing(first: Measurement, second: Measurement) -> Undefined | None:
    """Return why there is no change, where one side does not exist; None where both do."""
    for name, side in (("first", first), ("second", second)):
        if isinstance(side, Undefined):
            return Undefined(f"in the {name}: {side.reason}", side.n)
    return None


def independent_change(first: Measurement, second: Measurement, scale: Scale) -> Measurement:
    """Return the change between two independent measurements, from their intervals alone.

    Donner and Zou's method of variance estimates recovery: each end lies as far from the change as the two ends that
    lead there are from their values, in quadrature. For two Wilson intervals it is Newcombe's interval (audit-rules.md
    5.1); for a ratio it is done on the log scale, where for two Katz intervals it adds their variances.
    """
    missing = what_is_missing(first, second)
    if missing is not None:
        return missing
    assert isinstance(first, Estimate)
    assert isinstance(second, Estimate)
    people = first.n + second.n
    if first.level != second.level:
        return Undefined(f"the intervals are of different levels, {first.level:g} and {second.level:g}", people)
    before, after = ((side.value, side.low, side.high) for side in (first, second))
    if scale == "ratio":
        if min(*before, *after) <= 0:
            return Undefined("a ratio, or an end of its interval, is zero", people)
        before, after = ((math.log(one), math.log(two), math.log(three)) for one, two, three in (before, after))
    change = after[0] - before[0]
    low = change - math.hypot(after[0] - after[1], before[2] - before[0])
    high = change + math.hypot(after[2] - after[0], before[0] - before[1])
    if scale == "ratio":
        change, low, high = math.exp(change), math.exp(low), math.exp(high)
    return Estimate(change, low, high, first.level, people)


def name_group(grouping: Sequence[str], category: Sequence[str]) -> str:
    """Return a group in words: ``sex F, race Asian``."""
    return ", ".join(f"{attribute} {name}" for attribute, name in zip(grouping, category, strict=True))


def stands_alone(rows: Sequence[Change], level: float) -> str:
    """Return what to keep in mind of many intervals at ``level``."""
    if not rows:
        return "Nothing is defined in both: there is no change to show."
    return (
        f"{len(rows)} changes are shown and every interval of {100 * level:g} % stands alone: where nothing changed, "
        f"about {100 * (1 - level):.2g} in 100 would still exclude it."
    )
