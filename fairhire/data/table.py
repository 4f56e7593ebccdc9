"""Reads anybody's interviews from a folder of plain tables and NumPy files.

::

    SRC/
      interviews.csv     (or .csv.gz, .parquet) one row per interview
      answers.csv        (or .csv.gz, .parquet) one row per answer
      people.csv         (or .csv.gz, .parquet) optional: one row per candidate
      faces.npy          optional: (interviews, d), in the order of the interviews' rows; a row of NaN has no face
      voices.npy         optional: the same of voices
      ….npy              frames of answers, wherever ``answers`` says inside SRC

``interviews`` has ``interview`` (or ``id``, unique) and ``candidate``, and may have ``position``, ``job_title``,
``hirable`` (0/1, true/false, yes/no, or empty), ``split`` (train, validation, test) and ``face.<name>``: a face
embedding in columns instead of ``faces.npy``, all of them empty where there is none; ``voice.<name>`` likewise.
Instead of ``hirable`` it may have ``vote.<name>``, what each recruiter said (yes/no as above, or liked, shortlisted,
rejected; empty: did not vote): the majority counts, ties are hirable (papers section 1.2). ``rating.<name>`` are
numbers that a model may learn beside the verdict, empty where nobody rated.

``answers`` has ``interview`` and ``slot`` (or ``answer``: whole numbers that order an interview's answers), and may
have ``question``, ``transcript``, and for any modality either

- ``<modality>``: the path, relative to SRC, of a ``.npy`` file with numbers of shape (frames, width), or
- ``<modality>.<name>``: numbers, together one frame per answer.

Empty cells mean "not recorded". ``people`` has ``candidate`` and one column per protected attribute; it is checked and
written beside the corpus, never into it. Any other column is refused, so that no attribute slips into the corpus by
being left in a table. CSV is UTF-8, separated by commas, with a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.atomic import sha256
from fairhire.data.corpus import Modality
from fairhire.data.imported import Imported, ImportedInterview
from fairhire.data.source import SourceTable, find_file, read_frames, read_table, reading
from fairhire.data.split import PARTS
from fairhire.data.transcript import remarks, spoken_words
from fairhire.errors import DataError
from fairhire.interview import EMBEDDINGS, TEXT, Answer, Interview
from fairhire.left_out import LeftOut, counted

__all__ = ["GIVEN", "columns_of", "ratings_of", "read", "verdicts"]

_INTERVIEW_COLUMNS = ("interview", "candidate", "position", "job_title", "hirable", "split")
_ANSWER_COLUMNS = ("interview", "slot", "question", "transcript")
_ENDINGS = (".csv", ".csv.gz", ".parquet")
_VOTES = {"liked": "yes", "shortlisted": "yes", "rejected": "no"}  # the paper's recruiters said it so
GIVEN = "given"
"""The name of the split that the column ``split`` brings along."""


def read(source: Path) -> Imported:
    """Read the folder ``source``, laid out as the module's first lines say.

    The tables are checked at once; frames are read when the interviews are walked, one answer at a time, so that they
    may be larger than memory. Raises :class:`DataError` naming file, row (from 1, below the header) and column.
    """
    interviews = _interviews(source)
    answers = _answers(source)
    transcripts = answers.optional("transcript")
    spoken = [spoken_words(text) for text in transcripts]
    recorded = _recorded(answers, source)
    modalities = [Modality(TEXT, 1, units="words of the transcript")] if any(spoken) else []
    modalities += [one.modality for one in recorded]
    if not modalities:
        raise DataError(
            f"{answers.path}: expected a transcript, <modality> or <modality>.<name> column with values, got none"
        )
    parts = interviews.coded("split", dict(zip(PARTS, PARTS, strict=True))) if "split" in interviews else []
    said, ties = verdicts(interviews)
    ratings = {name.partition(".")[2]: ratings_of(interviews, name) for name in columns_of(interviews, "rating")}
    people, strangers = _people(source, interviews)
    embeddings = {kind: _embeddings(source, interviews, kind) for kind in EMBEDDINGS}
    return Imported(
        modalities=tuple(modalities),
        interviews=_walk(interviews, answers, spoken, recorded, embeddings, parts, said, ratings),
        people=people,
        splits=(GIVEN,) if parts else (),
        targets=tuple(ratings),
        left_out=counted(
            LeftOut("people without an interview", strangers, "not candidates of this corpus"),
            LeftOut("transcriber's remarks", sum(map(remarks, transcripts)), "[inaudible] and the like were not said"),
        ),
        provenance={
            "source": f"table {source.name}",
            "files": {path.name: sha256(path) for path in (interviews.path, answers.path)},
            **({} if ties is None else {"hirable": f"majority of the recruiters' votes; {ties} ties are hirable"}),
        },
    )


def _interviews(source: Path) -> SourceTable:
    table = _table(source, "interviews").renamed("id", "interview")
    numbered = (*EMBEDDINGS, "vote", "rating")
    table.refuse_others((*_INTERVIEW_COLUMNS, *(name for kind in numbered for name in columns_of(table, kind))))
    table.distinct("interview")
    table.filled("candidate")
    return table


def _answers(source: Path) -> SourceTable:
    table = _table(source, "answers").renamed("answer", "slot")
    seen = set()
    for row, key in enumerate(zip(table.filled("interview"), table["slot"], strict=True)):
        if not re.fullmatch(r"[0-9]{1,9}", key[1]):
            raise table.bad(row, "slot", "a whole number")
        if (key[0], int(key[1])) in seen:
            raise table.bad(row, "slot", f"every slot of interview {key[0]!r} once")
        seen.add((key[0], int(key[1])))
    return table


def _table(source: Path, name: str) -> SourceTable:
    return read_table(find_file(source, *(f"{name}{ending}" for ending in _ENDINGS)))


def _walk(
    interviews: SourceTable,
    answers: SourceTable,
    spoken: list[tuple[str, ...]],
    recorded: list[_Recorded],
    embeddings: Mapping[str, list[NDArray[np.float32] | None]],
    parts: list[str],
    said: list[bool | None],
    ratings: Mapping[str, list[float]],
) -> Iterator[ImportedInterview]:
    """Check what is left to check in the tables, and return the interviews, to be read one after another."""
    positions, titles = interviews.optional("position"), interviews.optional("job_title")
    questions = answers.optional("question")
    rows_of = _rows_by_interview(interviews, answers)

    def answer(place: int) -> Answer:
        frames = {one.modality.name: one.frames(place) for one in recorded}
        features = {name: values for name, values in frames.items() if values is not None}
        return Answer(features, spoken[place] or None, questions[place])

    return (
        ImportedInterview(
            Interview(
                id=name,
                candidate=interviews["candidate"][row],
                answers=tuple(answer(place) for place in rows_of[name]),
                position=positions[row],
                job_title=titles[row],
                hirable=said[row],
                face=embeddings["face"][row],
                voice=embeddings["voice"][row],
            ),
            splits={GIVEN: parts[row]} if parts else {},
            targets={rating: values[row] for rating, values in ratings.items()},
        )
        for row, name in enumerate(interviews["interview"])
    )


def verdicts(interviews: SourceTable) -> tuple[list[bool | None], int | None]:
    """Return every interview's verdict, None without one, and how many votes were ties (None without votes)."""
    voters = columns_of(interviews, "vote")
    if not voters:
        return interviews.labels("hirable"), None
    if "hirable" in interviews:
        raise DataError(f"{interviews.path}: expected either 'hirable' or 'vote.<name>' columns, got both")
    counts = [[0, 0] for _ in range(len(interviews))]
    for name in voters:
        cells = [_VOTES.get(cell.strip().lower(), cell) for cell in interviews[name]]
        votes = SourceTable(interviews.path, {name: cells}).labels(name)
        for row, vote in enumerate(votes):
            if vote is not None:
                counts[row][vote] += 1
    verdicts = [None if no + yes == 0 else yes >= no for no, yes in counts]
    return verdicts, sum(no == yes > 0 for no, yes in counts)


