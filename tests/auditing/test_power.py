"""Power, detectable ratios and false alarms are the worked ones of audit-rules.md 5.5 [calc]."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import power_proportions_2indep

from fairhire.auditing.power import detectable_ratio, false_alarm_rate, n_for_ratio, power_at
from fairhire.estimate import Undefined

rates = st.floats(0.01, 0.99)
sizes = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("n", "benchmark_n", "rate", "ratio"),
    [(100, 100, 0.5, 0.6135), (41, 797, 0.517, 0.577), (390, 797, 0.517, 0.833)],
)
def test_detectable_ratios_are_the_worked_ones(n, benchmark_n, rate, ratio):
    assert detectable_ratio(n, benchmark_n, rate) == pytest.approx(ratio, abs=5e-4)


def test_power_and_sizes_are_the_worked_ones():
    assert power_at(0.8, 100, 100, 0.5) == pytest.approx(0.29, abs=5e-3)
    assert [n_for_ratio(0.8, rate) for rate in (0.1, 0.2, 0.5, 0.8)] == [3213, 1447, 388, 123]


@pytest.mark.parametrize(
    ("n", "benchmark_n", "rate", "share"),
    [(20, 20, 0.5, 46.0), (50, 50, 0.5, 26.1), (100, 100, 0.5, 11.5), (30, 200, 0.3, 45.7)],
)
def test_false_alarms_are_the_worked_ones(n, benchmark_n, rate, share):
    assert 100 * false_alarm_rate(n, benchmark_n, rate) == pytest.approx(share, abs=0.05)


@given(st.integers(1, 25), st.integers(1, 25), st.sampled_from([0.0, 1.0]) | st.floats(0.001, 0.999))
def test_false_alarms_are_those_of_every_pair_of_counts(n, m, rate):
    pairs = product(range(n + 1), range(m + 1))
    alarms = [(a, b) for a, b in pairs if 5 * a * m < 4 * b * n or 5 * b * n < 4 * a * m]
    own, other = binom.pmf(range(n + 1), n, rate), binom.pmf(range(m + 1), m, rate)
    assert false_alarm_rate(n, m, rate) == pytest.approx(sum(own[a] * other[b] for a, b in alarms), abs=1e-9)


def test_false_alarms_vanish_with_many_people_and_without_chance():
    assert false_alarm_rate(10**6, 10**6, 0.3) == pytest.approx(0, abs=1e-12)
    assert false_alarm_rate(20, 20, 1) == false_alarm_rate(20, 20, 0) == 0
    assert false_alarm_rate(2000, 2000, 0.02) > 0.1  # it is the selected that count, not the people


@given(sizes, sizes, rates, st.floats(0.001, 0.2))
def test_without_a_difference_the_power_is_alpha(n, m, rate, alpha):
    assert power_at(1.0, n, m, rate, alpha=alpha) == pytest.approx(alpha, abs=1e-9)


@pytest.mark.parametrize(("ratio", "rate", "n"), [(0.8, 0.5, 388), (0.7, 0.2, 90), (1.3, 0.3, 200)])
def test_power_is_near_that_of_statsmodels_which_pools_likewise(ratio, rate, n):
    theirs = power_proportions_2indep(ratio * rate - rate, rate, n, ratio=1, alpha=0.05, return_results=False)
    assert power_at(ratio, n, n, rate) == pytest.approx(float(theirs), abs=2e-3)


def test_power_is_near_the_share_of_samples_that_reject():
    rng = np.random.default_rng(0)
    own, other = rng.binomial(200, 0.35, 20000) / 200, rng.binomial(300, 0.5, 20000) / 300
    pooled = (200 * own + 300 * other) / 500
    rejected = np.abs(own - other) / np.sqrt(pooled * (1 - pooled) * (1 / 200 + 1 / 300)) > 1.959964
    assert power_at(0.7, 200, 300, 0.5) == pytest.approx(rejected.mean(), abs=0.015)


@given(st.integers(20, 5000), st.integers(20, 5000), rates)
def test_the_detectable_ratio_has_the_power_and_a_nearer_one_has_not(n, m, rate):
    found = detectable_ratio(n, m, rate)
    if isinstance(found, Undefined):
        assert power_at(0, n, m, rate) < 0.8
        return
    assert power_at(found, n, m, rate) >= 0.8
    assert power_at(min(found * 1.001 + 1e-9, 1), n, m, rate) < 0.8


@given(st.floats(0.2, 0.95), rates)
def test_one_person_fewer_does_not_suffice(ratio, rate):
    n = n_for_ratio(ratio, rate)
    assert power_at(ratio, n, n, rate) >= 0.8
    assert n == 1 or power_at(ratio, n - 1, n - 1, rate) < 0.8


@pytest.mark.parametrize(
    ("n", "benchmark_n", "rate", "reason"),
    [(3, 5, 0.2, "too few people"), (0, 5, 0.2, "empty"), (3, 0, 0.2, "empty"), (30, 50, 0.0, "nobody is selected")],
)
def test_where_nothing_can_be_found_no_ratio_is_named(n, benchmark_n, rate, reason):
    found = detectable_ratio(n, benchmark_n, rate)
    assert reason in found.reason
    assert found.n == n + benchmark_n


def test_a_certain_difference_is_always_found():
    assert power_at(0.0, 10, 10, 1.0) == 1
    assert detectable_ratio(100, 100, 1.0) < 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: power_at(1.5, 10, 10, 0.9),
        lambda: power_at(0.8, 0, 10, 0.9),
        lambda: n_for_ratio(1, 0.5),
        lambda: n_for_ratio(0.8, 0),
        lambda: false_alarm_rate(0, 10, 0.5),
        lambda: false_alarm_rate(10, 10, 1.5),
    ],
)
def test_impossible_settings_are_our_mistake(call):
    with pytest.raises(ValueError, match="expected"):
        call()
