"""The sweep: every attainable cut, the deployed one always among them, each with its own benchmark."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_tables import tally_of_scores

from fairhire.auditing.groups import examine_groups
from fairhire.auditing.intake import Intake, count_tables
from fairhire.auditing.metrics.thresholds import threshold_table
from fairhire.auditing.plan import Sizes, read_plan
from fairhire.auditing.ratio import ratio_interval, reading
from fairhire.errors import NotComputableError
from fairhire.estimate import Estimate, Undefined

ANY = Sizes(ratio=0, benchmark=0, expected=0)
TENTHS = st.lists(st.integers(0, 10).map(lambda n: n / 10), min_size=1, max_size=15)


def sweep(groups, *, deployed=None, sizes=ANY, width=0.0, **options):
    tally = replace(tally_of_scores(groups, width=width), threshold=deployed)
    table = threshold_table(tally, ("sex",), sizes=sizes, **options)
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
    tally = replace(tally_of_scores({"M": [0.1, 0.9], "F": [0.5]}), threshold=0.5)
    table = threshold_table(tally, ("sex",), sizes=Sizes())
    record = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert set(record) == {"grouping", "deployed", "rows"}
    assert set(record["rows"][0]["points"][0]) == {
        "threshold", "selected", "n", "benchmark", "benchmark_selected", "benchmark_n", "ratio", "reading",
        "below_four_fifths",
    }  # fmt: skip
    assert not any(isinstance(point.ratio, Estimate) for row in table.rows for point in row.points)  # too few people


def test_without_scores_there_is_no_sweep():
    with pytest.raises(NotComputableError, match="expected scores, got none"):
        threshold_table(replace(tally_of_scores({"M": [0.1, 0.9]}), scored=None), ("sex",), sizes=ANY)


# --- people with several rows ---------------------------------------------------------------------------------------


@pytest.fixture
def by_person(tmp_path):
    """Return a function that counts 300 people with two scores each, opposite ones or alike."""

    def count(*, opposite=True, decision=None, **options):
        rng = np.random.default_rng(0)
        first = rng.random(300).round(3)
        other = (1 - first).round(3) if opposite else first
        rows = pd.DataFrame(
            {
                "interview": range(600),
                "candidate": [f"c{place % 300}" for place in range(600)],
                "score": np.concatenate([first, other]),
            }
        )
        if decision is not None:
            rows = rows.assign(decision=decision(rows["score"]).astype(int))
        people = pd.DataFrame({"candidate": [f"c{n}" for n in range(300)], "sex": ["M", "F"] * 150})
        rows.to_csv(tmp_path / "scores.csv", index=False)
        people.to_csv(tmp_path / "people.csv", index=False)
        intake = Intake(per="interview", **options)
        return count_tables(tmp_path / "scores.csv", tmp_path / "people.csv", attributes=["sex"], intake=intake)

    return count


def points_of(tally, category):
    table = threshold_table(tally, ("sex",), sizes=Sizes())
    return {point.threshold: point for row in table.rows if row.category == (category,) for point in row.points}


@pytest.mark.parametrize("opposite", [True, False])
@pytest.mark.parametrize("decision", [None, lambda score: score >= 0.3])
def test_at_the_deployed_cut_the_sweep_says_what_the_table_of_groups_says(by_person, opposite, decision):
    tally = by_person(opposite=opposite, threshold=0.3, decision=decision)
    found = examine_groups(tally, ("sex",), "selection", plan=read_plan("four-fifths"))
    behind = next(row for row in found.rows if row.verdict != "benchmark")
    point = points_of(tally, behind.category[0])[0.3]
    assert point.ratio.method == "katz by person"
    assert (point.ratio, point.reading, point.below) == (behind.impact_ratio, behind.reading, behind.below)
    methods = {one.ratio.method for one in points_of(tally, "F").values()}
    assert "katz by person, design effect of the deployed cut" in methods
    assert not any("median" in method for method in methods)


@pytest.mark.parametrize("options", [{}, {"decision": lambda score: score <= 0.6, "threshold": 0.3}])
def test_without_decisions_from_the_threshold_the_design_effect_is_that_of_the_median(by_person, options):
    tally = by_person(opposite=False, **options)
    points = [point for point in points_of(tally, "F").values() if point.benchmark == ("M",)]
    assert points
    assert {point.ratio.method for point in points} <= {
        "katz by person, design effect at the median",
        "clopper-pearson by person, conservative",
        "score by person, nobody selected",
    }
    middle = min(points, key=lambda point: abs(point.threshold - 0.5))
    rows = ratio_interval(middle.selected, middle.n, middle.benchmark_selected, middle.benchmark_n)
    assert middle.ratio.high / middle.ratio.low > (rows.high / rows.low) ** 1.3


def test_one_person_of_many_rows_has_no_ratio_at_any_cut():
    scores = {"M": [0.1, 0.9] * 20, "F": [0.2, 0.8] * 20, "X": [0.95] * 12}
    sums = [("M", 40, 40, 20, 20), ("F", 40, 40, 20, 20), ("X", 1, 144, 144, 144)]
    columns = ["sex", "people_above", "nn_above", "ns_above", "ss_above"]
    tally = replace(tally_of_scores(scores), repeats=pd.DataFrame(sums, columns=columns))
    for sizes, reason in ((Sizes(), "fewer than 10 people"), (ANY, "fewer than 2 people in a group")):
        table = threshold_table(tally, ("sex",), sizes=sizes)
        points = [point for row in table.rows if row.category == ("X",) for point in row.points]
        compared = [point for point in points if point.benchmark not in (("X",), None)]
        assert compared
        for point in compared:
            assert isinstance(point.ratio, Undefined)
            assert point.ratio.reason.startswith(reason)
            assert point.below is None
