"""Thresholds of each group's own: equal selection where it was unequal, the price beside it, and never in silence."""

from __future__ import annotations

import numpy as np

from fairhire.auditing.postprocessing import PostProcessing, compare_thresholds
from fairhire.estimate import Undefined


def people(n=2000, shift=0.25, seed=0):
    rng = np.random.default_rng(seed)
    category = np.where(rng.random(n) < 0.5, "a", "b")
    label = rng.random(n) < 0.5
    score = np.clip(0.5 + 0.25 * (label - 0.5) * 2 - shift * (category == "a") + 0.15 * rng.normal(size=n), 0, 1)
    return score, score >= 0.5, label, category, np.arange(n)


def test_thresholds_by_group_even_out_what_one_threshold_does_not():
    found = compare_thresholds(*people(), attribute="group")
    assert isinstance(found, PostProcessing)
    assert found.deployed_ratio.high < 0.8
    assert found.by_group_ratio.low > 0.8
    assert found.n_fit + found.n_test == 2000
    assert found.by_group_accuracy.value > found.deployed_accuracy.value  # here even the price is negative
    assert found == compare_thresholds(*people(), attribute="group")


def test_where_nothing_is_uneven_there_is_nothing_to_gain():
    found = compare_thresholds(*people(shift=0.0), attribute="group")
    assert isinstance(found, PostProcessing)
    assert found.deployed_ratio.value > 0.9
    assert abs(found.by_group_accuracy.value - found.deployed_accuracy.value) < 0.03


def test_unknown_and_small_groups_take_no_part():
    score, decision, label, category, person = people()
    category = category.astype(object)
    category[:20], category[20:60] = "", "rare"
    found = compare_thresholds(score, decision, label, category.astype(str), person, attribute="group")
    assert isinstance(found, PostProcessing)
    assert found.n_fit + found.n_test == 1940
    few = compare_thresholds(*(part[:50] for part in people()), attribute="group")
    assert isinstance(few, Undefined)
    assert few.reason.startswith("group: fewer than two groups with 30 people")
