"""Comparing: paired on the same people, honest about different ones, and never a change that cannot be shown."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.auditing.change import Change, ComparisonResult, independent_change
from fairhire.auditing.compare import compare_scores
from fairhire.auditing.demographics import Demographics
from fairhire.auditing.ratio import newcombe_interval
from fairhire.errors import DataError
from fairhire.estimate import Estimate, Undefined, wilson
from fairhire.scores import Scores


def scores(candidates: list[str], values: Any, *, ids: list[str] | None = None, **more: Any) -> Scores:
    score = np.asarray(values, dtype=float)
    names = np.asarray(candidates, dtype=str)
    decided = np.where(np.isnan(score), -1, score >= 0.5).astype(np.int64)
    empty = np.full(len(names), "")
    fields = {"position": empty, "split": empty, "score": score, "decision": decided} | more
    return Scores(names if ids is None else np.asarray(ids, dtype=str), names, **fields)


def people(n: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}{place}" for place in range(n)]


def sexes(*names: list[str]) -> Demographics:
    """Return a people table in which the even ones of every list are women."""
    sex = [np.where(np.arange(len(listed)) % 2 == 0, "F", "M") for listed in names]
    return Demographics(np.concatenate([np.asarray(listed) for listed in names]), {"sex": np.concatenate(sex)})


def simulate(n: int, *, shift: float, seed: int, noise: float = 0.3) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return scores of the same n people: what they bring is fixed by n, the model's noise by ``seed``."""
    brought = np.random.default_rng(n).normal(size=n)
    less = shift * (np.arange(n) % 2 == 0)
    return 1 / (1 + np.exp(-(brought + noise * np.random.default_rng(seed).normal(size=n) - less)))


def find(result: ComparisonResult, quantity: str, category: str | None = None) -> Change:
    wanted = None if category is None else (category,)
    (found,) = [row for row in result.rows if row.quantity == quantity and row.category == wanted]
    return found


def compare(first: Scores, second: Scores, demographics: Demographics, **more: Any) -> ComparisonResult:
    return compare_scores(first, second, demographics, **{"attributes": ["sex"], "replicates": 300} | more)


def value(measurement: object) -> float:
    assert isinstance(measurement, Estimate)
    return measurement.value


# --- the same people ------------------------------------------------------------------------------------------------


def test_a_planted_change_is_found_and_where_there_is_none_none_is_claimed() -> None:
    names = people(800)
    before, after = (scores(names, simulate(800, shift=shift, seed=seed)) for shift, seed in ((0.8, 1), (0.1, 2)))
    result = compare(before, after, sexes(names))
    assert result.paired
    assert not result.left_out
    readings = {(row.quantity, row.category): row.reading for row in result.rows}
    assert readings == {
        ("decisions changed", None): "measured",
        ("selection rate", ("F",)): "higher",
        ("impact ratio", ("F",)): "higher",
        ("mean score", ("F",)): "higher",
        ("decisions changed", ("F",)): "measured",
        ("selection rate", ("M",)): "undecided",
        ("mean score", ("M",)): "undecided",
        ("decisions changed", ("M",)): "measured",
    }
    women = before.decision[::2].mean(), after.decision[::2].mean()
    change = find(result, "selection rate", "F")
    assert value(change.first) == pytest.approx(women[0])
    assert value(change.second) == pytest.approx(women[1])
    assert value(change.change) == pytest.approx(women[1] - women[0])
    men = before.decision[1::2].mean(), after.decision[1::2].mean()
    ratio = find(result, "impact ratio", "F")
    assert value(ratio.change) == pytest.approx(women[1] / men[1] - women[0] / men[0])
    assert ratio.words.startswith("sex F: impact ratio rose from 0.")
    flipped = before.decision != after.decision
    assert value(find(result, "decisions changed").change) == pytest.approx(flipped.mean())
    assert value(find(result, "decisions changed", "F").change) == pytest.approx(flipped[::2].mean())
    said = " ".join(result.words)
    assert "same 800 people (800 rows" in said
    assert "against M, the benchmark of the first" in said


def test_pairing_sees_what_two_independent_tables_could_not() -> None:
    names, others = people(600), people(600, "other")
    first, second = simulate(600, shift=0.15, seed=1, noise=0.1), simulate(600, shift=0.0, seed=2, noise=0.1)
    paired = compare(scores(names, first), scores(names, second), sexes(names))
    apart = compare(scores(names, first), scores(others, second), sexes(names, others))
    together, alone = (find(result, "selection rate", "F").change for result in (paired, apart))
    assert value(together) == pytest.approx(value(alone))
    assert isinstance(together, Estimate)
    assert isinstance(alone, Estimate)
    assert together.high - together.low < 0.6 * (alone.high - alone.low)
    assert together.excludes(0)
    assert not alone.excludes(0)


def test_nothing_changed_where_both_are_the_same_table() -> None:
    names = people(200)
    table = scores(names, simulate(200, shift=0.5, seed=1), hirable=np.arange(200) % 3 % 2)
    result = compare(table, table, sexes(names))
    for row in result.rows:
        assert row.reading == ("measured" if row.quantity == "decisions changed" else "same"), row.words
    changed = find(result, "decisions changed", "F").change
    assert isinstance(changed, Estimate)
    assert changed.value == changed.low == 0 < changed.high < 0.05  # nobody of 100, which does not prove nobody ever


def test_swapping_the_tables_turns_every_difference_round() -> None:
    names = people(300)
    tables = [scores(names, simulate(300, shift=shift, seed=seed)) for shift, seed in ((0.6, 1), (0.2, 2))]
    there, back = compare(*tables, sexes(names)), compare(*tables[::-1], sexes(names))
    for row, other in zip(there.rows, back.rows, strict=True):
        assert isinstance(row.change, Estimate)
        assert isinstance(other.change, Estimate)
        sign = 1 if row.scale == "share" else -1
        assert row.change.value == pytest.approx(sign * other.change.value)
        if sign == -1:
            assert row.change.low == pytest.approx(-other.change.high)


def test_the_order_of_rows_does_not_matter() -> None:
    names = people(120)
    first, second = simulate(120, shift=0.6, seed=1), simulate(120, shift=0.1, seed=2)
    order = np.random.default_rng(3).permutation(120)
    plain = compare(scores(names, first), scores(names, second), sexes(names))
    mixed = compare(scores(names, first), scores([names[place] for place in order], second[order]), sexes(names))
    for row, other in zip(plain.rows, mixed.rows, strict=True):
        assert row.change.to_dict() == pytest.approx(other.change.to_dict())


def test_the_auc_is_compared_where_both_have_labels() -> None:
    names = people(400)
    brought = np.random.default_rng(400).normal(size=400)
    label = (brought > 0).astype(np.int64)
    label[:20] = -1
    good, bad = (scores(names, simulate(400, shift=0, seed=1, noise=noise), hirable=label) for noise in (0.1, 3.0))
    change = find(compare(bad, good, sexes(names)), "AUC")
    assert change.reading == "higher"
    assert value(change.second) > 0.98
    with_none = scores(names, good.score)
    assert not [row for row in compare(bad, with_none, sexes(names)).rows if row.quantity == "AUC"]
    all_alike = scores(names, good.score, hirable=np.ones(400, dtype=np.int64))
    undefined = find(compare(bad, all_alike, sexes(names)), "AUC")
    assert undefined.reading == "undefined"
    assert "in the second: only one class is present" in undefined.words


def test_intervals_of_a_paired_change_cover_it() -> None:
    hits, trials, n = 0, 120, 160
    for trial in range(trials):
        rng = np.random.default_rng(1000 + trial)
        brought = rng.normal(size=n)
        women = np.arange(n) % 2 == 0
        # P(brought + noise > 0): women of the first model lose 0.5, of the second nothing
        first, second = (brought + 0.5 * rng.normal(size=n) - lost * women > 0 for lost in (0.5, 0.0))
        names = people(n)
        result = compare(scores(names, first), scores(names, second), sexes(names), replicates=200)
        truth = 0.5 - 0.5 * math.erfc(0.5 / math.sqrt(1.25) / math.sqrt(2))
        hits += not find(result, "selection rate", "F").change.excludes(truth)  # type: ignore[union-attr]
    assert 0.89 <= hits / trials <= 0.995


# --- who is in both -------------------------------------------------------------------------------------------------


def test_people_of_one_table_only_are_counted_and_left_out() -> None:
    names = people(100)
    before = scores(names[:80], simulate(100, shift=0.5, seed=1)[:80])
    after = scores(names[30:], simulate(100, shift=0.1, seed=2)[30:])
    result = compare(before, after, sexes(names))
    assert result.paired
    assert {item.what: item.n for item in result.left_out} == {
        "candidates only in the first": 30,
        "candidates only in the second": 20,
    }
    assert value(find(result, "selection rate", "F").first) == pytest.approx(before.decision[30::2].mean())
    assert "same 50 people" in result.words[0]


