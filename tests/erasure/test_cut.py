"""The cut keeps what varies and what is scored, and nothing of the rest; the scores do not move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import world
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.erasure import SpectralCut, Witnesses
from fairhire.errors import DataError, UsageError


@given(st.integers(0, 999), st.sampled_from([0.0, 0.3, 0.9, 0.99, 1.0]))
@settings(max_examples=40)
def test_scores_stay_what_they_were(seed, share):
    vectors, known, _, _ = world(80, seed=seed)
    erasure = SpectralCut(share).fit(vectors, known)
    scale = np.abs(vectors @ known.readout).max()
    np.testing.assert_allclose(erasure.map(vectors) @ known.readout, vectors @ known.readout, atol=1e-9 * scale)


def test_what_is_kept_beside_the_score_holds_the_share_and_no_component_more(made):
    vectors, known, _, _ = made
    score = vectors @ known.readout
    rest = vectors - vectors.mean(axis=0)
    design = np.hstack([np.ones((len(score), 1)), score])
    rest = vectors - design @ np.linalg.lstsq(design, vectors, rcond=None)[0]
    values = np.linalg.eigvalsh(np.cov(rest.T))[::-1]
    for share in (0.5, 0.9, 0.99):
        erasure = SpectralCut(share).fit(vectors, known)
        wanted = int(np.searchsorted(np.cumsum(values) / values.sum(), share)) + 1
        assert erasure.details["components_beside_the_score"] == wanted
        assert erasure.rank_after == wanted + 1 == np.linalg.matrix_rank(erasure.map(vectors) - vectors.mean(axis=0))


def test_share_zero_leaves_the_score_and_nothing_else(made):
    vectors, known, _, _ = made
    erasure = SpectralCut(0.0).fit(vectors, known)
    left = erasure.map(vectors)
    assert erasure.rank_after == 1
    assert erasure.effective_rank_after == pytest.approx(1)
    one = left[:, 0] - left[:, 0].mean()
    assert abs(np.corrcoef(one, (vectors @ known.readout)[:, 0])[0, 1]) == pytest.approx(1)


def test_without_a_readout_it_is_principal_components(made):
    vectors, known, _, _ = made
    erasure = SpectralCut(0.9).fit(vectors, replace(known, readout=None))
    values, directions = np.linalg.eigh(np.cov(vectors.T))
    kept = directions[:, -erasure.rank_after :]
    mean = vectors.mean(axis=0)
    np.testing.assert_allclose(erasure.map(vectors), mean + (vectors - mean) @ kept @ kept.T, atol=1e-8)
    assert values[-erasure.rank_after :].sum() / values.sum() >= 0.9


def test_what_hides_in_a_faint_direction_is_gone_and_without_the_cut_it_is_there():
    rng = np.random.default_rng(3)
    secret, loud = rng.normal(size=500), rng.normal(size=(500, 4))
    mix = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    vectors = np.hstack([loud, 1e-4 * secret[:, None], 1e-4 * rng.normal(size=(500, 1))]) @ mix
    known = Witnesses(people=np.arange(500).astype(str))
    assert told(vectors, secret) > 0.99
    assert told(SpectralCut(0.999).fit(vectors, known).map(vectors), secret) < 0.05
    assert told(SpectralCut(1.0).fit(vectors, known).map(vectors), secret) > 0.99


def told(vectors, target):
    """Return the share of ``target`` that whitened vectors explain."""
    left, spread, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    basis = left[:, spread > 1e-9 * spread[0]]
    centred = target - target.mean()
    return np.square(basis.T @ centred).sum() / np.square(centred).sum()


def test_a_share_that_is_none_is_refused_and_zero_needs_a_score(made):
    vectors, known, _, _ = made
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(UsageError, match="expected a share of the variance from 0 to 1"):
            SpectralCut(share)
    with pytest.raises(DataError, match="expected a share above 0 where the score is not read directly, got 0"):
        SpectralCut(0.0).fit(vectors, replace(known, readout=None))


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.zeros((5, 3)), "got 5 equal ones: the model says nothing"),
        (np.array([[1.0, np.nan], [2, 3]]), "expected finite vectors"),
        (np.ones((1, 3)), "expected the vectors of at least 2 training interviews"),
    ],
)
def test_vectors_that_cannot_be_cut_are_refused(vectors, words, made):
    with pytest.raises(DataError, match=words):
        SpectralCut(0.9).fit(vectors, replace(made[1], readout=None))
