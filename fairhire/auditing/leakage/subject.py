"""Measures leakage of a finished run, or of a scores table with vectors: who fits, who is tested, what is read.

Letters: N interviews, d width of a face.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.auditing.demographics import Demographics
from fairhire.auditing.leakage.codelength import CODES
from fairhire.auditing.leakage.family import Probe
from fairhire.auditing.leakage.measure import Watch, leakage
from fairhire.auditing.leakage.probes import PROBES
from fairhire.auditing.leakage.table import LeakageResult
from fairhire.errors import DataError
from fairhire.left_out import LeftOut
from fairhire.progress import silent
from fairhire.readout import split_people
from fairhire.runs import Run
from fairhire.scores import Scores

__all__ = ["leakage_of_tables", "measure_run"]

Flags = NDArray[np.bool_]

_HALVES = (
    "the scores table does not say whom the model was trained on: leakage probes were fitted on a random half of the "
    "candidates and judged on the rest"
)


def measure_run(
    run: Run,
    demographics: Demographics,
    *,
    faces: ArrayLike | None = None,
    face_mask: ArrayLike | None = None,
    baseline: Run | None = None,
    controls: int = 5,
    level: float = 0.95,
    seed: int = 0,
    watch: Watch = lambda _what, _total: nullcontext(silent),
    probes: Mapping[str, Probe] | None = None,
) -> LeakageResult:
    """Return what fresh probes read from a run's score, representation and layers, beside an undefended ``baseline``.

    Probes are fitted on the people the model trained on and judged on its test people; codelengths are of the former.
    Training interviews of a candidate who is also tested are left out. ``faces`` (N, d) and ``face_mask`` (N,) are
    those of the run's corpus, row by row. The subjects are called by the names of the runs' folders, the baseline's
    with " (baseline)" behind. A layer that only one of the runs recorded, or that is the representation itself (one
    modality), is not read apart.

    Raises :class:`DataError` for a baseline of other interviews or another split, and as
    :func:`~fairhire.auditing.leakage.leakage` does.
    """
    scores = run.scores
    if baseline is not None and not (
        np.array_equal(baseline.scores.ids, scores.ids) and np.array_equal(baseline.scores.split, scores.split)
    ):
        raise DataError(f"{baseline.path}: expected the interviews and the split of {run.path}, got others")
    sources, against, left_out = _sources(run, baseline)
    fit, test, shared = _sides(scores)
    left_out += shared
    if faces is None:
        left_out.append(LeftOut("interviews in face retrieval", len(scores), "no corpus with faces was given"))
    name = run.path.resolve().name
    result = leakage(
        sources,
        demographics,
        candidates=scores.candidates,
        fit=fit,
        test=test,
        subject=name,
        against=against,
        against_subject="undefended" if baseline is None else f"{baseline.path.resolve().name} (baseline)",
        faces=faces,
        face_mask=face_mask,
        probes=PROBES if probes is None else probes,
        codes=CODES,
        controls=controls,
        level=level,
        seed=seed,
        watch=watch,
    )
    return replace(result, left_out=(*result.left_out, *left_out))


def leakage_of_tables(
    scores: Scores,
    demographics: Demographics,
    *,
    subject: str = "model",
    faces: ArrayLike | None = None,
    face_mask: ArrayLike | None = None,
    controls: int = 5,
    level: float = 0.95,
    seed: int = 0,
    watch: Watch = lambda _what, _total: nullcontext(silent),
    probes: Mapping[str, Probe] | None = None,
) -> LeakageResult:
    """Return what fresh probes read from a scores table, and from its representation (N, H) where it has one.

    Where the table's split has train and test people, they fit and are tested, as in :func:`measure_run`, with the same
    figures. Else half of the candidates, drawn by lot from ``seed``, fit and the other half is tested, which is said in
    ``notes``: the model may have been trained on either. Errors as in :func:`~fairhire.auditing.leakage.leakage`.
    """
    fit, test, left_out = _sides(scores)
    notes: tuple[str, ...] = ()
    if not fit.any() or not test.any():
        half = split_people(scores.candidates, shares=(0.5, 0.5), seed=seed)
        fit, test = half == 0, half == 1
        left_out, notes = [], (_HALVES,)
    sources: dict[str, ArrayLike] = {"score": scores.score}
    if scores.representation is not None:
        sources["representation"] = scores.representation
    result = leakage(
        sources,
        demographics,
        candidates=scores.candidates,
        fit=fit,
        test=test,
        subject=subject,
        faces=faces,
        face_mask=face_mask,
        probes=PROBES if probes is None else probes,
        codes=CODES,
        controls=controls,
        level=level,
        seed=seed,
        watch=watch,
    )
    return replace(result, left_out=(*result.left_out, *left_out), notes=notes)


def _sides(scores: Scores) -> tuple[Flags, Flags, list[LeftOut]]:
    """Return who fits (N,) and who is tested (N,): people of both sides are tested only."""
    test = scores.split == "test"
    train = scores.split == "train"
    fit = train & ~np.isin(scores.candidates, scores.candidates[test])
    shared = int((train & ~fit).sum())
    return fit, test, [LeftOut("training interviews", shared, "of candidates who are also tested")] if shared else []


def _sources(run: Run, baseline: Run | None) -> tuple[dict[str, ArrayLike], dict[str, ArrayLike] | None, list[LeftOut]]:
    """Return what is read of both runs, the same of each, and what is not."""
    runs = [run] if baseline is None else [run, baseline]
    found = [one.sources() for one in runs]
    left_out = []
    for name in dict.fromkeys(name for sources in found for name in sources):
        having = [sources for sources in found if name in sources]
        if len(having) < len(found):
            left_out.append(LeftOut(f"the layer {name}: runs", len(having), "recorded by one of the two runs only"))
        elif name in ("score", "representation"):
            continue
        elif all(np.array_equal(sources[name], sources["representation"]) for sources in having):
            left_out.append(LeftOut(f"the layer {name}: runs", len(having), "it is the representation itself"))
        else:
            absent = int((~found[0][name].any(axis=1) & ~np.isnan(run.scores.score)).sum())
            if absent:
                why = "not recorded: zeros in the layer, which a probe may notice"
                left_out.append(LeftOut(f"the layer {name}: interviews", absent, why))
            continue
        for sources in having:
            del sources[name]
    return {**found[0]}, None if baseline is None else {**found[1]}, left_out
