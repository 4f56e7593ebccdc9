"""From rows to counts: what is written becomes categories and flags after counting, so that every row is read once.

The engine counts combinations of what cells hold, which are few; only those are then translated. All sums are of whole
numbers or correctly rounded, so the same rows give the same bytes in whatever order they were read. Letters: K cells,
V values or bins of scores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.auditing.demographics import UNKNOWN, cell_text
from fairhire.auditing.engine import PART, SQUARE, Grouped, Rows, TooManyGroupsError
from fairhire.auditing.tally import Scored
from fairhire.errors import DataError

__all__ = [
    "TRUTH",
    "Codebook",
    "Distribution",
    "Flags",
    "count_cells",
    "count_repeats",
    "limits_of",
    "measure_scores",
    "read_flags",
    "scored_cells",
]

_MOST_SPELLINGS = 5_000
"""Ways in which the categories of an attribute may be written."""

_MOST_FLAGS = 50
"""Different cells that a column of yes and no may have before it is called something else."""

_MOST_VALUES = 20_000
"""Distinct scores up to which a histogram keeps each of them."""

_BINS = (8192, 1024, 128)
"""Bins of equal width otherwise, fewer where groups are very many; powers of two, so that every bound is exact."""

_MOST_CELLS = 2**24
"""Counts in a histogram over all groups: 134 MB."""

_YES_NO = {"1": 1, "true": 1, "yes": 1, "1.0": 1, "0": 0, "false": 0, "no": 0, "0.0": 0, "": -1}


@dataclass(frozen=True)
class Flags:
    """What the cells of a column of yes and no mean: ``of`` maps each to 1, 0 or -1; ``missing`` cells are empty."""

    of: Mapping[Any, int]
    missing: int

    @property
    def yes(self) -> list[Any]:
        """The cells that mean yes."""
        return [value for value, flag in self.of.items() if flag == 1]

    @property
    def no(self) -> list[Any]:
        """The cells that mean no."""
        return [value for value, flag in self.of.items() if flag == 0]


TRUTH = Flags({1: 1, 0: 0, None: -1}, 0)
"""What the engine's own answers mean."""


@dataclass(frozen=True)
class Codebook:
    """The categories of an attribute in alphabetical order, and which of them each spelling means."""

    categories: tuple[str, ...]
    of: Mapping[str, str]

    def number(self, cell: Any) -> int:
        """Return the place of a cell's category; a cell that the codebook does not know is unknown."""
        return self.categories.index(self.of.get(cell_text(cell), UNKNOWN))

    def codes(self, cells: Iterable[Any]) -> dict[Any, int]:
        """Return {cell: place of its category}."""
        return {cell: self.number(cell) for cell in cells}

    def by_number(self) -> Codebook:
        """Return the codebook that reads the numbers of this one."""
        return Codebook(self.categories, {str(place): name for place, name in enumerate(self.categories)})


@dataclass(frozen=True)
class Distribution:
    """Scores by group and label as the engine counted them, the distinct ones or ``bins``, with their exact median."""

    grouped: Grouped
    bins: int | None
    median: float
    tied: int


def read_flags(rows: Rows, role: str, grouped: Grouped) -> Flags:
    """Return what the cells of a role mean, which are a key of ``grouped``.

    Raises :class:`DataError` for anything but 0/1, true/false and yes/no.
    """
    cells = grouped.values[role]
    counts = np.zeros(len(cells), dtype=np.int64)
    np.add.at(counts, grouped.codes[role], grouped.sums["n"])
    found = {cell: _flag(cell) for cell in cells}
    bad = [cell for cell, flag in found.items() if flag is None]
    if bad:
        n, row = rows.among(role, bad)
        raise DataError(
            f"{rows.table.title}, {rows.roles[role]}: expected 0/1, true/false or yes/no, got something else in "
            f"{n} {_rows(n)}, first in {rows.table.place(row or 0)}"
        )
    flags = {cell: flag for cell, flag in found.items() if flag is not None}
    return Flags(flags, int(sum(n for cell, n in zip(cells, counts, strict=True) if flags[cell] < 0)))


def limits_of(attributes: Sequence[str]) -> dict[str, int]:
    """Return how many spellings each attribute may have, and how many cells a flag."""
    return {**dict.fromkeys(attributes, _MOST_SPELLINGS), "decision": _MOST_FLAGS, "label": _MOST_FLAGS}


