"""The corpus on disk: interviews as two tables and memory-mapped frames, faces apart, protected attributes nowhere.

::

    CORPUS/
      corpus.json            schema number, modalities, provenance, counts, SHA-256 of every file below
      interviews.parquet     id, candidate, position, job_title, hirable, first_answer, answers, split:*, target:*
      answers.parquet        interview (row), slot, question, <modality>:start, <modality>:length (0: not recorded)
      features/<m>.npy       all frames of all answers one after another, (frames, width) float32
      features/text.npy      word ids (words,) int32 into features/words.txt, one word a line
      features/text_times.npy  where transcripts have times: when each word was begun (words,) float32, or NaN
      biometrics/            faces.npy (n, d) float32, faces.parquet (interview), biometrics.json; may be deleted;
                             voices.npy and voices.parquet likewise, where voice embeddings are known

Anything that reads Parquet and NumPy files reads a corpus. Layout: ``docs/architecture.md``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairhire.atomic import new_directory, sha256, storage_errors
from fairhire.data.npy import open_npy
from fairhire.errors import DataError, UsageError
from fairhire.interview import EMBEDDINGS, TEXT, Answer, Interview

__all__ = ["SCHEMA", "Corpus", "CorpusWriter", "Modality"]

_Value = TypeVar("_Value")

SCHEMA = 1
"""The number of the layout above; a corpus of another number is refused."""

_INTERVIEW_COLUMNS = ("id", "candidate", "position", "job_title", "hirable", "first_answer", "answers")
_ANSWER_COLUMNS = ("interview", "slot", "question")
_TIMES = "text_times.npy"
_NPY_HEADER = 128  # bytes; room for any shape, so that the header can be rewritten when the last frame is known


@dataclass(frozen=True)
class Modality:
    """One way in which answers were recorded.

    ``width`` is D, the numbers in a frame (1 for words); ``rate_hz`` frames per second, or None where frames are not
    evenly spaced in time (words, one vector per answer); ``units`` says what the numbers are. ``channels`` names each
    of the D numbers, where they have names, and ``binary`` those of them that are 0 or 1 (active or not).
    """

    name: str
    width: int
    rate_hz: float | None = None
    units: str = ""
    channels: tuple[str, ...] = ()
    binary: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name == Path(_TIMES).stem:
            raise DataError(f"modality {self.name!r}: expected a name of letters, digits and _ that is not taken")
        if self.width < 1 or (self.name == TEXT and self.width != 1):
            raise DataError(f"modality {self.name!r}: expected a width of 1 or more (1 for words), got {self.width}")
        if self.channels and (len(self.channels) != self.width or len(set(self.channels)) != self.width):
            raise DataError(
                f"modality {self.name!r}: expected {self.width} channels of distinct names or none, got {self.channels}"
            )
        if strangers := sorted(set(self.binary) - set(self.channels)):
            raise DataError(f"modality {self.name!r}, binary: expected names of its channels, got {strangers[0]!r}")


class Corpus:
    """A corpus on disk, opened for reading; frames stay on disk until they are asked for.

    ``interviews`` and ``answers`` are the two tables. Raises :class:`DataError` for a folder that is not a corpus, a
    corpus of another schema number, or missing or truncated files.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.record = _read_record(self.path / "corpus.json")
        self.modalities: dict[str, Modality] = {}
        try:
            for name, entry in self.record["modalities"].items():
                self.modalities[name] = Modality(
                    name,
                    width=entry["width"],
                    rate_hz=entry["rate_hz"],
                    units=entry["units"],
                    channels=tuple(entry.get("channels", ())),
                    binary=tuple(entry.get("binary", ())),
                )
            self.splits = tuple(self.record["splits"])
            self.targets = tuple(self.record["targets"])
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{self.path / 'corpus.json'}: expected modalities, splits and targets, got {error}"
            ) from None
        self.interviews = _read_table(
            self.path / "interviews.parquet",
            (
                *_INTERVIEW_COLUMNS,
                *(f"split:{name}" for name in self.splits),
                *(f"target:{name}" for name in self.targets),
            ),
        )
        span_columns = [f"{name}:{part}" for name in self.modalities for part in ("start", "length")]
        self.answers = _read_table(self.path / "answers.parquet", (*_ANSWER_COLUMNS, *span_columns))
        try:
            self.interviews["hirable"] = self.interviews["hirable"].astype("boolean")
        except (ValueError, TypeError) as error:
            raise DataError(f"{self.path}/interviews.parquet, hirable: expected labels, got {error}") from None
        self._first = self._whole_numbers("interviews", "first_answer")
        self._count = self._whole_numbers("interviews", "answers")
        self._check_spans()

    def __len__(self) -> int:
        """Return the number of interviews."""
        return len(self.interviews)

    def __getitem__(self, row: int) -> Interview:
        """Return one interview with its frames copied from disk (``row`` from 0)."""
        if not 0 <= row < len(self):
            raise IndexError(f"interview {row} of {len(self)}")
        record = self.interviews.iloc[row]
        answers = []
        for answer in self.answer_rows(row):
            features = {
                name: np.array(self.frames(name, answer))
                for name in self.modalities
                if name != TEXT and self.length(name)[answer]
            }
            words = times = None
            if TEXT in self.modalities and self.length(TEXT)[answer]:
                words, times = self._spoken(answer), self.word_times(answer)
            answers.append(Answer(features, words, str(self.answers["question"].iloc[answer]), times))
        return Interview(
            id=str(record["id"]),
            candidate=str(record["candidate"]),
            answers=tuple(answers),
            position=str(record["position"]),
            job_title=str(record["job_title"]),
            hirable=None if pd.isna(record["hirable"]) else bool(record["hirable"]),
            face=self._embedding("face", row) if self.has_faces else None,
            voice=self._embedding("voice", row) if self.has_voices else None,
        )

    def _embedding(self, kind: str, row: int) -> NDArray[np.float32] | None:
        known, rows = self.embeddings(kind)
        return np.array(known[rows[row]]) if rows[row] >= 0 else None

    def _spoken(self, answer: int) -> tuple[str, ...]:
        ids = self.frames(TEXT, answer)
        if ids.min() < 0 or ids.max() >= len(self.words):
            bad = ids.min() if ids.min() < 0 else ids.max()
            raise DataError(f"{self.path}/features/text.npy: expected word ids below {len(self.words)}, got {bad}")
        return tuple(self.words[i] for i in ids)

    def __iter__(self) -> Iterator[Interview]:
        return (self[row] for row in range(len(self)))

    def answer_rows(self, row: int) -> range:
        """Return the rows of ``answers`` that belong to interview ``row``."""
        return range(self._first[row], self._first[row] + self._count[row])

    def start(self, modality: str) -> NDArray[np.int64]:
        """Return the first frame of every answer (answers,), meaningless where the length is 0."""
        return self._spans[modality][0]

    def length(self, modality: str) -> NDArray[np.int64]:
        """Return the frames of every answer (answers,), 0 where the modality was not recorded."""
        return self._spans[modality][1]

    def frames(self, modality: str, answer: int) -> NDArray[Any]:
        """Return an answer's frames (T, D) float32, or its word ids (T,) int32, as a view of the file."""
        start, length = self._spans[modality]
        view: NDArray[Any] = self._arrays[modality][start[answer] : start[answer] + length[answer]]
        return view

    def word_times(self, answer: int) -> NDArray[np.float32] | None:
        """Return when each word of an answer was begun (T,) float32 seconds, NaN where unknown; None where all are."""
        if self._times is None:
            return None
        start, length = self._spans[TEXT]
        times = np.array(self._times[start[answer] : start[answer] + length[answer]])
        return None if np.isnan(times).all() else times

    @cached_property
    def _times(self) -> NDArray[np.float32] | None:
        if not self._has_times:
            return None
        path = self.path / "features" / _TIMES
        times: NDArray[np.float32] = _map_array(path, np.float32, 1)
        if len(times) != len(self._arrays[TEXT]):
            raise DataError(f"{path}: expected a time for each of {len(self._arrays[TEXT])} words, got {len(times)}")
        return times

    @property
    def _has_times(self) -> bool:
        return f"features/{_TIMES}" in self.record["checksums"]

    @cached_property
    def words(self) -> list[str]:
        """The distinct words of all transcripts; a word's place is its id."""
        path = self.path / "features" / "words.txt"
        try:
            return path.read_text(encoding="utf-8").split("\n")[:-1]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: expected the corpus's words, one a line, got {error}") from None

    @property
    def has_faces(self) -> bool:
        """Whether face embeddings are present (they may have been deleted, or never extracted)."""
        return self._has("face")

    @property
    def has_voices(self) -> bool:
        """Whether voice embeddings are present."""
        return self._has("voice")

    @property
    def faces(self) -> NDArray[np.float32]:
        """All face embeddings (n, d) float32, memory-mapped; raises :class:`DataError` where there are none."""
        return self._maps["face"]

    @property
    def face_rows(self) -> NDArray[np.int64]:
        """For every interview the row of its face in ``faces``, -1 where it has none (interviews,)."""
        return self._rows["face"]

    @property
    def voices(self) -> NDArray[np.float32]:
        """All voice embeddings (n, dv) float32, memory-mapped; raises :class:`DataError` where there are none."""
        return self._maps["voice"]

    @property
    def voice_rows(self) -> NDArray[np.int64]:
        """For every interview the row of its voice in ``voices``, -1 where it has none (interviews,)."""
        return self._rows["voice"]

    @cached_property
    def lineage(self) -> tuple[str, ...]:
        """The SHA-256 of the corpus's record, after those that it had before people were forgotten, oldest first."""
        before = [entry.get("corpus_sha256") for entry in self.record.get("provenance", {}).get("forgotten", [])]
        return (*map(str, before), sha256(self.path / "corpus.json"))

    def embeddings(self, kind: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return all embeddings of a kind (``face`` or ``voice``), and the row of every interview's own, -1 without."""
        return (self.faces, self.face_rows) if kind == "face" else (self.voices, self.voice_rows)

    def ratings(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return the targets ``names`` of every interview (interviews, K) float32, NaN where one was not rated.

        Raises :class:`DataError` for a target that holds anything but finite numbers and gaps.
        """
        found = np.full((len(self), len(names)), np.nan, dtype=np.float32)
        for place, name in enumerate(names):
            cells = self.interviews[f"target:{name}"]
            where = f"{self.path}/interviews.parquet, target:{name}"
            try:
                values = pd.to_numeric(cells).to_numpy(np.float64, na_value=np.nan)
            except (ValueError, TypeError) as error:
                raise DataError(f"{where}: expected numbers, got {str(error).splitlines()[0]}") from None
            if (np.abs(values) > np.finfo(np.float32).max).any():
                raise DataError(f"{where}: expected finite numbers that float32 can hold, got {np.nanmax(abs(values))}")
            found[:, place] = values
        return found

    def _has(self, kind: str) -> bool:
        path = self.path / "biometrics" / "biometrics.json"
        return path.is_file() and f"{kind}s.npy" in _read_record(path).get("checksums", {})

    @cached_property
    def _maps(self) -> _Lazily[NDArray[np.float32]]:
        return _Lazily(self._map_embeddings)

    @cached_property
    def _rows(self) -> _Lazily[NDArray[np.int64]]:
        return _Lazily(self._match_embeddings)

    def _map_embeddings(self, kind: str) -> NDArray[np.float32]:
        if not self._has(kind):
            raise DataError(f"{self.path}: expected {kind} embeddings in biometrics/, found none")
        found: NDArray[np.float32] = _map_array(self.path / "biometrics" / f"{kind}s.npy", np.float32, 2)
        return found

    def _match_embeddings(self, kind: str) -> NDArray[np.int64]:
        path = self.path / "biometrics" / f"{kind}s.parquet"
        table, known = _read_table(path, ("interview",)), self._maps[kind]
        if len(table) != len(known):
            raise DataError(
                f"{self.path}/biometrics: expected a {kind} for each interview named, got {len(known)} for {len(table)}"
            )
        rows = pd.Series(np.arange(len(table)), index=table["interview"])
        if rows.index.has_duplicates:
            raise DataError(f"{path}: expected every interview once, got one twice")
        if strangers := sorted(set(rows.index) - set(self.interviews["id"])):
            raise DataError(f"{path}: expected only interviews of the corpus, got {strangers[0]!r}")
        return rows.reindex(self.interviews["id"]).fillna(-1).to_numpy(np.int64)

    def check(self) -> list[str]:
        """Read every byte; return what is worth knowing but not wrong, one sentence each.

        Raises :class:`DataError` for a checksum that does not match, frames that are not finite, an id that occurs
        twice, or a word id out of range. Each sentence returned names its count.
        """
        named = self.record["checksums"]
        if unnamed := [name for name in self._files() if name not in named]:
            raise DataError(f"{self.path / 'corpus.json'}: expected a checksum of every file, got none of {unnamed[0]}")
        for name, expected in named.items():
            _check_sum(self.path / name, expected)
        if self.has_faces or self.has_voices:
            biometrics = _read_record(self.path / "biometrics" / "biometrics.json")
            for name, expected in biometrics["checksums"].items():
                _check_sum(self.path / "biometrics" / name, expected)
        if self.interviews["id"].duplicated().any():
            twice = self.interviews["id"][self.interviews["id"].duplicated()].iloc[0]
            raise DataError(f"{self.path}/interviews.parquet: expected every id once, got {twice!r} twice")
        for name in self.modalities:
            self._check_values(name)
        return list(self._remarks())

    def _files(self) -> list[str]:
        words = ["features/words.txt"] if TEXT in self.modalities else []
        words += [f"features/{_TIMES}"] if self._has_times else []
        return ["interviews.parquet", "answers.parquet", *words, *(f"features/{name}.npy" for name in self.modalities)]

    def _check_values(self, name: str) -> None:
        array = self._arrays[name]
        for first in range(0, len(array), 1 << 18):  # a piece at a time: the file may be larger than memory
            piece = array[first : first + (1 << 18)]
            if name == TEXT:
                if piece.min() < 0 or piece.max() >= len(self.words):
                    raise DataError(
                        f"{self.path}/features/text.npy: expected word ids below {len(self.words)}, got {piece.max()}"
                    )
            elif not np.isfinite(piece).all():
                row = first + int(np.flatnonzero(~np.isfinite(piece).all(axis=1))[0])
                raise DataError(
                    f"{self.path}/features/{name}.npy: expected finite numbers, got NaN or infinity in frame {row}"
                )
        if name == TEXT and self._times is not None and (np.isinf(self._times).any() or (self._times < 0).any()):
            raise DataError(f"{self.path}/features/{_TIMES}: expected seconds of 0 or more, or NaN, got others")
        for kind in filter(self._has, EMBEDDINGS):
            if not np.isfinite(self._maps[kind]).all():
                raise DataError(f"{self.path}/biometrics/{kind}s.npy: expected finite numbers, got NaN or infinity")

    def _remarks(self) -> Iterator[str]:
        unlabelled = int(self.interviews["hirable"].isna().sum())
        if unlabelled:
            yield f"{unlabelled} of {len(self)} interviews have no hirable label; they are scored, never trained on"
        for name in self.modalities:
            missing = int((self.length(name) == 0).sum())
            if missing:
                yield f"{missing} of {len(self.answers)} answers have no {name}"
        for kind in filter(self._has, EMBEDDINGS):
            if without := int((self._rows[kind] < 0).sum()):
                yield f"{without} of {len(self)} interviews have no {kind}"
        for name in self.splits:
            parts = self.interviews.groupby("candidate")[f"split:{name}"].nunique()
            if shared := int((parts > 1).sum()):
                yield f"split {name!r}: {shared} of {len(parts)} candidates stand in several parts (an identity leak)"

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        for name, modality in self.modalities.items():
            path = self.path / "features" / f"{name}.npy"
            array = _map_array(path, np.int32, 1) if name == TEXT else _map_array(path, np.float32, 2)
            if name != TEXT and array.shape[1] != modality.width:
                raise DataError(f"{path}: expected width {modality.width} (corpus.json), got {array.shape[1]}")
            arrays[name] = array
        return arrays

    @cached_property
    def _spans(self) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
        return {
            name: (
                self._whole_numbers("answers", f"{name}:start"),
                self._whole_numbers("answers", f"{name}:length"),
            )
            for name in self.modalities
        }

    def _whole_numbers(self, table: str, column: str) -> NDArray[np.int64]:
        cells = (self.interviews if table == "interviews" else self.answers)[column]
        if not pd.api.types.is_integer_dtype(cells) or cells.isna().any():
            raise DataError(f"{self.path}/{table}.parquet, {column}: expected whole numbers, got {cells.dtype} or gaps")
        return cells.to_numpy(np.int64)

    def _check_spans(self) -> None:
        if len(self) == 0:
            raise DataError(f"{self.path}/interviews.parquet: expected at least one interview, got none")
        ends = self._first + self._count
        if (self._count < 1).any() or (self._first < 0).any() or ends.max() > len(self.answers):
            raise DataError(
                f"{self.path}: interviews.parquet points outside answers.parquet ({len(self.answers)} rows)"
            )
        for name, (start, length) in self._spans.items():
            frames = len(self._arrays[name])
            recorded = length > 0
            if (length < 0).any() or (start[recorded] < 0).any() or ((start + length)[recorded] > frames).any():
                raise DataError(f"{self.path}: answers.parquet points outside features/{name}.npy ({frames} frames)")


class CorpusWriter:
    """Writes a corpus interview by interview; used as a context manager.

    Only when the block ends well does ``path`` come into being (or is an older corpus there replaced), whole. Frames
    go to disk as they come, so a corpus may be larger than memory. ``splits`` and ``targets`` name the extra values
    that :meth:`add` takes for each interview: ready-made splits, and continuous labels such as a recruiter's rating.

    Raises :class:`UsageError` when ``path`` exists and is not a corpus, :class:`DataError` for interviews that do not
    fit, :class:`~fairhire.errors.StorageError` when the disk is full.
    """

    def __init__(
        self,
        path: Path | str,
        modalities: Sequence[Modality],
        *,
        splits: Sequence[str] = (),
        targets: Sequence[str] = (),
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        taken = self.path.exists() and not (self.path / "corpus.json").is_file()
        if not self.path.name or (taken and (not self.path.is_dir() or any(self.path.iterdir()))):
            raise UsageError(f"{self.path}: expected a new folder or a corpus to replace, found other files")
        self.modalities = {modality.name: modality for modality in modalities}
        if not modalities or len(self.modalities) != len(modalities):
            raise DataError(f"{self.path}: expected modalities with distinct names, got {[m.name for m in modalities]}")
        self.splits, self.targets = tuple(splits), tuple(targets)
        self.provenance = dict(provenance or {})
        self._interviews: list[dict[str, Any]] = []
        self._answers: list[dict[str, Any]] = []
        self._ids: set[str] = set()
        self._word_ids: dict[str, int] = {}
        self._embeddings: dict[str, dict[str, NDArray[np.float32]]] = {kind: {} for kind in EMBEDDINGS}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(new_directory(self.path))
            (self._folder / "features").mkdir()
            self._files = {}
            for name, modality in self.modalities.items():
                dtype, width = ("<i4", None) if name == TEXT else ("<f4", modality.width)
                self._files[name] = _NpyFile(self._folder / "features" / f"{name}.npy", dtype, width)
                stack.callback(self._files[name].file.close)
            self._times: _NpyFile | None = None  # made when the first word with a time comes
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                with storage_errors(self.path):
                    self._finish()
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._stack.__exit__(kind, error, trace)

    def add(
        self,
        interview: Interview,
        *,
        splits: Mapping[str, str] | None = None,
        targets: Mapping[str, float] | None = None,
    ) -> None:
        """Append one interview, its frames at once; ``targets`` may hold NaN for "not rated"."""
        if interview.id in self._ids:
            raise DataError(f"interview {interview.id!r}: expected every id once, got it twice")
        splits, targets = splits or {}, targets or {}
        if set(splits) != set(self.splits) or set(targets) != set(self.targets):
            raise DataError(
                f"interview {interview.id!r}: expected splits {list(self.splits)} and targets {list(self.targets)}, "
                f"got {list(splits)} and {list(targets)}"
            )
        row: dict[str, Any] = {
            "id": interview.id,
            "candidate": interview.candidate,
            "position": interview.position,
            "job_title": interview.job_title,
            "hirable": interview.hirable,
            "first_answer": len(self._answers),
            "answers": len(interview.answers),
        }
        row |= {f"split:{name}": value for name, value in splits.items()}
        row |= {f"target:{name}": float(value) for name, value in targets.items()}
        self._check_fit(interview)  # before the first frame is written: whoever skips a refused interview may go on
        with storage_errors(self.path):
            for slot, answer in enumerate(interview.answers):
                self._answers.append(self._append_answer(len(self._interviews), slot, answer))
        for kind, known in self._embeddings.items():
            if (embedding := getattr(interview, kind)) is not None:
                known[interview.id] = embedding
        self._interviews.append(row)
        self._ids.add(interview.id)

    def _check_fit(self, interview: Interview) -> None:
        for slot, answer in enumerate(interview.answers):
            where = f"interview {interview.id!r}, answer {slot}"
            names = [*answer.features, *([TEXT] if answer.words is not None else [])]
            if unknown := sorted(set(names) - set(self.modalities)):
                raise DataError(f"{where}: expected modalities {list(self.modalities)}, got {unknown}")
            for name, values in answer.features.items():
                if values.shape[1] != (width := self.modalities[name].width):
                    raise DataError(f"{where}, {name}: expected width {width}, got {values.shape[1]}")
        for kind, known in self._embeddings.items():
            embedding = getattr(interview, kind)
            if embedding is not None and known and embedding.size != (width := next(iter(known.values())).size):
                raise DataError(f"interview {interview.id!r}, {kind}: expected width {width}, got {embedding.size}")

    def _append_answer(self, row: int, slot: int, answer: Answer) -> dict[str, Any]:
        record: dict[str, Any] = {"interview": row, "slot": slot, "question": answer.question}
        for name, file in self._files.items():
            values: NDArray[Any] | None = answer.features.get(name)
            if name == TEXT and answer.words is not None:
                ids = [self._word_ids.setdefault(_plain(word), len(self._word_ids)) for word in answer.words]
                values = np.array(ids, dtype=np.int32)
                self._append_times(file.rows, len(ids), answer.word_times)
            record[f"{name}:start"] = file.rows
            record[f"{name}:length"] = 0 if values is None else len(values)
            if values is not None:
                file.append(values)
        return record

    def _append_times(self, before: int, words: int, times: NDArray[np.float32] | None) -> None:
        """Write the times of ``words`` words that follow ``before`` others, which have none if these are the first."""
        if times is None and self._times is None:
            return
        if self._times is None:
            self._times = _NpyFile(self._folder / "features" / _TIMES, "<f4", None)
            self._stack.callback(self._times.file.close)
            self._times.append(np.full(before, np.nan, dtype=np.float32))
        self._times.append(np.full(words, np.nan, dtype=np.float32) if times is None else times)

    def _finish(self) -> None:
        if not self._interviews:
            raise DataError(f"{self.path}: expected at least one interview, got none")
        for file in [*self._files.values(), *([] if self._times is None else [self._times])]:
            file.finish()
        if TEXT in self.modalities:
            text = "".join(f"{word}\n" for word in self._word_ids)
            (self._folder / "features" / "words.txt").write_text(text, encoding="utf-8", newline="\n")
        interviews = pd.DataFrame(self._interviews)
        interviews["hirable"] = interviews["hirable"].astype("boolean")
        _write_table(self._folder / "interviews.parquet", interviews)
        _write_table(self._folder / "answers.parquet", pd.DataFrame(self._answers))
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "modalities": {
                name: {
                    "width": m.width,
                    "rate_hz": m.rate_hz,
                    "units": m.units,
                    "frames": self._files[name].rows,
                    **({"channels": list(m.channels), "binary": list(m.binary)} if m.channels else {}),
                }
                for name, m in self.modalities.items()
            },
            "splits": list(self.splits),
            "targets": list(self.targets),
            "counts": {
                "interviews": len(self._interviews),
                "answers": len(self._answers),
                "candidates": int(interviews["candidate"].nunique()),
            },
            "provenance": self.provenance,
            "checksums": {path.relative_to(self._folder).as_posix(): sha256(path) for path in files},
        }
        _dump(self._folder / "corpus.json", record)
        if any(self._embeddings.values()):
            self._write_embeddings()

    def _write_embeddings(self) -> None:
        folder = self._folder / "biometrics"
        folder.mkdir(mode=0o700)  # biometric data: for the owner's eyes
        record: dict[str, Any] = {"schema": SCHEMA}
        checksums: dict[str, str] = {}
        for kind, known in self._embeddings.items():
            if not known:
                continue
            stacked = np.stack(list(known.values()))
            np.save(folder / f"{kind}s.npy", stacked)
            _write_table(folder / f"{kind}s.parquet", pd.DataFrame({"interview": list(known)}))
            record["width" if kind == "face" else f"{kind}_width"] = stacked.shape[1]
            checksums |= {name: sha256(folder / name) for name in (f"{kind}s.npy", f"{kind}s.parquet")}
        _dump(folder / "biometrics.json", {**record, "checksums": checksums})


class _Lazily(dict[str, _Value]):
    """Remembers what a function made of a name."""

    def __init__(self, make: Callable[[str], _Value]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> _Value:
        self[name] = self._make(name)
        return self[name]


class _NpyFile:
    """A .npy file that grows: its header is written again when the number of rows is known."""

    def __init__(self, path: Path, dtype: str, width: int | None) -> None:
        self.rows = 0
        self.dtype, self.width = dtype, width  # without a width: one number a row
        header = self._header()
        self.file: BinaryIO = path.open("wb")
        self.file.write(header)

    def append(self, values: NDArray[Any]) -> None:
        self.file.write(np.ascontiguousarray(values).tobytes())
        self.rows += len(values)

    def finish(self) -> None:
        self.file.seek(0)
        self.file.write(self._header())
        self.file.seek(0, os.SEEK_END)
        self.file.flush()

    def _header(self) -> bytes:
        shape = f"({self.rows},)" if self.width is None else f"({self.rows}, {self.width})"
        text = f"{{'descr': '{self.dtype}', 'fortran_order': False, 'shape': {shape}, }}"
        magic = b"\x93NUMPY\x01\x00"
        length = _NPY_HEADER - len(magic) - 2
        return magic + length.to_bytes(2, "little") + text.ljust(length - 1).encode("ascii") + b"\n"


def _plain(word: str) -> str:
    """Return ``word`` without the characters that would end its line in words.txt."""
    return " ".join(word.split())


def _dump(path: Path, record: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path.parent}: expected a corpus with {path.name}, found no such file") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: expected readable JSON, got {error}") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        got = record.get("schema") if isinstance(record, dict) else type(record).__name__
        raise DataError(f"{path}: expected schema {SCHEMA}, got {got}")
    if not isinstance(record.get("checksums"), dict):
        raise DataError(f"{path}: expected checksums of the files beside it, got none")
    return record


def _read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        table = pq.read_table(path)
        table.validate(full=True)  # damaged text would otherwise be found only when somebody looks at it
        names = list(table.column_names)
        frame: pd.DataFrame = table.to_pandas()
    except FileNotFoundError:
        raise DataError(f"{path}: expected this table, found no such file") from None
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a readable Parquet file, got {str(error).splitlines()[0]}") from None
    if sorted(names) != sorted(columns):
        extra, missing = set(names) - set(columns), set(columns) - set(names)
        raise DataError(f"{path}: missing columns {sorted(missing)}, unknown columns {sorted(extra)}")
    return frame


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(), path)


def _map_array(path: Path, dtype: type, ndim: int) -> NDArray[Any]:
    array = open_npy(path)
    if array.dtype != dtype or array.ndim != ndim:
        raise DataError(f"{path}: expected {ndim} dimensions of {np.dtype(dtype)}, got {array.ndim} of {array.dtype}")
    return np.asarray(array) if array.size == 0 else array


def _check_sum(path: Path, expected: object) -> None:
    if not path.is_file():
        raise DataError(f"{path}: expected this file (corpus.json names it), found none")
    if (got := sha256(path)) != expected:
        short = str(expected)[:12]
        raise DataError(f"{path}: expected SHA-256 {short}…, got {got[:12]}…; the file was changed or damaged")
