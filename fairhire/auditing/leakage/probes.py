"""Fresh probes: what an attacker would fit to read an attribute from frozen vectors, strong enough to be believed.

Each family chooses its settings on inner people of the fit side, sees its input standardised and whitened (what an
adversary hid sits in directions of little variance), and never looks at a test person. A new family is one class and
one line in :data:`PROBES`.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from fairhire.estimate import auc
from fairhire.readout import SCALINGS, SpectralRidge, draw_random_features, fit_ridge, split_people

__all__ = ["PROBES", "Choice", "FitPeople", "KernelProbe", "LinearProbe", "MlpProbe", "Probe", "shuffle_by_person"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Reader = Callable[[Floats], Floats]
"""A fitted probe: vectors (N, H) in, one score a row (N,) out, higher for the asked category."""

_FOLDS = 3


@dataclass(frozen=True)
class FitPeople:
    """Interviews a probe may learn from: ``vectors`` (N, H), ``label`` (N,), ``persons`` (N,); a label a person."""

    vectors: Floats
    label: Flags
    persons: NDArray[Any]

    def rows(self, chosen: Flags) -> FitPeople:
        """Return the marked rows."""
        return FitPeople(self.vectors[chosen], self.label[chosen], self.persons[chosen])

    def shuffled(self, rng: np.random.Generator) -> FitPeople:
        """Return the same vectors with the labels dealt out anew among the people (Hewitt and Liang, 2019)."""
        return FitPeople(self.vectors, shuffle_by_person(self.label, self.persons, rng), self.persons)

    def parts(self, shares: tuple[float, ...], *, seed: int) -> NDArray[np.int64]:
        """Return the part of every row, whole people only, both labels shared out alike."""
        part = np.empty(len(self.label), dtype=np.int64)
        for answer in (False, True):
            rows = self.label == answer
            part[rows] = split_people(self.persons[rows], shares=shares, seed=seed)
        return part


def shuffle_by_person(label: Flags, persons: NDArray[Any], rng: np.random.Generator) -> Flags:
    """Return labels (N,) permuted among people: all interviews of a person keep sharing one label."""
    _, first, person = np.unique(persons, return_index=True, return_inverse=True)
    return rng.permutation(label[first])[person.reshape(-1)]


@dataclass(frozen=True)
class Choice:
    """Settings chosen on inner people, and the AUC they reached there."""

    scaling: str
    penalty: float
    inner: float


class Probe(ABC):
    """A family of probes: chooses settings, then fits with them."""

    @abstractmethod
    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the settings that read most from inner people."""

    @abstractmethod
    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return a probe fitted on all of ``people`` with the chosen settings."""


class LinearProbe(Probe):
    """Logistic regression; scaling and penalty are chosen by cross-validation over people."""

    strengths = (1e-4, 1e-2, 1.0)
    """Inverse penalties C tried, for input of unit variance [D]."""

    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the scaling and penalty of the best cross-validated AUC."""
        found: dict[tuple[str, float], list[float]] = {}
        for train, judge in _folds(people, seed=seed):
            for name, make in SCALINGS.items():
                scaling = make(train.vectors)
                inputs, judged = scaling(train.vectors), scaling(judge.vectors)
                for strength in self.strengths:
                    read = _fit_logistic(inputs, train.label, strength)
                    found.setdefault((name, strength), []).append(auc(judge.label, read(judged)))
        return _best(found)

    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return the fitted log-odds."""
        del seed  # the optimum is unique
        scaling = SCALINGS[choice.scaling](people.vectors)
        read = _fit_logistic(scaling(people.vectors), people.label, choice.penalty)
        return lambda vectors: read(scaling(vectors))


class KernelProbe(Probe):
    """Ridge regression on random Fourier features: finds what lies in norms and products of many directions."""

    penalties = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
    """Penalties tried, in units of a feature's variance [D]."""

    sharpness = 0.3
    most_waves = 1000

    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the scaling and penalty of the best cross-validated AUC."""
        found: dict[tuple[str, float], list[float]] = {}
        for train, judge in _folds(people, seed=seed):
            for name, make in SCALINGS.items():
                scaling = make(train.vectors)
                ridge = self._ridge(scaling(train.vectors), train.label, seed=seed)
                projected = ridge.project(scaling(judge.vectors))
                for penalty in self.penalties:
                    score = ridge.weigh(projected, penalty)[:, 0]
                    found.setdefault((name, penalty), []).append(auc(judge.label, score))
        return _best(found)

    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return the fitted least-squares score."""
        scaling = SCALINGS[choice.scaling](people.vectors)
        ridge = self._ridge(scaling(people.vectors), people.label, seed=seed)
        return lambda vectors: ridge.predict(scaling(vectors), choice.penalty)[:, 0]

    def _ridge(self, inputs: Floats, label: Flags, *, seed: int) -> SpectralRidge:
        waves = min(self.most_waves, 100 * max(inputs.shape[1], 1))
        features = draw_random_features(inputs.shape[1], sharpness=self.sharpness, waves=waves, seed=seed)
        return fit_ridge(inputs, label[:, None].astype(np.float64), features=features)


