"""Where a trained model looks: its attention as the paper displays it, a number a frame and a number a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fairhire.data.collate import BatchReader
from fairhire.data.corpus import Corpus
from fairhire.data.vocabulary import read_vocabulary
from fairhire.errors import DataError
from fairhire.interview import InterviewBatch
from fairhire.model import HireNetModel, HireNetOutput, load_model
from fairhire.model.hirenet import BiGRU, HireNetAverage
from fairhire.progress import Advance, silent
from fairhire.runs import Run

__all__ = ["InterviewLook", "Look", "OpenedRun", "looks_of"]

Floats = NDArray[np.float64]

_EVEN = (HireNetAverage, BiGRU)
"""Models without attention: every frame of an answer and every answer of an interview weighs the same."""


@dataclass(frozen=True)
class Look:
    """Where a model looked in one answer, in one modality.

    ``slot`` is the answer's place in its interview, from 0. ``frames`` (T,) is the attention over the frames that were
    read and sums to 1; ``weight`` the attention on this answer, which sums to 1 over the ``answers`` of the interview
    that have the modality. Values are scaled as the paper displays them (papers section 1.1), so that 1 is as much as
    every frame, or question, would get if all got the same.
    """

    slot: int
    frames: Floats
    weight: float
    answers: int

    @property
    def frame_values(self) -> Floats:
        """Return the attention of every frame times the number of frames (T,)."""
        scaled: Floats = self.frames * len(self.frames)
        return scaled

    @property
    def question_value(self) -> float:
        """Return the attention on the answer times the number of answers."""
        return self.weight * self.answers

    @property
    def values(self) -> Floats:
        """Return the product of both (T,): what moments of an interview are ranked by."""
        ranked: Floats = self.frame_values * self.question_value
        return ranked

    @property
    def shares(self) -> Floats:
        """Return every frame's share of the interview's attention (T,); all of them together make 1."""
        joint: Floats = self.frames * self.weight
        return joint


@dataclass(frozen=True)
class InterviewLook:
    """Where a model looked in the interview at ``row`` of a corpus, and what it made of it.

    ``logit`` is None where nothing of the interview was recorded in the model's modalities. ``looks`` has, for each
    modality that the interview has, one :class:`Look` an answer that has it, in the order of the answers.
    """

    row: int
    logit: float | None
    looks: dict[str, tuple[Look, ...]]


class OpenedRun:
    """A finished run with a corpus before it, on CPU; ``model`` is in evaluation mode.

    Raises :class:`DataError` where the corpus lacks a modality of the model or has another width, and for a run that
    cannot be read.
    """

    def __init__(self, run: Run, corpus: Corpus) -> None:
        self.run, self.corpus = run, corpus
        self.model: HireNetModel = load_model(run.model)
        config = self.model.config
        for name, width in config.modalities.items():
            if name not in corpus.modalities:
                raise DataError(f"{corpus.path}: expected modality {name!r}, got {', '.join(corpus.modalities)}")
            if corpus.modalities[name].width != width:
                raise DataError(f"{corpus.path}, {name}: expected width {width}, got {corpus.modalities[name].width}")
        self.vocabulary = read_vocabulary(Path(run.model) / "words.txt", config.vocabulary_size)
        self.reader = BatchReader(corpus, self.vocabulary, self.modalities, longest=run.config["longest"])

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the model reads, in its order."""
        return tuple(self.model.config.modalities)

    @property
    def threshold(self) -> float:
        """Selected means a score of this or more."""
        return float(self.run.config["threshold"])

    @property
    def is_even(self) -> bool:
        """Whether the model weighs everything alike, by construction."""
        return isinstance(self.model, _EVEN)

    def looks(self, rows: NDArray[np.int64], *, batch: int = 256, advance: Advance = silent) -> list[InterviewLook]:
        """Return where the model looks in the interviews at ``rows`` (n,), in that order."""
        found = {int(row): InterviewLook(int(row), None, {}) for row in rows}
        lengths = self.reader.lengths()[rows]
        order = np.argsort(lengths, kind="stable")
        order = order[lengths[order] > 0]
        with torch.no_grad():
            for start in range(0, len(order), batch):
                chosen = rows[order[start : start + batch]]
                given = self.reader.read(chosen)
                for look in looks_of(self.model(given), given, chosen):
                    found[look.row] = look
                advance(len(chosen))
        return [found[int(row)] for row in rows]


def looks_of(
    output: HireNetOutput, batch: InterviewBatch, rows: Sequence[int] | NDArray[np.int64]
) -> list[InterviewLook]:
    """Return where a model looked in each interview of ``batch``, which stand at ``rows`` (B,) of their corpus."""
    logits = output.logits.double().tolist()
    found = [InterviewLook(int(row), logit, {}) for row, logit in zip(rows, logits, strict=True)]
    for name, frames in batch.features.items():
        of_frames = output.frame_attention[name].double().numpy()
        of_answers = output.answer_attention[name].double().numpy()
        interview, slot, lengths = (part.numpy() for part in (frames.interview, frames.slot, frames.lengths))
        answers = np.bincount(interview, minlength=len(batch))
        grouped: dict[int, list[Look]] = {}
        for place, (who, where, length) in enumerate(zip(interview, slot, lengths, strict=True)):
            look = Look(int(where), of_frames[place, :length], float(of_answers[who, where]), int(answers[who]))
            grouped.setdefault(int(who), []).append(look)
        for who, looks in grouped.items():
            found[who].looks[name] = tuple(looks)
    return found
