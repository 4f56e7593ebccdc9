"""What a hirability model may see of a candidate: answers, questions, a job title, and never a protected attribute.

Letters used for shapes throughout: B interviews in a batch, Q answers of an interview, N answers of one modality in a
batch, T frames (or words) of an answer, D width of a frame, H width of a representation, d width of a face embedding.

Importing this module does not import torch: the audit wing and the corpus on disk use the records without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["EMBEDDINGS", "TEXT", "Answer", "AnswerFrames", "Interview", "InterviewBatch", "Words"]

TEXT = "text"
"""The name of the modality whose frames are words; every other modality holds numbers."""

EMBEDDINGS = ("face", "voice")
"""What may be known of who somebody is, as a vector: targets of indirect adversaries, never an input of the model."""


@dataclass(frozen=True)
class Answer:
    """One answer of an interview, as recorded.

    ``features`` maps a modality to its frames, (T, D) float32, one row a frame, T at least 1; a modality without
    recording is absent, never empty. ``words`` are the T words spoken, in order, or None without a transcript;
    ``question`` is what was asked, possibly "". ``word_times`` (T,) float32 are the seconds, from the recording's
    beginning, at which the words were begun, NaN for a word whose time nobody knows; None where no word has a time.

    Raises :class:`DataError` for frames of a wrong type or shape, without frames, or with NaN or infinity, and for
    times of a wrong type or number, below 0 or infinite.
    """

    features: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    words: tuple[str, ...] | None = None
    question: str = ""
    word_times: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.words is not None and len(self.words) == 0:
            raise DataError(
                "an answer's words: expected at least one word, or None where there is no transcript, got 0"
            )
        if self.word_times is not None:
            self._check_times(self.word_times)
        for name, frames in self.features.items():
            where = f"an answer's {name!r} features"
            if name == TEXT:
                raise DataError(f"{where}: words belong in `words`, not in `features`")
            if not isinstance(frames, np.ndarray) or frames.ndim != 2:
                shape = getattr(frames, "shape", type(frames).__name__)
                raise DataError(f"{where}: expected an array (frames, width), got {shape}")
            if frames.dtype != np.float32:
                raise DataError(f"{where}: expected float32, got {frames.dtype}")
            if frames.shape[0] == 0 or frames.shape[1] == 0:
                raise DataError(f"{where}: expected at least one frame of width 1 or more, got shape {frames.shape}")
            if not np.isfinite(frames).all():
                row = int(np.flatnonzero(~np.isfinite(frames).all(axis=1))[0])
                raise DataError(f"{where}: expected finite numbers, got NaN or infinity in frame {row}")

    def _check_times(self, times: NDArray[np.float32]) -> None:
        expected = (len(self.words or ()),)
        if times.shape != expected or times.dtype != np.float32:
            raise DataError(
                f"an answer's word times: expected {expected} float32, one a word, got {times.shape} {times.dtype}"
            )
        if np.isinf(times).any() or (times < 0).any():
            raise DataError("an answer's word times: expected seconds of 0 or more, or NaN, got others")


@dataclass(frozen=True)
class Interview:
    """One interview of one candidate for one position.

    ``id`` is unique in a corpus; several interviews may share a ``candidate`` (a person). ``hirable`` is the
    recruiters' verdict or None, ``face`` the candidate's face embedding (d,) float32 or None, ``voice`` likewise:
    training targets of indirect adversaries, never an input of the model.
    """

    id: str
    candidate: str
    answers: tuple[Answer, ...]
    position: str = ""
    job_title: str = ""
    hirable: bool | None = None
    face: NDArray[np.float32] | None = None
    voice: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if not self.id or not self.candidate:
            raise DataError(f"an interview: expected an id and a candidate, got {self.id!r} and {self.candidate!r}")
        if not self.answers:
            raise DataError(f"interview {self.id!r}: expected at least one answer, got none")
        for kind in EMBEDDINGS:
            embedding = getattr(self, kind)
            if embedding is None:
                continue
            if embedding.ndim != 1 or embedding.dtype != np.float32:
                raise DataError(
                    f"interview {self.id!r}, {kind}: expected (d,) float32, got {embedding.shape} {embedding.dtype}"
                )
            if not np.isfinite(embedding).all():
                raise DataError(f"interview {self.id!r}, {kind}: expected finite numbers, got NaN or infinity")


@dataclass(frozen=True)
class Words:
    """Short texts of a batch (questions or job titles), each distinct one once.

    ``ids`` (P, L) int64 word ids padded with 0, ``lengths`` (P,) int64, 0 for an empty text.
    """

    ids: Tensor
    lengths: Tensor

    def to(self, device: torch.device | str) -> Words:
        """Return the same texts on ``device``."""
        return Words(self.ids.to(device), self.lengths.to(device))


@dataclass(frozen=True)
class AnswerFrames:
    """The frames of one modality in a batch: only answers that have it, one after another.

    ``values`` (N, T, D) float32, or (N, T) int64 word ids for the text modality, zero beyond each answer's length;
    ``lengths`` (N,) int64, at least 1; ``interview`` (N,) int64 names the row of the batch, ``slot`` (N,) int64 the
    answer's place in that interview. Answers are ordered by interview, then by slot.
    """

    values: Tensor
    lengths: Tensor
    interview: Tensor
    slot: Tensor

    def __post_init__(self) -> None:
        n = self.values.shape[0]
        for name in ("lengths", "interview", "slot"):
            if tuple(getattr(self, name).shape) != (n,):
                raise DataError(f"answer frames, {name}: expected shape ({n},), got {tuple(getattr(self, name).shape)}")

    def to(self, device: torch.device | str) -> AnswerFrames:
        """Return the same frames on ``device``."""
        return AnswerFrames(
            self.values.to(device), self.lengths.to(device), self.interview.to(device), self.slot.to(device)
        )


@dataclass(frozen=True)
class InterviewBatch:
    """B interviews as tensors.

    ``features`` holds a modality only if at least one answer of the batch has it. ``question_of`` (B, Q) int64 points
    into ``questions`` (-1 where the interview has no such answer), ``job_title_of`` (B,) into ``job_titles``.
    ``person`` (B,) int64 is equal exactly for interviews of the same candidate. ``hirable`` (B,) float32 is 0 or 1,
    and meaningless where ``label_mask`` (B,) is False. ``faces`` (B, d) float32 and ``face_mask`` (B,) are None
    together whenever faces were not asked for, as in prediction; ``voices`` (B, dv) and ``voice_mask`` (B,) likewise.
    ``ratings`` (B, K) float32 are targets in the corpus's units, meaningless where ``rating_mask`` (B, K) is False;
    they too are None together unless asked for.
    """

    ids: tuple[str, ...]
    person: Tensor
    features: Mapping[str, AnswerFrames]
    questions: Words
    question_of: Tensor
    job_titles: Words
    job_title_of: Tensor
    hirable: Tensor
    label_mask: Tensor
    faces: Tensor | None = None
    face_mask: Tensor | None = None
    voices: Tensor | None = None
    voice_mask: Tensor | None = None
    ratings: Tensor | None = None
    rating_mask: Tensor | None = None

    def __post_init__(self) -> None:
        size = len(self.ids)
        for name in ("person", "job_title_of", "hirable", "label_mask"):
            shape = tuple(getattr(self, name).shape)
            if shape != (size,):
                raise DataError(f"interview batch, {name}: expected shape ({size},), got {shape}")
        if self.question_of.ndim != 2 or self.question_of.shape[0] != size:
            raise DataError(
                f"interview batch, question_of: expected shape ({size}, Q), got {tuple(self.question_of.shape)}"
            )
        for kind in EMBEDDINGS:
            values, mask = getattr(self, f"{kind}s"), getattr(self, f"{kind}_mask")
            if (values is None) != (mask is None):
                raise DataError(f"interview batch: expected {kind}s and {kind}_mask together, got one of them")
            if values is not None and values.shape[0] != size:
                raise DataError(f"interview batch, {kind}s: expected {size} rows, got {values.shape[0]}")
        if (self.ratings is None) != (self.rating_mask is None):
            raise DataError("interview batch: expected ratings and rating_mask together, got one of them")
        if self.ratings is not None and self.rating_mask is not None:
            shapes = tuple(self.ratings.shape), tuple(self.rating_mask.shape)
            if self.ratings.ndim != 2 or shapes[0][0] != size or shapes[0] != shapes[1]:
                raise DataError(f"interview batch, ratings: expected shape ({size}, K) twice, got {shapes}")

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str) -> InterviewBatch:
        """Return the same batch on ``device``."""
        return replace(
            self,
            person=self.person.to(device),
            features={name: frames.to(device) for name, frames in self.features.items()},
            questions=self.questions.to(device),
            question_of=self.question_of.to(device),
            job_titles=self.job_titles.to(device),
            job_title_of=self.job_title_of.to(device),
            hirable=self.hirable.to(device),
            label_mask=self.label_mask.to(device),
            faces=None if self.faces is None else self.faces.to(device),
            face_mask=None if self.face_mask is None else self.face_mask.to(device),
            voices=None if self.voices is None else self.voices.to(device),
            voice_mask=None if self.voice_mask is None else self.voice_mask.to(device),
            ratings=None if self.ratings is None else self.ratings.to(device),
            rating_mask=None if self.rating_mask is None else self.rating_mask.to(device),
        )
