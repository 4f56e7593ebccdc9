"""Calibration: the same bins for all, the slope of an independent library, and an error that admits its own bias."""

import json
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_tables import scored_of

from fairhire.auditing.metrics.calibration import calibration_error, calibration_table, recalibrate
from fairhire.estimate import Estimate, Undefined, wilson


def people(n, *, seed=0, slope=1.0, intercept=0.0):
    """Return scores and labels whose log odds are intercept + slope times those of the scores."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.02, 0.98, n)
    odds = intercept + slope * np.log(scores / (1 - scores))
    return scores, (rng.uniform(size=n) < 1 / (1 + np.exp(-odds))).astype(int)


def counted(scores, labels):
    values, place = np.unique(scores, return_inverse=True)
    return values, *(np.bincount(place[labels == one], minlength=len(values)) for one in (1, 0))


def test_slope_and_intercept_are_those_of_statsmodels():
    scores, labels = people(600, slope=0.6, intercept=0.4)
    slope, intercept = recalibrate(*counted(scores, labels))
    logit = np.log(scores / (1 - scores))
    fitted = sm.GLM(labels, sm.add_constant(logit), family=sm.families.Binomial()).fit(tol=1e-12)
    for ours, place in ((intercept, 0), (slope, 1)):
        assert ours.value == pytest.approx(fitted.params[place], abs=1e-8)
        assert (ours.low, ours.high) == pytest.approx(tuple(fitted.conf_int()[place]), abs=1e-6)
    assert not slope.excludes(0.6)
    assert slope.excludes(1.0)
    assert not intercept.excludes(0.4)


@given(st.lists(st.tuples(st.sampled_from([0.01, 0.2, 0.5, 0.7, 0.999]), st.integers(0, 1)), min_size=1, max_size=40))
@settings(deadline=None)
def test_a_slope_is_a_number_or_has_a_reason_and_solves_its_equations(rows):
    scores, labels = np.array([score for score, _ in rows]), np.array([label for _, label in rows])
    slope, intercept = recalibrate(*counted(scores, labels))
    assert isinstance(slope, Estimate) is isinstance(intercept, Estimate)
    ones, zeros = scores[labels == 1], scores[labels == 0]
    overlap = len(ones) and len(zeros) and zeros.max() > ones.min() and ones.max() > zeros.min()
    assert isinstance(slope, Estimate) is bool(overlap)
    if isinstance(slope, Estimate) and isinstance(intercept, Estimate):
        logit = np.log(scores / (1 - scores))
        left = labels - 1 / (1 + np.exp(-(intercept.value + slope.value * logit)))
        assert abs(left.sum()) < 1e-6
        assert abs(left @ logit) < 1e-6


@pytest.mark.parametrize(
    ("scores", "labels", "reason"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], "separate the classes"),
        ([0.1, 0.5, 0.5, 0.9], [0, 0, 1, 1], "separate the classes"),
        ([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0], "separate the classes"),
        ([0.1, 0.2, 0.3], [1, 1, 1], "only one class"),
        ([0.5, 0.5, 0.5], [0, 1, 1], "all scores are equal"),
        ([0.0, 1.0], [0, 1], "no labelled row has a score between"),
    ],
)
def test_a_slope_that_does_not_exist_has_a_reason(scores, labels, reason):
    for found in recalibrate(*counted(np.array(scores), np.array(labels))):
        assert isinstance(found, Undefined)
        assert reason in found.reason


def test_scores_at_the_ends_have_no_logit_and_are_counted():
    scores, labels = people(100)
    more = np.append(scores, [0.0, 1.0, 1.0]), np.append(labels, [0, 1, 0])
    with_ends, without = recalibrate(*counted(*more))[0], recalibrate(*counted(scores, labels))[0]
    assert with_ends.value == without.value
    assert with_ends.n == 100
    assert "3 rows with a score of exactly 0 or 1 left out" in with_ends.method
    assert "left out" not in without.method


def test_a_perfect_score_is_found_perfect_and_an_overconfident_one_is_not():
    right = [recalibrate(*counted(*people(2000, seed=seed)))[0] for seed in range(40)]
    assert sum(not found.excludes(1) for found in right) >= 36
    wrong = [recalibrate(*counted(*people(2000, seed=seed, slope=0.5)))[0] for seed in range(10)]
    assert all(found.excludes(1) for found in wrong)


def test_the_error_is_the_mean_gap_of_the_bins():
    values = np.array([0.05, 0.15, 0.95])
    found = calibration_error(values, np.array([1, 5, 8]), np.array([9, 5, 2]))
    assert found.value == pytest.approx((abs(1 - 0.5) + abs(5 - 1.5) + abs(8 - 9.5)) / 30)
    assert found.n == 30
    assert isinstance(calibration_error(values, np.zeros(3, dtype=int), np.zeros(3, dtype=int)), Undefined)


def test_the_error_of_perfect_scores_is_above_0_by_chance_and_its_interval_knows():
    small = [calibration_error(*counted(*people(60, seed=seed)), seed=(seed,)) for seed in range(60)]
    large = [calibration_error(*counted(*people(6000, seed=seed)), seed=(seed,)) for seed in range(20)]
    mean = np.mean([found.value for found in small])
    assert mean > 5 * np.mean([found.value for found in large]) > 0  # the bias, and how it goes away
    said = np.mean([float(found.method.split("about ")[1].split(" ")[0]) for found in small])
    assert mean == pytest.approx(said, rel=0.15)
    assert np.mean([found.low == 0 for found in small]) >= 0.9
    assert np.mean([found.low == 0 for found in large]) >= 0.9


def test_the_error_of_scores_that_are_off_is_not_0_and_covered():
    # everybody's chance is 0.3 above the score: the true error is 0.3
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scores = rng.uniform(0, 0.7, 400)
        labels = (rng.uniform(size=400) < scores + 0.3).astype(int)
        found.append(calibration_error(*counted(scores, labels), seed=(seed,)))
    assert all(one.low > 0 for one in found)
    assert np.mean([not one.excludes(0.3) for one in found]) >= 0.9


def table_of(n=400, **options):
    scores, labels = people(n)
    half = n // 2
    groups = {"F": scores[:half], "M": scores[half:]}
    return calibration_table(scored_of(groups, labels={"F": labels[:half], "M": labels[half:]}), ("sex",), **options)


def test_all_groups_have_the_same_bins_and_wilson_bands():
    women, men = table_of().rows
    assert [(one.low, one.high) for one in women.bins] == [(one.low, one.high) for one in men.bins]
    assert [one.low for one in women.bins] == pytest.approx(np.arange(10) / 10)
    assert sum(one.n for one in women.bins) == women.n == 200
    scores, labels = people(400)
    inside = (scores[:200] >= 0.3) & (scores[:200] < 0.4)
    third = women.bins[3]
    assert third.share == wilson(int(labels[:200][inside].sum()), int(inside.sum()))
    assert third.mean_score == pytest.approx(scores[:200][inside].mean())


@given(st.integers(1, 20))
def test_an_edge_belongs_to_the_bin_above_and_1_to_the_last(bins):
    edges = [place / bins for place in range(bins + 1)]
    scored = scored_of({"F": edges}, labels={"F": [place % 2 for place in range(bins + 1)]})
    found = calibration_table(scored, ("sex",), bins=bins).rows[0].bins
    assert [one.n for one in found] == [1] * (bins - 1) + [2]
    assert [one.low for one in found] == edges[:-1]


def test_an_empty_bin_has_no_share_and_no_mean():
    scored = scored_of({"F": [0.05, 0.95, 0.06]}, labels={"F": [0, 1, 1]})
    middle = calibration_table(scored, ("sex",)).rows[0].bins[5]
    assert (middle.n, middle.share) == (0, Undefined("the bin is empty", 0))
    assert middle.to_dict()["mean_score"] == {"undefined": "the bin is empty", "n": 0}


def test_without_labels_there_is_no_table():
    found = calibration_table(scored_of({"F": [0.1, 0.2], "M": [0.3, 0.4]}), ("sex",))
    assert found == Undefined("no row of a known group has a score and a true label", 4)


def test_the_record_is_json_and_the_same_every_time():
    first, second = (json.dumps(table_of().to_dict(), allow_nan=False) for _ in range(2))
    assert first == second
    row = json.loads(first)["rows"][0]
    assert set(row) == {"category", "n", "slope", "intercept", "ece", "bins"}
    assert set(row["bins"][0]) == {"low", "high", "n", "mean_score", "share"}


@pytest.mark.parametrize("repeat", [True, False])
def test_the_table_says_where_people_have_several_rows(repeat):
    scored = replace(scored_of({"F": [0.1, 0.2]}, labels={"F": [0, 1]}), people_repeat=repeat)
    assert calibration_table(scored, ("sex",)).to_dict()["rows_as_witnesses"] is repeat
