"""Ratios and their intervals are the worked ones, agree with other codes, and hold at every edge of the counts.

Numbers marked [calc] are in audit-rules.md 4.1, 5.1 and 5.7. How often intervals cover is in test_coverage.py.
"""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t as student
from statsmodels.stats.proportion import confint_proportions_2indep

from fairhire.auditing.ratio import (
    METHODS,
    Flip,
    below_four_fifths,
    clopper_pearson_interval,
    clustered_interval,
    cohen_h,
    design_effect,
    flip,
    katz_interval,
    newcombe_interval,
    rate_variance,
    ratio_interval,
    reading,
    score_interval,
    shortfall,
    widened_interval,
)
from fairhire.auditing.tally import Clusters, Repeats
from fairhire.estimate import Estimate, MethodEstimate, Undefined

BLACK, WHITE = (170, 390), (412, 797)
FEMALE, MALE = (555, 1181), (667, 1390)
KATZ = [  # selected, n, benchmark selected, benchmark n, ratio, low, high [calc]
    (12, 40, 48, 80, 0.5000, 0.3014, 0.8294),
    (1, 10, 3, 20, 0.6667, 0.0791, 5.6215),
    (64, 100, 80, 100, 0.8000, 0.6704, 0.9546),
    (9000, 10000, 9600, 10000, 0.9375, 0.9303, 0.9447),
    (2, 10, 15, 25, 0.3333, 0.0927, 1.1992),
    (*BLACK, *WHITE, 0.84323, 0.7394, 0.9616),
    (*FEMALE, *MALE, 0.97934, 0.9026, 1.0626),
]
INTERVALS = [katz_interval, score_interval, clopper_pearson_interval, ratio_interval, clustered_interval]


def pair(most=400, least=0):
    """Draw selected and n of one group."""
    return st.integers(max(least, 1), most).flatmap(lambda n: st.tuples(st.integers(least, n), st.just(n)))


def ends(measurement):
    assert isinstance(measurement, Estimate), measurement
    return measurement.low, measurement.high


# --- worked numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "n", "b", "m", "ratio", "low", "high"), KATZ)
def test_katz_intervals_are_the_worked_ones(a, n, b, m, ratio, low, high):
    found = katz_interval(a, n, b, m)
    assert (found.value, *ends(found)) == pytest.approx((ratio, low, high), abs=6e-5)
    assert found.method == "katz"


def test_score_intervals_are_the_worked_ones():
    found = score_interval(*BLACK, *WHITE)
    assert ends(found) == pytest.approx((0.7372, 0.9588), abs=5e-5)
    assert (found.method, found.n) == ("score", 390 + 797)
    assert ends(score_interval(0, 12, 30, 60)) == (0, pytest.approx(0.498, abs=5e-4))


def test_the_newcombe_interval_is_the_worked_one():
    found = newcombe_interval(*BLACK, *WHITE)
    assert ends(found) == pytest.approx((-0.1405, -0.0205), abs=5e-5)
    assert found.value == pytest.approx(170 / 390 - 412 / 797)
    assert found.method == "newcombe"


def test_effect_sizes_are_the_worked_ones():
    assert cohen_h(0.90, 0.96) == pytest.approx(-0.24, abs=5e-3)
    assert cohen_h(170 / 390, 412 / 797) == pytest.approx(-0.1624, abs=5e-5)
    assert cohen_h(0.3, 0.3) == 0
    assert cohen_h(1, 0) == pytest.approx(math.pi)


def test_the_shortfall_is_the_worked_one():
    assert shortfall(12, 40, 48, 80) == 8
    assert shortfall(64, 100, 80, 100) == 0  # exactly at the line
    assert shortfall(63, 100, 80, 100) == 1


