"""Tests are the worked ones and agree with scipy and statsmodels; numbers marked [calc] are in audit-rules 4.1, 5.1."""

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact, hypergeom
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_chisquare, proportions_ztest

from fairhire.auditing.ratio import rate_variance
from fairhire.auditing.significance import benjamini_hochberg, clustered_z, holm
from fairhire.auditing.significance import tests as run_tests  # pytest would collect the name
from fairhire.auditing.tally import Repeats
from fairhire.estimate import Undefined

BLACK, WHITE = (170, 390), (412, 797)
WORKED = [  # selected, n, benchmark selected, benchmark n, z, Fisher [calc]
    (12, 40, 48, 80, -3.0984, 0.00341),
    (1, 10, 3, 20, -0.3798, 1.0),
    (64, 100, 80, 100, -2.5198, 0.01773),
    (2, 10, 15, 25, -2.1390, 0.05991),
    (*BLACK, *WHITE, -2.6233, 0.00943),
]


def pair(most=120):
    """Draw selected and n of one group."""
    return st.integers(1, most).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(("a", "n", "b", "m", "z", "fisher"), WORKED)
def test_z_and_fisher_are_the_worked_ones(a, n, b, m, z, fisher):
    found = run_tests(a, n, b, m)
    assert found.z == pytest.approx(z, abs=5e-5)
    assert found.fisher == pytest.approx(fisher, abs=5e-6)


def test_the_other_worked_numbers():
    morris, race = run_tests(2, 10, 15, 25), run_tests(*BLACK, *WHITE)
    assert (morris.z_p, morris.mid_p) == pytest.approx((0.0324, 0.0437), abs=5e-5)
    assert (race.z_p, race.mid_p) == pytest.approx((0.00871, 0.00864), abs=5e-6)
    assert race.chi2 == pytest.approx(6.8819, abs=5e-5)
    assert race.chi2_p == race.z_p
    assert run_tests(555, 1181, 667, 1390).fisher == pytest.approx(0.63449, abs=5e-6)
    large = run_tests(9000, 10000, 9600, 10000)
    assert large.z == pytest.approx(-16.63, abs=5e-3)
    assert 0 < large.fisher < 1e-50


def test_z_and_fisher_can_disagree_so_the_primary_test_is_named_before():
    found = run_tests(2, 10, 15, 25)
    assert found.z_p < 0.05 < found.fisher


@given(pair(), pair())
def test_fisher_agrees_with_scipy_and_mid_p_halves_what_is_as_probable(group, benchmark):
    (a, n), (b, m) = group, benchmark
    found = run_tests(a, n, b, m)
    assert found.fisher == pytest.approx(float(fisher_exact([[a, n - a], [b, m - b]])[1]), rel=1e-9)
    weights = hypergeom.pmf(range(max(0, a + b - m), min(n, a + b) + 1), n + m, a + b, n)
    seen = hypergeom.pmf(a, n + m, a + b, n)
    same = weights[abs(weights / seen - 1) < 1e-7].sum()
    assert found.mid_p == pytest.approx(found.fisher - same / 2, rel=1e-7, abs=1e-12)


@given(pair(), pair())
def test_z_and_chi_square_agree_with_statsmodels(group, benchmark):
    (a, n), (b, m) = group, benchmark
    found = run_tests(a, n, b, m)
    if a + b in (0, n + m):
        assert isinstance(found.z, Undefined)
        return
    z, p = proportions_ztest([a, b], [n, m])
    assert (found.z, found.z_p) == pytest.approx((float(z), float(p)), rel=1e-9, abs=1e-9)
    assert found.chi2 == pytest.approx(float(proportions_chisquare([a, b], [n, m])[0]), rel=1e-9, abs=1e-9)


@given(pair(), pair())
def test_exchanging_the_groups_changes_the_sign_of_z_only(group, benchmark):
    one, other = run_tests(*group, *benchmark), run_tests(*benchmark, *group)
    assert (one.fisher, one.mid_p) == pytest.approx((other.fisher, other.mid_p), rel=1e-9)
    if not isinstance(one.z, Undefined):
        assert (one.z, one.z_p) == (-other.z, other.z_p)


def test_counts_of_millions_are_fast_and_near_the_z_test():
    start = time.perf_counter()
    found = run_tests(5_000_000, 10**7, 5_003_000, 10**7)
    far = run_tests(500_000, 10**6, 4_010_000, 10**7)
    assert time.perf_counter() - start < 0.5
    assert found.mid_p == pytest.approx(found.z_p, rel=1e-3)
    assert found.fisher > found.mid_p
    assert (far.fisher, far.z_p) == (0, 0)  # smaller than any float


