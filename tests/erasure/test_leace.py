"""Face-LEACE is exact, moves no more than it must, says when it did nothing, and leaves what is not linear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import world
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from fairhire.concept import residual_bound
from fairhire.erasure import FaceLeace, LabelLeace, VoiceLeace
from fairhire.errors import DataError
from fairhire.estimate import Estimate


def crossed(vectors, targets):
    """Return the largest correlation between any column of both."""
    one = (vectors - vectors.mean(axis=0)) / np.maximum(vectors.std(axis=0), 1e-300)
    two = (targets - targets.mean(axis=0)) / targets.std(axis=0)
    return np.abs(one.T @ two / len(vectors)).max()


@given(st.integers(0, 999), st.integers(1, 5))
@settings(max_examples=30)
def test_nothing_linear_of_the_components_is_left_on_those_it_was_fitted_on(seed, width):
    vectors, known, _, _ = world(100, seed=seed)
    eraser = FaceLeace(width=width, share=1.0)
    erasure = eraser.fit(vectors, known)
    targets, _, _ = eraser.concept(known, 6)
    assert crossed(erasure.map(vectors), targets) < 1e-7
    assert crossed(vectors, targets) > 0.05
    assert erasure.rank_after == 12 - width
    assert erasure.details["components_erased"] == width


def test_a_fresh_logistic_regression_has_no_slope(made):
    vectors, known, _, who = made
    left = LabelLeace().fit(vectors, known).map(vectors)
    label = who[:, 0] > 0
    basis = np.linalg.svd(left - left.mean(axis=0), full_matrices=False)[2][:-1].T  # one direction is gone
    before, after = (
        LogisticRegression(C=1e3, max_iter=2000, solver="newton-cholesky", tol=1e-10).fit(seen @ basis, label)
        for seen in (vectors, left)
    )
    assert np.abs(after.coef_).max() < 1e-4 < 0.1 < np.abs(before.coef_).max()


def test_it_moves_the_vectors_less_than_any_other_erasure(made):
    vectors, known, _, _ = made
    eraser = FaceLeace(width=3, share=1.0)
    targets, _, _ = eraser.concept(known, 6)
    best = np.square(eraser.fit(vectors, known).map(vectors) - vectors).sum()
    centred = vectors - vectors.mean(axis=0)
    cross = centred.T @ (targets - targets.mean(axis=0))
    read = np.linalg.qr(cross)[0]
    orthogonal = centred @ read @ read.T  # the plain projection erases as well
    assert np.abs((centred - orthogonal).T @ (targets - targets.mean(axis=0))).max() < 1e-6 * np.abs(cross).max()
    assert best < np.square(orthogonal).sum()
    rng = np.random.default_rng(0)
    for _ in range(20):
        write = read + 0.3 * rng.normal(size=read.shape)
        oblique = centred @ read @ np.linalg.inv(write.T @ read) @ write.T
        assert best <= np.square(oblique).sum() * (1 + 1e-9)


def test_it_is_the_projection_of_whitened_space(made):
    vectors, known, _, _ = made
    eraser = FaceLeace(width=2, share=1.0)
    targets, _, _ = eraser.concept(known, 6)
    mean = vectors.mean(axis=0)
    covariance = np.cov(vectors.T, bias=True)
    values, directions = np.linalg.eigh(covariance)
    root, inverse = (directions * values**p @ directions.T for p in (0.5, -0.5))
    basis = np.linalg.qr(inverse @ (vectors - mean).T @ (targets - targets.mean(axis=0)))[0]
    expected = vectors - (vectors - mean) @ inverse @ basis @ basis.T @ root
    np.testing.assert_allclose(eraser.fit(vectors, known).map(vectors), expected, atol=1e-7)


def test_erasing_twice_is_erasing_once(made):
    vectors, known, _, _ = made
    map_ = FaceLeace(width=3).fit(vectors, known).map
    np.testing.assert_allclose(map_(map_(vectors)), map_(vectors), atol=1e-8)


def test_new_people_are_erased_but_for_the_noise_of_a_sample():
    vectors, known, _, who = world(4000)
    half = slice(0, 2000)
    first = replace(known, people=known.people[half], faces=known.faces[half])
    map_ = FaceLeace(width=3, share=1.0).fit(vectors[half], first).map
    later = vectors[2000:]
    assert crossed(later, who[2000:]) > 0.4
    assert crossed(map_(later), who[2000:]) < 0.12


def test_no_linear_correlation_exceeds_the_bound():
    vectors, known, _, who = world(4000, seed=3)
    eraser = FaceLeace(width=2, share=1.0)  # of three numbers that the face shows
    targets, _, _ = eraser.concept(known, 6)
    left = eraser.fit(vectors, known).map(vectors)
    attribute = who[:, 1] > 0
    bound = residual_bound(targets, attribute, known.people, replicates=100)
    assert isinstance(bound, Estimate)
    design = np.hstack([np.ones((4000, 1)), left])
    fitted = design @ np.linalg.lstsq(design, attribute.astype(float), rcond=None)[0]
    assert 0.1 < np.corrcoef(fitted, attribute)[0, 1] < bound.high


def test_a_square_of_the_face_survives_what_is_linear_only(made):
    vectors, known, _, who = made
    squared = np.hstack([vectors, (who[:, :1] ** 2 - 1)])
    left = FaceLeace(width=3, share=1.0).fit(squared, replace(known, readout=None)).map(squared)
    design = np.hstack([np.ones((600, 1)), left])
    target = who[:, 0] ** 2
    residual = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    assert residual.var() < 0.1 * target.var()


def test_nothing_to_erase_is_said_and_a_face_that_shows_is_not():
    vectors, known, _, _ = world(500)
    stranger = np.random.default_rng(8).normal(size=(500, 9))
    silent = FaceLeace(width=3).fit(vectors, replace(known, faces=stranger))
    assert any("nothing beyond chance to erase" in remark for remark in silent.remarks)
    assert not FaceLeace(width=3).fit(vectors, known).remarks


def test_a_few_faces_are_enough_and_said():
    vectors, known, _, _ = world(500)
    faces = known.faces.copy()
    faces[120:] = np.nan
    erasure = FaceLeace(width=3).fit(vectors, replace(known, faces=faces))
    assert any("fitted on the 120 of 500 training interviews that have a face" in remark for remark in erasure.remarks)
    assert erasure.details["people"] == 120


def test_directions_that_do_not_vary_are_dropped_and_said(made):
    vectors, known, _, _ = made
    dead = np.hstack([vectors, np.ones((600, 1)), vectors[:, :1]])
    erasure = FaceLeace(width=3).fit(dead, replace(known, readout=None))
    assert erasure.rank_before == 12
    assert any("2 of 14 directions did not vary" in remark for remark in erasure.remarks)
    targets, _, _ = FaceLeace(width=3).concept(known, 6)
    assert crossed(erasure.map(dead), targets) < 1e-6


def test_no_more_than_half_of_the_directions_are_erased(made):
    vectors, known, _, _ = made
    assert FaceLeace(width=64, share=1.0).fit(vectors, known).details["components"] == 6


def test_voices_and_labels_are_erased_alike(made):
    vectors, known, _, who = made
    left = VoiceLeace(width=3, share=1.0).fit(vectors, known)
    targets, _, _ = VoiceLeace(width=3, share=1.0).concept(known, 6)
    assert crossed(left.map(vectors), targets) < 1e-7
    assert left.name == "voice-leace"
    unknown = known.labels.copy()
    unknown[::3] = -1
    erased = LabelLeace().fit(vectors, replace(known, labels=unknown)).map(vectors)
    seen = unknown >= 0
    assert crossed(erased[seen], (who[seen, :1] > 0).astype(float)) < 1e-7


@pytest.mark.parametrize(
    ("eraser", "change", "words"),
    [
        (FaceLeace(), {"faces": None}, "face-leace: expected face embeddings of training people, got none"),
        (VoiceLeace(), {"voices": None}, "voice-leace: expected voice embeddings"),
        (LabelLeace(), {"labels": None}, "label-leace: expected sensitive labels"),
        (LabelLeace(), {"labels": np.zeros(600, dtype=np.int64)}, "expected labels of 2 to 7 categories, got 1"),
        (FaceLeace(), {"faces": np.ones((600, 4))}, "expected faces that differ, got 600 equal ones"),
        (FaceLeace(), {"faces": np.full((600, 4), np.nan)}, "expected faces of at least 2 training people, got 0"),
    ],
)
def test_what_cannot_be_erased_is_refused_in_one_line(made, eraser, change, words):
    with pytest.raises(DataError, match=words) as caught:
        eraser.fit(made[0], replace(made[1], **change))
    assert "\n" not in str(caught.value)


def test_fewer_people_than_components_are_refused():
    vectors, known, _, _ = world(40)
    faces = known.faces.copy()
    faces[5:] = np.nan
    with pytest.raises(DataError, match=r"expected at least 6 training people for 4 components, got 5 with a face"):
        FaceLeace(width=4, share=1.0).fit(vectors, replace(known, faces=faces))