def test_the_flip_test_is_the_worked_one():
    assert flip(1, 10, 3, 20) == Flip(2, 10, 2, 20, 2.0, True)
    assert flip(12, 40, 48, 80).reverses is False
    assert flip(1, 10, 3, 20).to_dict() == {
        "selected": 2,
        "n": 10,
        "benchmark_selected": 2,
        "benchmark_n": 20,
        "ratio": 2.0,
        "reverses": True,
    }


# --- four fifths ----------------------------------------------------------------------------------------------------


def test_four_fifths_is_compared_in_integers():
    assert not below_four_fifths(64, 100, 80, 100)  # exactly 4/5, which floats put below
    assert below_four_fifths(12, 40, 48, 80)
    assert not below_four_fifths(9000, 10000, 9600, 10000)


@given(st.integers(1, 10**6), st.integers(1, 1000), st.integers(1, 1000))
def test_a_rate_of_exactly_four_fifths_is_never_below(benchmark, times, other):
    n = 5 * benchmark * times
    assert not below_four_fifths(4 * benchmark * times * other, n * other, n, n)
    assert below_four_fifths(4 * benchmark * times * other - 1, n * other, n, n)


@given(pair(), pair(least=1))
def test_the_shortfall_is_what_reaches_four_fifths_and_no_more(group, benchmark):
    (a, n), (b, m) = group, benchmark
    missing = shortfall(a, n, b, m)
    assert not 5 * (a + missing) * m < 4 * b * n
    assert missing == 0 or 5 * (a + missing - 1) * m < 4 * b * n


@given(pair(), pair())
def test_a_flip_moves_one_selection_and_tells_whether_the_order_reverses(group, benchmark):
    (a, n), (b, m) = group, benchmark
    found = flip(a, n, b, m)
    if a * m >= b * n:
        assert found is None
        return
    assert (found.selected, found.benchmark_selected) == (a + 1, b - 1)
    assert found.reverses == ((a + 1) * m > (b - 1) * n)
    assert isinstance(found.ratio, Undefined) == (b == 1)
    assert isinstance(found.to_dict()["ratio"], dict) == (b == 1)


def test_the_three_readings_of_the_line():
    def of(low, high):
        return reading(MethodEstimate((low + high) / 2, low, high, 0.95, 10, "katz"))

    assert of(0.8, 1.1) == "clear"
    assert of(0.5, 0.79) == "below"
    assert of(0.5, 0.8) == "undecided"  # 0.8 itself is not below
    assert of(0.79, 0.9) == "undecided"
    assert reading(Undefined("nobody", 3)) is None


def test_black_against_white_is_undecided_although_it_differs_from_1():
    found = ratio_interval(*BLACK, *WHITE)
    assert found.method == "katz"
    assert reading(found) == "undecided"
    assert found.excludes(1)
    assert reading(ratio_interval(9000, 10000, 9600, 10000)) == "clear"
    assert reading(ratio_interval(120, 400, 480, 800)) == "below"


