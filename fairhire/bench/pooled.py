"""The test people of all rounds side by side, and every figure over them: within a seed, then averaged over seeds.

People are resampled whole, with all their interviews in all seeds, so that a difference between two systems is paired.
Letters: N rows (a tested interview in a seed), R replicates, S seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairhire.baselines import random_votes
from fairhire.estimate import (
    Measurement,
    Statistic,
    Undefined,
    auc_of,
    average_precision_of,
    bootstrap_by_person,
    bootstrap_difference,
    f1_of,
    mae_of,
    pearson_of,
    precision_of,
    quotient,
    r2_of,
    recall_of,
)

__all__ = [
    "LEAST_IN_POSITION",
    "Pool",
    "PositionSpread",
    "classification",
    "differences",
    "randomisation",
    "rating_figures",
    "vote_figures",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Make = Callable[[NDArray[np.int64]], Statistic]

THRESHOLD = 0.5
LEAST_IN_POSITION = 10
"""Tested interviews that a position needs for an F1 of its own (ours)."""


@dataclass(frozen=True)
class Pool:
    """Who was tested: the corpus's row, the seed, the round, the person, the position and the label of each (N,).

    ``new`` (N,) is True for people who are nowhere in training or validation of their round.
    """

    row: NDArray[np.int64]
    seed: NDArray[np.int64]
    round: NDArray[np.int64]
    person: NDArray[np.str_]
    position: NDArray[np.str_]
    hirable: Flags
    new: Flags

    def __len__(self) -> int:
        """Return N."""
        return len(self.row)

    def within(self, chosen: Flags) -> list[NDArray[np.int64]]:
        """Return for every seed the places of its ``chosen`` rows."""
        return [np.flatnonzero(chosen & (self.seed == seed)) for seed in np.unique(self.seed)]

    def interviews(self, chosen: Flags) -> int:
        """Return how many different interviews the ``chosen`` rows are: one that several seeds tested is one."""
        return len(np.unique(self.row[chosen]))

    def ranked(self, places: NDArray[np.int64], score: Floats, *, average_precision: bool = False) -> Statistic:
        """Return the AUC (or average precision) of a seed's rows, taken within each round.

        Scores of two rounds come from two models and need not lie on one scale. Rounds count by their pairs of a
        hirable and another one (by their hirable ones); for an AUC that is all pairs within a round.
        """
        parts = [np.flatnonzero(self.round[places] == one) for one in np.unique(self.round[places])]
        make = average_precision_of if average_precision else auc_of
        label = self.hirable[places]
        statistics = [make(label[part], score[places][part]) for part in parts]

        def evaluate(weights: Floats) -> Floats:
            total, size = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
            for one, part in zip(statistics, parts, strict=True):
                own = weights[part]
                positive = own[label[part]].sum(axis=0)
                count = positive if average_precision else positive * own[~label[part]].sum(axis=0)
                total += np.where(count > 0, np.nan_to_num(one.evaluate(own)) * count, 0.0)
                size += count
            return quotient(total, size)

        return Statistic(evaluate, len(places), next((s.missing for s in statistics if s.missing), ""))

    def over_seeds(self, chosen: Flags, make: Make) -> Statistic:
        """Return the mean over seeds of the statistic that ``make`` builds for the rows of one seed.

        Its weights belong to the ``chosen`` rows alone. Undefined where it is undefined in a seed.
        """
        parts = [places for places in self.within(chosen) if len(places)]
        statistics = [make(places) for places in parts]
        where = np.cumsum(chosen) - 1  # from a place in the pool to its place among the chosen

        def evaluate(weights: Floats) -> Floats:
            values = [one.evaluate(weights[where[p]]) for one, p in zip(statistics, parts, strict=True)]
            mean: Floats = np.mean(values, axis=0)
            return mean

        missing = next((s.missing for s in statistics if np.isnan(s.evaluate(np.ones((s.rows, 1)))).any()), "")
        return Statistic(evaluate, int(chosen.sum()), missing or "there are no rows")

    def estimate(self, chosen: Flags, makes: Mapping[str, Make], replicates: int) -> dict[str, Measurement]:
        """Return every statistic over the chosen rows, with an interval by person."""
        if not chosen.any():
            return {name: Undefined("nobody tested has a score", 0) for name in makes}
        statistics = {name: self.over_seeds(chosen, make) for name, make in makes.items()}
        return bootstrap_by_person(statistics, self.person[chosen], replicates=replicates)


def classification(pool: Pool, score: Floats, replicates: int) -> dict[str, Measurement]:
    """Return precision, recall and F1 of the hirable class, average precision and AUC of scores (N,), NaN unscored."""
    chosen, label, decided = ~np.isnan(score), pool.hirable, score >= THRESHOLD
    return pool.estimate(
        chosen,
        {
            "precision": lambda p: precision_of(label[p], decided[p]),
            "recall": lambda p: recall_of(label[p], decided[p]),
            "f1": lambda p: f1_of(label[p], decided[p]),
            "average_precision": lambda p: pool.ranked(p, score, average_precision=True),
            "auc": lambda p: pool.ranked(p, score),
        },
        replicates,
    )


def vote_figures(pool: Pool, rates: Floats, replicates: int) -> dict[str, Measurement]:
    """Return the same of random votes, means over the draws; ``rates`` (N,) are label rates of training people.

    A vote ranks nobody: average precision and AUC are undefined.
    """
    votes = random_votes(rates, seed=0).astype(np.float64)
    label = pool.hirable.astype(np.float64)

    def mean(chosen_weight: float, positive_weight: float, missing: str) -> Make:
        def make(places: NDArray[np.int64]) -> Statistic:
            voted, own = votes[places], label[places]

            def evaluate(weights: Floats) -> Floats:
                both = (voted * own[:, None]).T @ weights  # (draws, R)
                base = chosen_weight * (voted.T @ weights) + positive_weight * (own @ weights)
                each = quotient(both, base)  # a draw that calls nobody has no precision, and no say
                defined = ~np.isnan(each)
                if positive_weight:
                    defined &= own @ weights > 0  # without a hirable one there is nothing to find
                return quotient(np.where(defined, each, 0.0).sum(axis=0), defined.sum(axis=0))

            return Statistic(evaluate, len(places), missing)

        return make

    everyone = np.ones(len(pool), dtype=bool)
    makes = {
        "precision": mean(1.0, 0.0, "nobody is chosen"),
        "recall": mean(0.0, 1.0, "nobody is hirable"),
        "f1": mean(0.5, 0.5, "nobody is hirable"),
    }
    silent = Undefined("a vote ranks nobody", len(set(pool.person)))
    found = pool.estimate(everyone, makes, replicates)
    return {**found, "average_precision": silent, "auc": silent}


def rating_figures(pool: Pool, rated: Floats, predicted: Floats, replicates: int) -> dict[str, Measurement]:
    """Return 1 - MAE, R2 and Pearson's r of predicted ratings (N,), over rows that have both."""
    chosen = ~(np.isnan(rated) | np.isnan(predicted))

    def accuracy(places: NDArray[np.int64]) -> Statistic:
        error = mae_of(rated[places], predicted[places])
        return Statistic(lambda weights: 1 - error.evaluate(weights), error.rows, error.missing)

    return pool.estimate(
        chosen,
        {
            "one_minus_mae": accuracy,
            "r2": lambda p: r2_of(rated[p], predicted[p]),
            "r": lambda p: pearson_of(rated[p], predicted[p]),
        },
        replicates,
    )


