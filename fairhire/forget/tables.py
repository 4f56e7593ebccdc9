"""Finds a person's rows in a table (CSV, CSV.gz, TSV, Parquet), and takes them out while the others stay as they are.

A table is known by its columns ``candidate``, ``interview`` or ``id``. Lines of a CSV that stay are the same bytes; a
Parquet file keeps its schema, its metadata and its compression.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fairhire.atomic import new_file
from fairhire.data.npy import open_npy
from fairhire.forget.person import Person, cell_name

__all__ = ["Keys", "drop_array_rows", "drop_rows", "is_table", "parquet_texts", "read_keys", "rewritten", "rows_about"]

_PARQUET = (".parquet", ".pq")
_TEXT = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_KEYS = ("candidate", "interview", "id")
_MARK = "\xef\xbb\xbf"  # the byte order mark of UTF-8, read as Latin-1


@dataclass(frozen=True)
class Keys:
    """Who the rows of a table are about: a list of N ids for each column that there is; ``columns`` are all names."""

    columns: tuple[str, ...]
    candidate: list[str] | None = None
    interview: list[str] | None = None
    id: list[str] | None = None

    def __len__(self) -> int:
        return next((len(ids) for ids in (self.candidate, self.interview, self.id) if ids is not None), 0)


def is_table(path: Path) -> bool:
    """Return whether a file is a table by its name."""
    return path.name.lower().endswith((*_PARQUET, *_TEXT))


def read_keys(path: Path) -> Keys | None:
    """Return who the rows are about, or None for a file that cannot be read as a table or names nobody."""
    try:
        return _parquet_keys(path) if path.name.lower().endswith(_PARQUET) else _csv_keys(path)
    except (pa.ArrowException, csv.Error, zlib.error, EOFError):
        return None
    except OSError as error:
        if error.errno is not None:  # the disk's own refusal; damaged Parquet and gzip files have no number
            raise
        return None


def rows_about(keys: Keys, person: Person) -> list[int]:
    """Return the rows, counted from 0, that are about the person."""
    if keys.candidate is not None or keys.interview is not None:
        candidates = keys.candidate or [""] * len(keys)
        interviews = keys.interview or [""] * len(keys)
        pairs = enumerate(zip(candidates, interviews, strict=True))
        return [row for row, (candidate, interview) in pairs if person.owns(candidate=candidate, interview=interview)]
    return [row for row, name in enumerate(keys.id or ()) if name in person.candidates or name in person.interviews]


def drop_rows(path: Path, person: Person) -> None:
    """Rewrite a table without the person's rows, atomically; one without any is left alone."""
    keys = read_keys(path)
    gone = frozenset(rows_about(keys, person)) if keys is not None else frozenset()
    if not gone:
        return
    with rewritten(path) as new:
        if path.name.lower().endswith(_PARQUET):
            _filter_parquet(path, new, gone)
        else:
            _filter_csv(path, new, gone)


def drop_array_rows(path: Path, rows: list[int], out: Path | None = None) -> None:
    """Rewrite a ``.npy`` file (N, ...) without ``rows``, atomically, or write it at ``out``."""
    kept = np.delete(open_npy(path), rows, axis=0)
    if out is not None:
        np.save(out, kept)
        return
    with rewritten(path) as new, new.open("wb") as file:
        np.save(file, kept)


@contextmanager
def rewritten(path: Path) -> Iterator[Path]:
    """Yield a temporary path that takes the name of the file ``path`` and its permissions."""
    with new_file(path, mode=path.stat().st_mode & 0o777) as temporary:
        yield temporary


