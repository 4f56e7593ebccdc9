"""Claims about the task: which model is best, what removal costs, and what an erased representation still supports."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fairhire.claims.claim import Claim, Figure, at_least, judged, untestable
from fairhire.claims.evidence import Evidence
from fairhire.claims.leaks import NO_PAIR
from fairhire.estimate import auc_of, bootstrap_by_person, bootstrap_difference, f1_of
from fairhire.runs import Run
from fairhire.same_rank import task_at_rank

__all__ = ["cost", "level", "order", "same_rank"]

_ORDER = ("hirenet", "hn-satt", "hn-avg", "bigru")


def order(evidence: Evidence) -> Claim:
    """Row 1."""
    words = "HireNet, HN_SATT, HN_AVG, Bi-GRU, non-sequential stand in this order of F1"
    target = "every neighbour's difference above 0, on a corpus whose questions and jobs matter"
    by_model: dict[str, list[Run]] = {}
    for run in evidence.undefended:
        by_model.setdefault(str(run.config["model"]), []).append(run)
    if missing := [name for name in _ORDER if name not in by_model]:
        return untestable(
            "1", words, target,
            f"no undefended run of {', '.join(missing)} (fairhire train CORPUS --model {missing[0]}); the "
            "non-sequential baselines are not part of these commands",
        )  # fmt: skip
    figures = []
    for better, worse in pairwise(_ORDER):
        for run in by_model[better]:
            other = next((one for one in by_model[worse] if np.array_equal(one.scores.split, run.scores.split)), None)
            if other is None:
                continue
            test = evidence.test_rows(run) & evidence.test_rows(other)
            labels = np.asarray(run.scores.hirable)[test]
            figures.append(
                Figure(
                    f"{better} less {worse}, seed {run.config['seed']}",
                    bootstrap_difference(
                        f1_of(labels, run.scores.decision[test]),
                        f1_of(labels, other.scores.decision[test]),
                        run.scores.candidates[test],
                        seed=evidence.seed,
                    ),
                )
            )
    return judged(
        "1", words, target, figures, lambda value: value > 0, why="the non-sequential baselines are not part of this"
    )


def level(evidence: Evidence) -> Claim:
    """Row 2."""
    words = "task level on First Impressions' interview variable"
    target = "1-MAE .910, r .64 and F1 .75 at 0.5 on the disjoint split, before removal"
    figures = []
    for run in evidence.undefended:
        test = evidence.test_rows(run)
        labels = np.asarray(run.scores.hirable)[test]
        statistics = {"F1": f1_of(labels, run.scores.decision[test]), "AUC": auc_of(labels, run.scores.score[test])}
        found = bootstrap_by_person(statistics, run.scores.candidates[test], seed=evidence.seed)
        figures += [Figure(f"{run.path.resolve().name}, {name}", value) for name, value in found.items()]
    why = "a probability of being hirable has no 1-MAE against a rating; AUC and F1 are shown instead"
    if evidence.corpus is None or "interview" not in evidence.corpus.targets:
        why = "no corpus with the target interview (fairhire corpus import first-impressions) was given"
    return untestable("2", words, target, why, figures)


def cost(evidence: Evidence) -> Claim:
    """Row 6."""
    words = "removal costs little of the task"
    target = "F1 falls by 3 points at most, on people of a split by candidate"
    if not evidence.defended:
        return untestable("6", words, target, NO_PAIR)
    figures = []
    for pair in evidence.defended:
        test = evidence.test_rows(pair.run) & evidence.test_rows(pair.undefended)
        scores, other = pair.run.scores, pair.undefended.scores
        labels = np.asarray(scores.hirable)[test]
        change = bootstrap_difference(
            f1_of(labels, scores.decision[test]),
            f1_of(labels, other.decision[test]),
            scores.candidates[test],
            seed=evidence.seed,
        )
        figures.append(Figure(f"{pair.name}, change of F1", change))
    why = "where the label itself is biased, a fair score must agree with it less; see claim 20"
    return judged("6", words, target, figures, at_least(-0.03), why=why)


def same_rank(evidence: Evidence) -> Claim:
    """Return what is left of a representation and whether a plain cut to as little would have served as well (ours)."""
    words = "what is left supports the task better than an undefended representation cut to as few numbers"
    target = "task AUC no more than .03 below that of the cut; the effective rank is shown"
    if not evidence.defended:
        return untestable("rank", words, target, NO_PAIR)
    figures, ranks = [], []
    for pair in evidence.defended:
        scores = pair.run.scores
        assert scores.representation is not None
        width = scores.representation.shape[1]
        test = evidence.test_rows(pair.run)
        labels = np.asarray(scores.hirable) == 1 if evidence.truth is None else evidence.truth
        mine = bootstrap_by_person({"auc": auc_of(labels[test], scores.score[test])}, scores.candidates[test])["auc"]
        theirs = task_at_rank(pair.undefended, width, truth=evidence.truth)
        value = getattr(theirs, "value", None)
        point = getattr(mine, "value", None)
        if value is None or point is None:
            continue
        figures.append(Figure(f"{pair.name}, task AUC less that of the cut", float(point - value)))
        erasures = pair.run.provenance.get("erasures", [])
        left = ", ".join(f"{e['effective_rank_after']:.1f} at {e['site']}" for e in erasures) or "nothing was erased"
        ranks.append(f"{pair.name}: {width} numbers, effective rank {left}, task AUC {mine}, cut {theirs}")
    if not figures:
        return untestable("rank", words, target, "no task score could be measured")
    against = "" if evidence.truth is None else "judged against the unbiased label: "
    return judged("rank", words, target, figures, at_least(-0.03), why=against + "; ".join(ranks))
