"""Does one job of a bench: describes and fits, or trains, or fuses, and writes what came out.

Runs in a process of its own, on one thread; processes share the work among them, not within.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from fairhire.baselines import (
    AnswerRows,
    bag_of_frames,
    bag_of_words,
    document_vectors,
    fit_classifier,
    fit_regressor,
    non_sequential,
    recorded_answers,
    stack_ratings,
    stack_scores,
)
from fairhire.bench.predictions import Predictions, write_predictions
from fairhire.bench.systems import FUSED, NETWORKS, BenchConfig, Job, OtherScores, modalities_of
from fairhire.data.corpus import Corpus
from fairhire.data.source import read_table
from fairhire.errors import DataError, FairhireError
from fairhire.interview import TEXT
from fairhire.runs import Run
from fairhire.training import TrainConfig, parts_of, train

__all__ = ["Division", "divide", "do_job", "run_folder"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Division:
    """Who trains, who chooses and who tests in a round, as rows of the corpus, labelled interviews only.

    ``hirable`` (N,) is False where there is no label; ``rated[NAME]`` (N,) NaN where nobody rated.
    """

    parts: NDArray[np.str_]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    hirable: NDArray[np.bool_]
    rated: Mapping[str, Floats]


def divide(corpus: Corpus, config: TrainConfig) -> Division:
    """Return the division of a round's settings: the same for networks and classic learners."""
    parts = parts_of(corpus, config, [])
    label = corpus.interviews["hirable"]
    known = label.notna().to_numpy()
    train, validation, test = (np.flatnonzero((parts == part) & known) for part in ("train", "validation", "test"))
    hirable = label.fillna(False).to_numpy(dtype=bool)
    rated = {name: corpus.interviews[f"target:{name}"].to_numpy(np.float64) for name in config.ratings}
    return Division(parts, train, validation, test, hirable, rated)


def run_folder(out: Path, job: Job) -> Path:
    """Return where a network's run lies."""
    return out / "runs" / job.file


