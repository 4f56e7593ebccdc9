"""Reads the files of a source strictly: a table is whole and rectangular, and a bad cell is named by row and column."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairhire.data.npy import open_npy
from fairhire.errors import DataError

__all__ = ["SourceTable", "find_file", "read_frames", "read_table", "reading"]

_LABELS = {"1": True, "true": True, "yes": True, "1.0": True, "0": False, "false": False, "no": False, "0.0": False}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a file that cannot be read raises into one line (:class:`DataError`)."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: expected this file, found none") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text, got byte 0x{error.object[error.start]:02x}") from None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, csv.Error, pa.ArrowException) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: expected a readable, whole file, got {why}") from None


def find_file(folder: Path, *names: str) -> Path:
    """Return the first of ``folder``'s files ``names`` that exists; raises :class:`DataError` when none does."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{folder}: expected a file {' or '.join(names)}, found none")


@dataclass(frozen=True)
class SourceTable:
    """A table as the source has it: columns of cells, every cell a text, "" where empty.

    Rows are numbered from 0 in arguments, and from 1, the header not counted, in messages.
    """

    path: Path
    columns: Mapping[str, list[str]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))

    def __contains__(self, column: object) -> bool:
        """Return whether the table has that column."""
        return column in self.columns

    def __getitem__(self, column: str) -> list[str]:
        """Return the cells of a column; raises :class:`DataError` if the table has no such column."""
        if column not in self.columns:
            raise DataError(f"{self.path}: expected a column {column!r}, got {_listed(self.columns)}")
        return self.columns[column]

    def optional(self, column: str) -> list[str]:
        """Return the cells of a column, all empty if the table has no such column."""
        return self.columns.get(column) or [""] * len(self)

    def renamed(self, other: str, name: str) -> SourceTable:
        """Return the table with the column ``other`` called ``name``, unless it has that too."""
        if name in self.columns or other not in self.columns:
            return self
        return SourceTable(self.path, {name if key == other else key: cells for key, cells in self.columns.items()})

    def refuse_others(self, known: Collection[str]) -> None:
        """Raise :class:`DataError` if the table has a column that is not in ``known``."""
        if others := [name for name in self.columns if name not in known]:
            raise DataError(f"{self.path}: expected only columns {_listed(known)}, got {others[0]!r} as well")

    def bad(self, row: int, column: str, expected: str) -> DataError:
        """Return the error that says what was expected of a cell and what it holds."""
        got = self.columns[column][row]
        shown = repr(got if len(got) <= 40 else f"{got[:40]}…")
        return DataError(f"{self.path}, row {row + 1}, column {column!r}: expected {expected}, got {shown}")

    def filled(self, column: str) -> list[str]:
        """Return the cells of a column; raises :class:`DataError` if one is empty."""
        cells = self[column]
        for row, cell in enumerate(cells):
            if not cell.strip():
                raise self.bad(row, column, "a value")
        return cells

    def distinct(self, column: str) -> list[str]:
        """Return the cells of a column; raises :class:`DataError` if one is empty or occurs twice."""
        seen: set[str] = set()
        for row, cell in enumerate(self.filled(column)):
            if cell in seen:
                raise self.bad(row, column, "every value once")
            seen.add(cell)
        return self[column]

    def numbers(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """Return the cells of ``columns`` as numbers (rows, len(columns)).

        Raises :class:`DataError` for a cell that is no finite number.
        """
        values = np.empty((len(self), len(columns)))
        for place, column in enumerate(columns):
            for row, cell in enumerate(self[column]):
                try:
                    values[row, place] = float(cell)
                except ValueError:
                    values[row, place] = np.nan
                if not math.isfinite(values[row, place]):
                    raise self.bad(row, column, "a finite number")
        return values

    def frames(self, columns: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Return the cells of ``columns`` as one frame (1, len(columns)) float32 per row, None where all are empty.

        Raises :class:`DataError` for a row that is filled in part, or a cell that is no finite float32.
        """
        present = [any(self[column][row].strip() for column in columns) for row in range(len(self))]
        filled = {name: [c if has else "0" for c, has in zip(self[name], present, strict=True)] for name in columns}
        with np.errstate(over="ignore"):
            values = SourceTable(self.path, filled).numbers(columns).astype(np.float32)
        for row, place in np.argwhere(np.isinf(values)):
            raise self.bad(int(row), columns[place], "a number of at most 3.4e38")
        return [values[row : row + 1] if has else None for row, has in enumerate(present)]

    def coded(self, column: str, words: Mapping[str, str]) -> list[str]:
        """Return a column with each code replaced by its word; raises :class:`DataError` for an unknown code."""
        for row, cell in enumerate(self[column]):
            if cell not in words:
                raise self.bad(row, column, f"one of {', '.join(words)}")
        return [words[cell] for cell in self[column]]

    def labels(self, column: str) -> list[bool | None]:
        """Return a yes/no column as True, False, or None where empty (or where there is no such column).

        Accepts 0/1 (also 0.0/1.0, as tables with empty cells write them), true/false and yes/no in any case; raises
        :class:`DataError` for anything else.
        """
        cells = self.optional(column)
        known = [_LABELS.get(cell.strip().lower()) for cell in cells]
        for row, (label, cell) in enumerate(zip(known, cells, strict=True)):
            if label is None and cell.strip():
                raise self.bad(row, column, "0 or 1, true or false, yes or no")
        return known


def _listed(names: Collection[str]) -> str:
    return ", ".join(map(repr, names))


def read_table(path: Path, *, separator: str = ",", header: Sequence[str] = ()) -> SourceTable:
    """Read ``.csv``, ``.csv.gz`` (UTF-8) or ``.parquet``; ``header`` names the columns of a file that has none.

    Raises :class:`DataError` for a file that is missing, damaged, not UTF-8 or without rows, for two columns of one
    name, and for a row with more or fewer cells than the header.
    """
    if path.suffix == ".parquet":
        names, columns = _read_parquet(path)
    else:
        names, columns = _read_csv(path, separator, header)
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise DataError(f"{path}: expected every column once, got {twice[0]!r} twice")
    if not columns or not columns[0]:
        raise DataError(f"{path}: expected at least one row, got none")
    return SourceTable(path, dict(zip(names, columns, strict=True)))


def _read_csv(path: Path, separator: str, header: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    with reading(path):
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if line]
    names = list(header) if header else [name.strip() for name in lines[0]] if lines else []
    rows = lines if header else lines[1:]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise DataError(f"{path}, row {number}: expected {len(names)} cells, got {len(row)}")
    return names, [list(column) for column in zip(*rows, strict=True)]


def _read_parquet(path: Path) -> tuple[list[str], list[list[str]]]:
    with reading(path), pq.ParquetFile(path) as file:  # not read_table, which adds columns named in the path
        table = file.read()
        cells = [["" if cell is None else str(cell) for cell in column.to_pylist()] for column in table.columns]
    return list(table.column_names), cells


def read_frames(path: Path, *, missing_rows: bool = False) -> NDArray[np.float32]:
    """Return the numbers of a ``.npy`` file as (T, D) float32, memory-mapped where they are float32 already.

    With ``missing_rows`` a row may be NaN throughout. Raises :class:`DataError` for a damaged file, pickled objects,
    another number of dimensions, no frames, or numbers that are not finite.
    """
    array = open_npy(path)
    if array.dtype.kind not in "fiu" or array.ndim != 2:
        raise DataError(f"{path}: expected numbers of shape (frames, width), got {array.shape} {array.dtype}")
    if 0 in array.shape:
        raise DataError(f"{path}: expected at least one frame of width 1 or more, got shape {array.shape}")
    with np.errstate(over="ignore"):
        frames = np.asarray(array, dtype=np.float32)
    whole = np.isfinite(frames).all(axis=1)
    if missing_rows:
        whole |= np.isnan(frames).all(axis=1)
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        raise DataError(f"{path}: expected finite numbers, got NaN or infinity in frame {row}")
    return frames
