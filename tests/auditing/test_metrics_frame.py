"""Ours equal fairlearn's wherever both are defined; where fairlearn invents a number, ours says there is none."""

import subprocess
import sys

import fairlearn.metrics as theirs
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score

from fairhire.auditing.metrics import METRICS, known_rows, metric_frame
from fairhire.auditing.metrics.frame import (
    equal_opportunity_difference,
    equalized_odds_difference,
    impact_ratio,
    predictive_parity_difference,
    selection_rate,
)
from fairhire.errors import DataError, NotComputableError

ROW = st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("abc"), st.integers(1, 8).map(lambda n: n / 4))
ROWS = st.lists(ROW, min_size=4, max_size=60)
PAIRS = {
    "impact_ratio": (impact_ratio, theirs.demographic_parity_ratio),
    "equal_opportunity": (equal_opportunity_difference, theirs.equal_opportunity_difference),
    "equalized_odds": (equalized_odds_difference, theirs.equalized_odds_difference),
}


def columns(rows):
    truth, chosen, group, weight = (np.array(column) for column in zip(*rows, strict=True))
    return truth, chosen, group, weight


@pytest.mark.parametrize("name", PAIRS)
@given(rows=ROWS, weighted=st.booleans())
@settings(deadline=None, max_examples=60)
def test_ours_equal_fairlearns_where_both_are_defined(name, rows, weighted):
    truth, chosen, group, weight = columns(rows * 2)  # fairlearn 0.14 errs where a group with weights has one row
    options = {"sensitive_features": group, "sample_weight": weight if weighted else None}
    ours, other = PAIRS[name]
    try:
        found = ours(truth, chosen, **options)
    except NotComputableError:
        assume(False)
    assert found == pytest.approx(other(truth, chosen, **options), abs=1e-12)


@given(rows=ROWS)
@settings(deadline=None, max_examples=40)
def test_predictive_parity_is_the_difference_of_precisions_in_a_frame(rows):
    truth, chosen, group, weight = columns(rows)
    try:
        found = predictive_parity_difference(truth, chosen, sensitive_features=group, sample_weight=weight)
    except NotComputableError:
        assume(False)
    frame = theirs.MetricFrame(
        metrics=precision_score,
        y_true=truth,
        y_pred=chosen,
        sensitive_features=group,
        sample_params={"sample_weight": weight},
    )
    assert found == pytest.approx(frame.difference(), abs=1e-12)


@given(rows=ROWS)
@settings(deadline=None, max_examples=40)
def test_the_selection_rate_is_fairlearns(rows):
    truth, chosen, _, weight = columns(rows)
    assert selection_rate(truth, chosen, sample_weight=weight) == pytest.approx(
        theirs.selection_rate(truth, chosen, sample_weight=weight), abs=1e-12
    )


def test_a_group_without_positives_has_no_equal_opportunity_where_fairlearn_has_a_number():
    truth, chosen, group = [1, 1, 0, 0, 0], [1, 0, 1, 0, 0], list("aaabb")
    assert theirs.equal_opportunity_difference(truth, chosen, sensitive_features=group) == 0.5  # b's rate as 0
    assert theirs.equalized_odds_difference(truth, chosen, sensitive_features=group) == 1.0
    for metric in (equal_opportunity_difference, equalized_odds_difference):
        with pytest.raises(NotComputableError, match="group b: expected positives in y_true, got none"):
            metric(truth, chosen, sensitive_features=group)


def test_fairlearn_finds_perfect_fairness_where_nobody_of_either_group_is_hirable():
    truth, chosen, group = [0, 0, 0, 0], [1, 0, 0, 0], list("aabb")
    assert theirs.equal_opportunity_difference(truth, chosen, sensitive_features=group) == 0.0
    with pytest.raises(NotComputableError):
        equal_opportunity_difference(truth, chosen, sensitive_features=group)


def test_a_group_of_one_row_with_a_weight_has_its_rate():
    # fairlearn 0.14 says 1.0 here, perfect fairness, though nobody of b is selected
    options = {"sensitive_features": list("aab"), "sample_weight": [0.25, 0.25, 0.25]}
    assert impact_ratio([0, 0, 0], [0, 1, 0], **options) == 0.0


def test_a_group_of_whom_nobody_is_selected_has_no_precision():
    truth, chosen, group = [1, 0, 1, 0], [1, 1, 0, 0], list("aabb")
    with pytest.raises(NotComputableError, match="group b: expected somebody selected"):
        predictive_parity_difference(truth, chosen, sensitive_features=group)
    assert impact_ratio(truth, chosen, sensitive_features=group) == 0.0  # that one is a number


def test_nobody_selected_or_one_group_has_no_ratio():
    with pytest.raises(NotComputableError, match="somebody selected in some group"):
        impact_ratio([0, 1], [0, 0], sensitive_features=["a", "b"])
    with pytest.raises(NotComputableError, match="at least 2 groups, got 1"):
        impact_ratio([0, 1], [1, 0], sensitive_features=["a", "a"])
    assert theirs.demographic_parity_ratio([0, 1], [1, 0], sensitive_features=["a", "a"]) == 1.0
    with pytest.raises(NotComputableError, match="there are no rows"):
        selection_rate([], [])


