"""Where a gap comes from: what the labels' own rates explain of it, and what is left among people of the same label.

Taking the face out of a representation cannot take out of a score what the labels themselves hold. The selection rate
of a group is its label shares times the rates at which the model selects each label; the difference to the benchmark
is split between both, half and half in each other's terms (Kitagawa, JASA 1955; Oaxaca and Blinder's twofold form), so
that the two parts are the gap to the last digit. Amplification of information is what decisions tell of the group less
what labels tell of it, in bits (Yan et al. 2020, papers section 3). Letters: K groups, R replicates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.metrics.resampling import drawn_counts, interval_around
from fairhire.auditing.tally import Category, Confusion, Tally
from fairhire.estimate import Estimate, Measurement, Undefined

__all__ = ["GapRow", "GapTable", "gap_table", "mutual_information"]

Floats = NDArray[np.float64]

_METHOD = "bootstrap of rows, label and decision together, percentile"


@dataclass(frozen=True)
class GapRow:
    """One group against the benchmark: ``gap`` is its selection rate less the benchmark's, in shares of people.

    ``by_labels`` is the part that follows from different shares of people labelled hirable, ``at_equal_label`` the part
    that follows from selecting people of the same label at different rates; they add up to the gap. ``label_gap`` is
    the difference of the labels' own rates: a bias of those who labelled, or a true difference, which no count can
    tell apart. ``reading`` names the larger part where its interval excludes 0: ``labels``, ``model``, ``both``,
    ``neither`` or None.
    """

    category: Category
    n: int
    gap: Measurement
    by_labels: Measurement
    at_equal_label: Measurement
    label_gap: Measurement
    reading: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in AUDIT.json."""
        return {
            "category": list(self.category),
            "n": self.n,
            "gap": self.gap.to_dict(),
            "by_labels": self.by_labels.to_dict(),
            "at_equal_label": self.at_equal_label.to_dict(),
            "label_gap": self.label_gap.to_dict(),
            "reading": self.reading,
        }


@dataclass(frozen=True)
class GapTable:
    """Every known group but the benchmark; ``label_bits`` and ``decision_bits`` are what both tell of the group.

    ``amplified_bits`` is the difference, positive where decisions tell more. ``rows_as_witnesses`` where people have
    several rows, which the intervals take as independent.
    """

    grouping: tuple[str, ...]
    benchmark: Category
    rows: tuple[GapRow, ...]
    label_bits: Measurement
    decision_bits: Measurement
    amplified_bits: Measurement
    rows_as_witnesses: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the table as in AUDIT.json."""
        return {
            "grouping": list(self.grouping),
            "benchmark": list(self.benchmark),
            "rows": [row.to_dict() for row in self.rows],
            "label_bits": self.label_bits.to_dict(),
            "decision_bits": self.decision_bits.to_dict(),
            "amplified_bits": self.amplified_bits.to_dict(),
            "rows_as_witnesses": self.rows_as_witnesses,
        }


def gap_table(
    tally: Tally, grouping: Sequence[str], *, benchmark: Category, minimum: int = 30, level: float = 0.95, seed: int = 0
) -> GapTable | Undefined:
    """Return where every group's gap to ``benchmark`` comes from; Undefined where no row has label and decision.

    A group, or the benchmark, with fewer than ``minimum`` labelled rows, or with people of one label only, has no
    decomposition: what the model would do with its people of the other label nobody has seen.
    """
    tables = tally.confusion(grouping) if tally.has_labels else {}
    tables = {category: table for category, table in tables.items() if table.n}
    if not tables:
        return Undefined("no row of a known group has a true label and a decision", tally.rows)
    rows = tuple(
        _row(category, table, tables.get(benchmark), minimum, level=level, seed=(seed, place))
        for place, (category, table) in enumerate(tables.items())
        if category != benchmark
    )
    bits = _information(tables, level=level, seed=(seed, len(tables), 7))
    return GapTable(tuple(grouping), benchmark, rows, *bits, tally.people_repeat)


def mutual_information(cells: Floats) -> Floats:
    """Return the bits (R,) that columns tell of rows in counts (R, K, 2); 0 where one side never varies."""
    shares = cells / cells.sum(axis=(1, 2), keepdims=True)
    expected = shares.sum(axis=2, keepdims=True) * shares.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log2(shares / expected), 0.0)
    bits: Floats = terms.sum(axis=(1, 2))
    return bits.clip(min=0.0)


def _row(
    category: Category,
    table: Confusion,
    other: Confusion | None,
    minimum: int,
    *,
    level: float,
    seed: tuple[int, int],
) -> GapRow:
    missing = _why_not(table, other, minimum)
    if missing is not None or other is None:
        undefined = Undefined(missing or "there is no benchmark", table.n)
        return GapRow(category, table.n, undefined, undefined, undefined, undefined, None)
    cells = [_cells(one) for one in (table, other)]
    values = _parts(*(one[None, :] for one in cells))
    drawn = _parts(*(drawn_counts(one, total=int(one.sum()), seed=(*seed, place)) for place, one in enumerate(cells)))
    n = table.n + other.n
    gap, by_labels, at_equal, label_gap = (
        interval_around(float(value[0]), sample, n=n, level=level, method=_METHOD, bounds=(-1.0, 1.0))
        for value, sample in zip(values, drawn, strict=True)
    )
    return GapRow(category, table.n, gap, by_labels, at_equal, label_gap, _reading(by_labels, at_equal))


def _why_not(table: Confusion, other: Confusion | None, minimum: int) -> str | None:
    if other is None:
        return "the benchmark has no row with a label and a decision"
    for words, one in (("the group", table), ("the benchmark", other)):
        if one.n < minimum:
            return f"{words} has fewer than {minimum} rows with a label and a decision ({one.n})"
        if not (one.tp + one.fn) or not (one.fp + one.tn):
            return f"{words} has people of one label only"
    return None


def _cells(table: Confusion) -> Floats:
    return np.array([table.tp, table.fn, table.fp, table.tn], dtype=np.float64)


def _parts(mine: Floats, other: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return gap, its part by labels, its part at equal label, and the labels' gap (R,) of cells (R, 4) each."""
    with np.errstate(divide="ignore", invalid="ignore"):
        (p, s1, s0), (q, t1, t0) = ((_rates(cells)) for cells in (mine, other))
        by_labels = (p - q) * (s1 + t1) / 2 + (q - p) * (s0 + t0) / 2
        at_equal = (p + q) / 2 * (s1 - t1) + (2 - p - q) / 2 * (s0 - t0)
        gap = p * s1 + (1 - p) * s0 - q * t1 - (1 - q) * t0
    return gap, by_labels, at_equal, p - q


