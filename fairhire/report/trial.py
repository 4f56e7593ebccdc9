"""Two models of the same people, one defended and one not, as one record: everything that the page about them shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fairhire.auditing.impact import Impact
from fairhire.auditing.leakage import LeakageResult, LeakageRow
from fairhire.estimate import Estimate, Measurement, Undefined
from fairhire.left_out import LeftOut

__all__ = [
    "DEFENDED",
    "UNDEFENDED",
    "AdversaryEnd",
    "Direction",
    "Epoch",
    "Leak",
    "ModelFigures",
    "RatioChange",
    "Trial",
    "direction_of",
    "leaks",
]

UNDEFENDED, DEFENDED = "undefended", "defended"
"""The two subjects of a trial, as their leakage rows name them."""

Direction = Literal["lower", "higher", "undecided", "undefined"]


@dataclass(frozen=True)
class Epoch:
    """One epoch of training: the task's AUC on validation people, and the adversary beside its chance if it played."""

    number: int
    task_auc: float
    adversary_accuracy: float | None = None
    adversary_chance: float | None = None


@dataclass(frozen=True)
class ModelFigures:
    """One model on the test people.

    ``recruiters`` and ``truth`` are :func:`fairhire.estimate.task_metrics` against the recruiters' labels and against
    the unbiased ones; ``impacts`` has one table an attribute, selected meaning a score above the median.
    """

    name: str
    recruiters: Mapping[str, Measurement]
    truth: Mapping[str, Measurement]
    impacts: tuple[Impact, ...]
    history: tuple[Epoch, ...]
    chosen_epoch: int


@dataclass(frozen=True)
class RatioChange:
    """How often ``group`` is selected for one selected of ``benchmark``, by both models, and the paired difference.

    The two groups are those of the undefended model's impact ratio, so that both models answer the same question.
    ``before`` and ``after`` are Katz intervals, ``difference`` (after minus before) is resampled by person.
    """

    attribute: str
    group: str
    benchmark: str
    before: Measurement
    after: Measurement
    difference: Measurement


@dataclass(frozen=True)
class AdversaryEnd:
    """What the adversary said of itself in the epoch whose weights are deployed; not leakage."""

    accuracy: float
    chance: float
    false_success: str | None


@dataclass(frozen=True)
class Trial:
    """An undefended and a defended model, trained alike, measured on the same test people.

    ``recruiters`` and ``truth`` are the impact tables of the labels themselves. ``merit_change`` and ``task_change``
    are paired differences of the AUC (defended minus undefended) against the unbiased and the recruiters' labels.
    ``people`` counts candidates and ``interviews`` interviews by part; ``bias`` is the planted dial, and
    ``provenance`` what a reader needs to repeat it, as (name, value) in order.
    """

    undefended: ModelFigures
    defended: ModelFigures
    recruiters: tuple[Impact, ...]
    truth: tuple[Impact, ...]
    merit_change: Measurement
    task_change: Measurement
    ratio_changes: tuple[RatioChange, ...]
    leakage: LeakageResult
    adversary: AdversaryEnd | None
    people: Mapping[str, int]
    interviews: Mapping[str, int]
    bias: float
    replicates: int
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Leak:
    """What the strongest probe reads of one attribute before and after, and which way it went."""

    attribute: str
    before: LeakageRow
    after: LeakageRow
    difference: Measurement
    direction: Direction

    @property
    def remains(self) -> bool:
        """Whether the defended model still lets the attribute be read better than by a blind guess."""
        return isinstance(self.after.estimate, Estimate) and self.after.estimate.low > self.after.chance


def direction_of(difference: Measurement) -> Direction:
    """Return which way a difference goes, if its interval excludes zero."""
    if isinstance(difference, Undefined):
        return "undefined"
    if difference.high < 0:
        return "lower"
    return "higher" if difference.low > 0 else "undecided"


def leaks(result: LeakageResult, *, source: str, metric: str = "auc") -> tuple[Leak, ...]:
    """Return one :class:`Leak` per attribute that ``metric`` was measured of from ``source``.

    The strongest probe may be another one after than before, and picking the maximum twice is not a paired
    comparison. "Lower" is therefore said only where the reading that is strongest *after* fell, since the maximum
    before was at least as high as that reading; "higher" only where the reading that was strongest *before* rose.
    """
    strongest = {(row.subject, row.attribute): row for row in result.strongest() if _is(row, source, metric)}
    paired = {(c.source, c.target, c.probe, c.metric): c.difference for c in result.comparisons}

    def difference(row: LeakageRow) -> Measurement:
        return paired[row.source, row.target, row.probe, row.metric]

    found = []
    for (subject, attribute), before in strongest.items():
        after = strongest.get((DEFENDED, attribute))
        if subject != UNDEFENDED or after is None:
            continue
        fell, rose = difference(after), difference(before)
        if direction_of(fell) == "lower":
            direction, shown = direction_of(fell), fell
        elif direction_of(rose) == "higher":
            direction, shown = direction_of(rose), rose
        elif isinstance(fell, Undefined):
            direction, shown = "undefined", fell
        else:
            direction, shown = "undecided", rose if direction_of(fell) == "higher" else fell
        found.append(Leak(attribute, before, after, shown, direction))
    return tuple(found)


def _is(row: LeakageRow, source: str, metric: str) -> bool:
    return row.source == source and row.metric == metric
