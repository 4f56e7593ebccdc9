"""Intervals of the impact ratio cover as often as their method's name says; pairs of counts are enumerated."""

from functools import partial

import numpy as np
import pytest

from benchmarks import coverage as benchmark
from benchmarks.coverage import (
    CLAIMS,
    CLAIMS_BY_PERSON,
    Setting,
    by_person,
    coverage,
    grid,
    of_one_method,
    random_settings,
)
from fairhire.auditing.ratio import METHODS, katz_interval, ratio_interval, score_interval

WORST = [  # of 3,631 settings of a longer run, those in which each method covers least or most
    Setting(1725, 242, 0.4259, 0.8),
    Setting(328, 328, 0.4646, 1.0),
    Setting(400, 500, 0.3, 0.9),
    Setting(300, 900, 0.6, 0.8),
    Setting(230, 230, 0.5, 1.0),
    Setting(250, 1200, 0.5, 1.1),
    Setting(41, 41, 0.4232, 1.0),
    Setting(40, 800, 0.95, 0.5),
    Setting(25, 25, 0.5, 1.0),
    Setting(20, 400, 0.95, 0.5),
    Setting(15, 400, 0.8, 0.3),
    Setting(12, 400, 0.5, 0.5),
]
SETTINGS = [*list(grid())[::211], *random_settings(30, most=400), *WORST]


def violations(found):
    """Return the coverages outside what the mostly chosen method claims."""
    return [
        (method, one)
        for method, ones in of_one_method(found).items()
        for one in ones
        if not CLAIMS[method][0] <= one.covered <= CLAIMS[method][1]
    ]


@pytest.fixture(scope="module")
def switching():
    return [coverage(setting) for setting in SETTINGS]


def test_every_method_covers_as_often_as_it_claims(switching):
    assert violations(switching) == []
    assert {method: len(found) > 5 for method, found in of_one_method(switching).items()} == dict.fromkeys(CLAIMS, True)
    assert CLAIMS["katz"] == CLAIMS["score"] == (0.94, 0.96)
    assert set(CLAIMS) <= set(METHODS)


def test_whatever_is_chosen_covers_at_least_93_percent(switching):
    assert min(one.covered for one in switching if one.defined >= 0.5) >= 0.93


@pytest.mark.parametrize("level", [0.93, 0.97])
def test_a_wrong_level_breaks_the_claims(level):
    found = [coverage(setting, interval=partial(ratio_interval, level=level)) for setting in WORST[1:]]
    broken = {method for method, _ in violations(found)}
    assert {"katz", "score"} <= broken


def test_one_method_for_all_counts_would_break_the_claims():
    small = [Setting(12, 60, 0.1, 0.5), Setting(10, 800, 0.02, 0.65), Setting(15, 20, 0.2, 0.8)]
    assert min(coverage(setting, interval=katz_interval).covered for setting in small) < 0.9
    assert min(coverage(setting, interval=score_interval).covered for setting in small) < 0.9
    assert min(coverage(setting).covered for setting in small) > 0.95


def test_coverage_is_that_of_samples():
    setting = Setting(40, 60, 0.4, 0.8)
    rng = np.random.default_rng(0)
    drawn = zip(rng.binomial(40, 0.32, 4000).tolist(), rng.binomial(60, 0.4, 4000).tolist(), strict=True)
    share = np.mean([not ratio_interval(a, 40, b, 60).excludes(0.8) for a, b in drawn])
    assert coverage(setting).covered == pytest.approx(share, abs=0.015)
    assert sum(coverage(setting).chosen.values()) == pytest.approx(1)
    assert coverage(Setting(10, 10, 0.05, 1.0)).defined == pytest.approx(1 - 0.95**10, abs=1e-5)


def test_people_with_several_rows_are_covered_by_person_and_not_by_row():
    found = by_person(Setting(100, 200, 0.5, 0.8), rows=4, correlation=0.5, replicates=1500)
    assert (found.method, found.defined) == ("katz by person", 1.0)
    assert found.covered == pytest.approx(0.95, abs=0.02)
    assert found.by_row < 0.88
    assert set(CLAIMS_BY_PERSON) <= set(METHODS)


@pytest.mark.parametrize(
    ("people", "others", "rows", "correlation", "rate", "ratio"),
    [
        (2, 100, 10, 0.5, 0.5, 1.0),  # Katz with its normal quantile covered 72 % here
        (3, 200, 2, 0.8, 0.8, 1.0),
        (8, 200, 20, 0.1, 0.5, 1.0),
        (12, 24, 2, 0.8, 0.3, 0.1),
        (12, 200, 4, 0.05, 0.5, 0.8),
        (20, 20, 20, 0.1, 0.5, 0.8),
        (30, 200, 4, 0.05, 0.5, 1.0),
        (60, 120, 0, 0.8, 0.8, 0.8),
    ],
)
def test_few_people_are_covered_as_often_as_the_method_claims(people, others, rows, correlation, rate, ratio):
    found = by_person(Setting(people, others, rate, ratio), rows=rows, correlation=correlation, replicates=1200)
    low, high = CLAIMS_BY_PERSON[found.method]
    noise = 3 * (0.05 * 0.95 / 1200) ** 0.5
    assert low - noise <= found.covered <= high + noise
    assert found.by_row < 0.93 or rows == 4
    if ratio == 1:
        assert found.rejected <= 0.05 + noise


def test_the_table_is_printed(capsys):
    benchmark.main(["--every", "800"])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("whatever is chosen") for line in lines)
    assert sum("by person" in line for line in lines) >= 2
    assert any(line.startswith("false alarms of the test") for line in lines)
