"""The median is that of everybody assessed; tests B, C and D of audit-rules.md 4.2, and the other reading of it."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from metric_tables import tally_of_outcomes, tally_of_scores

from fairhire.auditing.metrics.scoring import scoring
from fairhire.auditing.plan import Sizes
from fairhire.auditing.tally import Confusion
from fairhire.errors import NotComputableError
from fairhire.estimate import Undefined

ANY = Sizes(ratio=0, benchmark=0, expected=0)
B = {"F": [0.85, 0.65, 0.55, 0.45, 0.40], "M": [0.90, 0.80, 0.70, 0.60, 0.50]}


def of(groups, *, sizes=ANY, width=0.0):
    return scoring(tally_of_scores(groups, width=width), [("sex",)], sizes=sizes)


def test_the_median_of_test_b_and_its_ratio_leave_no_other_reading():
    found = of(B)
    assert (found.median, found.tied, found.above, found.n) == (pytest.approx(0.625), 0, 5, 10)
    assert found.other_reading == ()


def test_three_unknown_people_move_the_median_and_both_readings_are_printed():
    found = of({**B, "unknown": [0.95, 0.92, 0.88]})
    assert (found.median, found.tied, found.above, found.n) == (0.70, 1, 6, 13)
    (item,) = found.other_reading
    assert (item.grouping, item.category, item.exact) == (("sex",), ("F",), True)
    assert item.ratio == pytest.approx(0.5)  # F 1/5, M 2/5
    assert item.ratio_known_only == pytest.approx(2 / 3)  # F 2/5, M 3/5


def test_unknown_people_who_do_not_move_a_ratio_are_not_reported():
    assert of({**B, "unknown": [0.95, 0.05]}).other_reading == ()


def test_a_ceiling_leaves_nobody_above():
    found = of({"M": [1, 1, 1, 0.2], "F": [1, 1, 0.6, 0.2]})  # test C, fifths
    assert (found.median, found.above, found.tied, found.n) == (1.0, 0, 5, 8)
    assert found.other_reading == ()


def test_a_ratio_that_exists_under_one_reading_only_is_listed():
    groups = {"M": [0.2, 0.4, 0.4], "F": [0.2, 0.2, 0.4], "unknown": [0.9] * 9}
    (women, men) = of(groups).other_reading
    assert isinstance(women.ratio, Undefined)
    assert women.ratio_known_only == pytest.approx(0.5)
    assert men.ratio_known_only == 1.0
    assert women.to_dict()["ratio"]["undefined"].startswith("nobody")


def test_ties_at_the_median_are_not_above_it():
    found = of({"M": [0.2, 0.4, 0.6, 0.6], "F": [0.6, 0.8, 1.0]})  # test D, fifths
    assert (found.median, found.tied, found.above) == (0.6, 3, 2)


def test_bins_are_said_to_be_inexact():
    found = of({**B, "unknown": [0.95, 0.92, 0.88]}, width=0.01)
    (item,) = found.other_reading
    assert item.exact is False
    assert item.ratio_known_only == pytest.approx(2 / 3)


def test_the_sizes_of_the_plan_hold_here_too():
    groups = {**B, "unknown": [0.95, 0.92, 0.88]}
    assert of(groups, sizes=Sizes()).other_reading == ()  # five people have no ratio under either reading


def test_without_scores_there_is_no_median():
    tally = tally_of_outcomes({"M": Confusion(1, 1, 1, 1)})
    with pytest.raises(NotComputableError, match="expected scores"):
        scoring(tally, [("sex",)], sizes=ANY)


def test_the_record_has_its_shape():
    record = json.loads(json.dumps(of({**B, "unknown": [0.95, 0.92, 0.88]}).to_dict()))
    assert set(record) == {"median", "tied", "above", "n", "other_reading"}
    assert set(record["other_reading"][0]) == {"grouping", "category", "ratio", "ratio_known_only", "exact"}


def test_one_person_of_many_rows_is_no_benchmark_under_either_reading():
    groups = {"M": [0.2, 0.4, 0.8] * 8, "F": [0.2, 0.4, 0.6] * 8, "X": [0.9] * 12, "unknown": [0.95] * 6}
    sums = [("M", 24, 24, 0, 0), ("F", 24, 24, 0, 0), ("X", 1, 144, 144, 144), ("unknown", 6, 6, 6, 6)]
    columns = ["sex", "people_above", "nn_above", "ns_above", "ss_above"]
    tally = replace(tally_of_scores(groups), repeats=pd.DataFrame(sums, columns=columns))
    for item in scoring(tally, [("sex",)], sizes=Sizes()).other_reading:
        assert item.category != ("X",)  # without a ratio under both
    assert scoring(tally_of_scores(groups), [("sex",)], sizes=Sizes()).other_reading != ()