class MlpProbe(Probe):
    """A network of one hidden layer, stopped early on people it does not learn from; two restarts, averaged.

    With this strong weight decay it found a product of two directions among 128 within a dozen epochs in our trials,
    and lost nothing on faces [D]. scikit-learn's own early stopping would divide one person's interviews.
    """

    hidden = 128
    decay = 1.0
    epochs = 80
    patience = 10
    restarts = 2

    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the scaling whose network reads most from the people it was stopped on."""
        found = {(name, self.decay): [self._train(people, name, seed=seed)[0]] for name in SCALINGS}
        return _best(found)

    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return the mean log-odds of the restarts, each with its own weights and its own inner people."""
        readers = [self._train(people, choice.scaling, seed=seed + restart)[1] for restart in range(self.restarts)]
        return lambda vectors: np.mean([read(vectors) for read in readers], axis=0)

    def _train(self, people: FitPeople, scaling_name: str, *, seed: int) -> tuple[float, Reader]:
        part = people.parts((0.8, 0.2), seed=seed)
        train, judge = people.rows(part == 0), people.rows(part == 1)
        scaling = SCALINGS[scaling_name](train.vectors)
        inputs, judged = (scaling(side.vectors).astype(np.float32) for side in (train, judge))
        if inputs.shape[1] == 0:
            return 0.5, lambda vectors: np.zeros(len(vectors))
        network = MLPClassifier(
            hidden_layer_sizes=(self.hidden,),
            alpha=self.decay,
            learning_rate_init=3e-3,
            batch_size=min(128, len(inputs)),
            random_state=seed,
        )
        best, kept, since = -1.0, None, 0
        for _ in range(self.epochs):
            network.partial_fit(inputs, train.label, classes=[False, True])
            reached = auc(judge.label, _log_odds(network, judged))
            if reached > best:
                best, since = reached, 0
                kept = [layer.copy() for layer in (*network.coefs_, *network.intercepts_)]
            else:
                since += 1
            if since == self.patience:
                break
        assert kept is not None
        layers = len(network.coefs_)
        network.coefs_, network.intercepts_ = kept[:layers], kept[layers:]
        return best, lambda vectors: _log_odds(network, scaling(vectors).astype(np.float32))


PROBES: Mapping[str, Probe] = {"linear": LinearProbe(), "mlp": MlpProbe(), "kernel": KernelProbe()}
"""Every probe family that leakage is measured with; what counts is the one that reads most."""


def _folds(people: FitPeople, *, seed: int) -> Iterator[tuple[FitPeople, FitPeople]]:
    part = people.parts((1.0,) * _FOLDS, seed=seed)
    for fold in range(_FOLDS):
        yield people.rows(part != fold), people.rows(part == fold)


def _best(found: Mapping[tuple[str, float], list[float]]) -> Choice:
    means = {setting: float(np.mean(values)) for setting, values in found.items()}
    scaling, penalty = max(means, key=lambda setting: means[setting])
    return Choice(scaling, penalty, means[scaling, penalty])


def _fit_logistic(inputs: Floats, label: Flags, strength: float) -> Reader:
    if inputs.shape[1] == 0:
        return lambda vectors: np.zeros(len(vectors))
    model = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=1000)
    with warnings.catch_warnings():
        # On separable people the optimum is far away; how far along the way we stop does not change the ranking.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", LinAlgWarning)
        model.fit(inputs, label)
    return lambda vectors: np.asarray(model.decision_function(vectors), dtype=np.float64)


def _log_odds(network: MLPClassifier, inputs: NDArray[np.float32]) -> Floats:
    share = np.clip(network.predict_proba(inputs)[:, 1].astype(np.float64), 1e-12, 1 - 1e-12)
    odds: Floats = np.log(share / (1 - share))
    return odds
