"""Intervals from counts: the points are fairlearn's, the width is the binomial one, and chance has a seed."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_score

from fairhire.auditing.resample import DIFFERENCES, METRICS, bootstrap_metrics, replicates
from fairhire.auditing.tally import Tally
from fairhire.errors import DataError
from fairhire.estimate import Estimate, Undefined

METRIC_FRAMES = {
    "selection_rate": selection_rate,
    "tpr": true_positive_rate,
    "fpr": false_positive_rate,
    "ppv": lambda truth, guess: precision_score(truth, guess, zero_division=np.nan),
    "accuracy": accuracy_score,
}


def tally_of(rows, repeats=None):
    cells = pd.DataFrame(rows, columns=["sex", "label", "selected"]).value_counts().reset_index(name="n")
    cells = cells.assign(position="", above=-1).sort_values(["sex", "label", "selected"], ignore_index=True)
    return Tally(("sex",), cells, repeats=repeats)


def everybody(rng, n=3000):
    """Rows of three groups in which every cell occurs."""
    sex = rng.choice(["a", "b", "c"], size=n)
    label = rng.integers(0, 2, size=n)
    selected = (rng.random(n) < 0.2 + 0.4 * label + 0.1 * (sex == "b")).astype(int)
    return list(zip(sex.tolist(), label.tolist(), selected.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_points_and_differences_are_those_of_fairlearn(seed):
    rows = everybody(np.random.default_rng(seed))
    sex, label, selected = (np.asarray(column) for column in zip(*rows, strict=True))
    frame = MetricFrame(metrics=METRIC_FRAMES, y_true=label, y_pred=selected, sensitive_features=sex)
    found = bootstrap_metrics(tally_of(rows), ["sex"], draws=50)
    for metric in METRICS:
        for group in "abc":
            assert found[metric][group,].value == pytest.approx(frame.by_group[metric][group], abs=1e-12)
        assert found[DIFFERENCES][metric,].value == pytest.approx(frame.difference()[metric], abs=1e-12)


def test_the_worked_example_of_the_rules():
    # audit-rules.md 5.6: M TP 40 FN 10 FP 15 TN 35; F TP 24 FN 16 FP 6 TN 54
    rows = [("M", 1, 1)] * 40 + [("M", 1, 0)] * 10 + [("M", 0, 1)] * 15 + [("M", 0, 0)] * 35
    rows += [("F", 1, 1)] * 24 + [("F", 1, 0)] * 16 + [("F", 0, 1)] * 6 + [("F", 0, 0)] * 54
    found = bootstrap_metrics(tally_of(rows), ["sex"], draws=200)
    points = {metric: (found[metric]["M",].value, found[metric]["F",].value) for metric in METRICS}
    assert points["tpr"] == (0.8, 0.6)
    assert points["fpr"] == (0.3, 0.1)
    assert points["selection_rate"] == (0.55, 0.3)
    assert points["ppv"] == (pytest.approx(40 / 55), 0.8)
    assert found[DIFFERENCES]["tpr",].value == pytest.approx(0.2)


def test_an_interval_is_as_wide_as_the_binomial_says_and_covers_the_truth():
    n, share = 4000, 0.3
    rows = [("a", 1, 1)] * int(n * share) + [("a", 1, 0)] * int(n * (1 - share))
    estimate = bootstrap_metrics(tally_of(rows), ["sex"], draws=4000)["selection_rate"]["a",]
    half = 1.96 * np.sqrt(share * (1 - share) / n)
    assert estimate.high - share == pytest.approx(half, rel=0.07)
    assert share - estimate.low == pytest.approx(half, rel=0.07)


def test_people_with_several_rows_make_intervals_wider():
    rows = [("a", 1, 1)] * 300 + [("a", 1, 0)] * 700
    alone = bootstrap_metrics(tally_of(rows), ["sex"])["selection_rate"]["a",]
    repeats = pd.DataFrame({"sex": ["a"], "people": [250], "nn": [4000]})  # four rows each
    together = bootstrap_metrics(tally_of(rows, repeats), ["sex"])["selection_rate"]["a",]
    assert together.value == alone.value
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(2.0, rel=0.1)
    assert "person" in together.method
    assert "person" not in alone.method


def test_what_does_not_exist_is_undefined_and_takes_the_difference_with_it():
    rows = [("a", 0, 1)] * 30 + [("a", 0, 0)] * 30 + [("b", 1, 1)] * 20 + [("b", 0, 0)] * 40
    found = bootstrap_metrics(tally_of(rows), ["sex"], draws=100)
    assert found["tpr"]["a",] == Undefined("the group has no positives", 0)
    assert isinstance(found[DIFFERENCES]["tpr",], Undefined)
    assert isinstance(found[DIFFERENCES]["selection_rate",], Estimate)
    one = bootstrap_metrics(tally_of(rows[:60]), ["sex"], draws=100)
    assert one[DIFFERENCES]["selection_rate",] == Undefined("there is only one group", 60)


def test_a_rate_of_nothing_or_all_keeps_a_width():
    rows = [("a", 1, 1)] * 30 + [("b", 1, 0)] * 30
    found = bootstrap_metrics(tally_of(rows), ["sex"], draws=100)["selection_rate"]
    assert (found["a",].value, found["a",].high) == (1.0, 1.0)
    assert found["a",].low < 0.95
    assert (found["b",].value, found["b",].low) == (0.0, 0.0)
    assert found["b",].high > 0.05


def test_unknown_people_are_resampled_but_no_group():
    rows = everybody(np.random.default_rng(1)) + [("unknown", 1, 1)] * 500
    found = bootstrap_metrics(tally_of(rows), ["sex"], draws=50)
    assert set(found["tpr"]) == {("a",), ("b",), ("c",)}
    with pytest.raises(DataError, match="expected a column 'race', got sex"):
        bootstrap_metrics(tally_of(rows), ["race"])


def test_without_rows_there_is_nothing_to_measure():
    nobody = tally_of([("unknown", 1, 1)] * 3)
    assert bootstrap_metrics(nobody, ["sex"]) == {metric: {} for metric in (*METRICS, DIFFERENCES)}
    with pytest.raises(DataError, match="at least one row"):
        replicates([0, 0], draws=3, seed=0)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any), st.integers(0, 3))
def test_a_resample_has_as_many_rows_and_no_new_cells(counts, seed):
    drawn = replicates(counts, draws=20, seed=seed)
    assert drawn.shape == (len(counts), 20)
    assert (drawn.sum(axis=0) == sum(counts)).all()
    assert (drawn[np.asarray(counts) == 0] == 0).all()
    assert (drawn == replicates(counts, draws=20, seed=seed)).all()


def test_another_seed_draws_otherwise():
    assert (replicates([50, 50], draws=20, seed=0) != replicates([50, 50], draws=20, seed=1)).any()
