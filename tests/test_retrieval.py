"""A planted identity is found by a fresh probe, wherever it hides; where there is none, the probe reads chance."""

import time

import numpy as np
import pytest

from fairhire.errors import DataError
from fairhire.estimate import Estimate, Undefined
from fairhire.retrieval import FaceAuc, Ranks, quick_retrieval, retrieve_faces


def world(n=600, width=24, depth=10, seed=0, *, hide):
    """Faces (n, depth) of n people and interview vectors (n, width) into which ``hide`` puts them; two thirds fit."""
    rng = np.random.default_rng(seed)
    traits = rng.normal(size=(n, depth))
    faces = (traits * np.linspace(3, 0.3, depth)) @ np.linalg.qr(rng.normal(size=(depth, depth)))[0] + 1.0
    vectors = hide(rng, traits, rng.normal(size=(n, width)))
    fit = np.arange(n) < 2 * n // 3
    return vectors, faces, {"persons": np.arange(n), "fit": fit, "test": ~fit}


def openly(rng, traits, noise):
    return traits @ rng.normal(size=(traits.shape[1], noise.shape[1])) + noise


def faintly(rng, traits, noise):
    noise[:, : traits.shape[1]] = 1e-6 * (traits + 0.2 * noise[:, : traits.shape[1]])
    return (noise @ np.linalg.qr(rng.normal(size=(noise.shape[1],) * 2))[0]).astype(np.float32)


def in_three_traits(rng, traits, noise):
    noise[:, :3] = traits[:, :3]
    return noise @ rng.normal(size=(noise.shape[1],) * 2)


def in_magnitudes(rng, traits, noise):
    return np.abs(traits @ rng.normal(size=(traits.shape[1], noise.shape[1])) + 0.3) + 0.3 * noise


def nowhere(rng, traits, noise):
    return noise


def quick(vectors, faces, sides):
    fit, test = sides["fit"], sides["test"]
    return quick_retrieval(
        vectors[fit], faces[fit], sides["persons"][fit], vectors[test], faces[test], sides["persons"][test]
    )


@pytest.mark.parametrize("hide", [openly, faintly, in_three_traits])
def test_a_planted_face_is_found(hide):
    vectors, faces, sides = world(hide=hide)
    found = retrieve_faces(vectors, faces, **sides, replicates=200)
    assert found.chance == {1: 1 / 200, 10: 10 / 200}
    for reading in found.readings:
        assert reading.recall[1].low > 10 * found.chance[1]
        assert reading.auc.low > 0.9
    assert found.stronger.recall[1].value > 0.5
    assert quick(vectors, faces, sides).value > 0.95


def test_a_face_known_in_a_few_traits_is_found_by_these():
    """A plain cosine over all traits would find it in one case of fifty."""
    vectors, faces, sides = world(hide=in_three_traits, n=900)
    assert retrieve_faces(vectors, faces, **sides, replicates=50).readings[0].recall[1].value > 0.9


def test_what_a_linear_probe_misses_a_kernel_probe_finds():
    vectors, faces, sides = world(n=1500, width=16, depth=6, hide=in_magnitudes)
    linear, kernel = retrieve_faces(vectors, faces, **sides, replicates=200).readings
    assert (linear.probe, kernel.probe) == ("linear", "kernel")
    assert kernel.recall[1].low > linear.recall[1].high
    assert retrieve_faces(vectors, faces, **sides, replicates=20).stronger.probe == "kernel"


def test_without_a_face_in_the_vectors_chance_is_read():
    inside, rounds = 0, 20
    for seed in range(rounds):
        vectors, faces, sides = world(n=240, width=8, depth=5, seed=seed, hide=nowhere)
        one = quick(vectors, faces, sides)
        inside += abs(one.value - 0.5) < 1.96 * one.standard_error
    assert inside >= rounds - 4
    vectors, faces, sides = world(hide=nowhere)
    for reading in retrieve_faces(vectors, faces, **sides, replicates=200).readings:
        assert not reading.auc.excludes(0.5)
        assert not reading.recall[10].excludes(10 / 200)


def test_vectors_that_say_nothing_read_exactly_chance():
    _, faces, sides = world(n=90, hide=nowhere)
    found = retrieve_faces(np.full((90, 4), 0.25), faces, **sides, replicates=20)
    for reading in found.readings:
        assert reading.recall[1].value == pytest.approx(1 / 30)
        assert reading.recall[10].value == pytest.approx(10 / 30)
        assert reading.auc.value == pytest.approx(0.5)


def test_the_probe_does_not_read_people_it_was_fitted_on():
    """More directions than people: a probe that saw the test people would find every one of them."""
    vectors, faces, sides = world(n=90, width=120, hide=nowhere)
    assert retrieve_faces(vectors, faces, **sides, replicates=50).stronger.recall[1].value < 0.2


def test_several_interviews_of_a_person_are_queries_but_not_more_people():
    vectors, faces, sides = world(n=300, hide=lambda r, t, z: openly(r, t, 6 * z))
    once = retrieve_faces(vectors, faces, **sides, replicates=400)
    again = np.repeat(np.arange(300), 3)
    rng = np.random.default_rng(9)
    jitter = rng.normal(size=(300, 3, faces.shape[1]))
    jitter -= jitter.mean(axis=1, keepdims=True)  # the average face of a person stays the same
    repeated = {name: column[again] for name, column in sides.items()}
    thrice = retrieve_faces(vectors[again], faces[again] + jitter.reshape(900, -1), **repeated, replicates=400)
    assert (thrice.n_fit, thrice.n_test, thrice.queries) == (200, 100, 300)
    assert once.chance == thrice.chance
    for one, three in zip(once.readings, thrice.readings, strict=True):
        assert three.auc.n == one.auc.n == 100
        assert three.auc.high - three.auc.low > 0.8 * (one.auc.high - one.auc.low)


