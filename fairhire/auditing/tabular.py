"""Looks at the files of a table before the engine does, and says in one line which of them breaks, and where."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fairhire.atomic import sha256
from fairhire.errors import DataError

__all__ = [
    "PARQUET",
    "begins_blank",
    "column_names",
    "csv_header",
    "csv_rows",
    "ends_in_commas",
    "folder_digest",
    "parquet_files",
    "parquet_schema",
]

PARQUET = (".parquet", ".pq")
"""How the names of Parquet files end; everything else is comma-separated text."""

_PIECE = 1 << 22
"""Bytes looked at a time."""

_ROWS = 50_000
"""Rows held at a time."""


def column_names(path: Path, *, what: str) -> list[str]:
    """Return the names of a table's columns (CSV, Parquet or a folder of Parquet). Raises :class:`DataError`."""
    if path.is_dir():
        return list(parquet_schema(parquet_files(path, what=what)[0])[0])
    if not path.is_file():
        raise DataError(f"{path}: expected {what}, found no such file")
    return list(parquet_schema(path)[0]) if path.suffix in PARQUET else csv_header(path)


def csv_header(path: Path) -> list[str]:
    """Return the names of the columns, without blanks around them. Raises :class:`DataError`."""
    for row in _records(path):
        header = [name.strip() for name in row]
        _check_header(header, path)
        return header
    raise DataError(f"{path}: expected a header line, got an empty file")


def csv_rows(path: Path) -> Iterator[list[list[str]]]:
    """Yield the rows below the header in pieces; empty lines are none. Raises :class:`DataError` with the line."""
    records = _records(path)
    next(records)
    while piece := list(islice(records, _ROWS)):
        yield piece


def begins_blank(path: Path) -> bool:
    """Return whether the first line of a file is empty."""
    with path.open("rb") as file:
        return file.read(4).removeprefix(b"\xef\xbb\xbf")[:1] in (b"\n", b"\r")


def ends_in_commas(path: Path) -> bool:
    """Return whether any line of a file ends in a comma: a last cell that is empty, or one cell too many."""
    before = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if re.search(rb",[\r\n]", before + piece):
                return True
            before = piece[-1:]
    return before == b","


def parquet_files(path: Path, *, what: str) -> list[Path]:
    """Return the Parquet files of a folder by name. Raises :class:`DataError` naming ``what`` was expected."""
    files = sorted(
        file
        for file in path.iterdir()
        if file.is_file() and file.suffix in PARQUET and not file.name.startswith((".", "_"))
    )
    if not files:
        raise DataError(f"{path}: expected {what}, found a folder without Parquet files")
    return files


def parquet_schema(path: Path) -> tuple[dict[str, str], int]:
    """Return the columns of a Parquet file, each with its type, and the number of rows. Raises :class:`DataError`."""
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (OSError, pa.ArrowException):
        raise DataError(
            f"{path}: expected a Parquet file, got one that is cut short, damaged or of another kind"
        ) from None
    _check_header(schema.names, path)
    for name in schema.names:
        if [other.casefold() for other in schema.names].count(name.casefold()) > 1:
            raise DataError(f"{path}: expected columns that differ in more than case, got {name!r} in two ways")
    types = (field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in schema)
    return {name: str(kind).removeprefix("large_") for name, kind in zip(schema.names, types, strict=True)}, rows


def folder_digest(files: Sequence[Path]) -> str:
    """Return one SHA-256 for several files: of the lines ``NAME SHA-256`` in the order of their names."""
    lines = "".join(f"{file.name} {sha256(file)}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _check_header(header: Sequence[str], path: Path) -> None:
    """Raise :class:`DataError` for a column without a name or one that comes twice."""
    for name, times in Counter(header).items():
        if not name:
            raise DataError(f"{path}: expected a name for every column, got an empty one")
        if times > 1:
            raise DataError(f"{path}: expected every column once, got {name!r} {times} times")


def _records(path: Path) -> Iterator[list[str]]:
    """Yield the header and the rows, all of the header's length."""
    width = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                if not row:
                    continue
                width = width or len(row)
                if len(row) != width:
                    raise DataError(f"{path}, line {reader.line_num}: expected {width} cells, got {len(row)}")
                yield row
    except UnicodeDecodeError:
        raise DataError(f"{path}, line {_undecodable(path)}: expected UTF-8 text, got other bytes") from None
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: expected comma-separated text, got {error}") from None
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, got {error.strerror}") from None


def _undecodable(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return number
