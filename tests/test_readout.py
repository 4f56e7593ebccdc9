"""What probes share: no direction is hidden from them by scaling, and people are never divided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.errors import DataError
from fairhire.readout import (
    check_same_rows,
    check_vectors,
    draw_random_features,
    find_directions,
    fit_ridge,
    split_people,
    standardise,
    whiten,
)


def faint(n=400, width=8, spread=1e-6, seed=0):
    """Vectors with a direction of relative standard deviation ``spread``, turned out of the axes; what it says."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, width))
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
    return (hidden * np.where(np.arange(width) == 0, spread, 1.0)) @ turn, hidden[:, 0]


def unread(features, hidden):
    """Return the share of ``hidden`` that no linear readout of the features explains."""
    around = hidden - hidden.mean()
    return ((around - features @ np.linalg.lstsq(features, around, rcond=None)[0]) ** 2).mean() / around.var()


@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-6, 1e-9])
def test_whitening_keeps_directions_of_hardly_any_variance(spread):
    vectors, hidden = faint(spread=spread)
    features = whiten(vectors)(vectors)
    assert features.shape == (400, 8)
    np.testing.assert_allclose(np.cov(features.T, bias=True), np.eye(8), atol=1e-5)
    assert unread(features, hidden) < 1e-6


def test_a_faint_direction_survives_float32():
    vectors, hidden = faint(spread=1e-5)
    features = whiten(vectors)(vectors.astype(np.float32).astype(np.float64))
    assert unread(features, hidden) < 0.01


def test_whitening_drops_what_is_exactly_dependent():
    rng = np.random.default_rng(1)
    two = rng.normal(size=(100, 2))
    assert whiten(np.column_stack([two, two[:, 0] + two[:, 1]]))(two[:5] @ np.eye(2, 3)).shape == (5, 2)


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1.0, 1e9, 1e200])
def test_standardising_forgets_scale_and_offset(scale):
    rng = np.random.default_rng(2)
    column = rng.normal(size=(200, 1))
    found = standardise(column * scale + scale)(column * scale + scale)
    np.testing.assert_allclose(found[:, 0], (column[:, 0] - column.mean()) / column.std(), rtol=1e-6)


@pytest.mark.parametrize("make", [standardise, whiten])
def test_constant_vectors_have_no_features(make):
    vectors = np.full((20, 3), 0.1)
    assert make(vectors)(vectors).shape == (20, 0)


def test_an_outlier_is_cut_where_the_fit_people_do_not_vary():
    vectors = np.zeros((50, 1))
    vectors[0] = 1e-9
    assert np.abs(standardise(vectors)(np.array([[1e9]]))).max() == 100


def test_ridge_is_the_textbook_solution():
    rng = np.random.default_rng(3)
    inputs, targets = rng.normal(size=(60, 5)), rng.normal(size=(60, 2))
    centred = inputs - inputs.mean(axis=0)
    for penalty in (0.0, 0.3, 10.0):
        wanted = np.linalg.solve(centred.T @ centred / 60 + penalty * np.eye(5), centred.T @ targets / 60)
        ridge = fit_ridge(inputs, targets)
        np.testing.assert_allclose(ridge.predict(inputs, penalty), centred @ wanted, atol=1e-10)


def test_ridge_on_random_features_does_not_depend_on_blocks(monkeypatch):
    rng = np.random.default_rng(4)
    inputs, targets = rng.normal(size=(90, 3)), rng.normal(size=(90, 1))
    features = draw_random_features(3, sharpness=0.5, waves=40, seed=0)
    whole = fit_ridge(inputs, targets, features=features).predict(inputs, 0.1)
    monkeypatch.setattr("fairhire.readout._ROWS", 7)
    np.testing.assert_allclose(fit_ridge(inputs, targets, features=features).predict(inputs, 0.1), whole, atol=1e-9)
    made = features(inputs)
    centred = made - made.mean(axis=0)
    direct = np.linalg.solve(centred.T @ centred / 90 + 0.1 * np.eye(43), centred.T @ (targets - targets.mean()) / 90)
    np.testing.assert_allclose(whole, centred @ direct, atol=1e-8)


def test_random_features_approximate_the_gaussian_kernel():
    rng = np.random.default_rng(5)
    points = rng.normal(size=(30, 4))
    waves = draw_random_features(4, sharpness=0.5, waves=20_000, seed=0)(points)[:, 4:] / np.sqrt(20_000)
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(waves @ waves.T, np.exp(-0.5 / 4 * distances / 2), atol=0.05)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 5))
def test_no_person_is_in_two_parts(persons, seed):
    part = split_people(persons, shares=(0.5, 0.3, 0.2), seed=seed)
    assert set(part) <= {0, 1, 2}
    assert len({(person, side) for person, side in zip(persons, part, strict=True)}) == len(set(persons))


def test_parts_have_their_shares_of_people():
    part = split_people(np.repeat(np.arange(100), 2), shares=(0.7, 0.2, 0.1), seed=0)
    assert np.bincount(part).tolist() == [140, 40, 20]
    assert (part != split_people(np.repeat(np.arange(100), 2), shares=(0.7, 0.2, 0.1), seed=1)).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_unfinished_vectors_are_refused(bad):
    vectors = np.ones((4, 2))
    vectors[2, 1] = bad
    with pytest.raises(DataError, match="things: expected finite numbers, got NaN or infinity in row 2"):
        check_vectors(vectors, "things")


def test_shapes_are_checked():
    assert check_vectors([1, 2, 3], "scores").shape == (3, 1)
    with pytest.raises(DataError, match=r"things: .*got shape \(2, 0\)"):
        check_vectors(np.ones((2, 0)), "things")
    with pytest.raises(DataError, match="persons: expected 3 rows, got 2"):
        check_same_rows(3, persons=np.ones(2))


@pytest.mark.parametrize("rows", [25, 90])
def test_directions_of_few_rows_and_of_many_give_the_textbook_solution_in_one_weight_a_feature(rows):
    rng = np.random.default_rng(6)
    inputs, targets = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 2))
    directions = find_directions(inputs, draw_random_features(3, sharpness=0.5, waves=40, seed=0))
    ridge = directions.regress(inputs, targets)
    centred = directions.centred(inputs)
    around = targets - targets.mean(axis=0)
    direct = np.linalg.solve(centred.T @ centred / rows + 0.1 * np.eye(43), centred.T @ around / rows)
    np.testing.assert_allclose(ridge.collapse(0.1), direct, atol=1e-8)
    np.testing.assert_allclose(centred @ ridge.collapse(0.1), ridge.predict(inputs, 0.1), atol=1e-9)
    assert (directions.made is None) == (rows == 90)  # few rows are kept, many are made again
