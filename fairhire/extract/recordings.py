"""Finds out what there is to extract: from a folder of recordings, or from a table that says who answered what.

A folder holds one folder a candidate, whose recordings in the order of their names are the answers of one interview; a
recording that lies in the folder itself is an interview of one answer, of a candidate of the recording's name. Only
where there is nothing else are photographs (``.jpg``, ``.png``) taken for recordings, of one picture and without sound.
With a file ``recordings.csv`` (or ``.csv.gz``, ``.parquet``) in it, that table decides instead.

A table has one row a recording: ``recording`` (or ``path``; relative to the table's folder) and ``candidate``, and may
have ``interview`` (default: one a candidate), ``slot`` (or ``answer``: whole numbers that order the answers; default:
the order of the rows), ``question``, ``transcript`` and ``openface`` (files that belong to the recording, where they do
not lie beside it under its name), ``speaker`` (the candidate's name in a transcript of several voices; default: the
candidate's id), and the columns of an interview that the table importer knows: ``position``,
``job_title``, ``hirable`` or ``vote.<name>``, ``rating.<name>``, ``split``. Columns of an interview hold the same in
all its rows. Any other column is refused, so that no protected attribute slips in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from fairhire.atomic import canonical_json
from fairhire.data.source import SourceTable, read_table
from fairhire.data.split import PARTS
from fairhire.data.table import GIVEN, columns_of, ratings_of, verdicts
from fairhire.errors import DataError, UsageError
from fairhire.media.openface import find_openface
from fairhire.media.photograph import STILLS
from fairhire.media.words import find_transcript

__all__ = ["InterviewFacts", "Recording", "Recordings", "plain", "read_recordings"]

_TABLES = tuple(f"recordings{ending}" for ending in (".csv", ".csv.gz", ".parquet"))
_OF_INTERVIEW = ("position", "job_title", "hirable", "split")
_OF_RECORDING = ("recording", "candidate", "interview", "slot", "question", "transcript", "openface", "speaker")
_PICTURES = (
    *("mp4", "m4v", "mov", "qt", "mkv", "webm", "avi", "mpg", "mpeg", "mpe", "vob", "ts", "mts", "m2ts", "3gp", "3g2"),
    *("flv", "wmv", "asf", "ogv", "mxf", "dv", "ivf"),
)
_SOUNDS = (
    *("wav", "mp3", "m4a", "aac", "ac3", "flac", "ogg", "oga", "opus", "amr", "aif", "aiff", "caf", "wma", "au", "mka"),
    "weba",
)
_SUFFIXES = tuple(f".{name}" for name in (*_PICTURES, *_SOUNDS))


@dataclass(frozen=True)
class Recording:
    """One recording: the answer ``slot`` of an interview, where it lies, and what belongs to it.

    ``key`` is a hash of all that decides what comes out of it, so that a recording that was changed is another one.
    ``speaker`` is the candidate in a transcript of several voices, ``trouble`` what is wrong with the files beside it.
    """

    key: str
    interview: str
    candidate: str
    slot: int
    question: str
    path: Path
    transcript: Path | None = None
    openface: Path | None = None
    speaker: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class InterviewFacts:
    """What the table says of an interview as a whole."""

    candidate: str
    position: str = ""
    job_title: str = ""
    hirable: bool | None = None
    split: str | None = None
    targets: tuple[float, ...] = ()


@dataclass(frozen=True)
class Recordings:
    """All recordings, in order of interview and answer; ``facts`` of every interview; ``targets`` are names of ratings.

    ``passed_over`` counts files of the folder that are no recordings by their names.
    """

    recordings: tuple[Recording, ...]
    facts: Mapping[str, InterviewFacts]
    targets: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    ties: int | None = None
    passed_over: int = 0

    @cached_property
    def digest(self) -> str:
        """One hash of everything that decides what the corpus holds: recordings, questions, labels."""
        told = [[one.key, one.question] for one in self.recordings]
        facts = [[name, repr(one)] for name, one in self.facts.items()]
        return _hash([told, facts, list(self.targets), list(self.splits)])

    def without(self, candidates: Collection[str]) -> Recordings:
        """Return the recordings of all other candidates."""
        facts = {name: one for name, one in self.facts.items() if one.candidate not in candidates}
        return replace(self, recordings=tuple(one for one in self.recordings if one.interview in facts), facts=facts)


def read_recordings(source: Path) -> Recordings:
    """Read the folder or the table ``source``, laid out as the module's first lines say.

    Raises :class:`DataError` for a folder without recordings, and for a table that breaks its format, naming row and
    column; a recording that the table names and that does not exist is found out later, as one that failed.
    """
    if source.is_dir():
        table = next((source / name for name in _TABLES if (source / name).is_file()), None)
        return _from_folder(source) if table is None else _from_table(table)
    if not source.is_file():
        raise DataError(f"{source}: expected a folder of recordings or a table that names them, found neither")
    if not source.name.lower().endswith((".csv", ".csv.gz", ".parquet")):
        raise UsageError(f"{source}: expected a folder, or a table as .csv, .csv.gz or .parquet, got another file")
    return _from_table(source)


# --------------------------------------------------------------------------------------------------------- a folder


def _from_folder(folder: Path) -> Recordings:
    visible = [path for path in sorted(folder.iterdir(), key=_natural) if not path.name.startswith(".")]
    suffixes = _SUFFIXES if _holds(folder, _SUFFIXES) else STILLS
    groups: dict[str, list[Path]] = {}
    passed_over = 0
    for path in visible:
        if path.is_dir():
            inside = [one for one in sorted(path.iterdir(), key=_natural) if not one.name.startswith(".")]
            if any(one.is_dir() and _holds(one, suffixes) for one in inside):
                raise DataError(
                    f"{folder}: expected recordings at most one folder deep, got some deeper; a table of recordings "
                    "says who answered what, however they lie"
                )
            mine = [one for one in inside if _is_recording(one, suffixes)]
            if twins := len(mine) - len({one.stem for one in mine}):
                raise DataError(
                    f"{path}: expected one recording of each name, got {twins} more; a table of recordings says which "
                    "of them are answers"
                )
            passed_over += len(inside) - len(mine) - _companions(inside, mine)
            if mine:
                _open_group(groups, path.name, folder).extend(mine)
    loose = [path for path in visible if _is_recording(path, suffixes)]
    for path in loose:
        _open_group(groups, path.stem, folder).append(path)
    files = [path for path in visible if path.is_file()]
    passed_over += len(files) - len(loose) - _companions(files, loose)
    if not groups:
        raise DataError(f"{folder}: expected recordings ({', '.join(_SUFFIXES[:4])} …), found none")
    recordings = [
        _recording(plain(name), plain(name), slot, "", path, None, None, "")
        for name, paths in groups.items()
        for slot, path in enumerate(paths)
    ]
    return Recordings(
        tuple(recordings),
        {plain(name): InterviewFacts(candidate=plain(name)) for name in groups},
        passed_over=passed_over,
    )


def _open_group(groups: dict[str, list[Path]], name: str, folder: Path) -> list[Path]:
    if name in groups:
        raise DataError(
            f"{folder}: expected one candidate of each name, got a second {name!r}; put the recordings of one "
            "candidate into one folder, or write a table"
        )
    return groups.setdefault(name, [])


def _is_recording(path: Path, suffixes: tuple[str, ...]) -> bool:
    # A link to nothing is one too: it fails when it is read, and is told.
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and not path.is_dir()


def _holds(folder: Path, suffixes: tuple[str, ...]) -> bool:
    return any(_is_recording(path, suffixes) for path in folder.rglob("*"))


def _companions(files: Sequence[Path], recordings: Sequence[Path]) -> int:
    """Return how many of ``files`` are transcripts or OpenFace tables of ``recordings``."""
    stems = {path.stem for path in recordings}
    others = [path.name for path in files if path.suffix.lower() in (".vtt", ".srt", ".json", ".txt", ".csv")]
    return sum(not stems.isdisjoint(_beginnings(name)) for name in others)


def _beginnings(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:place]) for place in range(1, len(parts))]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Order names as people do: answer 2 before answer 10."""
    pieces = re.findall(r"(\d+)|(\D+)", path.name)
    return [(0, int(digits[:18]), digits) if digits else (1, 0, word.casefold()) for digits, word in pieces]


