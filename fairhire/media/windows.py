"""Describes a recording by short overlapping stretches of time, each the mean of what was measured in it.

The paper smooths with windows of 0.5 s every 0.25 s (HireNet, arXiv 1907.11062). Letters used for shapes: T
measurements, D their width, W windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError, UsageError

__all__ = ["Windows"]

_LEAST_STEP = 0.01
_MOST_SECONDS = 60.0

_SLACK = 1e-6
"""The share of a step by which an end may miss a window's and still hold it: 0.6 / 0.1 is not quite 6."""

_NANOSECOND = 1e-9
"""A time this little before an edge is on it: 3 * 0.1 is a little more than 0.3."""


@dataclass(frozen=True)
class Windows:
    """Windows of ``seconds``, one every ``step`` seconds: window i covers [i * step, i * step + seconds).

    Raises :class:`UsageError` for a step below a hundredth of a second, a window shorter than its step (something
    would fall between two) or longer than a minute, and for NaN and infinity.
    """

    seconds: float = 0.5
    step: float = 0.25

    def __post_init__(self) -> None:
        if not _LEAST_STEP <= self.step <= _MOST_SECONDS:
            raise UsageError(f"windows, step: expected {_LEAST_STEP} to {_MOST_SECONDS:.0f} s, got {self.step}")
        if not self.step <= self.seconds <= _MOST_SECONDS:
            raise UsageError(
                f"windows, seconds: expected the step of {self.step} s to {_MOST_SECONDS:.0f} s, got {self.seconds}"
            )

    @property
    def rate_hz(self) -> float:
        """Windows per second."""
        return 1 / self.step

    def count(self, end: float) -> int:
        """Return how many windows fit wholly into ``end`` seconds: at least one if there is any time, else none.

        What is left after the last whole window is covered by none. Raises :class:`DataError` for NaN and infinity.
        """
        if not math.isfinite(end):
            raise DataError(f"a recording's end: expected a finite number of seconds, got {end}")
        if end <= 0:
            return 0
        return max(0, math.floor((end - self.seconds) / self.step + _SLACK)) + 1

    def means(
        self, times: NDArray[np.float64], values: NDArray[np.floating], end: float
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return each window's mean (W, D) and how many measurements fell into it (W,), W as :meth:`count` says.

        ``times`` (T,) in seconds never fall, ``values`` (T, D) were measured then. A window into which none fell is a
        row of NaN. Every window is summed by itself, in double precision: no large value elsewhere takes digits away.
        """
        starts = np.arange(self.count(end)) * self.step
        first = np.searchsorted(times, starts - _NANOSECOND)
        after = np.searchsorted(times, starts + self.seconds - _NANOSECOND)
        n = (after - first).astype(np.int64)
        means = np.full((len(starts), values.shape[1]), np.nan, dtype=np.float32)
        if len(starts) == 0 or values.shape[1] == 0:
            return means, n
        # reduceat sums from each edge to the next, so every other sum is a window's; an edge at T needs one row more.
        rows = np.concatenate([values.astype(np.float64), np.zeros((1, values.shape[1]))])
        sums = np.add.reduceat(rows, np.stack([first, after], axis=1).ravel(), axis=0)[::2]
        held = n > 0
        means[held] = sums[held] / n[held, None]
        return means, n
