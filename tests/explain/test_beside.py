"""Two attentions: the same are 0 apart and fully correlated, those of no common frame are 1 apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.explain.beside import compare_looks, mean_disagreement
from fairhire.explain.look import Look, OpenedRun


def looks(*answers):
    total = sum(sum(frames) for frames in answers)
    return [
        Look(slot, np.array(frames) / sum(frames), sum(frames) / total, len(answers))
        for slot, frames in enumerate(answers)
    ]


def test_the_same_attention_is_no_distance_away():
    one = looks([1.0, 2.0], [3.0])
    found = compare_looks(one, one)
    assert found.distance == pytest.approx(0)
    assert found.correlation == pytest.approx(1)


def test_no_common_frame_is_all_the_way():
    assert compare_looks(looks([1.0, 0.0]), looks([0.0, 1.0])).distance == pytest.approx(1)
    assert compare_looks(looks([1.0, 0.0]), looks([0.0, 1.0])).correlation == pytest.approx(-1)


def test_half_of_it_by_hand():
    assert compare_looks(looks([1.0, 1.0, 0.0, 0.0]), looks([0.0, 1.0, 1.0, 0.0])).distance == pytest.approx(0.5)


def test_even_attention_has_no_correlation():
    assert compare_looks(looks([1.0, 1.0]), looks([1.0, 2.0])).correlation is None


def test_what_one_model_does_not_read_gets_nothing():
    long, short = [Look(0, np.full(4, 0.25), 1.0, 1)], [Look(0, np.full(2, 0.5), 1.0, 1)]
    assert compare_looks(long, short).distance == pytest.approx(0.5)


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=2, max_size=20),
)
def test_it_is_symmetric_and_bounded(pairs):
    left, right = looks([a for a, _ in pairs]), looks([b for _, b in pairs])
    ahead, back = compare_looks(left, right), compare_looks(right, left)
    assert ahead.distance == pytest.approx(back.distance)
    assert 0 <= ahead.distance <= 1
    assert ahead.correlation is None or -1 - 1e-9 <= ahead.correlation <= 1 + 1e-9


def test_means_stand_with_intervals_and_counts(runs, corpus):
    rows = np.arange(len(corpus))
    first, second, even = (OpenedRun(runs[name], corpus).looks(rows) for name in ("both", "other", "even"))
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    found = mean_disagreement(first, second, people)
    assert set(found) == {"audio", "text"}
    assert found["audio"]["interviews"] == 39
    assert 0 < found["text"]["distance"]["low"] <= found["text"]["distance"]["value"]
    beside_even = mean_disagreement(first, even, people)
    assert set(beside_even) == {"text"}
    assert beside_even["text"]["uncorrelated"] == beside_even["text"]["interviews"]
    assert "undefined" in beside_even["text"]["correlation"]
