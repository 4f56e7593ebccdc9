"""Rates against labels are the worked ones of audit-rules.md 5.6; what has no denominator is never 0."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_tables import tally_of_outcomes, tally_of_scores

from fairhire.auditing.metrics.outcomes import outcome_table
from fairhire.auditing.tally import Confusion
from fairhire.estimate import Estimate, Undefined, wilson

M, F = Confusion(tp=40, fn=10, fp=15, tn=35), Confusion(tp=24, fn=16, fp=6, tn=54)
COUNT = st.integers(0, 30)
TABLE = st.builds(Confusion, COUNT, COUNT, COUNT, COUNT)


def table_of(groups, **options):
    return outcome_table(tally_of_outcomes(groups), ("sex",), benchmark=("M",), **options)


def test_the_worked_rates_and_differences():
    table = table_of({"M": M, "F": F})
    women, men = table.rows
    assert [row.category for row in table.rows] == [("F",), ("M",)]
    assert (men.tpr.value, women.tpr.value) == (0.8, 0.6)
    assert (men.fpr.value, women.fpr.value) == (0.3, 0.1)
    assert (men.ppv.value, women.ppv.value) == (pytest.approx(0.727, abs=5e-4), 0.8)
    assert men.fnr.value == pytest.approx(0.2)
    assert (men.base_rate.value, men.accuracy.value, men.npv.value) == (0.5, 0.75, pytest.approx(35 / 45))
    assert table.differences.equal_opportunity.value == pytest.approx(0.20)
    assert table.differences.equalized_odds.value == pytest.approx(0.20)
    assert table.differences.predictive_parity.value == pytest.approx(0.8 - 40 / 55)


def test_every_rate_has_wilsons_interval_over_its_own_denominator():
    women, men = table_of({"M": M, "F": F}, level=0.9).rows
    assert men.tpr == wilson(40, 50, level=0.9)
    assert women.fpr == wilson(6, 60, level=0.9)
    assert women.ppv == wilson(24, 30, level=0.9)


def test_a_difference_has_newcombes_interval_and_names_its_groups():
    found = table_of({"M": M, "F": F}).differences.equal_opportunity
    low, high = wilson(24, 40), wilson(40, 50)
    assert found.low == pytest.approx(0.2 - ((0.8 - high.low) ** 2 + (low.high - 0.6) ** 2) ** 0.5)
    assert found.high == pytest.approx(0.2 + ((high.high - 0.8) ** 2 + (0.6 - low.low) ** 2) ** 0.5)
    assert found.n == 90
    assert found.method == "Newcombe, tpr: M minus F"
    three = table_of({"M": M, "F": F, "X": Confusion(tp=9, fn=1, fp=1, tn=9)}).differences
    assert three.equal_opportunity.method == "Newcombe, tpr: X minus F"


def test_equalized_odds_is_the_wider_difference_and_says_which():
    wide = table_of({"M": Confusion(tp=40, fn=10, fp=25, tn=25), "F": Confusion(tp=38, fn=12, fp=5, tn=45)}).differences
    assert wide.equalized_odds.value == pytest.approx(0.4)
    assert wide.equalized_odds.method == "Newcombe, fpr: M minus F"
    assert wide.equal_opportunity.value == pytest.approx(0.04)


def test_a_group_without_positives_makes_equalized_odds_not_estimable():
    table = table_of({"M": M, "F": Confusion(tp=0, fn=0, fp=6, tn=54)})
    women = table.rows[0]
    for rate in (women.tpr, women.fnr):
        assert isinstance(rate, Undefined)
        assert "no positives" in rate.reason
    assert women.fpr.value == pytest.approx(0.1)
    for difference in (table.differences.equal_opportunity, table.differences.equalized_odds):
        assert isinstance(difference, Undefined)
        assert "not estimable: F" in difference.reason
    assert isinstance(table.differences.predictive_parity, Estimate)


def test_a_group_without_negatives_or_selections_too():
    table = table_of({"M": M, "F": Confusion(tp=0, fn=20, fp=0, tn=0)})
    assert isinstance(table.differences.equalized_odds, Undefined)
    assert isinstance(table.differences.predictive_parity, Undefined)
    assert isinstance(table.rows[0].ppv, Undefined)
    assert table.differences.equal_opportunity.value == pytest.approx(0.8)


def test_one_group_has_rates_and_no_difference():
    table = table_of({"M": M})
    assert table.rows[0].tpr.value == 0.8
    assert table.differences.accuracy == Undefined("there is one group only", 100)


def test_without_labels_there_is_no_table():
    tally = tally_of_scores({"M": [0.1, 0.2], "F": [0.3, 0.4]})
    assert outcome_table(tally, ("sex",), benchmark=None) == Undefined("there are no true labels", 4)
    unknown = tally_of_outcomes({"unknown": M})
    assert isinstance(outcome_table(unknown, ("sex",), benchmark=None), Undefined)


def test_where_people_have_several_rows_the_method_says_so():
    repeats = pd.DataFrame(
        [{"sex": "M", "people_selected": 50, "nn_selected": 200, "ns_selected": 110, "ss_selected": 110}]
    )
    tally = tally_of_outcomes({"M": M, "F": F}, repeats=repeats)
    table = outcome_table(tally, ("sex",), benchmark=("M",))
    assert "rows taken as independent" in table.rows[0].tpr.to_dict()["method"]
    assert "rows taken as independent" in table.differences.accuracy.method
    assert "independent" not in json.dumps(table_of({"M": M, "F": F}).to_dict())


def test_the_record_has_its_shape():
    record = json.loads(json.dumps(table_of({"M": M, "F": F}).to_dict()))
    assert set(record) == {"grouping", "benchmark", "rows_as_witnesses", "rows", "differences"}
    assert record["rows_as_witnesses"] is False
    assert record["rows"][1]["confusion"] == {"tp": 40, "fp": 15, "fn": 10, "tn": 35}
    rates = {"base_rate", "tpr", "fpr", "fnr", "ppv", "npv", "accuracy"}
    assert set(record["rows"][0]) == {"category", "confusion"} | rates
    assert set(record["differences"]) == {"equal_opportunity", "equalized_odds", "predictive_parity", "accuracy"}


@given(TABLE, TABLE)
def test_a_number_stands_exactly_where_there_is_a_denominator(first, second):
    if not first.n or not second.n:
        return
    table = table_of({"M": first, "F": second})
    for row in table.rows:
        counts = row.confusion
        assert isinstance(row.tpr, Estimate) is bool(counts.tp + counts.fn)
        assert isinstance(row.fpr, Estimate) is bool(counts.fp + counts.tn)
        assert isinstance(row.ppv, Estimate) is bool(counts.tp + counts.fp)
    odds = table.differences.equalized_odds
    assert isinstance(odds, Estimate) is all(
        row.confusion.tp + row.confusion.fn and row.confusion.fp + row.confusion.tn for row in table.rows
    )
    if isinstance(odds, Estimate):
        assert 0 <= odds.value <= odds.high <= 1
