"""Every number has an interval by person, or a reason why there is none."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from fairhire.errors import DataError, NotComputableError
from fairhire.estimate import (
    Estimate,
    Undefined,
    accuracy_of,
    auc,
    auc_of,
    average_precision_of,
    bootstrap_by_person,
    bootstrap_difference,
    f1_of,
    mae_of,
    mean_of,
    pearson_of,
    precision_of,
    r2_of,
    rating_metrics,
    recall_of,
    share_of,
    task_metrics,
    wilson,
)

people_with_ties = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=40).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)
weighted_people = st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=25)


@given(people_with_ties)
def test_the_auc_is_scikit_learns_with_ties_too(rows):
    labels, scores = zip(*rows, strict=True)
    assert auc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)


@given(people_with_ties)
def test_average_precision_is_scikit_learns_with_ties_too(rows):
    labels, scores = zip(*rows, strict=True)
    value = average_precision_of(labels, scores).evaluate(np.ones((len(rows), 1)))[0]
    assert value == pytest.approx(metrics.average_precision_score(labels, scores), abs=1e-12)


@given(people_with_ties)
def test_the_auc_of_the_opposite_score_is_one_minus_it(rows):
    labels, scores = zip(*rows, strict=True)
    assert auc(labels, scores) + auc(labels, -np.asarray(scores)) == pytest.approx(1, abs=1e-12)


@given(weighted_people)
def test_weighing_a_row_is_the_same_as_repeating_it(rows):
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    again = np.repeat(np.arange(len(rows)), weights)

    def every_statistic(chosen):
        label, score = labels[chosen], scores[chosen]
        return [
            auc_of(label, score),
            average_precision_of(label, score),
            mean_of(score),
            share_of(score / 4),
            accuracy_of(label, score > 1),
            precision_of(label, score > 1),
            recall_of(label, score > 1),
            f1_of(label, score > 1),
        ]

    for weighted, repeated in zip(every_statistic(np.arange(len(rows))), every_statistic(again), strict=True):
        found = weighted.evaluate(weights[:, None].astype(float))[0]
        wanted = repeated.evaluate(np.ones((len(again), 1)))[0] if len(again) else np.nan
        assert found == pytest.approx(wanted, abs=1e-12, nan_ok=True)


rated_people = st.lists(
    st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 3)), min_size=2, max_size=25
)


@given(rated_people)
def test_errors_of_ratings_are_numpys_however_often_a_row_counts(rows):
    truth, predicted, weights = (np.array(column) for column in zip(*rows, strict=True))
    again = np.repeat(np.arange(len(rows)), weights)
    found = [make(truth, predicted).evaluate(weights[:, None].astype(float))[0] for make in (mae_of, r2_of, pearson_of)]
    true, guess = truth[again], predicted[again]
    if not len(again):
        assert np.isnan(found).all()
        return
    assert found[0] == pytest.approx(np.abs(true - guess).mean(), abs=1e-9)
    if np.ptp(true) < 1e-3:
        return  # numpy's own answer is rounding there
    assert found[1] == pytest.approx(1 - ((true - guess) ** 2).sum() / ((true - true.mean()) ** 2).sum(), rel=1e-4)
    if np.ptp(guess) > 1e-3:
        assert found[2] == pytest.approx(np.corrcoef(true, guess)[0, 1], abs=1e-4)


@given(st.floats(-1e6, 1e6), st.integers(1, 12))
def test_a_truth_or_a_prediction_that_never_varies_has_no_correlation(value, rows):
    same, varied = np.full(rows + 1, value), np.arange(rows + 1.0)
    once = np.ones((rows + 1, 1))
    assert np.isnan(r2_of(same, varied).evaluate(once)).all()
    assert np.isnan(pearson_of(same, varied).evaluate(once)).all()
    assert np.isnan(pearson_of(varied, same).evaluate(once)).all()
    found = bootstrap_by_person({"truth": pearson_of(same, varied), "guess": pearson_of(varied, same)}, varied)
    assert found["truth"] == Undefined("every truth is the same", rows + 1)
    assert found["guess"] == Undefined("every prediction is the same", rows + 1)
    one_row = np.eye(rows + 1)  # resamples of one row many times
    assert np.isnan(r2_of(varied + value, same).evaluate(7 * one_row)).all()


def test_a_rating_is_shown_beside_what_the_mean_of_training_people_would_say():
    rng = np.random.default_rng(8)
    truth = rng.uniform(size=300)
    guess = np.clip(0.5 + 0.7 * (truth - 0.5) + 0.1 * rng.normal(size=300), 0, 1)
    found = rating_metrics(truth, guess, constant=0.48, binary=False, persons=range(300))
    assert set(found) == {"one_minus_mae", "one_minus_mae_constant", "r2", "r2_constant", "pearson"}
    assert found["one_minus_mae"].value == pytest.approx(1 - np.abs(truth - guess).mean())
    assert found["one_minus_mae_constant"].value == pytest.approx(1 - np.abs(truth - 0.48).mean())
    assert found["r2"].value == pytest.approx(metrics.r2_score(truth, guess))
    assert found["r2_constant"].value == pytest.approx(metrics.r2_score(truth, np.full(300, 0.48)))
    assert found["pearson"].value == pytest.approx(np.corrcoef(truth, guess)[0, 1])
    assert all(one.low <= one.value <= one.high for one in found.values())
    assert found["r2"].low > found["r2_constant"].high


def test_a_rating_in_other_units_keeps_them_and_a_binary_one_has_an_auc():
    truth, guess = np.tile([1.0, 3.0, 5.0, 2.0], 10), np.tile([2.0, 3.0, 4.0, 3.0], 10)
    found = rating_metrics(truth, guess, constant=3.0, binary=False, persons=range(40))
    assert found["mae"].value == pytest.approx(0.75)
    assert found["mae_constant"].value == pytest.approx(1.25)
    assert "one_minus_mae" not in found
    yes = np.tile([0, 1], 20)
    found = rating_metrics(yes, np.linspace(0, 1, 40), constant=0.5, binary=True, persons=range(40))
    assert found["auc"].value == pytest.approx(metrics.roc_auc_score(yes, np.linspace(0, 1, 40)))
    assert found["auc_constant"].value == 0.5
    assert set(found) == {"auc", "auc_constant"}


def test_nobody_rated_is_said_so():
    found = rating_metrics([], [], constant=0.5, binary=False, persons=[])
    assert {one.reason for one in found.values()} == {"there are no rows"}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_precision_recall_f1_and_accuracy_are_scikit_learns(rows):
    label, chosen = (np.array(column) for column in zip(*rows, strict=True))
    once = np.ones((len(rows), 1))
    assert accuracy_of(label, chosen).evaluate(once)[0] == pytest.approx(metrics.accuracy_score(label, chosen))
    precision = precision_of(label, chosen).evaluate(once)[0]
    recall, f1 = (make(label, chosen).evaluate(once)[0] for make in (recall_of, f1_of))
    if chosen.any():
        assert precision == pytest.approx(metrics.precision_score(label, chosen, zero_division=0))
    else:
        assert np.isnan(precision)
    if label.any():
        assert recall == pytest.approx(metrics.recall_score(label, chosen))
        assert f1 == pytest.approx(metrics.f1_score(label, chosen, zero_division=0))
    else:
        assert np.isnan(recall)
        assert np.isnan(f1)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(7, 17, 0.2161, 0.6399), (0, 12, 0.0, 0.2425), (12, 12, 0.7575, 1.0)],  # 7/17: audit-rules 5.1 [calc]
)
def test_wilson_intervals_are_the_worked_ones(k, n, low, high):
    found = wilson(k, n)
    assert isinstance(found, Estimate)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.n == n


def test_an_empty_group_has_no_share():
    assert wilson(0, 0) == Undefined("the group is empty", 0)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_auc(label):
    with pytest.raises(NotComputableError, match="both classes"):
        auc([label] * 5, [1, 2, 3, 4, 5])
    found = bootstrap_by_person({"auc": auc_of([label] * 5, [1, 2, 3, 4, 5])}, range(5))["auc"]
    assert isinstance(found, Undefined)
    assert "only one class" in found.reason
    assert found.n == 5


def test_one_person_has_no_interval():
    found = bootstrap_by_person({"auc": auc_of([0, 1, 1], [1, 2, 3])}, ["ada"] * 3)["auc"]
    assert found == Undefined("an interval by person needs at least 2 people", 1)


def test_a_number_that_most_resamples_define_has_an_interval_and_one_that_many_do_not_has_none():
    rare = np.arange(40) < 1
    common = np.arange(40) < 8
    found = bootstrap_by_person(
        {"rare": auc_of(rare, np.arange(40) % 7), "common": auc_of(common, np.arange(40) % 7)}, range(40)
    )
    assert isinstance(found["rare"], Undefined)
    assert "resamples" in found["rare"].reason
    assert isinstance(found["common"], Estimate)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    truth, hits, rounds = 0.7602, 0, 200  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    rng = np.random.default_rng(1)
    for seed in range(rounds):
        labels = rng.random(80) < 0.5
        found = bootstrap_by_person(
            {"a": auc_of(labels, rng.normal(size=80) + labels)}, range(80), replicates=300, seed=seed
        )
        hits += not found["a"].excludes(truth)
    assert 0.89 <= hits / rounds <= 0.99


def test_repeating_each_persons_interviews_does_not_narrow_the_interval():
    rng = np.random.default_rng(2)
    labels = rng.random(100) < 0.5
    scores = rng.normal(size=100) + labels
    once = bootstrap_by_person({"a": auc_of(labels, scores)}, range(100))["a"]
    five = np.repeat(np.arange(100), 5)
    clustered = bootstrap_by_person({"a": auc_of(labels[five], scores[five])}, five)["a"]
    naive = bootstrap_by_person({"a": auc_of(labels[five], scores[five])}, range(500))["a"]
    assert clustered == once
    assert (naive.high - naive.low) < 0.55 * (clustered.high - clustered.low)


def test_the_interval_by_person_covers_where_the_interval_by_row_does_not():
    rng = np.random.default_rng(3)
    by_person = by_row = 0
    for _ in range(150):
        person = np.repeat(np.arange(40), 6)
        hits = (rng.random(40) < 0.5)[person]  # all six interviews of a person go the same way
        statistic = {"m": share_of(hits.astype(float))}
        by_person += not bootstrap_by_person(statistic, person, replicates=300)["m"].excludes(0.5)
        by_row += not bootstrap_by_person(statistic, range(240), replicates=300)["m"].excludes(0.5)
    assert by_person / 150 > 0.88
    assert by_row / 150 < 0.75


def test_a_paired_difference_is_surer_than_two_intervals_and_finds_nothing_between_equals():
    rng = np.random.default_rng(4)
    labels = rng.random(300) < 0.5
    first = rng.normal(size=300) + labels
    second = first + 0.8 * rng.normal(size=300)
    found = bootstrap_difference(auc_of(labels, first), auc_of(labels, second), range(300))
    alone = bootstrap_by_person({"1": auc_of(labels, first), "2": auc_of(labels, second)}, range(300))
    assert found.low > 0
    assert found.high - found.low < sum(one.high - one.low for one in alone.values()) / 2
    assert found.value == pytest.approx(alone["1"].value - alone["2"].value)
    same = bootstrap_difference(auc_of(labels, first), auc_of(labels, first), range(300))
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_a_difference_with_an_undefined_side_is_undefined():
    good, bad = auc_of([0, 1, 1], [1, 2, 3]), auc_of([1, 1, 1], [1, 2, 3])
    assert isinstance(bootstrap_difference(good, bad, range(3)), Undefined)
    assert isinstance(bootstrap_difference(bad, good, range(3)), Undefined)


def test_a_perfect_value_is_not_taken_for_certainty():
    few = bootstrap_by_person({"a": auc_of([0] * 30 + [1] * 10, range(40))}, range(40))["a"]
    many = bootstrap_by_person({"a": auc_of([0] * 300 + [1] * 100, range(400))}, range(400))["a"]
    assert few.value == few.high == 1
    assert few.low == wilson(10, 10).low < many.low < 1
    nothing = bootstrap_by_person({"hits": share_of(np.zeros(50))}, range(50))["hits"]
    assert (nothing.low, nothing.high) == (0, wilson(0, 50).high)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    labels, scores = [0, 1, 1, 0, 1, 0, 1, 1] * 5, list(range(8)) * 5
    one, two, three = (
        bootstrap_by_person({"a": auc_of(labels, scores)}, range(40), seed=seed)["a"] for seed in (7, 7, 8)
    )
    assert one == two
    assert one != three


def test_many_rows_fit_into_little_memory_and_blocks_do_not_change_the_draws():
    rng = np.random.default_rng(5)
    labels = rng.random(30_000) < 0.4
    scores = np.round(rng.normal(size=30_000) + labels, 2)
    tracemalloc.start()
    found = bootstrap_by_person({"a": auc_of(labels, scores)}, range(30_000), replicates=100)["a"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # 100 replicates at once would be 24 MB an array, the blocks hold 8
    assert found.low < metrics.roc_auc_score(labels, scores) < found.high
    first = bootstrap_by_person({"a": auc_of(labels[:50], scores[:50])}, range(50), replicates=100)["a"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fairhire.estimate._CHUNK", 350)
        assert bootstrap_by_person({"a": auc_of(labels[:50], scores[:50])}, range(50), replicates=100)["a"] == first


def test_task_metrics_name_every_figure_and_the_f1_of_choosing_everybody():
    rng = np.random.default_rng(6)
    hirable = rng.random(200) < 0.45
    score = np.clip(0.5 + 0.2 * (hirable - 0.5) + 0.1 * rng.normal(size=200), 0, 1)
    found = task_metrics(hirable, score, persons=range(200))
    assert set(found) == {"auc", "average_precision", "f1", "precision", "recall", "accuracy", "f1_all_positive"}
    assert found["f1"].value == pytest.approx(metrics.f1_score(hirable, score >= 0.5))
    assert found["f1_all_positive"].value == pytest.approx(metrics.f1_score(hirable, np.ones(200)))
    assert found["f1"].low < found["f1"].value < found["f1"].high
    everybody = task_metrics(hirable, score, persons=range(200), threshold=0.0)
    assert everybody["f1"] == everybody["f1_all_positive"]


def test_nobody_chosen_has_no_precision_but_a_recall_of_nothing():
    found = task_metrics([0, 1, 1, 0] * 10, [0.1, 0.2, 0.3, 0.4] * 10, persons=range(40), threshold=0.9)
    assert isinstance(found["precision"], Undefined)
    assert found["recall"].value == 0
    assert found["f1"].value == 0


def test_records_are_json_as_the_interface_says():
    estimate = Estimate(0.7, 0.6, 0.8, 0.95, 12)
    assert estimate.to_dict() == {"value": 0.7, "low": 0.6, "high": 0.8, "level": 0.95, "n": 12}
    assert Undefined("nobody", 0).to_dict() == {"undefined": "nobody", "n": 0}
    json.dumps([estimate.to_dict(), Undefined("nobody", 0).to_dict()], allow_nan=False)
    assert estimate.excludes(0.5)
    assert not estimate.excludes(0.6)
    assert str(estimate) == "0.700 [0.600, 0.800]"


@pytest.mark.parametrize("bad", [(float("nan"), 0, 1, 0.95), (0.5, 0.6, 0.4, 0.95), (0.5, 0.4, 0.6, 1.0)])
def test_an_estimate_is_never_nan_nor_upside_down(bad):
    with pytest.raises(ValueError, match="an estimate"):
        Estimate(*bad, 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: auc([0, 2], [1, 2]), "expected 0 or 1, got"),
        (lambda: auc([0, 1], [1, float("nan")]), "NaN or infinity in row 1"),
        (lambda: auc([0, 1], [1, 2, 3]), "same length, got 2 and 3"),
        (lambda: r2_of([0, 1], [1, 2, 3]), "truth and predictions: expected the same length, got 2 and 3"),
        (lambda: share_of([0.5, 1.5]), r"expected numbers in \[0, 1\]"),
        (lambda: bootstrap_by_person({"auc": auc_of([0, 1], [1, 2])}, range(3)), "2 rows and 3 persons"),
        (lambda: bootstrap_difference(mean_of([1, 2]), mean_of([1]), range(2)), "the same rows, got 2 and 1"),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(DataError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@settings(max_examples=20)
@given(st.integers(2, 30), st.integers(1, 4))
def test_n_counts_people_not_rows(people, interviews):
    person = np.repeat(np.arange(people), interviews)
    assert bootstrap_by_person({"m": mean_of(np.arange(len(person)))}, person, replicates=10)["m"].n == people
