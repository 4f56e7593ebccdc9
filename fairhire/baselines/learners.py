"""SVM, ridge and random forest with a search over their settings, trained answer by answer and averaged by candidate.

Papers section 1.1: each kind of description is given to all three, and what does best on validation people is kept.
Every answer carries its interview's label; an interview's decision value is the mean over its answers. The learners are
scikit-learn's. Letters: A answers, F numbers of an answer, N interviews.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from fairhire.baselines.describe import AnswerRows
from fairhire.errors import DataError

__all__ = [
    "LEARNERS",
    "Chosen",
    "ChosenRating",
    "Trial",
    "fit_classifier",
    "fit_regressor",
    "stack_ratings",
    "stack_scores",
    "trials_of",
]

Floats = NDArray[np.float64]

LEARNERS = ("svm", "ridge", "forest")
"""The paper's three."""

# Above either a kernel machine takes hours, and among so many numbers a plane parts as well: the linear one is left.
_KERNEL_ANSWERS, _KERNEL_NUMBERS = 12_000, 1_000

# Half a decade between a weak and a strong penalty, with and without weighing the rarer class up (ours).
_SVM = {"C": (0.01, 0.1, 1.0, 10.0), "class_weight": (None, "balanced")}
_LINEAR_SVM = {"C": (1e-4, 1e-3, 0.01, 0.1), "class_weight": (None, "balanced")}
_RIDGE = {"alpha": (1.0, 10.0, 100.0, 1e3, 1e4), "class_weight": (None, "balanced")}
_FOREST = {"min_samples_leaf": (1, 5, 20), "class_weight": (None, "balanced_subsample")}
_TREES = 200
_SUREST = 1e-4  # nobody's score is trusted beyond these odds


