"""The published summary: refused while a required field is missing, small cells withheld, nothing got back by sums."""

import re
from typing import Any

import audit_records
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.errors import UsageError
from fairhire.report.summary import is_publishable, render_summary, withheld


def table(sizes: dict[tuple[str, ...], int], unknown: int = 0) -> dict[str, Any]:
    grouping = ["sex", "race"][: len(next(iter(sizes)))]
    rows = [{"category": list(category), "n": n} for category, n in sizes.items()]
    return {"grouping": grouping, "rows": rows, "unknown": {"n": unknown}}


def words(page: str) -> str:
    return re.sub(r"[ \n]+", " ", re.sub(r"<[^>]*>", " ", page.split("</style>")[1]))


def test_a_summary_names_every_field_that_is_missing_and_only_those() -> None:
    record = audit_records.undecided_record()
    with pytest.raises(UsageError, match=r"distribution_date .*data_source") as refused:
        render_summary(record)
    assert "\n" not in str(refused.value)
    assert "auditor" not in str(refused.value)  # not required for publication
    assert not is_publishable(record)


def test_a_field_that_need_not_be_published_does_not_stop_a_summary() -> None:
    record = audit_records.undecided_record()
    record["missing"] = record["missing"][2:]
    assert is_publishable(record)
    assert "Summary of the audit" in render_summary(record)


def test_a_summary_gives_what_the_rule_wants_published() -> None:
    page = words(render_summary(audit_records.clean_record()))
    assert "audit date 2026-11-22" in page
    assert "data source Invented for a test." in page
    assert "People of unknown category, who are in no group: 1\u202f200." in page
    assert "Female 29\u202f000 14\u202f450 49.8\u202f% [49.3, 50.4] 0.990 [0.974, 1.006]" in page
    assert "Native American or Alaska Native 600 310 51.7\u202f% [47.7, 55.6] –" in page
    assert "“Native American or Alaska Native”: 1.02 % of the known, under 2 %" in page
    assert "This rule sets no threshold" in page
    assert " pass" not in page.lower()


def test_small_cells_are_withheld_and_counted() -> None:
    record = audit_records.undecided_record() | {"missing": []}
    page = words(render_summary(record))
    assert "Nonbinary withheld withheld withheld withheld" in page
    assert "a number that is withheld" in page  # or the three could be got back from a total
    assert "1 cell withheld: fewer than 5 people" in page


def test_the_plan_decides_on_the_size() -> None:
    record = audit_records.undecided_record() | {"missing": []}
    record["plan"]["sizes"] = {"suppress": 0}
    assert "withheld" not in words(render_summary(record))
    record["plan"]["sizes"] = {"suppress": 30}
    assert "Female withheld" in words(render_summary(record))


def test_a_cell_that_would_stand_alone_takes_the_smallest_other_with_it() -> None:
    assert withheld(table({("A",): 3, ("B",): 50, ("C",): 40}, 7), under=5) == {0, -1}
    assert withheld(table({("A",): 3, ("B",): 50, ("C",): 40}), under=5) == {0, 2}
    assert withheld(table({("A",): 3, ("B",): 4, ("C",): 40}), under=5) == {0, 1}
    assert withheld(table({("A",): 0, ("B",): 50}), under=5) == frozenset()


@given(st.lists(st.integers(0, 30), min_size=6, max_size=6), st.integers(0, 30))
def test_no_line_of_an_intersection_has_one_withheld_cell(sizes: list[int], unknown: int) -> None:
    cells = {(sex, race): sizes.pop() for sex in "FM" for race in "XYZ"}
    asked = table(cells, unknown)
    hidden = withheld(asked, under=5)
    rows = asked["rows"]
    assert all(place in hidden for place, row in enumerate(rows) if 0 < row["n"] < 5)
    assert not any(row["n"] == 0 for place, row in enumerate(rows) if place in hidden)
    for attribute in (0, 1):
        for value in {row["category"][attribute] for row in rows}:
            line = [place for place, row in enumerate(rows) if row["category"][attribute] == value and row["n"]]
            assert len(line) == 1 or len(hidden & set(line)) != 1
