"""What the tests of adversaries need: batches of people with faces, without an interview in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from fairhire.interview import InterviewBatch, Words

MakeBatch = Callable[..., InterviewBatch]


def batch_of(
    person: Sequence[int], faces: Tensor | None = None, face_mask: Sequence[bool] | None = None
) -> InterviewBatch:
    """Return a batch of the given persons, called i0, i1, …; a face each, which is their voice too,
    unless ``face_mask`` says otherwise.
    """
    size = len(person)
    mask = torch.ones(size, dtype=torch.bool) if face_mask is None else torch.tensor(face_mask)
    nothing = Words(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))
    return InterviewBatch(
        ids=tuple(f"i{number}" for number in range(size)),
        person=torch.tensor(person, dtype=torch.int64),
        features={},
        questions=nothing,
        question_of=torch.zeros(size, 1, dtype=torch.int64),
        job_titles=nothing,
        job_title_of=torch.zeros(size, dtype=torch.int64),
        hirable=torch.zeros(size),
        label_mask=torch.ones(size, dtype=torch.bool),
        faces=faces,
        face_mask=None if faces is None else mask,
        voices=faces,
        voice_mask=None if faces is None else mask,
    )


@pytest.fixture(scope="session")
def make_batch() -> MakeBatch:
    """Return the function that makes a batch of people."""
    return batch_of