def measure_scores(rows: Rows, by: Sequence[str], *, distinct: int) -> Distribution:
    """Return the distribution of ``value`` within every combination of ``by``; ``distinct`` says roughly how many.

    Every distinct score is kept up to 20,000 of them, else they are counted in 8,192 bins (fewer where there are so
    many groups that the histogram would not fit). The median is exact either way.
    """
    limits = limits_of(by)
    # Twice: the estimate of how many there are errs by a few percent, the decision must not depend on it.
    choices: Sequence[int | None] = (*((None,) if distinct <= 2 * _MOST_VALUES else ()), *_BINS)
    for bins in choices:
        try:
            grouped = rows.by_score(by, bins=bins, limits=limits)
        except TooManyGroupsError:
            continue
        groups = len(np.unique(np.stack([grouped.codes[name] for name in by]), axis=1).T)
        width = len(np.unique(grouped.sums["value"])) if bins is None else bins
        if (bins is None and width > _MOST_VALUES) or groups * width > _MOST_CELLS:
            continue
        median, tied = _median(rows, grouped, exact=bins is None)
        return Distribution(grouped, bins, median, tied)
    columns = ", ".join(rows.column_of(name) for name in by)
    raise DataError(f"{rows.table.title}: expected fewer combinations of {columns}, got too many for a histogram")


def count_cells(
    grouped: Grouped, codebooks: Mapping[str, Codebook], *, meant: Mapping[str, tuple[str, Flags]], labels: Flags | None
) -> pd.DataFrame:
    """Return the cells of a :class:`~fairhire.auditing.tally.Tally` from combinations as the engine counted them.

    ``meant`` names, for selected and above, the key that says so and what its cells mean. Rows without a decision are
    left out where there are decisions: whoever calls has counted or refused them.
    """
    k = len(grouped.sums["n"])
    columns: dict[str, Any] = {name: _numbers(grouped, name, book) for name, book in codebooks.items()}
    positions = [cell_text(cell).strip() for cell in grouped.values.get("position", ())]
    names = sorted(set(positions)) or [""]
    places = {name: place for place, name in enumerate(names)}
    columns["position"] = (
        np.asarray([places[name] for name in positions])[grouped.codes["position"]] if positions else np.zeros(k, int)
    )
    columns["label"] = _flagged(grouped, "label", labels)
    for flag in ("selected", "above"):
        columns[flag] = _flagged(grouped, *meant[flag]) if flag in meant else np.full(k, -1)
    cells = pd.DataFrame({**columns, "n": grouped.sums["n"]})
    if "selected" in meant:
        cells = cells[cells["selected"] >= 0]
    cells = cells.groupby(list(columns), as_index=False, sort=True).sum()
    cells["position"] = [names[place] for place in cells["position"]]
    return _named(cells, codebooks)


def count_repeats(
    rows: Rows, grouped: Grouped, codebooks: Mapping[str, Codebook], *, meant: Mapping[str, tuple[str, Flags]]
) -> pd.DataFrame:
    """Return the sums over people with several rows (:class:`~fairhire.auditing.tally.Repeats`) per combination.

    ``meant`` is as for :func:`count_cells`.
    """
    attributes = list(codebooks)
    if not rows.codebooks:  # spellings of one category must not make two people of one
        codes = {name: codebooks[name].codes((*grouped.values[name], None)) for name in attributes}
        rows = rows.with_codes(codes)
    counted = rows.repeats(attributes, {key: (meaning.yes, meaning.no) for key, meaning in meant.values()})
    by_number = {name: book.by_number() for name, book in codebooks.items()}
    columns: dict[str, Any] = {name: _numbers(counted, name, book) for name, book in by_number.items()}
    columns |= {"people": counted.sums["people"], "nn": counted.sums["nn"]}
    for flag in ("selected", "above"):
        for kind in ("people", "nn", "ns", "ss"):
            columns[f"{kind}_{flag}"] = counted.sums[f"{kind}_{meant[flag][0]}"] if flag in meant else 0
    return _named(pd.DataFrame(columns).sort_values(attributes, ignore_index=True), codebooks)


