"""Measures what can be read about people from what a model says and keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.auditing.demographics import Demographics
from fairhire.auditing.leakage.attributes import Question, ask
from fairhire.auditing.leakage.probes import PROBES, Choice, FitPeople, Probe, shuffle_by_person
from fairhire.auditing.leakage.table import Comparison, Control, LeakageResult, LeakageRow, LeftOut
from fairhire.errors import DataError
from fairhire.estimate import (
    Measurement,
    Statistic,
    Undefined,
    auc,
    auc_of,
    bootstrap_by_person,
    bootstrap_difference,
    share_of,
)
from fairhire.progress import Advance, silent
from fairhire.readout import check_same_rows, check_vectors
from fairhire.retrieval import retrieve_faces

__all__ = ["leakage"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Watch = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass(frozen=True)
class _Interviews:
    """N interviews: whose they are, and on which side of the split."""

    candidates: NDArray[np.str_]
    fit: Flags
    test: Flags

    def people(self, rows: Flags) -> int:
        return len(np.unique(self.candidates[rows]))


@dataclass(frozen=True)
class _Settings:
    """How often chance is asked: permutations of the control, bootstrap replicates, confidence level, seed."""

    controls: int
    replicates: int
    level: float
    seed: int


@dataclass(frozen=True)
class _Reading:
    """A row together with the statistic behind it and its rows' persons, for a paired comparison."""

    row: LeakageRow
    statistic: Statistic | None
    persons: NDArray[np.generic]


def leakage(
    sources: Mapping[str, ArrayLike],
    demographics: Demographics,
    *,
    candidates: ArrayLike,
    fit: ArrayLike,
    test: ArrayLike,
    subject: str = "model",
    against: Mapping[str, ArrayLike] | None = None,
    against_subject: str = "undefended",
    faces: ArrayLike | None = None,
    face_mask: ArrayLike | None = None,
    attributes: Sequence[str] | None = None,
    probes: Mapping[str, Probe] = PROBES,
    minimum: int = 10,
    controls: int = 5,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    watch: Watch = lambda _what, _total: nullcontext(silent),
) -> LeakageResult:
    """Return what fresh probes read of every attribute from every source, and whether faces can be found from it.

    ``sources`` maps a name (``score``, ``representation``, ...) to a score (N,) or vectors (N, H); an interview that is
    NaN throughout in one source is left out of all, counted. ``candidates`` (N,) names the person of each interview.
    Probes are fitted on the ``fit`` (N,) people, those the model trained on, and judged on the ``test`` (N,) people,
    whom it never saw. ``against`` holds the same sources of another run, row by row, which is measured beside and
    compared on the same people. ``faces`` (N, d), where ``face_mask`` (N,) is True, add the identity test.
    ``attributes`` are all of the people table unless named. Fewer than ``minimum`` people with or without a category
    on either side make that question :class:`Undefined` (audit-rules.md 5.7). ``controls`` permutations of every
    attribute among people are read with the settings chosen for the true one. ``watch`` may show the progress
    (:func:`fairhire.progress.show_progress` fits).

    Raises :class:`DataError` for a candidate on both sides, an empty side, NaN within a vector, or unequal lengths.
    """
    settings = _Settings(controls, replicates, level, seed)
    runs = {subject: sources}
    if against is not None:
        if subject == against_subject or set(sources) != set(against):
            raise DataError(
                f"leakage of {subject!r} beside {against_subject!r}: expected two names and the same sources, "
                f"got {sorted(sources)} and {sorted(against)}"
            )
        runs[against_subject] = {source: against[source] for source in sources}
    interviews, read, left_out = _interviews(runs, candidates=candidates, fit=fit, test=test)
    wanted = tuple(demographics.attributes) if attributes is None else tuple(attributes)
    questions, unasked = ask(
        demographics,
        wanted,
        candidates=interviews.candidates,
        fit=interviews.fit,
        test=interviews.test,
        minimum=minimum,
    )
    steps = len(runs) * len(sources) * (len(questions) + (faces is not None))
    readings: list[list[_Reading]] = []
    with watch("measuring leakage", steps) as advance:
        for name, run in read.items():
            found: list[_Reading] = []
            for source, vectors in run.items():
                for question in questions:
                    found += _ask_probes(name, source, vectors, interviews, question, probes=probes, settings=settings)
                    advance(1, f"{name}: {question.target} from the {source}")
                if faces is not None:
                    found += _find_faces(name, source, vectors, interviews, faces, face_mask, settings=settings)
                    advance(1, f"{name}: faces from the {source}")
            readings.append(found)
    if faces is not None and face_mask is not None:
        without = int(((interviews.fit | interviews.test) & ~np.asarray(face_mask, dtype=bool)).sum())
        if without:
            left_out.append(LeftOut("face: interviews", without, "no face"))
    comparisons = _compare(readings[0], readings[1], settings) if len(readings) == 2 else ()
    rows = tuple(reading.row for found in readings for reading in found)
    return LeakageResult(rows, tuple(comparisons), (*left_out, *unasked), seed)


