"""Where a gap comes from: the parts add up, each planted cause is found in its part, and none reads as none."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.auditing.metrics.gaps import gap_table, mutual_information
from fairhire.auditing.tally import Confusion
from fairhire.estimate import Estimate, Undefined


class Counted:
    """A tally that holds nothing but outcomes."""

    has_labels = True
    people_repeat = False
    rows = 1000

    def __init__(self, **tables):
        self.tables = {(name,): Confusion(*cells) for name, cells in tables.items()}

    def confusion(self, grouping):
        return self.tables


def table(benchmark="b", **tables):
    return gap_table(Counted(**tables), ("group",), benchmark=(benchmark,))


def test_the_parts_are_those_worked_out_by_hand():
    # a: 40 of 100 hirable, of these 30 selected, of the others 6; b: 60 of 100, 48 selected, of the others 8
    found = table(a=(30, 6, 10, 54), b=(48, 8, 12, 32))
    (row,) = found.rows
    p, s1, s0 = Fraction(40, 100), Fraction(30, 40), Fraction(6, 60)
    q, t1, t0 = Fraction(60, 100), Fraction(48, 60), Fraction(8, 40)
    by_labels = (p - q) * (s1 + t1) / 2 - (p - q) * (s0 + t0) / 2
    at_equal = (p + q) / 2 * (s1 - t1) + (2 - p - q) / 2 * (s0 - t0)
    assert row.gap.value == pytest.approx(float(Fraction(36, 100) - Fraction(56, 100)))
    assert row.by_labels.value == pytest.approx(float(by_labels))
    assert row.at_equal_label.value == pytest.approx(float(at_equal))
    assert by_labels + at_equal == Fraction(-20, 100)
    assert row.label_gap.value == pytest.approx(-0.2)


@given(st.lists(st.integers(12, 400), min_size=8, max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_parts_add_up_to_the_gap_whatever_the_counts(cells):
    found = gap_table(Counted(a=cells[:4], b=cells[4:]), ("group",), benchmark=("b",), minimum=1)
    (row,) = found.rows
    assert row.by_labels.value + row.at_equal_label.value == pytest.approx(row.gap.value, abs=1e-12)


def test_biased_labels_read_as_labels_and_a_biased_model_as_the_model():
    labels = table(a=(160, 10, 40, 190 * 3), b=(480, 5, 120, 195))  # same rates at each label, other shares
    assert labels.rows[0].reading == "labels"
    model = table(a=(100, 20, 100, 180), b=(180, 80, 20, 120))  # same labels, other rates
    assert model.rows[0].reading == "model"
    assert model.rows[0].by_labels.value == pytest.approx(0)
    assert table(a=(100, 50, 100, 150), b=(100, 50, 100, 150)).rows[0].reading == "neither"
    assert table(a=(40, 10, 60, 390), b=(360, 30, 40, 70)).rows[0].reading == "both"


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (
            {"a": (3, 2, 1, 4), "b": (50, 50, 50, 50)},
            r"the group has fewer than 30 rows with a label and a decision \(10\)",
        ),
        ({"a": (50, 50, 50, 50), "b": (1, 1, 1, 1)}, "the benchmark has fewer than 30"),
        ({"a": (50, 0, 50, 0), "b": (50, 50, 50, 50)}, "the group has people of one label only"),
        ({"a": (50, 50, 50, 50)}, "the benchmark has no row"),
    ],
)
def test_what_cannot_be_split_is_undefined_with_its_reason(tables, words):
    (row,) = table(**tables).rows
    assert isinstance(row.gap, Undefined)
    assert row.reading is None
    assert re.search(words, row.gap.reason)


def test_without_labels_there_is_no_table():
    silent = Counted(a=(1, 1, 1, 1))
    silent.has_labels = False
    assert isinstance(gap_table(silent, ("group",), benchmark=("a",)), Undefined)


def test_bits_are_those_of_the_formula_and_amplification_has_its_sign():
    assert mutual_information(np.array([[[50.0, 0], [0, 50]]]))[0] == pytest.approx(1.0)
    assert mutual_information(np.array([[[25.0, 25], [25, 25]]]))[0] == pytest.approx(0.0)
    louder = table(a=(100, 20, 100, 180), b=(180, 80, 20, 120))  # labels alike, decisions not
    assert isinstance(louder.amplified_bits, Estimate)
    assert louder.amplified_bits.low > 0
    softer = table(a=(50, 50, 50, 350), b=(175, 50, 175, 100))
    assert softer.amplified_bits.value < 0


def test_an_interval_covers_and_narrows_with_people():
    few, many = table(a=(30, 6, 10, 54), b=(48, 8, 12, 32)), table(a=(3000, 600, 1000, 5400), b=(4800, 800, 1200, 3200))
    widths = [row.gap.high - row.gap.low for row in (few.rows[0], many.rows[0])]
    assert widths[0] == pytest.approx(10 * widths[1], rel=0.15)
    expected = 2 * 1.96 * np.sqrt(0.36 * 0.64 / 100 + 0.56 * 0.44 / 100)
    assert widths[0] == pytest.approx(expected, rel=0.1)
