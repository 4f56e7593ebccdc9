"""Who the people are: one category per attribute and candidate, with "unknown" said aloud, seen only by the audit."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from fairhire.errors import DataError

__all__ = [
    "UNKNOWN",
    "UNKNOWN_WORDS",
    "Demographics",
    "categories_of",
    "cell_text",
    "read_demographics",
    "spelling_key",
]

UNKNOWN = "unknown"
"""The category of a candidate whose category is not known: counted, never a group."""

UNKNOWN_WORDS = ("", "unknown", "prefer not to say", "n/a")
"""What people tables write for it, compared without case (interface.md; "na" may be a group and is not among them)."""

Categories = NDArray[np.str_]


@dataclass(frozen=True)
class Demographics:
    """P candidates and their categories.

    ``candidates`` (P,) are distinct; ``attributes`` maps a name to categories (P,), :data:`UNKNOWN` where not known.
    ``merged`` maps attribute to {as written: category} for every spelling that was changed, to be shown to the reader.
    Raises :class:`DataError` for a repeated candidate or columns of unequal length.
    """

    candidates: Categories
    attributes: Mapping[str, Categories]
    merged: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names, counts = np.unique(self.candidates, return_counts=True)
        if (counts > 1).any():
            raise DataError(f"people: expected every candidate once, got {str(names[counts > 1][0])!r} again")
        for name, categories in self.attributes.items():
            if categories.shape != self.candidates.shape:
                raise DataError(f"people, {name}: expected {len(self.candidates)} categories, got {len(categories)}")

    def __len__(self) -> int:
        return len(self.candidates)

    def of(self, attribute: str, candidates: ArrayLike) -> Categories:
        """Return the category of each of ``candidates`` (N,); one who is not in the table is :data:`UNKNOWN`.

        Raises :class:`DataError` for an attribute that the table does not have.
        """
        if attribute not in self.attributes:
            raise DataError(f"people: expected a column {attribute!r}, got {', '.join(self.attributes) or 'none'}")
        wanted = np.asarray(candidates, dtype=str)
        if len(self) == 0:
            return np.full(len(wanted), UNKNOWN)
        order = np.argsort(self.candidates)
        place = np.minimum(np.searchsorted(self.candidates, wanted, sorter=order), len(self) - 1)
        found = self.candidates[order[place]] == wanted
        return np.where(found, self.attributes[attribute][order[place]], UNKNOWN)

    def unlisted(self, candidates: ArrayLike) -> int:
        """Return how many distinct ``candidates`` the table does not list."""
        return len(np.setdiff1d(np.asarray(candidates, dtype=str), self.candidates))

    def unknown(self, attribute: str) -> int:
        """Return how many candidates of the table have no known category of ``attribute``."""
        return int((self.of(attribute, self.candidates) == UNKNOWN).sum())


def read_demographics(
    path: Path | str,
    *,
    unknown: Sequence[str] = (),
    columns: Mapping[str, str] = MappingProxyType({}),
    labels: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    declared: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Demographics:
    """Read a people table, CSV (UTF-8) or Parquet: a column ``candidate``, then one column per protected attribute.

    Spellings that differ only in case or blanks are one category, named as most candidates write it
    (of equals the first by alphabet); words of :data:`UNKNOWN_WORDS` and ``unknown`` mean :data:`UNKNOWN`. ``columns``
    maps our names to the table's; ``labels`` and ``declared`` name, by attribute, categories as in
    :func:`categories_of`. Raises :class:`DataError` naming file, column and line.
    """
    path = Path(path)
    is_parquet = path.is_dir() or path.suffix in (".parquet", ".pq")
    table = _rename(_read_parquet(path) if is_parquet else _read_csv(path), columns, path)
    if "candidate" not in table:
        raise DataError(f"{path}: expected a column candidate, got {', '.join(table)}")
    candidates = table.pop("candidate")  # as written: a scores table must be able to name them
    if not table:
        raise DataError(f"{path}: expected at least one column of categories beside candidate, got none")
    if not candidates:
        raise DataError(f"{path}: expected at least one candidate, got none")
    _check_candidates(candidates, path)
    attributes, merged = {}, {}
    for name, written in table.items():
        called = categories_of(
            Counter(written), unknown=unknown, mapped=labels.get(name), declared=declared.get(name, ())
        )
        categories = [called[value] for value in written]
        changed = dict(sorted((value, category) for value, category in called.items() if value != category))
        attributes[name] = np.asarray(categories, dtype=str)
        if changed:
            merged[name] = changed
    return Demographics(np.asarray(candidates, dtype=str), attributes, merged)


def _rename(table: dict[str, list[str]], columns: Mapping[str, str], path: Path) -> dict[str, list[str]]:
    """Return the table under our names; a column of ours that stands for something else there is left aside."""
    for theirs in columns.values():
        if theirs not in table:
            raise DataError(f"{path}: expected a column {theirs!r}, got {', '.join(table)}")
    ours = {theirs: name for name, theirs in columns.items()}
    kept = {name: cells for name, cells in table.items() if name in ours or name not in columns}
    return {ours.get(name, name): cells for name, cells in kept.items()}


def categories_of(
    written: Mapping[str, int],
    *,
    unknown: Iterable[str] = (),
    mapped: Mapping[str, str] | None = None,
    declared: Iterable[str] = (),
) -> dict[str, str]:
    """Return {as written: category} for the spellings ``written``, each with how many candidates write it so.

    Spellings that differ only in case, blanks or Unicode composition are one category. It is called as ``declared``
    or as ``mapped`` names it, else as most candidates write it (of equals the first by alphabet). ``mapped`` holds
    {as written: category} and wins over the words of :data:`UNKNOWN_WORDS` and ``unknown``, which mean
    :data:`UNKNOWN`.
    """
    words = {spelling_key(word) for word in (*UNKNOWN_WORDS, *unknown)}
    led = {spelling_key(spelling): spelling_key(category) for spelling, category in (mapped or {}).items()}
    names = {spelling_key(name): name for name in (*(mapped or {}).values(), *declared)}
    keys: dict[str, str] = {}
    spellings: dict[str, Counter[str]] = {}
    for value, n in written.items():
        own = spelling_key(value)
        key = led.get(own, own)
        keys[value] = key
        spellings.setdefault(key, Counter())[" ".join(value.split())] += n
    called = {key: UNKNOWN if key in words else names.get(key, _usual(counts)) for key, counts in spellings.items()}
    return {value: called[key] for value, key in keys.items()}


def spelling_key(value: str) -> str:
    """Return what all spellings of one category have in common: no case, single blanks, composed letters."""
    return " ".join(unicodedata.normalize("NFC", value).split()).casefold()


def _check_candidates(candidates: Sequence[str], path: Path) -> None:
    seen: dict[str, int] = {}
    for row, name in enumerate(candidates, start=1):
        if not name.strip():
            raise DataError(f"{path}, row {row}: expected a candidate, got nothing")
        if name in seen:
            raise DataError(f"{path}, row {row}: expected every candidate once, got {name!r} again (row {seen[name]})")
        seen[name] = row


def _usual(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda spelling: (-spellings[spelling], spelling))


def _read_csv(path: Path) -> dict[str, list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file, strict=True) if line]
    except FileNotFoundError:
        raise DataError(f"{path}: expected a people table, found no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x}") from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: expected a readable CSV table, got {error}") from None
    if not lines:
        raise DataError(f"{path}: expected a header line, got an empty file")
    header = [name.strip() for name in lines[0]]
    _check_header(header, path)
    for row, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            raise DataError(f"{path}, row {row}: expected {len(header)} values, got {len(line)}")
    return {name: [line[place] for line in lines[1:]] for place, name in enumerate(header)}


def _read_parquet(path: Path) -> dict[str, list[str]]:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a people table, found no such file") from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a readable Parquet table, got {str(error).splitlines()[0]}") from None
    _check_header(table.column_names, path)
    return {name: [cell_text(value) for value in table[name].to_pylist()] for name in table.column_names}


def _check_header(header: Sequence[str], path: Path) -> None:
    for name, times in Counter(header).items():
        if not name:
            raise DataError(f"{path}: expected a name for every column, got an empty one among {', '.join(header)}")
        if times > 1:
            raise DataError(f"{path}: expected distinct columns, got {name!r} {times} times")


def cell_text(value: Any) -> str:
    """Return a Parquet cell as a CSV would write it: nothing for null and NaN, 1 for 1.0 (integers beside nulls)."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
