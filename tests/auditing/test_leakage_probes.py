"""Probes find what is planted, in its hardest places too, and read chance where nothing is."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fairhire.auditing.leakage import neighbours
from fairhire.auditing.leakage.boosted import BoostedProbe
from fairhire.auditing.leakage.family import FitPeople, shuffle_by_person
from fairhire.auditing.leakage.kernel import KernelProbe
from fairhire.auditing.leakage.linear import LinearProbe
from fairhire.auditing.leakage.mlp import MlpProbe
from fairhire.auditing.leakage.neighbours import NeighboursProbe
from fairhire.auditing.leakage.probes import PROBES
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
    persons = np.repeat(np.arange(150), 5)
    vectors = rng.normal(size=(150, 12))[persons] + 0.01 * rng.normal(size=(750, 12))
    people = FitPeople(vectors, (rng.random(150) < 0.5)[persons], persons)
    for name, probe in PROBES.items():
        assert probe.choose(people, seed=0).inner < 0.75
        by_row = FitPeople(people.vectors, people.label, np.arange(750))
        assert name == "linear" or probe.choose(by_row, seed=0).inner > 0.85
    for train, judge in people.folds(seed=0):
        assert not set(train.persons) & set(judge.persons)
    for seed in range(3):
        part = people.parts((0.5, 0.5), seed=seed)
        assert not set(persons[part == 0]) & set(persons[part == 1])
        assert abs(people.label[part == 0].mean() - people.label[part == 1].mean()) < 0.05


def islands(n=2400, seed=0):
    """Return points of a chequerboard of many small squares, whose colour is the label."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 8, size=(n, 2))
    label = (np.floor(place).sum(axis=1) % 2).astype(bool)
    return place, label


def test_neighbours_find_a_chequerboard_that_no_smooth_reader_follows():
    place, label = islands()
    assert read(NeighboursProbe(), place, label) > 0.85
    assert abs(read(LinearProbe(), place, label) - 0.5) < 0.08
    assert read(KernelProbe(), place, label) < 0.7


def test_another_interview_of_the_same_person_is_no_neighbour_when_the_number_is_chosen():
    rng = np.random.default_rng(0)
    persons = np.repeat(np.arange(200), 6)
    label = (rng.random(200) < 0.5)[persons]
    vectors = rng.normal(size=(200, 8))[persons] + 0.01 * rng.normal(size=(1200, 8))
    choice = NeighboursProbe().choose(FitPeople(vectors, label, persons), seed=0)
    assert choice.inner < 0.65  # whoever may look at somebody's other interviews reads 1.0


def test_blocks_of_distances_change_nothing(monkeypatch):
    place, label = islands(600)
    whole = read(NeighboursProbe(), place, label)
    monkeypatch.setattr(neighbours, "_BLOCK", 700)
    assert read(NeighboursProbe(), place, label) == whole


def test_labels_are_dealt_out_by_person():
    persons = np.repeat(np.arange(50), 3)
    label = (np.arange(50) % 5 == 0)[persons]
    dealt = shuffle_by_person(label, persons, np.random.default_rng(0))
    assert dealt.sum() == label.sum()
    assert (dealt != label).any()
    assert (dealt.reshape(50, 3).min(axis=1) == dealt.reshape(50, 3).max(axis=1)).all()


def banded(kind, n=1600, seed=0):
    """Attributes in edges, where slopes and smooth products say little."""
    rng = np.random.default_rng(seed)
    if kind == "in bands of a score":
        vectors = rng.random((n, 1))
        label = np.floor(20 * vectors[:, 0]) % 2 == 0
    if kind == "in bands of one direction":
        vectors = rng.random((n, 12))
        label = np.floor(6 * vectors[:, 0]) % 2 == 0
    if kind == "in thresholds that meet":
        vectors = rng.standard_t(2, size=(n, 30))
        label = ((np.abs(vectors[:, 0]) < 0.3) & (vectors[:, 1] > 0)) | (vectors[:, 2] > 2)
    return vectors, label ^ (rng.random(n) < 0.05)


@pytest.mark.parametrize("kind", ["in bands of a score", "in bands of one direction", "in thresholds that meet"])
def test_only_trees_find_what_lies_between_edges(kind):
    vectors, label = banded(kind)
    assert read(BoostedProbe(), vectors, label) > 0.85
    for probe in (LinearProbe(), MlpProbe(), KernelProbe()):
        assert read(probe, vectors, label) < 0.75


def test_trees_find_an_exclusive_or_of_thresholds_that_no_line_finds():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(1600, 16))
    label = (vectors[:, 0] > 0.2) ^ (vectors[:, 1] > -0.2)
    assert read(LinearProbe(), vectors, label) < 0.65
    assert read(BoostedProbe(), vectors, label) > 0.9


def test_trees_are_the_same_whatever_the_number_of_threads():
    vectors, label = banded("in bands of one direction", n=400)
    people, others, _ = split(vectors, label)
    choice = BoostedProbe().choose(people, seed=0)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="openmp"):
            found.append(BoostedProbe().fit(people, choice, seed=0)(others))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("name", PROBES)
def test_what_is_worked_out_once_changes_no_reading(name):
    """Three questions about the same people, one after another and each alone; the folds are those of the category."""
    rng = np.random.default_rng(5)
    category = rng.integers(0, 3, 240)
    vectors = rng.normal(size=(240, 5)) + np.eye(3, 5)[category]
    everyone = FitPeople(vectors, category == 0, np.arange(240), category)
    probe = PROBES[name]
    for wanted in range(3):
        shared = everyone.asked(category == wanted)
        alone = FitPeople(vectors, category == wanted, np.arange(240), category)
        choice = probe.choose(alone, seed=0)
        assert probe.choose(shared, seed=0) == choice
        for people in (shared, shared.shuffled(np.random.default_rng(1))):
            fresh = FitPeople(vectors, people.label, np.arange(240), category)
            np.testing.assert_array_equal(
                probe.fit(people, choice, seed=0)(vectors[:9]), probe.fit(fresh, choice, seed=0)(vectors[:9])
            )


def test_every_fold_has_both_answers_however_the_rest_is_cut_up():
    """Ten people of one category against ten categories of one person each."""
    category = np.concatenate([np.zeros(10, dtype=int), np.arange(1, 11)])
    people = FitPeople(np.ones((20, 1)), category == 0, np.arange(20), category)
    for train, judge in people.folds(seed=0):
        assert {*train.label} == {*judge.label} == {False, True}


def test_people_over_the_most_are_drawn_whole_and_in_their_shares():
    persons = np.repeat(np.arange(300), 2)
    people = FitPeople(np.arange(600.0)[:, None], (np.arange(300) % 3 == 0)[persons], persons)
    some = people.at_most(90, seed=0)
    assert some.people == 90
    assert len(some.persons) == 180
    assert some.label.mean() == pytest.approx(1 / 3)
    assert people.at_most(None, seed=0) is people.at_most(300, seed=0) is people
    dealt = people.shuffled(np.random.default_rng(0)).at_most(90, seed=0)
    assert dealt.persons.tolist() == some.persons.tolist()
    assert {*people.at_most(90, seed=1).persons} != {*some.persons}
