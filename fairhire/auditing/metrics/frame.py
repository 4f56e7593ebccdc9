"""The metrics in the form scikit-learn and fairlearn call them, and fairlearn's MetricFrame without unknown people.

``metric(y_true, y_pred, *, sensitive_features, sample_weight=None)`` returns a number or raises
:class:`NotComputableError`: where a rate has no denominator there is no 0 and no 1 to return. The only file that
imports fairlearn, and only when a frame is asked for. Letters: N rows, A sensitive features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fairhire.auditing.demographics import UNKNOWN_WORDS
from fairhire.errors import DataError, NotComputableError

if TYPE_CHECKING:
    from fairlearn.metrics import MetricFrame

__all__ = [
    "METRICS",
    "equal_opportunity_difference",
    "equalise_selection",
    "equalized_odds_difference",
    "impact_ratio",
    "known_rows",
    "metric_frame",
    "predictive_parity_difference",
    "selection_rate",
]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Given = tuple[Flags, Flags, Floats]
"""Labels, decisions and weights (N,) each."""

_WORDS = frozenset(word.casefold() for word in UNKNOWN_WORDS)


def selection_rate(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Return the share of the selected by weight, ``y_pred`` (N,) 0 or 1; of ``y_true`` only the length is looked at.

    Raises :class:`NotComputableError` without rows.
    """
    chosen, weight = _flags(y_pred, "y_pred"), _weights(sample_weight, len(np.asarray(y_true)))
    _same_length(len(chosen), len(weight))
    return _rate(chosen, np.ones(len(chosen), dtype=bool), weight, "selection rate: there are no rows")


def impact_ratio(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: Any, sample_weight: ArrayLike | None = None
) -> float:
    """Return the smallest group's selection rate by the largest (fairlearn: demographic_parity_ratio).

    Raises :class:`NotComputableError` where nobody is selected in any group.
    """
    rates = _by_group("impact ratio", y_true, y_pred, sensitive_features, sample_weight, of=_chosen)
    if max(rates) == 0:
        raise NotComputableError("impact ratio: expected somebody selected in some group, got nobody")
    return min(rates) / max(rates)


def equal_opportunity_difference(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: Any, sample_weight: ArrayLike | None = None
) -> float:
    """Return the largest minus the smallest true positive rate.

    Raises :class:`NotComputableError` where a group has no positives.
    """
    name = "equal opportunity difference"
    rates = _by_group(name, y_true, y_pred, sensitive_features, sample_weight, of=_true_positive)
    return max(rates) - min(rates)


def equalized_odds_difference(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: Any, sample_weight: ArrayLike | None = None
) -> float:
    """Return the larger of the differences in true and in false positive rates.

    Raises :class:`NotComputableError` where a group has no positives or no negatives.
    """
    name = "equalized odds difference"
    found = [_by_group(name, y_true, y_pred, sensitive_features, sample_weight, of=of) for of in _ODDS]
    return max(max(rates) - min(rates) for rates in found)


def predictive_parity_difference(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: Any, sample_weight: ArrayLike | None = None
) -> float:
    """Return the largest minus the smallest precision. Raises :class:`NotComputableError` where nobody is selected."""
    name = "predictive parity difference"
    rates = _by_group(name, y_true, y_pred, sensitive_features, sample_weight, of=_precision)
    return max(rates) - min(rates)


METRICS: Mapping[str, Callable[..., float]] = MappingProxyType(
    {
        "selection_rate": selection_rate,
        "impact_ratio": impact_ratio,
        "equal_opportunity_difference": equal_opportunity_difference,
        "equalized_odds_difference": equalized_odds_difference,
        "predictive_parity_difference": predictive_parity_difference,
    }
)
"""Every metric function by name; all but the first compare groups and take ``sensitive_features``."""


def known_rows(sensitive_features: Any) -> Flags:
    """Return which rows (N,) have a known category in every sensitive feature.

    Not known are None, NaN and the words of :data:`UNKNOWN_WORDS`, whatever their case.
    """
    table = _table(sensitive_features)
    known = np.ones(len(table), dtype=bool)
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        words = column.astype(object).map(lambda value: " ".join(str(value).split()).casefold())
        known &= (column.notna() & ~words.isin(_WORDS)).to_numpy(dtype=bool)
    return known


def metric_frame(
    metrics: Callable[..., Any] | Mapping[str, Callable[..., Any]],
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sensitive_features: Any,
    sample_params: Mapping[str, Any] | None = None,
) -> MetricFrame:
    """Return fairlearn's MetricFrame of ``metrics`` over the people of known category.

    fairlearn 0.14 drops missing categories or makes a group of them, 0.15 refuses them: they are removed before (count
    them with :func:`known_rows`). ``sensitive_features`` is (N,), (N, A), a Series, a DataFrame or a mapping of
    columns; ``sample_params`` as in fairlearn, arrays of N rows. A metric that does not exist for a group raises
    :class:`NotComputableError` through the frame. Raises it too where nobody is known.
    """
    from fairlearn.metrics import MetricFrame

    known = known_rows(sensitive_features)
    features = _table(sensitive_features)
    _same_length(len(np.asarray(y_true)), len(features))
    _same_length(len(np.asarray(y_pred)), len(features))
    if not known.any():
        raise NotComputableError(f"a metric frame: expected people of known category, got {len(known)} unknown")
    columns = features[known].reset_index(drop=True)
    return MetricFrame(
        metrics=metrics if callable(metrics) else dict(metrics),
        y_true=np.asarray(y_true)[known],
        y_pred=np.asarray(y_pred)[known],
        sensitive_features=columns.iloc[:, 0] if columns.shape[1] == 1 else columns,
        sample_params=None if sample_params is None else _taken(sample_params, known),
    )