# ---------------------------------------------------------------------------------------------------------- a table


def _from_table(path: Path) -> Recordings:
    table = read_table(path).renamed("path", "recording").renamed("answer", "slot")
    numbered = [name for kind in ("vote", "rating") for name in columns_of(table, kind)]
    table.refuse_others((*_OF_RECORDING, *_OF_INTERVIEW, *numbered))
    table.filled("recording")
    table.filled("candidate")
    if "interview" not in table:
        table = SourceTable(path, {**table.columns, "interview": table["candidate"]})
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(table.filled("interview")):
        rows_of.setdefault(name, []).append(row)
    # Read by the rows of the table, so that what is wrong is told by them; an interview's rows say the same.
    said, _ = verdicts(table)
    names = columns_of(table, "rating")
    ratings = [ratings_of(table, name) for name in names]
    parts = table.coded("split", dict(zip(PARTS, PARTS, strict=True))) if "split" in table else None
    interviews = _one_row_each(table, rows_of, ("candidate", *_OF_INTERVIEW, *numbered))
    _, ties = verdicts(interviews)  # a tie is one of an interview, however many rows it has
    facts = {
        name: InterviewFacts(
            candidate=table["candidate"][rows[0]],
            position=table.optional("position")[rows[0]],
            job_title=table.optional("job_title")[rows[0]],
            hirable=said[rows[0]],
            split=None if parts is None else parts[rows[0]],
            targets=tuple(values[rows[0]] for values in ratings),
        )
        for name, rows in rows_of.items()
    }
    recordings = tuple(_rows(table, rows_of))
    targets = tuple(name.partition(".")[2] for name in names)
    return Recordings(recordings, facts, targets, () if parts is None else (GIVEN,), ties)


