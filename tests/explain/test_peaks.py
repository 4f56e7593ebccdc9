"""Peaks are local maxima above the mean, few, apart, and named in their order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.explain.peaks import MOST, find_peaks


@pytest.mark.parametrize(
    ("values", "apart", "expected"),
    [
        ([1, 3, 1, 2, 1], 1, [1, 3]),
        ([1, 3, 1, 2.9, 1], 3, [1]),  # too near to the higher one
        ([5, 1, 1, 5], 1, [0, 3]),  # ends
        ([1, 4, 4, 1], 1, [1]),  # a level stretch counts once
        ([1, 4, 4, 5, 1], 1, [3]),  # and not on the way up
        ([9, 1, 2, 1, 1], 1, [0]),  # 2 lies below the mean
        ([0.1] * 10, 1, []),
        ([7], 1, []),
    ],
)
def test_where_peaks_are(values, apart, expected):
    assert find_peaks(np.array(values, dtype=float), apart=apart) == expected


@given(st.lists(st.floats(0, 10), min_size=1, max_size=60), st.integers(1, 8))
def test_what_holds_of_all_peaks(values, apart):
    values = np.array(values)
    found = find_peaks(values, apart=apart)
    assert len(found) <= MOST
    assert found == sorted(found)
    assert all(later - earlier >= apart for earlier, later in itertools.pairwise(found))
    for place in found:
        assert values[place] > values.mean()
        assert values[place] >= values[max(0, place - 1) : place + 2].max()
