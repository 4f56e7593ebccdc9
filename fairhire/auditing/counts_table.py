"""Reads counts that somebody else took: one table a grouping, which need not add up to each other.

Two forms (docs/input.md): ``attribute,category,n,selected``, or a column per attribute, ``n`` and ``selected``, in
which an empty cell says that the row belongs to the table of the filled attributes only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import pandas as pd

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.engine import Table
from fairhire.auditing.tally import Category, GroupCount, GroupTable, Rate, Tally
from fairhire.errors import DataError

__all__ = ["tables_of_counts"]

_RATES = ("selection", "scoring")

_MOST = 10_000_000_000
"""People of one group: more than there are."""

Categories = Callable[[str, Mapping[str, int]], dict[str, str]]


@dataclass(frozen=True)
class _Line:
    """One line of counts: what is written for each attribute of its grouping, and its row number."""

    row: int
    rate: Rate
    written: Mapping[str, str]
    n: int
    selected: int


def tables_of_counts(
    table: Table,
    columns: Mapping[str, Sequence[str]],
    *,
    categories: Categories,
    declared: Mapping[str, Sequence[str]],
) -> Tally:
    """Return the tables of counts in ``columns`` (cells as text); ``categories`` says what spellings mean.

    Raises :class:`DataError` for a missing column, counts that are no whole numbers or more selected than there are,
    and a category that is there twice in the same words.
    """
    lines = _lines(table, columns)
    attributes = tuple(dict.fromkeys(name for line in lines for name in line.written))
    of = {name: categories(name, _spellings(lines, name)) for name in attributes}
    given: dict[tuple[tuple[str, ...], Rate], dict[Category, list[int]]] = {}
    seen: dict[tuple[object, ...], int] = {}
    for line in lines:
        grouping = tuple(name for name in attributes if name in line.written)
        before = seen.setdefault((line.rate, *line.written.items()), line.row)
        if before != line.row:
            raise DataError(f"{table.title}, row {line.row}: expected every group once, got that of row {before} again")
        category = tuple(of[name][line.written[name]] for name in grouping)
        sums = given.setdefault((grouping, line.rate), {}).setdefault(category, [0, 0])
        sums[0] += line.n
        sums[1] += line.selected
    for rate in dict.fromkeys(line.rate for line in lines):
        _add_smaller(given, attributes, rate)
    ordered = sorted(given.items(), key=_order)
    tables = tuple(_table(grouping, rate, groups, declared) for (grouping, rate), groups in ordered)
    changed = {name: {w: c for w, c in sorted(spellings.items()) if w != c} for name, spellings in of.items()}
    cells = pd.DataFrame(columns=[*attributes, "position", "label", "selected", "above", "n"])
    merged = {name: spellings for name, spellings in changed.items() if spellings}
    return Tally(attributes, cells, merged=merged, sources=(table.source,), tables=tables)


def _lines(table: Table, columns: Mapping[str, Sequence[str]]) -> list[_Line]:
    for name in ("n", "selected"):
        if name not in columns:
            raise DataError(f"{table.title}: expected a column {name}, got {', '.join(columns)}")
    is_long = {"attribute", "category"} <= set(columns)
    others = [name for name in columns if name not in ("n", "selected", "rate")]
    if not others or (is_long and len(others) > 2):
        raise DataError(
            f"{table.title}: expected attribute, category, n, selected, or a column per attribute, n, selected, "
            f"got {', '.join(columns)}"
        )
    lines = []
    for place in range(table.source.rows):
        row = place + 1
        cells = {name: column[place] for name, column in columns.items()}
        if is_long:
            if not cells["attribute"]:
                raise DataError(f"{table.title}, row {row}: expected an attribute, got an empty cell")
            written = {cells["attribute"]: cells["category"]}
        else:
            written = {name: cells[name] for name in others if cells[name]}
            if not written:
                raise DataError(f"{table.title}, row {row}: expected a category of some attribute, got none")
        n, selected = (_whole(table, row, name, cells[name]) for name in ("n", "selected"))
        if selected > n:
            raise DataError(f"{table.title}, row {row}: expected at most n selected, got {selected} of {n}")
        lines.append(_Line(row, _rate(table, row, cells.get("rate", "")), written, n, selected))
    return lines


def _whole(table: Table, row: int, name: str, cell: str) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise DataError(f"{table.title}, row {row}, {name}: expected a whole number, got {cell[:20]!r}")
    if len(cell.lstrip("0")) > len(str(_MOST)) or int(cell.lstrip("0") or "0") > _MOST:
        raise DataError(f"{table.title}, row {row}, {name}: expected at most {_MOST:,}, got more")
    return int(cell.lstrip("0") or "0")


def _rate(table: Table, row: int, cell: str) -> Rate:
    word = cell.lower() or "selection"
    if word not in _RATES:
        raise DataError(f"{table.title}, row {row}, rate: expected {' or '.join(_RATES)}, got {cell[:20]!r}")
    return cast(Rate, word)


def _spellings(lines: Sequence[_Line], name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in lines:
        if name in line.written:
            counts[line.written[name]] = counts.get(line.written[name], 0) + line.n
    return counts


def _add_smaller(
    given: dict[tuple[tuple[str, ...], Rate], dict[Category, list[int]]], attributes: tuple[str, ...], rate: Rate
) -> None:
    """Sum the tables of fewer attributes from that of all of them, where nothing else was given."""
    if len(attributes) < 2 or [grouping for grouping, other in given if other == rate] != [attributes]:
        return
    for size in range(1, len(attributes)):
        for places in combinations(range(len(attributes)), size):
            sums = given.setdefault((tuple(attributes[place] for place in places), rate), {})
            for category, (n, selected) in given[attributes, rate].items():
                own = sums.setdefault(tuple(category[place] for place in places), [0, 0])
                own[0] += n
                own[1] += selected


def _table(
    grouping: tuple[str, ...],
    rate: Rate,
    groups: Mapping[Category, Sequence[int]],
    declared: Mapping[str, Sequence[str]],
) -> GroupTable:
    known = {category: sums for category, sums in groups.items() if UNKNOWN not in category}
    if len(grouping) == 1:
        known = {**{(name,): (0, 0) for name in declared.get(grouping[0], ())}, **known}
    unknown = [sums for category, sums in groups.items() if UNKNOWN in category]
    return GroupTable(
        grouping,
        rate,
        tuple(GroupCount(category, known[category][0], known[category][1]) for category in sorted(known)),
        sum(n for n, _ in unknown),
        sum(selected for _, selected in unknown),
        unknown_stated=bool(unknown),
    )


def _order(item: tuple[tuple[tuple[str, ...], Rate], object]) -> tuple[int, tuple[str, ...], str]:
    (grouping, rate), _ = item
    return len(grouping), grouping, rate