def _one_row_each(table: SourceTable, rows_of: Mapping[str, list[int]], columns: Sequence[str]) -> SourceTable:
    """Return the columns of an interview, one row each; raises :class:`DataError` where its rows disagree."""
    kept: dict[str, list[str]] = {"interview": list(rows_of)}
    for column in columns:
        if column not in table:
            continue
        for rows in rows_of.values():
            for row in rows[1:]:
                if table[column][row] != table[column][rows[0]]:
                    raise DataError(
                        f"{table.path}, row {row + 1}, column {column!r}: expected what row {rows[0] + 1}, of the same "
                        "interview, says, got another value"
                    )
        kept[column] = [table[column][rows[0]] for rows in rows_of.values()]
    return SourceTable(table.path, kept)


def _rows(table: SourceTable, rows_of: Mapping[str, list[int]]) -> Iterator[Recording]:
    folder = table.path.resolve().parent
    seen: set[Path] = set()
    for name, rows in rows_of.items():
        for slot, row in enumerate(_in_order(table, rows)):
            path = _path(table, row, "recording", folder)
            assert path is not None  # the column is filled
            if path in seen:
                raise DataError(f"{table.path}, row {row + 1}, column 'recording': expected every recording once")
            seen.add(path)
            yield _recording(
                name,
                table["candidate"][row],
                slot,
                table.optional("question")[row],
                path,
                _path(table, row, "transcript", folder),
                _path(table, row, "openface", folder),
                table.optional("speaker")[row].strip(),
            )


def _in_order(table: SourceTable, rows: Sequence[int]) -> list[int]:
    if "slot" not in table:
        return list(rows)
    slots: dict[int, int] = {}
    for row in rows:
        cell = table["slot"][row]
        if not re.fullmatch(r"[0-9]{1,9}", cell):
            raise table.bad(row, "slot", "a whole number")
        if int(cell) in slots:
            raise table.bad(row, "slot", "every slot of an interview once")
        slots[int(cell)] = row
    return [slots[slot] for slot in sorted(slots)]


def _path(table: SourceTable, row: int, column: str, folder: Path) -> Path | None:
    cell = table.optional(column)[row].strip()
    if not cell:
        return None
    if "\0" in cell:
        raise table.bad(row, column, "the path of a file")
    return folder / cell


# ----------------------------------------------------------------------------------------------------------- both


def _recording(
    interview: str,
    candidate: str,
    slot: int,
    question: str,
    path: Path,
    transcript: Path | None,
    openface: Path | None,
    speaker: str,
) -> Recording:
    """Return a recording together with what lies beside it under its name, unless the table names something else."""
    path = path.resolve()
    troubles = []
    if path.is_file():
        for find in (find_transcript, find_openface):
            try:
                found = find(path)
            except DataError as error:  # of this recording; the others go on
                troubles.append(str(error))
                continue
            if find is find_transcript:
                transcript = transcript or found
            else:
                openface = openface or found
    files = [_stamp(one) for one in (path, transcript, openface)]
    key = _hash([interview, candidate, slot, files, speaker])
    return Recording(
        key, interview, candidate, slot, question, path, transcript, openface, speaker or candidate, "; ".join(troubles)
    )


def _stamp(path: Path | None) -> list[object] | None:
    """Return what tells a file from an older one of the same name; a file that is not there has no size."""
    if path is None:
        return None
    name = plain(str(path))
    try:
        status = path.stat()
    except (OSError, ValueError):
        return [name, None, None]
    return [name, status.st_size, str(status.st_mtime_ns)]


def _hash(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def plain(name: str) -> str:
    """Return a file's name as text that can be written: bytes that are no text are written out."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