# --- agreement with other codes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "n"), [(3, 40), (12, 40), (39, 40), (170, 390), (5, 1000)])
@pytest.mark.parametrize(("b", "m"), [(30, 60), (2, 50), (412, 797), (59, 60)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_intervals_agree_with_statsmodels(a, n, b, m, level):
    def theirs(compare, method):
        low, high = confint_proportions_2indep(a, n, b, m, compare=compare, method=method, alpha=1 - level)
        return float(low), float(high)

    assert ends(score_interval(a, n, b, m, level=level)) == pytest.approx(theirs("ratio", "score"), rel=1e-6)
    assert ends(katz_interval(a, n, b, m, level=level)) == pytest.approx(theirs("ratio", "log"), rel=1e-9)
    assert ends(newcombe_interval(a, n, b, m, level=level)) == pytest.approx(theirs("diff", "newcomb"), rel=1e-9)


@given(pair(), pair(least=1))
def test_the_ends_of_a_score_interval_are_where_the_score_test_rejects(group, benchmark):
    (a, n), (b, m) = group, benchmark
    found = score_interval(a, n, b, m)
    low, high = ends(found)
    # The score may jump past the limit there (0 of 1 against 4 of 4): a little inside it keeps to it, outside not.
    for end, outwards in ((low, -1e-7), (high, 1e-7)):
        if end > 0:
            assert abs(score_of(a, n, b, m, end * (1 - outwards))) < 1.959964 + 1e-4
            assert abs(score_of(a, n, b, m, end * (1 + outwards))) > 1.959964 - 1e-4
    if found.high < 1:  # then equal rates are rejected, by the pooled test with its N - 1
        pooled = (a + b) / (n + m)
        z = (a / n - b / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m) * (n + m) / (n + m - 1))
        assert abs(z) >= 1.9599


def score_of(a, n, b, m, ratio):
    """Return the score statistic, its rates under the ratio found by search instead of a formula."""
    low, high = 0.0, min(1.0, 1 / ratio)

    def slope(p):  # of the log likelihood in the benchmark's rate p, the group's being ratio * p
        return (a + b) / p - ratio * (n - a) / (1 - ratio * p) - (m - b) / (1 - p)

    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high) or ratio * middle >= 1 or middle >= 1:
            break
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    p = (low + high) / 2
    variance = ratio * p * (1 - ratio * p) / n + ratio**2 * p * (1 - p) / m
    return (a / n - ratio * b / m) / math.sqrt(variance * (n + m) / (n + m - 1))


# --- the choice of a method -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "method"),
    [
        ((100, 200, 100, 200), "katz"),
        ((99, 200, 100, 200), "score"),
        ((100, 199, 100, 200), "score"),
        ((100, 200, 99, 200), "score"),
        ((100, 200, 100, 199), "score"),
        ((15, 30, 15, 30), "score"),
        ((14, 30, 15, 30), "score, small counts"),
        ((5, 10, 5, 10), "score, small counts"),
        ((4, 10, 5, 10), "clopper-pearson, conservative"),
        ((5, 9, 5, 10), "clopper-pearson, conservative"),
        ((5, 10, 6, 10), "clopper-pearson, conservative"),
        ((0, 12, 30, 60), "score, small counts"),
        ((0, 9, 30, 60), "clopper-pearson, conservative"),
        ((0, 12, 4, 60), "clopper-pearson, conservative"),
    ],
)
def test_the_method_follows_the_smallest_count(counts, method):
    found = ratio_interval(*counts)
    assert found.method == method
    assert method in METHODS
    assert found.to_dict()["method"] == method


@pytest.mark.parametrize("interval", [katz_interval, score_interval, clopper_pearson_interval])
def test_a_chosen_interval_is_that_of_the_method(interval):
    counts = {katz_interval: (*BLACK, *WHITE), score_interval: (20, 60, 30, 60)}.get(interval, (2, 10, 15, 25))
    assert ratio_interval(*counts, level=0.9) == interval(*counts, level=0.9)


