"""Descriptions of an answer's frames equal what a loop over them says."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fairhire.baselines.describe import (
    AnswerRows,
    binary_statistics,
    functionals,
    non_sequential,
    recorded_answers,
    video_statistics,
)
from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.errors import DataError
from fairhire.interview import Answer, Interview

NUMBERS = st.floats(-100, 100, width=32)
FRAMES = hnp.arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=NUMBERS)


def slow_functionals(channel):
    steps = [b - a for a, b in itertools.pairwise(channel)]
    ups, downs = [s for s in steps if s > 0], [s for s in steps if s < 0]
    low, middle, high = (np.percentile(channel, p) for p in (20, 50, 80))
    moving = [f(part) if part else 0.0 for part in (ups, downs) for f in (np.mean, np.std)]
    return [np.mean(channel), np.std(channel), low, middle, high, high - low, *moving]


@given(FRAMES)
def test_functionals_equal_a_loop_over_channels(frames):
    found = functionals(frames).reshape(10, -1)
    for channel in range(frames.shape[1]):
        expected = slow_functionals([float(value) for value in frames[:, channel]])
        np.testing.assert_allclose(found[:, channel], expected, atol=1e-5)


def test_video_statistics_by_hand():
    frames = np.array([[0.0], [2.0], [1.0], [4.0]])
    mean, deviation, least, most, rising, falling = video_statistics(frames)
    assert (mean, least, most, rising, falling) == (1.75, 0.0, 4.0, 5.0, -1.0)
    assert deviation == pytest.approx(np.std([0, 2, 1, 4]))


@pytest.mark.parametrize(
    ("active", "expected"),
    [
        ([0, 0, 0], [0, 0, 0, 0]),
        ([1, 1, 1], [1, 1, 3, 0]),
        ([1, 0, 1, 1, 1, 0], [4 / 6, 2, 2, 1]),
        ([0, 1], [0.5, 1, 1, 0]),
    ],
)
def test_binary_statistics_by_hand(active, expected):
    np.testing.assert_allclose(binary_statistics(np.array(active, dtype=float)[:, None]), expected)


def test_the_order_of_frames_moves_only_what_tells_of_motion():
    frames = np.random.default_rng(0).normal(size=(9, 2))
    shuffled = frames[np.random.default_rng(1).permutation(9)]
    np.testing.assert_allclose(functionals(frames)[:12], functionals(shuffled)[:12])
    assert not np.allclose(functionals(frames)[12:], functionals(shuffled)[12:])


def test_answers_without_a_modality_have_no_row(talks):
    answers = recorded_answers(talks, "audio")
    assert len(answers.answer) == int((talks.length("audio") > 0).sum()) < len(talks.answers)
    assert (talks.answers["interview"].to_numpy()[answers.answer] == answers.interview).all()


def test_means_by_interview_and_the_answers_of_some(talks):
    answers = AnswerRows(np.array([3, 5, 9]), np.array([0, 0, 2]))
    means = answers.mean_by_interview(np.array([1.0, 2.0, 5.0]), 4)
    assert means[0] == 1.5
    assert means[2] == 5
    assert np.isnan(means[[1, 3]]).all()
    assert answers.of(np.array([2, 3])).tolist() == [2]
    assert answers.of(np.array([0])).tolist() == [0, 1]


@pytest.mark.parametrize(("modality", "width"), [("audio", 30), ("video", 10)])
def test_rows_are_scaled_on_training_people_alone(talks, parts, modality, width):
    train, _, _ = parts
    answers = recorded_answers(talks, modality)
    rows = non_sequential(talks, modality, answers, train)
    assert rows.shape == (len(answers.answer), width)  # 10 a channel; 6 of the continuous and 4 of the binary one
    mine = answers.of(train)
    np.testing.assert_allclose(rows[mine].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(rows[mine].std(axis=0), 1, atol=1e-4)
    assert not np.allclose(rows.mean(axis=0), 0, atol=1e-3)


def test_one_frame_an_answer_stands_for_itself(tmp_path, parts):
    rng = np.random.default_rng(0)
    with CorpusWriter(tmp_path / "c", [Modality("audio", 2)]) as writer:
        for n in range(6):
            frame = rng.normal(size=(1, 2)).astype(np.float32)
            frame[:, 1] = 7  # never varies: says nothing
            writer.add(Interview(f"i{n}", f"c{n}", (Answer({"audio": frame}),), hirable=True))
    corpus = Corpus(tmp_path / "c")
    rows = non_sequential(corpus, "audio", recorded_answers(corpus, "audio"), np.arange(4))
    assert rows.shape == (6, 1)


def test_a_modality_that_no_training_interview_has_is_refused(talks):
    answers = recorded_answers(talks, "audio")
    with pytest.raises(DataError, match="expected audio in at least one training interview, got none"):
        non_sequential(talks, "audio", answers, np.array([10**6]))
