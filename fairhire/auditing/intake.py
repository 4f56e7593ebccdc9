"""What an audit accepts, and how tables of people become counts: strict, with every choice and every omission told.

Scores and people may be CSV (UTF-8), Parquet or a folder of Parquet files; people's attributes may also be columns of
the scores table; a vendor may hand over nothing but counts. No error here shows an id or somebody's category: rows are
named by their number, counted from 1 below the header.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from fairhire.auditing.counting import (
    TRUTH,
    Codebook,
    Flags,
    count_cells,
    count_repeats,
    limits_of,
    measure_scores,
    read_flags,
    scored_cells,
)
from fairhire.auditing.counts_table import tables_of_counts
from fairhire.auditing.demographics import UNKNOWN, UNKNOWN_WORDS, categories_of, cell_text, spelling_key
from fairhire.auditing.engine import Engine, Grouped, Persons, Rows, ScoreSummary, Table, engine
from fairhire.auditing.tabular import column_names
from fairhire.auditing.tally import Tally
from fairhire.errors import DataError, UsageError
from fairhire.left_out import LeftOut
from fairhire.scores import Scores

__all__ = ["Intake", "count_run_scores", "count_tables", "people_attributes", "read_counts"]

SCORE_COLUMNS = ("interview", "candidate", "position", "split", "date", "score", "decision", "label")
"""The columns of a scores table (interface.md); others are ignored, or attributes where there is no people table."""

_TAKEN = {*SCORE_COLUMNS, "selected", "above", "n", "people", "nn"} | {
    f"{kind}_{flag}" for kind in ("ns", "ss") for flag in ("selected", "above")
}
"""What a column of the counts is called that is no attribute."""

MOST_CATEGORIES = 500
"""Categories of an attribute, beyond which it is taken for an id or a number."""


@dataclass(frozen=True)
class Intake:
    """How the user wants tables to be read.

    ``score_columns`` and ``people_columns`` map our names to theirs. ``score_range`` is where scores lie; they are
    moved to [0, 1]. ``threshold`` is the score on that scale from which people are selected; it decides where there is
    no column of decisions. ``per`` says what a row is: a candidate for a position, or an interview, of which a
    candidate may have several. Rows without an outcome are refused unless ``missing`` says to leave them out. Only rows
    of ``split`` and ``dates`` (both ends included) are counted. ``unknown`` are further words for it; ``labels`` maps,
    per attribute, {as written: category}; ``declared`` are categories that are listed even when they are empty, spelled
    as here.
    Raises :class:`UsageError` for choices that contradict each other.
    """

    score_columns: Mapping[str, str] = field(default_factory=dict)
    people_columns: Mapping[str, str] = field(default_factory=dict)
    threshold: float | None = None
    score_range: tuple[float, float] = (0.0, 1.0)
    per: Literal["candidate", "interview"] = "candidate"
    missing: Literal["refuse", "leave out"] = "refuse"
    split: str | None = None
    dates: tuple[date, date] | None = None
    unknown: tuple[str, ...] = ()
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    declared: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        low, high = self.score_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise UsageError(f"score range: expected two numbers, the lower first, got {low:g} and {high:g}")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"threshold: expected a score in [0, 1], got {self.threshold:g}")
        if self.per not in ("candidate", "interview"):
            raise UsageError(f"per: expected candidate or interview, got {self.per!r}")
        if self.missing not in ("refuse", "leave out"):
            raise UsageError(f"missing: expected refuse or leave out, got {self.missing!r}")
        if self.dates is not None and self.dates[0] > self.dates[1]:
            raise UsageError(f"dates: expected the earlier first, got {self.dates[0]} and {self.dates[1]}")
        for name in self.score_columns:
            if name not in (*SCORE_COLUMNS, "n", "selected"):
                raise UsageError(f"score columns: expected one of {', '.join(SCORE_COLUMNS)}, got {name}")
        for attribute, categories in self.declared.items():
            _check_declared(attribute, categories, self.unknown)
        for attribute, mapped in self.labels.items():
            _check_labels(attribute, mapped, self.declared.get(attribute, ()))


def count_tables(
    scores: Path | str, people: Path | str | None, *, attributes: Sequence[str], intake: Intake | None = None
) -> Tally:
    """Return the counts of a scores table and a people table; without ``people``, attributes are columns of scores.

    A table without a column of ids has one person a row. Raises :class:`DataError` for data that are not as
    docs/input.md says, :class:`UsageError` for choices that do not fit them.
    """
    intake = intake or Intake()
    with engine() as rows_here:
        table = rows_here.read(Path(scores), what="a scores table")
        listed = None if people is None else rows_here.read(Path(people), what="a people table")
        return _count(rows_here, table, listed, attributes, intake)


def count_run_scores(
    scores: Scores, people: Path | str, *, attributes: Sequence[str], intake: Intake | None = None, name: str
) -> Tally:
    """Return the counts of scores in memory, by the same rules; their SHA-256 is that of their own CSV."""
    intake = intake or Intake()
    columns: dict[str, pa.Array] = {
        "interview": pa.array(scores.ids.tolist(), pa.string()),
        "candidate": pa.array(scores.candidates.tolist(), pa.string()),
        "position": pa.array(scores.position.tolist(), pa.string()),
        "split": pa.array(scores.split.tolist(), pa.string()),
        "score": pa.array(scores.score, mask=np.isnan(scores.score)),
        "decision": pa.array(scores.decision, mask=scores.decision < 0),
    }
    if scores.hirable is not None:
        columns["label"] = pa.array(scores.hirable, mask=scores.hirable < 0)
    text = scores.to_frame().to_csv(index=False, lineterminator="\n")
    with engine() as rows_here:
        digest = hashlib.sha256(text.encode()).hexdigest()
        table = rows_here.hold(name, columns, digest=digest)
        listed = rows_here.read(Path(people), what="a people table")
        return _count(rows_here, table, listed, attributes, intake)


def read_counts(path: Path | str, *, intake: Intake | None = None) -> Tally:
    """Return counts that somebody else took; see docs/input.md for the two forms such a table may have."""
    intake = intake or Intake()
    with engine() as rows_here:
        table = rows_here.read(Path(path), what="a table of counts")
        cells = rows_here.everything(table)
    columns = {theirs: name for name, theirs in {**intake.score_columns, **intake.people_columns}.items()}
    named = {columns.get(name, name): column for name, column in cells.items()}
    return tables_of_counts(table, named, categories=partial(_categories, intake), declared=intake.declared)


def people_attributes(people: Path | str, *, intake: Intake | None = None) -> tuple[str, ...]:
    """Return the attributes of a people table under our names: every column but the candidate's."""
    intake = intake or Intake()
    columns = column_names(Path(people), what="a people table")
    ours = {theirs: name for name, theirs in intake.people_columns.items()}
    names = (ours.get(column, column) for column in columns if ours.get(column) or column not in intake.people_columns)
    return tuple(name for name in names if name != "candidate")


