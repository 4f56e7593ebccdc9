"""Who the others are compared with: the cases of audit-rules.md that existing tools get wrong, and tests A, C and E."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.benchmark import choose_benchmark, few_selections_expected, under_share, why_left_out
from fairhire.auditing.tally import Clusters, GroupCount, Repeats

RACE = {
    "Hispanic or Latino": (408, 204),
    "White": (797, 412),
    "Black or African American": (390, 170),
    "Native Hawaiian or Pacific Islander": (119, 52),
    "Asian": (616, 302),
    "Native American or Alaska Native": (41, 18),
    "Two or more": (213, 96),
}
INTERSECTIONS = {
    ("Male", "White"): (412, 215),
    ("Male", "Asian"): (321, 167),
    ("Female", "White"): (385, 197),
    ("Female", "Native American or Alaska Native"): (17, 7),
    ("Male", "everybody else"): (657, 285),
    ("Female", "everybody else"): (779, 351),
}


def choose(counts, *, minimum=10, share=0.0, expected=5.0):
    groups = groups_of(counts)
    return choose_benchmark(
        groups, minimum=minimum, share=share, known=sum(group.n for group in groups), expected=expected
    )


def groups_of(counts):
    return [
        GroupCount(name if isinstance(name, tuple) else (name,), n, selected) for name, (n, selected) in counts.items()
    ]


def test_the_benchmark_of_the_rules_own_example():
    assert choose({"Male": (1390, 667), "Female": (1181, 555)}).category == ("Male",)
    race = choose(RACE, share=0.02)
    assert race.category == ("White",)
    assert race.excluded == {("Native American or Alaska Native",): "1.59 % of the known people, under 2 %"}
    both = choose(INTERSECTIONS, share=0.02)
    assert both.category == ("Male", "White")  # 52.18 % against 52.02 %
    assert set(both.excluded) == {("Female", "Native American or Alaska Native")}


def test_nobody_above_the_median_leaves_no_benchmark():
    found = choose({"M": (40, 0), "F": (40, 0)})  # test C
    assert (found.category, found.tied, found.excluded) == (None, (), {})


def test_three_people_of_whom_all_are_selected_are_not_the_benchmark():
    counts = {"a": (98, 49), "b": (100, 45), "c": (3, 3)}  # test E
    found = choose(counts, share=0.02, minimum=0)
    assert found.category == ("a",)
    assert found.excluded[("c",)] == "1.49 % of the known people, under 2 %"
    assert choose(counts, minimum=10).category == ("a",)
    assert choose(counts, minimum=0, expected=0).category == ("c",)  # what happens without any limit


def test_one_selected_applicant_is_excluded_by_size_where_no_share_is_declared():
    found = choose({"White": (1, 1), "Asian": (100, 49), "Black": (100, 40)})
    assert found.category == ("Asian",)
    assert found.excluded == {("White",): "fewer than 10 people"}


@pytest.mark.parametrize("counts", [{"unknown": (50, 40), "M": (50, 25), "F": (100, 45)}])
def test_an_unknown_category_is_never_the_benchmark(counts):
    found = choose(counts)
    assert found.category == ("M",)
    assert "no group" in found.excluded[("unknown",)]
    assert choose({("M", "unknown"): (50, 50), ("M", "White"): (50, 25)}).category == ("M", "White")


def test_an_empty_group_is_excluded_with_its_reason():
    assert choose({"M": (50, 25), "X": (0, 0)}).excluded == {("X",): "the group is empty"}
    assert choose({"X": (0, 0)}).category is None
    assert choose({}).category is None


def test_equal_rates_are_equal_in_whole_numbers_and_all_are_named():
    found = choose({"b": (300, 100), "a": (30, 10), "c": (300, 100), "d": (100, 33)})  # thirds that floats cannot hold
    assert found.category == ("b",)
    assert found.tied == (("c",), ("a",))


def test_few_expected_selections_bar_a_group_only_where_another_is_left():
    assert choose({"small": (12, 6), "large": (1000, 100)}).category == ("large",)
    assert choose({"women": (10, 1), "men": (20, 3)}).category == ("men",)  # Q&A 21: few everywhere, still compared


def test_the_share_is_the_decimal_that_was_declared():
    assert 100 * 0.07 > 7  # what a float makes of it
    assert not under_share(7, 0.07, 100)
    assert under_share(6, 0.07, 100)
    assert not under_share(2, 0.02, 100)


def test_too_few_to_be_the_benchmark_may_still_have_a_ratio():
    counts = {"few": (12, 1), "many": (1000, 500)}
    choice = choose(counts, minimum=30)
    few, _ = groups_of(counts)
    assert ("few",) in choice.excluded
    assert why_left_out(few, choice, minimum=10) is None
    assert why_left_out(few, choice, minimum=20) == "fewer than 20 people"


@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=3),
        st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)).map(lambda pair: (max(pair), min(pair))),
        max_size=6,
    ),
    st.integers(0, 50),
    st.sampled_from([0.0, 0.02]),
)
def test_nobody_allowed_is_ahead_of_the_benchmark(counts, minimum, share):
    found = choose(counts, minimum=minimum, share=share, expected=0)
    allowed = {name: count for name, count in counts.items() if (name,) not in found.excluded}
    if found.category is None:
        assert not any(selected for _, selected in allowed.values())
        return
    n, selected = allowed[found.category[0]]
    assert n >= minimum
    assert all(other * n <= selected * people for people, other in allowed.values())
    assert {name for name, (people, other) in allowed.items() if other * n == selected * people} == {
        found.category[0], *(name for (name,) in found.tied)
    }  # fmt: skip


def test_people_are_counted_and_not_their_rows():
    many = GroupCount(("x",), 12, 12, Repeats(1, 144, 144, 144))
    others = groups_of({"a": (100, 49), "b": (100, 40)})
    found = choose_benchmark([*others, many], minimum=10, share=0.0, known=212, expected=5)
    assert (found.category, found.excluded) == (("a",), {("x",): "fewer than 10 people"})
    assert why_left_out(many, found, minimum=2) == "fewer than 2 people"
    assert why_left_out(many, found, minimum=1) is None
    ten = GroupCount(("x",), 120, 120, clusters=Clusters(10, 1440))
    assert choose_benchmark([*others, ten], minimum=10, share=0.0, known=320, expected=5).category == ("x",)
    assert choose_benchmark([*others, ten], minimum=10, share=0.0, known=320, expected=7).category == ("a",)
    tied = [GroupCount(("a",), 50, 25), GroupCount(("b",), 60, 30, Repeats(20, 180, 90, 90))]
    assert choose_benchmark(tied, minimum=10, share=0.0, known=110, expected=5).category == ("a",)


def test_few_selections_are_expected_at_the_rate_of_all_groups():
    groups = groups_of({"a": (900, 50), "b": (90, 0), "c": (100, 5)})
    assert [few_selections_expected(group, groups, 5) for group in groups] == [False, True, False]
    assert few_selections_expected(GroupCount(("d",), 100, 0, clusters=Clusters(10, 1000)), groups, 5)
