"""What a plain cut would have kept: all of the task where it lies in the loud directions, none where it does not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fairhire.estimate import Estimate, Undefined
from fairhire.same_rank import task_at_rank

N = 900


def run(vectors, label, *, test_label=None):
    """Return what is read of a run: two in three people train."""
    split = np.where(np.arange(N) % 3 == 0, "test", "train")
    hirable = np.where(split == "test", label if test_label is None else test_label, label).astype(np.int64)
    scores = SimpleNamespace(
        representation=vectors.astype(np.float32),
        hirable=hirable,
        decision=np.ones(N, dtype=np.int64),
        split=split,
        candidates=np.arange(N).astype(str),
    )
    return SimpleNamespace(scores=scores)


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    loud, faint = rng.normal(size=(N, 3)) * [9, 6, 4], rng.normal(size=(N, 2))
    return np.hstack([loud, faint]), loud[:, 0] > 0, faint[:, 0] > 0


def test_a_task_in_the_loudest_direction_needs_one(made):
    vectors, loud, _ = made
    assert task_at_rank(run(vectors, loud), 1).value > 0.99


def test_a_task_in_a_faint_direction_is_lost_until_the_rank_reaches_it(made):
    vectors, _, faint = made
    lost, kept = task_at_rank(run(vectors, faint), 3), task_at_rank(run(vectors, faint), 5)
    assert isinstance(lost, Estimate)
    assert lost.low < 0.5 < lost.high
    assert kept.value > 0.98


def test_an_unbiased_label_is_judged_instead_where_it_is_given(made):
    vectors, loud, faint = made
    assert task_at_rank(run(vectors, loud), 1, truth=faint).value < 0.6


def test_where_nothing_varies_or_test_people_are_of_one_class_nothing_is_said(made):
    vectors, loud, _ = made
    assert isinstance(task_at_rank(run(np.ones((N, 5)), loud), 2), Undefined)
    assert isinstance(task_at_rank(run(vectors, loud, test_label=np.ones(N)), 2), Undefined)
