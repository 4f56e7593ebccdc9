"""Interviews of random numbers, as a batch in memory or as a corpus on disk: only their shape matters here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.interview import Answer, AnswerFrames, Interview, InterviewBatch, Words

__all__ = ["ANSWERS", "MODALITY", "VOCABULARY", "random_batch", "write_corpus"]

ANSWERS = 5
MODALITY = "video"
VOCABULARY = 500
_QUESTIONS = tuple(f"what would you do in case number {number}" for number in range(ANSWERS))


def random_batch(interviews: int, frames: tuple[int, int], width: int) -> InterviewBatch:
    """Return interviews of five answers, each of ``frames`` (fewest, most) frames of ``width``."""
    generator = torch.Generator().manual_seed(0)
    count = interviews * ANSWERS
    lengths = torch.randint(frames[0], frames[1] + 1, (count,), generator=generator)
    lengths[0] = frames[1]
    values = torch.randn(count, frames[1], width, generator=generator)
    values[torch.arange(frames[1]) >= lengths[:, None]] = 0
    return InterviewBatch(
        ids=tuple(str(row) for row in range(interviews)),
        person=torch.arange(interviews),
        features={
            MODALITY: AnswerFrames(
                values,
                lengths,
                torch.arange(interviews).repeat_interleave(ANSWERS),
                torch.arange(ANSWERS).repeat(interviews),
            )
        },
        questions=_words(ANSWERS, 10, generator),
        question_of=torch.arange(ANSWERS).expand(interviews, -1).contiguous(),
        job_titles=_words(4, 3, generator),
        job_title_of=torch.arange(interviews) % 4,
        hirable=torch.randint(0, 2, (interviews,), generator=generator).float(),
        label_mask=torch.ones(interviews, dtype=torch.bool),
    )


def _words(texts: int, length: int, generator: torch.Generator) -> Words:
    ids = torch.randint(2, VOCABULARY, (texts, length), generator=generator)
    return Words(ids, torch.full((texts,), length))


def write_corpus(
    path: Path, interviews: int, frames: tuple[int, int], width: int, *, face_width: int | None = None
) -> Corpus:
    """Write interviews of five answers, each of ``frames`` (fewest, most) frames of ``width``, and open them.

    With a ``face_width`` every candidate has a face embedding of so many random numbers.
    """
    rng = np.random.default_rng(0)
    with CorpusWriter(path, [Modality(MODALITY, width, 4.0)]) as writer:
        for number in range(interviews):
            lengths = rng.integers(frames[0], frames[1] + 1, ANSWERS)
            writer.add(
                Interview(
                    id=f"i{number:06d}",
                    candidate=f"c{number:06d}",
                    answers=_answers(rng, lengths.tolist(), width),
                    job_title=f"position {number % 4}",
                    hirable=bool(rng.integers(2)),
                    face=None if face_width is None else rng.standard_normal(face_width, dtype=np.float32),
                )
            )
    return Corpus(path)


def _answers(rng: np.random.Generator, lengths: Sequence[int], width: int) -> tuple[Answer, ...]:
    return tuple(
        Answer({MODALITY: rng.standard_normal((length, width), dtype=np.float32)}, question=question)
        for length, question in zip(lengths, _QUESTIONS, strict=True)
    )