def _count(here: Engine, table: Table, people: Table | None, attributes: Sequence[str], intake: Intake) -> Tally:
    _check_attributes(attributes)
    roles = _roles(table, intake, needs_person=people is not None)
    person = intake.people_columns.get("candidate", "candidate")
    # Inside, attributes are a0, a1, …: theirs may be any, and the engine takes Sex and sex for one.
    names = {f"a{place}": name for place, name in enumerate(attributes)}
    columns = {inside: intake.people_columns.get(name, name) for inside, name in names.items()}
    listed = None if people is None else Rows(here, people, {"candidate": person}, columns)
    rows, left = _kept(Rows(here, table, roles, columns, people, person), intake)
    books: dict[str, Codebook] = {}
    if listed is not None:
        books, codes = _books_of_people(listed, names, intake)
        rows = rows.with_codes(codes)
    # Decisions alone take one pass over the rows; with scores the median comes first, and what is above it second.
    flags = [role for role in ("label", "decision") if role in roles]
    keys = [*names, *(role for role in ("position",) if role in roles), *flags]
    keys += ["listed"] if people is not None else []
    limits, has_scores = limits_of(list(names)), "score" in roles
    if has_scores:
        rows = rows.with_value(*intake.score_range)
    grouped = rows.grouped(flags if has_scores else keys, limits=limits) if flags else None
    labels, decided = (
        None if grouped is None or role not in roles else read_flags(rows, role, grouped)
        for role in ("label", "decision")
    )
    rows, summary, dropped = _having_outcome(rows, decided, intake)
    candidates = _check_ids(rows, intake)
    meant = {} if decided is None else {"selected": ("decision", decided)}
    if decided is None and intake.threshold is not None:
        rows, keys, meant = rows.with_passed(intake.threshold), [*keys, "passed"], {"selected": ("passed", TRUTH)}
    found = None
    if summary is not None and summary.low is not None:
        by = [*names, *(("label",) if labels else ())]
        found = measure_scores(rows, by, distinct=summary.distinct)
        rows, keys, meant = rows.with_above(found.median), [*keys, "above"], {**meant, "above": ("above", TRUTH)}
    if grouped is None or has_scores:
        grouped = rows.grouped(keys, limits=limits)
    if listed is None:
        books = {
            inside: _codebook(name, _spellings(grouped, inside), table.title, intake) for inside, name in names.items()
        }
        read = books
    else:
        dropped += _unmatched(rows, grouped, listed, candidates)
        read = {inside: book.by_number() for inside, book in books.items()}
    cells = count_cells(grouped, read, meant=meant, labels=labels)
    repeats = count_repeats(rows, grouped, read, meant=meant) if candidates and candidates.most > 1 else None
    return Tally(
        tuple(attributes),
        _with_declared(cells.rename(columns=names), attributes, intake),
        repeats=None if repeats is None else repeats.rename(columns=names),
        scored=None
        if found is None
        else scored_cells(found, read, names=names, labels=labels, people_repeat=repeats is not None),
        median=None if found is None else found.median,
        tied=0 if found is None else found.tied,
        threshold=intake.threshold,
        merged={names[inside]: changed for inside, book in books.items() if (changed := _changed(book))},
        sources=(table.source, *(() if people is None else (people.source,))),
        left_out=(*left, *dropped),
    )


