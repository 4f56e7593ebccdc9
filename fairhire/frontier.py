"""Leakage against task score: trains removers at several strengths and seeds, measures each, and says what to pick.

::

    OUT/
      frontier.json          what this sweep is: its settings; without it nothing in OUT is touched
      runs/POINT-seedN/      one finished run each; an unfinished one is resumed
      measures/POINT-seedN.json  what fresh probes read of it, so that a second call need not measure again
      FRONTIER.json          everything in numbers; frontier.csv, frontier.md and frontier.html say the same

Called again with the same settings it goes on where it was. Which point is picked rests on validation people's labels
for the task and on their faces, never on a sensitive label; what an oracle would have picked is told beside, where a
people table is given. Papers sections 5 and 7, rows 18 and 19.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from fairhire.adversaries.label import SensitiveLabels
from fairhire.atomic import canonical_json, sha256, storage_errors, write_json, write_text
from fairhire.auditing.demographics import Demographics
from fairhire.auditing.leakage import PROBES, leakage
from fairhire.auditing.leakage.family import Probe
from fairhire.data.corpus import Corpus
from fairhire.erasure import spectrum_of
from fairhire.errors import DataError, FairhireError, NotComputableError, UsageError
from fairhire.estimate import Estimate, Measurement, Undefined, task_metrics
from fairhire.leash import end_with_parent
from fairhire.progress import Advance, silent
from fairhire.report.frontier import render_frontier
from fairhire.retrieval import retrieve_faces
from fairhire.runs import Run
from fairhire.same_rank import task_at_rank
from fairhire.sweep import claim_folder
from fairhire.training import TrainConfig, train

__all__ = ["POINTS", "UNDEFENDED", "Point", "area_under", "over_seeds", "parse_point", "run_frontier"]

FRONTIER_SCHEMA = 1
UNDEFENDED = "none"
POINTS = (
    "none",
    *("face:0.3/none/none", "face:1/none/none", "face:3/none/none", "face:10/none/none"),
    "none/none/face",
    "none/face-leace",
    *("face:0.3/cut", "face:1/cut", "face:3/cut"),
    "face-regression:1/cut",
    "face-ensemble:1/cut",
    "face-covariance:1/cut",
    "face-hsic:3/cut",
)
"""What is swept unless points are named: the paper's adversary alone at four strengths, an offset alone, an eraser
alone, and adversaries, penalties and ensembles with all that goes with them; ``face:1/cut`` is the default."""

Watch = Callable[[str, int], AbstractContextManager[Advance]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """One way to remove: its name as typed (``ADVERSARY[:STRENGTH][/ERASERS[/OFFSET]]``) and what it sets."""

    name: str
    adversary: str
    strength: float | None
    erase: str | None
    offset: str | None

    def config(self, base: TrainConfig, seed: int) -> TrainConfig:
        """Return ``base`` with this point's settings and ``seed``."""
        strengths = base.strengths if self.strength is None else (self.strength,)
        settings = {"adversary": self.adversary, "erase": self.erase, "offset": self.offset}
        return replace(base, **settings, strengths=strengths, seed=seed)  # type: ignore[arg-type]

    @property
    def reads_labels(self) -> bool:
        """Whether it is one of the labelled baselines."""
        return "label" in TrainConfig(adversary=self.adversary, erase=self.erase).targets

    @property
    def folder(self) -> str:
        """The name without letters that a file system minds."""
        return self.name.replace(":", "@").replace("/", "_")


def parse_point(words: str) -> Point:
    """Return the point that ``words`` name, as ``face:1/cut``; :class:`UsageError`, one line, for anything else."""
    rest, slash, more = words.partition("/")
    erase, behind, offset = more.partition("/")
    adversary, colon, strength = rest.partition(":")
    try:
        value = float(strength) if colon else None
    except ValueError:
        raise UsageError(f"point: expected a number behind the colon of {words!r}, got {strength!r}") from None
    nothing = "none" if adversary == "none" else None
    point = Point(words, adversary, value, erase if slash else nothing, offset if behind else nothing)
    try:
        point.config(TrainConfig(), 0)
    except UsageError as error:
        raise UsageError(f"point {words!r}: {error}") from None
    return point


