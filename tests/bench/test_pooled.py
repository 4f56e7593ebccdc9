"""Figures over rounds: within a seed and averaged, people resampled whole, differences paired, p-values honest."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from fairhire.auditing.significance import holm
from fairhire.bench.pooled import (
    Pool,
    PositionSpread,
    classification,
    differences,
    randomisation,
    rating_figures,
    vote_figures,
)
from fairhire.estimate import Estimate, Undefined


def make_pool(n=120, seeds=2, people=60, seed=0, positions=3):
    rng = np.random.default_rng(seed)
    row = np.concatenate([rng.permutation(n)[: n // 2] for _ in range(seeds)])
    hirable = rng.random(n) < 0.45
    return Pool(
        row=row,
        seed=np.repeat(np.arange(seeds), n // 2),
        round=np.repeat(np.arange(seeds), n // 2),
        person=np.array([f"c{value % people}" for value in row]),
        position=np.array([f"p{value % positions}" for value in row]),
        hirable=hirable[row],
        new=np.ones(len(row), dtype=bool),
    )


def scores(pool, strength, seed=1):
    noise = np.random.default_rng(seed).normal(size=len(pool))
    return 1 / (1 + np.exp(-(strength * (pool.hirable - 0.5) + noise)))


def test_figures_are_means_over_seeds_of_the_librarys():
    pool = make_pool()
    score = scores(pool, 1.0)
    found = classification(pool, score, 100)
    for name, metric in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        each = [metric(pool.hirable[pool.seed == s], score[pool.seed == s] >= 0.5) for s in (0, 1)]
        assert found[name].value == pytest.approx(np.mean(each))
    for name, metric in (("average_precision", average_precision_score), ("auc", roc_auc_score)):
        each = [metric(pool.hirable[pool.seed == s], score[pool.seed == s]) for s in (0, 1)]
        assert found[name].value == pytest.approx(np.mean(each))
    assert found["f1"].n == len(set(pool.person))


def test_who_has_no_score_takes_no_part():
    pool = make_pool()
    score = scores(pool, 2.0)
    half = np.where(np.arange(len(pool)) % 2, score, np.nan)
    kept = ~np.isnan(half)
    fewer = Pool(
        **{name: getattr(pool, name)[kept] for name in ("row", "seed", "round", "person", "position", "hirable", "new")}
    )
    assert classification(pool, half, 100) == classification(fewer, half[kept], 100)
    nobody = classification(pool, np.full(len(pool), np.nan), 100)
    assert all(isinstance(value, Undefined) for value in nobody.values())


def test_a_seed_without_a_class_leaves_the_mean_undefined_and_says_so():
    pool = make_pool()
    one_sided = replace(pool, hirable=pool.hirable | (pool.seed == 1))
    found = classification(one_sided, scores(pool, 1.0), 100)
    assert isinstance(found["auc"], Undefined)
    assert "only one class is present" in found["auc"].reason
    assert isinstance(found["f1"], Estimate)


def test_scores_of_two_rounds_are_not_compared_with_each_other():
    pool = make_pool(n=400, people=400)
    folds = replace(pool, seed=np.zeros(len(pool), dtype=int))  # two folds of one seed
    score = scores(pool, 2.0)
    shifted = np.where(folds.round == 1, 0.5 + score / 2, score / 2)  # the same order in each, other scales
    one, other = classification(folds, score, 100), classification(folds, shifted, 100)
    for name in ("auc", "average_precision"):
        assert other[name] == one[name]
    each = [roc_auc_score(pool.hirable[pool.round == r], score[pool.round == r]) for r in (0, 1)]
    pairs = [pool.hirable[pool.round == r].sum() * (~pool.hirable[pool.round == r]).sum() for r in (0, 1)]
    assert one["auc"].value == pytest.approx(np.average(each, weights=pairs))
    constant = np.where(folds.round == 1, pool.hirable[folds.round == 1].mean(), pool.hirable[folds.round == 0].mean())
    assert classification(folds, constant, 100)["auc"].value == 0.5  # and would be below it across the two


def test_a_draw_that_calls_nobody_has_no_say_in_the_precision_of_votes():
    pool = replace(make_pool(n=40, people=40, seeds=1), hirable=np.arange(20) < 4)
    found = vote_figures(pool, np.full(20, 0.1), 100)
    assert found["precision"].value == pytest.approx(0.2, abs=0.03)
    nobody = vote_figures(replace(pool, hirable=np.zeros(20, dtype=bool)), np.full(20, 0.1), 100)
    assert isinstance(nobody["recall"], Undefined)


def test_without_a_hirable_one_there_is_no_p_value():
    pool = replace(make_pool(), hirable=np.zeros(120, dtype=bool))
    assert randomisation(pool, scores(pool, 1.0, 1), scores(pool, 1.0, 2), 100) is None


def test_random_votes_have_the_figures_that_chance_has():
    pool = make_pool(n=4000, people=4000)
    rate = float(pool.hirable.mean())
    found = vote_figures(pool, np.full(len(pool), rate), 100)
    for name in ("precision", "recall", "f1"):
        assert found[name].value == pytest.approx(rate, abs=0.01)
    assert isinstance(found["auc"], Undefined)


def test_a_paired_difference_of_a_system_with_itself_is_nothing():
    pool = make_pool()
    score = scores(pool, 1.0)
    gaps, n = differences(pool, score, score, 100)
    assert n == len(set(pool.row))
    assert all((gap.value, gap.low, gap.high) == (0, 0, 0) for gap in gaps.values())
    assert randomisation(pool, score, score, 200) == 1


def test_a_better_system_is_found_and_the_sign_is_that_of_the_first():
    pool = make_pool(n=1000, people=400)
    good, poor = scores(pool, 3.0, 1), scores(pool, 0.2, 2)
    gaps, _ = differences(pool, good, poor, 300)
    back, _ = differences(pool, poor, good, 300)
    for name in ("f1", "auc"):
        assert gaps[name].low > 0
        assert back[name].value == pytest.approx(-gaps[name].value)
    assert randomisation(pool, good, poor, 500) == pytest.approx(1 / 501)


def test_without_a_difference_p_values_are_spread_evenly():
    below = []
    for seed in range(60):
        pool = make_pool(n=300, people=150, seed=seed)
        below.append(randomisation(pool, scores(pool, 1, 2 * seed), scores(pool, 1, 2 * seed + 1), 200) < 0.2)
    assert 0.05 < np.mean(below) < 0.4


def test_the_swaps_are_those_of_a_loop_over_people():
    pool = make_pool(n=80, people=30)
    first, second = scores(pool, 2.0, 1), scores(pool, 1.0, 2)
    people, place = np.unique(pool.person, return_inverse=True)
    swapped = np.random.default_rng(0).random((len(people), 50)) < 0.5

    def gap(one, other):
        def f1(score, s):
            here = pool.seed == s
            return f1_score(pool.hirable[here], score[here] >= 0.5)

        return np.mean([f1(one, s) - f1(other, s) for s in (0, 1)])

    drawn = []
    for r in range(50):
        change = swapped[place, r]
        drawn.append(gap(np.where(change, second, first), np.where(change, first, second)))
    expected = (1 + (np.abs(drawn) >= abs(gap(first, second)) - 1e-12).sum()) / 51
    assert randomisation(pool, first, second, 50) == pytest.approx(expected)


def test_systems_that_share_no_interview_cannot_be_compared():
    pool = make_pool()
    left = np.where(np.arange(len(pool)) % 2, 0.7, np.nan)
    right = np.where(np.arange(len(pool)) % 2, np.nan, 0.7)
    gaps, n = differences(pool, left, right, 100)
    assert all(isinstance(gap, Undefined) for gap in gaps.values())
    assert n == 0
    assert randomisation(pool, left, right, 100) is None


def test_ratings_are_judged_where_both_are_known():
    pool = make_pool()
    rated = np.random.default_rng(3).random(len(pool))
    rated[:5] = np.nan
    predicted = np.where(np.isnan(rated), 0.5, rated * 0.5 + 0.25)
    found = rating_figures(pool, rated, predicted, 100)
    known = ~np.isnan(rated)
    each = [1 - np.abs(rated - predicted)[known & (pool.seed == s)].mean() for s in (0, 1)]
    assert found["one_minus_mae"].value == pytest.approx(np.mean(each))
    assert found["r"].value == pytest.approx(1)
    assert isinstance(rating_figures(pool, rated, np.full(len(pool), 0.5), 100)["r"], Undefined)


def test_the_spread_over_positions_and_those_too_small_for_it():
    pool = make_pool(n=200, people=200, positions=3)
    score = scores(pool, 1.0)
    spread = PositionSpread.of(pool, score)
    each = [f1_score(pool.hirable[pool.position == p], score[pool.position == p] >= 0.5) for p in ("p0", "p1", "p2")]
    assert (spread.positions, spread.left_out) == (3, 0)
    assert (spread.low, spread.median, spread.high) == pytest.approx((min(each), np.median(each), max(each)))
    lonely = replace(pool, position=pool.person)
    found = PositionSpread.of(lonely, score)
    assert isinstance(found, Undefined)
    assert found.reason.startswith("0 of ")


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []
