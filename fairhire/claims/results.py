"""Claims about what comes out: selection rates, what scores tell, the frontier, and an injected bias that is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.impact import above_median, impact_by_group
from fairhire.auditing.metrics.gaps import mutual_information
from fairhire.claims.claim import Claim, Figure, at_least, judged, reported, untestable
from fairhire.claims.evidence import Evidence, Pair
from fairhire.claims.leaks import NO_PAIR
from fairhire.estimate import Statistic, Undefined, bootstrap_by_person, bootstrap_difference
from fairhire.runs import Run

__all__ = ["bias_removed", "frontier_drawn", "outcomes", "outputs_leak"]

Floats = NDArray[np.float64]

_GRID = np.linspace(0.02, 0.98, 49)  # cuts of the parity gap, .02 apart (papers section 3)


def outcomes(evidence: Evidence) -> Claim:
    """Row 15."""
    words = "selection at the median and over all cuts (SPDD), before and after"
    target = "reported: no promise; a ratio below .8 is flagged"
    figures, flags = [], []
    for pair in evidence.defended:
        for run, when in ((pair.undefended, "undefended"), (pair.run, "defended")):
            test = evidence.test_rows(run)
            for attribute in evidence.attributes():
                category = evidence.people.of(attribute, run.scores.candidates[test])
                smallest = impact_by_group(above_median(run.scores.score[test]), category, attribute=attribute).smallest
                name = f"{pair.name}, {attribute}, {when}"
                if smallest is None:
                    figures.append(
                        Figure(f"{name}: impact ratio", Undefined("no group of 10 or more", int(test.sum())))
                    )
                else:
                    figures.append(Figure(f"{name}: impact ratio of {smallest.category}", smallest.interval))
                    if smallest.below:
                        flags.append(f"{name}: {smallest.category} below .8")
                gap = bootstrap_by_person(
                    {"spdd": _parity_gap(run.scores.score[test], category)}, run.scores.candidates[test], replicates=300
                )["spdd"]
                figures.append(Figure(f"{name}: mean parity gap over cuts", gap))
    if not figures:
        return untestable("15", words, target, NO_PAIR)
    return reported("15", words, target, figures, why="; ".join(flags))


def outputs_leak(evidence: Evidence) -> Claim:
    """Row 16."""
    words = "what the published score alone tells of an attribute, and whether decisions tell more than labels do"
    target = "reported for every run"
    figures = []
    for pair in evidence.defended:
        for side, run in ((True, pair.undefended), (False, pair.run)):
            when = "undefended" if side else "defended"
            for attribute in evidence.attributes():
                row = evidence.strongest(pair, "score", attribute, undefended=side)
                if row is not None:
                    figures.append(Figure(f"{pair.name}, {attribute}, {when}: AUC from the score", row.estimate))
                test = evidence.test_rows(run)
                category = evidence.people.of(attribute, run.scores.candidates[test])
                labels, decisions = np.asarray(run.scores.hirable)[test] == 1, run.scores.decision[test] == 1
                change = bootstrap_difference(
                    _bits(decisions, category), _bits(labels, category), run.scores.candidates[test], replicates=300
                )
                figures.append(
                    Figure(f"{pair.name}, {attribute}, {when}: bits told by decisions less by labels", change)
                )
    if not figures:
        return untestable("16", words, target, NO_PAIR)
    return reported("16", words, target, figures)


def frontier_drawn(evidence: Evidence) -> Claim:
    """Row 18."""
    words = "over removers and strengths, label-free removal comes close to labelled removal"
    target = "area under the frontier at least .95 of that of the labelled baselines"
    if evidence.frontier is None:
        return untestable(
            "18", words, target,
            "no frontier was given: fairhire frontier CORPUS --out DIR --label-table PEOPLE.csv --label-attribute "
            "gender, then --frontier DIR/FRONTIER.json",
        )  # fmt: skip
    areas = {
        (area["leak"], area["removers"]): area["area"]["value"]
        for area in evidence.frontier["areas"]
        if "value" in area["area"]
    }
    figures = [
        Figure(f"{leak}: area without labels by area with labels", free / areas[leak, "with labels"])
        for (leak, removers), free in areas.items()
        if removers == "without labels" and areas.get((leak, "with labels"))
    ]
    if not figures:
        return untestable("18", words, target, "the frontier has no labelled point to compare with")
    return judged("18", words, target, figures, at_least(0.95))


def bias_removed(evidence: Evidence) -> Claim:
    """Row 20."""
    words = "a known, injected bias is taken out of the scores"
    target = "KL divergence between groups' scores down by 70 %, with scores closer to the unbiased label"
    if not evidence.defended:
        return untestable("20", words, target, NO_PAIR)
    if evidence.truth is None:
        return untestable("20", words, target, "no unbiased label was given: --truth FILE.csv (FairCVtest, simulated)")
    figures = []
    for pair in evidence.defended:
        apart = {name: _divergence(evidence, pair.undefended, name) or 0.0 for name in evidence.attributes()}
        attribute = max(apart, key=lambda name: apart[name], default="")  # the bias that was injected parts most
        after = _divergence(evidence, pair.run, attribute) if attribute else None
        if after is None or apart[attribute] < 0.01:
            continue
        gone = 1 - after / apart[attribute]
        figures.append(Figure(f"{pair.name}, {attribute}: share of the divergence that is gone", gone))
    if not figures:
        return untestable("20", words, target, "no attribute's scores lie apart without a defence")
    errors = [f"{pair.name}: {_errors(evidence, pair)}" for pair in evidence.defended]
    closer = all(_closer(evidence, pair) for pair in evidence.defended)
    claim = judged("20", words, target, figures, at_least(0.7), why="; ".join(errors))
    if claim.verdict == "pass" and not closer:
        return Claim(claim.number, claim.words, claim.target, claim.figures, "fail", claim.why)
    return claim


def _parity_gap(score: Floats, category: NDArray[np.str_]) -> Statistic:
    """Return the gap between the highest and the lowest group's selection rate, averaged over cuts .02 apart."""
    names = [name for name in np.unique(category[category != UNKNOWN]) if (category == name).sum() >= 10]
    member = np.array([category == name for name in names], dtype=np.float64).reshape(len(names), -1)
    selected = (score[:, None] >= _GRID).astype(np.float64)

    def evaluate(weights: Floats) -> Floats:
        found = np.full(weights.shape[1], np.nan)
        for place, weight in enumerate(weights.T if len(names) > 1 else ()):
            weighed = member * weight
            with np.errstate(divide="ignore", invalid="ignore"):
                rates = weighed @ selected / weighed.sum(axis=1, keepdims=True)
            found[place] = (rates.max(axis=0) - rates.min(axis=0)).mean()
        return found

    return Statistic(evaluate, len(score), "fewer than two groups of 10 or more", np.ones(len(score), dtype=bool))