def run_frontier(
    corpus: Corpus,
    out: Path,
    *,
    points: Sequence[Point],
    seeds: Sequence[int],
    training: TrainConfig,
    people: Demographics | None = None,
    people_sha256: str | None = None,
    sensitive_labels: SensitiveLabels | None = None,
    probes: Mapping[str, Probe] = PROBES,
    workers: int = 1,
    watch: Watch = lambda _what, _total: nullcontext(silent),
) -> dict[str, Any]:
    """Train and measure every point at every seed and return the record that stands in ``OUT/FRONTIER.json``.

    ``training`` are the settings that all share. The undefended point (``none``) is added where it is missing: it is
    what others are compared with. A training that fails is told in the record and stops no other. ``workers`` processes
    train at the same time. Raises :class:`UsageError` for a folder of other settings, :class:`DataError` for a corpus
    without faces, :class:`NotComputableError` when nothing could be trained.
    """
    points = _with_undefended(points)
    if not corpus.has_faces:
        raise DataError(f"{corpus.path}: expected face embeddings in biometrics/ to choose without labels, found none")
    if not seeds or len(set(seeds)) != len(seeds):
        raise UsageError(f"seeds: expected every seed once and at least one, got {list(seeds)}")
    if (labelled := [point.name for point in points if point.reads_labels]) and sensitive_labels is None:
        raise UsageError(f"point {labelled[0]!r}: expected sensitive labels, which this baseline reads, got none")
    _claim(out, corpus, points, seeds, training)
    jobs = [(point, seed) for point in points for seed in seeds]
    failed = _train_all(corpus, out, jobs, training, sensitive_labels, workers, watch)
    finished = [job for job in jobs if (job[0].name, job[1]) not in failed]
    if not finished:
        raise NotComputableError(f"{out}: every training failed, the first so: {next(iter(failed.values()))}")
    measures: dict[tuple[str, int], dict[str, Any]] = {}
    with watch("measuring", len(finished)) as advance:
        for point, seed in finished:
            measures[point.name, seed] = _measured(corpus, out, point, seed, people, people_sha256, probes)
            advance(1, f"{point.name}, seed {seed}")
    record = _record(corpus, points, seeds, training, people, measures, failed)
    write_json(out / "FRONTIER.json", record)
    page, markdown = render_frontier(record)
    write_text(out / "frontier.html", page)
    write_text(out / "frontier.md", markdown)
    write_text(out / "frontier.csv", _table(record).to_csv(index=False))
    return record


def _with_undefended(points: Sequence[Point]) -> list[Point]:
    names = [point.name for point in points]
    if len(set(names)) != len(names):
        raise UsageError(f"point: expected every point once, got {', '.join(names)}")
    return list(points) if UNDEFENDED in names else [parse_point(UNDEFENDED), *points]


def _claim(out: Path, corpus: Corpus, points: Sequence[Point], seeds: Sequence[int], training: TrainConfig) -> None:
    """Make ``out`` this sweep's folder, or check that it is one of the same corpus and training."""
    marker = "frontier.json"
    settings = {
        "schema": FRONTIER_SCHEMA,
        "corpus_sha256": sha256(corpus.path / "corpus.json"),
        "training": training.to_dict(),
    }
    if claim_folder(out, marker, settings, what="frontier") is None:  # other points and seeds may join the same sweep
        write_json(out / marker, {**settings, "points": [point.name for point in points], "seeds": list(seeds)})


# ---------------------------------------------------------------- training


def _train_all(
    corpus: Corpus,
    out: Path,
    jobs: Sequence[tuple[Point, int]],
    training: TrainConfig,
    labels: SensitiveLabels | None,
    workers: int,
    watch: Watch,
) -> dict[tuple[str, int], str]:
    """Train what is not finished; return why those that failed did, by point and seed."""
    failed: dict[tuple[str, int], str] = {}
    left = [(p, s) for p, s in jobs if not (_run_folder(out, p, s) / "provenance.json").exists()]
    with watch("training", len(left)) as advance:

        def done(point: Point, seed: int, why: str | None) -> None:
            if why is not None:
                failed[point.name, seed] = why
            advance(1, f"{point.name}, seed {seed}")

        task = partial(_train_one, corpus.path, training=training, labels=labels)
        if workers == 1:
            for point, seed in left:
                done(point, seed, task(point, seed, _run_folder(out, point, seed)))
            return failed
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            workers, mp_context=context, initializer=end_with_parent, initargs=(os.getpid(),)
        ) as pool:
            running = {pool.submit(task, p, s, _run_folder(out, p, s)): (p, s) for p, s in left}
            for future in as_completed(running):
                error = future.exception()
                done(*running[future], future.result() if error is None else f"the process ended: {error}")
    return failed


