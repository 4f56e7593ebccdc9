"""The direct baseline: it learns a label that shows, only from those who have one, and only from its own argument."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from fairhire.adversaries.base import LearningOpponent
from fairhire.adversaries.label import GuessTheLabel, SensitiveLabels
from fairhire.errors import DataError
from fairhire.interview import InterviewBatch

MakeBatch = Callable[..., InterviewBatch]


def labels(*places: int | None, classes: tuple[str, ...] = ("f", "m")) -> SensitiveLabels:
    return SensitiveLabels(classes, {f"i{n}": place for n, place in enumerate(places) if place is not None})


@pytest.mark.parametrize("of", [{}, {"i0": 1}, {"i0": 0, "i1": 0}])
def test_fewer_than_two_categories_are_refused(of: dict[str, int]) -> None:
    with pytest.raises(DataError, match=r"^the label adversary: expected at least 2 categories in use, got \[.*\]$"):
        SensitiveLabels(("f", "m"), of)


@pytest.mark.parametrize("place", [-1, 2])
def test_a_place_that_names_no_category_is_refused(place: int) -> None:
    with pytest.raises(DataError, match=f"^the label adversary, interview 'i1': .*2 categories, got {place}$"):
        SensitiveLabels(("f", "m"), {"i0": 0, "i1": place})


def test_the_loss_is_the_cross_entropy_over_labelled_interviews(make_batch: MakeBatch) -> None:
    adversary = GuessTheLabel(3, labels(0, None, 1, 1))
    batch, vectors = make_batch([0, 1, 2, 3]), torch.randn(4, 3)
    output = adversary(vectors, batch)
    by_hand = 0.0
    for row, truth in ((0, 0), (2, 1), (3, 1)):
        logits = adversary.read(vectors[row]).tolist()
        by_hand += math.log(sum(math.exp(x) for x in logits)) - logits[truth]
    assert output.loss.item() == pytest.approx(by_hand / 3, abs=1e-5)
    assert output.n == 3
    assert output.chance.item() == pytest.approx(2 / 3)  # always guessing the commoner category


def test_the_unlabelled_are_not_looked_at(make_batch: MakeBatch) -> None:
    adversary = GuessTheLabel(3, labels(0, None, 1))
    batch, vectors = make_batch([0, 1, 2]), torch.randn(3, 3)
    changed = vectors.clone()
    changed[1] = 1e6
    assert adversary(vectors, batch).loss.equal(adversary(changed, batch).loss)
    changed[0] = 1e6
    assert not adversary(vectors, batch).loss.equal(adversary(changed, batch).loss)


@pytest.mark.parametrize(("person", "places"), [([0, 1], (0, None)), ([5, 5], (0, 1)), ([0, 1], (None, None))])
def test_fewer_than_two_candidates_are_refused(
    make_batch: MakeBatch, person: list[int], places: tuple[int | None, ...]
) -> None:
    adversary = GuessTheLabel(3, SensitiveLabels(("f", "m"), {"a": 0, "b": 1, **labels_of(places)}))
    batch = make_batch(person)
    assert not adversary.can_play(batch)
    with pytest.raises(DataError, match=r"expected at least 2 candidates with a sensitive label, got [01]$"):
        adversary(torch.randn(2, 3), batch)


def labels_of(places: tuple[int | None, ...]) -> dict[str, int]:
    return {f"i{number}": place for number, place in enumerate(places) if place is not None}


def test_two_labelled_candidates_can_play(make_batch: MakeBatch) -> None:
    adversary = GuessTheLabel(3, labels(0, 1))
    assert adversary.can_play(make_batch([0, 1]))
    assert adversary(torch.randn(2, 3), make_batch([0, 1])).n == 2


@pytest.mark.parametrize("planted", [True, False])
def test_a_planted_label_is_learned_and_no_label_reads_as_chance(make_batch: MakeBatch, planted: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.arange(64) % 2
    target = labels(*truth.tolist())
    opponent = LearningOpponent(
        lambda: GuessTheLabel(4, target), steps=40, learning_rate=0.01, average=lambda module: None, seed=0
    )
    batch = make_batch(list(range(64)))

    def vectors() -> torch.Tensor:
        noise = torch.randn(64, 4, generator=generator)
        noise[:, 0] += 4 * (truth - 0.5) if planted else 0
        return noise

    for _ in range(4):
        opponent.learn(vectors(), batch)
    fresh = [opponent.adversary(vectors(), batch).accuracy.item() for _ in range(10)]
    accuracy = sum(fresh) / len(fresh)
    assert accuracy > 0.9 if planted else 0.4 < accuracy < 0.6


def test_its_state_holds_no_label(make_batch: MakeBatch) -> None:
    state = GuessTheLabel(3, labels(0, 1)).state_dict()
    assert set(state) == {"read.0.weight", "read.0.bias", "read.2.weight", "read.2.bias"}
