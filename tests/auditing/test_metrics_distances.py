"""Distances of scores are the worked ones of audit-rules.md 5.6, those of scipy, and as sure as they say."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_tables import scored_of
from scipy import stats

from fairhire.auditing.metrics.distances import (
    cohen_d,
    kolmogorov_smirnov,
    quantile_of_counts,
    score_table,
    superiority,
    wasserstein,
)
from fairhire.estimate import Estimate, Undefined

A, B = [0.2, 0.4, 0.6, 0.8], [0.1, 0.3, 0.5, 0.7]
SCORES = st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=2, max_size=30)


def rows(table):
    return {row.category[0]: row for row in table.rows}


def test_the_worked_distances():
    row = rows(score_table(scored_of({"A": A, "B": B}), ("sex",), benchmark=("B",)))["A"]
    assert row.wasserstein.value == pytest.approx(0.10, abs=1e-12)
    assert row.ks.value == pytest.approx(0.25, abs=1e-12)
    assert row.superiority.value == pytest.approx(0.625, abs=1e-12)
    assert row.cohen_d.value == pytest.approx(0.387, abs=5e-4)
    for measured in (row.wasserstein, row.ks, row.superiority, row.cohen_d):
        assert measured.low <= measured.value <= measured.high
        assert measured.n == 8


def test_superiority_and_d_turn_round_with_the_benchmark():
    row = rows(score_table(scored_of({"A": A, "B": B}), ("sex",), benchmark=("A",)))["B"]
    assert row.superiority.value == pytest.approx(0.375, abs=1e-12)
    assert row.cohen_d.value == pytest.approx(-0.387, abs=5e-4)
    assert row.wasserstein.value == pytest.approx(0.10, abs=1e-12)


@given(SCORES, SCORES)
@settings(max_examples=60, deadline=None)
def test_the_values_are_those_of_scipy(first, second):
    values = np.unique([*first, *second])
    one, other = (np.array([np.sum(np.equal(side, value)) for value in values]) for side in (first, second))
    assert wasserstein(values, one, other) == pytest.approx(stats.wasserstein_distance(first, second), abs=1e-12)
    assert kolmogorov_smirnov(one, other) == pytest.approx(
        max(abs(np.mean(np.less_equal(first, v)) - np.mean(np.less_equal(second, v))) for v in values), abs=1e-12
    )
    wins = stats.mannwhitneyu(first, second).statistic / (len(first) * len(second)) if len(values) > 1 else 0.5
    assert superiority(one, other) == pytest.approx(wins, abs=1e-12)
    for share in (0.05, 0.5, 0.95):
        assert quantile_of_counts(values, one, share) == pytest.approx(np.quantile(first, share), abs=1e-12)
    sides = [(len(side), np.mean(side), np.var(side, ddof=1)) for side in (first, second)]
    found = cohen_d(*sides)
    if isinstance(found, Undefined):
        assert sides[0][2] + sides[1][2] < 1e-12
    else:
        pooled = ((sides[0][0] - 1) * sides[0][2] + (sides[1][0] - 1) * sides[1][2]) / (len(first) + len(second) - 2)
        assert found == pytest.approx((sides[0][1] - sides[1][1]) / np.sqrt(pooled), rel=1e-12)


def test_bins_change_no_distance_by_more_than_their_width():
    rng = np.random.default_rng(0)
    groups = {"A": rng.beta(2, 3, 4000), "B": rng.beta(3, 3, 5000)}
    exact = rows(score_table(scored_of(groups), ("sex",), benchmark=("B",)))["A"]
    table = score_table(scored_of(groups, width=0.001), ("sex",), benchmark=("B",))
    binned = rows(table)["A"]
    assert (table.exact, table.width) == (False, 0.001)
    assert binned.mean == pytest.approx(exact.mean, abs=1e-12)  # from exact sums, not from bins
    assert binned.cohen_d.value == pytest.approx(exact.cohen_d.value, abs=1e-9)
    for name in ("wasserstein", "median"):
        ours, theirs = getattr(binned, name), getattr(exact, name)
        value = [one.value if isinstance(one, Estimate) else one for one in (ours, theirs)]
        assert value[0] == pytest.approx(value[1], abs=0.001)
    assert binned.superiority.value == pytest.approx(exact.superiority.value, abs=0.002)
    for name in ("wasserstein", "ks", "superiority", "cohen_d"):  # merged cells carry the interval just as well
        assert getattr(binned, name).low == pytest.approx(getattr(exact, name).low, abs=0.01)
        assert getattr(binned, name).high == pytest.approx(getattr(exact, name).high, abs=0.01)


def covered(truth, draw, *, times=60):
    """Return for each distance how often its interval holds the truth, over ``times`` data sets."""
    hits = dict.fromkeys(truth, 0)
    for place in range(times):
        table = score_table(scored_of(draw(np.random.default_rng(place))), ("sex",), benchmark=("B",), seed=place)
        row = rows(table)["A"]
        for name, number in truth.items():
            hits[name] += getattr(row, name).low <= number <= getattr(row, name).high
    return {name: count / times for name, count in hits.items()}


def test_equal_groups_have_intervals_that_hold_nothing():
    found = covered(
        {"wasserstein": 0.0, "ks": 0.0, "superiority": 0.5, "cohen_d": 0.0},
        lambda rng: {"A": rng.uniform(0, 1, 80), "B": rng.uniform(0, 1, 120)},
    )
    assert all(share >= 0.9 for share in found.values()), found


def test_different_groups_have_intervals_that_hold_the_distance_and_not_nothing():
    def draw(rng):
        return {"A": rng.uniform(0, 0.6, 80), "B": rng.uniform(0.2, 0.8, 120)}

    truth = {"wasserstein": 0.2, "ks": 1 / 3, "superiority": 2 / 9, "cohen_d": -0.2 / (0.6 / np.sqrt(12))}
    found = covered(truth, draw)
    assert all(share >= 0.9 for share in found.values()), found
    row = rows(score_table(scored_of(draw(np.random.default_rng(1))), ("sex",), benchmark=("B",)))["A"]
    assert row.wasserstein.excludes(0)
    assert row.ks.excludes(0)
    assert row.superiority.excludes(0.5)
    assert row.cohen_d.excludes(0)


def test_scores_that_do_not_overlap_are_not_certain():
    row = rows(score_table(scored_of({"A": [0.8, 0.9] * 5, "B": [0.1, 0.2] * 5}), ("sex",), benchmark=("B",)))["A"]
    assert row.superiority.value == row.superiority.high == 1.0
    assert row.superiority.low == pytest.approx(0.7225, abs=1e-3)  # Wilson 10/10


def test_what_does_not_exist_has_a_reason():
    table = rows(score_table(scored_of({"A": [0.5], "B": [0.2, 0.2], "C": [0.2, 0.2]}), ("sex",), benchmark=("B",)))
    assert isinstance(table["A"].sd, Undefined)
    assert table["A"].mean == 0.5
    assert isinstance(table["A"].ks, Undefined)
    assert isinstance(table["C"].cohen_d, Undefined)
    assert table["C"].ks.value == 0.0
    nobody = rows(score_table(scored_of({"A": A, "B": B}), ("sex",), benchmark=None))["A"]
    assert nobody.wasserstein == Undefined("there is no benchmark", 4)
    alone = rows(score_table(scored_of({"A": A, "B": [0.5]}), ("sex",), benchmark=("B",)))["A"]
    assert alone.wasserstein == Undefined("the benchmark has fewer than 2 scores", 4)


def test_an_unknown_person_is_in_no_row():
    table = score_table(scored_of({"A": A, "unknown": B}), ("sex",), benchmark=("A",))
    assert [row.category for row in table.rows] == [("A",)]


def test_the_record_is_json_and_the_same_every_time():
    first, second = (
        json.dumps(score_table(scored_of({"A": A, "B": [*B, 1.0, 0.0]}), ("sex",), benchmark=("B",)).to_dict())
        for _ in range(2)
    )
    assert first == second
    record = json.loads(first)
    row = record["rows"][1]
    assert len(row["histogram"]["edges"]) == 21
    assert sum(row["histogram"]["counts"]) == row["n"] == 6
    assert row["histogram"]["counts"][19] == row["histogram"]["counts"][0] == 1
    assert set(row["quantiles"]) == {"0.05", "0.25", "0.75", "0.95"}
    assert row["ks"]["method"] == "benchmark"


@pytest.mark.parametrize("repeat", [True, False])
def test_the_table_says_where_people_have_several_rows(repeat):
    scored = replace(scored_of({"A": A, "B": B}), people_repeat=repeat)
    assert score_table(scored, ("sex",), benchmark=("B",)).to_dict()["rows_as_witnesses"] is repeat
