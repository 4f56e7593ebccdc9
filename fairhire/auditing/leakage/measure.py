"""Measures what can be read about people from what a model says and keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.auditing.demographics import Demographics
from fairhire.auditing.leakage.attributes import Question, ask
from fairhire.auditing.leakage.codelength import Code
from fairhire.auditing.leakage.family import FitPeople, Probe
from fairhire.auditing.leakage.probes import PROBES
from fairhire.auditing.leakage.reading import Asker, Interviews, Reading, Settings, find_faces
from fairhire.auditing.leakage.table import Comparison, LeakageResult
from fairhire.errors import DataError
from fairhire.estimate import Measurement, Undefined, bootstrap_difference
from fairhire.left_out import LeftOut
from fairhire.progress import Advance, silent
from fairhire.readout import check_same_rows, check_vectors

__all__ = ["Watch", "leakage"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Watch = Callable[[str, int], AbstractContextManager[Advance]]
"""Shows the progress of so many steps of something."""

NO_CODES: Mapping[str, Code] = MappingProxyType({})


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
    codes: Mapping[str, Code] = NO_CODES,
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
    compared on the same people. ``codes``, none unless given, add how many bits the vectors save who sends the
    attribute of the fit people (:data:`~fairhire.auditing.leakage.CODES`): the one figure that is not of test people.
    ``faces`` (N, d), where ``face_mask`` (N,) is True, add the identity test. ``attributes`` are all of the people
    table unless named. Fewer than ``minimum`` people with or without a category on either side make that question
    :class:`Undefined` (audit-rules.md 5.7). ``controls`` permutations of every attribute among people are read with
    the settings chosen for the true one; a face needs none, its chance is k of N. ``watch`` may show the progress
    (:func:`fairhire.progress.show_progress` fits).

    Raises :class:`DataError` for a candidate on both sides, an empty side, NaN within a vector, or unequal lengths.
    """
    settings = Settings(controls, replicates, level, seed)
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
    readings: list[list[Reading]] = []
    with watch("measuring leakage", steps) as advance:
        for name, run in read.items():
            found: list[Reading] = []
            for source, vectors in run.items():
                for asked in _by_attribute(questions):
                    everyone = _everyone(vectors, interviews, asked)
                    for question in asked:
                        people = everyone.asked(question.label[interviews.fit & question.known])
                        asker = Asker(name, source, interviews, question, people, settings)
                        found += [*asker.ask_probes(vectors, probes), *asker.ask_codes(codes)]
                        advance(1, f"{name}: {question.target} from the {source}")
                if faces is not None:
                    found += find_faces(name, source, vectors, interviews, faces, face_mask, settings=settings)
                    advance(1, f"{name}: faces from the {source}")
            readings.append(found)
    if faces is not None and face_mask is not None:
        without = int(((interviews.fit | interviews.test) & ~np.asarray(face_mask, dtype=bool)).sum())
        if without:
            left_out.append(LeftOut("face: interviews", without, "no face"))
    left_out += _over_the_most(questions, interviews, probes)
    comparisons = _compare(readings[0], readings[1], settings) if len(readings) == 2 else ()
    rows = tuple(reading.row for found in readings for reading in found)
    return LeakageResult(rows, tuple(comparisons), (*left_out, *unasked), seed)


def _interviews(
    runs: Mapping[str, Mapping[str, ArrayLike]], *, candidates: ArrayLike, fit: ArrayLike, test: ArrayLike
) -> tuple[Interviews, dict[str, dict[str, Floats]], list[LeftOut]]:
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
    interviews = Interviews(names, left & ~silent, right & ~silent)
    for side, rows in (("fit", interviews.fit), ("test", interviews.test)):
        if not rows.any():
            raise DataError(f"leakage: expected interviews on the {side} side, got none")
    return interviews, read, left_out


def _spoken(vectors: Floats, silent: Flags, name: str) -> Floats:
    """Return the vectors with silent rows as zeros, which no side uses; refuse NaN in any other."""
    return check_vectors(np.where(silent[:, None], 0.0, vectors), name)


def _by_attribute(questions: Sequence[Question]) -> list[list[Question]]:
    return [list(group) for _, group in groupby(questions, key=lambda question: question.attribute)]


def _everyone(vectors: Floats, interviews: Interviews, asked: Sequence[Question]) -> FitPeople:
    """Return the fit people of all questions about one attribute; the categories are what folds share out."""
    fit = interviews.fit & asked[0].known
    category = np.argmax([question.label[fit] for question in asked], axis=0) if len(asked) > 1 else asked[0].label[fit]
    return FitPeople(vectors[fit], asked[0].label[fit], interviews.candidates[fit], category)


def _over_the_most(questions: Sequence[Question], interviews: Interviews, probes: Mapping[str, Probe]) -> list[LeftOut]:
    """Say of how many people a probe did not learn because it is fitted on some of them only."""
    left_out = []
    for asked in _by_attribute(questions):
        people = interviews.people(interviews.fit & asked[0].known)
        for name, probe in probes.items():
            if probe.most_people is not None and people > probe.most_people:
                what = f"{asked[0].attribute}: candidates in the fit of the {name} probe"
                why = f"chosen by lot: it is fitted on {probe.most_people} at most"
                left_out.append(LeftOut(what, people - probe.most_people, why))
    return left_out


def _compare(ours: Sequence[Reading], theirs: Sequence[Reading], settings: Settings) -> list[Comparison]:
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