@given(pair(), pair(least=1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_whatever_the_counts_the_interval_holds_the_ratio_and_is_finite(group, benchmark, level):
    (a, n), (b, m) = group, benchmark
    for interval in (ratio_interval, score_interval, clopper_pearson_interval):
        found = interval(a, n, b, m, level=level)
        assert 0 <= found.low <= found.value <= found.high < math.inf
        assert found.value == a * m / (b * n)
        assert found.low < found.high
        assert (found.low == 0) == (a == 0)


@given(pair(60, 1), pair(60, 1))
def test_a_higher_level_has_a_wider_interval_and_more_people_a_narrower_one(group, benchmark):
    counts = (*group, *benchmark)
    for interval in (score_interval, clopper_pearson_interval):
        low, high = ends(interval(*counts, level=0.95))
        wide_low, wide_high = ends(interval(*counts, level=0.99))
        assert wide_low < low
        assert high < wide_high
        many_low, many_high = ends(interval(*(50 * count for count in counts), level=0.95))
        assert many_high / many_low < high / low


@given(pair(200, 1), pair(200, 1))
def test_exchanging_the_groups_inverts_score_and_katz(group, benchmark):
    for interval in (score_interval, katz_interval):
        one, other = interval(*group, *benchmark), interval(*benchmark, *group)
        if isinstance(one, Undefined):
            assert isinstance(other, Undefined)
            continue
        assert one.low == pytest.approx(1 / other.high, rel=1e-6)
        assert one.high == pytest.approx(1 / other.low, rel=1e-6)


def test_counts_of_millions_are_no_trouble():
    for interval in (katz_interval, score_interval, ratio_interval):
        low, high = ends(interval(4_999_000, 10**7, 5_000_000, 10**7))
        assert (low, high) == pytest.approx((0.99892, 1.00068), abs=2e-5)
    rare = score_interval(1, 10**7, 2, 10**7)
    assert 0.05 < rare.low < 0.5 < rare.high < 4


# --- what does not exist --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ((3, 12, 0, 60), "nobody is selected in the benchmark"),
        ((0, 0, 5, 9), "group is empty"),
        ((1, 9, 0, 0), "empty"),
    ],
)
def test_without_a_benchmark_rate_or_a_group_there_is_no_ratio(interval, counts, reason):
    found = interval(*counts)
    assert isinstance(found, Undefined)
    assert reason in found.reason
    assert found.n == counts[1] + counts[3]


def test_an_interval_without_width_is_undefined():
    assert isinstance(katz_interval(0, 12, 30, 60), Undefined)
    assert isinstance(katz_interval(10, 10, 20, 20), Undefined)
    assert isinstance(katz_interval(9, 10, 20, 20), Estimate)
    assert isinstance(newcombe_interval(0, 0, 1, 2), Undefined)


@pytest.mark.parametrize("call", [*INTERVALS, newcombe_interval, shortfall, flip])
def test_impossible_counts_are_our_mistake(call):
    for counts in ((5, 4, 1, 2), (-1, 4, 1, 2), (1, 4, 3, 2)):
        with pytest.raises(ValueError, match="expected 0 <= selected <= n"):
            call(*counts)


# --- people with several rows ---------------------------------------------------------------------------------------


def repeats_of(rows):
    """Count people given as [(rows, selected), …]."""
    return Repeats(
        len(rows),
        sum(n * n for n, _ in rows),
        sum(n * s for n, s in rows),
        sum(s * s for _, s in rows),
    )


@given(pair(200, 1), pair(200, 1))
def test_one_row_a_person_is_katz_but_for_the_degree_of_freedom(group, benchmark):
    (a, n), (b, m) = group, benchmark
    assume(n > 1 and m > 1 and (a < n or b < m))
    found = clustered_interval(a, n, b, m, repeats=Repeats(n, n, a, a), benchmark_repeats=Repeats(m, m, b, b))
    assert found == clustered_interval(a, n, b, m)
    assert found.value == katz_interval(a, n, b, m).value
    if min(a, n - a, b, m - b) < 5:
        assert found.method == "clopper-pearson by person, conservative"
        assert ends(found) == ends(clopper_pearson_interval(a, n, b, m))
        return
    own, other = (1 / a - 1 / n) * n / (n - 1), (1 / b - 1 / m) * m / (m - 1)
    freedom = (own + other) ** 2 / (own**2 / (n - 1) + other**2 / (m - 1))
    assert min(n, m) - 1 <= freedom * (1 + 1e-9)
    assert freedom <= (n + m - 2) * (1 + 1e-9)
    reach = student.ppf(0.975, freedom) * math.sqrt(own + other)
    assert math.log(found.high / found.value) == pytest.approx(reach, rel=1e-6)