def _run_folder(out: Path, point: Point, seed: int) -> Path:
    return out / "runs" / f"{point.folder}-seed{seed}"


def _train_one(
    corpus: Path, point: Point, seed: int, out: Path, *, training: TrainConfig, labels: SensitiveLabels | None
) -> str | None:
    """Train one run in this process; return why it failed, or None."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # runs share the processors among them, not within
    try:
        with threadpool_limits(1):
            train(
                Corpus(corpus),
                point.config(training, seed),
                out,
                sensitive_labels=labels if point.reads_labels else None,
            )
    except FairhireError as error:
        return str(error)
    finally:
        torch.set_num_threads(before)
    return None


# ---------------------------------------------------------------- measuring


def _measured(
    corpus: Corpus,
    out: Path,
    point: Point,
    seed: int,
    people: Demographics | None,
    people_sha256: str | None,
    probes: Mapping[str, Probe],
) -> dict[str, Any]:
    """Return what is measured of a run, from the file of an earlier call where nothing has changed since."""
    folder = _run_folder(out, point, seed)
    key = {"run": sha256(folder / "provenance.json"), "people": people_sha256, "probes": sorted(probes)}
    kept = out / "measures" / f"{folder.name}.json"
    if kept.is_file():
        try:
            before = json.loads(kept.read_text(encoding="utf-8"))
        except ValueError:
            before = {}
        if before.get("key") == key:
            found: dict[str, Any] = before["measure"]
            return found
    beside = _run_folder(out, parse_point(UNDEFENDED), seed)
    there = point.name != UNDEFENDED and (beside / "provenance.json").exists()  # its training may have failed
    undefended = Run(beside) if there else None
    with threadpool_limits(1):
        measure = _measure(corpus, Run(folder), undefended, people, probes)
    with storage_errors(kept.parent):
        kept.parent.mkdir(exist_ok=True)
    write_json(kept, {"key": key, "measure": measure})
    return measure


def _measure(
    corpus: Corpus, run: Run, undefended: Run | None, people: Demographics | None, probes: Mapping[str, Probe]
) -> dict[str, Any]:
    scores = run.scores
    assert scores.representation is not None
    assert scores.hirable is not None
    seen = scores.decision >= 0
    test = (scores.split == "test") & seen
    fit = (scores.split == "train") & seen & ~np.isin(scores.candidates, scores.candidates[test])
    labelled = test & (scores.hirable >= 0)
    task = task_metrics(
        scores.hirable[labelled], scores.score[labelled], persons=scores.candidates[labelled], threshold=0.5
    )
    vectors = scores.representation.astype(np.float64)
    faces, mask = np.asarray(corpus.faces)[np.maximum(corpus.face_rows, 0)], corpus.face_rows >= 0
    attributes: dict[str, dict[str, Any]] = {}
    if people is not None:
        result = leakage(
            {"score": scores.score, "representation": vectors},
            people,
            candidates=scores.candidates,
            fit=fit,
            test=test,
            probes=probes,
            controls=0,
        )
        for row in result.strongest():
            if row.metric == "auc":
                attributes.setdefault(row.attribute, {})[row.source] = row.estimate.to_dict()
    face = _retrieval(vectors, faces, mask, scores.candidates, fit, test)
    validation = (scores.split == "validation") & seen
    judged = fit & ~np.isin(scores.candidates, scores.candidates[validation])
    known = validation & (scores.hirable >= 0)
    chosen_task = task_metrics(
        scores.hirable[known], scores.score[known], persons=scores.candidates[known], threshold=0.5
    )["auc"]
    spectrum = spectrum_of(vectors[fit]) if vectors[fit].std() > 0 else None
    rank = 0 if spectrum is None else spectrum.rank
    return {
        "task": task["auc"].to_dict(),
        "f1": task["f1"].to_dict(),
        "leak": {"face": face["auc"], **{name: found["representation"] for name, found in attributes.items()}},
        "score_leak": {name: found["score"] for name, found in attributes.items()},
        "recall": face["recall"],
        "chance": face["chance"],
        "validation": {
            "task": chosen_task.to_dict(),
            "face": _retrieval(vectors, faces, mask, scores.candidates, judged, validation)["auc"],
        },
        "rank": rank,
        "effective_rank": 0.0 if spectrum is None else spectrum.effective_rank,
        "same_rank_task": None if undefended is None or not rank else task_at_rank(undefended, rank).to_dict(),
    }


def _retrieval(
    vectors: Floats,
    faces: NDArray[np.float32],
    mask: NDArray[np.bool_],
    candidates: NDArray[np.str_],
    fit: NDArray[np.bool_],
    test: NDArray[np.bool_],
) -> dict[str, Any]:
    found = retrieve_faces(vectors, faces, persons=candidates, fit=fit, test=test, face_mask=mask, at=(10,))
    # Of the two families the larger reading, as for attributes.
    best = max(found.readings, key=lambda reading: reading.auc.value if isinstance(reading.auc, Estimate) else -1.0)
    return {"auc": best.auc.to_dict(), "recall": best.recall[10].to_dict(), "chance": found.chance[10]}


# ---------------------------------------------------------------- the record


def _record(
    corpus: Corpus,
    points: Sequence[Point],
    seeds: Sequence[int],
    training: TrainConfig,
    people: Demographics | None,
    measures: Mapping[tuple[str, int], Mapping[str, Any]],
    failed: Mapping[tuple[str, int], str],
) -> dict[str, Any]:
    kept = [point for point in points if any((point.name, seed) in measures for seed in seeds)]
    attributes = [] if people is None else list(people.attributes)
    attributes = [a for a in attributes if all(a in measure["leak"] for measure in measures.values())]
    names = ["face", *attributes]
    rows = []
    for point in kept:
        runs = [{"seed": seed, **measures[point.name, seed]} for seed in seeds if (point.name, seed) in measures]
        rows.append(
            {
                "name": point.name,
                "adversary": point.adversary,
                "strength": point.strength,
                "erase": "+".join(point.config(training, 0).erasers) or "none",
                "offset": "+".join(point.config(training, 0).offsets) or "none",
                "reads_labels": point.reads_labels,
                "runs": runs,
                "mean": _means(runs, names),
                "worse": {name: _worse(point.name, runs, measures, name) for name in names},
            }
        )
    record: dict[str, Any] = {
        "schema": FRONTIER_SCHEMA,
        "corpus": {"name": corpus.path.name, "sha256": sha256(corpus.path / "corpus.json")},
        "training": training.to_dict(),
        "seeds": list(seeds),
        "attributes": attributes,
        "undefended": UNDEFENDED,
        "points": rows,
        "failed": [{"point": point, "seed": seed, "why": why} for (point, seed), why in failed.items()],
        "fronts": {name: _front(rows, name) for name in names},
        "versions": {name: version(name) for name in ("fairhire", "numpy", "torch", "scikit-learn")},
    }
    record["choice"] = _choose(rows, attributes, training.tolerance)
    record["areas"] = _areas(rows, names, seeds)
    record["verdict"] = _verdict(rows, record["choice"]["picked"])
    json.loads(canonical_json(record))  # what cannot be written is found here, not when half is on the disk
    return record


def over_seeds(
    values: Sequence[float], *, level: float = 0.95, limits: tuple[float, float] = (-math.inf, math.inf)
) -> Measurement:
    """Return the mean of one value a seed with Student's interval, cut at what the value cannot exceed.

    Two seeds already say little, one has no interval.
    """
    n = len(values)
    if n == 0:
        return Undefined("no seed has it", 0)
    mean = float(np.mean(values))
    if n == 1:
        return Undefined(f"one seed ({mean:.3f}) has no interval over seeds", 1)
    half = float(stdtrit(n - 1, (1 + level) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Estimate(mean, max(mean - half, limits[0]), min(mean + half, limits[1]), level, n)


def _means(runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    def mean(of: Callable[[Mapping[str, Any]], Any], limits: tuple[float, float] = (0.0, 1.0)) -> dict[str, Any]:
        values = [value for run in runs if (value := _value(of(run))) is not None]
        if len(values) == 1:
            return {"value": values[0], "n": 1}  # shown without an interval
        return over_seeds(values, limits=limits).to_dict()

    return {
        "task": mean(lambda run: run["task"]),
        "f1": mean(lambda run: run["f1"]),
        "leak": {name: mean(lambda run, name=name: run["leak"][name]) for name in names},  # type: ignore[misc]
        "recall": mean(lambda run: run["recall"]),
        "effective_rank": mean(lambda run: run["effective_rank"], (0.0, math.inf)),
        "same_rank_task": mean(lambda run: run["same_rank_task"]),
        "validation_task": mean(lambda run: run["validation"]["task"]),
        "validation_face": mean(lambda run: run["validation"]["face"]),
    }


def _value(measurement: Any) -> float | None:
    if isinstance(measurement, int | float):
        return float(measurement)
    return None if measurement is None or "undefined" in measurement else float(measurement["value"])


def _worse(
    name: str, runs: Sequence[Mapping[str, Any]], measures: Mapping[tuple[str, int], Mapping[str, Any]], leak: str
) -> int:
    """Return how many seeds leak more than the undefended model of the same seed (papers section 7, row 19)."""
    count = 0
    for run in runs:
        before = measures.get((UNDEFENDED, run["seed"]))
        mine, theirs = _value(run["leak"][leak]), None if before is None else _value(before["leak"][leak])
        count += name != UNDEFENDED and mine is not None and theirs is not None and mine > theirs
    return count


def _front(rows: Sequence[Mapping[str, Any]], name: str) -> list[list[float]]:
    """Return (task, leakage) of the points that no other beats in both, from little to much leakage."""
    spots = sorted(
        (leak, -task)
        for row in rows
        if (leak := _value(row["mean"]["leak"][name])) is not None and (task := _value(row["mean"]["task"])) is not None
    )
    front: list[list[float]] = []
    for leak, task in spots:
        if not front or -task > front[-1][0]:
            front.append([-task, leak])
    return front


def _choose(rows: Sequence[Mapping[str, Any]], attributes: Sequence[str], tolerance: float) -> dict[str, Any]:
    """Pick without labels, as training picks its weights, and say what an oracle would have picked."""
    free = [row for row in rows if not row["reads_labels"]]
    able = _able(free, "validation_task", tolerance)
    picked = min(able, key=lambda row: _order(row, "validation_task", row["mean"]["validation_face"]), default=None)
    choice: dict[str, Any] = {
        "picked": None if picked is None else picked["name"],
        "why": "" if picked is not None else "no point has a task score on validation people",
        "tolerance": tolerance,
        "oracles": [],
    }
    for attribute in attributes if picked is not None else ():
        oracle = min(
            _able(free, "task", tolerance),
            key=lambda row: _order(row, "task", row["mean"]["leak"][attribute]),
            default=None,
        )
        if oracle is not None and picked is not None:
            choice["oracles"].append(
                {
                    "attribute": attribute,
                    "picked": oracle["name"],
                    "leak_difference": _paired(picked, oracle, lambda run, a=attribute: run["leak"][a]),  # type: ignore[misc]
                    "task_difference": _paired(picked, oracle, lambda run: run["task"]),
                }
            )
    return choice


def _order(row: Mapping[str, Any], task: str, leak: Any) -> tuple[float, float, str]:
    """Return by what points are picked, the least first: leakage above chance, then the better task, as in training."""
    found, score = _value(leak), _value(row["mean"][task])
    return (1.0 if found is None else max(found, 0.5), 0.0 if score is None else -score, row["name"])


def _able(rows: Sequence[Mapping[str, Any]], task: str, tolerance: float) -> list[Mapping[str, Any]]:
    """Return the points whose task score keeps all but ``tolerance`` of the best one's distance from chance."""
    found = [(row, value) for row in rows if (value := _value(row["mean"][task])) is not None]
    if not found:
        return []
    best = max(value for _, value in found) - 0.5
    return [row for row, value in found if value - 0.5 >= best - tolerance * abs(best)]


