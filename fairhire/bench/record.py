"""Everything a bench found as one dictionary: figures with intervals, paired tests, and the hypotheses in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.atomic import sha256
from fairhire.auditing.significance import holm
from fairhire.baselines import DRAWS, majority_by_position
from fairhire.bench.jobs import Division, divide
from fairhire.bench.pooled import (
    LEAST_IN_POSITION,
    Pool,
    PositionSpread,
    classification,
    differences,
    randomisation,
    rating_figures,
    vote_figures,
)
from fairhire.bench.predictions import read_predictions
from fairhire.bench.systems import FUSED, LADDER, BenchConfig, Job, modalities_of
from fairhire.data.corpus import Corpus
from fairhire.estimate import Measurement, Undefined
from fairhire.progress import Advance, silent
from fairhire.report.wording import join

__all__ = ["STEPS", "bench_record", "bench_table", "verdict_of"]

Floats = NDArray[np.float64]

STEPS = (
    ("H1", "the order of what is said and done matters", "bigru", "non-sequential"),
    ("H2", "reading an interview as questions and answers matters", "hn-avg", "bigru"),
    ("H3", "attention matters", "hn-satt", "hn-avg"),
    ("H4", "the question and the job title, as what leads attention, matter", "hirenet", "hn-satt"),
)
"""The paper's ablations, each against its neighbour: number (ours), claim, the stronger and the weaker system."""

_BESIDE = (("H1", "bigru", "bag of words"),)  # tested too: the better of two non-sequential descriptions is not known
_FUSIONS = (("gated", "early"), ("gated", "late"), ("stacked", "early"), ("stacked", "late"))
_SHRINKAGE = 1.0  # interviews of the average person that are added to a known person's: few of theirs prove little


@dataclass(frozen=True)
class _Told:
    """What one system said of the tested interviews, pooled over rounds (N,), and what was kept in each round."""

    score: Floats
    ratings: Mapping[str, Floats]
    kept: list[Mapping[str, Any]]


def bench_record(
    corpus: Corpus,
    out: Path,
    config: BenchConfig,
    jobs: Sequence[Job],
    failed: Mapping[Job, str],
    *,
    advance: Advance = silent,
) -> dict[str, Any]:
    """Return the record of what ``jobs`` predicted; ``failed`` are those that could not, and why."""
    divisions = {one: divide(corpus, config.of_round(one)) for one in config.rounds()}
    pool = _pool(corpus, divisions)
    told = _told(corpus, out, config, jobs, pool)
    systems = [*_votes(corpus, config, divisions, pool), *_measured(config, told, pool, advance)]
    ratings = _ratings(corpus, config, divisions, told, pool)
    names, empty = modalities_of(corpus, config)
    tests = _tests(config, told, pool, names)
    record: dict[str, Any] = {
        "schema": 1,
        "corpus": {
            "name": corpus.path.name,
            "sha256": sha256(corpus.path / "corpus.json"),
            "interviews": len(corpus),
            "candidates": int(corpus.interviews["candidate"].nunique()),
            "positions": int(corpus.interviews["position"].nunique()),
            "questions": int(corpus.answers["question"].nunique()),
            "job_titles": int(corpus.interviews["job_title"].nunique()),
            "modalities": {name: int((corpus.length(name) > 0).sum()) for name in names},
        },
        "protocol": {
            "seeds": list(config.seeds),
            "folds": config.folds,
            "split": config.training.split,
            "fractions": list(config.training.fractions),
            "tested": pool.interviews(pool.row >= 0),
            "people": len(set(pool.person.tolist())),
            "hirable": float(np.mean([pool.hirable[places].mean() for places in pool.within(pool.row >= 0)])),
            "replicates": config.replicates,
            "draws": DRAWS,
            "training": config.training.to_dict(),
        },
        "systems": systems,
        "tests": tests,
        "answers": _answers(tests, names, corpus),
        "ratings": ratings,
        "identity": _identity(pool, systems, ratings),
        "failed": [
            {"system": f"{j.group}: {j.system}", "round": j.round.name, "why": why} for j, why in failed.items()
        ],
        "left_out": _left_out(corpus, pool, names, empty, rated=bool(config.training.ratings)),
        "versions": {name: version(name) for name in ("fairhire", "torch", "scikit-learn", "gensim", "numpy")},
    }
    record["verdict"] = verdict_of(tests, names)
    return record


