"""Probes find what is planted, in its hardest places too, and read chance where nothing is."""

import numpy as np
import pytest

from fairhire.auditing.leakage.probes import PROBES, FitPeople, KernelProbe, LinearProbe, MlpProbe, shuffle_by_person
from fairhire.estimate import auc


def split(vectors, label, persons=None):
    half = len(label) // 2
    persons = np.arange(len(label)) if persons is None else persons
    return FitPeople(vectors[:half], label[:half], persons[:half]), vectors[half:], label[half:]


def read(probe, vectors, label, seed=0):
    people, others, truth = split(np.asarray(vectors, dtype=float), label)
    return auc(truth, probe.fit(people, probe.choose(people, seed=seed), seed=seed)(others))


def planted(kind, n=1600, width=16, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.4
    sign, coin = 2.0 * label - 1, rng.choice([-1.0, 1.0], n)
    vectors = rng.normal(size=(n, width))
    if kind == "openly":
        vectors[:, 0] += 1.5 * sign
    if kind == "faintly":
        vectors[:, 0] = 1e-6 * (vectors[:, 0] + 1.5 * sign)
    if kind == "in a product":
        vectors[:, 0], vectors[:, 1] = coin + 0.3 * vectors[:, 0], coin * sign + 0.3 * vectors[:, 1]
    if kind == "in a faint product":
        vectors[:, 0] = 1e-6 * (coin + 0.3 * vectors[:, 0])
        vectors[:, 1] = 1e-6 * (coin * sign + 0.3 * vectors[:, 1])
    if kind == "in the length":
        vectors *= (1 + 0.3 * sign)[:, None]
    turned = vectors @ np.linalg.qr(rng.normal(size=(width, width)))[0]
    return turned.astype(np.float32), label


@pytest.mark.parametrize("name", PROBES)
@pytest.mark.parametrize("kind", ["openly", "faintly"])
def test_every_probe_finds_a_linear_leak_however_faint(name, kind):
    assert read(PROBES[name], *planted(kind)) > 0.93


@pytest.mark.parametrize("kind", ["in a product", "in a faint product", "in the length"])
def test_a_linear_probe_misses_what_nonlinear_ones_find(kind):
    vectors, label = planted(kind)
    assert abs(read(LinearProbe(), vectors, label) - 0.5) < 0.08
    assert read(MlpProbe(), vectors, label) > 0.9
    assert read(KernelProbe(), vectors, label) > 0.9


@pytest.mark.parametrize("name", PROBES)
def test_a_score_that_leaks_both_ways_is_read_by_nonlinear_probes_only(name):
    rng = np.random.default_rng(1)
    label = rng.random(1200) < 0.5
    score = 0.5 + np.where(label, rng.choice([-0.3, 0.3], 1200), 0) + 0.08 * rng.normal(size=1200)
    value = read(PROBES[name], score[:, None], label)
    assert (abs(value - 0.5) < 0.08) if name == "linear" else (value > 0.95)


@pytest.mark.parametrize("name", PROBES)
def test_nothing_is_read_where_nothing_is(name):
    rng = np.random.default_rng(2)
    values = [read(PROBES[name], rng.normal(size=(300, 8)), rng.random(300) < 0.5, seed=seed) for seed in range(6)]
    assert abs(np.mean(values) - 0.5) < 4 * 0.047 / np.sqrt(6)  # 0.047: standard deviation of one AUC, 75 against 75


@pytest.mark.parametrize("name", PROBES)
def test_a_constant_source_is_read_as_chance(name):
    label = np.arange(120) % 3 == 0
    assert read(PROBES[name], np.full((120, 2), 0.3), label) == 0.5


@pytest.mark.parametrize("name", PROBES)
def test_more_directions_than_people_do_not_break_a_probe(name):
    vectors, label = planted("openly", n=120, width=100)
    assert read(PROBES[name], vectors, label) > 0.6


@pytest.mark.parametrize("name", PROBES)
def test_a_seed_gives_the_same_reading_twice(name):
    vectors, label = planted("openly", n=200, width=4)
    assert read(PROBES[name], vectors, label, seed=5) == read(PROBES[name], vectors, label, seed=5)


@pytest.mark.parametrize("name", PROBES)
def test_an_inner_auc_is_not_the_fit_to_known_people(name):
    rng = np.random.default_rng(3)
    people = FitPeople(rng.normal(size=(200, 60)), rng.random(200) < 0.5, np.arange(200))
    assert PROBES[name].choose(people, seed=0).inner < 0.75  # on the people themselves it would be above 0.85


def test_settings_are_chosen_on_people_apart_even_when_one_person_answers_often():
    """Vectors that name the person, labels by lot: rows split at random would look like a leak."""
    rng = np.random.default_rng(4)
    persons = np.repeat(np.arange(60), 8)
    vectors = rng.normal(size=(60, 12))[persons] + 0.01 * rng.normal(size=(480, 12))
    people = FitPeople(vectors, (rng.random(60) < 0.5)[persons], persons)
    for probe in PROBES.values():
        assert probe.choose(people, seed=0).inner < 0.75
    for seed in range(3):
        part = people.parts((0.5, 0.5), seed=seed)
        assert not set(persons[part == 0]) & set(persons[part == 1])
        assert abs(people.label[part == 0].mean() - people.label[part == 1].mean()) < 0.05


def test_labels_are_dealt_out_by_person():
    persons = np.repeat(np.arange(50), 3)
    label = (np.arange(50) % 5 == 0)[persons]
    dealt = shuffle_by_person(label, persons, np.random.default_rng(0))
    assert dealt.sum() == label.sum()
    assert (dealt != label).any()
    assert (dealt.reshape(50, 3).min(axis=1) == dealt.reshape(50, 3).max(axis=1)).all()