def _roles(table: Table, intake: Intake, *, needs_person: bool) -> dict[str, str]:
    """Return which column is what. Raises :class:`DataError` for one that is needed and not there."""
    roles = {name: intake.score_columns.get(name, name) for name in SCORE_COLUMNS}
    roles = {name: column for name, column in roles.items() if name in intake.score_columns or column in table.kinds}
    there = ", ".join(table.kinds)
    if "candidate" not in roles and "interview" in roles:
        roles["candidate"] = roles["interview"]
    if needs_person and "candidate" not in roles:
        raise DataError(f"{table.title}: expected a column candidate or interview, got {there}")
    if "score" not in roles and "decision" not in roles:
        raise DataError(f"{table.title}: expected a column score or decision, got {there}")
    wanted = {
        "interview": intake.per == "interview",
        "split": intake.split is not None,
        "date": intake.dates is not None,
        "score": intake.threshold is not None,
    }
    for role, is_needed in wanted.items():
        if is_needed and role not in roles:
            raise DataError(f"{table.title}: expected a column {role}, got {there}")
    unused = {"split": intake.split is None, "date": intake.dates is None, "interview": intake.per != "interview"}
    return {role: column for role, column in roles.items() if not unused.get(role, False)}


def _kept(rows: Rows, intake: Intake) -> tuple[Rows, list[LeftOut]]:
    """Return the rows of the chosen split and days, and how many were not."""
    left: list[LeftOut] = []
    n = rows.table.source.rows
    title = rows.table.title
    if intake.split is not None:
        rows = rows.of_split(intake.split)
        n = _noted(left, n, rows.count(), f"not of split {intake.split}")
    if intake.dates is not None:
        bad, row = rows.undated()
        if bad:
            raise DataError(
                f"{title}, {rows.roles['date']}: expected dates like 2026-11-22, got {bad} others, "
                f"first in {rows.table.place(row or 0)}"
            )
        rows = rows.dated()
        n = _noted(left, n, rows.count(), "without a date")
        first, last = intake.dates
        rows = rows.between(first, last)
        n = _noted(left, n, rows.count(), f"not dated {first} to {last}")
    if n == 0:
        raise DataError(f"{title}: expected rows to count, got none: {'; '.join(f'{d.n} {d.why}' for d in left)}")
    return rows, left


def _noted(left: list[LeftOut], before: int, after: int, why: str) -> int:
    """Note how many rows were lost and return how many there are."""
    if after < before:
        left.append(LeftOut("rows", before - after, why))
    return after