def differences(pool: Pool, first: Floats, second: Floats, replicates: int) -> tuple[dict[str, Measurement], int]:
    """Return F1 and AUC of ``first`` minus those of ``second`` (scores (N,)), and on how many rows: those both score.

    Paired: both on the same resampled people. F1 hangs on where a score crosses one half; the AUC does not.
    """
    chosen, label = ~(np.isnan(first) | np.isnan(second)), pool.hirable
    if not chosen.any():
        return {name: Undefined("no interview is scored by both", 0) for name in ("f1", "auc")}, 0

    def f1(score: Floats) -> Statistic:
        return pool.over_seeds(chosen, lambda places: f1_of(label[places], score[places] >= THRESHOLD))

    def auc(score: Floats) -> Statistic:
        return pool.over_seeds(chosen, lambda places: pool.ranked(places, score))

    people = pool.person[chosen]
    return {
        name: bootstrap_difference(make(first), make(second), people, replicates=replicates)
        for name, make in (("f1", f1), ("auc", auc))
    }, pool.interviews(chosen)


def randomisation(pool: Pool, first: Floats, second: Floats, replicates: int) -> float | None:
    """Return the two-sided p-value of the difference in F1: how often systems swapped by chance differ as much.

    Approximate randomisation (Noreen 1989; Yeh 2000): under the null hypothesis it makes no difference which of two
    systems judged a person, so for every person with all their interviews the two are swapped by the toss of a coin.
    None where a difference is not defined.
    """
    chosen = ~(np.isnan(first) | np.isnan(second))
    if not chosen.any():
        return None
    people, place = np.unique(pool.person, return_inverse=True)
    rng = np.random.default_rng(0)
    swapped = rng.random((len(people), replicates)) < 0.5
    observed, drawn = [], []
    for places in pool.within(chosen):
        label = pool.hirable[places]
        if not label.any():
            return None
        counts = []  # of both sides and every person: true positives, and half of chosen and positives
        for score in (first, second):
            decided = score[places] >= THRESHOLD
            both = np.bincount(place[places], weights=label & decided, minlength=len(people))
            base = np.bincount(place[places], weights=0.5 * label + 0.5 * decided, minlength=len(people))
            counts.append((both, base))
        (both, base), (both_other, base_other) = counts
        if base.sum() == 0 or base_other.sum() == 0:
            return None
        observed.append(both.sum() / base.sum() - both_other.sum() / base_other.sum())
        moved, moved_base = (both_other - both) @ swapped, (base_other - base) @ swapped
        one = quotient(both.sum() + moved, base.sum() + moved_base)
        other = quotient(both_other.sum() - moved, base_other.sum() - moved_base)
        drawn.append(one - other)
    gap = abs(float(np.mean(observed)))
    extreme = np.abs(np.mean(drawn, axis=0)) >= gap - 1e-12
    return float((1 + extreme.sum()) / (1 + replicates))


@dataclass(frozen=True)
class PositionSpread:
    """How F1 differs between positions: over those with enough tested interviews and both verdicts among them."""

    positions: int
    left_out: int
    median: float
    low: float
    high: float
    deviation: float

    @classmethod
    def of(cls, pool: Pool, score: Floats) -> PositionSpread | Undefined:
        """Return the spread of scores (N,), or why there is none."""
        chosen = ~np.isnan(score)
        found: list[float] = []
        names = sorted(set(pool.position[chosen].tolist()))
        for name in names:
            here = chosen & (pool.position == name)
            label = pool.hirable[here]
            if len(np.unique(pool.row[here])) >= LEAST_IN_POSITION and 0 < label.sum() < len(label):
                found.append(float(f1_of(label, score[here] >= THRESHOLD).evaluate(np.ones((len(label), 1)))[0]))
        if len(found) < 2:
            return Undefined(
                f"{len(found)} of {len(names)} positions have {LEAST_IN_POSITION} tested interviews of both verdicts",
                len(set(pool.person[chosen])),
            )
        low, median, high = np.quantile(found, [0, 0.5, 1])
        return cls(len(found), len(names) - len(found), float(median), float(low), float(high), float(np.std(found)))
