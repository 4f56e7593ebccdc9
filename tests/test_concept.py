"""What is to be forgotten: leading components as they are defined, and the bound on what a linear reader has left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.concept import fit_concept, residual_bound
from fairhire.errors import DataError
from fairhire.estimate import Estimate, Undefined


def embeddings(n=200, d=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ np.diag(np.linspace(3, 0.2, d)) + 5


@given(st.integers(5, 60), st.integers(1, 8), st.integers(0, 99))
@settings(max_examples=30)
def test_components_are_the_principal_ones_and_targets_have_mean_norm_one(n, width, seed):
    faces = embeddings(n, seed=seed)
    concept = fit_concept(faces, width=width)
    values = np.linalg.eigvalsh(np.cov(faces.T))[::-1]
    kept = concept.components.shape[1]
    assert kept == min(width, int((values > 1e-10 * values[0]).sum()))
    np.testing.assert_allclose(concept.components.T @ concept.components, np.eye(kept), atol=1e-9)
    np.testing.assert_allclose(concept.explained, values[:kept] / values.sum(), rtol=1e-6)
    assert np.linalg.norm(concept(faces), axis=1).mean() == pytest.approx(1)
    np.testing.assert_allclose(concept(faces).mean(axis=0), 0, atol=1e-9)


def test_no_more_components_are_kept_than_hold_the_share():
    concept = fit_concept(embeddings(5000), share=0.8)
    assert concept.explained.sum() >= 0.8 > concept.explained[:-1].sum()
    assert fit_concept(embeddings(), share=1.0).components.shape[1] == 8


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        (np.ones((1, 3)), "expected voices of at least 2 training people, got 1"),
        (np.array([[1.0, np.nan], [1, 2], [3, 4]]), "expected finite voice embeddings, got NaN or infinity"),
        (np.ones((9, 3)), "expected voices that differ, got 9 equal ones"),
        (np.eye(3)[[0, 1] * 5], "expected voices that differ, got 2 different ones, one of them 5 times among 10"),
        (np.vstack([np.zeros((6, 3)), np.eye(3)]), "got 4 different ones, one of them 6 times among 9"),
    ],
)
def test_embeddings_that_teach_nothing_are_refused_in_one_line(faces, words):
    with pytest.raises(DataError, match=words) as caught:
        fit_concept(faces, what="voice")
    assert "\n" not in str(caught.value)


def test_the_bound_is_what_the_components_do_not_explain():
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(4000, 3))
    flag = targets[:, 0] + rng.normal(size=4000) > 0
    found = residual_bound(targets, flag, np.arange(4000), replicates=50)
    beta = np.linalg.lstsq(np.hstack([np.ones((4000, 1)), targets]), flag.astype(float), rcond=None)[0]
    left = flag - np.hstack([np.ones((4000, 1)), targets]) @ beta
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(np.sqrt(left.var() / flag.var()), abs=1e-3)
    assert found.low < found.value < found.high
    assert 0.7 < found.value < 0.9


@pytest.mark.parametrize(("explained", "low", "high"), [(True, 0.0, 0.45), (False, 0.97, 1.0)])
def test_a_face_that_explains_all_leaves_little_and_one_that_explains_nothing_leaves_all(explained, low, high):
    rng = np.random.default_rng(1)
    flag = rng.random(1000) < 0.5
    targets = rng.normal(size=(1000, 4))
    if explained:
        targets[:, 2] += 5 * flag
    found = residual_bound(targets, flag, np.arange(1000), replicates=50)
    assert isinstance(found, Estimate)
    assert low <= found.value <= high


def test_the_bound_is_undefined_with_a_reason():
    assert residual_bound(np.zeros((12, 4)), np.arange(12) < 3, np.arange(12)) == Undefined(
        "fewer than 14 people for 4 components", 12
    )
    one = residual_bound(np.random.default_rng(0).normal(size=(50, 2)), np.ones(50, bool), np.arange(50))
    assert isinstance(one, Undefined)
    assert "same category" in one.reason


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_the_bounds_interval_holds_it_where_components_are_not_few_beside_people(slope):
    people, r, held = 200, 50, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        targets = rng.normal(size=(people, r))
        attribute = slope * targets[:, 0] + rng.normal(size=people)
        truth = (1 / (1 + slope**2)) ** 0.5
        bound = residual_bound(targets, attribute, np.arange(people).astype(str), replicates=100, seed=seed)
        assert bound.low <= bound.value <= bound.high
        held += bound.low <= truth <= bound.high
    assert held >= 17
