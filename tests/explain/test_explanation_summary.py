"""Means over interviews are plain means, their intervals resample candidates, and a lone candidate has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.estimate import Estimate, Undefined, bootstrap_by_person, mean_of
from fairhire.explain.look import OpenedRun
from fairhire.explain.summary import UNKNOWN_WORD, mean_profiles, means_by_person, profile, question_means, word_means


def test_means_and_intervals_are_those_of_the_rows():
    rng = np.random.default_rng(0)
    people = [f"p{number % 12}" for number in range(60)]
    values = rng.normal(size=60)
    found = means_by_person(zip(["k"] * 60, people, values, strict=True))["k"]
    expected = bootstrap_by_person({"k": mean_of(values)}, people)["k"]
    assert found.value == pytest.approx(values.mean())
    assert (found.n, found.people) == (60, 12)
    assert found.estimate.low == pytest.approx(expected.low)
    assert found.estimate.high == pytest.approx(expected.high)


def test_one_candidate_has_a_mean_and_no_interval():
    found = means_by_person([("k", "p", 1.0), ("k", "p", 3.0)])["k"]
    assert found.value == 2
    assert isinstance(found.estimate, Undefined)
    assert "at least 2 people" in found.estimate.reason


def test_what_is_rare_has_a_count_and_no_interval():
    found = means_by_person([("a", "p", 1.0), ("b", "p", 1.0), ("b", "q", 2.0)], least=2)
    assert "fewer than 2" in found["a"].estimate.reason
    assert found["b"].n == 2


def test_questions_weigh_1_on_average(opened, corpus):
    """Within an interview question values average 1, so that over interviews that have all questions they do too."""
    looks = opened.looks(np.arange(len(corpus)))
    for name, means in question_means(looks, corpus).items():
        values = [look.question_value for one in looks for look in one.looks.get(name, ())]
        total = sum(mean.value * mean.n for mean in means.values())
        assert total == pytest.approx(sum(values))
        assert total / len(values) == pytest.approx(1)
        assert all(isinstance(mean.estimate, Estimate) for mean in means.values())


def test_words_agree_with_counting_by_hand(opened, corpus):
    looks = opened.looks(np.arange(len(corpus)))
    found = word_means(looks, corpus, opened.vocabulary, least=5)
    by_hand: dict[str, list[float]] = {}
    for look in looks:
        for one in look.looks.get("text", ()):
            for word, value in zip(corpus[look.row].answers[one.slot].words, one.values, strict=True):
                by_hand.setdefault(word, []).append(value)
    assert set(found) == set(by_hand)
    for word, values in by_hand.items():
        assert found[word].value == pytest.approx(np.mean(values))
        assert found[word].n == len(values)


def test_unknown_words_are_one(runs, corpus):
    opened = OpenedRun(runs["text"], corpus)
    looks = opened.looks(np.arange(len(corpus)))
    known = type(opened.vocabulary)(tuple(w for w in opened.vocabulary.words if w not in ("um", "sold")))
    found = word_means(looks, corpus, known, least=1)
    assert "um" not in found
    assert UNKNOWN_WORD in found


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=40))
def test_a_profile_loses_no_attention(weights):
    frames = np.array(weights) / sum(weights)
    assert profile(frames).mean() == pytest.approx(1)
    assert profile(np.full(len(weights), 1 / len(weights))) == pytest.approx(np.ones(10))


def test_a_profile_by_hand():
    assert profile(np.array([1.0, 0.0])) == pytest.approx([2] * 5 + [0] * 5)
    assert profile(np.array([0.0, 0.0, 0.0, 1.0]), bins=2) == pytest.approx([0, 2])
    assert profile(np.array([0.5, 0.0, 0.5]), bins=2) == pytest.approx([1, 1])


def test_profiles_have_ten_parts_and_an_interval_each(opened, corpus):
    found = mean_profiles(opened.looks(np.arange(len(corpus))), corpus)
    assert set(found) == {"audio", "text"}
    assert all(list(parts) == list(range(10)) for parts in found.values())
    assert np.mean([part.value for part in found["audio"].values()]) == pytest.approx(1)
