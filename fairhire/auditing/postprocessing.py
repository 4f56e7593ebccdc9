"""The labelled comparison: what thresholds of each group's own would give, and what they would cost.

fairlearn's ThresholdOptimizer reads the protected attribute of everybody whom it decides on, and decides some cases by
lot. It is here to be compared with, never to be deployed: the audit says so wherever it shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.metrics.frame import equalise_selection
from fairhire.estimate import Measurement, Statistic, Undefined, bootstrap_by_person
from fairhire.readout import split_people

__all__ = ["PostProcessing", "compare_thresholds"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class PostProcessing:
    """Decisions at the audited cut and at cuts of each group's own, judged on the same ``n_test`` people."""

    grouping: tuple[str, ...]
    deployed_ratio: Measurement
    deployed_accuracy: Measurement
    by_group_ratio: Measurement
    by_group_accuracy: Measurement
    n_fit: int
    n_test: int

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as in AUDIT.json."""
        return {
            "grouping": list(self.grouping),
            "deployed": {
                "ratio": self.deployed_ratio.to_dict(),
                "balanced_accuracy": self.deployed_accuracy.to_dict(),
            },
            "by_group": {
                "ratio": self.by_group_ratio.to_dict(),
                "balanced_accuracy": self.by_group_accuracy.to_dict(),
            },
            "n_fit": self.n_fit,
            "n_test": self.n_test,
        }


def compare_thresholds(
    scores: ArrayLike,
    decisions: ArrayLike,
    labels: ArrayLike,
    categories: ArrayLike,
    persons: ArrayLike,
    *,
    attribute: str,
    minimum: int = 30,
    seed: int = 0,
) -> PostProcessing | Undefined:
    """Compare ``decisions`` (N,) with fairlearn's thresholds by group on half of the people.

    ``scores`` (N,) in [0, 1], ``labels`` (N,) 0 or 1, ``categories`` (N,) of one attribute; unknown ones take no part.
    Half of the people, drawn by lot from ``seed``, fit the thresholds. :class:`Undefined` where a group has fewer than
    ``minimum`` labelled people of either label in either half: groups under it are left out first.
    """
    score, decision = np.asarray(scores, dtype=np.float64), np.asarray(decisions, dtype=bool)
    label, category, person = np.asarray(labels, dtype=bool), np.asarray(categories, dtype=str), np.asarray(persons)
    fit = split_people(person, shares=(0.5, 0.5), seed=seed) == 0
    kept = [
        name
        for name in np.unique(category[category != UNKNOWN]).tolist()
        if min(
            int(((category == name) & (label == value) & side).sum()) for value in (True, False) for side in (fit, ~fit)
        )
        >= minimum
    ]
    if len(kept) < 2:
        return Undefined(
            f"{attribute}: fewer than two groups with {minimum} people of each label in each half", len(score)
        )
    used = np.isin(category, kept)
    left, right = fit & used, ~fit & used
    chances = equalise_selection(score[left], label[left], category[left], score[right], category[right])
    judged = person[right]
    ratios = {
        "deployed": _ratio_of(decision[right].astype(float), category[right], kept),
        "by_group": _ratio_of(chances, category[right], kept),
    }
    accuracies = {
        "deployed accuracy": _accuracy_of(decision[right].astype(float), label[right]),
        "by_group accuracy": _accuracy_of(chances, label[right]),
    }
    found = bootstrap_by_person({**ratios, **accuracies}, judged, seed=seed)
    return PostProcessing(
        (attribute,),
        found["deployed"],
        found["deployed accuracy"],
        found["by_group"],
        found["by_group accuracy"],
        len(np.unique(person[left])),
        len(np.unique(judged)),
    )


def _ratio_of(chance: Floats, category: NDArray[np.str_], names: list[str]) -> Statistic:
    """Return the smallest group's expected selection rate by the largest, ``chance`` (N,) of being selected."""
    member = np.array([category == name for name in names], dtype=np.float64)

    def evaluate(weights: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = (member * chance) @ weights / (member @ weights)
            ratio: Floats = rates.min(axis=0) / rates.max(axis=0)
        return ratio

    return Statistic(evaluate, len(chance), "nobody is selected", np.ones(len(chance), dtype=bool))


def _accuracy_of(chance: Floats, label: Flags) -> Statistic:
    """Return the mean of the rates at which the hirable are selected and the others are not."""

    def evaluate(weights: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            right = (chance * label) @ weights / (label.astype(float) @ weights)
            left = ((1 - chance) * ~label) @ weights / ((~label).astype(float) @ weights)
        both: Floats = (right + left) / 2
        return both

    return Statistic(evaluate, len(chance), "people of one label only", np.ones(len(chance), dtype=bool))
