"""Amplification is the model's ratio by the labels', on the same rows, as sure as paired resampling makes it."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from metric_tables import tally_of_outcomes, tally_of_scores

from fairhire.auditing.metrics.labels import label_table
from fairhire.auditing.ratio import ratio_interval
from fairhire.auditing.tally import Confusion
from fairhire.estimate import Undefined

M, F = Confusion(tp=40, fn=10, fp=15, tn=35), Confusion(tp=24, fn=16, fp=6, tn=54)


def row_of(groups, name="F", **options):
    table = label_table(tally_of_outcomes(groups), ("sex",), benchmark=("M",), **options)
    return next(row for row in table.rows if row.category == (name,))


def test_the_worked_ratios_and_their_quotient():
    row = row_of({"M": M, "F": F})
    assert (row.n, row.positive, row.rate.value) == (100, 40, 0.4)
    assert row.label_ratio == ratio_interval(40, 100, 50, 100)
    assert row.model_ratio == ratio_interval(30, 100, 55, 100)
    assert row.model_ratio.value == pytest.approx(0.545, abs=5e-4)
    assert row.amplification.value == pytest.approx((0.3 / 0.55) / (0.4 / 0.5))
    assert row.amplification.low < row.amplification.value < row.amplification.high
    assert row.amplification.n == 200


def test_a_model_that_repeats_its_labels_amplifies_nothing_but_is_not_certain_of_it():
    row = row_of({"M": Confusion(tp=50, fn=0, fp=0, tn=50), "F": Confusion(tp=40, fn=0, fp=0, tn=60)})
    assert row.amplification.value == 1.0
    assert 0.9 < row.amplification.low < 1.0 < row.amplification.high < 1.1


def test_pairing_makes_the_interval_narrower_than_two_ratios_apart():
    row = row_of({"M": Confusion(tp=480, fn=20, fp=20, tn=480), "F": Confusion(tp=380, fn=20, fp=20, tn=580)})
    apart = np.log(row.label_ratio.high / row.label_ratio.low)
    assert np.log(row.amplification.high / row.amplification.low) < apart / 2


def test_the_interval_holds_the_truth_and_a_model_that_amplifies_is_found():
    truth, found = {"M": (0.40, 0.10, 0.10, 0.40), "F": (0.24, 0.06, 0.16, 0.54)}, []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        drawn = {name: rng.multinomial(500, cells) for name, cells in truth.items()}
        groups = {name: Confusion(*(int(count) for count in cells)) for name, cells in drawn.items()}
        found.append(row_of(groups, seed=seed).amplification)
    assert np.mean([not one.excludes((0.30 / 0.50) / (0.40 / 0.50)) for one in found]) >= 0.92
    assert np.mean([one.excludes(1.0) for one in found]) >= 0.9


def test_a_group_of_which_the_model_selects_nobody_has_a_ratio_of_0():
    row = row_of({"M": M, "F": Confusion(tp=0, fn=40, fp=0, tn=60)})
    assert row.amplification.value == row.amplification.low <= 0.05
    assert 0.02 < row.amplification.high < 0.3


def test_what_does_not_exist_has_a_reason():
    unlabelled = row_of({"M": M, "F": Confusion(tp=0, fn=0, fp=6, tn=54)})
    assert unlabelled.label_ratio.value == 0
    assert unlabelled.amplification == Undefined(
        "nobody of the group is labelled hirable: the ratio of the labels is 0", 160
    )
    nobody = row_of({"M": Confusion(tp=0, fn=50, fp=0, tn=50), "F": F})
    assert isinstance(nobody.model_ratio, Undefined)
    assert "no ratio of the model" in nobody.amplification.reason
    scores = tally_of_scores({"M": [0.1, 0.2], "F": [0.3, 0.4]})
    assert isinstance(label_table(scores, ("sex",), benchmark=("M",)), Undefined)


def test_the_benchmark_is_compared_with_itself_without_doubt():
    row = row_of({"M": M, "F": F}, "M")
    assert (row.amplification.low, row.amplification.high, row.amplification.method) == (1.0, 1.0, "benchmark")


def test_the_record_is_json_and_the_same_every_time():
    def table():
        return label_table(tally_of_outcomes({"M": M, "F": F}), ("sex",), benchmark=("M",))

    first, second = (json.dumps(table().to_dict(), allow_nan=False) for _ in range(2))
    assert first == second
    assert set(json.loads(first)["rows"][0]) == {
        "category", "n", "positive", "rate", "label_ratio", "model_ratio", "amplification"
    }  # fmt: skip


def test_the_table_says_where_people_have_several_rows():
    tally = tally_of_outcomes({"M": Confusion(40, 15, 10, 35), "F": Confusion(24, 6, 16, 54)})
    assert label_table(tally, ("sex",), benchmark=("M",)).to_dict()["rows_as_witnesses"] is False
    several = replace(tally, repeats=pd.DataFrame())
    assert label_table(several, ("sex",), benchmark=("M",)).to_dict()["rows_as_witnesses"] is True
