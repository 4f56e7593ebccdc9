"""What the real-data scripts share: train undefended and defended, measure both on test people, print Markdown."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from fairhire import Corpus, Run, TrainConfig, leakage, read_demographics, train
from fairhire.auditing.demographics import Demographics
from fairhire.auditing.impact import above_median, impact_by_group
from fairhire.auditing.leakage import CODES, LeakageResult, false_success
from fairhire.estimate import Estimate, Measurement, Undefined, auc_of, bootstrap_by_person


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    sys.stderr.write(f"{text}\n")


def shown(measured: Measurement) -> str:
    """Return a figure with its interval, or why there is none."""
    if isinstance(measured, Undefined):
        return f"undefined ({measured.reason})"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"


def trained(corpus: Corpus, config: TrainConfig, out: Path) -> Run:
    """Return the run at ``out``, trained now unless it is there already."""
    if (out / "provenance.json").exists():
        return Run(out)
    say(f"training {out.name}")
    return train(corpus, config, out)


def train_all(corpus: Path, configs: Mapping[str, TrainConfig], out: Path, *, workers: int = 2) -> None:
    """Train what is not there yet, ``out/NAME`` each, several at a time and one thread each; what is said goes on."""
    left = [name for name in configs if not (out / name / "provenance.json").exists()]
    if not left:
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for name in pool.map(partial(_train_one, corpus, configs, out), left):
            say(f"trained {name}")


def _train_one(corpus: Path, configs: Mapping[str, TrainConfig], out: Path, name: str) -> str:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        train(Corpus(corpus), configs[name], out / name)
    return name


def pairs_of(configs: Mapping[int, TrainConfig]) -> dict[str, TrainConfig]:
    """Return the settings of an undefended and a defended run a seed, under the names that :func:`pair` looks for."""
    jobs: dict[str, TrainConfig] = {}
    for seed, config in configs.items():
        jobs[f"seed{seed}-none"] = replace(config, adversary="none")
        jobs[f"seed{seed}-{config.adversary}"] = config
    return jobs


def pair(corpus: Corpus, config: TrainConfig, out: Path, name: str) -> tuple[Run, Run]:
    """Return the undefended and the defended run of the same settings."""
    undefended = trained(corpus, replace(config, adversary="none"), out / f"{name}-none")
    return undefended, trained(corpus, config, out / f"{name}-{config.adversary}")


def beside(
    corpus: Corpus, undefended: Run, defended: Run, people: Demographics, attributes: Sequence[str]
) -> LeakageResult:
    """Return the leakage of both runs, with face retrieval where the corpus has faces."""
    scores, other = defended.scores, undefended.scores
    assert scores.representation is not None
    assert other.representation is not None
    test = scores.split == "test"
    has_faces = corpus.has_faces
    return leakage(
        {"score": scores.score, "representation": scores.representation},
        people,
        candidates=scores.candidates,
        fit=(scores.split == "train") & ~np.isin(scores.candidates, scores.candidates[test]),
        test=test,
        subject="defended",
        against={"score": other.score, "representation": other.representation},
        faces=np.asarray(corpus.faces)[np.maximum(corpus.face_rows, 0)] if has_faces else None,
        face_mask=corpus.face_rows >= 0 if has_faces else None,
        attributes=attributes,
        codes=CODES,
        controls=2,
    )


def stronger(result: LeakageResult, subject: str, source: str, attribute: str, metric: str = "auc") -> Measurement:
    """Return the highest reading of any probe (and of any category of the attribute)."""
    for row in result.strongest():
        if (row.subject, row.source, row.attribute, row.metric) == (subject, source, attribute, metric):
            return row.estimate
    raise LookupError(f"{subject} {source} {attribute} {metric}")


def of_probe(
    result: LeakageResult, subject: str, source: str, target: str, probe: str, metric: str = "auc"
) -> Measurement:
    """Return one probe's reading."""
    for row in result.rows:
        found = (row.subject, row.source, row.target, row.probe, row.metric)
        if found == (subject, source, target, probe, metric):
            return row.estimate
    raise LookupError(f"{subject} {source} {target} {probe} {metric}")


def task_auc(run: Run, truth: pd.Series | None = None) -> Measurement:
    """Return the AUC on test people against the corpus's label, or against ``truth`` (0/1, in the corpus's order)."""
    scores = run.scores
    assert scores.hirable is not None
    label = scores.hirable if truth is None else truth.to_numpy(dtype=np.int64)
    kept = (scores.split == "test") & (label >= 0) & ~np.isnan(scores.score)
    return bootstrap_by_person({"auc": auc_of(label[kept], scores.score[kept])}, scores.candidates[kept])["auc"]


def impact_ratio(run: Run, people: Demographics, attribute: str, truth: pd.Series | None = None) -> Measurement:
    """Return the smallest impact ratio at the median of the test people's scores, or of ``truth`` (0/1) among them."""
    scores = run.scores
    kept = (scores.split == "test") & ~np.isnan(scores.score)
    categories = people.of(attribute, scores.candidates[kept])
    selected = above_median(scores.score[kept]) if truth is None else truth.to_numpy(dtype=bool)[kept]
    group = impact_by_group(selected, categories, attribute=attribute).smallest
    return (
        Undefined("no group of 10 or more beside the benchmark", int(kept.sum())) if group is None else group.interval
    )


def disagreement(run: Run, result: LeakageResult) -> str:
    """Return the sentence that is due when a run's adversary and the fresh probes disagree."""
    rows = [row for row in result.rows if row.subject == "defended"]
    accuracy, chance = run.chosen["adversary_accuracy"], run.chosen["adversary_chance"]
    return false_success(accuracy, chance, rows) or "adversary and fresh probes agree"


def value(measured: Measurement) -> float:
    """Return the point value, NaN where there is none (for means over seeds only)."""
    return measured.value if isinstance(measured, Estimate) else float("nan")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def people_of(corpus: Path) -> Demographics:
    """Return the people table that an importer put beside a corpus."""
    return read_demographics(corpus.with_name(f"{corpus.name}.people.csv"))
