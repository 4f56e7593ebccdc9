"""Reads an attribute from norms and products of many directions, as a Gaussian-kernel machine would."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.leakage.family import Choice, FitPeople, Probe, Reader, best_choice
from fairhire.estimate import auc
from fairhire.readout import SCALINGS, Directions, draw_random_features, find_directions

__all__ = ["KernelProbe"]

Floats = NDArray[np.float64]


class KernelProbe(Probe):
    """Ridge regression on random Fourier features: finds what lies in norms and products of many directions."""

    most_people = 5000
    """A fit costs as the number of people; that of random waves bounds what more of them could add [D]."""

    penalties = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
    """Penalties tried, in units of a feature's variance [D]."""

    sharpness = 0.3
    most_waves = 1000

    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the scaling and penalty of the best cross-validated AUC."""
        found: dict[tuple[str, float], list[float]] = {}
        for train, judge in people.folds(seed=seed):
            for name in SCALINGS:
                scaling, inputs = train.scaled(name)
                directions = self._directions(train, name, seed=seed)
                judged = directions.centred(scaling(judge.vectors))
                ridge = directions.regress(inputs, train.label[:, None].astype(np.float64))
                for penalty in self.penalties:
                    score = judged @ ridge.collapse(penalty)[:, 0]
                    found.setdefault((name, penalty), []).append(auc(judge.label, score))
        return best_choice(found)

    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return the fitted least-squares score."""
        scaling, inputs = people.scaled(choice.scaling)
        directions = self._directions(people, choice.scaling, seed=seed)
        weights = directions.regress(inputs, people.label[:, None].astype(np.float64)).collapse(choice.setting)[:, 0]
        return lambda vectors: directions.centred(scaling(vectors)) @ weights

    def _directions(self, people: FitPeople, scaling: str, *, seed: int) -> Directions:
        """Return what the fit needs to know of the inputs, the same for every question about the same people."""

        def make() -> Directions:
            inputs = people.scaled(scaling)[1]
            waves = min(self.most_waves, 100 * max(inputs.shape[1], 1))
            features = draw_random_features(inputs.shape[1], sharpness=self.sharpness, waves=waves, seed=seed)
            return find_directions(inputs, features)

        return people.once(("directions", scaling, seed), make)
