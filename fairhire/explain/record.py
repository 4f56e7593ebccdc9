"""An explanation in numbers: of one interview, of a position, or of a whole corpus; each with whether to trust it.

The records are what stands in EXPLANATION.json (``docs/explain.md``); pages and pictures are made from them alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.atomic import sha256
from fairhire.data.corpus import Corpus
from fairhire.data.vocabulary import UNKNOWN
from fairhire.errors import NotComputableError, UsageError
from fairhire.explain.beside import compare_looks, mean_disagreement
from fairhire.explain.faithful import DRAWS, RANKERS, SHARES, judge, measure_curves
from fairhire.explain.importance import ATTENTION
from fairhire.explain.look import InterviewLook, Look, OpenedRun
from fairhire.explain.peaks import find_peaks
from fairhire.explain.stills import still_at
from fairhire.explain.summary import Mean, mean_profiles, question_means, word_means
from fairhire.interview import TEXT, Answer, Interview
from fairhire.progress import Advance, silent
from fairhire.runs import Run

__all__ = [
    "EXPLANATION_SCHEMA",
    "LEAST",
    "MOMENTS",
    "SAMPLE",
    "explain_corpus",
    "explain_interview",
    "explain_position",
]

EXPLANATION_SCHEMA = 1
"""The number of the records' layout."""

SAMPLE = 200
"""Interviews of test people at most that attention is judged on (ours)."""

LEAST = 10
"""Occurrences below which a word is too rare to be ranked (ours)."""

MOMENTS = 10
"""Moments of an interview that are listed, of each modality (ours)."""

Watch = Callable[[str, int], AbstractContextManager[Advance]]


def _unwatched(_what: str, _total: int) -> AbstractContextManager[Advance]:
    return nullcontext(silent)


def explain_interview(
    run: Run,
    corpus: Corpus,
    interview: str,
    *,
    beside: Run | None = None,
    recordings: Mapping[int, Path] | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
    watch: Watch = _unwatched,
) -> dict[str, Any]:
    """Return where the model of ``run`` looked in one interview, what it made of it, and whether that can be trusted.

    ``recordings`` maps an answer, counted from 1, to the recording of it, for pictures at the peaks. Raises
    :class:`UsageError` for an interview or an answer that is not there or has no moments in seconds,
    :class:`DataError` for a corpus or a recording that does not fit, :class:`NotComputableError` for an interview of
    which nothing was recorded in the model's modalities.
    """
    opened, other = _open(run, corpus, beside)
    row = _row_of(corpus, interview)
    (look,) = opened.looks(np.array([row]))
    if look.logit is None:
        raise NotComputableError(
            f"interview {interview!r}: expected {' or '.join(opened.modalities)}, which the run reads, got none: there "
            "is nothing to explain"
        )
    there = None if other is None else other.looks(np.array([row]))[0]
    told = corpus[row]
    _check_recordings(told, look, corpus, recordings or {})
    score = 1 / (1 + math.exp(-look.logit))
    answers = [
        _answer(opened, told.answers[slot], slot, look, there, (recordings or {}).get(slot + 1))
        for slot in range(len(told.answers))
    ]
    return {
        **_head("interview", opened, other),
        "interview": {
            "id": told.id,
            "position": told.position,
            "job_title": told.job_title,
            "score": score,
            "logit": look.logit,
            "selected": score >= opened.threshold,
            "answers": answers,
            "moments": {name: _moments(answers, name) for name in look.looks},
            "missing": [name for name in opened.modalities if name not in look.looks],
            "beside": None if there is None else _beside_interview(look, there),
        },
        **_trust(opened, other, sample, seed, watch, own=row),
    }


def explain_position(
    run: Run,
    corpus: Corpus,
    position: str,
    *,
    beside: Run | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
    watch: Watch = _unwatched,
) -> dict[str, Any]:
    """Return how the model weighs a position's questions on average, with intervals by candidate.

    Raises :class:`UsageError` for a position that is not there, otherwise as :func:`explain_interview`.
    """
    opened, other = _open(run, corpus, beside)
    positions = corpus.interviews["position"].astype(str)
    rows = np.flatnonzero(positions == position)
    if len(rows) == 0:
        known = sorted(set(positions))
        raise UsageError(
            f"position: expected one of the {len(known)} of {corpus.path} ({_some(known)}), got {position!r}"
        )
    looks, there = _both(opened, other, rows, watch)
    _need_scores(looks, opened, f"position {position!r}")
    ours = question_means(looks, corpus, seed=seed)
    theirs = {} if there is None else question_means(there, corpus, seed=seed)
    return {
        **_head("position", opened, other),
        "position": {
            "name": position,
            "interviews": len(rows),
            "candidates": _people(corpus, rows),
            "unscored": sum(look.logit is None for look in looks),
            "questions": {
                name: [
                    {"question": question, **_mean(mean), "beside": _mean_or_none(theirs.get(name, {}).get(question))}
                    for question, mean in means.items()
                ]
                for name, means in ours.items()
            },
        },
        **_trust(opened, other, sample, seed, watch),
    }


