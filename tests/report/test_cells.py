"""Cells: one way of writing for all formats, and no letter that turns or hides what stands beside it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.estimate import Estimate, Undefined
from fairhire.report.cells import (
    Badge,
    Cell,
    Percent,
    Points,
    PValue,
    Shown,
    Signed,
    count,
    is_number,
    is_undefined,
    parts,
    spell,
    visible,
)

LEVEL = Estimate(0.4361, 0.3879, 0.4857, 0.95, 390)
GONE = Undefined("nobody is selected", 12)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "–"),
        ("plain", "plain"),
        (12345, "12\u202f345"),
        (0.5, "0.500"),
        (LEVEL, "0.436 [0.388, 0.486]"),
        (Percent(LEVEL), "43.6\u202f% [38.8, 48.6]"),
        (Percent(0.02), "2.0\u202f%"),
        (Points(Estimate(-0.08, -0.14, 0.02, 0.95, 9)), "−8.0 [−14.0, +2.0]"),
        (Signed(Estimate(0.1, -0.1, 0.3, 0.95, 9)), "+0.100 [−0.100, +0.300]"),
        (PValue(0.00943), "0.0094"),
        (PValue(1e-9), "<\u202f0.0001"),
        (Badge("UNDECIDED", "undecided"), "UNDECIDED"),
        (Shown("no limit"), "no limit"),
        (GONE, "undefined: nobody is selected (n = 12)"),
        (Percent(GONE), "undefined: nobody is selected (n = 12)"),
    ],
)
def test_a_cell_is_written_in_one_way(cell: Cell, text: str) -> None:
    assert spell(cell) == text


def test_a_p_value_is_never_shown_as_zero() -> None:
    assert spell(PValue(0.0)) != "0.0000"


def test_what_is_a_number_and_what_does_not_exist() -> None:
    assert all(is_number(cell) for cell in (1, 0.5, LEVEL, Percent(LEVEL), PValue(0.1), Shown("x")))
    assert not any(is_number(cell) for cell in (None, "1", Badge("1", "plain"), GONE, Points(GONE)))
    assert is_undefined(Signed(GONE))
    assert not is_undefined(LEVEL)


@given(st.text())
def test_no_control_or_turning_letter_gets_through(words: str) -> None:
    left = {unicodedata.category(letter) for letter in visible(words) if letter not in "\t\n\r"}
    assert not left & {"Cc", "Cs"}
    assert not set(visible(words)) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_letters_of_any_script_stay(words: str) -> None:
    assert visible(words) == words


@given(st.integers(0, 10**12))
def test_thousands_are_parted_and_nothing_else_changes(value: int) -> None:
    assert int(count(value).replace("\u202f", "")) == value


def test_value_and_interval_come_apart() -> None:
    assert parts(LEVEL) == ("0.436", "[0.388, 0.486]")
    assert parts(3) == ("3", "")