def bench_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row a system and figure: group, system, figure, value, low, high, n, or why it is undefined."""
    rows = []
    for system in record["systems"]:
        for name, value in system["figures"].items():
            rows.append({"group": system["group"], "system": system["system"], "figure": name, **_flat(value)})
    for rating in record["ratings"]:
        for system in rating["systems"]:
            for name, value in system["figures"].items():
                figure = f"{rating['rating']}: {name}"
                rows.append({"group": system["group"], "system": system["system"], "figure": figure, **_flat(value)})
    return pd.DataFrame(rows, columns=["group", "system", "figure", "value", "low", "high", "n", "undefined"])


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.get(key) for key in ("value", "low", "high", "n", "undefined")}


# ---------------------------------------------------------------- who is tested, and what was said of them


def _pool(corpus: Corpus, divisions: Mapping[Any, Division]) -> Pool:
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    positions = corpus.interviews["position"].to_numpy(dtype=str)
    rows, seeds, rounds, new = [], [], [], []
    for number, (one, division) in enumerate(divisions.items()):
        rounds.append(np.full(len(division.test), number))
        rows.append(division.test)
        seeds.append(np.full(len(division.test), one.seed))
        known = set(people[division.parts != "test"].tolist())
        new.append(np.array([people[row] not in known for row in division.test], dtype=bool))
    row = np.concatenate(rows)
    hirable = next(iter(divisions.values())).hirable
    return Pool(
        row,
        np.concatenate(seeds),
        np.concatenate(rounds),
        people[row],
        positions[row],
        hirable[row],
        np.concatenate(new),
    )


def _told(
    corpus: Corpus,
    out: Path,
    config: BenchConfig,
    jobs: Sequence[Job],
    pool: Pool,
) -> dict[tuple[str, str], _Told]:
    ids = corpus.interviews["id"].to_numpy(dtype=str)
    places = {one: np.flatnonzero(pool.round == number) for number, one in enumerate(config.rounds())}
    found: dict[tuple[str, str], _Told] = {}
    for job in jobs:
        key = (job.group, job.system)
        if key not in found:
            ratings = {name: np.full(len(pool), np.nan) for name in config.training.ratings}
            found[key] = _Told(np.full(len(pool), np.nan), ratings, [])
        said, here = read_predictions(out, job, ids), places[job.round]
        found[key].score[here] = said.score[pool.row[here]]
        for name, values in said.ratings.items():
            found[key].ratings[name][here] = values[pool.row[here]]
        found[key].kept.append({"round": job.round.name, **said.about})
    return found


# ---------------------------------------------------------------- figures


def _votes(
    corpus: Corpus, config: BenchConfig, divisions: Mapping[Any, Division], pool: Pool
) -> Iterator[dict[str, Any]]:
    """Yield what has to be beaten: chance, everybody, the position's majority, and who it is where that is known."""
    rates, majority, strangers = [], [], set()
    positions = corpus.interviews["position"].to_numpy(dtype=str)
    for division in divisions.values():
        rates.append(np.full(len(division.test), division.hirable[division.train].mean()))
        share, _ = majority_by_position(positions, division.hirable, division.train)
        majority.append(share[division.test])
        strangers |= set(division.test[~np.isin(positions[division.test], positions[division.train])].tolist())
    rate = np.concatenate(rates)
    yield {
        "group": "votes",
        "system": "random",
        "figures": _dicts(vote_figures(pool, rate, config.replicates)),
        "note": f"mean of {DRAWS} draws at the label rate of training people",
    }
    everybody = classification(pool, np.ones(len(pool)), config.replicates)
    yield {"group": "votes", "system": "everybody", "figures": _dicts(everybody), "note": "all are hirable"}
    if len(set(positions)) > 1:
        found = classification(pool, np.concatenate(majority), config.replicates)
        note = "the majority of the position's training interviews, ties hirable"
        if strangers:
            note += f"; {len(strangers)} tested interviews of positions without any take that of all"
        yield {"group": "votes", "system": "majority", "figures": _dicts(found), "note": note}
    if not pool.new.all():
        same = _same_person(corpus, divisions, lambda division: _known_in_training(division, None))
        yield {
            "group": "votes",
            "system": "same person",
            "figures": _dicts(classification(pool, same, config.replicates)),
            "note": "the mean verdict of other interviews of the same candidate in training, nothing else: an identity "
            "leak of this split",
        }


def _same_person(corpus: Corpus, divisions: Mapping[Any, Division], values: Any) -> Floats:
    """Return for every tested row the mean of its candidate's training values, shrunk towards all people's."""
    names, person = np.unique(corpus.interviews["candidate"].to_numpy(dtype=str), return_inverse=True)
    said = []
    for division in divisions.values():
        value = values(division)
        train = np.flatnonzero(~np.isnan(value))
        count = np.bincount(person[train], minlength=len(names))
        total = np.bincount(person[train], weights=value[train], minlength=len(names))
        mean = (total + _SHRINKAGE * value[train].mean()) / (count + _SHRINKAGE)
        said.append(mean[person[division.test]])
    return np.concatenate(said)


