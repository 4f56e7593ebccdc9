"""Reads an attribute along one direction: what the simplest attacker gets, and all that linear erasure removes."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from fairhire.auditing.leakage.family import CHOSEN_ON, Choice, FitPeople, Probe, Reader, best_choice
from fairhire.estimate import auc
from fairhire.readout import SCALINGS

__all__ = ["LinearProbe", "fit_logistic"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_MANY = 20_000  # interviews beyond which Newton's steps take longer than a quasi-Newton search in all [D]


class LinearProbe(Probe):
    """Logistic regression; scaling and penalty are chosen by cross-validation over people."""

    strengths = (1e-4, 1e-2, 1.0)
    """Inverse penalties C tried, for input of unit variance [D]."""

    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the scaling and penalty of the best cross-validated AUC."""
        found: dict[tuple[str, float], list[float]] = {}
        for train, judge in people.at_most(CHOSEN_ON, seed=seed).folds(seed=seed):
            for name in SCALINGS:
                scaling, inputs = train.scaled(name)
                judged = scaling(judge.vectors)
                for strength in self.strengths:
                    read = fit_logistic(inputs, train.label, strength)
                    found.setdefault((name, strength), []).append(auc(judge.label, read(judged)))
        return best_choice(found)

    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return the fitted log-odds."""
        del seed  # the optimum is unique
        scaling, inputs = people.scaled(choice.scaling)
        read = fit_logistic(inputs, people.label, choice.setting)
        return lambda vectors: read(scaling(vectors))


def fit_logistic(inputs: Floats, label: Flags, strength: float) -> Reader:
    """Return the log-odds of a logistic regression of ``label`` (N,) on ``inputs`` (N, K) with inverse penalty C."""
    if inputs.shape[1] == 0:
        return lambda vectors: np.zeros(len(vectors))
    # The same optimum either way. Newton's is exact where columns are nearly alike, and costs as their number squared.
    solver = "lbfgs" if len(inputs) > _MANY else "newton-cholesky"
    model = LogisticRegression(C=strength, solver=solver, max_iter=1000)
    with warnings.catch_warnings():
        # On separable people the optimum is far away; how far along the way we stop does not change the ranking.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", LinAlgWarning)
        model.fit(inputs, label)
    return lambda vectors: np.asarray(model.decision_function(vectors), dtype=np.float64)