@pytest.mark.parametrize("unknown", [None, float("nan"), "unknown", "Unknown ", "prefer not to say", ""])
def test_unknown_people_are_no_group(unknown):
    group = np.array(["a", "a", "b", "b", unknown, unknown], dtype=object)
    truth, chosen = [1, 0, 1, 0, 1, 1], [1, 0, 1, 1, 0, 0]
    assert known_rows(group).tolist() == [True] * 4 + [False] * 2
    assert impact_ratio(truth, chosen, sensitive_features=group) == 0.5  # not 0, which the unknown would make of it
    frame = metric_frame(selection_rate, truth, chosen, sensitive_features=group)
    assert frame.by_group.to_dict() == {"a": 0.5, "b": 1.0}
    assert frame.overall == 0.75


def test_a_frame_takes_our_metrics_theirs_and_weights():
    truth, chosen, group = [1, 0, 1, 0, 1], [1, 0, 1, 1, 0], ["a", "a", "b", "b", None]
    weight = [1.0, 3.0, 1.0, 1.0, 100.0]
    frame = metric_frame(
        {"rate": selection_rate, "count": theirs.count},
        truth,
        chosen,
        sensitive_features=group,
        sample_params={"rate": {"sample_weight": weight}},
    )
    assert frame.by_group["rate"].to_dict() == {"a": 0.25, "b": 1.0}
    assert frame.by_group["count"].to_dict() == {"a": 2, "b": 2}
    alone = metric_frame(
        selection_rate, truth, chosen, sensitive_features=group, sample_params={"sample_weight": weight}
    )
    assert alone.by_group.to_dict() == {"a": 0.25, "b": 1.0}


@pytest.mark.parametrize(
    "features",
    [
        pd.DataFrame({"sex": ["F", "F", "M", "M", None], "race": ["x", "y", "x", "y", "x"]}, index=[9, 8, 7, 6, 5]),
        {"sex": ["F", "F", "M", "M", None], "race": ["x", "y", "x", "y", "x"]},
    ],
)
def test_several_features_make_intersections(features):
    truth, chosen = [1, 1, 1, 0, 1], [1, 0, 1, 1, 0]
    frame = metric_frame(selection_rate, truth, chosen, sensitive_features=features)
    assert frame.by_group[("F", "x")] == 1.0
    assert frame.by_group[("F", "y")] == 0.0
    assert impact_ratio(truth, chosen, sensitive_features=features) == 0.0
    assert known_rows(features).tolist() == [True, True, True, True, False]


def test_a_series_keeps_its_name_in_a_frame():
    sex = pd.Series(["a", "b", None], name="sex", index=[5, 6, 7])
    assert metric_frame(selection_rate, [1, 0, 1], [1, 0, 1], sensitive_features=sex).by_group.index.name == "sex"


def test_a_disparity_within_each_group_of_another_feature_fits_a_frame():
    truth, chosen = [1] * 8, [1, 0, 1, 1, 1, 1, 1, 0]
    sex, race = list("ffmmffmm"), list("xxxxyyyy")
    frame = metric_frame(
        impact_ratio, truth, chosen, sensitive_features=race, sample_params={"sensitive_features": sex}
    )
    assert frame.by_group.to_dict() == {"x": 0.5, "y": 0.5}


def test_what_does_not_exist_comes_through_a_frame_as_an_error_not_as_a_number():
    with pytest.raises(NotComputableError, match="at least 2 groups"):
        metric_frame(
            impact_ratio,
            [1, 0, 1, 0],
            [1, 0, 1, 1],
            sensitive_features=list("xxyy"),
            sample_params={"sensitive_features": list("aabb")},
        )
    with pytest.raises(NotComputableError, match="known category"):
        metric_frame(selection_rate, [1, 0], [1, 0], sensitive_features=[None, "unknown"])


@pytest.mark.parametrize(
    ("truth", "chosen", "group", "weight", "message"),
    [
        ([1, 2], [1, 0], ["a", "b"], None, "y_true: expected 0 or 1, got"),
        ([1, 0], [1, 0.5], ["a", "b"], None, "y_pred: expected 0 or 1, got"),
        ([1, 0], [1, 0, 1], ["a", "b"], None, "same number of rows"),
        ([1, 0], [1, 0], ["a", "b", "b"], None, "same number of rows"),
        ([1, 0], [1, 0], ["a", "b"], [1, -1], "sample_weight"),
        ([[1, 0]], [1, 0], ["a", "b"], None, "one value a row"),
    ],
)
def test_wrong_data_are_named(truth, chosen, group, weight, message):
    with pytest.raises(DataError, match=message):
        impact_ratio(truth, chosen, sensitive_features=group, sample_weight=weight)


def test_every_metric_is_in_the_dictionary_by_its_name():
    assert {name: metric.__name__ for name, metric in METRICS.items()} == {name: name for name in METRICS}


def test_the_metrics_do_not_wait_for_fairlearn():
    line = "import sys, fairhire.auditing.metrics; print({'fairlearn', 'sklearn', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