def parquet_texts(path: Path) -> Iterator[str]:
    """Yield every text of a Parquet file: names, metadata, cells of text however deep they lie."""
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        yield from schema.names
        for metadata in (schema.metadata, file.metadata.metadata):
            for key, value in (metadata or {}).items():
                yield from (key.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
        deep = [place for place, field in enumerate(schema) if _may_hold_text(field.type)]
        for group in range(file.num_row_groups):
            if not deep:
                return
            for column in file.read_row_group(group, columns=[schema.names[place] for place in deep]).columns:
                distinct = column if pa.types.is_nested(column.type) else column.unique()
                yield from _texts(distinct.to_pylist())


def _may_hold_text(kind: Any) -> bool:
    return not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, dict):
        yield from _texts(list(value.items()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


# ------------------------------------------------------------------------------------------------------------ Parquet


def _parquet_keys(path: Path) -> Keys | None:
    with pq.ParquetFile(path) as file:
        names = list(file.schema_arrow.names)
        wanted = _known(names)
        if not wanted:
            return None
        table = file.read(columns=[names[place] for place in wanted.values()])
    columns = {
        key: [cell_name(cell) for cell in table.column(names[place]).to_pylist()] for key, place in wanted.items()
    }
    return Keys(tuple(names), **columns)


def _filter_parquet(path: Path, new: Path, gone: frozenset[int]) -> None:
    with pq.ParquetFile(path) as file, ExitStack() as stack:
        schema, about = file.schema_arrow, file.metadata
        writer = stack.enter_context(
            pq.ParquetWriter(
                new, schema, compression=_compression(about, schema.names), store_schema=_has_arrow_schema(about)
            )
        )
        first = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            kept = np.array([first + row not in gone for row in range(len(table))], dtype=bool)
            first += len(table)
            if kept.any():
                writer.write_table(_without_leftovers(table.filter(pa.array(kept)), schema))


def _compression(about: Any, names: list[str]) -> Any:
    """Return how the columns are compressed, by name where the file says so of plain columns, else for all of it."""
    if about.num_row_groups == 0:
        return "snappy"
    codecs = {}
    group = about.row_group(0)
    for place in range(group.num_columns):
        column = group.column(place)
        codecs[column.path_in_schema] = column.compression.lower().replace("uncompressed", "none")
    if len(set(codecs.values())) == 1 or set(codecs) != set(names):
        return next(iter(codecs.values()), "snappy")
    return codecs


def _has_arrow_schema(about: Any) -> bool:
    return b"ARROW:schema" in (about.metadata or {})


def _without_leftovers(table: Any, schema: Any) -> Any:
    """Return the table with dictionaries made anew: an old one would go on naming who has no row any more."""
    columns = []
    for column, field in zip(table.columns, schema, strict=True):
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type).dictionary_encode().cast(field.type)
        columns.append(column)
    return pa.table(columns, schema=schema)


# ---------------------------------------------------------------------------------------------------------------- CSV


def _csv_keys(path: Path) -> Keys | None:
    with _opened(path) as file:
        records = _records(file, _delimiter(path))
        header = next((cells for _, cells in records if cells), [])
        wanted = _known([_decoded(name.removeprefix(_MARK)) for name in header])
        if not wanted:
            return None
        columns: dict[str, list[str]] = {key: [] for key in wanted}
        for _, cells in records:
            if cells:
                for key, place in wanted.items():
                    columns[key].append(_decoded(cells[place]).strip() if place < len(cells) else "")
    return Keys(tuple(_decoded(name.removeprefix(_MARK)) for name in header), **columns)


def _filter_csv(path: Path, new: Path, gone: frozenset[int]) -> None:
    with _opened(path) as file, _made(new, packed=path.name.lower().endswith(".gz")) as out:
        row = itertools.count(-1)  # the header is no row
        for lines, cells in _records(file, _delimiter(path)):
            if not cells or next(row) not in gone:
                out.write("".join(lines).encode("latin-1"))


def _records(file: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the lines of every record as they stand, and its cells; a quoted cell may run over several lines."""
    lines: list[str] = []

    def watched() -> Iterator[str]:
        for line in file:
            lines.append(line)
            yield line

    for cells in csv.reader(watched(), delimiter=delimiter):
        yield lines.copy(), cells
        lines.clear()


@contextmanager
def _opened(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open a CSV as Latin-1, in which every byte is a letter and none is lost, with its line ends as they are."""
    with ExitStack() as stack:
        raw: Any = stack.enter_context(path.open("rb"))
        if path.name.lower().endswith(".gz"):
            raw = stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb"))
        yield stack.enter_context(io.TextIOWrapper(raw, encoding="latin-1", newline=""))


@contextmanager
def _made(path: Path, *, packed: bool) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        raw = stack.enter_context(path.open("wb"))
        if packed:  # without the name and the time that gzip would note
            yield stack.enter_context(gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0))  # type: ignore[misc]
        else:
            yield raw


def _delimiter(path: Path) -> str:
    """Return what separates the cells: the sign under which the first line names a known column."""
    with _opened(path) as file:
        header = next((line for line in file if line.strip()), "").removeprefix(_MARK)
    for delimiter in (",", ";", "\t"):
        if _known([_decoded(name) for name in next(csv.reader([header], delimiter=delimiter), [])]):
            return delimiter
    return ","


def _known(names: list[str]) -> dict[str, int]:
    """Return the places of the columns that say whom a row is about."""
    plain = [name.strip().lower() for name in names]
    return {key: plain.index(key) for key in _KEYS if key in plain}


def _decoded(cell: str) -> str:
    return cell.encode("latin-1").decode("utf-8", "replace")