def explain_corpus(
    run: Run,
    corpus: Corpus,
    *,
    beside: Run | None = None,
    least: int = LEAST,
    sample: int = SAMPLE,
    seed: int = 0,
    watch: Watch = _unwatched,
) -> dict[str, Any]:
    """Return the words that the model looks at most, where in an answer it looks, and whether that can be trusted.

    Words of fewer than ``least`` occurrences are counted and listed, not ranked. Raises as :func:`explain_interview`.
    """
    opened, other = _open(run, corpus, beside)
    rows = np.arange(len(corpus))
    looks, there = _both(opened, other, rows, watch)
    _need_scores(looks, opened, str(corpus.path))
    ours = mean_profiles(looks, corpus, seed=seed)
    theirs = {} if there is None else mean_profiles(there, corpus, seed=seed)
    return {
        **_head("corpus", opened, other),
        "corpus_wide": {
            "interviews": len(corpus),
            "candidates": _people(corpus, rows),
            "unscored": sum(look.logit is None for look in looks),
            "words": _words(opened, other, looks, there, least, seed) if TEXT in opened.modalities else None,
            "profiles": {
                name: [
                    {**_mean(mean), "beside": _mean_or_none(theirs.get(name, {}).get(part))}
                    for part, mean in means.items()
                ]
                for name, means in ours.items()
                if means
            },
        },
        **_trust(opened, other, sample, seed, watch),
    }


def _open(run: Run, corpus: Corpus, beside: Run | None) -> tuple[OpenedRun, OpenedRun | None]:
    opened = OpenedRun(run, corpus)
    if beside is None:
        return opened, None
    other = OpenedRun(beside, corpus)
    if not set(opened.modalities) & set(other.modalities):
        raise UsageError(
            f"beside: expected a run that reads {' or '.join(opened.modalities)}, got one of "
            f"{', '.join(other.modalities)}: {beside.path}"
        )
    return opened, other


def _both(
    opened: OpenedRun, other: OpenedRun | None, rows: NDArray[np.int64], watch: Watch
) -> tuple[list[InterviewLook], list[InterviewLook] | None]:
    with watch("looking", len(rows) * (1 if other is None else 2)) as advance:
        looks = opened.looks(rows, advance=advance)
        return looks, None if other is None else other.looks(rows, advance=advance)


def _row_of(corpus: Corpus, interview: str) -> int:
    ids = corpus.interviews["id"].astype(str)
    rows = np.flatnonzero(ids == interview)
    if len(rows) == 0:
        raise UsageError(
            f"interview: expected one of the {len(ids)} of {corpus.path} ({_some(list(ids))}), got {interview!r}"
        )
    return int(rows[0])


def _some(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:3]) + (", …" if len(names) > 3 else "")


def _people(corpus: Corpus, rows: NDArray[np.int64]) -> int:
    return int(corpus.interviews["candidate"].iloc[rows].nunique())


def _need_scores(looks: Sequence[InterviewLook], opened: OpenedRun, where: str) -> None:
    if all(look.logit is None for look in looks):
        raise NotComputableError(
            f"{where}: expected {' or '.join(opened.modalities)}, which the run reads, in some interview, got none"
        )


def _head(kind: str, opened: OpenedRun, other: OpenedRun | None) -> dict[str, Any]:
    corpus = opened.corpus
    return {
        "schema": EXPLANATION_SCHEMA,
        "kind": kind,
        "run": _run(opened),
        "beside": None if other is None else _run(other),
        "corpus": {
            "name": corpus.path.resolve().name,
            "sha256": sha256(corpus.path / "corpus.json"),
            "rates_hz": {name: corpus.modalities[name].rate_hz for name in opened.modalities},
        },
        "versions": {name: version(name) for name in ("fairhire", "torch", "numpy", "av")},
    }


