"""Counts of people by category, outcome and score: all that rates, ratios and their intervals need to know.

Whoever holds the rows (a database, a vendor's table of counts) fills a :class:`Tally` once; every finding about
decisions is then computed from it, at a cost that does not depend on the number of people. Letters: G groups, V
distinct scores or bins of scores, K cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.auditing.demographics import UNKNOWN
from fairhire.errors import DataError
from fairhire.left_out import LeftOut

__all__ = [
    "Category",
    "Clusters",
    "Confusion",
    "GroupCount",
    "GroupTable",
    "Rate",
    "Repeats",
    "Scored",
    "Source",
    "Tally",
]

Category = tuple[str, ...]
"""One category per attribute of a grouping: ``("Female",)``, or ``("Female", "Asian")`` for an intersection."""

Rate = Literal["selection", "scoring"]
"""Whether a group's rate counts the selected, or those above the median score of everybody assessed."""

_MOST_LISTED = 200
"""Combinations of categories up to which empty ones are listed too."""

_FLAG = {"selection": "selected", "scoring": "above"}


@dataclass(frozen=True)
class Source:
    """A file (or folder) that an audit read: its name without its folder, SHA-256 and number of rows."""

    name: str
    sha256: str
    rows: int

    def to_dict(self) -> dict[str, object]:
        """Return the record as in AUDIT.json: ``{name, sha256, rows}``."""
        return {"name": self.name, "sha256": self.sha256, "rows": self.rows}


@dataclass(frozen=True)
class Clusters:
    """How the rows of a group divide among its ``people``: ``nn`` is the sum of n² over them, n rows of one person."""

    people: int
    nn: int


@dataclass(frozen=True)
class Repeats(Clusters):
    """Sums over the people of a group who have several rows each: n rows and s selected of one person.

    Beside those of :class:`Clusters` ``ns`` is the sum of n·s and ``ss`` of s²; they give the variance of the group's
    rate when people, not rows, are independent (linearised ratio estimator).
    """

    ns: int
    ss: int


@dataclass(frozen=True)
class GroupCount:
    """A group: ``selected`` of its ``n`` rows.

    ``repeats`` is None where everybody has one row, or where it is not known which rows of a person are selected; then
    ``clusters`` says how the rows divide among people.
    """

    category: Category
    n: int
    selected: int
    repeats: Repeats | None = None
    clusters: Clusters | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.selected <= self.n:
            raise DataError(
                f"group {' x '.join(self.category)}: expected 0 <= selected <= n, got {self.selected} of {self.n}"
            )

    @property
    def people(self) -> int:
        """How many people the rows are of."""
        return self.divided.people

    @property
    def repeated(self) -> bool:
        """Whether somebody is known to have several of the rows, and which of them are selected."""
        return self.repeats is not None and self.repeats.people < self.n

    @property
    def effective(self) -> Fraction:
        """How many independent rows there are if all rows of a person are alike: n² / nn, with one row each n."""
        return Fraction(self.n * self.n, self.divided.nn) if self.n else Fraction(0)

    @property
    def divided(self) -> Clusters:
        """How the rows divide among people."""
        return self.repeats or self.clusters or Clusters(self.n, self.n)


@dataclass(frozen=True)
class GroupTable:
    """The groups of one grouping in alphabetical order, empty ones included, and the rows of unknown category.

    ``unknown_stated`` is False of a table of counts that does not say how many those are: 0 then means nothing.
    """

    grouping: tuple[str, ...]
    rate: Rate
    groups: tuple[GroupCount, ...]
    unknown_n: int
    unknown_selected: int
    unknown_stated: bool = True

    @property
    def known(self) -> int:
        """Rows with a known category in every attribute of the grouping."""
        return sum(group.n for group in self.groups)