def _taken(params: Mapping[str, Any], known: Flags) -> dict[str, Any]:
    return {
        name: None
        if value is None
        else _taken(value, known)
        if isinstance(value, Mapping)
        else np.asarray(value)[known]
        for name, value in params.items()
    }


def _by_group(
    name: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sensitive_features: Any,
    sample_weight: ArrayLike | None,
    *,
    of: Callable[[Given, str], float],
) -> list[float]:
    """Return the rate of every known group; raises :class:`NotComputableError` for fewer than two."""
    truth, chosen = _flags(y_true, "y_true"), _flags(y_pred, "y_pred")
    weight = _weights(sample_weight, len(truth))
    features, known = _table(sensitive_features), known_rows(sensitive_features)
    for length in (len(chosen), len(weight), len(features)):
        _same_length(length, len(truth))
    groups = features[known].astype(str).groupby(list(features.columns), sort=True).indices
    if len(groups) < 2:
        raise NotComputableError(f"{name}: expected at least 2 groups, got {len(groups)}")
    places = np.flatnonzero(known)
    return [
        of((truth[places[rows]], chosen[places[rows]], weight[places[rows]]), f"{name}: group {_said(group)}")
        for group, rows in groups.items()
    ]


def _chosen(given: Given, where: str) -> float:
    return _rate(given[1], np.ones(len(given[1]), dtype=bool), given[2], f"{where}: there are no rows")


def _true_positive(given: Given, where: str) -> float:
    return _rate(given[1], given[0], given[2], f"{where}: expected positives in y_true, got none")


def _false_positive(given: Given, where: str) -> float:
    return _rate(given[1], ~given[0], given[2], f"{where}: expected negatives in y_true, got none")


def _precision(given: Given, where: str) -> float:
    return _rate(given[0], given[1], given[2], f"{where}: expected somebody selected, got nobody")


_ODDS = (_true_positive, _false_positive)


def _rate(hits: Flags, among: Flags, weight: Floats, missing: str) -> float:
    total = float(weight[among].sum())
    if total == 0:
        raise NotComputableError(missing)
    return float(weight[among & hits].sum()) / total


def _flags(values: ArrayLike, name: str) -> Flags:
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"{name}: expected one value a row, got shape {array.shape}")
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise DataError(f"{name}: expected 0 or 1, got {array[~np.isin(array, (0, 1))][0]!r}")
    return array.astype(bool)


def _weights(values: ArrayLike | None, rows: int) -> Floats:
    if values is None:
        return np.ones(rows)
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any():
        raise DataError("sample_weight: expected one finite number of at least 0 a row")
    return array


def _table(features: Any) -> pd.DataFrame:
    if isinstance(features, pd.DataFrame):
        return features
    if isinstance(features, pd.Series):
        return features.to_frame(features.name if features.name is not None else "sensitive_feature_0")
    if isinstance(features, Mapping):
        return pd.DataFrame({name: np.asarray(column, dtype=object) for name, column in features.items()})
    array = np.asarray(features, dtype=object)
    if array.ndim not in (1, 2):
        raise DataError(f"sensitive_features: expected (N,) or (N, A), got shape {array.shape}")
    array = array.reshape(len(array), -1)
    return pd.DataFrame(array, columns=[f"sensitive_feature_{place}" for place in range(array.shape[1])])


def _same_length(got: int, expected: int) -> None:
    if got != expected:
        raise DataError(f"metrics: expected the same number of rows everywhere, got {got} and {expected}")


def _said(group: Any) -> str:
    return " x ".join(str(one) for one in group) if isinstance(group, tuple) else str(group)


def equalise_selection(
    score: ArrayLike, label: ArrayLike, category: ArrayLike, other_score: ArrayLike, other_category: ArrayLike
) -> Floats:
    """Return the chance (M,) of being selected that fairlearn's thresholds by group give to other people.

    Thresholds for equal selection rates (demographic parity) are fitted to scores (N,) in [0, 1], labels (N,) and
    categories (N,), and applied to ``other_score`` (M,) and ``other_category`` (M,). Post-processing: it reads the
    protected attribute of everybody it decides on, and where two thresholds are mixed, it draws lots; the chance of
    that lot is returned, not a draw. Source: Hardt, Price and Srebro 2016, as fairlearn's ThresholdOptimizer has it.
    """
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        """Passes scores on as a classifier's probabilities."""

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def fit(self, X: Any, y: Any) -> Given:  # noqa: ARG002 (scikit-learn's own names)
            self.classes_ = np.array([0, 1])
            return self

        def predict_proba(self, X: Any) -> Any:
            ahead = np.asarray(X)[:, 0]
            return np.stack([1 - ahead, ahead], axis=1)

    optimiser = ThresholdOptimizer(
        estimator=Given().fit(None, None),
        constraints="demographic_parity",
        objective="balanced_accuracy_score",
        predict_method="predict_proba",
        prefit=True,
        grid_size=200,
    )
    optimiser.fit(
        np.asarray(score, dtype=np.float64)[:, None],
        np.asarray(label, dtype=np.int64),
        sensitive_features=np.asarray(category),
    )
    chances = optimiser._pmf_predict(
        np.asarray(other_score, dtype=np.float64)[:, None], sensitive_features=np.asarray(other_category)
    )
    found: Floats = np.asarray(chances)[:, 1]
    return found