def _run(opened: OpenedRun) -> dict[str, Any]:
    run = opened.run
    return {
        "name": run.path.resolve().name,
        "model": opened.model.config.name,
        "adversary": str(run.config.get("adversary", "none")),
        "modalities": list(opened.modalities),
        "longest": int(run.config["longest"]),
        "threshold": opened.threshold,
        "even": opened.is_even,
        "sha256": sha256(run.path / "provenance.json"),
    }


def _answer(
    opened: OpenedRun,
    answer: Answer,
    slot: int,
    look: InterviewLook,
    there: InterviewLook | None,
    recording: Path | None,
) -> dict[str, Any]:
    modalities: dict[str, Any] = {}
    for name in opened.modalities:
        found = _look_at(look, name, slot)
        if found is None:
            modalities[name] = None
            continue
        other = None if there is None else _look_at(there, name, slot)
        values = found.values
        said = answer.words or ()
        own: dict[str, Any] = {
            "question_value": found.question_value,
            "beside_question_value": None if other is None else other.question_value,
            "frames": len(said) if name == TEXT else len(answer.features[name]),
            "read": len(values),
            "values": values.tolist(),
            "beside": None if other is None else other.values.tolist(),
        }
        if name == TEXT:
            known = opened.vocabulary.ids(said) != UNKNOWN
            times = _word_seconds(answer)
            own["words"] = [
                {
                    "word": word,
                    "state": "unread" if place >= len(values) else "read" if known[place] else "unknown",
                    "seconds": times[place],
                }
                for place, word in enumerate(said)
            ]
            timed = any(seconds is not None for seconds in times)
            own["peaks"] = _peaks(values, times, 1.0, recording) if timed else []
        else:
            rate = opened.corpus.modalities[name].rate_hz
            at = [None if rate is None else place / rate for place in range(len(values))]
            own["peaks"] = _peaks(values, at, rate or 1.0, recording)
        modalities[name] = own
    return {"number": slot + 1, "question": answer.question, "modalities": modalities}


def _look_at(look: InterviewLook, name: str, slot: int) -> Look | None:
    return next((one for one in look.looks.get(name, ()) if one.slot == slot), None)


def _word_seconds(answer: Answer) -> list[float | None]:
    """Return when each word was begun, None where nobody knows."""
    if answer.word_times is None:
        return [None] * len(answer.words or ())
    return [None if math.isnan(seconds) else float(seconds) for seconds in answer.word_times]


def _peaks(
    values: NDArray[np.float64], at: Sequence[float | None], apart: float, recording: Path | None
) -> list[dict[str, Any]]:
    """Return the peaks of ``values`` (T,), with the picture that ``recording`` shows ``at`` (T,) those seconds."""
    found = []
    for place in find_peaks(values, apart=apart):
        seconds = at[place]
        still = None if seconds is None or recording is None else still_at(recording, seconds)
        found.append({"frame": place, "seconds": seconds, "value": float(values[place]), "still": still})
    return found


def _check_recordings(told: Interview, look: InterviewLook, corpus: Corpus, recordings: Mapping[int, Path]) -> None:
    spoken = TEXT in look.looks and any(answer.word_times is not None for answer in told.answers)
    timed = spoken or any(corpus.modalities[name].rate_hz is not None for name in look.looks)
    for number in recordings:
        if not 1 <= number <= len(told.answers):
            raise UsageError(
                f"recording: expected an answer from 1 to {len(told.answers)} of interview {told.id!r}, got {number}"
            )
    if recordings and not timed:
        raise UsageError(
            "recording: expected a run that reads a modality with frames per second, or words with times, in which "
            f"moments have a time, got {', '.join(look.looks)}"
        )


