"""A shortened interview is the same as one that was recorded shorter, whatever is kept of it."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairhire.explain.shorten import shorten
from fairhire.interview import AnswerFrames, InterviewBatch, Words


def batch_of(answers, width):
    """Return a batch of one modality of (interview, slot, frames) ``answers``."""
    longest = max(len(frames) for _, _, frames in answers)
    values = torch.zeros((len(answers), longest, width) if width else (len(answers), longest))
    for place, (_, _, frames) in enumerate(answers):
        values[place, : len(frames)] = (
            torch.tensor(frames, dtype=values.dtype).reshape(-1, width) if width else (torch.tensor(frames))
        )
    size = 1 + max(who for who, _, _ in answers)
    text = Words(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))
    frames = AnswerFrames(
        values,
        torch.tensor([len(frames) for _, _, frames in answers]),
        torch.tensor([who for who, _, _ in answers]),
        torch.tensor([slot for _, slot, _ in answers]),
    )
    nothing = torch.zeros(size, dtype=torch.int64)
    return InterviewBatch(
        tuple(map(str, range(size))), nothing, {"m": frames}, text, torch.zeros(size, 3, dtype=torch.int64), text,
        nothing, torch.zeros(size), torch.zeros(size, dtype=torch.bool),
    )  # fmt: skip


@given(st.data(), st.sampled_from([0, 2]))
def test_it_is_what_was_left(data, width):
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    answers = [
        (place // 2, place % 2, [float(10 * place + t) for t in range(length) for _ in range(max(1, width))])
        for place, length in enumerate(lengths)
    ]
    if width:
        frames_of = [np.array(frames).reshape(-1, width).tolist() for _, _, frames in answers]
    else:
        frames_of = [frames for _, _, frames in answers]
    batch = batch_of([(w, s, f) for (w, s, _), f in zip(answers, frames_of, strict=True)], width)
    steps = batch.features["m"].values.shape[1]
    kept = torch.tensor([data.draw(st.lists(st.booleans(), min_size=steps, max_size=steps)) for _ in lengths])
    short = shorten(batch, {"m": kept})
    left = [
        (w, s, [frame for t, frame in enumerate(frames) if kept[place, t]])
        for place, ((w, s, _), frames) in enumerate(zip(answers, frames_of, strict=True))
    ]
    left = [answer for answer in left if answer[2]]
    if not left:
        assert short.features == {}
        return
    expected = batch_of(left, width).features["m"]
    found = short.features["m"]
    assert torch.equal(found.values, expected.values)
    assert torch.equal(found.lengths, expected.lengths)
    assert torch.equal(found.interview, expected.interview)
    assert torch.equal(found.slot, expected.slot)


def test_other_modalities_stay_as_they_are():
    batch = batch_of([(0, 0, [1.0, 2.0])], 0)
    assert shorten(batch, {}).features["m"] is batch.features["m"]
