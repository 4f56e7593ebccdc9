"""Bits saved: many where an attribute is easy to read, none where nothing is, and each by people seen before."""

import numpy as np
import pytest

from fairhire.auditing.leakage import codelength
from fairhire.auditing.leakage.codelength import code_linearly
from fairhire.auditing.leakage.family import FitPeople


def people(n=600, strength=0.0, width=8, share=0.4, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.random(n) < share
    vectors = rng.normal(size=(n, width))
    vectors[:, 0] += strength * label
    return FitPeople(vectors, label, np.arange(n))


def test_a_plain_leak_saves_nearly_the_whole_label_and_a_faint_one_little():
    saved = [code_linearly(people(strength=strength), 0).saved.mean() for strength in (1.0, 3.0, 30.0)]
    assert 0.03 < saved[0] < saved[1] < saved[2]
    entropy = -(0.4 * np.log2(0.4) + 0.6 * np.log2(0.6))
    assert 0.85 * entropy < saved[2] < entropy


def test_vectors_that_say_nothing_save_nothing_and_cost_less_than_two_bits_in_all():
    for seed in range(12):
        for n, width in ((40, 30), (300, 8)):
            found = code_linearly(people(n=n, width=width, seed=seed), seed).saved
            assert found.sum() > -2
            assert found.mean() < 0.05
    wholes = [code_linearly(people(seed=seed), seed).saved.mean() for seed in range(20)]
    assert np.mean(wholes) < 0.002


def test_a_constant_source_saves_nothing():
    told = people()
    assert abs(code_linearly(FitPeople(np.full((600, 3), 0.2), told.label, told.persons), 0).saved.sum()) < 2


def test_a_rare_category_is_measured_against_its_own_frequency_not_against_a_fair_coin():
    """Nine of ten are of one kind: against one bit a label, knowing nothing would "save" half a bit."""
    assert code_linearly(people(share=0.1), 0).saved.mean() < 0.01


def test_what_is_easier_to_read_costs_fewer_bits_though_in_the_end_both_can_be_read():
    """Effort, not only quality: the same signal among many directions takes more people to learn."""
    easy, hard = (people(strength=3.0, width=width, n=800) for width in (2, 200))
    assert code_linearly(easy, 0).saved.mean() > code_linearly(hard, 0).saved.mean() + 0.1


def test_nobody_is_coded_by_a_probe_that_has_seen_them(monkeypatch):
    """Every regression is fitted to a beginning of the order, and asked only about those right after it."""
    asked = []

    def spy(seen, known, strength):
        def read(coded):
            asked.append(({*seen[:, 0]}, [*coded[:, 0]]))
            return np.zeros(len(coded))

        return read

    monkeypatch.setattr(codelength, "fit_logistic", spy)
    monkeypatch.setattr(codelength, "SCALINGS", {"as they are": lambda _vectors: lambda vectors: vectors})
    told = people(n=320)
    told = FitPeople(np.arange(320.0)[:, None], told.label, told.persons)
    found = code_linearly(told, 3)
    for seen, coded in asked:
        assert not seen & {*coded}
        assert {*found.persons[: len(seen)]} == seen != set()
    assert sorted({name for _, coded in asked for name in coded}) == sorted(found.persons[found.unread :])
    assert found.unread == 10
    assert not found.saved[:10].any()


def test_a_code_is_that_of_the_formula_worked_by_hand(monkeypatch):
    """Two portions, one expert that always says 0.8 for yes, beside Krichevsky and Trofimov's frequencies."""
    monkeypatch.setattr(codelength, "SCALINGS", {"as they are": lambda _vectors: lambda vectors: vectors})
    monkeypatch.setattr(codelength, "_STRENGTHS", (1.0,))
    monkeypatch.setattr(codelength, "fit_logistic", lambda *_: lambda coded: np.full(len(coded), np.log(4.0)))
    label = np.arange(20) % 3 == 0
    found = code_linearly(FitPeople(np.zeros((20, 1)), label, np.arange(20)), 0)
    ordered = label[found.persons]
    frequency, constant, bits = 0.5, 0.5, []
    for place, yes in enumerate(ordered):
        ones = ordered[:place].sum()
        share = (ones + 0.5) / (place + 1)
        by_frequency = share if yes else 1 - share
        if place < 10:
            bits.append(0.0)
            continue
        by_expert = 0.8 if yes else 0.2
        both = frequency * by_frequency + constant * by_expert
        frequency, constant = frequency * by_frequency / both, constant * by_expert / both
        bits.append(np.log2(both / by_frequency))
    np.testing.assert_allclose(found.saved, bits, atol=1e-12)


def test_several_interviews_of_a_person_are_one_label():
    told = people(n=200, strength=2.0)
    five = np.repeat(np.arange(200), 5)
    often = FitPeople(told.vectors[five], told.label[five], told.persons[five])
    once, many = code_linearly(told, 0), code_linearly(often, 0)
    assert len(many.saved) == 200
    np.testing.assert_allclose(many.saved, once.saved, atol=1e-9)


def test_the_order_of_rows_changes_nothing_and_the_seed_changes_the_order():
    told = people(n=200, strength=2.0)
    turned = np.random.default_rng(1).permutation(200)
    other = code_linearly(FitPeople(told.vectors[turned], told.label[turned], told.persons[turned]), 0)
    found = code_linearly(told, 0)
    np.testing.assert_array_equal(found.persons, other.persons)
    np.testing.assert_allclose(found.saved, other.saved, atol=1e-6)
    assert (code_linearly(told, 1).persons != found.persons).any()


@pytest.mark.parametrize("n", [1, 9, 18])
def test_too_few_people_for_two_portions_are_not_coded(n):
    found = code_linearly(people(n=n), 0)
    assert found.unread == len(found.saved) == n
    assert not found.saved.any()


def test_a_beginning_of_one_kind_is_survived():
    label = np.zeros(200, dtype=bool)
    order = np.random.default_rng([0, 0xC0DE]).permutation(200)
    label[order[60:]] = np.arange(140) % 2 == 0  # the first 60 to be coded are all of one kind
    vectors = np.random.default_rng(2).normal(size=(200, 3)) + 4.0 * label[:, None]
    found = code_linearly(FitPeople(vectors, label, np.arange(200)), 0)
    assert np.isfinite(found.saved).all()
    assert found.saved.mean() > 0.1