def _known_in_training(division: Division, rating: str | None) -> Floats:
    """Return the verdicts, or one rating, of training people (N,), NaN for everybody else."""
    if rating is not None:
        return np.where(division.parts == "train", division.rated[rating], np.nan)
    value = np.full(len(division.parts), np.nan)
    value[division.train] = division.hirable[division.train]
    return value


def _measured(
    config: BenchConfig, told: Mapping[tuple[str, str], _Told], pool: Pool, advance: Advance
) -> Iterator[dict[str, Any]]:
    for (group, system), one in sorted(told.items(), key=lambda item: _order(*item[0])):
        spread = PositionSpread.of(pool, one.score)
        row: dict[str, Any] = {
            "group": group,
            "system": system,
            "figures": _dicts(classification(pool, one.score, config.replicates)),
            "positions": spread.to_dict() if isinstance(spread, Undefined) else asdict(spread),
            "scored": pool.interviews(~np.isnan(one.score)),
            "kept": list(one.kept),
        }
        if 0 < pool.new.sum() < len(pool):
            unseen = np.where(pool.new, one.score, np.nan)
            row["new_people"] = _dicts(classification(pool, unseen, config.replicates))
        advance(1, f"{group} {system}")
        yield row


def _order(group: str, system: str) -> tuple[int, str, int, str]:
    place = {FUSED: 1, "features": 2, "others": 3}.get(group, 0)
    return place, group, LADDER.index(system) if system in LADDER else 0, system


def _ratings(
    corpus: Corpus,
    config: BenchConfig,
    divisions: Mapping[Any, Division],
    told: Mapping[tuple[str, str], _Told],
    pool: Pool,
) -> list[dict[str, Any]]:
    """Return for every rating how near each system comes, beside a constant and beside knowing who it is."""
    found = []
    for name in config.training.ratings:
        rated = next(iter(divisions.values())).rated[name][pool.row]
        constant = np.concatenate(
            [np.full(len(d.test), np.nanmean(d.rated[name][d.parts == "train"])) for d in divisions.values()]
        )
        guesses: list[tuple[str, str, Floats]] = [("votes", "constant", constant)]
        if not pool.new.all():
            same = _same_person(corpus, divisions, lambda division, name=name: _known_in_training(division, name))
            guesses.append(("votes", "same person", same))
        guesses += [
            (group, system, one.ratings[name])
            for (group, system), one in sorted(told.items(), key=lambda item: _order(*item[0]))
        ]
        rows = []
        for group, system, predicted in guesses:
            row = {
                "group": group,
                "system": system,
                "figures": _dicts(rating_figures(pool, rated, predicted, config.replicates)),
            }
            if 0 < pool.new.sum() < len(pool):
                unseen = np.where(pool.new, predicted, np.nan)
                row["new_people"] = _dicts(rating_figures(pool, rated, unseen, config.replicates))
            rows.append(row)
        found.append({"rating": name, "rated": pool.interviews(~np.isnan(rated)), "systems": rows})
    return found


def _dicts(figures: Mapping[str, Measurement]) -> dict[str, Any]:
    return {name: value.to_dict() for name, value in figures.items()}


# ---------------------------------------------------------------- paired tests and their words


def _tests(
    config: BenchConfig, told: Mapping[tuple[str, str], _Told], pool: Pool, modalities: Sequence[str]
) -> list[dict[str, Any]]:
    """Return every paired comparison with its interval, its p-value and that adjusted for their number (Holm)."""
    pairs: list[tuple[str | None, str, str, str]] = []
    for name in modalities:
        steps = [(number, strong, weak) for number, _, strong, weak in STEPS]
        pairs += [(number, name, strong, weak) for number, strong, weak in sorted([*steps, *_BESIDE])]
    pairs += [(None, FUSED, strong, weak) for strong, weak in _FUSIONS]
    rows: list[dict[str, Any]] = []
    for hypothesis, group, strong, weak in pairs:
        if (group, strong) not in told or (group, weak) not in told:
            continue
        first, second = told[group, strong].score, told[group, weak].score
        gaps, n = differences(pool, first, second, config.replicates)
        rows.append(
            {
                "hypothesis": hypothesis,
                "group": group,
                "stronger": strong,
                "weaker": weak,
                "difference": gaps["f1"].to_dict(),
                "auc_difference": gaps["auc"].to_dict(),
                "n": n,
                "p": None
                if isinstance(gaps["f1"], Undefined)
                else randomisation(pool, first, second, config.replicates),
                "decided": _decided(gaps["f1"]),
            }
        )
    known = [row for row in rows if row["p"] is not None]
    for row, adjusted in zip(known, holm([row["p"] for row in known]), strict=True):
        row["p_holm"] = adjusted
    return rows


def _decided(gap: Measurement) -> str:
    if isinstance(gap, Undefined):
        return "undefined"
    if not gap.excludes(0.0):
        return "undecided"
    return "yes" if gap.value > 0 else "reversed"