def test_people_without_a_face_are_left_out_and_counted():
    vectors, faces, sides = world(n=120, hide=openly)
    masked = np.arange(120) % 4 > 0
    ruined = np.where(masked[:, None], faces, np.nan)
    found = retrieve_faces(vectors, ruined, **sides, face_mask=masked, replicates=20)
    assert (found.n_fit, found.n_test, found.without_face) == (60, 30, 30)
    chosen = {name: column[masked] for name, column in sides.items()}
    assert (
        retrieve_faces(vectors[masked], faces[masked], **chosen, replicates=20).readings[0].auc == found.readings[0].auc
    )


def test_the_quick_probe_is_the_linear_one_and_has_its_standard_error():
    vectors, faces, sides = world(n=450, hide=lambda r, t, z: openly(r, t, 8 * z))
    found, slow = quick(vectors, faces, sides), retrieve_faces(vectors, faces, **sides).readings[0]
    assert isinstance(found, FaceAuc)
    assert found.value == pytest.approx(slow.auc.value)
    assert found.standard_error == pytest.approx((slow.auc.high - slow.auc.low) / 3.92, rel=0.15)
    assert found.n == 150


def test_a_seed_gives_the_same_result_twice():
    vectors, faces, sides = world(n=150, hide=openly)
    one, two = (retrieve_faces(vectors, faces, **sides, replicates=50, seed=3) for _ in range(2))
    assert [(r.recall, r.auc, r.inner) for r in one.readings] == [(r.recall, r.auc, r.inner) for r in two.readings]


def test_choosing_a_checkpoint_with_it_is_quick():
    vectors, faces, sides = world(n=3000, width=128, depth=32, hide=openly)
    started = time.process_time()
    quick(vectors, faces, sides)
    assert time.process_time() - started < 2  # 0.2 s on an idle core


def test_ties_share_their_places():
    ranks = Ranks(np.array([0, 0, 2]), np.array([0, 3, 1]), 5)
    np.testing.assert_allclose(ranks.found(1), [1, 0.25, 0])
    np.testing.assert_allclose(ranks.found(3), [1, 0.75, 0.5])
    np.testing.assert_allclose(ranks.auc(), [1, 1 - 1.5 / 4, 1 - 2.5 / 4])


def test_people_with_the_same_picture_cannot_be_told_apart():
    vectors, faces, sides = world(n=300, hide=openly)
    twins = faces.copy()
    twins[200:] = faces[200 + 2 * (np.arange(100) // 2)]
    shown = world(n=300, hide=openly)[0]
    shown[200:] = vectors[200 + 2 * (np.arange(100) // 2)]
    found = retrieve_faces(shown, twins, **sides, replicates=20)
    assert found.stronger.recall[1].value == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("fit_people", "test_people"), [(2, 10), (10, 2), (0, 5), (5, 0)])
def test_fewer_than_three_people_give_a_reason_not_a_number(fit_people, test_people):
    n = fit_people + test_people
    fit = np.arange(n) < fit_people
    rng = np.random.default_rng(0)
    sides = {"persons": np.arange(n), "fit": fit, "test": ~fit}
    vectors, faces = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
    found = retrieve_faces(vectors, faces, **sides)
    for reading in found.readings:
        assert isinstance(reading.auc, Undefined)
        assert isinstance(reading.recall[1], Undefined)
        assert "at least 3" in reading.auc.reason
    assert isinstance(quick(vectors, faces, sides), Undefined)


def test_a_handful_of_people_is_enough_to_read_something():
    vectors, faces, sides = world(n=18, width=6, depth=2, hide=openly)
    found = retrieve_faces(vectors, faces, **sides, replicates=50)
    assert all(isinstance(reading.auc, Estimate) for reading in found.readings)


def test_one_face_for_all_gives_a_reason():
    vectors, faces, sides = world(n=60, hide=openly)
    for side in ("fit", "test"):
        same = faces.copy()
        same[sides[side]] = 1.0
        found = quick(vectors, same, sides)
        assert isinstance(found, Undefined)
        assert f"{side} people have the same face" in found.reason


def test_bad_input_gets_one_line():
    vectors, faces, sides = world(n=60, hide=openly)
    broken = vectors.copy()
    broken[3, 0] = np.nan
    with pytest.raises(DataError, match="interview vectors: expected finite numbers, got NaN or infinity in row 3"):
        retrieve_faces(broken, faces, **sides)
    ugly = faces.copy()
    ugly[0, 0] = np.inf
    with pytest.raises(DataError, match="fit faces: expected finite"):
        retrieve_faces(vectors, ugly, **sides)
    with pytest.raises(DataError, match="faces: expected 60 rows, got 59"):
        retrieve_faces(vectors, faces[:59], **sides)
    with pytest.raises(DataError, match="got '0' on both sides"):
        retrieve_faces(vectors, faces, persons=np.zeros(60, dtype=int), fit=sides["fit"], test=sides["test"])
    with pytest.raises(DataError, match="the same \\(vector, face\\) widths"):
        quick_retrieval(vectors[:40], faces[:40], np.arange(40), vectors[40:, :5], faces[40:], np.arange(40, 60))
