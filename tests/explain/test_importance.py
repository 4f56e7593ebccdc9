"""Gradient times input is what a small change of a frame does to the logit; ranks are a permutation, ties by chance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairhire.explain.importance import by_attention, by_gradient, ranks_of
from fairhire.interview import AnswerFrames

ROWS = np.array([0, 1, 2, 39])


def test_the_gradient_is_what_a_small_change_of_a_frame_does(opened):
    model = opened.model.double()
    batch = opened.reader.read(ROWS)
    found = by_gradient(model, batch)
    step = 1e-6
    for name in opened.modalities:
        frames = batch.features[name]
        for place, time in ((0, 0), (1, int(frames.lengths[1]) - 1), (3, 2)):

            def scaled(factor, name=name, place=place, time=time):
                def change(_, arguments):
                    values = arguments[0].clone()
                    values[place, time] *= factor
                    return (values, *arguments[1:])

                hook = model.tower(name).register_forward_pre_hook(change)
                with torch.no_grad():
                    logits = model(batch).logits
                hook.remove()
                return float(logits[batch.features[name].interview[place]])

            slope = (scaled(1 + step) - scaled(1 - step)) / (2 * step)
            assert float(found[name][place, time]) == pytest.approx(abs(slope), rel=1e-4, abs=1e-8)
    for name, importance in found.items():
        lengths = batch.features[name].lengths
        assert (importance[torch.arange(importance.shape[1]) >= lengths[:, None]] == 0).all()
        assert (importance > 0).any()


def test_asking_for_gradients_leaves_no_trace(opened):
    batch = opened.reader.read(ROWS)
    before = opened.model(batch).logits
    by_gradient(opened.model, batch)
    assert torch.equal(opened.model(batch).logits, before)
    assert all(parameter.grad is None for parameter in opened.model.parameters())
    assert not opened.model.training


def test_importance_by_attention_is_the_displayed_value(opened):
    batch = opened.reader.read(ROWS)
    found = by_attention(opened.model, batch)
    looks = opened.looks(ROWS)
    for name, importance in found.items():
        frames = batch.features[name]
        for place in range(len(frames.lengths)):
            look = looks[int(frames.interview[place])].looks[name]
            (one,) = [one for one in look if one.slot == int(frames.slot[place])]
            assert importance[place, : frames.lengths[place]].numpy() == pytest.approx(one.values, abs=1e-5)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=4)),
        min_size=1,
        max_size=5,
    )
)
def test_ranks_follow_importance_within_an_interview(answers):
    answers = sorted(answers, key=lambda answer: answer[0])
    longest = max(len(values) for _, values in answers)
    importance = torch.full((len(answers), longest), 9.0)  # what is beyond the length must not be looked at
    for place, (_, values) in enumerate(answers):
        importance[place, : len(values)] = torch.tensor(values)
    who = torch.tensor([who for who, _ in answers])
    frames = AnswerFrames(importance, torch.tensor([len(v) for _, v in answers]), who, torch.arange(len(answers)))
    ranks, counts = ranks_of(importance, frames, [np.random.default_rng(row) for row in range(3)])
    for row in range(3):
        mine = [(place, t) for place, (one, values) in enumerate(answers) for t in range(len(values)) if one == row]
        assert counts[row] == len(mine)
        assert sorted(ranks[place] for place in mine) == list(range(len(mine)))
        ordered = sorted(mine, key=lambda place: ranks[place])
        assert all(importance[a] >= importance[b] for a, b in itertools.pairwise(ordered))
    assert (ranks[np.arange(longest) >= frames.lengths.numpy()[:, None]] == -1).all()


def test_equal_frames_are_ranked_by_chance():
    frames = AnswerFrames(torch.zeros(1, 50), torch.tensor([50]), torch.tensor([0]), torch.tensor([0]))
    first, _ = ranks_of(torch.zeros(1, 50), frames, [np.random.default_rng(0)])
    again, _ = ranks_of(torch.zeros(1, 50), frames, [np.random.default_rng(0)])
    other, _ = ranks_of(torch.zeros(1, 50), frames, [np.random.default_rng(1)])
    assert (first == again).all()
    assert (first != other).any()
    assert (first[0] != np.arange(50)).any()