def ratings_of(interviews: SourceTable, name: str) -> list[float]:
    """Return a column of ratings, NaN where it is empty."""
    cells = interviews[name]
    given = [row for row, cell in enumerate(cells) if cell.strip()]
    values = np.full(len(cells), np.nan)
    for row in given:
        try:
            values[row] = float(cells[row])
        except ValueError:
            values[row] = np.nan
        if not np.isfinite(values[row]):
            raise interviews.bad(row, name, "a finite number or nothing")
    return [float(value) for value in values]


def _rows_by_interview(interviews: SourceTable, answers: SourceTable) -> dict[str, list[int]]:
    """Return for every interview the rows of its answers, in the order of their slots."""
    rows: dict[str, list[int]] = {name: [] for name in interviews["interview"]}
    for row, name in enumerate(answers["interview"]):
        if name not in rows:
            raise answers.bad(row, "interview", f"an interview of {interviews.path.name}")
        rows[name].append(row)
    for name, places in rows.items():
        if not places:
            raise DataError(f"{answers.path}: expected an answer of every interview, got none of {name!r}")
        places.sort(key=lambda place: int(answers["slot"][place]))
    return rows


@dataclass(frozen=True)
class _Recorded:
    """One modality of the answers: for each a frame (1, D), or a file of frames, or None."""

    modality: Modality
    sources: list[NDArray[np.float32] | None] | list[Path | None]

    def frames(self, place: int) -> NDArray[np.float32] | None:
        """Return the frames (T, D) of the answer at ``place``, or None where it was not recorded."""
        source = self.sources[place]
        if not isinstance(source, Path):
            return source
        frames = read_frames(source)
        if frames.shape[1] != self.modality.width:
            raise DataError(
                f"{source}: expected width {self.modality.width}, as in the first file of {self.modality.name!r}, "
                f"got {frames.shape[1]}"
            )
        return frames