def test_a_rare_event_among_very_many_is_a_poisson_pair():
    assert run_tests(100, 10**5, 20, 10**5).fisher == pytest.approx(float(fisher_exact([[100, 99900], [20, 99980]])[1]))
    assert run_tests(3, 10**6, 4_000, 10**9).fisher == pytest.approx(0.8045, abs=5e-4)
    assert run_tests(0, 10**9, 50, 10**6).fisher == pytest.approx(0.000999**50, rel=2e-3)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [((0, 5, 0, 9), "nobody is selected"), ((5, 5, 9, 9), "everybody is selected"), ((0, 0, 3, 9), "empty")],
)
def test_where_nothing_can_differ_there_is_no_z(counts, reason):
    found = run_tests(*counts)
    assert reason in found.z.reason
    assert found.fisher == 1
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [written[name]["undefined"] for name in ("z", "z_p", "chi2", "chi2_p")] == [found.z.reason] * 4


def test_a_record_is_six_numbers():
    found = run_tests(*BLACK, *WHITE).to_dict()
    assert list(found) == ["fisher", "mid_p", "z", "z_p", "chi2", "chi2_p"]
    assert all(isinstance(number, float) for number in found.values())


def test_impossible_counts_are_our_mistake():
    for counts in ((5, 4, 1, 2), (1, 4, 3, 2)):
        with pytest.raises(ValueError, match="expected 0 <= selected <= n"):
            run_tests(*counts)


# --- people with several rows ---------------------------------------------------------------------------------------


def test_people_and_not_rows_are_the_witnesses():
    once = clustered_z(30, 60, Repeats(60, 60, 30, 30), 80, 120, Repeats(120, 120, 80, 80))
    twice = clustered_z(60, 120, Repeats(60, 240, 120, 120), 160, 240, Repeats(120, 480, 320, 320))
    assert twice == pytest.approx(once, rel=1e-9)
    own, other = 0.25 / 59, (2 / 9) / 119
    unpooled = (30 / 60 - 80 / 120) / math.sqrt(own + other)
    assert once[0] == pytest.approx(unpooled, rel=1e-9)
    freedom = (own + other) ** 2 / (own**2 / 59 + other**2 / 119)
    assert once[1] == pytest.approx(2 * student.cdf(unpooled, freedom))


def test_two_people_who_agree_are_not_taken_for_twenty_rows():
    two, hundred = Repeats(2, 200, 200, 200), Repeats(100, 10_000, 5_000, 3_600)
    z, p = clustered_z(20, 20, two, 500, 1000, hundred)
    assert z > 0
    assert p > 0.1  # Wald's z would be infinite but for the hundred, and p under 1e-50
    nobody, half = Repeats(100, 400, 0, 0), Repeats(100, 400, 192, 144)
    assert clustered_z(0, 200, nobody, 96, 200, half)[1] < 1e-9


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ((3, 5, Repeats(1, 25, 15, 9)), "fewer than 2 people"),
        ((40, 80, Repeats(40, 160, 80, 40)), "do not vary"),
        ((8, 8, Repeats(4, 16, 16, 16)), "do not vary"),
        ((0, 0, Repeats(0, 0, 0, 0)), "empty"),
    ],
)
def test_without_variation_between_people_there_is_no_z(group, reason):
    still = (60, 120, Repeats(60, 240, 120, 60))
    if group[0] == group[1] > 0:
        still = (12, 12, Repeats(6, 24, 24, 24))  # everybody is selected in both
    assert reason in clustered_z(*group, *still).reason
    assert reason in clustered_z(*still, *group).reason
    assert rate_variance(*still[:2], still[2]) == 0


# --- many tests -----------------------------------------------------------------------------------------------------


def test_holm_makes_the_race_table_depend_on_the_choice():
    raw = [run_tests(x, n, *WHITE).fisher for x, n in [(204, 408), BLACK, (52, 119), (302, 616), (18, 41), (96, 213)]]
    assert raw[1] == pytest.approx(0.00943, abs=5e-6)
    assert holm(raw)[1] == pytest.approx(0.05658, abs=5e-6)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_corrections_agree_with_statsmodels(p):
    for ours, theirs in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        expected = multipletests(p, method=theirs)[1] if p else []
        assert ours(p) == pytest.approx(list(expected), rel=1e-9, abs=1e-300)
    assert all(raw <= fdr <= family for raw, fdr, family in zip(p, benjamini_hochberg(p), holm(p), strict=True))
