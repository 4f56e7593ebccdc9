"""Reads an attribute from who lies near: islands, shells and chequerboards that no smooth function follows."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.leakage.family import Choice, FitPeople, Probe, Reader, best_choice
from fairhire.estimate import auc
from fairhire.readout import SCALINGS

__all__ = ["NeighboursProbe"]

Floats = NDArray[np.float64]

_BLOCK = 4_000_000  # distances held at a time (float32: 16 MB)


class NeighboursProbe(Probe):
    """The share of the nearest fit interviews that are of the category; their number is chosen over people.

    Judged people are never among those they are compared with, nor is another interview of theirs: folds hold whole
    people. Several numbers of neighbours come from one sorting.
    """

    most_people = 5000
    """A reading costs as the number of people it is compared with [D]."""

    counts = (5, 15, 40, 100, 250)
    """Numbers of neighbours tried [D]."""

    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the scaling and number of neighbours of the best cross-validated AUC."""
        found: dict[tuple[str, float], list[float]] = {}
        for fold, (train, judge) in enumerate(people.folds(seed=seed)):
            for name in SCALINGS:
                scaling, inputs = train.scaled(name)
                counts = self._counts(len(inputs))
                near = people.once(
                    ("neighbours", seed, fold, name), partial(_nearest, inputs, scaling(judge.vectors), counts[-1])
                )
                shares = np.cumsum(train.label[near], axis=1)
                for count in counts:
                    found.setdefault((name, count), []).append(auc(judge.label, shares[:, count - 1] / count))
        return best_choice({key: values for key, values in found.items() if len(values) == fold + 1})

    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return the share among the nearest fit interviews."""
        del seed  # nothing is drawn
        scaling, inputs = people.scaled(choice.scaling)
        count, label = min(int(choice.setting), len(inputs)), people.label

        def read(vectors: Floats) -> Floats:
            shares: Floats = label[_nearest(inputs, scaling(vectors), count)].mean(axis=1)
            return shares

        return read

    def _counts(self, interviews: int) -> tuple[int, ...]:
        """Return the numbers to try among so many interviews: at most half of them, but one number at least."""
        return tuple(count for count in self.counts if count <= interviews / 2) or (max(1, interviews // 2),)


def _nearest(known: Floats, asked: Floats, count: int) -> NDArray[np.int64]:
    """Return for each of ``asked`` (M, K) the places of its ``count`` nearest among ``known`` (N, K), nearest first."""
    near = np.empty((len(asked), count), dtype=np.int64)
    gallery = known.astype(np.float32)
    squares = np.einsum("ij,ij->i", gallery, gallery)
    step = max(1, _BLOCK // max(len(gallery), 1))
    for start in range(0, len(asked), step):
        block = asked[start : start + step].astype(np.float32)
        distance = squares - 2 * (block @ gallery.T)  # less the asked one's own square, which changes no order
        places = np.argpartition(distance, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distance, places, axis=1), axis=1, kind="stable")
        near[start : start + step] = np.take_along_axis(places, order, axis=1)
    return near
