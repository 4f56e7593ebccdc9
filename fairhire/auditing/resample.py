"""Bootstrap from counts: resampling a million people costs as much as resampling ten, because only cells are drawn.

A resample of rows changes an audit only through how many fall into each cell of group, label and decision, and those
numbers are multinomial. Letters: K cells, G groups, R replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairhire.auditing.demographics import UNKNOWN
from fairhire.auditing.metrics.resampling import drawn_counts, interval_around
from fairhire.auditing.tally import Category, Tally
from fairhire.errors import DataError
from fairhire.estimate import Estimate, Measurement, MethodEstimate, Undefined, quotient, wilson

__all__ = ["DIFFERENCES", "METRICS", "bootstrap_metrics", "replicates"]

Floats = NDArray[np.float64]

_FLAGS = (-1, 0, 1)
"""Label and decision: none, no, yes; a group's nine cells are these crossed."""

METRICS = ("selection_rate", "tpr", "fpr", "ppv", "accuracy")
"""What is measured in every group: selection over all decisions, the others over rows that also have a label."""

DIFFERENCES = "differences"
"""The key of the largest minus the smallest of each metric over the groups, named in the place of a category."""

_MISSING = {
    "selection_rate": "the group has no decisions",
    "tpr": "the group has no positives",
    "fpr": "the group has no negatives",
    "ppv": "nobody of the group with a label is selected",
    "accuracy": "the group has no row with a label and a decision",
}


def replicates(counts: ArrayLike, *, draws: int, seed: int, size: int | None = None) -> NDArray[np.int64]:
    """Return ``draws`` multinomial resamples (K, R) of ``counts`` (K,), each of ``size`` rows (default: as many).

    Raises :class:`DataError` where there is no row to draw from, or a count is negative.
    """
    cells = np.asarray(counts, dtype=np.int64)
    if cells.ndim != 1 or (cells < 0).any() or cells.sum() == 0:
        raise DataError(f"a resample: expected counts of at least one row, got {cells.sum()} in shape {cells.shape}")
    total = int(cells.sum()) if size is None else size
    return drawn_counts(cells, total=total, seed=(seed,), replicates=draws).T.astype(np.int64)


def bootstrap_metrics(
    tally: Tally, grouping: Sequence[str], *, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> dict[str, dict[Category, Measurement]]:
    """Return every metric of :data:`METRICS` for every known group, with percentile intervals of ``draws`` resamples.

    Under :data:`DIFFERENCES` stands, for ``("selection_rate",)`` and so on, the largest minus the smallest over the
    groups; it exists only where the metric exists in every group and there are two. Rows of unknown category are
    resampled with the others. Where people have several rows, resamples have as many rows as there would be if all
    rows of a person said the same (n² / Σ nᵢ²): too wide rather than too narrow [D]. A rate of exactly 0 or 1 would
    have no width: its far end is Wilson's.
    """
    categories, counts, rest = _cells(tally, grouping)
    if not categories or counts.sum() == 0:
        return {metric: {} for metric in (*METRICS, DIFFERENCES)}
    size, method = _size(tally, int(counts.sum()) + rest)
    drawn = replicates([*counts.reshape(-1), rest], draws=draws, seed=seed, size=size)[:-1]
    drawn = drawn.reshape(len(categories), len(_FLAGS), len(_FLAGS), draws)
    found: dict[str, dict[Category, Measurement]] = {}
    differences: dict[Category, Measurement] = {}
    for metric in METRICS:
        hits, base = _SHARES[metric](counts[..., None])
        values = quotient(hits, base)[:, 0]
        resampled = quotient(*_SHARES[metric](drawn))
        found[metric] = {
            category: _measured(
                metric, int(hits[place, 0]), int(base[place, 0]), resampled[place], level=level, method=method
            )
            for place, category in enumerate(categories)
        }
        differences[metric,] = _spread(metric, values, resampled, int(base.sum()), level=level, method=method)
    found[DIFFERENCES] = differences
    return found


def _cells(tally: Tally, grouping: Sequence[str]) -> tuple[list[Category], NDArray[np.int64], int]:
    """Return the known groups, their cells (G, label, decision) in the order of ``_FLAGS``, and all other rows."""
    for attribute in grouping:
        if attribute not in tally.attributes:
            raise DataError(f"people: expected a column {attribute!r}, got {', '.join(tally.attributes) or 'none'}")
    names = list(zip(*(tally.cells[attribute].astype(str) for attribute in grouping), strict=True))
    categories = sorted({name for name in names if UNKNOWN not in name})
    places = {category: place for place, category in enumerate(categories)}
    counts = np.zeros((len(categories), len(_FLAGS), len(_FLAGS)), dtype=np.int64)
    rest = 0
    columns = zip(names, tally.cells["label"], tally.cells["selected"], tally.cells["n"], strict=True)
    for name, label, selected, n in columns:
        if name in places:
            counts[places[name], int(label) + 1, int(selected) + 1] += int(n)
        else:
            rest += int(n)
    return categories, counts, rest


def _size(tally: Tally, rows: int) -> tuple[int, str]:
    """Return how many independent rows there are at least, and how the intervals are then to be called."""
    if tally.repeats is None or not len(tally.repeats):
        return rows, "bootstrap from counts"
    squares = int(tally.repeats["nn"].sum())
    return max(1, rows * rows // max(squares, rows)), "bootstrap from counts, each person counted once"


def _selection(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return cells[:, :, 2].sum(axis=1), cells[:, :, 1:].sum(axis=(1, 2))


def _positives(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return cells[:, 2, 2], cells[:, 2, 1:].sum(axis=1)


def _negatives(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return cells[:, 1, 2], cells[:, 1, 1:].sum(axis=1)


def _chosen(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return cells[:, 2, 2], cells[:, 1:, 2].sum(axis=1)


def _right(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return cells[:, 2, 2] + cells[:, 1, 1], cells[:, 1:, 1:].sum(axis=(1, 2))


# Hits and base (G, R) of every metric from cells (G, label, decision, R).
_SHARES: dict[str, Callable[[NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.int64]]]] = {
    "selection_rate": _selection,
    "tpr": _positives,
    "fpr": _negatives,
    "ppv": _chosen,
    "accuracy": _right,
}


def _measured(metric: str, hits: int, base: int, drawn: Floats, *, level: float, method: str) -> Measurement:
    if base == 0:
        return Undefined(_MISSING[metric], 0)
    found = interval_around(hits / base, drawn, n=base, level=level, method=method, bounds=(0.0, 1.0))
    if isinstance(found, Estimate) and found.low == found.high and hits in (0, base):
        end = wilson(hits, base, level=level)
        if isinstance(end, Estimate):
            return MethodEstimate(hits / base, end.low, end.high, level, base, "Wilson")
    return found


def _spread(metric: str, values: Floats, drawn: Floats, n: int, *, level: float, method: str) -> Measurement:
    if len(values) < 2:
        return Undefined("there is only one group", n)
    if np.isnan(values).any():
        return Undefined(f"not estimable: in some group it does not exist ({_MISSING[metric]})", n)
    spread = drawn.max(axis=0) - drawn.min(axis=0)
    return interval_around(
        float(values.max() - values.min()), spread, n=n, level=level, method=method, bounds=(0.0, 1.0)
    )