def _paired(one: Mapping[str, Any], other: Mapping[str, Any], of: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    theirs = {run["seed"]: _value(of(run)) for run in other["runs"]}
    pairs = [(_value(of(run)), theirs.get(run["seed"])) for run in one["runs"]]
    differences = [a - b for a, b in pairs if a is not None and b is not None]
    if len(differences) == 1:
        return {"value": differences[0], "n": 1}
    return over_seeds(differences).to_dict()


def _areas(rows: Sequence[Mapping[str, Any]], names: Sequence[str], seeds: Sequence[int]) -> list[dict[str, Any]]:
    groups = {"without labels": [row for row in rows if not row["reads_labels"]]}
    if any(row["reads_labels"] for row in rows):
        groups["with labels"] = [row for row in rows if row["reads_labels"] or row["name"] == UNDEFENDED]
    found = []
    for name in names:
        for words, some in groups.items():
            values = [value for seed in seeds if (value := area_under(some, name, seed)) is not None]
            area = {"value": values[0], "n": 1} if len(values) == 1 else over_seeds(values).to_dict()
            found.append({"leak": name, "removers": words, "area": area})
    return found


def area_under(rows: Sequence[Mapping[str, Any]], name: str, seed: int) -> float | None:
    """Return the area under one seed's frontier (ours), None without an undefended model that leaks.

    The share of the undefended task score above chance that the best point within a budget of leakage keeps, averaged
    over budgets from chance (0) to the undefended model's leakage (1).
    """
    spots: dict[str, tuple[float, float]] = {}
    for row in rows:
        for run in row["runs"]:
            task, leak = _value(run["task"]), _value(run["leak"].get(name))
            if run["seed"] == seed and task is not None and leak is not None:
                spots[row["name"]] = (task, leak)
    before = spots.get(UNDEFENDED)
    if before is None or before[0] <= 0.5 or before[1] <= 0.5:
        return None
    scaled = sorted(
        (min(max((leak - 0.5) / (before[1] - 0.5), 0.0), 1.0), (task - 0.5) / (before[0] - 0.5))
        for task, leak in spots.values()
    )
    area, best, reached = 0.0, 0.0, 0.0
    for budget, task in scaled:
        area += best * (budget - reached)
        best, reached = max(best, task), budget
    return area + best * (1 - reached)


def _verdict(rows: Sequence[Mapping[str, Any]], picked: str | None) -> str:
    """Say how to read a bad frontier, or that this one is not."""
    by_name = {row["name"]: row for row in rows}
    if picked is None or UNDEFENDED not in by_name:
        return "Nothing can be picked: the undefended model, or a task score on validation people, is missing."
    if picked == UNDEFENDED:
        return (
            "The undefended model itself is picked: no point found fewer faces without giving up too much of the task."
        )
    before, after = by_name[UNDEFENDED], by_name[str(picked)]
    task = _paired(after, before, lambda run: run["task"])
    leak = _paired(after, before, lambda run: run["leak"]["face"])
    low, high = task.get("low"), leak.get("high")
    if low is None or high is None:
        return "One seed decides nothing: run more seeds before you read anything into the order of the points."
    lost = "no task score was lost that the seeds could show" if low <= 0 <= task["high"] or low > 0 else (
        f"it costs {-task['value']:.3f} of task AUC [{-task['high']:.3f}, {-low:.3f}] over seeds"
    )  # fmt: skip
    if high >= 0:
        return (
            "A bad frontier: no leakage of the face was removed that the seeds could show. Do not ship any of these; "
            "see the guide on debiasing."
        )
    return f"With {picked} the face leaks {-leak['value']:.3f} less (AUC) than undefended, and {lost}."


def _table(record: Mapping[str, Any]) -> pd.DataFrame:
    rows = []
    for point in record["points"]:
        for run in point["runs"]:
            row = {
                "point": point["name"],
                "seed": run["seed"],
                "rank": run["rank"],
                "effective_rank": run["effective_rank"],
            }
            cells = {"task_auc": run["task"], "f1": run["f1"], "face_recall_at_10": run["recall"]}
            cells |= {f"{name}_auc": value for name, value in run["leak"].items()}
            cells |= {f"{name}_from_score_auc": value for name, value in run["score_leak"].items()}
            for name, value in cells.items():
                row |= {name: _value(value), f"{name}_low": value.get("low"), f"{name}_high": value.get("high")}
            rows.append(row)
    return pd.DataFrame(rows)