def test_different_people_are_said_to_be_different() -> None:
    names, others = people(400), people(400, "other")
    before, after = scores(names, simulate(400, shift=0.8, seed=1)), scores(others, simulate(400, shift=0, seed=2))
    result = compare(before, after, sexes(names, others))
    assert not result.paired
    assert not result.left_out
    assert "Different people: the change carries both tables' uncertainty" in result.words[0]
    assert not [row for row in result.rows if row.quantity == "decisions changed"]
    ratio = find(result, "impact ratio", "F")
    assert (ratio.scale, ratio.reading) == ("ratio", "higher")
    assert value(ratio.change) == pytest.approx(value(ratio.second) / value(ratio.first))
    assert "times" in ratio.words


def test_interviews_are_matched_by_position_where_their_ids_differ() -> None:
    names = people(60)
    values = simulate(60, shift=0.5, seed=1)
    before = scores(names, values, ids=[f"a{name}" for name in names])
    after = scores(names, values, ids=[f"b{name}" for name in names])
    result = compare(before, after, sexes(names))
    assert "by candidate and position" in result.words[0]
    assert value(find(result, "decisions changed").change) == 0


def test_the_same_id_of_another_person_is_not_the_same_interview() -> None:
    names, ids = people(60), [str(place) for place in range(60)]
    values = simulate(60, shift=0.5, seed=1)
    before = scores(names, values, ids=ids)
    after = scores(names, values, ids=ids[::-1])
    assert value(find(compare(before, after, sexes(names)), "decisions changed").change) == 0


def test_where_only_people_can_be_matched_their_decisions_are_not_compared() -> None:
    names = people(50)
    twice = names * 2
    before = scores(twice, np.tile(simulate(50, shift=0.5, seed=1), 2), ids=[f"a{place}" for place in range(100)])
    after = scores(names, simulate(50, shift=0.1, seed=2), ids=[f"b{place}" for place in range(50)])
    result = compare(before, after, sexes(names))
    assert result.paired
    assert "by candidate only" in result.words[0]
    changed = find(result, "decisions changed")
    assert changed.reading == "undefined"
    assert "no row has its counterpart" in changed.words
    # a person's two equal rows are one witness: the interval is that of 50 people, not of 100
    once = compare(scores(names, before.score[:50], ids=[f"a{place}" for place in range(50)]), after, sexes(names))
    wide, same = (find(found, "selection rate", "F").change for found in (result, once))
    assert wide.to_dict() == pytest.approx(same.to_dict())


def test_rows_without_an_outcome_are_left_out_of_both_sides() -> None:
    names = people(100)
    values = simulate(100, shift=0.5, seed=1)
    gone = values.copy()
    gone[:10] = np.nan
    result = compare(scores(names, values), scores(names, gone), sexes(names))
    assert {item.what: item.n for item in result.left_out} == {
        "rows of the first without an outcome": 10,
        "rows of the second without an outcome": 10,
    }
    assert find(result, "selection rate", "F").reading == "same"
    with pytest.raises(DataError, match="rows with an outcome in both"):
        compare(scores(names, values), scores(names, np.full(100, np.nan)), sexes(names))


def test_an_unknown_category_is_counted_and_is_no_group() -> None:
    names = people(100)
    listed = sexes(names[:90])
    result = compare(*[scores(names, simulate(100, shift=0, seed=seed)) for seed in (1, 2)], listed)
    assert {item.what: item.n for item in result.left_out} == {
        "rows of the first with unknown sex": 10,
        "rows of the second with unknown sex": 10,
    }
    assert {row.category for row in result.rows} == {None, ("F",), ("M",)}
    with pytest.raises(DataError, match="expected a column 'age'"):
        compare(*[scores(names, simulate(100, shift=0, seed=1))] * 2, listed, attributes=["age"])


# --- benchmarks and small groups ------------------------------------------------------------------------------------


def test_the_benchmark_of_the_first_stays_the_benchmark_and_another_is_named() -> None:
    names = people(200)
    women = np.arange(200) % 2 == 0
    first, second = np.where(women, 0.2, 0.8), np.where(women, 0.8, 0.2)
    first[:40], second[:40] = 0.2, 0.8
    first[:40:3] = 0.9
    second[1:60:2] = 0.9
    result = compare(scores(names, first), scores(names, second), sexes(names))
    ratio = find(result, "impact ratio", "F")
    assert value(ratio.second) > 1  # it is not re-chosen, so that it can pass 1
    assert "In the second the benchmark would be F." in result.words
    assert not [row for row in result.rows if row.quantity == "impact ratio" and row.category == ("M",)]


