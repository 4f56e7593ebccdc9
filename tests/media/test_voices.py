"""Eigenvoices bring the same voice together and others apart, always the same way, and refuse what is no voice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fairhire.errors import DataError, UsageError
from fairhire.media.voices import Eigenvoices

VOICES, RECORDINGS, WIDTH = 30, 4, 88


def planted(seed, *, spread=1.0):
    """Return functionals of 30 voices of 4 recordings each, in units as unlike as eGeMAPS', and whose they are.

    A voice lies in 10 directions, at ``spread`` times the noise of its recordings; with 0 all voices are one.
    """
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(VOICES), RECORDINGS)
    directions = rng.normal(size=(10, WIDTH))
    rows = spread * (rng.normal(size=(VOICES, 10)) @ directions)[who] + rng.normal(size=(len(who), WIDTH))
    return rows * 10 ** rng.uniform(-4, 4, WIDTH) + rng.normal(0, 100, WIDTH), who


def nearest_is_same(vectors, who):
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -np.inf)
    return float((who[cosine.argmax(axis=1)] == who).mean())


def test_the_nearest_voice_is_the_same_speakers():
    rows, who = planted(0)
    assert nearest_is_same(Eigenvoices(10).fit(rows).embed(rows), who) > 0.95


def test_voices_that_were_not_fitted_are_recognised_too():
    rows, who = planted(1)
    known = who < 20
    vectors = Eigenvoices(10).fit(rows[known]).embed(rows[~known])
    assert nearest_is_same(vectors, who[~known]) > 0.9


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_where_all_voices_are_one_nobody_is_recognised(seed):
    rows, who = planted(seed, spread=0.0)
    chance = (RECORDINGS - 1) / (len(who) - 1)
    assert nearest_is_same(Eigenvoices(10).fit(rows).embed(rows), who) < chance + 0.08


def test_with_names_at_random_nobody_is_recognised():
    rows, who = planted(0)
    found = nearest_is_same(Eigenvoices(10).fit(rows).embed(rows), np.random.default_rng(9).permutation(who))
    assert found < (RECORDINGS - 1) / (len(who) - 1) + 0.08


def test_embeddings_have_length_one_and_the_width_asked_for():
    rows, _ = planted(2)
    fitted = Eigenvoices(12).fit(rows)
    vectors = fitted.embed(rows)
    assert vectors.shape == (len(rows), 12)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert fitted.width == 12
    assert fitted.describe() == {"encoder": "eigenvoices", "width": 12, "voices": len(rows)}
    assert Eigenvoices().components == 32


def test_the_average_voice_has_no_direction():
    rows, _ = planted(2)
    fitted = Eigenvoices(8).fit(rows)
    assert (fitted.embed(fitted.mean[None]) == 0).all()


def test_fewer_voices_give_fewer_numbers():
    rows, _ = planted(3)
    assert Eigenvoices(32).fit(rows[:5]).width == 4
    assert Eigenvoices(32).fit(rows[:2]).width == 1
    vectors = Eigenvoices(32).fit(rows[:2]).embed(rows[:2])
    assert sorted(vectors[:, 0]) == [-1, 1]


def test_fitting_is_always_the_same_and_does_not_know_the_order():
    rows, _ = planted(4)
    first, again = Eigenvoices(10).fit(rows), Eigenvoices(10).fit(rows.copy())
    np.testing.assert_array_equal(first.embed(rows), again.embed(rows))
    turned = Eigenvoices(10).fit(rows[::-1])
    np.testing.assert_allclose(turned.embed(rows), first.embed(rows), atol=1e-4)


def test_units_do_not_matter():
    rows, _ = planted(5)
    other = rows * np.linspace(0.01, 1000, WIDTH) + np.linspace(-5, 5, WIDTH)
    np.testing.assert_allclose(
        Eigenvoices(10).fit(rows).embed(rows), Eigenvoices(10).fit(other).embed(other), atol=1e-4
    )


@pytest.mark.parametrize("constant", [0.0, 5.0, -1e6, 0.1])
def test_numbers_that_are_the_same_for_all_say_nothing(constant):
    rows, _ = planted(6)
    fitted = Eigenvoices(10).fit(rows)
    more = np.column_stack([rows, np.full(len(rows), constant)])
    wider = Eigenvoices(10).fit(more)
    np.testing.assert_allclose(wider.embed(more), fitted.embed(rows), atol=1e-4)
    more[:, -1] += 100.0  # nor does a constant that is another one in what is embedded later
    np.testing.assert_allclose(wider.embed(more), fitted.embed(rows), atol=1e-4)


def test_one_broken_recording_does_not_own_a_component():
    rows, who = planted(7)
    broken = rows.copy()
    broken[0] = 1e9
    fitted = Eigenvoices(10).fit(broken)
    assert nearest_is_same(fitted.embed(rows[1:]), who[1:]) > 0.8
    assert np.isfinite(fitted.embed(broken)).all()


@pytest.mark.parametrize(
    "rows",
    [np.zeros((0, 88)), np.ones((1, 88)), np.ones(88), np.full((3, 88), np.nan), np.array([[1.0], [np.inf]])],
)
def test_fewer_than_two_voices_and_what_is_no_number_are_refused_in_one_line(rows):
    with pytest.raises(DataError, match="expected finite numbers of 2 voices or more") as caught:
        Eigenvoices().fit(rows)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0.0, 3.3, -1e12])
def test_copies_of_one_voice_are_refused(value):
    with pytest.raises(DataError, match="expected voices that differ, got 4 copies of one"):
        Eigenvoices().fit(np.full((4, 88), value))


@pytest.mark.parametrize("rows", [np.zeros((2, 87)), np.zeros(88), np.full((2, 88), np.nan)])
def test_what_has_another_width_cannot_be_embedded(rows):
    fitted = Eigenvoices(4).fit(planted(0)[0])
    with pytest.raises(DataError, match=r"expected finite numbers \(voices, 88\)"):
        fitted.embed(rows)


def test_less_than_one_component_is_refused():
    with pytest.raises(UsageError, match="expected 1 or more, got 0"):
        Eigenvoices(0)


@settings(max_examples=40)
@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 5)), elements=st.integers(-9, 9)))
def test_whatever_is_fitted_has_length_one_or_none(rows):
    try:
        vectors = Eigenvoices(3).fit(rows).embed(rows)
    except DataError:
        assert (rows == rows[0]).all()
        return
    lengths = np.linalg.norm(vectors, axis=1)
    assert (np.isclose(lengths, 1, atol=1e-5) | (lengths == 0)).all()
    assert lengths.max() > 0.9
