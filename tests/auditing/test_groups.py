"""The group table: who is the benchmark, what the ratio is to the last digit, and in which words it is said."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.groups import GroupFindings, GroupRow, examine_groups
from fairhire.auditing.plan import AuditPlan, read_plan
from fairhire.auditing.tally import Tally
from fairhire.estimate import Estimate, MethodEstimate, Undefined

FOUR_FIFTHS = read_plan("four-fifths")
NYC = read_plan("nyc-local-law-144")


def tally_of(counts: Mapping[str, tuple[int, int]], *, position: str = "") -> Tally:
    """Return a tally of one attribute from {category: (n, selected)}."""
    rows = [
        {"sex": name, "position": position, "label": -1, "selected": flag, "above": -1, "n": number}
        for name, (n, selected) in counts.items()
        for flag, number in ((1, selected), (0, n - selected))
        if number
    ]
    return Tally(("sex",), pd.DataFrame(rows))


def examined(counts: Mapping[str, tuple[int, int]], plan: AuditPlan = FOUR_FIFTHS) -> GroupFindings:
    return examine_groups(tally_of(counts), ("sex",), "selection", plan=plan)


def row(found: GroupFindings, name: str) -> GroupRow:
    return next(one for one in found.rows if one.category == (name,))


def value(measured: object) -> float:
    assert isinstance(measured, Estimate)
    return measured.value


@pytest.mark.parametrize(
    ("focal", "benchmark", "ratio", "verdict", "reading", "shortfall"),
    [
        ((40, 12), (80, 48), 0.5, "indicated", "below", 8),
        ((10, 1), (20, 3), 2 / 3, "below-few", "undecided", 1),
        ((100, 64), (100, 80), 0.8, "above-different", "undecided", 0),
        ((10000, 9000), (10000, 9600), 0.9375, "above-different", "clear", 0),
        ((10, 2), (25, 15), 1 / 3, "below-few", "undecided", 3),
    ],
)
def test_the_worked_cases_of_four_fifths(
    focal: tuple[int, int],
    benchmark: tuple[int, int],
    ratio: float,
    verdict: str,
    reading: str,
    shortfall: int,
) -> None:
    found = row(examined({"Female": focal, "Male": benchmark}), "Female")
    assert value(found.impact_ratio) == pytest.approx(ratio, rel=1e-14)
    assert (found.verdict, found.reading, found.shortfall) == (verdict, reading, shortfall)


def test_katz_and_score_stand_beside_whichever_method_was_chosen() -> None:
    found = row(examined({"Female": (40, 12), "Male": (80, 48)}), "Female")
    assert isinstance(found.katz, Estimate)
    assert isinstance(found.score, Estimate)
    assert (round(found.katz.low, 4), round(found.katz.high, 4)) == (0.3014, 0.8294)
    assert found.score.high < found.katz.high


def test_z_would_call_morris_case_a_difference_and_fisher_was_named_before() -> None:
    counts = {"Female": (10, 2), "Male": (25, 15)}
    by_z = row(examined(counts, replace(FOUR_FIFTHS, primary_test="z")), "Female")
    assert (row(examined(counts), "Female").verdict, by_z.verdict) == ("below-few", "indicated")


def test_exactly_four_fifths_is_not_below_and_one_selection_less_is() -> None:
    assert row(examined({"Female": (100, 64), "Male": (100, 80)}), "Female").below is False
    assert row(examined({"Female": (100, 63), "Male": (100, 80)}), "Female").below is True


def test_unknown_people_are_counted_and_are_never_a_group() -> None:
    found = examined({"Female": (100, 45), "Male": (50, 25), UNKNOWN: (50, 40)})
    assert [one.category for one in found.rows] == [("Female",), ("Male",)]
    assert found.benchmark == ("Male",)
    assert (found.unknown_n, found.unknown_selected) == (50, 40)
    assert value(row(found, "Female").impact_ratio) == pytest.approx(0.9)
    assert {one.verdict for one in found.rows} == {"benchmark", "none-indicated"}


def test_one_selected_applicant_cannot_be_the_benchmark() -> None:
    found = examined({"Asian": (100, 49), "Black": (100, 40), "White": (1, 1)}, NYC)
    assert found.benchmark == ("Asian",)
    white = row(found, "White")
    assert not white.included
    assert white.why is not None
    assert isinstance(white.impact_ratio, Undefined)
    assert (white.n, white.selected) == (1, 1)
    assert list(found.passed_over) == [("White",)]


def test_a_group_under_two_percent_is_printed_without_a_ratio() -> None:
    found = examined({"a": (98, 49), "b": (100, 45), "c": (3, 3)}, NYC)
    assert found.benchmark == ("a",)
    assert value(row(found, "b").impact_ratio) == pytest.approx(0.9)
    assert isinstance(row(found, "c").impact_ratio, Undefined)
    assert value(row(found, "c").if_included) == pytest.approx(2.0)
    assert row(found, "b").if_included is None
    assert value(row(found, "c").rate) == 1.0


def test_an_empty_intersection_is_listed_without_a_ratio() -> None:
    cells = pd.DataFrame(
        [
            {"sex": sex, "race": race, "position": "", "label": -1, "selected": flag, "above": -1, "n": 20}
            for sex, race in (("Female", "Asian"), ("Male", "Asian"), ("Male", "White"))
            for flag in (0, 1)
        ]
    )
    found = examine_groups(Tally(("sex", "race"), cells), ("sex", "race"), "selection", plan=FOUR_FIFTHS)
    empty = next(one for one in found.rows if one.category == ("Female", "White"))
    assert (empty.n, empty.verdict, empty.below, empty.why) == (0, "no-ratio", None, "the group is empty")
    assert isinstance(empty.rate, Undefined)


def test_an_interval_may_pass_one() -> None:
    ratio = row(examined({"Female": (200, 98), "Male": (200, 100)}), "Female").impact_ratio
    assert isinstance(ratio, Estimate)
    assert ratio.low < 0.98 < 1.0 < ratio.high


def test_nobody_selected_anywhere_has_no_ratio() -> None:
    found = examined({"Female": (40, 0), "Male": (40, 0)})
    assert found.benchmark is None
    assert {one.verdict for one in found.rows} == {"no-ratio"}


def test_one_group_only_has_no_comparison() -> None:
    found = examined({"Female": (40, 20)})
    assert [one.verdict for one in found.rows] == ["benchmark"]


def test_the_family_is_the_table_so_holm_can_change_the_verdict() -> None:
    alone = {"Black": (390, 170), "White": (797, 412)}
    family = {
        **alone,
        "Hispanic": (408, 204),
        "Pacific": (119, 52),
        "Asian": (616, 302),
        "Native": (41, 18),
        "Two": (213, 96),
    }
    one, many = row(examined(alone), "Black"), row(examined(family), "Black")
    assert one.p == many.p == pytest.approx(0.00943, abs=5e-6)
    assert many.p_holm == pytest.approx(0.05658, abs=5e-6)
    assert (one.verdict, many.verdict) == ("above-different", "none-indicated")
    assert many.reading == "undecided"


def test_what_several_rows_of_a_person_are_worth_widens_the_interval() -> None:
    single = tally_of({"Female": (200, 100), "Male": (200, 120)})
    twice = replace(
        single,
        repeats=pd.DataFrame(  # everybody has two rows, both selected or both not
            [
                {"sex": "Female", "people_selected": 100, "nn_selected": 400, "ns_selected": 200, "ss_selected": 200},
                {"sex": "Male", "people_selected": 100, "nn_selected": 400, "ns_selected": 240, "ss_selected": 240},
            ]
        ),
    )
    lone, paired = (examine_groups(one, ("sex",), "selection", plan=FOUR_FIFTHS) for one in (single, twice))
    narrow, wide = row(lone, "Female").impact_ratio, row(paired, "Female").impact_ratio
    assert isinstance(narrow, Estimate)
    assert isinstance(wide, Estimate)
    assert wide.high / wide.low > (narrow.high / narrow.low) ** 1.3
    p_lone, p_paired = row(lone, "Female").p, row(paired, "Female").p
    assert p_lone is not None
    assert p_paired is not None
    assert p_paired > p_lone


def by_person(groups: Mapping[str, list[tuple[int, int]]]) -> Tally:
    """Return a tally of {category: [(rows, selected) of one person, …]}."""
    rows = {name: (sum(n for n, _ in people), sum(s for _, s in people)) for name, people in groups.items()}
    sums = [
        {"sex": name, "people": len(people), "nn": sum(n * n for n, _ in people)}
        | {"people_selected": len(people), "nn_selected": sum(n * n for n, _ in people)}
        | {"ns_selected": sum(n * s for n, s in people), "ss_selected": sum(s * s for _, s in people)}
        for name, people in groups.items()
    ]
    return replace(tally_of(rows), repeats=pd.DataFrame(sums))


def found_by_person(groups: Mapping[str, list[tuple[int, int]]]) -> GroupFindings:
    return examine_groups(by_person(groups), ("sex",), "selection", plan=FOUR_FIFTHS)


HALF = [(2, 2), (2, 0)] * 50


def test_one_person_of_many_rows_is_neither_the_benchmark_nor_a_group_with_a_ratio() -> None:
    found = found_by_person({"F": HALF, "M": [*HALF, (2, 2)], "X": [(12, 12)]})
    assert found.benchmark == ("M",)
    alone = row(found, "X")
    assert (alone.n, alone.people, alone.verdict, alone.why) == (12, 1, "no-ratio", "fewer than 10 people")
    assert found.passed_over == {("X",): "fewer than 10 people"}
    many = found_by_person({"F": HALF, "M": HALF, "X": [(12, 12)] * 10})
    assert many.benchmark == ("X",)


def test_a_group_of_whom_nobody_is_selected_is_below_and_indicated() -> None:
    found = row(found_by_person({"F": [(2, 0)] * 100, "M": [(2, 2)] * 48 + [(2, 0)] * 52}), "F")
    assert isinstance(found.impact_ratio, MethodEstimate)
    assert (found.impact_ratio.value, found.impact_ratio.method) == (0.0, "score by person, nobody selected")
    once = row(examined({"F": (100, 0), "M": (100, 48)}), "F").impact_ratio
    assert isinstance(once, Estimate)
    assert found.impact_ratio.high == pytest.approx(once.high, rel=1e-9)  # two equal rows say no more than one
    assert (found.reading, found.below, found.verdict) == ("below", True, "indicated")


def test_a_ratio_that_does_not_exist_has_no_verdict() -> None:
    still = found_by_person({"F": [(2, 1)] * 40, "M": [(3, 2)] * 40})
    assert isinstance(row(still, "F").impact_ratio, Undefined)
    assert (row(still, "F").verdict, row(still, "F").below, row(still, "F").reading) == ("no-ratio", None, None)
    shares = [(2, 1)] * 40 + [(2, 0)] * 20
    two = found_by_person({"F": shares, "M": [(3, 2)] * 40, "X": [(3, 2)] * 40})
    assert {name: row(two, name).verdict for name in "FMX"} == {"F": "indicated", "M": "benchmark", "X": "no-ratio"}


def test_power_counts_people_and_not_their_rows() -> None:
    ten = {"F": [(10, 10)] * 28 + [(10, 0)] * 22, "M": [(10, 10)] * 20 + [(10, 0)] * 30}
    one = {name: [(n // 10, s // 10) for n, s in people] for name, people in ten.items()}
    told, honest = row(found_by_person(ten), "M"), row(found_by_person(one), "M")
    assert told.power == pytest.approx(honest.power, abs=0.01)
    assert isinstance(told.detectable, float)
    assert told.detectable == pytest.approx(honest.detectable, abs=0.01)
    rows = row(examined({"F": (500, 280), "M": (500, 200)}), "M")
    assert rows.power is not None
    assert told.power is not None
    assert rows.power > told.power + 0.3


@pytest.mark.parametrize(
    ("counts", "few"),
    [((29, 15), True), ((30, 15), False), ((30, 1), False)],
)
def test_groups_of_few_people_are_marked(counts: tuple[int, int], few: bool) -> None:
    found = row(examined({"F": counts, "M": (100, 50)}), "F")
    assert (found.people, found.few, found.to_dict()["few"]) == (counts[0], few, few)


def test_groups_of_few_expected_selections_are_marked_and_rows_of_a_person_count_once() -> None:
    assert [one.few for one in examined({"F": (90, 0), "M": (900, 50)}).rows] == [True, False]  # 90 · 50 / 990 = 4.5
    assert [one.few for one in examined({"F": (110, 0), "M": (900, 51)}).rows] == [False, False]
    ten = found_by_person({"F": [(10, 10)] * 29 + [(10, 0)] * 30, "M": [(10, 10)] * 10 + [(10, 0)] * 19})
    assert [(one.n, one.people, one.few) for one in ten.rows] == [(590, 59, False), (290, 29, True)]
    rare = found_by_person({"F": [(10, 1)] * 90, "M": [(10, 0)] * 90})
    assert [one.few for one in rare.rows] == [True, True]  # 45 selections expected in rows, 4.5 of people


def test_strata_say_that_they_count_rows_where_people_have_several() -> None:
    single, several = by_person({"F": [(1, 1), (1, 0)] * 50, "M": [(1, 1)] * 100}), by_person({"F": HALF, "M": HALF})
    for tally, said in ((single, False), (several, True)):
        halves = [tally.cells.assign(position=name, n=tally.cells["n"] // 2) for name in ("1", "2")]
        found = examine_groups(
            replace(tally, cells=pd.concat(halves)), ("sex",), "selection", plan=FOUR_FIFTHS
        ).to_dict()
        assert found["strata"]["rows_as_witnesses"] is said


def test_pooling_that_invents_or_hides_a_difference_raises_an_alarm() -> None:
    def positions(first: dict[str, tuple[int, int]], second: dict[str, tuple[int, int]]) -> GroupFindings:
        cells = pd.concat([tally_of(first, position="1").cells, tally_of(second, position="2").cells])
        return examine_groups(Tally(("sex",), cells), ("sex",), "selection", plan=FOUR_FIFTHS)

    invented = positions({"F": (20, 10), "M": (80, 40)}, {"F": (80, 8), "M": (20, 2)})
    assert invented.strata is not None
    assert invented.strata["F",].to_dict()["alarm"]
    calm = positions({"F": (80, 40), "M": (80, 40)}, {"F": (80, 40), "M": (80, 40)})
    assert calm.strata is not None
    assert [one.to_dict()["alarm"] for one in calm.strata.values()] == [None]


groups = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", UNKNOWN]),
    st.integers(0, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    min_size=1,
)


@given(groups)
def test_whatever_the_counts_nothing_is_invented_and_nobody_is_lost(counts: dict[str, tuple[int, int]]) -> None:
    if not any(n for n, _ in counts.values()):
        return
    found = examined(counts)
    assert sum(one.n for one in found.rows) + found.unknown_n == sum(n for n, _ in counts.values())
    best = next((one.selected / one.n for one in found.rows if one.verdict == "benchmark"), 0.0)
    higher = {one.category for one in found.rows if one.n and one.selected / one.n > best + 1e-12}
    assert found.benchmark is None or higher == set(found.passed_over)
    for one in found.rows:
        if isinstance(one.impact_ratio, Estimate):
            assert one.impact_ratio.value == pytest.approx(one.selected / one.n / best, rel=1e-12)
            assert one.n >= FOUR_FIFTHS.sizes.ratio
        else:
            assert one.impact_ratio.reason
            assert one.below is None