def _moments(answers: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the frames of the highest values of an interview, in their order."""
    found = [
        {
            "answer": answer["number"],
            "frame": place,
            "word": own["words"][place]["word"] if name == TEXT else None,
            "seconds": own["words"][place]["seconds"] if name == TEXT else None,
            "value": value,
            "beside": _at(own["beside"], place),
        }
        for answer in answers
        if (own := answer["modalities"][name]) is not None
        for place, value in enumerate(own["values"])
    ]
    return sorted(found, key=lambda moment: (-moment["value"], moment["answer"], moment["frame"]))[:MOMENTS]


def _at(values: Sequence[float] | None, place: int) -> float | None:
    return None if values is None or place >= len(values) else values[place]


def _beside_interview(look: InterviewLook, there: InterviewLook) -> dict[str, Any]:
    return {
        "score": None if there.logit is None else 1 / (1 + math.exp(-there.logit)),
        "disagreement": {
            name: asdict(compare_looks(look.looks[name], there.looks[name]))
            for name in look.looks
            if name in there.looks
        },
    }


def _words(
    opened: OpenedRun,
    other: OpenedRun | None,
    looks: Sequence[InterviewLook],
    there: Sequence[InterviewLook] | None,
    least: int,
    seed: int,
) -> dict[str, Any]:
    """Return every word with its mean value, those that are common enough first, by value."""
    corpus = opened.corpus
    ours = word_means(looks, corpus, opened.vocabulary, least=least, seed=seed)
    theirs: dict[Hashable, Mean] = {}
    if other is not None and there is not None and TEXT in other.modalities:
        theirs = word_means(there, corpus, other.vocabulary, least=least, seed=seed)
    order = sorted(ours, key=lambda word: (ours[word].n < least, -ours[word].value, str(word)))
    rare = [mean for mean in ours.values() if mean.n < least]
    return {
        "least": least,
        "too_rare": {"words": len(rare), "occurrences": sum(mean.n for mean in rare)},
        "list": [
            {
                "word": word,
                **_mean(ours[word]),
                "too_rare": ours[word].n < least,
                "beside": _mean_or_none(theirs.get(word)),
            }
            for word in order
        ],
    }


def _mean(mean: Mean) -> dict[str, Any]:
    return {"mean": mean.value, "estimate": mean.estimate.to_dict(), "n": mean.n, "candidates": mean.people}


def _mean_or_none(mean: Mean | None) -> dict[str, Any] | None:
    return None if mean is None else _mean(mean)


def _trust(
    opened: OpenedRun,
    other: OpenedRun | None,
    sample: int,
    seed: int,
    watch: Watch,
    *,
    own: int | None = None,
) -> dict[str, Any]:
    """Return whether attention is faithful over test people, and how far the other run looks elsewhere on them.

    ``own`` is the row of an interview whose own curves are wanted beside.
    """
    corpus = opened.corpus
    rows, judged = _judged(opened, sample, seed)
    rankers = {name: ranker for name, ranker in RANKERS.items() if not (opened.is_even and name == ATTENTION)}
    candidates = corpus.interviews["candidate"].to_numpy(dtype=str)
    with watch("asking again without", len(rows) + (own is not None)) as advance:
        curves = measure_curves(opened, rows, rankers=rankers, seed=seed, advance=advance)
        alone = None
        if own is not None:
            alone = measure_curves(opened, np.array([own]), rankers=rankers, seed=seed, advance=advance)
    disagreement = None
    if other is not None:
        disagreement = mean_disagreement(opened.looks(rows), other.looks(rows), candidates[rows], seed=seed)
    return {
        "faithful": {
            "judged": judged,
            "draws": DRAWS,
            "shares": list(SHARES),
            "scopes": {scope: judge(found, candidates[found.rows], seed=seed) for scope, found in curves.items()},
            "own": None
            if alone is None
            else {
                scope: {
                    side: {name: values[0].tolist() for name, values in getattr(found, side).items()}
                    for side in ("deletion", "insertion")
                }
                for scope, found in alone.items()
            },
        },
        "disagreement": disagreement,
    }


def _judged(opened: OpenedRun, sample: int, seed: int) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """Return the interviews that attention is judged on, and who they are.

    They are of the run's test people; where the corpus is not the one of the run, of everybody in it.
    """
    corpus, run = opened.corpus, opened.run
    same = run.provenance.get("corpus", {}).get("corpus_sha256") in corpus.lineage
    tested = np.array(run.scores.ids)[run.scores.split == "test"]
    wanted = corpus.interviews["id"].isin(tested).to_numpy(bool) if same else np.ones(len(corpus), dtype=bool)
    usable = wanted & opened.reader.usable()
    rows = np.flatnonzero(usable)
    if len(rows) > sample:
        rows = np.sort(np.random.default_rng(seed).choice(rows, sample, replace=False))
    return rows, {
        "people": "test" if same else "all",
        "interviews": len(rows),
        "of": int(usable.sum()),
        "unrecorded": int((wanted & ~usable).sum()),
        "candidates": _people(corpus, rows),
        "seed": seed,
    }
