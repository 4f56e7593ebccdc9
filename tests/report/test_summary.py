"""The published summary: refused while a required field is missing, small cells withheld, nothing got back by sums."""

import itertools
import re
from typing import Any

import audit_records
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from fairhire.errors import UsageError
from fairhire.report.summary import is_publishable, render_summary
from fairhire.report.suppression import UNKNOWN_CELL, withheld


def table(sizes: dict[tuple[str, ...], int], unknown: int = 0, *grouping: str) -> dict[str, Any]:
    rows = [{"category": list(category), "n": n} for category, n in sizes.items()]
    named = list(grouping) or ["sex", "race"][: len(next(iter(sizes)))]
    return {"grouping": named, "rate": "selection", "rows": rows, "unknown": {"n": unknown}}


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


def alone(sizes: dict[tuple[str, ...], int], unknown: int = 0) -> frozenset[int]:
    (hidden,) = withheld([table(sizes, unknown)], under=5)
    return hidden


def test_a_cell_that_would_stand_alone_takes_the_smallest_other_with_it() -> None:
    assert alone({("A",): 3, ("B",): 50, ("C",): 40}, 7) == {0, UNKNOWN_CELL}
    assert alone({("A",): 3, ("B",): 50, ("C",): 40}) == {0, 2}
    assert alone({("A",): 3, ("B",): 4, ("C",): 40}) == {0, 1}
    assert alone({("A",): 0, ("B",): 50}) == frozenset()


def test_two_cells_of_one_person_each_give_each_other_away() -> None:
    assert alone({("A",): 1, ("B",): 1, ("C",): 40, ("D",): 30}) == {0, 1, 3}


def test_a_group_withheld_by_one_rate_is_withheld_by_the_other() -> None:
    both = [table({("A",): n, ("B",): 50, ("C",): 40}) for n in (3, 6)]
    both[1]["rate"] = "scoring"
    assert withheld(both, under=5) == ({0, 2}, {0, 2})


def test_the_order_of_attributes_and_tables_changes_nothing() -> None:
    cells = {("F", "A"): 3, ("F", "B"): 9, ("M", "A"): 12, ("M", "B"): 30}
    turned = {(race, sex): n for (sex, race), n in cells.items()}
    sexes, races = table({("F",): 12, ("M",): 42}), table({("A",): 15, ("B",): 39}, 0, "race")
    assert withheld([sexes, races, table(cells)], under=5) == (frozenset(), frozenset(), {0, 1, 2, 3})
    assert withheld([races, table(turned, 0, "race", "sex"), sexes], under=5)[1] == {0, 1, 2, 3}


def test_a_table_of_very_many_small_cells_is_withheld_whole_and_soon() -> None:
    many = {("F" if place % 2 else "M", f"s{place // 2}"): place % 7 for place in range(2000)}
    schools: dict[tuple[str, ...], int] = {}
    for (_, school), n in many.items():
        schools[(school,)] = schools.get((school,), 0) + n
    hidden = withheld([table(schools, 0, "school"), table(many, 0, "sex", "school")], under=5)
    assert hidden[1] == {*range(2000), UNKNOWN_CELL}
    assert {place for place, n in enumerate(schools.values()) if 0 < n < 5} <= hidden[0]


COUNTS = st.sampled_from([0, 0, 1, 2, 3, 6, 7, 9, 20, 40])


@settings(max_examples=60, deadline=None)
@given(st.lists(COUNTS, min_size=18, max_size=18), st.booleans(), st.sampled_from([(), (2,), (0, 1), (0, 1, 2)]))
def test_no_small_cell_can_be_worked_out_from_all_tables_together(
    numbers: list[int], unknown: bool, singles: tuple[int, ...]
) -> None:
    """The reader solves for the least and the greatest number that fit to everything published, zeros included.

    The cells of the reader's unknowns are sex x race x age, each with a category for the unknown.
    """
    names = ("FM", "ABC", "yo")
    known = list(itertools.product(*names))
    cells = {cell: numbers[place] for place, cell in enumerate(known)}
    if unknown:
        cells |= dict(zip([("F", "A", "?"), ("M", "?", "o"), ("?", "B", "y")], numbers[12:], strict=False))
    groupings = [*((at,) for at in singles), (0, 1), (0, 2)]
    attributes = ("sex", "race", "age")
    tables, masks = [], []
    for grouping in groupings:
        categories = list(itertools.product(*(names[at] for at in grouping)))
        mine = [np.array([tuple(cell[at] for at in grouping) == one for cell in cells]) for one in categories]
        mine.append(np.array([any(cell[at] == "?" for at in grouping) for cell in cells]))
        n = np.array(list(cells.values()))
        sizes = {one: int(n[mask].sum()) for one, mask in zip(categories, mine, strict=False)}
        tables.append(table(sizes, int(n[mine[-1]].sum()), *(attributes[at] for at in grouping)))
        masks.append(mine)
    hidden = withheld(tables, under=5)
    shown, shown_n, least, least_n, small = [np.ones(len(cells))], [sum(cells.values())], [], [], []
    everything = True
    for asked, mine, withheld_here in zip(tables, masks, hidden, strict=True):
        counts = [*(row["n"] for row in asked["rows"]), asked["unknown"]["n"]]
        for place, (count, mask) in enumerate(zip(counts, mine, strict=True)):
            at = place if place < len(counts) - 1 else UNKNOWN_CELL
            if at not in withheld_here:
                shown.append(mask.astype(float))
                shown_n.append(count)
                everything = everything and not count
                assert not (0 < count < 5) or at == UNKNOWN_CELL
            else:
                assert count  # nobody is withheld where nobody is
                least.append(-mask.astype(float))
                least_n.append(-1)
                if count < 5 and at != UNKNOWN_CELL:
                    small.append(mask.astype(float))
    for wanted in small:
        ends = [
            linprog(
                sign * wanted,
                A_eq=np.array(shown),
                b_eq=shown_n,
                A_ub=np.array(least),
                b_ub=least_n,
                bounds=(0, None),
            ).fun
            for sign in (1, -1)
        ]
        assert everything or -ends[1] - ends[0] > 0.99


def test_a_summary_says_that_its_benchmark_need_not_have_the_highest_rate() -> None:
    record = audit_records.clean_record()
    record["groups"][1]["passed_over"] = [
        {"category": ["Native American or Alaska Native"], "why": "fewer than 700 people"}
    ]
    page = words(render_summary(record))
    over = "Not the benchmark, though of a higher rate: “Native American or Alaska Native” (fewer than 700 people)."
    assert over in page
    assert "the category with the highest rate among those large enough to be compared with" in page
    record["plan"]["sizes"] = {"suppress": 700}
    assert "though of a higher rate" not in words(render_summary(record))  # nor is a withheld one named
