"""Decides which cells of published tables are withheld, so that no small one can be worked out from the others.

Complementary suppression over all tables together: a reader knows how cells add up to those of coarser tables and to
everybody, and subtracts. Cells are withheld until no small one is determined by such sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["UNKNOWN_CELL", "withheld"]

UNKNOWN_CELL = -1
"""The place of the people of unknown category among the cells of a table."""

_MOST = 600
"""Small cells up to which sums are solved; with more, whole tables of intersections are withheld."""

_PRUNED = 120
"""Withheld cells up to which each is tried again whether it is needed."""

_ZERO = 1e-9

Cell = tuple[tuple[str, ...], tuple[str, ...] | None]
"""A grouping and a category of it, attributes in alphabetical order; None for the people of unknown category."""


@dataclass(frozen=True)
class _Sum:
    """Cells with their signs whose total the reader knows, whatever is withheld."""

    signs: Mapping[Cell, int]


def withheld(tables: Sequence[Mapping[str, Any]], *, under: int) -> tuple[frozenset[int], ...]:
    """Return, for every group table, the places of the rows that are withheld; :data:`UNKNOWN_CELL` for the unknown.

    Withheld are groups of 1 to ``under`` - 1 people, in every rate as soon as in one, and what else it takes so that
    no such number follows from the sums of rows to coarser tables and to everybody, even for a reader who knows that
    nobody is withheld where nobody is. The reader is taken to know how many of a category have no known other
    attribute, which errs towards withholding. Where there is nothing left to withhold, everything is withheld.
    """
    sizes = [{_cell(table, place): n for place, n in _numbers(table)} for table in tables]
    small = {cell for one in sizes for cell, n in one.items() if 0 < n < under and cell[1] is not None}
    whole = _whole({cell[0] for cell in small}, small)
    systems = [
        _System.of(
            [
                one
                for one, table in zip(sizes, tables, strict=True)
                if table["rate"] == rate and _grouping(table) not in whole
            ]
        )
        for rate in dict.fromkeys(table["rate"] for table in tables)
    ]
    hidden = set(small)
    while more := {cell for system in systems for cell in system.also(hidden, small)}:
        hidden |= more
    for cell in sorted(hidden - small, key=repr) if len(hidden) <= _PRUNED else ():
        if not any(system.also(hidden - {cell}, small) for system in systems):
            hidden.remove(cell)  # withheld on the way to others that help without it
    return tuple(
        frozenset(
            place for place, n in _numbers(table) if _grouping(table) in whole or (n and _cell(table, place) in hidden)
        )
        for table in tables
    )


def _whole(groupings: set[tuple[str, ...]], small: set[Cell]) -> set[tuple[str, ...]]:
    """Return the intersections with so many small cells that the whole table is withheld, its empty rows too."""
    counts = {grouping: sum(cell[0] == grouping for cell in small) for grouping in sorted(groupings)}
    chosen: set[tuple[str, ...]] = set()
    for grouping in sorted(counts, key=lambda one: -counts[one]):
        if len(grouping) > 1 and sum(n for one, n in counts.items() if one not in chosen) > _MOST:
            chosen.add(grouping)
    return chosen


@dataclass(frozen=True)
class _System:
    """All cells of one rate with their numbers, and the sums in which they stand."""

    sizes: Mapping[Cell, int]
    sums: tuple[_Sum, ...]

    @classmethod
    def of(cls, tables: Sequence[Mapping[Cell, int]]) -> _System:
        sizes = {cell: n for table in tables for cell, n in table.items()}
        return cls(sizes, tuple(_sums(sizes)))

    def also(self, hidden: set[Cell], small: set[Cell]) -> set[Cell]:
        """Return further cells to withhold; none where nothing small can be worked out, or nothing is left to hide."""
        cells = [cell for cell, n in self.sizes.items() if n and cell in hidden]
        if not cells:
            return set()
        helped = (self._beside(cell, hidden) for cell in self._determined(cells, small))
        return {cell for cell in helped if cell is not None}

    def _determined(self, cells: Sequence[Cell], small: set[Cell]) -> list[Cell]:
        """Return the small ones among the withheld ``cells`` that have one possible value only.

        A number can change if others change with it so that all sums stay. Withheld numbers of 1 cannot fall, since
        nobody is withheld where nobody is; to be sure they count as fixed while another one changes.
        """
        rows = [one.signs for one in self.sums if not one.signs.keys().isdisjoint(cells)]
        matrix = np.array([[row.get(cell, 0) for cell in cells] for row in rows], dtype=float).reshape(-1, len(cells))
        free = np.array([self.sizes[cell] > 1 for cell in cells], dtype=bool)
        basis, kernel = _ranges(matrix[:, free])
        movable = np.zeros(len(cells), dtype=bool)
        movable[free] = np.abs(kernel).max(axis=1, initial=0.0) > _ZERO
        ones = matrix[:, ~free]
        movable[~free] = np.abs(ones - basis @ (basis.T @ ones)).max(axis=0, initial=0.0) <= _ZERO
        return [cell for cell, moves in zip(cells, movable, strict=True) if cell in small and not moves]

    def _beside(self, cell: Cell, hidden: set[Cell]) -> Cell | None:
        """Return the cell whose withholding is to help ``cell``: the smallest other of the sums in which it stands.

        Where all beside it are withheld already, one that stands in a sum with one of those, and so on outwards.
        """
        reached, edge = {cell}, {cell}
        while edge:
            near = {other for one in self.sums if not one.signs.keys().isdisjoint(edge) for other in one.signs}
            shown = [other for other in near if other not in hidden and self.sizes[other]]
            if shown:
                return min(shown, key=lambda other: (self.sizes[other] < 2, self.sizes[other], repr(other)))
            edge = near - reached
            reached |= near
        return None


def _numbers(table: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    yield from ((place, row["n"]) for place, row in enumerate(table["rows"]))
    yield UNKNOWN_CELL, table["unknown"]["n"]


def _grouping(table: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(table["grouping"]))


def _cell(table: Mapping[str, Any], place: int) -> Cell:
    order = sorted(range(len(table["grouping"])), key=lambda at: table["grouping"][at])
    if place == UNKNOWN_CELL:
        return _grouping(table), None
    category = table["rows"][place]["category"]
    return _grouping(table), tuple(category[at] for at in order)


def _sums(sizes: Mapping[Cell, int]) -> Iterator[_Sum]:
    """Yield what adds up: a table to everybody, and the cells of a finer table to those of every coarser one."""
    groupings = dict.fromkeys(grouping for grouping, _ in sizes)
    for grouping in groupings:
        mine = [cell for cell in sizes if cell[0] == grouping]
        yield _Sum(dict.fromkeys(mine, 1))
        for length in range(1, len(grouping)):
            for kept in combinations(range(len(grouping)), length):
                coarse = tuple(grouping[at] for at in kept)
                parts: dict[tuple[str, ...], dict[Cell, int]] = {}
                for cell in mine:
                    if cell[1] is not None:
                        parts.setdefault(tuple(cell[1][at] for at in kept), {})[cell] = 1
                for category, part in parts.items():
                    whole = (coarse, category)
                    yield _Sum({**part, whole: -1} if whole in sizes else part)


def _ranges(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return orthonormal bases of a matrix's column space (rows, rank) and of its null space (columns, nullity)."""
    if not matrix.size:
        return np.zeros((matrix.shape[0], 0)), np.eye(matrix.shape[1])
    left, values, right = np.linalg.svd(matrix)
    rank = int((values > _ZERO * max(1.0, values[0]) * max(matrix.shape)).sum())
    return left[:, :rank], right[rank:].T