def do_job(path: Path, out: Path, config: BenchConfig, job: Job) -> str | None:
    """Do ``job`` on the corpus at ``path`` and write its predictions to ``out``; return why it failed, or None."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    began = time.monotonic()
    try:
        with threadpool_limits(1):
            corpus = Corpus(path)
            found = _predictions(corpus, out, config, job)
            ids = corpus.interviews["id"].to_numpy(dtype=str)
            about = {**found.about, "seconds": round(time.monotonic() - began, 2)}
            write_predictions(out, job, ids, replace(found, about=about))
    except FairhireError as error:
        return str(error)
    finally:
        torch.set_num_threads(before)
    return None


def _predictions(corpus: Corpus, out: Path, config: BenchConfig, job: Job) -> Predictions:
    training = config.of_round(job.round)
    if job.group == "others":
        return _other_scores(corpus, config.others[job.system], training)
    if job.group == "features":
        division = divide(corpus, training)
        x, answers, odd = _feature_rows(corpus, config.features[job.system], division)
        found = _classic(x, answers, division, job)
        return replace(found, about={**found.about, "kept": f"{found.about['kept']}; {odd}"}) if odd else found
    if job.after_others:
        names, _ = modalities_of(corpus, config)
        runs = {name: Run(run_folder(out, replace(job, group=name, system="hirenet"))) for name in names}
        if job.system == "late":
            return _late(runs, training)
        if job.system == "early":
            return _early(runs, divide(corpus, training), job)
        together = {"gated": Run(run_folder(out, replace(job, system="gated")))}
        return _stacked(runs | together, divide(corpus, training), training)
    if job.group == FUSED or job.system in NETWORKS:
        return _network(corpus, out, config, training, job)
    division = divide(corpus, training)
    answers = recorded_answers(corpus, job.group)
    return _classic(_described(corpus, answers, division, job), answers, division, job)


def _described(corpus: Corpus, answers: AnswerRows, division: Division, job: Job) -> Any:
    seed = job.round.seed
    if job.group == TEXT:
        if job.system == "non-sequential":
            return document_vectors(corpus, answers, division.train, seed=seed)
        return bag_of_words(corpus, answers, division.train)
    if job.system == "non-sequential":
        return non_sequential(corpus, job.group, answers, division.train)
    return bag_of_frames(corpus, job.group, answers, division.train, seed=seed)


def _classic(x: Any, answers: AnswerRows, division: Division, job: Job) -> Predictions:
    """Return what the best of the classic learners says, for the label and for every rating."""
    seed = job.round.seed
    began = time.monotonic()
    chosen = fit_classifier(x, answers, division.hirable, division.train, division.validation, seed=seed)
    about: dict[str, Any] = {
        "kept": chosen.trial.name,
        "validation_f1": chosen.validation_f1,
        "best_of": dict(chosen.best_of),
        "tried": chosen.tried,
        "one_sided": chosen.degenerate,
        "numbers": int(x.shape[1]),
        "ratings": {},
    }
    ratings = {}
    everyone = {part: np.flatnonzero(division.parts == part) for part in ("train", "validation")}
    for name, rated in division.rated.items():
        best = fit_regressor(x, answers, rated, everyone["train"], everyone["validation"], seed=seed)
        ratings[name] = best.prediction
        about["ratings"][name] = {"kept": best.trial.name, "validation_mae": best.validation_mae}
    about["fitting_seconds"] = round(time.monotonic() - began, 2)
    return Predictions(chosen.score, ratings, about)


def _network(corpus: Corpus, out: Path, config: BenchConfig, training: TrainConfig, job: Job) -> Predictions:
    names, _ = modalities_of(corpus, config)
    if job.group == FUSED:
        # As wide as one modality's vector: nothing attacks the fused one here, so nothing needs it narrow.
        settings = replace(
            training, model="hirenet", modalities=tuple(names), fusion=job.system, fused=2 * training.hidden
        )
    else:
        settings = replace(training, model=job.system, modalities=(job.group,))
    run = train(corpus, settings, run_folder(out, job))
    about = {
        "kept": f"epoch {run.chosen['epoch']} of {len(run.history)}",
        "validation_auc": run.chosen["validation_auc"],
        "validation_f1": run.chosen["validation_f1"],
        "remarks": run.provenance["remarks"],
    }
    return Predictions(run.scores.score, _ratings(run, training), about)


def _ratings(run: Run, training: TrainConfig) -> dict[str, Floats]:
    if not training.ratings:
        return {}
    said = run.ratings
    assert said is not None
    return {name: said.predicted[:, said.names.index(name)] for name in training.ratings}


def _late(runs: Mapping[str, Run], training: TrainConfig) -> Predictions:
    """Return the mean of the modalities' scores, of those that an interview has (papers section 1.1)."""
    score = _mean_of([run.scores.score for run in runs.values()])
    ratings = {name: _mean_of([_ratings(run, training)[name] for run in runs.values()]) for name in training.ratings}
    return Predictions(score, ratings, {"kept": f"mean of {', '.join(runs)}"})


def _stacked(runs: Mapping[str, Run], division: Division, training: TrainConfig) -> Predictions:
    """Return what the networks of one modality and the gated one say together, weighed on validation people (ours)."""
    scores = np.stack([run.scores.score for run in runs.values()], axis=1)
    score, weights = stack_scores(scores, division.hirable, division.validation)
    validation = np.flatnonzero(division.parts == "validation")
    ratings = {}
    for name, rated in division.rated.items():
        said = np.stack([_ratings(run, training)[name] for run in runs.values()], axis=1)
        ratings[name] = stack_ratings(said, rated, validation)
    told = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(runs, weights, strict=True))
    return Predictions(score, ratings, {"kept": f"weights of log-odds: {told}"})


def _early(runs: Mapping[str, Run], division: Division, job: Job) -> Predictions:
    """Return what the classic learners make of the networks' vectors side by side (papers section 1.1).

    The vectors of training people come from networks that learned on these people, as in the paper; what is kept is
    decided on validation people.
    """
    seen = np.stack([~np.isnan(run.scores.score) for run in runs.values()], axis=1)
    rows = np.flatnonzero(seen.any(axis=1))
    vectors = []
    for run in runs.values():
        representation = run.scores.representation
        assert representation is not None
        vectors.append(representation[rows])
    x = _scaled(np.concatenate(vectors, axis=1), np.isin(rows, division.train))
    return _classic(x, AnswerRows(np.arange(len(rows)), rows), division, job)


