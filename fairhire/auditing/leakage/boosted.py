"""Reads an attribute from thresholds and their combinations: bands of a score, exclusive-ors, anything with edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from fairhire.auditing.leakage.family import Choice, FitPeople, Probe, Reader, best_choice
from fairhire.estimate import auc
from fairhire.readout import SCALINGS

__all__ = ["BoostedProbe"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class BoostedProbe(Probe):
    """Boosted trees of a few leaves; scaling and number of trees are chosen by cross-validation over people.

    Trees see edges where the other families see slopes, and one direction at a time: whitened vectors, which lie along
    their principal directions, are offered beside the directions they came in. One thread, so that a seed gives the
    same trees everywhere.
    """

    most_people = 5000
    """A fit costs as the number of people, and a tree of a few leaves gains little beyond these [D]."""

    stages = (8, 16, 32, 60)
    """Numbers of trees tried [D]."""

    leaves = 6
    rate = 0.2
    share = 0.3
    """Part of the directions that each split may look at: trees differ, and an exclusive-or is entered by chance."""

    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the scaling and number of trees of the best cross-validated AUC."""
        found: dict[tuple[str, float], list[float]] = {}
        for train, judge in people.folds(seed=seed):
            for name in SCALINGS:
                scaling, inputs = train.scaled(name)
                if inputs.shape[1] == 0:
                    found.setdefault((name, self.stages[0]), []).append(0.5)
                    continue
                judged = scaling(judge.vectors)
                with threadpool_limits(1, user_api="openmp"):
                    model = self._grow(inputs, train.label, self.stages[-1], seed=seed)
                    for trees, odds in enumerate(model.staged_decision_function(judged), start=1):
                        if trees in self.stages:
                            found.setdefault((name, trees), []).append(auc(judge.label, odds.ravel()))
        return best_choice(found)

    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return the fitted log-odds."""
        scaling, inputs = people.scaled(choice.scaling)
        if inputs.shape[1] == 0:
            return lambda vectors: np.zeros(len(vectors))
        with threadpool_limits(1, user_api="openmp"):
            model = self._grow(inputs, people.label, int(choice.setting), seed=seed)

        def read(vectors: Floats) -> Floats:
            with threadpool_limits(1, user_api="openmp"):
                return np.asarray(model.decision_function(scaling(vectors)), dtype=np.float64)

        return read

    def _grow(self, inputs: Floats, label: Flags, trees: int, *, seed: int) -> HistGradientBoostingClassifier:
        model = HistGradientBoostingClassifier(
            max_iter=trees,
            learning_rate=self.rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=max(1, min(10, len(label) // 10)),
            l2_regularization=1.0,
            max_bins=127,
            max_features=self.share,
            early_stopping=False,
            random_state=seed,
        )
        return model.fit(inputs, label)
