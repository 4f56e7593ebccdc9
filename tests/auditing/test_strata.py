"""Mantel-Haenszel ratios are the worked ones (S1, S2 of audit-rules 5.3 [calc]), and Simpson's alarm rings rightly."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable

from fairhire.auditing.ratio import katz_interval, ratio_interval
from fairhire.auditing.strata import Stratified, Stratum, stratified
from fairhire.estimate import Estimate, Undefined

FALSE_ALARM = [Stratum("job 1", 10, 20, 40, 80), Stratum("job 2", 8, 80, 2, 20)]
HIDDEN = [Stratum("job 1", 48, 80, 16, 20), Stratum("job 2", 4, 20, 32, 80)]

cells = st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))


def of_cells(tables):
    """Return strata of tables (selected, not, benchmark selected, not)."""
    return [Stratum(f"job {place}", a, a + c, b, b + d) for place, (a, c, b, d) in enumerate(tables)]


def many(strata, times):
    return [
        Stratum(one.name, *(times * count for count in (one.selected, one.n, one.benchmark_selected, one.benchmark_n)))
        for one in strata
    ]


def numbers(estimate):
    assert isinstance(estimate, Estimate)
    return estimate.value, estimate.low, estimate.high


# --- worked numbers -------------------------------------------------------------------------------------------------


def test_a_pooled_difference_that_no_position_shows_is_a_false_alarm():
    found = stratified(FALSE_ALARM)
    assert found.pooled.value == pytest.approx(0.4286, abs=5e-5)
    assert [ratio.value for _, ratio in found.strata] == [1.0, 1.0]
    assert numbers(found.adjusted) == pytest.approx((1.0, 0.6211, 1.6099), abs=5e-5)
    assert found.adjusted.method == "mantel-haenszel"
    assert (found.cmh, found.cmh_p) == (0, 1)
    assert found.homogeneity_p == 1  # statsmodels: NaN, for the common odds ratio is exactly 1
    assert found.alarm == "the pooled difference disappears within positions"


def test_a_difference_in_every_position_can_hide_in_the_pool():
    found = stratified(HIDDEN)
    assert found.pooled.value == pytest.approx(1.0833, abs=5e-5)
    assert [ratio.value for _, ratio in found.strata] == [0.75, 0.50]
    assert numbers(found.adjusted) == pytest.approx((0.6667, 0.4785, 0.9289), abs=5e-5)
    assert found.cmh == pytest.approx(5.5)
    assert found.cmh_p == pytest.approx(0.0190, abs=5e-5)
    assert found.homogeneity_p == pytest.approx(1)  # both odds ratios are 0.375
    assert found.alarm == "a difference within positions is hidden by pooling"


# --- agreement with another code ------------------------------------------------------------------------------------


@given(st.lists(cells, min_size=2, max_size=6))
def test_everything_agrees_with_statsmodels(tables):
    found = stratified(of_cells(tables))
    theirs = StratifiedTable([np.array([[a, c], [b, d]]) for a, c, b, d in tables])
    assert found.adjusted.value == pytest.approx(theirs.riskratio_pooled, rel=1e-9)
    test = theirs.test_null_odds(correction=False)
    assert found.cmh == pytest.approx(float(test.statistic), rel=1e-6, abs=1e-12)
    assert found.cmh_p == pytest.approx(float(test.pvalue), rel=1e-6, abs=1e-12)
    if abs(theirs.oddsratio_pooled - 1) > 1e-6:
        equal = theirs.test_equal_odds(adjust=True)
        assert found.homogeneity_p == pytest.approx(float(equal.pvalue), rel=1e-6, abs=1e-9)


def test_odds_ratios_that_differ_around_1_are_found_to_differ():
    """The common odds ratio is exactly 1 here: statsmodels answers NaN whatever the strata."""
    found = stratified([Stratum("up", 40, 80, 20, 80), Stratum("down", 20, 80, 40, 80)])
    assert found.adjusted.value == 1
    assert found.homogeneity_p < 1e-4
    near = stratified([Stratum("up", 40_001, 80_000, 20_000, 80_000), Stratum("down", 20_000, 80_000, 40_000, 80_000)])
    many_more = stratified([Stratum("up", 40_000, 80_000, 20_000, 80_000), near.strata[1][0]])
    assert near.homogeneity_p == pytest.approx(many_more.homogeneity_p, abs=1e-9)
    assert "differs between positions (Breslow-Day p = " in found.alarm


@given(cells, st.floats(0.5, 0.99))
def test_one_table_told_twice_is_katz_of_its_double(table, level):
    twice = stratified(of_cells([table, table]), level=level)
    a, c, b, d = (2 * count for count in table)
    assert numbers(twice.adjusted) == pytest.approx(numbers(katz_interval(a, a + c, b, b + d, level=level)), rel=1e-9)
    assert twice.pooled == ratio_interval(a, a + c, b, b + d, level=level)


# --- the alarm, in both directions ----------------------------------------------------------------------------------


@given(cells, st.lists(st.integers(1, 5), min_size=2, max_size=8))
def test_positions_that_are_alike_raise_no_alarm(table, times):
    found = stratified(of_cells([[time * count for count in table] for time in times]))
    assert found.alarm is None
    assert found.homogeneity_p == pytest.approx(1)
    assert found.adjusted.value == pytest.approx(found.pooled.value)


def test_positions_with_rates_of_their_own_and_one_ratio_raise_no_alarm():
    found = stratified([Stratum("easy", 40, 100, 100, 200), Stratum("hard", 8, 50, 20, 100)])
    assert found.adjusted.value == pytest.approx(0.8)
    assert found.alarm is None


def test_a_difference_that_is_there_in_the_pool_and_in_positions_raises_no_alarm():
    assert stratified([Stratum("1", 30, 100, 60, 100), Stratum("2", 20, 100, 42, 100)]).alarm is None


def test_few_people_raise_no_alarm_although_the_ratios_are_those_of_a_false_alarm():
    few = [Stratum("1", 1, 2, 4, 8), Stratum("2", 1, 8, 0, 2)]
    assert stratified(few).alarm is None
    assert stratified(many(few, 40)).alarm is not None


def test_a_reversal_is_called_one():
    found = stratified(many([Stratum("1", 9, 10, 48, 80), Stratum("2", 16, 80, 1, 10)], 10))
    assert found.pooled.high < 1 < found.adjusted.low
    assert found.alarm.startswith("the pooled difference is reversed within positions")


def test_crossing_four_fifths_is_said_in_both_directions():
    lower = [Stratum("1", 45, 100, 450, 850), Stratum("2", 153, 900, 34, 170)]
    found = stratified(many(lower, 20))
    assert found.pooled.value < 0.8 < found.adjusted.value < found.adjusted.high < 1
    assert found.alarm == "below four fifths pooled, not below within positions"
    higher = [Stratum("1", 350, 1000, 100, 200), Stratum("2", 14, 200, 100, 1000)]
    found = stratified(many(higher, 20))
    assert found.adjusted.value < 0.8 < found.pooled.value
    assert "hidden by pooling" in found.alarm or "reversed" in found.alarm
    nearly = [Stratum("1", 420, 1000, 300, 500), Stratum("2", 63, 300, 180, 600)]
    found = stratified(many(nearly, 20))
    assert found.adjusted.value == pytest.approx(0.7)
    assert 0.8 <= found.pooled.value < found.pooled.high < 1
    assert found.alarm.startswith("not below four fifths pooled, below within positions; the odds ratio differs")


def test_an_interval_that_merely_widens_is_no_disappearance():
    found = stratified([Stratum("1", 13, 100, 9, 40), Stratum("2", 10, 30, 20, 40)])
    assert found.pooled.high < 1 < found.adjusted.high
    assert found.adjusted.value < 0.8
    assert found.alarm is None


def test_homogeneous_positions_raise_the_alarm_of_homogeneity_no_more_than_it_promises():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(400):
        rates = rng.uniform(0.2, 0.7, 6)
        sizes = rng.binomial(80, 0.4, 6)
        alarms += (
            stratified(
                [
                    Stratum(str(k), int(rng.binomial(n, p)), int(n), int(rng.binomial(80 - n, p)), int(80 - n))
                    for k, (p, n) in enumerate(zip(rates, sizes, strict=True))
                ]
            ).alarm
            is not None
        )
    assert alarms / 400 < 0.085  # 5 % of homogeneity, and of Simpson next to none


# --- strata of one group, empty ones, and what does not exist -------------------------------------------------------


def test_positions_of_one_group_are_listed_and_pooled_but_do_not_adjust():
    alone = [Stratum("women only", 3, 30, 0, 0), Stratum("men only", 0, 0, 5, 6)]
    found = stratified([*HIDDEN, *alone, Stratum("neither", 0, 0, 0, 0)])
    assert found.one_sided == ("women only", "men only")
    assert found.adjusted == stratified(HIDDEN).adjusted
    assert found.pooled.value == pytest.approx((55 / 130) / (53 / 106))
    assert [stratum.name for stratum, _ in found.strata] == ["job 1", "job 2", "women only", "men only"]
    assert isinstance(found.strata[2][1], Undefined)


@pytest.mark.parametrize(
    ("strata", "reason"),
    [
        ([], "fewer than two positions"),
        (HIDDEN[:1], "fewer than two positions"),
        ([HIDDEN[0], Stratum("neither", 0, 0, 0, 0)], "fewer than two positions"),
        ([Stratum("a", 1, 3, 0, 0), Stratum("b", 0, 0, 1, 3)], "no position has people of both groups"),
    ],
)
def test_without_two_positions_or_a_shared_one_nothing_is_stratified(strata, reason):
    found = stratified(strata)
    assert isinstance(found, Undefined)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("strata", "adjusted", "cmh", "homogeneity"),
    [
        ([(0, 5, 2, 6), (0, 4, 1, 6)], "nobody is selected in the group", None, "0 or infinite"),
        ([(2, 5, 0, 6), (1, 4, 0, 6)], "nobody is selected in the benchmark", None, "0 or infinite"),
        ([(5, 5, 6, 6), (4, 4, 6, 6)], "everybody is selected", "everybody or nobody", "fewer than two"),
        ([(5, 5, 6, 6), (0, 4, 0, 6)], "everybody is selected", "everybody or nobody", "fewer than two"),
        ([(2, 5, 3, 6), (0, 4, 0, 6)], None, None, "fewer than two"),
    ],
)
def test_what_does_not_exist_is_undefined_with_a_reason(strata, adjusted, cmh, homogeneity):
    found = stratified([Stratum(str(k), *counts) for k, counts in enumerate(strata)])
    assert isinstance(found, Stratified)
    for reason, value in ((adjusted, found.adjusted), (cmh, found.cmh), (homogeneity, found.homogeneity_p)):
        assert isinstance(value, Undefined) == (reason is not None)
        assert reason is None or reason in value.reason
    assert isinstance(found.cmh_p, Undefined) == isinstance(found.cmh, Undefined)
    assert found.alarm is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_record_is_the_one_documented():
    found = stratified(HIDDEN).to_dict()
    assert list(found) == ["pooled", "adjusted", "cmh", "cmh_p", "homogeneity_p", "alarm", "strata", "one_sided"]
    assert list(found["strata"][0]) == ["name", "n", "selected", "benchmark_n", "benchmark_selected", "ratio"]
    assert found["one_sided"] == 0
    assert found["adjusted"]["method"] == "mantel-haenszel"
    assert math.isfinite(json.loads(json.dumps(found))["cmh"])


def test_impossible_counts_are_our_mistake():
    with pytest.raises(ValueError, match="stratum x: expected 0 <= selected <= n"):
        Stratum("x", 3, 2, 1, 2)
