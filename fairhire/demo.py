"""The whole story in one command: simulate, train without and with the face adversary, measure both, write one page.

::

    OUT/
      demo.json              what this demo is: its settings; without it nothing in OUT is touched
      corpus/                the simulated interviews; corpus.people.csv and corpus.truth.csv beside them
      undefended/  defended/ the two runs, alike but for the adversary
      leakage.json           every reading of every probe
      report.html            the page

Called again with the same settings it goes on where it was: what is finished is kept, an unfinished run is resumed,
the measurements and the page are made anew. A folder that is not a demo of the same settings is refused; nothing is
ever deleted.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from fairhire.atomic import sha256, storage_errors, write_json, write_text
from fairhire.auditing.demographics import Demographics, read_demographics
from fairhire.auditing.impact import Impact, above_median, impact_by_group
from fairhire.auditing.leakage import LeakageResult, false_success, leakage
from fairhire.auditing.ratio import katz_interval
from fairhire.data.corpus import Corpus
from fairhire.data.imported import write_imported
from fairhire.data.simulated import SimulationConfig, simulate
from fairhire.errors import DataError, UsageError
from fairhire.estimate import (
    Measurement,
    Statistic,
    auc_of,
    bootstrap_difference,
    task_metrics,
)
from fairhire.left_out import LeftOut
from fairhire.progress import Advance, show_progress, silent
from fairhire.report import AdversaryEnd, Epoch, ModelFigures, RatioChange, Trial, render_comparison
from fairhire.report.trial import DEFENDED, UNDEFENDED
from fairhire.runs import Run
from fairhire.scores import Scores
from fairhire.training import TrainConfig, train

__all__ = ["run_demo"]

DEMO_SCHEMA = 1

# Sizes: so that everything takes less than four minutes on two CPU cores, and three in five people train (ours).
INTERVIEWS = 2400
_WORLD = SimulationConfig(questions=3, words=(16, 32), frames=(16, 24), context=0.0)
_TRAINING = TrainConfig(
    hidden=32, attention=32, epochs=36, patience=12, batch=128, fractions=(0.6, 0.15, 0.25), device="cpu"
)
_REPLICATES, _CONTROLS = 1000, 3


@dataclass(frozen=True)
class _Demo:
    """The settings of one demo, and where it lies."""

    out: Path
    world: SimulationConfig
    training: TrainConfig
    quiet: bool

    def say(self, words: str) -> None:
        """Tell the user which phase begins; not a result, so not on standard output."""
        if not self.quiet:
            sys.stderr.write(f"{words}\n")

    def watch(self, what: str, total: int) -> AbstractContextManager[Advance]:
        """Return a progress bar with an estimate, or silence."""
        return nullcontext(silent) if self.quiet else show_progress(what, total)


def run_demo(
    out: Path,
    *,
    interviews: int = INTERVIEWS,
    seed: int = 0,
    quiet: bool = False,
    training: TrainConfig = _TRAINING,
) -> Path:
    """Run the demo in the folder ``out`` and return the path of its HTML page.

    ``training`` are the settings that both runs share; adversary and seed are set here. Phases and progress go to
    standard error unless ``quiet``. Raises :class:`UsageError` where ``out`` holds anything but a demo of the same
    settings, and what simulation, training and measurement raise.
    """
    demo = _Demo(Path(out), replace(_WORLD, interviews=interviews, seed=seed), replace(training, seed=seed), quiet)
    _claim(demo)
    # One thread for torch and BLAS: pieces of work this small gain nothing from a second one, and threads that wait
    # for each other on a busy machine made training thirty times slower (measured).
    with threadpool_limits(1):
        trial = _play(demo)
    write_json(demo.out / "leakage.json", _leakage_record(trial))
    page = demo.out / "report.html"
    write_text(page, render_comparison(trial))
    return page


def _play(demo: _Demo) -> Trial:
    demo.say("1/4 simulating interviews with a known bias")
    corpus = _simulated(demo)
    demo.say("2/4 training without a defence")
    undefended = _trained(demo, corpus, UNDEFENDED, replace(demo.training, adversary="none"))
    demo.say("3/4 training with the face adversary, otherwise alike")
    defended = _trained(demo, corpus, DEFENDED, replace(demo.training, adversary="face"))
    demo.say("4/4 measuring both on people whom neither has seen")
    return _measured(demo, corpus, undefended, defended)


def _claim(demo: _Demo) -> None:
    """Make ``out`` this demo's folder, or check that it already is."""
    out = demo.out
    record: dict[str, Any] = {
        "schema": DEMO_SCHEMA,
        "fairhire": version("fairhire"),
        "simulation": _plain(demo.world),
        "training": demo.training.to_dict(),
    }
    marker = out / "demo.json"
    if marker.is_file():
        before = _read_marker(marker)
        for key, value in _flat(record).items():
            if _flat(before).get(key) != value:
                raise UsageError(
                    f"{out}: holds a demo with {key} {_flat(before).get(key)!r}, this one has {value!r}; "
                    "choose another --out, or delete that folder"
                )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: expected a new or empty folder, or an earlier demo, found something else")
    with storage_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    write_json(marker, record)


