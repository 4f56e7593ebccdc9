"""Fresh probes beside scikit-learn's own of the same kind: how long to a reading, and is it the same reading?

``python -m benchmarks.probes``. Vectors of random numbers in which an attribute is planted twice, faintly along a line
and in a product of two directions. Every probe chooses its settings by itself, as it does in ``fairhire leakage``;
scikit-learn's estimators are given the same standardised vectors and, where ours choose among settings, a grid search
over the same ones with as many folds. Both are judged on people whom neither has seen. Two threads at most.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairhire.auditing.leakage import PROBES
from fairhire.auditing.leakage.family import FitPeople, Probe
from fairhire.estimate import auc

__all__ = ["main"]

Floats = NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit every family both ways and print seconds, their ratio, and both readings."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.probes", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="sizes so small that only whether it runs is seen")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--probe", action="append", choices=list(PROBES), help="only this one; may be given again")
    options = parser.parse_args(arguments)
    people, width = (400, 8) if options.quick else (options.people, options.width)
    vectors, label = _planted(people + people // 4, width)
    fit, test = slice(0, people), slice(people, None)
    names = np.arange(people).astype(str)
    print(f"{people} people x {width}, judged on {people // 4} others")
    print(f"{'family':12}{'ours':>9}{'theirs':>9}{'ours by theirs':>16}{'AUC ours':>10}{'theirs':>9}{'difference':>12}")
    for name in options.probe or PROBES:
        probe = PROBES[name]
        everyone = FitPeople(vectors[fit], label[fit], names)
        one, read = _timed(partial(_ours, probe, everyone, vectors[test]))
        other, theirs = _timed(partial(_theirs, name, vectors, label, fit, test))
        a, b = auc(label[test], read), auc(label[test], theirs)
        print(f"{name:12}{one:>8.1f}s{other:>8.1f}s{one / other:>16.2f}{a:>10.3f}{b:>9.3f}{a - b:>+12.3f}", flush=True)


def _planted(people: int, width: int) -> tuple[Floats, NDArray[np.bool_]]:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((people, width))
    odds = 0.6 * vectors[:, 0] + 1.2 * vectors[:, 1] * vectors[:, 2]
    return vectors, rng.random(people) < 1 / (1 + np.exp(-odds))


def _ours(probe: Probe, everyone: FitPeople, vectors: Floats) -> Floats:
    people = everyone.at_most(probe.most_people, seed=0)
    return probe.fit(people, probe.choose(people, seed=0), seed=0)(vectors)


def _timed(run: Callable[[], Floats]) -> tuple[float, Floats]:
    begun = time.perf_counter()
    found = run()
    return time.perf_counter() - begun, found


def _theirs(name: str, vectors: Floats, label: NDArray[np.bool_], fit: slice, test: slice) -> Floats:
    """Return what scikit-learn's estimator of the same kind says, higher for the attribute."""
    waves = RBFSampler(gamma=0.15 / vectors.shape[1], n_components=1000, random_state=0)
    searched = {
        "linear": (LogisticRegression(max_iter=1000), {"C": [1e-4, 1e-2, 1.0]}),
        "kernel": (make_pipeline(waves, RidgeClassifier()), {"ridgeclassifier__alpha": [1e-1, 1e1, 1e3]}),
        "neighbours": (KNeighborsClassifier(algorithm="brute"), {"n_neighbors": [5, 40, 250]}),
    }
    direct = {
        "mlp": MLPClassifier((128,), alpha=1.0, early_stopping=True, batch_size=128, random_state=0),
        "boosted": HistGradientBoostingClassifier(max_iter=60, learning_rate=0.2, max_leaf_nodes=6, random_state=0),
    }
    estimator = direct[name] if name in direct else GridSearchCV(*searched[name], scoring="roc_auc", cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make_pipeline(StandardScaler(), estimator).fit(vectors[fit], label[fit])
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(vectors[test]), dtype=np.float64)
    return np.asarray(model.predict_proba(vectors[test])[:, 1], dtype=np.float64)


if __name__ == "__main__":
    main()