def scored_cells(
    found: Distribution,
    codebooks: Mapping[str, Codebook],
    *,
    names: Mapping[str, str],
    labels: Flags | None,
    people_repeat: bool,
) -> Scored:
    """Return the histograms of a :class:`~fairhire.auditing.tally.Tally`; ``names`` is what attributes are called."""
    grouped, bins = found.grouped, found.bins
    columns: dict[str, Any] = {name: _numbers(grouped, name, book) for name, book in codebooks.items()}
    columns["label"] = _flagged(grouped, "label", labels)
    keys = pd.DataFrame(columns)
    cells = keys.drop_duplicates().sort_values(list(columns), ignore_index=True)
    place = keys.merge(cells.reset_index(names="place"), how="left", on=list(columns))["place"].to_numpy()
    values, column = (
        np.unique(grouped.sums["value"], return_inverse=True)
        if bins is None
        else ((np.arange(bins) + 0.5) / bins, grouped.sums["bin"])
    )
    counts = np.zeros((len(cells), len(values)), dtype=np.int64)
    np.add.at(counts, (place, column), grouped.sums["n"])
    if bins is None:
        moments = [_exact_moments(values[row > 0], row[row > 0]) for row in counts]
    else:
        order = np.argsort(place, kind="stable")
        ends = np.cumsum(np.bincount(place, minlength=len(cells)))
        own = np.split(order, ends[:-1])
        moments = [_binned_moments({name: part[rows] for name, part in grouped.sums.items()}, bins) for rows in own]
    totals, squares = np.asarray(moments, dtype=np.float64).reshape(-1, 2).T
    width = 0.0 if bins is None else 1 / bins
    named = _named(cells, codebooks).rename(columns=names)
    return Scored(tuple(names.values()), named, values, width, counts, totals, squares, people_repeat)


def _exact_moments(values: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return the sums of scores and of their squares, the same whatever the order of the rows."""
    return math.fsum(values * counts), math.fsum(values * values * counts)


def _binned_moments(sums: Mapping[str, NDArray[Any]], bins: int) -> tuple[float, float]:
    """Return the sums of scores and of their squares from where they lie in their bins, all in whole numbers.

    A score is (bin + f) / bins; each f was rounded to 2**-27 of a bin, 2**-40 of the scale, and f² to 2**-30.
    """
    total = square = 0
    for place, n, part, squared in zip(*(sums[name].tolist() for name in ("bin", "n", "part", "square")), strict=True):
        total += place * n * PART + part
        square += place * place * n * SQUARE + 2 * place * part * (SQUARE // PART) + squared
    return total / (PART * bins), square / (SQUARE * bins * bins)


def _median(rows: Rows, grouped: Grouped, *, exact: bool) -> tuple[float, int]:
    """Return the median of all scores, the mean of the middle two for an even number, and how many lie on it."""
    total = int(grouped.sums["n"].sum())
    ranks = ((total - 1) // 2, total // 2)
    if not exact:
        low = rows.smallest(ranks[0])
        median = (low + (low if ranks[1] == ranks[0] else rows.smallest(ranks[1]))) / 2
        return median, rows.equal_to(median)
    order = np.argsort(grouped.sums["value"], kind="stable")
    values, passed = grouped.sums["value"][order], np.cumsum(grouped.sums["n"][order])
    middle = values[np.searchsorted(passed, ranks, side="right")]
    median = float((middle[0] + middle[1]) / 2)
    return median, int(grouped.sums["n"][grouped.sums["value"] == median].sum())


def _numbers(grouped: Grouped, name: str, book: Codebook) -> NDArray[np.int64]:
    numbers = np.asarray([book.number(cell) for cell in grouped.values[name]], dtype=np.int64)
    return numbers[grouped.codes[name]]


def _flagged(grouped: Grouped, key: str, meaning: Flags | None) -> NDArray[np.int64]:
    if meaning is None:
        return np.full(len(grouped.sums["n"]), -1)
    return np.asarray([meaning.of[cell] for cell in grouped.values[key]], dtype=np.int64)[grouped.codes[key]]


def _named(frame: pd.DataFrame, codebooks: Mapping[str, Codebook]) -> pd.DataFrame:
    named = {name: [book.categories[number] for number in frame[name]] for name, book in codebooks.items()}
    return frame.assign(**named)


def _flag(cell: Any) -> int | None:
    """Return 1 for yes, 0 for no, -1 for an empty cell, None for anything else."""
    if cell is None or cell != cell:
        return -1
    if isinstance(cell, str):
        return _YES_NO.get(cell.strip().lower())
    return int(cell) if cell in (0, 1) else None


def _rows(n: int) -> str:
    return "row" if n == 1 else "rows"
