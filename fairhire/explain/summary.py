"""Attention over many interviews: means of a question, of a word and of a place in an answer, with their intervals."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fairhire.data.corpus import Corpus
from fairhire.data.vocabulary import UNKNOWN, Vocabulary
from fairhire.estimate import Measurement, Statistic, Undefined, bootstrap_by_person, quotient
from fairhire.explain.look import InterviewLook
from fairhire.interview import TEXT

__all__ = [
    "BINS",
    "UNKNOWN_WORD",
    "Mean",
    "mean_profiles",
    "means_by_person",
    "profile",
    "question_means",
    "word_means",
]

Floats = NDArray[np.float64]

BINS = 10
"""Parts of an answer between its beginning and its end (ours)."""

UNKNOWN_WORD = "(words that the model does not know)"


@dataclass(frozen=True)
class Mean:
    """A mean of ``n`` numbers of ``people``, with its interval by person, or why there is none."""

    value: float
    estimate: Measurement
    n: int
    people: int


def means_by_person(
    found: Iterable[tuple[Hashable, str, float]], *, least: int = 1, seed: int = 0
) -> dict[Hashable, Mean]:
    """Return the mean of the numbers of every key from ``(key, person, number)``, in order of appearance.

    All numbers of a key weigh the same; the interval resamples whole people, all of them for every key. A key of fewer
    than ``least`` numbers gets no interval, its reason says so.
    """
    sums: dict[Hashable, dict[str, list[float]]] = {}
    for key, person, value in found:
        sums.setdefault(key, {}).setdefault(person, []).append(value)
    people = sorted({person for own in sums.values() for person in own})
    place = {person: number for number, person in enumerate(people)}
    statistics: dict[str, Statistic] = {}
    means: dict[Hashable, Mean] = {}
    for number, (key, own) in enumerate(sums.items()):
        n = sum(map(len, own.values()))
        total = sum(map(sum, own.values()))
        means[key] = Mean(total / n, Undefined(f"fewer than {least} of them", len(own)), n, len(own))
        if n >= least:
            statistics[str(number)] = _mean_of_sums(own, place)
    intervals = bootstrap_by_person(statistics, people, seed=seed)
    for number, (key, mean) in enumerate(means.items()):
        if (measured := intervals.get(str(number))) is not None:
            means[key] = replace(mean, estimate=replace(measured, n=mean.people))
    return means


def _mean_of_sums(own: Mapping[str, Sequence[float]], place: Mapping[str, int]) -> Statistic:
    """Return the mean of all numbers of people, of whom each is a row with their sum and count."""
    rows = np.array([place[person] for person in own])
    totals = np.array([sum(values) for values in own.values()])
    counts = np.array([len(values) for values in own.values()], dtype=float)

    def evaluate(weights: Floats) -> Floats:
        drawn = weights[rows]
        return quotient(totals @ drawn, counts @ drawn)

    return Statistic(evaluate, len(place), "there is nothing to average")


def question_means(looks: Sequence[InterviewLook], corpus: Corpus, *, seed: int = 0) -> dict[str, dict[Hashable, Mean]]:
    """Return, by modality, the mean question value of every question text, 1 being equal weight."""
    questions, candidates = corpus.answers["question"], corpus.interviews["candidate"]
    return {
        name: means_by_person(
            (
                (str(questions.iloc[corpus.answer_rows(look.row)[answer.slot]]), candidates.iloc[look.row], value)
                for look in looks
                for answer in look.looks.get(name, ())
                for value in (answer.question_value,)
            ),
            seed=seed,
        )
        for name in _names(looks)
    }


def word_means(
    looks: Sequence[InterviewLook], corpus: Corpus, vocabulary: Vocabulary, *, least: int, seed: int = 0
) -> dict[Hashable, Mean]:
    """Return the mean value of every word that was read; those that the model does not know are one."""
    candidates = corpus.interviews["candidate"]
    known = vocabulary.ids(corpus.words)
    spelled = [UNKNOWN_WORD if id_ == UNKNOWN else word for word, id_ in zip(corpus.words, known, strict=True)]
    return means_by_person(
        (
            (spelled[word], candidates.iloc[look.row], float(value))
            for look in looks
            for answer in look.looks.get(TEXT, ())
            for word, value in zip(
                corpus.frames(TEXT, corpus.answer_rows(look.row)[answer.slot]), answer.values, strict=False
            )
        ),
        least=least,
        seed=seed,
    )


def profile(frames: Floats, bins: int = BINS) -> Floats:
    """Return how densely attention ``frames`` (T,) lies on equal parts of an answer (bins,), 1 being even.

    Frame t of T fills the time from t / T to (t + 1) / T evenly, so that an answer may be shorter than its parts.
    """
    edges = np.linspace(0, 1, bins + 1)
    passed = np.interp(edges, np.linspace(0, 1, len(frames) + 1), np.concatenate([[0.0], np.cumsum(frames)]))
    density: Floats = np.diff(passed) * bins
    return density


def mean_profiles(looks: Sequence[InterviewLook], corpus: Corpus, *, seed: int = 0) -> dict[str, dict[Hashable, Mean]]:
    """Return, by modality, the mean profile over answers of more than one frame, keys 0 to 9."""
    candidates = corpus.interviews["candidate"]
    return {
        name: means_by_person(
            (
                (part, candidates.iloc[look.row], float(density))
                for look in looks
                for answer in look.looks.get(name, ())
                if len(answer.frames) > 1
                for part, density in enumerate(profile(answer.frames))
            ),
            seed=seed,
        )
        for name in _names(looks)
    }


def _names(looks: Sequence[InterviewLook]) -> list[str]:
    return list(dict.fromkeys(name for look in looks for name in look.looks))