@dataclass(frozen=True)
class Trial:
    """One learner with one setting."""

    learner: str
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The setting in words, as ``svm rbf, C 1``."""
        return ", ".join([self.learner, *(f"{key} {value}" for key, value in self.settings.items())])


@dataclass(frozen=True)
class Chosen:
    """What the search kept: its name, its validation F1, how many were tried, and what it says.

    ``score`` (N,) is the probability-like score of every interview, 0.5 and more is hirable, NaN without an answer;
    ``best_of`` the best validation F1 of every learner; ``degenerate`` how many trials called all validation people
    the same and were set aside.
    """

    trial: Trial
    validation_f1: float
    tried: int
    degenerate: int
    best_of: Mapping[str, float]
    score: Floats


@dataclass(frozen=True)
class ChosenRating:
    """The same for a rating: ``prediction`` (N,), NaN without an answer; chosen by the mean absolute error."""

    trial: Trial
    validation_mae: float
    tried: int
    prediction: Floats


def trials_of(answers: int, numbers: int, *, ratings: bool = False) -> list[Trial]:
    """Return what is searched for so many training answers of so many numbers; for ratings without class weights."""
    small = answers <= _KERNEL_ANSWERS and numbers <= _KERNEL_NUMBERS
    grids: list[tuple[str, Mapping[str, tuple[Any, ...]]]] = [
        *([("svm rbf", {"C": _SVM["C"][1:]} if ratings else {**_SVM, "C": _SVM["C"][1:]})] if small else []),
        ("svm linear", _LINEAR_SVM),
        ("ridge", _RIDGE),
        ("forest", _FOREST),
    ]
    return [
        Trial(name, dict(zip(names, values, strict=True)))
        for name, grid in grids
        for names in [[key for key in grid if not (ratings and key == "class_weight")]]
        for values in product(*(grid[key] for key in names))
    ]


def fit_classifier(
    x: Any,
    answers: AnswerRows,
    hirable: NDArray[np.bool_],
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    *,
    seed: int,
) -> Chosen:
    """Search, fit and keep the best on validation interviews.

    ``x`` (A, F) dense or sparse, ``hirable`` (N,) the label of every interview (read where ``train`` and
    ``validation`` point only). A trial that calls all validation interviews the same is set aside while another does
    not: at balanced labels "everybody" has an F1 of 2/3, which many an honest learner does not reach. Raises
    :class:`DataError` where training or validation interviews with an answer are of one class.
    """
    fit = answers.of(train)
    label = hirable[answers.interview[fit]]
    judged = np.isin(np.arange(len(hirable)), np.intersect1d(validation, answers.interview))
    for part, found in (("training", label), ("validation", hirable[judged])):
        if len(set(found.tolist())) < 2:
            raise DataError(f"expected hirable and not hirable {part} interviews, got {len(found)} of one class")
    best: Chosen | None = None
    best_rank = (False, -1.0)
    best_of: dict[str, tuple[bool, float]] = {}
    degenerate = 0
    trials = trials_of(len(fit), x.shape[1])
    for trial in trials:
        values = _decisions(_classifier(trial, seed).fit(x[fit], label), x)
        mean = answers.mean_by_interview(values, len(hirable))
        here = judged & ~np.isnan(mean)
        decided = mean[here] >= 0
        f1 = _f1(hirable[here], decided)
        degenerate += (same := len(set(decided.tolist())) < 2)
        rank = (not same, f1)
        kind = trial.learner.partition(" ")[0]
        best_of[kind] = max(best_of.get(kind, (False, -1.0)), rank)
        if best is None or rank > best_rank:
            best, best_rank = Chosen(trial, f1, len(trials), 0, {}, expit(mean)), rank
    assert best is not None
    return replace(best, degenerate=degenerate, best_of={kind: f1 for kind, (_, f1) in best_of.items()})


def fit_regressor(
    x: Any,
    answers: AnswerRows,
    rating: Floats,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    *,
    seed: int,
) -> ChosenRating:
    """Search, fit and keep what has the smallest mean absolute error on validation interviews.

    ``rating`` (N,) may be NaN where nobody rated; such interviews take no part. Raises :class:`DataError` without two
    different ratings to learn from, or none to choose by.
    """
    known = ~np.isnan(rating)
    fit = answers.of(train[known[train]])
    label = rating[answers.interview[fit]]
    if len(set(label.tolist())) < 2:
        raise DataError(f"expected two different ratings among training interviews, got {len(set(label.tolist()))}")
    judged = np.isin(np.arange(len(rating)), validation) & known
    centre, spread = float(label.mean()), float(label.std())  # penalties are meant for numbers around zero
    best: ChosenRating | None = None
    trials = trials_of(len(fit), x.shape[1], ratings=True)
    for trial in trials:
        predicted = _regressor(trial, seed).fit(x[fit], (label - centre) / spread).predict(x)
        mean = answers.mean_by_interview(centre + spread * predicted.astype(np.float64), len(rating))
        here = judged & ~np.isnan(mean)
        if not here.any():
            raise DataError("expected a rated validation interview with an answer, got none")
        error = float(np.abs(mean[here] - rating[here]).mean())
        if best is None or error < best.validation_mae:
            best = ChosenRating(trial, error, len(trials), mean)
    assert best is not None
    return best


def stack_scores(
    scores: Floats, hirable: NDArray[np.bool_], validation: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.float64]]:
    """Return what several systems' scores (N, M) say together (N,), and the weight (M,) of each.

    Log-odds are weighed by a logistic regression fitted on validation people: those that a system learned from say
    nothing of how far it can be trusted (Wolpert 1992). A missing score (NaN) counts as even odds, and its absence may
    count too; NaN where all are missing. Raises :class:`DataError` for validation people of one class.
    """
    known = ~np.isnan(scores)
    odds = np.where(known, logit(np.clip(np.nan_to_num(scores, nan=0.5), _SUREST, 1 - _SUREST)), 0.0)
    x = np.concatenate([odds, ~known], axis=1)
    fit = validation[known[validation].any(axis=1)]
    if len(set(hirable[fit].tolist())) < 2:
        raise DataError(f"expected hirable and not hirable validation interviews, got {len(fit)} of one class")
    model = LogisticRegression(C=1.0, max_iter=1000).fit(x[fit], hirable[fit])
    together = np.where(known.any(axis=1), model.predict_proba(x)[:, 1], np.nan)
    return together, model.coef_[0, : scores.shape[1]]


def stack_ratings(ratings: Floats, rated: Floats, validation: NDArray[np.int64]) -> Floats:
    """Return what several systems' predicted ratings (N, M) say together (N,), weighed on rated validation people.

    A missing prediction counts as the mean of those that are there; NaN where all are missing, or where nobody of
    validation is rated.
    """
    known = ~np.isnan(ratings)
    count = known.sum(axis=1)
    mean = np.divide(np.nansum(ratings, axis=1), count, out=np.zeros(len(ratings)), where=count > 0)
    x = np.where(known, ratings, mean[:, None])
    fit = validation[(count[validation] > 0) & ~np.isnan(rated[validation])]
    if len(fit) == 0:
        return np.full(len(ratings), np.nan)
    centre, spread = x[fit].mean(axis=0), x[fit].std(axis=0)
    x = (x - centre) / np.where(spread > 0, spread, 1.0)
    middle, width = rated[fit].mean(), rated[fit].std() or 1.0
    predicted = Ridge(alpha=1.0).fit(x[fit], (rated[fit] - middle) / width).predict(x)
    return np.where(count > 0, middle + width * predicted, np.nan)


def _classifier(trial: Trial, seed: int) -> Any:
    settings = dict(trial.settings)
    if trial.learner == "svm rbf":
        return SVC(kernel="rbf", cache_size=500, **settings)
    if trial.learner == "svm linear":
        return LinearSVC(dual="auto", random_state=seed, max_iter=5000, **settings)
    if trial.learner == "ridge":
        return RidgeClassifier(**settings)
    return RandomForestClassifier(_TREES, random_state=seed, n_jobs=1, **settings)


def _regressor(trial: Trial, seed: int) -> Any:
    settings = dict(trial.settings)
    if trial.learner == "svm rbf":
        return SVR(kernel="rbf", cache_size=500, epsilon=0.1, **settings)
    if trial.learner == "svm linear":
        return LinearSVR(loss="squared_epsilon_insensitive", dual="auto", random_state=seed, max_iter=5000, **settings)
    if trial.learner == "ridge":
        return Ridge(**settings)
    return RandomForestRegressor(_TREES, max_features="sqrt", random_state=seed, n_jobs=1, **settings)


def _decisions(model: Any, x: Any) -> Floats:
    """Return decision values (A,), 0 and more is hirable: a margin, or twice a forest's probability less one."""
    if hasattr(model, "decision_function"):
        values: Floats = np.asarray(model.decision_function(x), dtype=np.float64)
        return values
    return 2.0 * np.asarray(model.predict_proba(x)[:, 1], dtype=np.float64) - 1.0


def _f1(label: NDArray[np.bool_], decided: NDArray[np.bool_]) -> float:
    both = float((label & decided).sum())
    return 2 * both / max(1.0, float(label.sum() + decided.sum()))