def _interviews(
    runs: Mapping[str, Mapping[str, ArrayLike]], *, candidates: ArrayLike, fit: ArrayLike, test: ArrayLike
) -> tuple[_Interviews, dict[str, dict[str, Floats]], list[LeftOut]]:
    """Check everything, and leave out the interviews of which some source says nothing."""
    names = np.asarray(candidates, dtype=str)
    left, right = np.asarray(fit, dtype=bool), np.asarray(test, dtype=bool)
    check_same_rows(len(names), fit=left, test=right)
    both = np.intersect1d(names[left], names[right])
    if len(both):
        raise DataError(
            f"leakage: expected different candidates to fit and to test, got {str(both[0])!r} and {len(both) - 1} more "
            "on both sides; leave them out of one"
        )
    silent = np.zeros(len(names), dtype=bool)
    raw: dict[str, dict[str, Floats]] = {}
    for subject, sources in runs.items():
        raw[subject] = {}
        for source, values in sources.items():
            vectors = np.asarray(values, dtype=np.float64)
            vectors = vectors[:, None] if vectors.ndim == 1 else vectors
            check_same_rows(len(names), **{f"{subject}, {source}": vectors})
            silent |= np.isnan(vectors).all(axis=1)
            raw[subject][source] = vectors
    read = {
        subject: {source: _spoken(vectors, silent, f"{subject}, {source}") for source, vectors in sources.items()}
        for subject, sources in raw.items()
    }
    left_out = []
    if (n := int((silent & (left | right)).sum())) > 0:
        left_out.append(LeftOut("interviews", n, "the model says nothing of them"))
    if n := int((~left & ~right).sum()):
        left_out.append(LeftOut("interviews", n, "neither on the fit side nor on the test side (validation)"))
    interviews = _Interviews(names, left & ~silent, right & ~silent)
    for side, rows in (("fit", interviews.fit), ("test", interviews.test)):
        if not rows.any():
            raise DataError(f"leakage: expected interviews on the {side} side, got none")
    return interviews, read, left_out


def _spoken(vectors: Floats, silent: Flags, name: str) -> Floats:
    """Return the vectors with silent rows as zeros, which no side uses; refuse NaN in any other."""
    return check_vectors(np.where(silent[:, None], 0.0, vectors), name)


def _ask_probes(
    subject: str,
    source: str,
    vectors: Floats,
    interviews: _Interviews,
    question: Question,
    *,
    probes: Mapping[str, Probe],
    settings: _Settings,
) -> list[_Reading]:
    fit, test = interviews.fit & question.known, interviews.test & question.known
    persons = interviews.candidates[test]

    def row(probe: str, estimate: Measurement, control: Control | None, inner: float | None) -> LeakageRow:
        place = (subject, source, question.attribute, question.target, probe, "auc")
        return LeakageRow(*place, estimate, 0.5, interviews.people(fit), interviews.people(test), control, inner)

    if question.missing is not None:
        return [_Reading(row(probe, question.missing, None, None), None, persons) for probe in probes]
    people = FitPeople(vectors[fit], question.label[fit], interviews.candidates[fit])
    choices = {name: probe.choose(people, seed=settings.seed) for name, probe in probes.items()}
    statistics = {
        name: auc_of(question.label[test], probe.fit(people, choices[name], seed=settings.seed)(vectors[test]))
        for name, probe in probes.items()
    }
    measured = bootstrap_by_person(
        statistics, persons, replicates=settings.replicates, level=settings.level, seed=settings.seed
    )
    controls = {
        name: _control(probe, choices[name], people, vectors[test], question.label[test], persons, settings)
        for name, probe in probes.items()
    }
    return [
        _Reading(row(name, measured[name], controls[name], choices[name].inner), statistics[name], persons)
        for name in probes
    ]


def _control(
    probe: Probe,
    choice: Choice,
    people: FitPeople,
    vectors: Floats,
    label: Flags,
    persons: NDArray[np.str_],
    settings: _Settings,
) -> Control | None:
    """Fit and judge the probe on labels dealt out anew among the people of each side; None if not asked for."""
    values = []
    for permutation in range(settings.controls):
        rng = np.random.default_rng([settings.seed, permutation])
        read = probe.fit(people.shuffled(rng), choice, seed=settings.seed)
        values.append(auc(shuffle_by_person(label, persons, rng), read(vectors)))
    return Control(float(np.mean(values)), min(values), max(values), len(values)) if values else None


def _find_faces(
    subject: str,
    source: str,
    vectors: Floats,
    interviews: _Interviews,
    faces: ArrayLike,
    face_mask: ArrayLike | None,
    *,
    settings: _Settings,
) -> list[_Reading]:
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
            readings.append(_Reading(row, None if credit is None else share_of(credit), found.persons))
    return readings


def _compare(ours: Sequence[_Reading], theirs: Sequence[_Reading], settings: _Settings) -> list[Comparison]:
    """Pair the readings of two runs, which were made in the same order of the same interviews."""
    comparisons = []
    for mine, other in zip(ours, theirs, strict=True):
        row = mine.row
        if mine.statistic is None or other.statistic is None:
            difference: Measurement = row.estimate if isinstance(row.estimate, Undefined) else other.row.estimate
        else:
            difference = bootstrap_difference(
                mine.statistic,
                other.statistic,
                mine.persons,
                replicates=settings.replicates,
                level=settings.level,
                seed=settings.seed,
            )
        comparisons.append(
            Comparison(row.subject, other.row.subject, row.source, row.target, row.probe, row.metric, difference)
        )
    return comparisons
