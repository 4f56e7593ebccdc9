"""Holds the rows of an audit in an embedded database and answers in counts: nobody else sees a row.

What is asked is written in portable expressions (ibis), so that a warehouse can be asked the same one day; only the
reading of files is the database's own (DuckDB). Nothing is downloaded, and what does not fit into the memory it may use
lies in a temporary folder that disappears. Users' names of columns never enter a query: inside they are c0, c1, ….
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairhire.atomic import sha256
from fairhire.auditing.tabular import (
    PARQUET,
    begins_blank,
    csv_header,
    csv_rows,
    ends_in_commas,
    folder_digest,
    parquet_files,
    parquet_schema,
)
from fairhire.auditing.tally import Source
from fairhire.errors import DataError, StorageError

__all__ = [
    "MOST_GROUPS",
    "PART",
    "SQUARE",
    "Engine",
    "Grouped",
    "Kind",
    "Persons",
    "Rows",
    "ScoreSummary",
    "Table",
    "TooManyGroupsError",
    "engine",
]

Kind = Literal["text", "whole", "number", "truth", "day", "other"]
"""What a column holds: everything in a CSV is text."""

Step = Callable[[Any], Any]

MOST_GROUPS = 5_000_000
"""Combinations of values that an answer may have: some hundred megabytes."""

PART, SQUARE = 2**27, 2**30
"""Units of where in its bin a score lies, and of that squared: their sums hold for 2**33 rows of one bin."""

_BITS = 13
"""A pass for the median looks at 2**13 bins."""

_KINDS: dict[str, tuple[Kind, str]] = {
    "BOOLEAN": ("truth", "{}"),
    "VARCHAR": ("text", "{}"),
    "DOUBLE": ("number", "{}"),
    "FLOAT": ("number", "CAST({} AS DOUBLE)"),
    "BIGINT": ("whole", "{}"),
    "DATE": ("day", "{}"),
    "UUID": ("text", "CAST({} AS VARCHAR)"),
    "UBIGINT": ("text", "CAST({} AS VARCHAR)"),
    "HUGEINT": ("text", "CAST({} AS VARCHAR)"),
    '"NULL"': ("text", "CAST({} AS VARCHAR)"),  # pandas' column of nothing but missing cells
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER"), ("whole", "CAST({} AS BIGINT)")),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER"), ("whole", "CAST({} AS BIGINT)")),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), ("day", "CAST({} AS DATE)")),
    "TIMESTAMP WITH TIME ZONE": ("day", "CAST(make_timestamp(epoch_us({})) AS DATE)"),  # the day in UTC
}
_ALLOWED: dict[str, tuple[Kind, ...]] = {
    "candidate": ("text", "whole", "number"),
    "interview": ("text", "whole", "number"),
    "score": ("number", "whole", "text"),
    "date": ("day", "text"),
    "": ("text", "whole", "number", "truth", "day"),
}
_ARROW = {
    "text": pa.string(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "truth": pa.bool_(),
    "day": pa.date32(),
    "other": pa.string(),
}
_TYPES = {"text": "string", "whole": "int64", "number": "float64", "truth": "boolean", "day": "date", "other": "string"}


@dataclass(frozen=True)
class Table:
    """A table in the engine: ``title`` is what errors call it, ``parts`` its files and their rows in order."""

    title: str
    source: Source
    kinds: Mapping[str, Kind]
    parts: tuple[tuple[str, int], ...]
    expression: Any

    def kind(self, column: str) -> Kind:
        """Return what a column holds. Raises :class:`DataError` naming the columns there are."""
        if column not in self.kinds:
            raise DataError(f"{self.title}: expected a column {column}, got {', '.join(self.kinds)}")
        return self.kinds[column]

    def column(self, name: str) -> Any:
        """Return the expression of a column."""
        self.kind(name)
        return self.expression[f"c{list(self.kinds).index(name)}"]

    def place(self, row: int) -> str:
        """Return where a row is, counted from 1 over all files: ``row 5``, or ``row 5 of part-1.parquet``."""
        if len(self.parts) == 1:
            return f"row {row}"
        for name, rows in self.parts:
            if row <= rows:
                return f"row {row} of {name}"
            row -= rows
        raise ValueError(f"row {row} lies behind the end of {self.title}")


@dataclass(frozen=True)
class Grouped:
    """K groups: ``codes`` (K,) into the distinct ``values`` of every key, and what was summed over each group."""

    values: Mapping[str, tuple[Any, ...]]
    codes: Mapping[str, NDArray[np.int64]]
    sums: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Persons:
    """How many distinct ids rows have, the ``most`` rows of one id, and the rows with no id at all."""

    distinct: int
    most: int
    blank: int


@dataclass(frozen=True)
class ScoreSummary:
    """Rows by what their score is; ``low`` and ``high`` of the readable ones, ``distinct`` roughly how many values."""

    missing: int
    unreadable: int
    infinite: int
    outside: int
    low: float | None
    high: float | None
    distinct: int


class TooManyGroupsError(DataError):
    """There are more combinations of values than anybody could look at (exit code 4)."""


@contextmanager
def engine(*, memory: str = "512MB", threads: int | None = None) -> Iterator[Engine]:
    """Yield an empty engine that uses about ``memory`` beside Python's own; its files disappear with it.

    Raises :class:`StorageError` where there is no room for temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="fairhire-") as folder:
        settings: dict[str, Any] = {
            "memory_limit": memory,
            "threads": (threads or min(os.cpu_count() or 1, 8)),
            "temp_directory": str(Path(folder) / "spilled"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "preserve_insertion_order": "true",  # rows are told by their number
        }
        connection = duckdb.connect(str(Path(folder) / "rows.duckdb"), config=settings)
        with suppress(duckdb.InvalidInputException):  # a notebook without widgets has no bar, and refuses to hear of it
            connection.execute("SET enable_progress_bar = false")
        connection.execute("SET python_enable_replacements = false")  # a query sees tables, not our variables
        try:
            yield Engine(connection, Path(folder))
        finally:
            connection.close()


class Engine:
    """Reads tables and answers expressions; made by :func:`engine`."""

    def __init__(self, connection: Any, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._names = 0

    def read(self, path: Path, *, what: str) -> Table:
        """Return a CSV (UTF-8), a Parquet file or all Parquet files of a folder as a table.

        ``what`` it should be ("a scores table") is for errors. Raises :class:`DataError` for whatever is not read
        exactly as it stands: missing files, other encodings, ragged rows, repeated columns, damaged Parquet.
        """
        if path.is_dir():
            return self._read_parquet(path, parquet_files(path, what=what))
        if not path.is_file():
            raise DataError(f"{path}: expected {what}, found no such file")
        if path.suffix in PARQUET:
            return self._read_parquet(path, [path])
        return self._read_csv(path)

    def hold(self, title: str, columns: Mapping[str, pa.Array], *, digest: str) -> Table:
        """Return columns that are already in memory as a table; ``digest`` is the SHA-256 of what they were."""
        name, rows = self._new_name(), pa.table(dict(columns))
        held = rows.rename_columns([f"c{place}" for place in range(rows.num_columns)])
        self._connection.register("held", held)
        self._execute(f"CREATE TABLE {name} AS SELECT * FROM held")
        self._connection.unregister("held")
        return self._table(title, Source(title, digest, rows.num_rows), name, list(columns), ((title, rows.num_rows),))

    def stream(self, expression: Any) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an expression in pieces."""
        query = str(ibis.to_sql(expression, dialect="duckdb"))
        with _engine_errors():
            yield from pa.RecordBatchReader.from_stream(self._connection.sql(query))

    def everything(self, table: Table, *, most: int = 100_000) -> dict[str, list[str]]:
        """Return a small table as text, column by column in the order of its rows.

        Raises :class:`DataError` where it has more than ``most`` rows.
        """
        if table.source.rows > most:
            raise DataError(f"{table.title}: expected at most {most:,} rows, got {table.source.rows:,}")
        named = {f"c{place}": _text(table.column(name)) for place, name in enumerate(table.kinds)}
        batches = list(self.stream(table.expression.select(**named)))
        cells = [[cell for batch in batches for cell in batch.column(place).to_pylist()] for place in range(len(named))]
        return dict(zip(table.kinds, cells, strict=True))

    def one(self, expression: Any) -> dict[str, Any]:
        """Return the single row of an expression."""
        (row,) = [row for batch in self.stream(expression) for row in batch.to_pylist()]
        return dict(row)

    def _read_csv(self, path: Path) -> Table:
        header = csv_header(path)
        name = self._new_name()
        columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header)))
        link = self._link(path, "csv")
        reader = (
            f"read_csv({link}, columns = {{{columns}}}, auto_detect = false, header = true, delim = ',', "
            "quote = '\"', escape = '\"', comment = '', nullstr = '', encoding = 'utf-8', compression = 'none', "
            "strict_mode = true, null_padding = false, ignore_errors = false)"
        )
        # One empty cell too many at the end of a line is the one thing that the strict reader lets pass.
        if ends_in_commas(path):
            for _ in csv_rows(path):
                pass
        # A blank first line the engine would take for the header.
        if begins_blank(path) or not self._takes(f"CREATE TABLE {name} AS SELECT * FROM {reader}"):
            self._insert_slowly(path, name, len(header))  # says where the file is broken, or reads it
        rows = self._count(name)
        return self._table(str(path), Source(path.name, sha256(path), rows), name, header, ((path.name, rows),))

    def _takes(self, query: str) -> bool:
        """Return whether a query that reads a file could be executed."""
        with _engine_errors():
            try:
                self._connection.execute(query)
            except duckdb.InvalidInputException:
                return False
            return True

    def _insert_slowly(self, path: Path, name: str, width: int) -> None:
        """Read what is a correct CSV but not one the engine takes, such as one with mixed line ends."""
        columns = ", ".join(f"c{place} VARCHAR" for place in range(width))
        self._execute(f"CREATE TABLE {name} ({columns})")
        for rows in csv_rows(path):
            cells = [pa.array([row[place] or None for row in rows], pa.string()) for place in range(width)]
            self._connection.register("held", pa.table(cells, names=[f"c{place}" for place in range(width)]))
            self._execute(f"INSERT INTO {name} SELECT * FROM held")
            self._connection.unregister("held")

    def _read_parquet(self, path: Path, files: Sequence[Path]) -> Table:
        schemas = [parquet_schema(file) for file in files]
        first, _ = schemas[0]
        for file, (schema, _) in zip(files, schemas, strict=True):
            if sorted(schema.items()) != sorted(first.items()):
                raise DataError(
                    f"{path}: expected the same columns in every file, got others in {file.name} than {files[0].name}"
                )
        links = ", ".join(self._link(file, "parquet") for file in files)
        source = f"read_parquet([{links}], hive_partitioning = false)"
        described = self._execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        kinds: list[Kind] = []
        selected = []
        for place, (column, kind) in enumerate((row[0], row[1]) for row in described):
            quoted = '"' + column.replace('"', '""') + '"'
            decimal = kind.startswith("DECIMAL")
            known, cast = _KINDS["FLOAT"] if decimal else _KINDS.get(kind, ("other", "CAST(NULL AS VARCHAR)"))
            kinds.append(known)
            selected.append(f"{cast.format(quoted)} AS c{place}")
        name = self._new_name()
        self._execute(f"CREATE TEMP VIEW {name} AS SELECT {', '.join(selected)} FROM {source}")
        parts = tuple((file.name, rows) for file, (_, rows) in zip(files, schemas, strict=True))
        digest = sha256(path) if path.is_file() else folder_digest(files)
        rows = sum(rows for _, rows in parts)
        return self._table(str(path), Source(path.name, digest, rows), name, list(first), parts, kinds)

    def _table(
        self,
        title: str,
        source: Source,
        name: str,
        columns: Sequence[str],
        parts: tuple[tuple[str, int], ...],
        kinds: Sequence[Kind] | None = None,
    ) -> Table:
        if source.rows == 0:
            raise DataError(f"{title}: expected at least one row, got none")
        if kinds is None:
            described = self._execute(f"DESCRIBE {name}").fetchall()
            kinds = [_KINDS[row[1]][0] for row in described]
        schema = {f"c{place}": _TYPES[kind] for place, kind in enumerate(kinds)}
        return Table(title, source, dict(zip(columns, kinds, strict=True)), parts, ibis.table(schema, name=name))

    def _count(self, name: str) -> int:
        return int(self._execute(f"SELECT count(*) FROM {name}").fetchone()[0])

    def _execute(self, query: str) -> Any:
        with _engine_errors():
            return self._connection.execute(query)

    def _new_name(self) -> str:
        self._names += 1
        return f"t{self._names}"

    def _link(self, path: Path, suffix: str) -> str:
        """Return a plain name for a file, whose own may hold what the engine would read as a pattern or an address.

        Quoted for a query, since the temporary folder may be called anything.
        """
        link = self._folder / f"{self._new_name()}.{suffix}"
        link.symlink_to(path.resolve())
        quoted = str(link).replace("'", "''")
        return f"'{quoted}'"


@dataclass(frozen=True)
class Rows:
    """The rows of a table by what they mean, lazily filtered, and joined with the people they are about.

    ``roles`` maps a meaning (candidate, interview, position, split, date, label, decision, score) to a column;
    ``attributes`` maps each attribute to a column of ``people``, or of ``table`` where that is None. ``person`` is
    the column of ids in ``people``.
    """

    engine: Engine
    table: Table
    roles: Mapping[str, str]
    attributes: Mapping[str, str]
    people: Table | None = None
    person: str = ""
    filters: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    codebooks: Mapping[str, tuple[Table, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role, column in self.roles.items():
            kind = self.table.kind(column)
            allowed = _ALLOWED.get(role, _ALLOWED[""])
            if kind not in allowed:
                raise DataError(
                    f"{self.table.title}, {column}: expected {' or '.join(allowed)} for a {role}, got {kind}"
                )
        for column in self.attributes.values():
            table = self.people or self.table
            if table.kind(column) == "other":
                raise DataError(
                    f"{table.title}, {column}: expected categories, got a column of nested or binary values"
                )

    def column_of(self, name: str) -> str:
        """Return what users call the column of an attribute or role."""
        return self.attributes.get(name) or self.roles.get(name, name)

    # Which rows

    def of_split(self, split: str) -> Rows:
        """Return only the rows of one part of the split."""
        return self._filtered(lambda t: _text(t["split"]) == split)

    def dated(self) -> Rows:
        """Return only the rows that have a date."""
        return self._filtered(lambda t: ~_is_blank(t["date"]))

    def between(self, first: date, last: date) -> Rows:
        """Return only the rows of a window of days, both ends included."""
        return self._filtered(lambda t: _day(t["date"]).between(ibis.date(first), ibis.date(last)))

    def having(self, role: str) -> Rows:
        """Return only the rows in which a cell is not empty."""
        return self._filtered(lambda t: ~_is_blank(t[role]))

    # What rows get beside their columns

    def with_value(self, low: float, high: float) -> Rows:
        """Return rows with ``value``: the score moved from [low, high] to [0, 1]."""
        if (low, high) == (0.0, 1.0):
            return self._step(lambda t: t.mutate(value=_number(t["score"])))
        span = _exactly(high - low)
        return self._step(lambda t: t.mutate(value=(_number(t["score"]) - _exactly(low)) / span))

    def with_above(self, median: float) -> Rows:
        """Return rows with ``above``: 1 where ``value`` is strictly above the median, else 0 (null without a score)."""
        return self._step(lambda t: t.mutate(above=(t["value"] > _exactly(median)).cast("int64")))

    def with_passed(self, threshold: float) -> Rows:
        """Return rows with ``passed``: 1 where ``value`` reaches the threshold, else 0 (null without a score)."""
        return self._step(lambda t: t.mutate(passed=(t["value"] >= _exactly(threshold)).cast("int64")))

    def with_codes(self, codes: Mapping[str, Mapping[Any, int]]) -> Rows:
        """Return rows in which a number stands for each attribute: ``codes`` maps every cell it may have to one."""
        books = {}
        for name, numbers in codes.items():
            cells = [cell for cell in numbers if cell is not None]
            kind = (self.people or self.table).kind(self.attributes[name])
            column = pa.array([*cells, None], _ARROW[kind])
            of = pa.array([*(numbers[cell] for cell in cells), -1], pa.int16())
            books[name] = self.engine.hold("categories", {"cell": column, "code": of}, digest=""), numbers.get(None, -1)
        return replace(self, codebooks=books)

    # Answers

    def count(self) -> int:
        """Return how many rows there are."""
        expression = self._unjoined()
        return int(self.engine.one(expression.aggregate(n=expression.count()))["n"])

    def persons(self, role: str = "candidate") -> Persons:
        """Return how many distinct ids there are, and how many rows the busiest has."""
        by_id = self._unjoined().group_by(role).aggregate(n=ibis._.count())
        found = self.engine.one(
            by_id.aggregate(
                distinct=by_id.count(),
                most=by_id["n"].max(),
                blank=ibis.ifelse(_is_blank(by_id[role]), by_id["n"], 0).sum(),
            )
        )
        return Persons(found["distinct"], found["most"] or 0, int(found["blank"] or 0))

    def repeated(self, roles: Sequence[str]) -> tuple[int, int, int] | None:
        """Return two row numbers of the first id (or ids) that comes again, and how many do; None if none does."""
        numbered = self._unjoined(numbered=True)
        keys = {role: (_text if role == "position" else _as_written)(numbered[role]) for role in roles}
        groups = (
            numbered.select(row="row", **keys)
            .group_by(list(roles))
            .aggregate(n=ibis._.count(), first=ibis._["row"].min(), last=ibis._["row"].max())
        )
        groups = groups.filter(groups["n"] > 1)
        found = self.engine.one(
            groups.aggregate(
                many=groups.count(), first=groups["first"].min(), last=groups["last"].argmin(groups["first"])
            )
        )
        return None if not found["many"] else (found["first"], found["last"], found["many"])

    def unlisted(self) -> int:
        """Return how many distinct candidates of the rows the people table does not list."""
        missing = self._unjoined().anti_join(self._ids(), "candidate")
        return int(self.engine.one(missing.aggregate(n=missing["candidate"].nunique()))["n"])

    def unseen(self) -> int:
        """Return how many people have no row in the table at all, filtered or not."""
        rows = replace(self, filters=())._unjoined()
        missing = self._ids().anti_join(rows, "candidate")
        return int(self.engine.one(missing.aggregate(n=missing.count()))["n"])

    def missing(self, role: str) -> tuple[int, int | None]:
        """Return how many cells are empty, and the number of the first such row."""
        return self._which(lambda t: _is_blank(t[role]))

    def among(self, role: str, values: Sequence[Any]) -> tuple[int, int | None]:
        """Return how many cells hold one of ``values``, and the number of the first such row."""
        return self._which(lambda t: t[role].isin(list(values)))

    def undated(self) -> tuple[int, int | None]:
        """Return how many dates are written otherwise than 2026-11-22, and the number of the first such row."""
        return self._which(lambda t: ~_is_blank(t["date"]) & _day(t["date"]).isnull())

    def unfit(self, low: float, high: float) -> tuple[int, int | None]:
        """Return how many scores are not numbers within [low, high], and the number of the first such row."""
        return self._which(lambda t: _unreadable(t["score"]) | ~_fits(_number(t["score"]), low, high))

    def scores(self, low: float, high: float) -> ScoreSummary:
        """Return what the scores are like, [low, high] being where they should lie."""
        t = self._unjoined()
        number, unreadable = _number(t["score"]), _unreadable(t["score"])
        finite = ~(number.isnan() | number.isinf())
        usable = ibis.ifelse(finite, number, ibis.null("float64"))
        found = self.engine.one(
            t.aggregate(
                missing=_is_blank(t["score"]).sum(),
                unreadable=unreadable.sum(),
                infinite=(~finite).sum(),
                outside=(finite & ~_fits(number, low, high)).sum(),
                low=usable.min(),
                high=usable.max(),
                distinct=number.approx_nunique(),
            )
        )
        numbers = {key: int(found[key] or 0) for key in ("missing", "unreadable", "infinite", "outside", "distinct")}
        return ScoreSummary(**numbers, low=found["low"], high=found["high"])

    def grouped(self, by: Sequence[str], *, limits: Mapping[str, int]) -> Grouped:
        """Return how many rows (``n``) have each combination of values.

        Raises :class:`DataError` where a key has more distinct values than its limit, or there are too many
        combinations to look at.
        """
        t = self._joined(by)
        return self._gather(t.group_by(list(by)).aggregate(n=t.count()), by, limits)

    def by_score(self, by: Sequence[str], *, bins: int | None, limits: Mapping[str, int]) -> Grouped:
        """Return how many rows of each group have each ``value``: itself, or the bin of ``bins`` (a power of 2).

        In bins, ``part`` and ``square`` are the sums of where in its bin a value lies, from 0 to 1, and of that
        squared, in units of :data:`PART` and :data:`SQUARE`: whole numbers, which add up to the same in any order.
        """
        t = self._joined([*by, "value"])
        t = t.filter(t["value"].notnull())
        if bins is None:
            return self._gather(t.group_by([*by, "value"]).aggregate(n=t.count()), by, limits)
        scaled = t["value"] * _exactly(float(bins))
        t = t.mutate(bin=ibis.least(scaled.floor().cast("int64"), bins - 1))
        rest = t["value"] * _exactly(float(bins)) - t["bin"].cast("float64")
        t = t.mutate(
            part=(rest * _exactly(float(PART))).round().cast("int64"),
            square=(rest * rest * _exactly(float(SQUARE))).round().cast("int64"),
        )
        return self._gather(
            t.group_by([*by, "bin"]).aggregate(n=t.count(), part=t["part"].sum(), square=t["square"].sum()), by, limits
        )

    def smallest(self, rank: int) -> float:
        """Return the ``rank``-th smallest ``value``, from 0, without sorting all of them.

        Counts in ever finer bins, powers of 2 wide so that every bound is exact, until few values are left.
        """
        t = self._joined(["value"])
        t = t.filter(t["value"].notnull())
        for level in range(1, 5):
            bins = (t["value"] * _exactly(2.0 ** (_BITS * level))).floor().cast("int64")
            counted = self._gather(t.group_by(bin=bins).aggregate(n=ibis._.count()), [], {}).sums
            order = np.argsort(counted["bin"])
            passed = np.cumsum(counted["n"][order])
            place = int(np.searchsorted(passed, rank, side="right"))
            rank -= int(passed[place] - counted["n"][order][place])
            t = t.filter(bins == int(counted["bin"][order][place]))
            if counted["n"][order][place] <= MOST_GROUPS:
                break
        left = self._gather(t.group_by("value").aggregate(n=ibis._.count()), [], {}).sums
        order = np.argsort(left["value"])
        return float(left["value"][order][np.searchsorted(np.cumsum(left["n"][order]), rank, side="right")])

    def equal_to(self, value: float) -> int:
        """Return how many rows have exactly this ``value``."""
        t = self._joined(["value"])
        found = t.filter(t["value"] == _exactly(value))
        return int(self.engine.one(found.aggregate(n=found.count()))["n"])

    def repeats(self, attributes: Sequence[str], flags: Mapping[str, tuple[Sequence[Any], Sequence[Any]]]) -> Grouped:
        """Return, per combination of categories, sums over its people, each of whom may have several rows.

        ``flags`` names columns, the values in them that count as 1 and those that count as 0; a row with neither has
        not got the flag. Sums over all rows are ``people`` and ``nn``; ``people_``, ``nn_``, ``ns_`` and ``ss_`` with
        the flag's name are over the rows that have it.
        """
        t = self._joined([*attributes, "candidate", *flags])
        counted = {}
        for name, (yes, no) in flags.items():
            counted[f"n_{name}"] = t[name].isin([*yes, *no]).coalesce(False).cast("int64").sum()
            counted[f"s_{name}"] = t[name].isin(list(yes)).coalesce(False).cast("int64").sum()
        person = t.group_by([*attributes, "candidate"]).aggregate(n=t.count(), **counted)
        sums = {"people": person.count(), "nn": (person["n"] * person["n"]).sum()}
        for name in flags:
            n, s = person[f"n_{name}"], person[f"s_{name}"]
            sums |= {f"people_{name}": (n > 0).cast("int64").sum(), f"nn_{name}": (n * n).sum()}
            sums |= {f"ns_{name}": (n * s).sum(), f"ss_{name}": (s * s).sum()}
        return self._gather(person.group_by(list(attributes)).aggregate(**sums), attributes, {})

    # How

    def _filtered(self, step: Step) -> Rows:
        return replace(self, filters=(*self.filters, step))

    def _step(self, step: Step) -> Rows:
        return replace(self, steps=(*self.steps, step))

    def _which(self, condition: Step) -> tuple[int, int | None]:
        t = self._unjoined()
        n = self.engine.one(t.filter(condition(t).coalesce(False)).aggregate(n=ibis._.count()))["n"]
        if not n:
            return 0, None
        t = self._unjoined(numbered=True)
        return int(n), self.engine.one(t.filter(condition(t).coalesce(False)).aggregate(row=ibis._["row"].min()))["row"]

    def _unjoined(self, *, numbered: bool = False) -> Any:
        """Return the rows without their people; numbered from 1 as they stand in the table, before any filter."""
        columns = {role: self.table.column(column) for role, column in self.roles.items()}
        if "candidate" in self.roles and self.people is not None:
            columns["candidate"] = self._comparable(self.table, self.roles["candidate"])
        if self.people is None:
            columns |= {name: self.table.column(column) for name, column in self.attributes.items()}
        if numbered:
            columns["row"] = ibis.row_number() + 1
        t = self.table.expression.select(**columns)
        for step in self.filters:
            t = t.filter(step(t))
        return t

    def _joined(self, needed: Sequence[str]) -> Any:
        """Return the rows with what ``needed`` asks for; the people are looked up only for an attribute."""
        t = self._unjoined()
        if any(name in self.attributes or name == "listed" for name in needed):
            if self.people is None:
                t = self._coded(t)
            else:
                # Coded before they are joined: what is looked up is an id and a few small numbers.
                people = self._coded(self._ids(attributes=True))
                joined = t.left_join(people, t["candidate"] == people["candidate"])
                added = {name: people[name] for name in (*self.attributes, "listed")}
                t = joined.select(**{name: t[name] for name in t.columns}, **added)
        for step in self.steps:
            t = step(t)
        return t

    def _ids(self, *, attributes: bool = False) -> Any:
        assert self.people is not None
        columns = {"candidate": self._comparable(self.people, self.person)}
        if attributes:
            columns |= {name: self.people.column(column) for name, column in self.attributes.items()}
            columns["listed"] = ibis.literal(True)
        return self.people.expression.select(**columns)

    def _comparable(self, table: Table, column: str) -> Any:
        """Return ids that the other table's can be compared with: as whole numbers if both are, else as text."""
        assert self.people is not None
        both = {self.table.kind(self.roles["candidate"]), self.people.kind(self.person)}
        return table.column(column) if len(both) == 1 else _as_written(table.column(column))

    def _coded(self, t: Any) -> Any:
        """Return ``t`` with the numbers of the categories in the place of what is written."""
        for name, (book, rest) in self.codebooks.items():
            codebook = book.expression.select(spelling=book.column("cell"), number=book.column("code"))
            joined = t.left_join(codebook, t[name] == codebook["spelling"])
            columns = {other: t[other] for other in t.columns if other != name}
            t = joined.select(**columns, **{name: codebook["number"].coalesce(rest)})
        return t

    def _gather(self, expression: Any, by: Sequence[str], limits: Mapping[str, int]) -> Grouped:
        codebooks: dict[str, dict[Any, int]] = {name: {} for name in by}
        codes: dict[str, list[NDArray[np.int64]]] = {name: [] for name in by}
        sums: dict[str, list[NDArray[Any]]] = {name: [] for name in expression.columns if name not in by}
        total = 0
        for batch in self.engine.stream(expression):
            total += batch.num_rows
            if total > MOST_GROUPS:
                columns = ", ".join(self.column_of(name) for name in by)
                raise TooManyGroupsError(
                    f"{self.table.title}: expected at most {MOST_GROUPS:,} combinations of {columns}, got more"
                )
            for name in by:
                codes[name].append(_encode(batch.column(name), codebooks[name]))
                if len(codebooks[name]) > limits.get(name, MOST_GROUPS):
                    raise self._too_many(name, limits[name])
            for name, column in sums.items():
                cells = batch.column(name)
                column.append(
                    cells.cast(pa.int64()).to_numpy() if pa.types.is_decimal(cells.type) else cells.to_numpy()
                )
        return Grouped(
            {name: tuple(book) for name, book in codebooks.items()},
            {name: np.concatenate(pieces) if pieces else np.zeros(0, np.int64) for name, pieces in codes.items()},
            {name: np.concatenate(pieces) if pieces else np.zeros(0, np.int64) for name, pieces in sums.items()},
        )

    def _too_many(self, name: str, limit: int) -> DataError:
        is_attribute = name in self.attributes
        table = self.people if self.people is not None and is_attribute else self.table
        return DataError(
            f"{table.title}, {self.column_of(name)}: expected at most {limit} different values, got more: is this an "
            "id or a number?"
        )


def _text(column: Any) -> Any:
    """Return cells as text without blanks around it, empty for missing ones."""
    return _as_written(column).strip().coalesce("")


def _as_written(column: Any) -> Any:
    """Return cells as text; whole numbers without a point, as a CSV has them."""
    if column.type().is_string():
        return column
    if column.type().is_floating():
        whole = column.try_cast("int64")  # a plain cast, and even a floor, refuses what is too large or infinite
        is_whole = (column == whole.cast("float64")) & (column.abs() < 1e15)
        return ibis.ifelse(is_whole, whole.cast("string"), column.cast("string"))
    return column.cast("string")


def _is_blank(column: Any) -> Any:
    if column.type().is_string():
        return column.isnull() | (column.strip() == "")
    if column.type().is_floating():
        return column.isnull() | column.isnan()
    return column.isnull()


def _number(column: Any) -> Any:
    """Return cells as numbers, null where they are empty or none."""
    return (column.strip().try_cast("float64") if column.type().is_string() else column.cast("float64")) + 0.0


def _unreadable(column: Any) -> Any:
    """Return whether a cell is neither empty nor a number. The engine alone would read 1_0 as ten."""
    if not column.type().is_string():
        return column.isnull() & ibis.literal(False)
    return ~_is_blank(column) & (_number(column).isnull() | column.contains("_"))


def _fits(number: Any, low: float, high: float) -> Any:
    return number.between(_exactly(low), _exactly(high)).coalesce(True)


def _day(column: Any) -> Any:
    """Return cells as dates; of text only 2026-11-22, with or without a time of day behind it."""
    if column.type().is_date():
        return column
    text = _text(column)
    return ibis.ifelse(
        text.re_search(r"^\d{4}-\d{2}-\d{2}([T ].*)?$"), text.substr(0, 10).try_cast("date"), ibis.null("date")
    )


def _exactly(number: float) -> Any:
    """Return a number as the engine must take it: written as a decimal it would be rounded a second time."""
    return ibis.literal(repr(number)).cast("float64")


def _encode(column: Any, codebook: dict[Any, int]) -> NDArray[np.int64]:
    """Return the numbers of the values of a column in ``codebook``, which grows; NaN is missing like null."""
    encoded = column.dictionary_encode("encode")
    known = [None if value != value else value for value in encoded.dictionary.to_pylist()]
    places = np.asarray([codebook.setdefault(value, len(codebook)) for value in known], dtype=np.int64)
    numbers: NDArray[np.int64] = places[encoded.indices.to_numpy()]
    return numbers


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Turn the engine's refusals into one line of ours: its own may show what people's rows hold."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise StorageError("counting: expected room for temporary files or more memory, got neither") from None
    except duckdb.IOException as error:
        if "space" in str(error).lower():
            raise StorageError("counting: expected room for temporary files, got a full disk") from None
        raise DataError("counting: expected files that stay readable, got one that cannot be read") from None
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
        raise  # a mistake of ours
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        raise DataError("counting: expected values within the range of their kind, got one that is not") from None
    except (duckdb.Error, pa.ArrowException):
        raise DataError("counting: expected undamaged Parquet files, got one with pages that cannot be read") from None
