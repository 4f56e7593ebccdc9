"""The moments of a curve that stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST", "find_peaks"]

MOST = 5
"""Peaks of a curve that are named (ours)."""


def find_peaks(values: NDArray[np.float64], *, apart: float = 1.0, most: int = MOST) -> list[int]:
    """Return the places of up to ``most`` local maxima of ``values`` (T,) above their mean, in order of time.

    Higher ones go first, and lower ones closer than ``apart`` frames to them are passed over. A level stretch counts
    once, at its first frame; the ends count if they lie above their one neighbour.
    """
    high = values.mean() * (1 + 1e-9)  # the mean of equal numbers may come out a little below them
    starts = np.flatnonzero(values > np.concatenate([[-np.inf], values[:-1]]))
    tops = [int(place) for place in starts if _falls(values, int(place)) and values[place] > high]
    kept: list[int] = []
    for place in sorted(tops, key=lambda place: (-values[place], place)):
        if len(kept) < most and all(abs(place - other) >= apart for other in kept):
            kept.append(place)
    return sorted(kept)


def _falls(values: NDArray[np.float64], place: int) -> bool:
    """Return whether the next other value after ``place`` is lower, or none comes."""
    later = values[place:][values[place:] != values[place]]
    return len(later) == 0 or bool(later[0] < values[place])