def _rates(cells: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the share labelled hirable, and how often those and the others are selected (R,)."""
    tp, fn, fp, tn = cells.T
    return (tp + fn) / cells.sum(axis=1), tp / (tp + fn), fp / (fp + tn)


def _reading(by_labels: Measurement, at_equal: Measurement) -> str | None:
    sure = [isinstance(part, Estimate) and not part.low <= 0 <= part.high for part in (by_labels, at_equal)]
    if isinstance(by_labels, Undefined) or isinstance(at_equal, Undefined):
        return None
    return {(True, True): "both", (True, False): "labels", (False, True): "model", (False, False): "neither"}[
        sure[0], sure[1]
    ]


def _information(
    tables: Mapping[Category, Confusion], *, level: float, seed: tuple[int, int, int]
) -> tuple[Measurement, Measurement, Measurement]:
    """Return the bits that labels and decisions tell of the group, and the difference."""
    cells = np.array([_cells(table) for table in tables.values()])
    n = int(cells.sum())
    if len(tables) < 2:
        undefined = Undefined("one group only: nothing tells it from others", n)
        return undefined, undefined, undefined
    drawn = drawn_counts(cells.ravel(), total=n, seed=seed).reshape(-1, *cells.shape)

    def bits(of: Floats) -> tuple[Floats, Floats]:
        tp, fn, fp, tn = (of[..., place] for place in range(4))
        labels = np.stack([tp + fn, fp + tn], axis=-1)
        return mutual_information(labels), mutual_information(np.stack([tp + fp, fn + tn], axis=-1))

    (label,), (decision,) = bits(cells[None])
    labels, decisions = bits(drawn)
    return (
        interval_around(float(label), labels, n=n, level=level, method=_METHOD, bounds=(0.0, np.inf)),
        interval_around(float(decision), decisions, n=n, level=level, method=_METHOD, bounds=(0.0, np.inf)),
        interval_around(float(decision - label), decisions - labels, n=n, level=level, method=_METHOD),
    )
