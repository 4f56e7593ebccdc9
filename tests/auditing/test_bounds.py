"""Bounds for unknown labels are the worked ones of audit-rules.md 5.4 [calc], and those of every assignment."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.auditing.bounds import Bounds, unknown_bounds
from fairhire.auditing.ratio import below_four_fifths
from fairhire.estimate import Undefined


def group(most=12):
    """Draw selected and n of one group."""
    return st.integers(0, most).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_the_worked_bounds():
    found = unknown_bounds(36, 80, 50, 100, 40, 18)
    assert (found.low, found.high) == pytest.approx((0.6125, 1.3445), abs=5e-5)
    assert (found.tipping, found.tipping_in_group) == (11, 11)
    assert found.to_dict() == {"low": found.low, "high": found.high, "tipping": 11, "tipping_in_group": 11}


@given(group(), group(), group(6))
def test_bounds_are_the_extremes_of_every_assignment(mine, theirs, unknown):
    (a, n), (b, m), (s, u) = mine, theirs, unknown
    found = unknown_bounds(a, n, b, m, u, s)
    if u == 0:
        assert found is None
        return
    ratios = [
        (a + x) * (m + z + w) / ((b + z) * (n + x + y))
        for x in range(s + 1)  # selected unknown in the group, y unselected; z and w in the benchmark
        for y in range(u - s + 1)
        for z in range(s - x + 1)
        for w in range(u - s - y + 1)
        if n + x + y and b + z
    ]
    if isinstance(found.low, float):
        assert found.low == pytest.approx(min(ratios))
    else:
        assert n + u - s == 0 or b + s == 0
    if isinstance(found.high, float):
        assert found.high == pytest.approx(max(ratios))
    else:
        assert n + s == 0 or m + u - s == 0 or b == 0


@given(group(40), group(40), group(40))
def test_the_tipping_point_in_the_group_tips_and_one_fewer_does_not(mine, theirs, unknown):
    (a, n), (b, m), (s, u) = mine, theirs, unknown
    found = unknown_bounds(a, n, b, m, u, s)
    if found is None:
        return
    tips = [t for t in range(1, u - s + 1) if below_four_fifths(a, n + t, b, m)]
    already = below_four_fifths(a, n, b, m)
    assert found.tipping_in_group == (tips[0] if tips and not already and b else None)


@given(group(40), group(40), group(40))
def test_the_tipping_point_is_the_fewest_of_every_kind(mine, theirs, unknown):
    (a, n), (b, m), (s, u) = mine, theirs, unknown
    found = unknown_bounds(a, n, b, m, u, s)
    if found is None:
        return
    tips = [t + k for t in range(u - s + 1) for k in range(s + 1) if below_four_fifths(a, n + t, b + k, m + k)]
    assert found.tipping == (min(tips) if tips and 0 not in tips and b else None)
    if isinstance(found.low, float) and not below_four_fifths(a, n, b, m) and b:
        assert (found.tipping is not None) is below_four_fifths(a, n + u - s, b + s, m + s)


def test_selected_people_of_the_benchmark_tip_a_ratio_too():
    found = unknown_bounds(18, 40, 10, 20, 60, 30)
    assert (found.tipping, found.tipping_in_group) == (3, 6)
    found = unknown_bounds(360, 800, 10, 20, 40, 20)
    assert (found.tipping, found.tipping_in_group, round(found.low, 3)) == (3, None, 0.585)


def test_nobody_unknown_leaves_nothing_open():
    assert unknown_bounds(36, 80, 50, 100, 0, 0) is None


def test_a_ratio_below_already_cannot_tip_and_few_unknown_may_not_reach_it():
    assert unknown_bounds(12, 40, 48, 80, 10, 0).tipping is None
    assert unknown_bounds(36, 80, 50, 100, 28, 18).tipping_in_group is None  # 10 unselected, 11 are needed
    assert unknown_bounds(64, 100, 80, 100, 1, 0).tipping == 1  # exactly at the line


def test_without_a_benchmark_rate_a_bound_is_undefined():
    found = unknown_bounds(3, 10, 0, 10, 5, 2)
    assert isinstance(found.low, float)
    assert isinstance(found.high, Undefined)
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert written["high"] == {"undefined": "nobody of the benchmark may be selected", "n": 25}
    assert unknown_bounds(0, 0, 3, 4, 2, 2) == Bounds(Undefined("a group may be empty", 6), 2 * 4 / (3 * 2), None, None)


def test_impossible_counts_are_our_mistake():
    with pytest.raises(ValueError, match="5 of 4 unknown"):
        unknown_bounds(1, 2, 1, 2, 4, 5)