@dataclass(frozen=True)
class Confusion:
    """Labelled rows of one group by outcome: positives are the truly hirable (label 1)."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """All labelled rows."""
        return self.tp + self.fp + self.fn + self.tn


@dataclass(frozen=True)
class Scored:
    """Histograms of scores, one a cell of attributes and label; ``people_repeat`` where somebody has several rows.

    ``cells`` (K rows) has the attributes and ``label`` (1, 0, -1 without); ``counts`` (K, V) how many rows of the cell
    lie at each of ``values`` (V,), ascending in [0, 1]: the distinct scores themselves where ``width`` is 0, else the
    middles of bins of that ``width``. ``totals`` and ``squares`` (K,) are the exact sums of scores and of their
    squares.
    """

    attributes: tuple[str, ...]
    cells: pd.DataFrame
    values: NDArray[np.float64]
    width: float
    counts: NDArray[np.int64]
    totals: NDArray[np.float64]
    squares: NDArray[np.float64]
    people_repeat: bool = False

    def of(self, grouping: Sequence[str], *, label: int | None = None) -> dict[Category, NDArray[np.int64]]:
        """Return the histogram (V,) of every known group, of rows with ``label`` only where that is given."""
        return {category: self.counts[rows].sum(axis=0) for category, rows in self._rows(grouping, label=label).items()}

    def moments(self, grouping: Sequence[str]) -> dict[Category, tuple[int, float, float]]:
        """Return (n, mean, variance with n - 1) of every known group with at least 2 rows, free of binning."""
        found = {}
        for category, rows in self._rows(grouping, label=None).items():
            n = int(self.counts[rows].sum())
            if n >= 2:
                mean = float(self.totals[rows].sum()) / n
                found[category] = n, mean, max(0.0, (float(self.squares[rows].sum()) - n * mean * mean) / (n - 1))
        return found

    def _rows(self, grouping: Sequence[str], *, label: int | None) -> dict[Category, NDArray[np.int64]]:
        _check_grouping(grouping, self.attributes)
        wanted = np.ones(len(self.cells), dtype=bool) if label is None else (self.cells["label"] == label).to_numpy()
        rows: dict[Category, list[int]] = {}
        for place, category in enumerate(_categories(self.cells, grouping)):
            if UNKNOWN not in category:
                rows.setdefault(category, [])
                if wanted[place]:
                    rows[category].append(place)
        return {category: np.asarray(rows[category], dtype=np.int64) for category in sorted(rows)}


@dataclass(frozen=True)
class Tally:
    """Everything counted in one pass over the rows.

    ``cells``: one row per combination that occurs, with the attributes, ``position`` (text, "" without), ``label``,
    ``selected``, ``above`` (1, 0, -1: there is none) and ``n``. ``repeats``: None where no person has two rows, else
    the attributes, ``people`` and ``nn`` over all rows and, for each flag f of selected and above, ``people_f``,
    ``nn_f``, ``ns_f`` and ``ss_f`` over the rows that have the flag (:class:`Repeats`). ``median`` is the exact median
    of all scores, unknown people included; ``tied`` rows lie on it. ``threshold`` is the score at which people are
    selected, where that is known. ``tables`` replaces ``cells`` where only tables of counts were given, which need not
    add up.
    """

    attributes: tuple[str, ...]
    cells: pd.DataFrame
    repeats: pd.DataFrame | None = None
    scored: Scored | None = None
    median: float | None = None
    tied: int = 0
    threshold: float | None = None
    merged: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    tables: tuple[GroupTable, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that were counted."""
        return int(self.cells["n"].sum()) if len(self.cells) else 0

    def has(self, rate: Rate) -> bool:
        """Return whether there is an outcome of this kind: a decision, or a score with its median."""
        if self.tables:
            return any(table.rate == rate for table in self.tables)
        return bool((self.cells[_FLAG[rate]] >= 0).any())

    @property
    def people_repeat(self) -> bool:
        """Whether somebody has several rows."""
        return self.repeats is not None

    @property
    def has_labels(self) -> bool:
        """Whether any row has a true label."""
        return bool(len(self.cells)) and bool((self.cells["label"] >= 0).any())

    @property
    def positions(self) -> tuple[str, ...]:
        """The positions that occur, in alphabetical order."""
        return tuple(sorted(set(self.cells["position"]))) if len(self.cells) else ()

    def table(self, grouping: Sequence[str], rate: Rate) -> GroupTable:
        """Return the counts of a grouping. Raises :class:`DataError` for an attribute that was not counted."""
        for table in self.tables:
            if table.grouping == tuple(grouping) and table.rate == rate:
                return table
        if self.tables:
            raise DataError(f"counts: expected a table of {' x '.join(grouping)} ({rate}), got none")
        return self._table(self.cells, grouping, rate, self._repeats(grouping, rate))

    def strata(self, grouping: Sequence[str], rate: Rate) -> dict[str, GroupTable]:
        """Return the counts of a grouping within every position; groups that do not occur there have n = 0."""
        return {
            str(position): self._table(cells, grouping, rate, {})
            for position, cells in self.cells.groupby("position", sort=True)
        }

    def confusion(self, grouping: Sequence[str]) -> dict[Category, Confusion]:
        """Return how decisions and labels meet in every known group, rows without a label left out."""
        _check_grouping(grouping, self.attributes)
        sums: dict[Category, dict[tuple[int, int], int]] = {}
        columns = zip(self.cells["label"], self.cells["selected"], self.cells["n"], strict=True)
        for category, (label, selected, n) in zip(_categories(self.cells, grouping), columns, strict=True):
            if UNKNOWN in category:
                continue
            group = sums.setdefault(category, {})
            if label >= 0 and selected >= 0:
                group[int(label), int(selected)] = group.get((int(label), int(selected)), 0) + int(n)
        return {
            category: Confusion(
                tp=group.get((1, 1), 0), fp=group.get((0, 1), 0), fn=group.get((1, 0), 0), tn=group.get((0, 0), 0)
            )
            for category, group in sorted(sums.items())
        }

    def _repeats(self, grouping: Sequence[str], rate: Rate) -> dict[Category, Repeats]:
        if self.repeats is None:
            return {}
        flag = _FLAG[rate]
        sums: dict[Category, NDArray[np.int64]] = {}
        columns = self.repeats[[f"{sum_}_{flag}" for sum_ in ("people", "nn", "ns", "ss")]].to_numpy(dtype=np.int64)
        for category, row in zip(_categories(self.repeats, grouping), columns, strict=True):
            sums[category] = sums.get(category, np.zeros(4, dtype=np.int64)) + row
        return {category: Repeats(*(int(number) for number in row)) for category, row in sums.items()}

    def _table(
        self, cells: pd.DataFrame, grouping: Sequence[str], rate: Rate, repeats: Mapping[Category, Repeats]
    ) -> GroupTable:
        _check_grouping(grouping, self.attributes)
        sums: dict[Category, list[int]] = {category: [0, 0] for category in self._possible(grouping)}
        unknown = [0, 0]
        columns = zip(cells[_FLAG[rate]], cells["n"], strict=True)
        for category, (flag, n) in zip(_categories(cells, grouping), columns, strict=True):
            if flag < 0:
                continue
            row = unknown if UNKNOWN in category else sums.setdefault(category, [0, 0])
            row[0] += int(n)
            row[1] += int(n) * int(flag)
        groups = tuple(
            GroupCount(category, sums[category][0], sums[category][1], repeats.get(category))
            for category in sorted(sums)
        )
        return GroupTable(tuple(grouping), rate, groups, unknown[0], unknown[1])

    def _possible(self, grouping: Sequence[str]) -> list[Category]:
        """Return every combination of categories that occur anywhere, unless those are too many to list."""
        known = [sorted(set(self.cells[attribute]) - {UNKNOWN}) for attribute in grouping]
        if np.prod([len(categories) for categories in known]) > _MOST_LISTED:
            return []
        return list(product(*known))


def _categories(cells: pd.DataFrame, grouping: Sequence[str]) -> list[Category]:
    return list(zip(*(cells[attribute].astype(str) for attribute in grouping), strict=True))


def _check_grouping(grouping: Sequence[str], attributes: Sequence[str]) -> None:
    for attribute in grouping:
        if attribute not in attributes:
            raise DataError(f"people: expected a column {attribute!r}, got {', '.join(attributes) or 'none'}")