@given(st.lists(st.integers(1, 4).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=2, max_size=30))
def test_the_variance_of_a_rate_is_that_of_the_peoples_residuals(rows):
    n, s = sum(n for n, _ in rows), sum(s for _, s in rows)
    residuals = sum((mine - s / n * count) ** 2 for count, mine in rows)
    expected = len(rows) / (len(rows) - 1) * residuals / n**2
    assert rate_variance(s, n, repeats_of(rows)) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_the_same_people_counted_twice_tell_no_more_than_once():
    once, other = katz_interval(30, 60, 80, 120), (160, 240, Repeats(120, 480, 320, 320))
    twice = ratio_interval(60, 120, *other[:2], repeats=Repeats(60, 240, 120, 120), benchmark_repeats=other[2])
    assert twice.method == "katz by person"
    assert ends(twice) == pytest.approx(ends(once), rel=8e-3)  # but for m / (m - 1) and Student's t
    rows = katz_interval(60, 120, 160, 240)
    assert math.log(twice.high / twice.low) > 1.4 * math.log(rows.high / rows.low)


def test_repeats_of_one_row_a_person_change_nothing():
    alone = {"repeats": Repeats(390, 390, 170, 170), "benchmark_repeats": Repeats(797, 797, 412, 412)}
    assert ratio_interval(*BLACK, *WHITE, **alone) == ratio_interval(*BLACK, *WHITE)
    assert ratio_interval(0, 12, 30, 60, repeats=Repeats(12, 12, 0, 0)).method == "score, small counts"


def test_one_side_with_repeats_is_enough():
    rows = [(2, 2)] * 200 + [(2, 0)] * 200
    found = ratio_interval(400, 800, 500, 1000, repeats=repeats_of(rows))
    assert found.method == "katz by person"
    assert found.high > katz_interval(400, 800, 500, 1000).high


@pytest.mark.parametrize(
    ("selected", "n", "repeats", "reason"),
    [
        (3, 5, Repeats(1, 25, 15, 9), "fewer than 2 people"),
        (0, 5, Repeats(1, 25, 0, 0), "fewer than 2 people"),
    ],
)
def test_too_few_people_have_no_interval(selected, n, repeats, reason):
    found = ratio_interval(selected, n, 20, 40, repeats=repeats)
    assert isinstance(found, Undefined)
    assert reason in found.reason


@pytest.mark.parametrize(("people", "method"), [(15, "katz by person"), (14, "katz by person, small counts")])
def test_few_people_are_named_as_few_however_many_rows_they_have(people, method):
    mine = repeats_of([(40, 40)] * people + [(40, 0)] * 30)
    found = ratio_interval(40 * people, 40 * (people + 30), 5000, 10000, repeats=mine)
    assert found.method == method
    assert method in METHODS


def test_people_who_do_not_vary_have_no_interval():
    still = {"repeats": Repeats(40, 160, 80, 40), "benchmark_repeats": Repeats(60, 240, 120, 60)}
    found = ratio_interval(40, 80, 60, 120, **still)
    assert isinstance(found, Undefined)
    assert "do not vary" in found.reason


def alike(people, selected, *, rows=3):
    """Count people who have all their rows alike."""
    return rows * selected, rows * people, Repeats(people, rows * rows * people, *[rows * rows * selected] * 2)


@pytest.mark.parametrize("rows", [2, 7])
@pytest.mark.parametrize(("people", "selected", "method"), [
    (100, 0, "score by person, nobody selected"),
    (10, 0, "score by person, nobody selected"),
    (9, 0, "clopper-pearson by person, conservative"),
    (40, 4, "clopper-pearson by person, conservative"),
    (3, 3, "clopper-pearson by person, conservative"),
])  # fmt: skip
def test_too_few_people_to_vary_have_the_interval_of_as_many_rows(people, selected, method, rows):
    (a, n, mine), (b, m, theirs) = alike(people, selected, rows=rows), alike(100, 48, rows=rows)
    found = ratio_interval(a, n, b, m, repeats=mine, benchmark_repeats=theirs)
    assert found.method == method
    assert method in METHODS
    assert found.n == n + m
    assert ends(found) == pytest.approx(ends(ratio_interval(selected, people, 48, 100)), rel=1e-9)
    assert found.value == pytest.approx(selected / people / 0.48)