def test_a_group_of_few_has_no_ratio_and_where_nobody_can_be_the_benchmark_none_has() -> None:
    names = people(100)
    sex = np.where(np.arange(100) < 9, "X", np.where(np.arange(100) % 2 == 0, "F", "M"))
    table = Demographics(np.asarray(names), {"sex": sex})
    tables = [scores(names, simulate(100, shift=0, seed=seed)) for seed in (1, 2)]
    few = find(compare(*tables, table), "impact ratio", "X")
    assert few.reading == "undefined"
    assert "in the first: the group has fewer than 10 rows" in few.words
    nobody = [scores(names, np.zeros(100))] * 2
    for row in compare(*nobody, table).rows:
        if row.quantity == "impact ratio":
            assert "no group can be the benchmark" in row.words


def test_the_scoring_rate_counts_those_above_the_median_of_each_table() -> None:
    names = people(100)
    first, second = simulate(100, shift=1.0, seed=1), simulate(100, shift=0, seed=2) / 10
    result = compare(scores(names, first), scores(names, second), sexes(names), rate="scoring")
    above = second > np.median(second)
    assert value(find(result, "scoring rate", "F").second) == pytest.approx(above[::2].mean())
    assert "above the median" in " ".join(result.words)
    assert find(result, "changed sides of the median").reading == "measured"


def test_a_comparison_is_json() -> None:
    names = people(60)
    result = compare(*[scores(names, simulate(60, shift=0, seed=seed)) for seed in (1, 2)], sexes(names))
    part = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert part["paired"] is True
    assert set(part["rows"][0]) == {
        *("quantity", "grouping", "category", "first", "second", "change", "scale", "reading", "words"),
    }


# --- two independent measurements -----------------------------------------------------------------------------------


def test_of_two_wilson_intervals_it_is_newcombes() -> None:
    # audit-rules.md 5.1: 170/390 vs 412/797
    change = independent_change(wilson(412, 797), wilson(170, 390), "difference")
    assert isinstance(change, Estimate)
    assert (round(change.low, 4), round(change.high, 4)) == (-0.1405, -0.0205)
    expected = newcombe_interval(170, 390, 412, 797).to_dict()
    assert change.to_dict() == pytest.approx({key: expected[key] for key in change.to_dict()})


def test_of_two_log_intervals_it_adds_their_variances() -> None:
    def symmetric(ratio: float, spread: float) -> Estimate:
        return Estimate(ratio, ratio * math.exp(-spread), ratio * math.exp(spread), 0.95, 100)

    change = independent_change(symmetric(0.5, 0.3), symmetric(0.8, 0.4), "ratio")
    assert change.to_dict() == pytest.approx(symmetric(1.6, 0.5).to_dict() | {"n": 200})


@settings(deadline=None)
@given(
    st.tuples(st.integers(0, 40), st.integers(1, 40)).filter(lambda pair: pair[0] <= pair[1]),
    st.tuples(st.integers(0, 40), st.integers(1, 40)).filter(lambda pair: pair[0] <= pair[1]),
)
def test_a_change_lies_in_its_interval_and_turns_round(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, two = wilson(*first), wilson(*second)
    there, back = independent_change(one, two, "difference"), independent_change(two, one, "difference")
    assert isinstance(there, Estimate)
    assert isinstance(back, Estimate)
    assert there.low <= there.value <= there.high
    assert there.low == pytest.approx(-back.high)
    assert isinstance(independent_change(one, one, "difference"), Estimate)


def test_what_does_not_exist_has_no_change() -> None:
    some, none = Estimate(0.5, 0.4, 0.6, 0.95, 50), Undefined("nobody", 3)
    assert independent_change(some, none, "difference") == Undefined("in the second: nobody", 3)
    assert independent_change(none, some, "ratio") == Undefined("in the first: nobody", 3)
    zero = Estimate(0.0, 0.0, 0.2, 0.95, 50)
    assert isinstance(independent_change(some, zero, "ratio"), Undefined)
    assert isinstance(independent_change(some, zero, "difference"), Estimate)
    other = Estimate(0.5, 0.4, 0.6, 0.9, 50)
    assert "different levels" in str(independent_change(some, other, "difference"))