def _check_ids(rows: Rows, intake: Intake) -> Persons | None:
    """Return how many candidates there are. Raises :class:`DataError` for what is there twice and may not be."""
    if "candidate" not in rows.roles:
        return None
    title, place = rows.table.title, rows.table.place
    found = {role: rows.persons(role) for role in ("candidate", "interview") if role in rows.roles}
    for role, persons in found.items():
        if persons.blank:
            n, row = rows.missing(role)
            raise DataError(f"{title}, {rows.roles[role]}: expected an id, got {n} empty, first in {place(row or 0)}")
    distinct = ["interview"] if intake.per == "interview" else ["candidate", "position"]
    keys = [role for role in distinct if role in rows.roles]
    if found[keys[0]].most > 1 and (twice := rows.repeated(keys)) is not None:
        hint = "" if intake.per == "interview" else "; where a row is an interview, say --per interview"
        raise DataError(
            f"{title}: expected one row per {' and '.join(keys)}, got several for {twice[2]}: {place(twice[0])} and "
            f"{place(twice[1])}{hint}"
        )
    return found["candidate"]


def _having_outcome(
    rows: Rows, decided: Flags | None, intake: Intake
) -> tuple[Rows, ScoreSummary | None, list[LeftOut]]:
    """Return the rows that have an outcome, what their scores are like, and how many rows were left out."""
    summary = _check_scores(rows, intake) if "score" in rows.roles else None
    if decided is not None:
        rows, left = _without(rows, "decision", decided.missing, intake)
        if left and summary is not None:
            summary = rows.scores(*intake.score_range)
        return rows, summary, left
    assert summary is not None
    rows, left = _without(rows, "score", summary.missing, intake)
    return rows, summary, left


def _without(rows: Rows, role: str, n: int, intake: Intake) -> tuple[Rows, list[LeftOut]]:
    if not n:
        return rows, []
    title, column = rows.table.title, rows.roles[role]
    if intake.missing == "refuse":
        _, row = rows.missing(role)
        raise DataError(
            f"{title}, {column}: expected a {role} in every row, got {n} empty, first in {rows.table.place(row or 0)}; "
            "--missing leave-out counts the others"
        )
    rows = rows.having(role)
    if not rows.count():
        raise DataError(f"{title}, {column}: expected a {role} in some row, got none")
    return rows, [LeftOut("rows", n, f"without a {role}")]


def _check_scores(rows: Rows, intake: Intake) -> ScoreSummary:
    low, high = intake.score_range
    found = rows.scores(low, high)
    if found.unreadable or found.infinite or found.outside:
        n, row = rows.unfit(low, high)
        kinds = {"no numbers": found.unreadable, "NaN or infinite": found.infinite, "outside": found.outside}
        raise DataError(
            f"{rows.table.title}, {rows.roles['score']}: expected numbers from {low:g} to {high:g}, got {n} others "
            f"({', '.join(f'{number} {kind}' for kind, number in kinds.items() if number)}), first in "
            f"{rows.table.place(row or 0)}" + ("; --score-range says where scores lie" if found.outside else "")
        )
    return found


def _unmatched(rows: Rows, grouped: Grouped, listed: Rows, candidates: Persons | None) -> list[LeftOut]:
    """Return how many candidates the people table lacks, and how many people the scores table."""
    unlisted = rows.unlisted() if None in grouped.values["listed"] else 0
    if rows.filters or candidates is None:
        unseen = rows.unseen()
    else:  # everybody has one row in the people table, which is what its rows are counted for
        unseen = listed.table.source.rows - (candidates.distinct - unlisted)
    left = [
        LeftOut("candidates without a row in the people table", unlisted, "counted as unknown"),
        LeftOut("people without a row in the scores table", unseen, "nothing to count"),
    ]
    return [dropped for dropped in left if dropped.n]


def _books_of_people(
    listed: Rows, names: Mapping[str, str], intake: Intake
) -> tuple[dict[str, Codebook], dict[str, dict[Any, int]]]:
    """Return the categories as the people table writes them, and {cell: number of its category} of each attribute.

    Raises :class:`DataError` for a person without an id, or who is there twice.
    """
    title, place = listed.table.title, listed.table.place
    found = listed.persons()
    if found.blank:
        n, row = listed.missing("candidate")
        raise DataError(
            f"{title}, {listed.roles['candidate']}: expected an id, got {n} empty, first in {place(row or 0)}"
        )
    if found.most > 1 and (twice := listed.repeated(["candidate"])) is not None:
        raise DataError(
            f"{title}: expected every candidate once, got several rows for {twice[2]}: {place(twice[0])} and "
            f"{place(twice[1])}"
        )
    books, codes = {}, {}
    for inside, name in names.items():
        written = listed.grouped([inside], limits=limits_of([inside]))
        books[inside] = _codebook(name, _spellings(written, inside), title, intake)
        codes[inside] = books[inside].codes((*written.values[inside], None))
    return books, codes


