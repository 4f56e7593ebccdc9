"""Windows cover what they say, and their means are those of a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.errors import DataError, UsageError
from fairhire.media.windows import Windows

SETTINGS = [Windows(), Windows(0.3, 0.1), Windows(1.0, 1.0), Windows(0.7, 0.2)]


def plain(windows, times, values, end):
    means, counts = [], []
    for i in range(windows.count(end)):
        start = i * windows.step
        inside = [
            row
            for time, row in zip(times, values, strict=True)
            if start - 1e-9 <= time < start + windows.seconds - 1e-9
        ]
        counts.append(len(inside))
        means.append(np.sum(inside, axis=0) / len(inside) if inside else np.full(values.shape[1], np.nan))
    return np.array(means).reshape(-1, values.shape[1]), counts


@pytest.mark.parametrize(
    ("end", "count"),
    [(0.5, 1), (0.74, 1), (0.75, 2), (3.0, 11), (2.999, 10), (0.1, 1), (1e-300, 1), (0, 0), (-1, 0), (3600, 14399)],
)
def test_windows_that_fit_wholly_are_counted(end, count):
    assert Windows().count(end) == count


def test_rounding_takes_no_window_away():
    windows = Windows(seconds=0.3, step=0.1)
    for i in range(20_000):
        assert windows.count(i * 0.1 + 0.3) == i + 1
        assert windows.count((i + 3) / 10) == i + 1


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_an_end_that_is_no_number_is_refused(seconds):
    with pytest.raises(DataError, match="expected a finite number of seconds"):
        Windows().count(seconds)


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(0.5, 0), (0.5, -1), (0.2, 0.25), (math.nan, 0.25), (0.5, math.nan), (math.inf, 1), (61, 1), (1, 1e-300)],
)
def test_windows_that_cannot_be_used_are_refused(seconds, step):
    with pytest.raises(UsageError, match="windows, s"):
        Windows(seconds, step)


def test_the_rate_is_that_of_the_steps():
    assert Windows().rate_hz == 4
    assert Windows(60, 60).rate_hz == pytest.approx(1 / 60)


@given(
    windows=st.sampled_from(SETTINGS),
    times=st.lists(
        st.one_of(
            st.floats(-1, 6), st.integers(0, 60).map(lambda i: i / 10), st.integers(0, 60).map(lambda i: i * 0.1)
        ),
        max_size=60,
    ),
    end=st.one_of(st.floats(-1, 5), st.sampled_from([0.5, 0.75, 3.0])),
    width=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_means_are_those_of_a_plain_loop(windows, times, end, width, seed):
    moments = np.array(sorted(times), dtype=np.float64)
    values = np.random.default_rng(seed).normal(size=(len(times), width)).astype(np.float32)
    means, n = windows.means(moments, values, end)
    expected, counts = plain(windows, moments, values.astype(np.float64), end)
    assert means.dtype == np.float32
    assert n.dtype == np.int64
    assert means.shape == (windows.count(end), width)
    assert n.tolist() == counts
    np.testing.assert_allclose(means, expected, rtol=1e-6, atol=1e-7)


def test_a_large_value_takes_no_digits_from_other_windows():
    times = np.arange(0, 10, 0.1)
    values = np.where(times < 0.45, 1e30, 0.1)[:, None]
    means, _ = Windows().means(times, values, 10.0)
    assert means[0, 0] == np.float32(1e30)
    assert (means[2:, 0] == np.float32(0.1)).all()


def test_a_time_on_an_edge_belongs_to_the_window_that_begins_there():
    means, n = Windows(0.3, 0.3).means(np.array([0.3, 0.6, 0.9]), np.array([[1.0], [2.0], [3.0]]), 1.2)
    assert n.tolist() == [0, 1, 1, 1]
    assert np.isnan(means[0, 0])
    assert means[1:, 0].tolist() == [1, 2, 3]


def test_nothing_measured_leaves_every_window_empty():
    means, n = Windows().means(np.empty(0), np.empty((0, 2)), 1.0)
    assert np.isnan(means).all()
    assert n.tolist() == [0, 0, 0]
    means, n = Windows().means(np.array([0.1]), np.empty((1, 0)), 1.0)
    assert means.shape == (3, 0)
    assert n.tolist() == [1, 0, 0]
