"""Where a model looked, in numbers: checked against the weights themselves."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fairhire.training.attention import PLACES, attention_summary, attention_width


def looked(frames, lengths, interview, places):
    """Return an output and a batch of one modality, with as many interviews as ``places`` (B, Q) has rows."""
    output = SimpleNamespace(
        vectors={"audio": torch.zeros(len(places), 2)},
        representation=torch.zeros(len(places), 2),
        answer_attention={"audio": torch.tensor(places)},
        frame_attention={"audio": torch.tensor(frames)},
    )
    features = {"audio": SimpleNamespace(lengths=torch.tensor(lengths), interview=torch.tensor(interview))}

    class Batch(SimpleNamespace):
        def __len__(self):
            return len(places)

    return output, Batch(features=features)


def test_even_attention_has_entropy_one_and_lies_in_the_middle():
    frames = [[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0]]
    found = attention_summary(*looked(frames, [4, 2], [0, 1], [[1.0], [1.0]]))
    np.testing.assert_allclose(found[:, PLACES:], [[0.5, 1.0, 1.0], [0.5, 1.0, 1.0]], rtol=1e-6)


def test_a_look_at_the_last_frame_alone_has_entropy_zero_and_a_peak_of_its_length():
    found = attention_summary(*looked([[0.0, 0.0, 1.0, 0.0]], [3], [0], [[1.0]]))
    np.testing.assert_allclose(found[0, PLACES:], [1.0, 0.0, 3.0], atol=1e-7)


def test_an_answer_of_one_frame_is_no_division_by_zero():
    found = attention_summary(*looked([[1.0]], [1], [0], [[1.0]]))
    assert torch.isfinite(found).all()
    np.testing.assert_allclose(found[0, PLACES:], [0.0, 0.0, 1.0])


def test_frames_are_averaged_over_an_interviews_answers():
    frames = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    found = attention_summary(*looked(frames, [2, 2, 2], [0, 0, 1], [[0.7, 0.3], [1.0, 0.0]]))
    np.testing.assert_allclose(found[:, PLACES], [0.5, 1.0])
    np.testing.assert_allclose(found[:, :2], [[0.7, 0.3], [1.0, 0.0]])
    assert not found[:, 2:PLACES].any()


def test_weights_of_late_answers_are_dropped_and_the_width_does_not_depend_on_the_batch():
    many = [[0.1] * 10]
    found = attention_summary(*looked([[1.0]] * 10, [1] * 10, [0] * 10, many))
    assert found.shape == (1, attention_width(1))
    assert found[0, :PLACES].tolist() == pytest.approx([0.1] * 8)


def test_an_interview_without_the_modality_says_nothing():
    found = attention_summary(*looked([[1.0]], [1], [1], [[0.0], [1.0]]))
    assert not found[0].any()
    assert found[1].any()
