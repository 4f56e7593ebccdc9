"""Ratings beside the score: which ones, on what scale, and how their heads are fitted anew after something was erased.

Letters: n training interviews, K ratings, H width of the representation.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from fairhire.data.collate import BatchReader
from fairhire.data.corpus import Corpus
from fairhire.errors import DataError, UsageError
from fairhire.model import BINARY, CONTINUOUS, HireNetModel
from fairhire.training.predict import run_model

__all__ = ["ALL", "PER_NUMBER", "RatingScale", "measure_ratings", "refit_ratings", "resolve_ratings"]

ALL = "all"
"""Stands for every target of a corpus."""

PER_NUMBER = 10
"""Annotated training interviews for every number that a head reads: with fewer it is not fitted anew (ours)."""

ROUNDING = 1e-5
"""Directions with less than this share of the largest one's deviation are roundings of float32: LayerNorm leaves one,
the sum of all numbers, and a least-squares fit would scale it up (ours)."""

INVERSE_PENALTY = 100.0
"""C of the logistic fit: weak, yet a rating that splits people perfectly gets a finite head (ours)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RatingScale:
    """A rating as training people have it: its kind, and what a head's readings are standardised by.

    ``mean`` and ``deviation`` are in the corpus's units, of ``people`` annotated training interviews.
    """

    kind: str
    mean: float
    deviation: float
    people: int

    @property
    def origin(self) -> float:
        """What a reading of 0 means: the mean, or of a binary rating the log-odds of 1."""
        return self.mean if self.kind == CONTINUOUS else math.log(self.mean / (1 - self.mean))

    @property
    def unit(self) -> float:
        """What a reading of 1 adds."""
        return self.deviation if self.kind == CONTINUOUS else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the record in a run's provenance, as JSON takes it."""
        return {"kind": self.kind, "mean": self.mean, "deviation": self.deviation, "trained_on": self.people}


def resolve_ratings(wanted: Sequence[str], corpus: Corpus) -> tuple[str, ...]:
    """Return the targets of ``corpus`` that ``wanted`` names; :class:`UsageError` naming them for an unknown one."""
    if wanted and not corpus.targets:
        raise UsageError(f"rating: expected targets in {corpus.path}, it has none, got {', '.join(wanted)}")
    if tuple(wanted) == (ALL,):
        return corpus.targets
    for name in wanted:
        if name not in corpus.targets:
            known = ", ".join((ALL, *corpus.targets))
            raise UsageError(f"rating: expected one of {known} ({corpus.path}), got {name!r}")
    return tuple(wanted)


def measure_ratings(corpus: Corpus, names: Sequence[str], train: NDArray[np.int64]) -> dict[str, RatingScale]:
    """Return the scale of every rating among the training interviews ``train`` (n,).

    A rating is binary where the whole corpus holds nothing but 0 and 1 of it. Raises :class:`DataError` for one of
    which training people have no value or a single one: there would be nothing to learn.
    """
    scales = {}
    for name, column in zip(names, corpus.ratings(names).T, strict=True):
        known = column[train][~np.isnan(column[train])].astype(np.float64)
        distinct = np.unique(known)
        if len(distinct) < 2:
            got = f"nothing but {distinct[0]:g} in {len(known)} interviews" if len(known) else "no rating"
            raise DataError(f"{corpus.path}, target:{name}: expected ratings of training people that differ, got {got}")
        kind = BINARY if np.isin(column[~np.isnan(column)], (0, 1)).all() else CONTINUOUS
        scales[name] = RatingScale(kind, float(known.mean()), float(known.std()), len(known))
    return scales


def refit_ratings(
    model: HireNetModel,
    reader: BatchReader,
    train: NDArray[np.int64],
    scales: Mapping[str, RatingScale],
    *,
    device: torch.device | str,
) -> list[str]:
    """Fit the rating heads of a guarded ``model`` anew, in place, on what its guards let through of training people.

    What an eraser took may have been what a head read; the new one is the best linear reading of the rest: least
    squares for a continuous rating, a logistic regression for a binary one. A rating with fewer than
    :data:`PER_NUMBER` annotated interviews for every number read keeps the head that was trained, and a sentence is
    returned that says so.
    """
    head = model.rating_head
    assert head is not None
    vectors = run_model(model, reader, train, device=device).representation.astype(np.float64)
    truth = reader.corpus.ratings(list(scales))[train].astype(np.float64)
    weight, bias = (part.detach().cpu().double().numpy().copy() for part in (head.weight, head.bias))
    remarks = []
    for place, (name, scale) in enumerate(scales.items()):
        known = ~np.isnan(truth[:, place])
        if known.sum() < PER_NUMBER * vectors.shape[1]:
            remarks.append(
                f"rating {name}: {int(known.sum())} annotated training interviews are too few to fit its head anew to "
                f"{vectors.shape[1]} numbers; it reads what is left of the head that was trained"
            )
            continue
        fit = _least_squares if scale.kind == CONTINUOUS else _logistic
        coefficients, intercept = fit(vectors[known], truth[known, place])
        weight[place] = coefficients / scale.unit
        bias[place] = (intercept - scale.origin) / scale.unit
    head.set_reading(torch.from_numpy(weight), torch.from_numpy(bias))
    return remarks


def _least_squares(vectors: Floats, truth: Floats) -> tuple[Floats, float]:
    """Return the shortest coefficients (H,) and the intercept with the least squared error."""
    middle = vectors.mean(axis=0)
    coefficients = np.linalg.lstsq(vectors - middle, truth - truth.mean(), rcond=ROUNDING)[0]
    return coefficients, float(truth.mean() - middle @ coefficients)


def _logistic(vectors: Floats, truth: Floats) -> tuple[Floats, float]:
    """Return the coefficients (H,) and the intercept of a logistic regression of 0/1 ``truth`` (n,)."""
    model = LogisticRegression(C=INVERSE_PENALTY, solver="newton-cholesky", max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of people who are split perfectly; the fit stands
        model.fit(vectors, truth > 0)
    return model.coef_[0].astype(np.float64), float(model.intercept_[0])