def _spellings(grouped: Grouped, name: str) -> dict[str, int]:
    """Return how often each spelling of an attribute occurs."""
    counts = np.zeros(len(grouped.values[name]), dtype=np.int64)
    np.add.at(counts, grouped.codes[name], grouped.sums["n"])
    spellings: dict[str, int] = {}
    for cell, n in zip(grouped.values[name], counts.tolist(), strict=True):
        spellings[cell_text(cell)] = spellings.get(cell_text(cell), 0) + n
    return spellings


def _codebook(name: str, spellings: Mapping[str, int], title: str, intake: Intake) -> Codebook:
    categories = _categories(intake, name, spellings)
    found = sorted({UNKNOWN, *categories.values(), *intake.declared.get(name, ())})
    if len(found) > MOST_CATEGORIES + 1:
        column = intake.people_columns.get(name, name)
        raise DataError(
            f"{title}, {column}: expected at most {MOST_CATEGORIES} different values, got {len(found) - 1}: is this an "
            "id or a number?"
        )
    return Codebook(tuple(found), categories)


def _categories(intake: Intake, attribute: str, written: Mapping[str, int]) -> dict[str, str]:
    """Return {as written: category} for the spellings of an attribute and how often each occurs."""
    mapped, declared = intake.labels.get(attribute), intake.declared.get(attribute, ())
    return categories_of(written, unknown=intake.unknown, mapped=mapped, declared=declared)


def _changed(book: Codebook) -> dict[str, str]:
    return {written: category for written, category in sorted(book.of.items()) if written != category}


def _with_declared(cells: pd.DataFrame, attributes: Sequence[str], intake: Intake) -> pd.DataFrame:
    """Return cells with one of no rows for every declared category that nobody is in: it is listed, too."""
    empty = [
        {**dict.fromkeys(attributes, UNKNOWN), attribute: category, "position": cells["position"].min()}
        for attribute in attributes
        for category in intake.declared.get(attribute, ())
        if category not in set(cells[attribute])
    ]
    if not empty:
        return cells
    added = pd.DataFrame(empty).assign(label=-1, selected=-1, above=-1, n=0)
    keys = [name for name in cells.columns if name != "n"]
    return pd.concat([cells, added[cells.columns]]).sort_values(keys, ignore_index=True)


def _check_attributes(attributes: Sequence[str]) -> None:
    if not attributes:
        raise UsageError("attributes: expected at least one, got none")
    for name in attributes:
        if name in _TAKEN:
            raise UsageError(f"attributes: expected another name than {name}, which means something else here")
        if list(attributes).count(name) > 1:
            raise UsageError(f"attributes: expected each once, got {name} again")


def _check_declared(attribute: str, categories: Sequence[str], unknown: Iterable[str]) -> None:
    """Raise :class:`UsageError` for a category that is declared in two spellings, or that means unknown."""
    words = {spelling_key(word) for word in (UNKNOWN, *UNKNOWN_WORDS, *unknown)}
    seen: dict[str, str] = {}
    for name in categories:
        key = spelling_key(name)
        if key in words:
            raise UsageError(f"declared, {attribute}: expected categories, got {name!r}, which means unknown")
        if key in seen:
            raise UsageError(f"declared, {attribute}: expected each category once, got {seen[key]!r} and {name!r}")
        seen[key] = name


def _check_labels(attribute: str, mapped: Mapping[str, str], declared: Sequence[str]) -> None:
    """Raise :class:`UsageError` for a mapping that names one category in two ways, or leads one spelling to two."""
    led: dict[str, str] = {}
    names = {spelling_key(name): name for name in declared}
    for written, category in mapped.items():
        key = spelling_key(written)
        if not key or not category.strip():
            raise UsageError(f"labels, {attribute}: expected words, got an empty one")
        if led.setdefault(key, category) != category:
            raise UsageError(f"labels, {attribute}: expected one category for {written!r}, got two")
        if names.setdefault(spelling_key(category), category) != category:
            raise UsageError(
                f"labels, {attribute}: expected one spelling of a category, got {names[spelling_key(category)]!r} "
                f"and {category!r}"
            )
    for key, category in led.items():
        if key in names and spelling_key(category) != key:
            raise UsageError(f"labels, {attribute}: {names[key]!r} is a category and cannot be led to {category!r}")