def _feature_rows(corpus: Corpus, path: Path, division: Division) -> tuple[NDArray[np.float32], AnswerRows, str]:
    """Return somebody's table of numbers (n, F), scaled on training people, whose rows they are, and what was odd.

    An empty cell takes the training people's mean. Columns that hold anything but numbers are left out.
    """
    table = read_table(path)
    key, *columns = table.columns
    rows = _rows_of(corpus, path, table.distinct(key))
    here = rows >= 0
    train = np.isin(rows[here], division.train)
    found, blanks = [], 0
    for name in columns:
        values = _numbers(table[name])
        if values is None or np.isnan(values[here][train]).all():
            continue
        values = values[here]
        blanks += int(np.isnan(values).sum())
        found.append(np.where(np.isnan(values), np.nanmean(values[train]), values))
    if not found:
        raise DataError(f"{path}: expected columns of numbers behind {key!r}, got none")
    odd = [f"{len(columns) - len(found)} columns of no numbers left out"] if len(found) < len(columns) else []
    odd += [f"{blanks} empty cells at the mean"] if blanks else []
    answers = AnswerRows(np.flatnonzero(here), rows[here])
    return _scaled(np.stack(found, axis=1), train), answers, "; ".join(odd)


def _other_scores(corpus: Corpus, other: OtherScores, training: TrainConfig) -> Predictions:
    table = read_table(other.path)
    rows = _rows_of(corpus, other.path, table.distinct(next(iter(table.columns))))
    cells = table[other.column]
    given = np.array([bool(cell.strip()) for cell in cells]) & (rows >= 0)
    score = np.full(len(corpus), np.nan)
    for row, cell in zip(rows[given], np.flatnonzero(given), strict=True):
        try:
            score[row] = float(cells[cell])
        except ValueError:
            raise table.bad(int(cell), other.column, "a number or nothing") from None
    if (odd := score[(score < 0) | (score > 1)]).size:
        raise DataError(f"{other.path}, {other.column}: expected scores from 0 to 1, got {odd[0]:g}")
    ratings = {other.rating: score} if other.rating in training.ratings else {}
    return Predictions(score, ratings, {"kept": f"{other.path.name}, {other.column}"})


def _rows_of(corpus: Corpus, path: Path, names: list[str]) -> NDArray[np.int64]:
    """Return the corpus's row of every name, -1 for a stranger; :class:`DataError` where all are strangers."""
    place = {name: row for row, name in enumerate(corpus.interviews["id"])}
    rows = np.array([place.get(name, -1) for name in names], dtype=np.int64)
    if (rows < 0).all():
        raise DataError(
            f"{path}: expected interview ids of {corpus.path} in the first column, such as "
            f"{corpus.interviews['id'].iloc[0]!r}, got {names[0]!r}"
        )
    return rows


def _numbers(cells: list[str]) -> Floats | None:
    """Return a column as numbers, NaN where a cell is empty; None where one is no finite number."""
    try:
        values = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError:
        return None
    return None if np.isinf(values).any() or "nan" in {cell.strip().lower() for cell in cells} else values


def _scaled(values: NDArray[Any], train: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return columns with mean 0 and deviation 1 among training rows."""
    if not train.any():
        raise DataError("expected numbers of at least one training interview, got none")
    values = values.astype(np.float64)
    mean, deviation = values[train].mean(axis=0), values[train].std(axis=0)
    scaled: NDArray[np.float32] = ((values - mean) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)
    return scaled


def _mean_of(columns: list[Floats]) -> Floats:
    """Return the mean (N,) of what is there, NaN where nothing is."""
    stacked = np.stack(columns)
    count = (~np.isnan(stacked)).sum(axis=0)
    mean: Floats = np.divide(np.nansum(stacked, axis=0), count, out=np.full(stacked.shape[1], np.nan), where=count > 0)
    return mean
