"""The sweep: every attainable cut, the deployed one always among them, each with its own benchmark."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_tables import scored_of

from fairhire.auditing.metrics.thresholds import threshold_table
from fairhire.auditing.plan import Sizes
from fairhire.auditing.ratio import ratio_interval, reading
from fairhire.estimate import Estimate, Undefined

ANY = Sizes(ratio=0, benchmark=0, expected=0)
TENTHS = st.lists(st.integers(0, 10).map(lambda n: n / 10), min_size=1, max_size=15)


def sweep(groups, *, deployed=None, sizes=ANY, width=0.0, **options):
    table = threshold_table(scored_of(groups, width=width), ("sex",), deployed=deployed, sizes=sizes, **options)
    return {row.category[0]: row.points for row in table.rows}


@given(TENTHS, TENTHS)
@settings(deadline=None, max_examples=50)
def test_counts_and_ratios_are_those_of_selecting_at_every_score(men, women):
    found = sweep({"M": men, "F": women})
    assert [point.threshold for point in found["F"]] == sorted({*men, *women})
    for point in found["F"]:
        selected = {"M": sum(score >= point.threshold for score in men), "F": point.selected}
        assert point.selected == sum(score >= point.threshold for score in women)
        assert (point.n, point.benchmark_n) == (len(women), len(women if point.benchmark == ("F",) else men))
        assert point.benchmark_selected == selected[point.benchmark[0]]
        rates = {"M": selected["M"] / len(men), "F": selected["F"] / len(women)}
        assert point.ratio.value == pytest.approx(rates["F"] / max(rates.values()), rel=1e-12)


def test_every_cut_has_the_interval_reading_and_flag_of_the_group_table():
    men, women = np.linspace(0, 1, 101), np.linspace(0, 0.9, 101)
    for point in sweep({"M": men, "F": women}, sizes=Sizes())["F"]:
        if point.benchmark == ("F",):
            continue
        counts = point.selected, 101, point.benchmark_selected, 101
        assert point.ratio == ratio_interval(*counts)
        assert point.reading == reading(point.ratio)
        assert point.below is (5 * point.selected < 4 * point.benchmark_selected)


def test_the_benchmark_is_chosen_anew_at_every_cut():
    found = sweep({"M": [0.5] * 20, "F": [0.2] * 10 + [0.9] * 10})
    assert {point.threshold: point.benchmark for point in found["F"]} == {0.2: ("F",), 0.5: ("M",), 0.9: ("F",)}
    at_top = found["M"][-1]
    assert (at_top.ratio.value, at_top.below, at_top.benchmark_selected) == (0.0, True, 10)
    itself = found["F"][-1]
    assert (itself.ratio.value, itself.ratio.method, itself.reading, itself.below) == (1.0, "benchmark", None, False)


def test_a_group_too_small_for_a_ratio_is_listed_with_the_reason_and_is_not_the_benchmark():
    found = sweep({"M": [0.5, 0.6] * 20, "F": [0.4, 0.7] * 20, "X": [0.9] * 3}, sizes=Sizes())
    assert {point.benchmark for point in found["M"] if point.threshold <= 0.7} == {("F",), ("M",)}
    for point in found["X"]:
        assert isinstance(point.ratio, Undefined)
        assert point.ratio.reason == "fewer than 10 people"
        assert (point.selected, point.n, point.below, point.reading) == (3, 3, None, None)
    last = found["M"][-1]  # at 0.9 only the small group is left
    assert (last.threshold, last.benchmark, last.benchmark_n) == (0.9, None, None)
    assert isinstance(last.ratio, Undefined)


def test_all_attainable_cuts_are_there_and_the_deployed_one_too():
    found = sweep({"M": [0.1, 0.4, 0.6], "F": [0.3, 0.6]}, deployed=0.5)["M"]
    assert [point.threshold for point in found] == [0.1, 0.3, 0.4, 0.5, 0.6]
    assert [point.selected for point in found] == [3, 2, 2, 1, 1]
    again = sweep({"M": [0.1, 0.4, 0.6], "F": [0.3, 0.6]}, deployed=0.4)["M"]
    assert [point.threshold for point in again] == [0.1, 0.3, 0.4, 0.6]


@pytest.mark.parametrize("deployed", [None, 0.123, 0.9999])
def test_of_many_scores_the_cuts_are_spread_over_the_people(deployed):
    rng = np.random.default_rng(0)
    groups = {"M": rng.beta(8, 2, 3000), "F": rng.beta(8, 3, 3000)}
    points = sweep(groups, deployed=deployed, most_points=51, sizes=Sizes())["M"]
    cuts = [point.threshold for point in points]
    assert 45 <= len(cuts) <= 51
    assert cuts == sorted(set(cuts))
    assert deployed is None or deployed in cuts
    everybody = np.sort(np.concatenate(list(groups.values())))
    assert everybody[0] in cuts
    assert everybody[-1] in cuts
    places = np.searchsorted(everybody, [cut for cut in cuts if cut != deployed])
    assert np.diff(places).max() <= 1.2 * 6000 / 49


def test_bins_give_the_same_counts_at_their_edges():
    rng = np.random.default_rng(1)
    groups = {"M": rng.uniform(size=400), "F": rng.uniform(size=300)}
    points = sweep(groups, deployed=0.5, width=0.01, sizes=Sizes())["F"]
    assert 0.5 in [point.threshold for point in points]
    assert len(points) <= 101
    for point in points:
        assert point.threshold == pytest.approx(round(point.threshold * 100) / 100, abs=1e-12)
        assert point.selected == sum(groups["F"] >= point.threshold)


def test_unknown_people_make_cuts_but_no_row():
    found = sweep({"M": [0.2, 0.8], "unknown": [0.5]})
    assert list(found) == ["M"]
    assert [point.threshold for point in found["M"]] == [0.2, 0.5, 0.8]


def test_fewer_than_two_points_are_refused():
    with pytest.raises(ValueError, match="at least 2 points"):
        sweep({"M": [0.2, 0.8]}, most_points=1)


def test_the_record_has_its_shape():
    table = threshold_table(scored_of({"M": [0.1, 0.9], "F": [0.5]}), ("sex",), deployed=0.5, sizes=Sizes())
    record = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert set(record) == {"grouping", "deployed", "rows"}
    assert set(record["rows"][0]["points"][0]) == {
        "threshold", "selected", "n", "benchmark", "benchmark_selected", "benchmark_n", "ratio", "reading",
        "below_four_fifths",
    }  # fmt: skip
    assert not any(isinstance(point.ratio, Estimate) for row in table.rows for point in row.points)  # too few people
