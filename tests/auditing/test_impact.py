"""Rates and ratios by group are the worked ones; numbers marked [calc] are in audit-rules.md 4.2."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.impact import above_median, at_threshold, impact_by_group
from fairhire.errors import DataError
from fairhire.estimate import Undefined


def people(**groups):
    """Return decisions and categories of groups given as name=(n, selected)."""
    selected = np.concatenate([np.arange(n) < chosen for n, chosen in groups.values()])
    return selected, np.concatenate([np.full(n, name) for name, (n, _) in groups.items()])


def by_name(impact):
    return {group.category: group for group in impact.groups}


def test_the_rules_own_race_table_comes_out():
    """Test A of audit-rules 4.2."""
    table = {
        "Hispanic or Latino": (408, 204, 0.967),
        "White": (797, 412, 1.000),
        "Black or African American": (390, 170, 0.843),
        "Native Hawaiian or Pacific Islander": (119, 52, 0.845),
        "Asian": (616, 302, 0.948),
        "Native American or Alaska Native": (41, 18, 0.849),
        "Two or more": (213, 96, 0.872),
    }
    found = impact_by_group(*people(**{name: row[:2] for name, row in table.items()}), attribute="race")
    assert found.benchmark == "White"
    for name, (n, selected, ratio) in table.items():
        group = by_name(found)[name]
        assert (group.n, group.selected) == (n, selected)
        assert group.ratio == pytest.approx(ratio, abs=6e-4)
        assert group.below is False
    assert found.smallest.category == "Black or African American"
    assert isinstance(by_name(found)["White"].interval, Undefined)


def test_scoring_rates_use_the_median_of_everybody():
    """Test B of audit-rules 4.2: three people of unknown sex move the median and the ratio."""
    scores = np.array([90, 80, 70, 60, 50, 85, 65, 55, 45, 40, 95, 92, 88])
    sex = np.array(["M"] * 5 + ["F"] * 5 + [UNKNOWN] * 3)
    known = impact_by_group(above_median(scores[:10]), sex[:10], attribute="sex", minimum=1)
    assert by_name(known)["F"].ratio == pytest.approx(0.6667, abs=5e-5)
    everybody = impact_by_group(above_median(scores), sex, attribute="sex", minimum=1)
    assert by_name(everybody)["F"].ratio == 0.5
    assert (everybody.unknown_n, everybody.unknown_selected) == (3, 3)


def test_nobody_above_the_median_is_not_computable():
    """Test C of audit-rules 4.2."""
    found = impact_by_group(above_median([5, 5, 5, 1, 5, 5, 3, 1]), ["M"] * 4 + ["F"] * 4, attribute="sex", minimum=1)
    for group in found.groups:
        assert group.rate.value == 0
        assert isinstance(group.ratio, Undefined)
        assert group.below is None
    assert found.smallest is None


def test_a_score_at_the_median_is_not_above_it():
    """Test D of audit-rules 4.2."""
    found = impact_by_group(above_median([1, 2, 3, 3, 3, 4, 5]), ["M"] * 4 + ["F"] * 3, attribute="sex", minimum=1)
    assert (by_name(found)["M"].selected, by_name(found)["F"].selected) == (0, 2)


def test_who_did_not_say_is_counted_and_never_the_benchmark():
    selected, names = people(M=(50, 25), F=(100, 45), X=(50, 40))
    found = impact_by_group(selected, np.where(names == "X", UNKNOWN, names), attribute="sex")
    assert found.benchmark == "M"
    assert by_name(found)["F"].ratio == pytest.approx(0.9)
    assert (found.unknown_n, found.unknown_selected) == (50, 40)
    assert UNKNOWN not in by_name(found)


def test_a_tiny_group_is_no_benchmark_and_has_no_ratio():
    found = impact_by_group(*people(White=(98, 48), Lone=(1, 1), Other=(100, 45)), attribute="race")
    assert found.benchmark == "White"
    lone = by_name(found)["Lone"]
    assert (lone.n, lone.selected, lone.rate.value) == (1, 1, 1.0)
    assert lone.ratio == Undefined("fewer than 10 people", 1)


def test_a_declared_group_of_nobody_is_listed_without_a_ratio():
    found = impact_by_group(*people(M=(20, 10), F=(20, 9)), attribute="sex", categories_declared=["X"])
    assert by_name(found)["X"].ratio == Undefined("the group is empty", 0)
    assert isinstance(by_name(found)["X"].rate, Undefined)


def test_of_equal_rates_the_larger_group_is_the_benchmark():
    found = impact_by_group(*people(A=(20, 10), B=(40, 20), C=(40, 20)), attribute="group")
    assert found.benchmark == "B"
    assert by_name(found)["A"].ratio == 1


def test_a_group_of_which_nobody_is_selected_has_a_ratio_of_zero_and_no_katz_interval():
    found = by_name(impact_by_group(*people(M=(60, 30), F=(12, 0)), attribute="sex"))["F"]
    assert found.ratio == 0
    assert found.below is True
    assert isinstance(found.interval, Undefined)


def test_only_small_groups_means_no_benchmark():
    found = impact_by_group(*people(M=(5, 3), F=(6, 2)), attribute="sex")
    assert found.benchmark is None
    assert found.smallest is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ABC" + "?")), min_size=1, max_size=80))
def test_everybody_is_counted_once_and_every_table_is_json(rows):
    selected, names = (np.array(column) for column in zip(*rows, strict=True))
    found = impact_by_group(selected, np.where(names == "?", UNKNOWN, names), attribute="x", minimum=2)
    assert sum(group.n for group in found.groups) + found.unknown_n == len(rows)
    assert sum(group.selected for group in found.groups) + found.unknown_selected == selected.sum()
    json.dumps(found.to_dict(), allow_nan=False)
    for group in found.groups:
        assert isinstance(group.ratio, Undefined) or 0 <= group.ratio <= 1


def test_the_threshold_itself_is_selected():
    assert at_threshold([0.4, 0.5, 0.6], 0.5).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: impact_by_group([1, 0], ["a"], attribute="sex"), "one decision a category"),
        (lambda: impact_by_group([1, 2], ["a", "b"], attribute="sex"), "decisions of 0 or 1, got"),
        (lambda: at_threshold([0.5, np.nan], 0.5), "expected finite numbers"),
        (lambda: above_median([np.inf]), "expected finite numbers"),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(DataError, match=message):
        call()