def _answers(tests: Sequence[Mapping[str, Any]], modalities: Sequence[str], corpus: Corpus) -> list[dict[str, Any]]:
    """Answer each hypothesis in words, modality by modality."""
    found = []
    silent = corpus.answers["question"].nunique() < 2 and corpus.interviews["job_title"].nunique() < 2
    for number, claim, _, _ in STEPS:
        parts = []
        for name in modalities:
            rows = [row for row in tests if row["hypothesis"] == number and row["group"] == name]
            parts += [_answer(row) for row in rows]
        words = "; ".join(parts) if parts else "not tested: one of the two systems is missing"
        if number == "H4" and silent:
            words = f"cannot be tested: all interviews have one question and one job title. Seen all the same: {words}"
        found.append({"hypothesis": number, "claim": claim, "words": words})
    return found


def _answer(row: Mapping[str, Any]) -> str:
    where = f"{row['group']}, {row['stronger']} beside {row['weaker']}"
    gap = row["difference"]
    if "undefined" in gap:
        return f"{where}: undefined ({gap['undefined']})"
    words = {"yes": "yes", "reversed": "the other way round", "undecided": "undecided"}[row["decided"]]
    adjusted = "" if row["p"] is None else f", p {row['p_holm']:.3f} after Holm"
    return f"{where}: {words}, {gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]{adjusted}"


def verdict_of(tests: Sequence[Mapping[str, Any]], modalities: Sequence[str]) -> str:
    """Say in how far the paper's order is there: for which modality every step is decided, for which none.

    ``tests`` are the record's paired comparisons; those beside the four steps are passed over.
    """
    named = {(number, strong, weak) for number, _, strong, weak in STEPS}
    steps: dict[str, list[str]] = {name: [] for name in modalities}
    for row in tests:
        if (row["hypothesis"], row["stronger"], row["weaker"]) in named:
            steps[row["group"]].append(row["decided"])
    tested = {name: decided for name, decided in steps.items() if decided}
    if not tested:
        return "No step of the paper's order could be tested."
    whole = [name for name, decided in tested.items() if decided == ["yes"] * len(STEPS)]
    words = []
    if whole:
        order = "HireNet > HN_SATT > HN_AVG > Bi-GRU > non-sequential"
        words.append(f"the order {order} holds step by step, each interval above zero, for {join(whole)}")
    for name, decided in tested.items():
        yes, back = decided.count("yes"), decided.count("reversed")
        if name in whole:
            continue
        if set(decided) == {"undefined"}:
            words.append(f"for {name} no step could be tested")
        elif yes or back:
            told = f"for {name} {yes} of {len(decided)} steps are decided that way"
            words.append(f"{told}, {back} the other way round" if back else told)
    none = [
        name for name, decided in tested.items() if "undecided" in decided and not {"yes", "reversed"} & set(decided)
    ]
    if none:
        words.append(f"for {join(none)} no step is decided: nothing of that order is seen here")
    text = "; ".join(words)
    return f"{text[:1].upper()}{text[1:]}."


def _identity(
    pool: Pool, systems: Sequence[Mapping[str, Any]], ratings: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return what knowing who speaks is worth where a split has people on both sides; None where it has none."""
    if pool.new.all():
        return None
    known = ~pool.new
    (same,) = [s for s in systems if (s["group"], s["system"]) == ("votes", "same person")]
    return {
        "known_interviews": pool.interviews(known),
        "known_people": len(set(pool.person[known].tolist())),
        "people": len(set(pool.person.tolist())),
        "f1": same["figures"]["f1"],
        "ratings": {
            rating["rating"]: next(s for s in rating["systems"] if s["system"] == "same person")["figures"]
            for rating in ratings
        },
    }


def _left_out(
    corpus: Corpus, pool: Pool, names: Sequence[str], empty: Sequence[str], *, rated: bool
) -> list[dict[str, Any]]:
    unlabelled = int(corpus.interviews["hirable"].isna().sum())
    why = "no hirable label: not tested; what they teach is ratings alone" if rated else "no hirable label: left alone"
    rows = [{"what": "interviews", "n": unlabelled, "why": why}]
    rows += [{"what": f"answers' {name}", "n": len(corpus.answers), "why": "recorded of nobody"} for name in empty]
    positions = pd.Series(pool.row).groupby(pool.position).nunique()
    small = int((positions < LEAST_IN_POSITION).sum()) if len(positions) > 1 else 0
    few = f"fewer than {LEAST_IN_POSITION} tested interviews: no F1 of their own"
    rows.append({"what": "positions", "n": small, "why": few})
    for name in names:
        if missing := int((corpus.length(name) == 0).sum()):
            rows.append({"what": f"answers without {name}", "n": missing, "why": f"no part in {name} systems"})
    return [row for row in rows if row["n"]]
