"""What every family of fresh probes shares: the people it may learn from, how it chooses, and what is worked out once.

Letters: N interviews of the fit side, H width of a vector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from fairhire.readout import SCALINGS, Scaling, split_people

__all__ = ["CHOSEN_ON", "Choice", "FitPeople", "Probe", "Reader", "best_choice", "shuffle_by_person"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Made = TypeVar("Made")

Reader = Callable[[Floats], Floats]
"""A fitted probe: vectors (N, H) in, one score a row (N,) out, higher for the asked category."""

_FOLDS = 3

CHOSEN_ON = 10_000
"""People on whom settings are chosen at most [D]: whom a probe is then fitted on may be many more."""

_RARE = 3 * _FOLDS
"""People of a category below which its people are shared out among the folds together with those of other rare ones."""


@dataclass(frozen=True)
class FitPeople:
    """Interviews a probe may learn from: ``vectors`` (N, H), ``label`` (N,), ``persons`` (N,); a label a person.

    ``strata`` (N,), the label itself unless given, is what folds share out alike. ``kept`` holds what follows from
    vectors, persons and strata alone (scalings, decompositions), so that other questions about the same people, and the
    controls, do not work it out again; :meth:`asked` and :meth:`shuffled` pass it on.
    """

    vectors: Floats
    label: Flags
    persons: NDArray[Any]
    strata: NDArray[Any] | None = None
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what ``make`` made under this key the first time."""
        if key not in self.kept:
            self.kept[key] = make()
        return cast(Made, self.kept[key])

    @property
    def people(self) -> int:
        """Distinct persons."""
        return self.once("people", lambda: len(np.unique(self.persons)))

    def asked(self, label: Flags) -> FitPeople:
        """Return the same people with another question's labels (N,)."""
        return replace(self, label=label, strata=self._strata)

    def shuffled(self, rng: np.random.Generator) -> FitPeople:
        """Return the same vectors with the labels dealt out anew among the people (Hewitt and Liang, 2019)."""
        return self.asked(shuffle_by_person(self.label, self.persons, rng))

    def scaled(self, name: str) -> tuple[Scaling, Floats]:
        """Return the scaling of this name learned on these people, and their vectors (N, K) seen through it."""

        def make() -> tuple[Scaling, Floats]:
            scaling = SCALINGS[name](self.vectors)
            return scaling, scaling(self.vectors)

        return self.once(("scaled", name), make)

    def parts(self, shares: tuple[float, ...], *, seed: int) -> NDArray[np.int64]:
        """Return the part of every row, whole people only, both labels shared out alike."""
        return _share_out(self.label, self.persons, shares, seed=seed)

    def folds(self, *, seed: int) -> Iterator[tuple[FitPeople, FitPeople]]:
        """Yield (train, judge) of every fold, whole people only, every stratum shared out alike."""
        key = ("folds", seed)
        part = self.once(
            key, lambda: _share_out(_join_rare(self._strata, self.persons), self.persons, (1.0,) * _FOLDS, seed=seed)
        )
        for fold in range(_FOLDS):
            yield self._some(part != fold, (*key, fold, "train")), self._some(part == fold, (*key, fold, "judge"))

    def at_most(self, people: int | None, *, seed: int) -> FitPeople:
        """Return about ``people`` persons chosen by lot, strata in their shares; everybody where they are no more."""
        if people is None or self.people <= people:
            return self
        shares = (people / self.people, 1 - people / self.people)
        key = ("at most", people, seed)
        return self._some(self.once(key, lambda: _share_out(self._strata, self.persons, shares, seed=seed)) == 0, key)

    @property
    def _strata(self) -> NDArray[Any]:
        return self.label if self.strata is None else self.strata

    def _some(self, rows: Flags, key: Hashable) -> FitPeople:
        kept: dict[Hashable, Any] = self.once(("kept", key), dict)
        return FitPeople(self.vectors[rows], self.label[rows], self.persons[rows], self._strata[rows], kept)


def shuffle_by_person(label: Flags, persons: NDArray[Any], rng: np.random.Generator) -> Flags:
    """Return labels (N,) permuted among people: all interviews of a person keep sharing one label."""
    _, first, person = np.unique(persons, return_index=True, return_inverse=True)
    return rng.permutation(label[first])[person.reshape(-1)]


@dataclass(frozen=True)
class Choice:
    """What was chosen on inner people, a scaling and one number (penalty, trees), and the AUC it reached there."""

    scaling: str
    setting: float
    inner: float


class Probe(ABC):
    """A family of probes: chooses settings, then fits with them.

    ``most_people`` is how many people it is fitted on at most, None for all of them; who is left out is counted.
    """

    most_people: int | None = None

    @abstractmethod
    def choose(self, people: FitPeople, *, seed: int) -> Choice:
        """Return the settings that read most from inner people."""

    @abstractmethod
    def fit(self, people: FitPeople, choice: Choice, *, seed: int) -> Reader:
        """Return a probe fitted on all of ``people`` with the chosen settings."""


def best_choice(found: Mapping[tuple[str, float], list[float]]) -> Choice:
    """Return the (scaling, setting) of the highest mean over folds; of equals the first."""
    means = {setting: float(np.mean(values)) for setting, values in found.items()}
    scaling, setting = max(means, key=lambda key: means[key])
    return Choice(scaling, setting, means[scaling, setting])


def _share_out(
    strata: NDArray[Any], persons: NDArray[Any], shares: tuple[float, ...], *, seed: int
) -> NDArray[np.int64]:
    part = np.empty(len(strata), dtype=np.int64)
    for stratum in np.unique(strata):
        rows = strata == stratum
        part[rows] = split_people(persons[rows], shares=shares, seed=seed)
    return part


def _join_rare(strata: NDArray[Any], persons: NDArray[Any]) -> NDArray[np.int64]:
    """Return a number per row, the same for all strata of few people: three of them must reach all folds."""
    names, code = np.unique(strata, return_inverse=True)
    code = code.reshape(-1).astype(np.int64)
    _, first = np.unique(persons, return_index=True)
    rare = np.bincount(code[first], minlength=len(names)) < _RARE
    return np.where(rare[code], -1, code)