def _bits(flags: NDArray[np.bool_], category: NDArray[np.str_]) -> Statistic:
    names = np.unique(category[category != UNKNOWN])
    cells = np.array(
        [[(category == name) & (flags == value) for value in (True, False)] for name in names], dtype=np.float64
    ).reshape(len(names), 2, -1)

    def evaluate(weights: Floats) -> Floats:
        counts = np.moveaxis(cells @ weights, -1, 0)
        return mutual_information(counts) if len(names) > 1 else np.full(weights.shape[1], np.nan)

    return Statistic(evaluate, len(flags), "fewer than two groups")


def _divergence(evidence: Evidence, run: Run, attribute: str) -> float | None:
    """Return the largest symmetrised KL divergence between two groups' scores on test people, in nats.

    Over ten bins of equal numbers of all scores, half a person added to each.
    """
    test = evidence.test_rows(run)
    score, category = run.scores.score[test], evidence.people.of(attribute, run.scores.candidates[test])
    edges = np.quantile(score, np.linspace(0, 1, 11)[1:-1])
    bins = np.searchsorted(edges, score, side="right")
    shares = []
    for name in np.unique(category[category != UNKNOWN]):
        if (category == name).sum() >= 30:
            counts = np.bincount(bins[category == name], minlength=10) + 0.5
            shares.append(counts / counts.sum())
    apart = [
        float(((one - other) * np.log(one / other)).sum() / 2)
        for place, one in enumerate(shares)
        for other in shares[:place]
    ]
    return max(apart) if apart else None


def _mae(evidence: Evidence, run: Run) -> float:
    assert evidence.truth is not None
    test = evidence.test_rows(run)
    # Scores are ranked first: a model learns the level of the biased label, not that of the unbiased one.
    rank = np.argsort(np.argsort(run.scores.score[test])) / max(int(test.sum()) - 1, 1)
    return float(np.abs(rank - evidence.truth[test]).mean())


def _closer(evidence: Evidence, pair: Pair) -> bool:
    return _mae(evidence, pair.run) < _mae(evidence, pair.undefended)


def _errors(evidence: Evidence, pair: Pair) -> str:
    return (
        f"mean distance of the score's rank from the unbiased label {_mae(evidence, pair.undefended):.3f} undefended, "
        f"{_mae(evidence, pair.run):.3f} defended"
    )