def _read_marker(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected the settings of a demo, got {error}") from None
    if not isinstance(record, dict):
        raise DataError(f"{path}: expected the settings of a demo, got {type(record).__name__}")
    return record


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        flat |= {f"{key} {inner}": one for inner, one in value.items()} if isinstance(value, dict) else {key: value}
    return flat


def _plain(config: SimulationConfig) -> dict[str, Any]:
    """Return the settings as JSON gives them back: lists for tuples."""
    plain: dict[str, Any] = json.loads(json.dumps(vars(config)))
    return plain


def _simulated(demo: _Demo) -> Corpus:
    path = demo.out / "corpus"
    if path.exists() and all(_beside(path, name).is_file() for name in ("people", "truth")):
        return Corpus(path)
    imported = simulate(demo.world)

    def watched() -> Iterator[Any]:
        with demo.watch("writing interviews", demo.world.interviews) as advance:
            for interview in imported.interviews:
                yield interview
                advance(1)

    return write_imported(replace(imported, interviews=watched()), path)


def _beside(corpus: Path, name: str) -> Path:
    return corpus.with_name(f"{corpus.name}.{name}.csv")


def _trained(demo: _Demo, corpus: Corpus, name: str, config: TrainConfig) -> Run:
    """Return a finished run, resumed if it was begun; one that is finished is taken as it is."""
    path = demo.out / name
    if (path / "provenance.json").is_file():
        return Run(path)
    trained = int(demo.world.interviews * config.fractions[0])
    steps = -(-trained // config.batch_size(trained)) * config.epochs
    with demo.watch(f"training, {name}", steps) as advance:
        return train(corpus, config, path, advance=advance)


# ---------------------------------------------------------------- measuring


@dataclass(frozen=True)
class _Test:
    """The test interviews that both models scored: ``rows`` (N,) of the corpus, and what is known of the n of them."""

    rows: NDArray[np.bool_]
    persons: NDArray[np.str_]
    hirable: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    groups: dict[str, NDArray[np.str_]]
    seed: int


def _measured(demo: _Demo, corpus: Corpus, undefended: Run, defended: Run) -> Trial:
    people = read_demographics(_beside(corpus.path, "people"))
    before, after = undefended.scores, defended.scores
    test, left_out = _test_side(corpus, people, before, after, seed=demo.training.seed)
    read = _leakage(demo, corpus, people, before, after)
    figures = {run: _figures(name, run, test) for name, run in ((UNDEFENDED, undefended), (DEFENDED, defended))}
    changes, unrated = _ratio_changes(figures[undefended], figures[defended], before, after, test)
    ours, theirs = after.score[test.rows], before.score[test.rows]
    return Trial(
        undefended=figures[undefended],
        defended=figures[defended],
        recruiters=_impacts(test.hirable, test),
        truth=_impacts(test.truth, test),
        merit_change=_difference(auc_of(test.truth, ours), auc_of(test.truth, theirs), test),
        task_change=_difference(auc_of(test.hirable, ours), auc_of(test.hirable, theirs), test),
        ratio_changes=changes,
        leakage=read,
        adversary=_adversary(defended, read),
        people=dict(defended.provenance["candidates"]),
        interviews=dict(defended.provenance["interviews"]),
        bias=demo.world.bias,
        replicates=_REPLICATES,
        left_out=(*left_out, *read.left_out, *unrated, *_untrained(defended)),
        remarks=tuple(dict.fromkeys((*undefended.provenance["remarks"], *defended.provenance["remarks"]))),
        provenance=tuple(_provenance(demo, undefended, defended)),
    )


def _test_side(
    corpus: Corpus, people: Demographics, before: Scores, after: Scores, *, seed: int
) -> tuple[_Test, list[LeftOut]]:
    if not (np.array_equal(before.ids, after.ids) and np.array_equal(before.split, after.split)):
        raise DataError(f"{corpus.path}: expected two runs of the same interviews and split, got different ones")
    assert before.hirable is not None
    truth = pd.read_csv(_beside(corpus.path, "truth")).set_index("interview")["hirable_unbiased"]
    test = before.split == "test"
    silent_rows = np.isnan(before.score) | np.isnan(after.score)
    rows = test & ~silent_rows & (before.hirable >= 0)
    left_out = [LeftOut("test interviews", int((test & ~rows).sum()), "without a score or a label")]
    persons = before.candidates[rows]
    return _Test(
        rows,
        persons,
        before.hirable[rows] == 1,
        truth.loc[before.ids[rows]].to_numpy(dtype=bool),
        {name: people.of(name, persons) for name in people.attributes},
        seed,
    ), [item for item in left_out if item.n]


def _leakage(demo: _Demo, corpus: Corpus, people: Demographics, before: Scores, after: Scores) -> LeakageResult:
    has_face = corpus.face_rows >= 0
    faces = np.zeros((len(corpus), corpus.faces.shape[1]))
    faces[has_face] = corpus.faces[corpus.face_rows[has_face]]
    ours, theirs = ({"representation": run.representation, "score": run.score} for run in (after, before))
    return leakage(
        ours,  # type: ignore[arg-type]  # a run's scores hold their representation
        people,
        candidates=after.candidates,
        fit=after.split == "train",
        test=after.split == "test",
        subject=DEFENDED,
        against=theirs,  # type: ignore[arg-type]
        against_subject=UNDEFENDED,
        faces=faces,
        face_mask=has_face,
        controls=_CONTROLS,
        replicates=_REPLICATES,
        seed=demo.training.seed,
        watch=demo.watch,
    )


def _figures(name: str, run: Run, test: _Test) -> ModelFigures:
    score = run.scores.score[test.rows]
    settings: dict[str, Any] = {"persons": test.persons, "replicates": _REPLICATES, "seed": test.seed}
    return ModelFigures(
        name=name,
        recruiters=task_metrics(test.hirable, score, **settings),
        truth=task_metrics(test.truth, score, **settings),
        impacts=_impacts(above_median(score), test),
        history=tuple(
            Epoch(
                record["epoch"],
                record["validation_auc"],
                record.get("adversary_accuracy"),
                record.get("adversary_chance"),
            )
            for record in run.history
        ),
        chosen_epoch=run.chosen["epoch"],
    )


def _impacts(selected: NDArray[np.bool_], test: _Test) -> tuple[Impact, ...]:
    return tuple(impact_by_group(selected, groups, attribute=name) for name, groups in test.groups.items())


def _difference(first: Statistic, second: Statistic, test: _Test) -> Measurement:
    return bootstrap_difference(first, second, test.persons, replicates=_REPLICATES, seed=test.seed)


def _ratio_changes(
    undefended: ModelFigures, defended: ModelFigures, before: Scores, after: Scores, test: _Test
) -> tuple[tuple[RatioChange, ...], list[LeftOut]]:
    """Ask both models how often the undefended one's worst-off group is selected for one of its benchmark."""
    theirs, ours = (above_median(run.score[test.rows]) for run in (before, after))
    changes, unrated = [], []
    for first, second in zip(undefended.impacts, defended.impacts, strict=True):
        groups = test.groups[first.attribute]
        if first.smallest is None or first.benchmark is None:
            unrated.append(LeftOut(f"{first.attribute}: impact ratio", len(groups), "no second group large enough"))
            continue
        pair = (first.smallest.category, first.benchmark)
        counts = {group.category: (group.selected, group.n) for group in second.groups}
        changes.append(
            RatioChange(
                first.attribute,
                *pair,
                before=first.smallest.interval,
                after=katz_interval(*counts[pair[0]], *counts[pair[1]]),
                difference=_difference(_ratio_of(ours, groups, pair), _ratio_of(theirs, groups, pair), test),
            )
        )
    return tuple(changes), unrated


def _ratio_of(selected: NDArray[np.bool_], groups: NDArray[np.str_], pair: tuple[str, str]) -> Statistic:
    """Return the selection rate of ``pair[0]`` over that of ``pair[1]``, who is selected being given."""

    def evaluate(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        n, chosen = ([weights[(groups == name) & mask].sum(axis=0) for name in pair] for mask in (True, selected))
        below = n[0] * chosen[1]
        ratio = np.full(weights.shape[1], np.nan)
        np.divide(chosen[0] * n[1], below, out=ratio, where=below > 0)
        return ratio

    return Statistic(evaluate, len(groups), f"nobody of {pair[1]} is selected")


def _adversary(defended: Run, read: LeakageResult) -> AdversaryEnd | None:
    """Set what the adversary says of itself beside what fresh probes read from the representation it attacked."""
    end = defended.chosen
    if "adversary_accuracy" not in end:
        return None
    accuracy, chance = end["adversary_accuracy"], end["adversary_chance"]
    rows = [row for row in read.rows if row.subject == DEFENDED and row.source == "representation"]
    return AdversaryEnd(accuracy, chance, false_success(accuracy, chance, rows))


def _leakage_record(trial: Trial) -> dict[str, Any]:
    end = trial.adversary
    return {
        **trial.leakage.to_dict(),
        "adversary": {"accuracy": end and end.accuracy, "chance": end and end.chance},
        "disagreement": end and end.false_success,
    }


def _untrained(run: Run) -> list[LeftOut]:
    return [LeftOut(f"training: {item['what']}", item["n"], item["why"]) for item in run.provenance["left_out"]]


def _provenance(demo: _Demo, undefended: Run, defended: Run) -> Iterator[tuple[str, str]]:
    yield "seed", str(demo.training.seed)
    for name in ("fairhire", "torch", "numpy", "scikit-learn", "matplotlib"):
        yield f"version of {name}", version(name)
    yield "Python", platform.python_version()
    corpus = defended.provenance["corpus"]
    for name, label in (("corpus_sha256", "corpus.json"), ("faces_sha256", "biometrics.json")):
        yield f"SHA-256 of {label}", str(corpus[name])
    for name in ("people", "truth"):
        path = _beside(demo.out / "corpus", name)
        yield f"SHA-256 of {path.name}", sha256(path)
    for run in (undefended, defended):
        for file in ("model/weights.safetensors", "scores.parquet", "representation.npy"):
            yield f"SHA-256 of {run.path.name}/{file}", run.provenance["files"][file]
    yield "simulation", json.dumps(_plain(demo.world))
    yield "training, undefended", json.dumps(undefended.config)
    yield "training, defended", json.dumps(defended.config)
