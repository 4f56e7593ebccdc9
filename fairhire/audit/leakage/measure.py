"""Measures what can be read about people from what a model says and keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.audit.demographics import Demographics
from fairhire.audit.leakage.attributes import Question, ask
from fairhire.audit.leakage.probes import PROBES, FitPeople, Probe, shuffle_by_person
from fairhire.audit.leakage.table import Comparison, Control, LeakageResult, LeakageRow, LeftOut
from fairhire.errors import DataError
from fairhire.estimate import (
    Statistic,
    Undefined,
    auc,
    auc_of,
    bootstrap_by_person,
    bootstrap_difference,
    share_of,
)
from fairhire.readout import check_same_rows, check_vectors
from fairhire.retrieval import retrieve_faces

__all__ = ["leakage"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


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
    persons: NDArray[Any]


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
    tell: Callable[[str], None] = lambda _: None,
) -> LeakageResult:
    """Return what fresh probes read of every attribute from every source, and whether faces can be found from it.

    ``sources`` maps a name (``score``, ``representation``, ...) to a score (N,) or vectors (N, H); an interview that is
    NaN throughout in one source is left out of all, counted. ``candidates`` (N,) names the person of each interview.
    Probes are fitted on the ``fit`` (N,) people, those the model trained on, and judged on the ``test`` (N,) people,
    whom it never saw. ``against`` holds the same sources of another run, row by row, which is measured beside and
    compared on the same people. ``faces`` (N, d), where ``face_mask`` (N,) is True, add the identity test.
    ``attributes`` are all of the people table unless named. Fewer than ``minimum`` people with or without a category
    on either side make that question :class:`Undefined` (audit-rules.md 5.7). ``controls`` permutations of every
    attribute among people are read with the settings chosen for the true one. ``tell`` hears what is measured next.

    Raises :class:`DataError` for a candidate on both sides, an empty side, NaN within a vector, or unequal lengths.
    """
    settings = _Settings(controls, replicates, level, seed)
    runs = {subject: sources} | ({} if against is None else {against_subject: against})
    if against is not None and (subject == against_subject or set(sources) != set(against)):
        raise DataError(
            f"leakage of {subject!r} beside {against_subject!r}: expected two names and the same sources, "
            f"got {sorted(sources)} and {sorted(against)}"
        )
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
    readings: list[list[_Reading]] = []
    for name, run in read.items():
        found: list[_Reading] = []
        for source, vectors in run.items():
            for question in questions:
                tell(f"{name}: {question.target} from the {source}")
                found += _ask_probes(name, source, vectors, interviews, question, probes=probes, settings=settings)
            if faces is not None:
                tell(f"{name}: faces from the {source}")
                found += _find_faces(name, source, vectors, interviews, faces, face_mask, settings=settings)
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
            f"leakage: expected different candidates to fit and to test, got {both[0]!r} and {len(both) - 1} more on "
            "both sides; leave them out of one"
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
    counts = {"n_fit": interviews.people(fit), "n_test": interviews.people(test)}
    place = (subject, source, question.attribute, question.target)
    persons = interviews.candidates[test]
    if question.missing is not None:
        rows = [LeakageRow(*place, probe, "auc", question.missing, 0.5, **counts) for probe in probes]
        return [_Reading(row, None, persons) for row in rows]
    people = FitPeople(vectors[fit], question.label[fit], interviews.candidates[fit])
    choices = {name: probe.choose(people, seed=settings.seed) for name, probe in probes.items()}
    statistics = {
        name: auc_of(question.label[test], probe.fit(people, choices[name], seed=settings.seed)(vectors[test]))
        for name, probe in probes.items()
    }
    measured = bootstrap_by_person(
        statistics, persons, replicates=settings.replicates, level=settings.level, seed=settings.seed
    )
    readings = []
    for name, probe in probes.items():
        values = [
            _shuffled_auc(
                probe, choices[name], people, vectors[test], question.label[test], persons, (settings.seed, i)
            )
            for i in range(settings.controls)
        ]
        control = Control(float(np.mean(values)), min(values), max(values), len(values)) if values else None
        row = LeakageRow(*place, name, "auc", measured[name], 0.5, **counts, control=control, inner=choices[name].inner)
        readings.append(_Reading(row, statistics[name], persons))
    return readings


def _shuffled_auc(
    probe: Probe,
    choice: Any,
    people: FitPeople,
    vectors: Floats,
    label: Flags,
    persons: NDArray[Any],
    seed: tuple[int, int],
) -> float:
    """Return the AUC of a probe fitted and judged on labels dealt out anew among the people of each side."""
    rng = np.random.default_rng(seed)
    read = probe.fit(people.shuffled(rng), choice, seed=seed[0])
    return auc(shuffle_by_person(label, persons, rng), read(vectors))


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
    counts = {"n_fit": found.n_fit, "n_test": found.n_test}
    readings = []
    for reading in found.readings:
        ranks = reading.ranks
        for k, estimate in reading.recall.items():
            row = LeakageRow(
                subject,
                source,
                "face",
                "face",
                reading.probe,
                f"recall@{k}",
                estimate,
                found.chance[k],
                **counts,
                inner=reading.inner,
            )
            readings.append(_Reading(row, None if ranks is None else share_of(ranks.found(k)), found.persons))
        row = LeakageRow(
            subject,
            source,
            "face",
            "face",
            reading.probe,
            "mean_rank_auc",
            reading.auc,
            0.5,
            **counts,
            inner=reading.inner,
        )
        readings.append(_Reading(row, None if ranks is None else share_of(ranks.auc()), found.persons))
    return readings


def _compare(ours: Sequence[_Reading], theirs: Sequence[_Reading], settings: _Settings) -> list[Comparison]:
    """Pair the readings of two runs, which were made in the same order of the same interviews."""
    comparisons = []
    for mine, other in zip(ours, theirs, strict=True):
        row = mine.row
        if mine.statistic is None or other.statistic is None:
            difference: Any = row.estimate if isinstance(row.estimate, Undefined) else other.row.estimate
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
