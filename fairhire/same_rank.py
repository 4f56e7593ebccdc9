"""The fair comparison for an erased representation: the task score that the undefended one supports, cut to as few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairhire.estimate import Measurement, Undefined, auc_of, bootstrap_by_person
from fairhire.readout import fit_ridge
from fairhire.runs import Run

__all__ = ["task_at_rank"]

_PENALTY = 1e-3  # of the readout, in units of a component's variance: there are few components and many people


def task_at_rank(
    run: Run, rank: int, *, truth: NDArray[np.bool_] | None = None, replicates: int = 1000, seed: int = 0
) -> Measurement:
    """Return the task AUC on test people that ``rank`` principal components of a run's representation support.

    Components and a ridge readout of the label are fitted on the run's training people; the interval is by person. A
    representation can always be made mute: this says how much of the task a plain cut to the same rank would have kept.
    ``truth`` (N,) is an unbiased label to be judged against instead of the recruiters', where one is known.
    """
    scores = run.scores
    assert scores.representation is not None
    assert scores.hirable is not None
    known = (scores.hirable >= 0) & (scores.decision >= 0)
    test = known & (scores.split == "test")
    fit = known & (scores.split == "train") & ~np.isin(scores.candidates, scores.candidates[test])
    if not fit.any() or len(set(scores.hirable[test].tolist())) < 2:
        return Undefined("labelled training and test people of both classes are needed", int(test.sum()))
    vectors = scores.representation.astype(np.float64)
    mean = vectors[fit].mean(axis=0)
    directions = np.linalg.svd(vectors[fit] - mean, full_matrices=False)[2][:rank].T
    reduced = (vectors - mean) @ directions
    spread = reduced[fit].std(axis=0)
    reduced = reduced[:, spread > 0] / spread[spread > 0]
    if reduced.shape[1] == 0:
        return Undefined("the representation does not vary among training people", int(test.sum()))
    readout = fit_ridge(reduced[fit], scores.hirable[fit].astype(np.float64)[:, None])
    score = readout.predict(reduced[test], _PENALTY)[:, 0]
    statistic = auc_of((scores.hirable == 1)[test] if truth is None else truth[test], score)
    return bootstrap_by_person({"auc": statistic}, scores.candidates[test], replicates=replicates, seed=seed)["auc"]
