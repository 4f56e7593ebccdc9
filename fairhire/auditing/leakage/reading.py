"""Puts one question about one source to every probe and code, and keeps what a paired comparison will need.

Letters: N interviews, H width of a source's vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.auditing.leakage.attributes import Question
from fairhire.auditing.leakage.codelength import Code
from fairhire.auditing.leakage.family import Choice, FitPeople, Probe, shuffle_by_person
from fairhire.auditing.leakage.table import Control, LeakageRow
from fairhire.estimate import (
    Measurement,
    Statistic,
    Undefined,
    auc,
    auc_of,
    bootstrap_by_person,
    mean_of,
    share_of,
)
from fairhire.retrieval import retrieve_faces

__all__ = ["Asker", "Interviews", "Reading", "Settings", "find_faces"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Interviews:
    """N interviews: whose they are, and on which side of the split."""

    candidates: NDArray[np.str_]
    fit: Flags
    test: Flags

    def people(self, rows: Flags) -> int:
        """Return how many distinct persons the marked rows (N,) have."""
        return len(np.unique(self.candidates[rows]))


@dataclass(frozen=True)
class Settings:
    """How often chance is asked: permutations of the control, bootstrap replicates, confidence level, seed."""

    controls: int
    replicates: int
    level: float
    seed: int


@dataclass(frozen=True)
class Reading:
    """A row together with the statistic behind it and its rows' persons, for a paired comparison."""

    row: LeakageRow
    statistic: Statistic | None
    persons: NDArray[np.generic]


@dataclass(frozen=True)
class Asker:
    """One question about one source of one subject, and the fit people it may be learned from."""

    subject: str
    source: str
    interviews: Interviews
    question: Question
    people: FitPeople
    settings: Settings

    def ask_probes(self, vectors: Floats, probes: Mapping[str, Probe]) -> list[Reading]:
        """Return what every probe reads of the test people, each with its control."""
        settings, question = self.settings, self.question
        test = self.interviews.test & question.known
        persons, tested = self.interviews.candidates[test], self.interviews.people(test)
        if question.missing is not None:
            missing = question.missing
            return [
                Reading(self._row(name, "auc", missing, 0.5, (self.people.people, tested)), None, persons)
                for name in probes
            ]
        sides = {name: self.people.at_most(probe.most_people, seed=settings.seed) for name, probe in probes.items()}
        choices = {name: probe.choose(sides[name], seed=settings.seed) for name, probe in probes.items()}
        statistics = {
            name: auc_of(question.label[test], probe.fit(sides[name], choices[name], seed=settings.seed)(vectors[test]))
            for name, probe in probes.items()
        }
        measured = bootstrap_by_person(
            statistics, persons, replicates=settings.replicates, level=settings.level, seed=settings.seed
        )
        readings = []
        for name, probe in probes.items():
            control = self._control(partial(self._permuted_auc, probe, choices[name], vectors[test], test))
            counts = sides[name].people, tested
            row = self._row(name, "auc", measured[name], 0.5, counts, control, choices[name].inner)
            readings.append(Reading(row, statistics[name], persons))
        return readings

    def ask_codes(self, codes: Mapping[str, Code]) -> list[Reading]:
        """Return how many bits a label of the fit people every code saves, each with its control."""
        settings, people = self.settings, self.people
        readings = []
        for name, code in codes.items():
            length = None if self.question.missing is not None else code(people, settings.seed)
            if length is None or length.unread == len(length.saved):
                missing = self.question.missing or Undefined("too few people to code in portions", people.people)
                row = self._row(name, "codelength", missing, 0.0, (people.people, 0))
                readings.append(Reading(row, None, np.unique(people.persons)))
                continue
            statistic = mean_of(length.saved)
            found = bootstrap_by_person(
                {name: statistic},
                length.persons,
                replicates=settings.replicates,
                level=settings.level,
                seed=settings.seed,
            )
            control = self._control(partial(self._permuted_code, code))
            counts = people.people, people.people - length.unread
            row = self._row(name, "codelength", found[name], 0.0, counts, control)
            readings.append(Reading(row, statistic, length.persons))
        return readings

    def _row(
        self,
        probe: str,
        metric: str,
        estimate: Measurement,
        chance: float,
        counts: tuple[int, int],
        control: Control | None = None,
        inner: float | None = None,
    ) -> LeakageRow:
        place = (self.subject, self.source, self.question.attribute, self.question.target, probe, metric)
        return LeakageRow(*place, estimate, chance, *counts, control, inner)

    def _control(self, read: Callable[[np.random.Generator], float]) -> Control | None:
        """Read labels dealt out anew among people, as often as asked; None if not asked for."""
        settings = self.settings
        values = [read(np.random.default_rng([settings.seed, number])) for number in range(settings.controls)]
        return Control(float(np.mean(values)), min(values), max(values), len(values)) if values else None

    def _permuted_auc(
        self, probe: Probe, choice: Choice, vectors: Floats, test: Flags, rng: np.random.Generator
    ) -> float:
        side = self.people.shuffled(rng).at_most(probe.most_people, seed=self.settings.seed)
        read = probe.fit(side, choice, seed=self.settings.seed)
        dealt = shuffle_by_person(self.question.label[test], self.interviews.candidates[test], rng)
        return auc(dealt, read(vectors))

    def _permuted_code(self, code: Code, rng: np.random.Generator) -> float:
        return float(code(self.people.shuffled(rng), self.settings.seed).saved.mean())


def find_faces(
    subject: str,
    source: str,
    vectors: Floats,
    interviews: Interviews,
    faces: ArrayLike,
    face_mask: ArrayLike | None,
    *,
    settings: Settings,
) -> list[Reading]:
    """Return how well faces (d wide) are found again from one source; chance is exact, there is nothing to permute."""
    found = retrieve_faces(
        vectors,
        faces,
        persons=interviews.candidates,
        fit=interviews.fit,
        test=interviews.test,
        face_mask=face_mask,
        replicates=settings.replicates,
        level=settings.level,
        seed=settings.seed,
    )
    readings = []
    for reading in found.readings:
        ranks = reading.ranks
        measured: list[tuple[str, Measurement, float, Floats | None]] = [
            (f"recall@{k}", estimate, found.chance[k], None if ranks is None else ranks.found(k))
            for k, estimate in reading.recall.items()
        ]
        measured.append(("mean_rank_auc", reading.auc, 0.5, None if ranks is None else ranks.auc()))
        for metric, estimate, chance, credit in measured:
            place = (subject, source, "face", "face", reading.probe, metric)
            row = LeakageRow(*place, estimate, chance, found.n_fit, found.n_test, None, reading.inner)
            readings.append(Reading(row, None if credit is None else share_of(credit), found.persons))
    return readings