def _recorded(answers: SourceTable, source: Path) -> list[_Recorded]:
    """Return the modalities that the answers have; of files only the first is opened, for its width."""
    groups: dict[str, list[str]] = {}
    for column in answers.columns:
        if column not in _ANSWER_COLUMNS:
            groups.setdefault(column.partition(".")[0], []).append(column)
    recorded = []
    for name, columns in groups.items():
        if name == TEXT or not name.isidentifier():
            raise DataError(f"{answers.path}: expected a column named after a modality, got {columns[0]!r}")
        if name in columns and len(columns) > 1:
            raise DataError(f"{answers.path}: expected either {name!r} or '{name}.<name>' columns, got both")
        if columns == [name]:
            paths = [_inside(answers, row, name, source) for row in range(len(answers))]
            first = next((path for path in paths if path is not None), None)
            if first is not None:
                recorded.append(_Recorded(Modality(name, read_frames(first).shape[1], units="as in the source"), paths))
                continue
        else:
            frames = answers.frames(columns)
            units = f"as in the source: {', '.join(column.partition('.')[2] for column in columns)}"
            if any(values is not None for values in frames):
                recorded.append(_Recorded(Modality(name, len(columns), units=units), frames))
                continue
        raise DataError(f"{answers.path}, column {columns[0]!r}: expected values for at least one answer, got none")
    return recorded


def _inside(answers: SourceTable, row: int, column: str, source: Path) -> Path | None:
    """Return the file that a cell names; raises :class:`DataError` if it is no ``.npy`` file inside ``source``."""
    cell = answers[column][row]
    if not cell:
        return None
    if not cell.endswith(".npy") or "\0" in cell:
        known = ", ".join(_ANSWER_COLUMNS)
        raise answers.bad(row, column, f"one of the columns {known}, or the path of a .npy file in a modality's column")
    with reading(source / cell):
        try:
            path = (source / cell).resolve()
        except RuntimeError:  # a ring of links
            raise answers.bad(row, column, "an existing file") from None
        inside = path.is_relative_to(source.resolve())
        exists = inside and path.is_file()
    if not inside:
        raise answers.bad(row, column, "a path inside the source's folder")
    if not exists:
        raise answers.bad(row, column, "an existing file")
    return path


def columns_of(table: SourceTable, kind: str) -> list[str]:
    """Return the names of the columns ``<kind>.<name>``, such as ``vote.anna``."""
    return [name for name in table.columns if name.startswith(f"{kind}.")]


def _embeddings(source: Path, interviews: SourceTable, kind: str) -> list[NDArray[np.float32] | None]:
    """Return the face or voice embedding (d,) of every interview, None where it has none."""
    columns, path = columns_of(interviews, kind), source / f"{kind}s.npy"
    if columns and path.is_file():
        raise DataError(f"{interviews.path}: expected either {path.name} or '{kind}.<name>' columns, got both")
    if columns:
        return [None if frame is None else frame[0] for frame in interviews.frames(columns)]
    if not path.is_file():
        return [None] * len(interviews)
    found = read_frames(path, missing_rows=True)
    if len(found) != len(interviews):
        raise DataError(f"{path}: expected a row for each of {len(interviews)} interviews, got {len(found)}")
    return [None if np.isnan(one).all() else one for one in found]


def _people(source: Path, interviews: SourceTable) -> tuple[pd.DataFrame, int]:
    """Return the people table of the candidates, and how many people of the source are no candidates."""
    candidates = set(interviews["candidate"])
    if not any((source / f"people{ending}").is_file() for ending in _ENDINGS):
        return pd.DataFrame({"candidate": sorted(candidates)}), 0
    table = _table(source, "people")
    known = set(table.distinct("candidate"))
    if missing := sorted(candidates - known):
        raise DataError(
            f"{table.path}: expected every candidate of {interviews.path.name}, got none of {missing[0]!r} "
            f"({len(missing)} missing); a person of whom nothing is known has a row of empty cells"
        )
    people = pd.DataFrame(table.columns)
    return people[people["candidate"].isin(list(candidates))].reset_index(drop=True), len(known - candidates)
