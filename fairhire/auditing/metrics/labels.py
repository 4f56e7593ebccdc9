"""The labels' own rates beside the model's: whether a model repeats what its labels hold, softens or amplifies it.

Amplification is the model's impact ratio divided by that of the labels, on the same rows (audit-rules.md 5.6). Under 1
the model is harder on the group than the labels are, over 1 milder. Letters: R replicates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.metrics.resampling import drawn_counts, itself
from fairhire.auditing.ratio import ratio_interval
from fairhire.auditing.tally import Category, Confusion, Tally
from fairhire.estimate import Measurement, MethodEstimate, Undefined, wilson

__all__ = ["LabelRow", "LabelTable", "label_table"]

_METHOD = "bootstrap of rows, label and decision together, percentile; half a row added to every cell"


@dataclass(frozen=True)
class LabelRow:
    """One group: ``positive`` of ``n`` rows are labelled hirable; ratios of labels and of decisions on these rows."""

    category: Category
    n: int
    positive: int
    rate: Measurement
    label_ratio: Measurement
    model_ratio: Measurement
    amplification: Measurement

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json."""
        return {
            "category": list(self.category),
            "n": self.n,
            "positive": self.positive,
            "rate": self.rate.to_dict(),
            "label_ratio": self.label_ratio.to_dict(),
            "model_ratio": self.model_ratio.to_dict(),
            "amplification": self.amplification.to_dict(),
        }


@dataclass(frozen=True)
class LabelTable:
    """All known groups of one grouping against the model's benchmark, rows with a label and a decision only.

    ``rows_as_witnesses`` where people have several rows, which the intervals take as independent.
    """

    grouping: tuple[str, ...]
    benchmark: Category
    rows: tuple[LabelRow, ...]
    rows_as_witnesses: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the label table as in AUDIT.json."""
        return {
            "grouping": list(self.grouping),
            "benchmark": list(self.benchmark),
            "rows_as_witnesses": self.rows_as_witnesses,
            "rows": [row.to_dict() for row in self.rows],
        }


def label_table(
    tally: Tally, grouping: Sequence[str], *, benchmark: Category, level: float = 0.95, seed: int = 0
) -> LabelTable | Undefined:
    """Return label and model ratios against the model's ``benchmark``; Undefined where no row has label and decision.

    The interval of the amplification resamples label and decision of a row together, because they are of the same
    people; half a row is added to every cell, so that a cell which happens to be empty is not taken for impossible
    [D]. All intervals take rows as independent, which ``rows_as_witnesses`` says where people have several.
    """
    tables = tally.confusion(grouping) if tally.has_labels else {}
    if not any(table.n for table in tables.values()):
        return Undefined("no row of a known group has a true label and a decision", tally.rows)
    rows = [
        _row(category, tables, benchmark, level=level, seed=(seed, place))
        for place, category in enumerate(tables, start=1)
    ]
    return LabelTable(tuple(grouping), benchmark, tuple(rows), tally.people_repeat)


def _row(
    category: Category,
    tables: Mapping[Category, Confusion],
    benchmark: Category,
    *,
    level: float,
    seed: tuple[int, int],
) -> LabelRow:
    mine, other = tables[category], tables.get(benchmark, Confusion(0, 0, 0, 0))
    positive = mine.tp + mine.fn
    rate = wilson(positive, mine.n, level=level)
    if category == benchmark:
        same = itself(1.0, mine.n, level=level)
        return LabelRow(category, mine.n, positive, rate, same, same, same)
    label = ratio_interval(positive, mine.n, other.tp + other.fn, other.n, level=level)
    model = ratio_interval(mine.tp + mine.fp, mine.n, other.tp + other.fp, other.n, level=level)
    return LabelRow(
        category, mine.n, positive, rate, label, model, _amplification(mine, other, label, model, level, seed)
    )


def _amplification(
    mine: Confusion, other: Confusion, label: Measurement, model: Measurement, level: float, seed: tuple[int, int]
) -> Measurement:
    people = mine.n + other.n
    for name, ratio in (("labels", label), ("model", model)):
        if isinstance(ratio, Undefined):
            return Undefined(f"no ratio of the {name}: {ratio.reason}", people)
    if mine.tp + mine.fn == 0:
        return Undefined("nobody of the group is labelled hirable: the ratio of the labels is 0", people)
    value = float((_tilt(_cells(mine)) / _tilt(_cells(other)))[0])
    drawn = _tilt(_resampled(mine, (*seed, 0))) / _tilt(_resampled(other, (*seed, 1)))
    if value > 0:  # a factor cannot move 0: there the resamples stand as they are
        drawn *= value / (_tilt(_cells(mine) + 0.5) / _tilt(_cells(other) + 0.5))[0]
    tail = (1 - level) / 2
    low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
    return MethodEstimate(value, min(low, value), max(high, value), level, people, _METHOD)


def _cells(table: Confusion) -> NDArray[np.float64]:
    return np.array([[table.tp, table.fp, table.fn, table.tn]], dtype=np.float64)


def _tilt(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return selected by labelled hirable (R,) of cells (R, 4); the number of rows cancels."""
    tilt: NDArray[np.float64] = (cells[:, 0] + cells[:, 1]) / (cells[:, 0] + cells[:, 2])
    return tilt


def _resampled(table: Confusion, seed: tuple[int, ...]) -> NDArray[np.float64]:
    return drawn_counts(_cells(table)[0] + 0.5, total=table.n, seed=seed) + 0.5