def test_a_group_of_whom_nobody_is_selected_can_be_below_for_certain():
    (b, m, theirs), (a, n, mine) = alike(100, 48, rows=2), alike(100, 0, rows=2)
    found = ratio_interval(a, n, b, m, repeats=mine, benchmark_repeats=theirs)
    assert reading(found) == "below"
    one_row_each = ratio_interval(0, 100, 0, 200, benchmark_repeats=Repeats(100, 400, 0, 0))
    assert isinstance(one_row_each, Undefined)


def test_less_selected_in_the_benchmark_than_a_person_has_rows_leaves_no_limit():
    found = ratio_interval(5, 10, 1, 1011, benchmark_repeats=Repeats(12, 11 + 1_000_000, 1_000, 1))
    assert isinstance(found, Undefined)
    assert "no limit" in found.reason
    assert ratio_interval(5, 10, 3, 24, benchmark_repeats=Repeats(8, 72, 9, 9)).high < 10_000  # one of eight people


@given(st.lists(st.integers(1, 5).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=2, max_size=40))
def test_whatever_the_people_an_interval_holds_its_ratio_and_is_named(rows):
    n, s = sum(n for n, _ in rows), sum(s for _, s in rows)
    found = clustered_interval(s, n, 60, 120, repeats=repeats_of(rows), benchmark_repeats=Repeats(60, 240, 120, 120))
    if isinstance(found, Estimate):
        assert found.low <= found.value <= found.high
        assert found.method in METHODS


def test_few_people_are_covered_where_the_normal_quantile_and_their_own_variance_do_not():
    rng = np.random.default_rng(1)
    covered = tried = 0
    for _ in range(400):
        own, other = rng.binomial(10, rng.beta(0.5, 0.5, 3)), rng.binomial(10, rng.beta(0.5, 0.5, 100))
        counts = int(own.sum()), 30, int(other.sum()), 1000
        people = [repeats_of([(10, int(s)) for s in side]) for side in (own, other)]
        found = ratio_interval(*counts, repeats=people[0], benchmark_repeats=people[1])
        tried += 1
        covered += not found.excludes(1.0)
    assert covered / tried > 0.95  # 82 % before


def test_a_design_effect_is_that_of_alike_rows_where_too_few_people_show_it():
    assert design_effect(12, 24, Repeats(2, 288, 144, 72)) == 12.0
    assert design_effect(0, 24, Repeats(12, 48, 0, 0)) == 2.0
    assert design_effect(40, 80, Repeats(40, 160, 80, 40)) == 0.0  # everybody one of two
    assert design_effect(*alike(100, 50, rows=4)) == pytest.approx(4 * 100 / 99)
    assert isinstance(design_effect(0, 0, Repeats(0, 0, 0, 0)), Undefined)


def test_widened_by_its_own_design_effect_an_interval_is_the_one_by_person():
    (a, n, mine), (b, m, theirs) = alike(100, 30), alike(150, 70)
    designs = design_effect(a, n, mine), design_effect(b, m, theirs)
    same = clustered_interval(a, n, b, m, repeats=mine, benchmark_repeats=theirs)
    for cut in ("of the deployed cut", "at the median"):
        found = widened_interval(a, n, b, m, designs=designs, clusters=(mine, theirs), cut=cut)
        assert ends(found) == pytest.approx(ends(same), rel=1e-9)
        assert found.method == f"katz by person, design effect {cut}"
        assert found.method in METHODS
    lone = Clusters(1, 9)
    found = widened_interval(3, 3, b, m, designs=designs, clusters=(lone, theirs), cut="at the median")
    assert isinstance(found, Undefined)
    none = widened_interval(0, n, b, m, designs=designs, clusters=(mine, theirs), cut="at the median")
    assert none.method == "score by person, nobody selected"
