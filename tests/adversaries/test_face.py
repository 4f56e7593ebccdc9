"""The face adversaries: what they compute, whom they compare, what they learn, and what they must not remember."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fairhire.adversaries.base import Adversary, LearningOpponent
from fairhire.adversaries.face import PickTheFace, RegressTheFace
from fairhire.adversaries.target import BiometricTarget, fit_target
from fairhire.errors import DataError
from fairhire.interview import InterviewBatch

MakeBatch = Callable[..., InterviewBatch]
Variant = type[PickTheFace] | type[RegressTheFace]
VARIANTS: list[Variant] = [PickTheFace, RegressTheFace]


def some_faces(n: int, width: int = 6, seed: int = 0) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def plain_target(width: int) -> BiometricTarget:
    return BiometricTarget("face", torch.zeros(width), torch.eye(width), 1.0)


def adversary_of(variant: Variant, faces: Tensor, width: int = 5) -> Adversary:
    torch.manual_seed(3)
    return variant(width, plain_target(faces.shape[1]))


# --- picking ---------------------------------------------------------------------------------------------------------


def loss_by_hand(guess: list[list[float]], face: list[list[float]], person: list[int]) -> tuple[float, float, float]:
    """Return the mean cross-entropy, accuracy and chance, written out in loops over plain numbers."""

    def cosine(a: list[float], b: list[float]) -> float:
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    losses, right, chances = [], [], []
    for i, mine in enumerate(guess):
        allowed = [j for j in range(len(face)) if j == i or person[j] != person[i]]
        logits = {j: cosine(mine, face[j]) / 0.1 for j in allowed}
        losses.append(math.log(sum(math.exp(x) for x in logits.values())) - logits[i])
        right.append(max(logits, key=lambda j: logits[j]) == i)
        chances.append(1 / len(allowed))
    return tuple(float(np.mean(values)) for values in (losses, right, chances))  # type: ignore[return-value]


@pytest.mark.parametrize("person", [[0, 1, 2, 3], [0, 1, 0, 2], [7, 7, 7, 8]])
def test_picking_equals_a_hand_computation(make_batch: MakeBatch, person: list[int]) -> None:
    faces, vectors = some_faces(4), some_faces(4, 5, seed=1)
    adversary = adversary_of(PickTheFace, faces)
    output = adversary(vectors, make_batch(person, faces))
    loss, accuracy, chance = loss_by_hand(adversary.read(vectors).tolist(), faces.tolist(), person)
    assert output.loss.item() == pytest.approx(loss, abs=1e-4)
    assert output.accuracy.item() == pytest.approx(accuracy)
    assert output.chance.item() == pytest.approx(chance)
    assert output.n == 4


@pytest.mark.parametrize("variant", VARIANTS)
def test_chance_is_one_over_the_faces_that_may_be_picked(make_batch: MakeBatch, variant: Variant) -> None:
    faces, vectors = some_faces(5), some_faces(5, 5, seed=1)
    adversary = adversary_of(variant, faces)
    assert adversary(vectors, make_batch([0, 1, 2, 3, 4], faces)).chance.item() == pytest.approx(1 / 5)
    shared = adversary(vectors, make_batch([0, 0, 1, 2, 3], faces))  # two may pick among 4, three among 5
    assert shared.chance.item() == pytest.approx((2 / 4 + 3 / 5) / 5)


def test_other_interviews_of_the_same_person_are_no_wrong_answers(make_batch: MakeBatch) -> None:
    faces = some_faces(3)
    twins = faces.clone()
    twins[1] = faces[0]  # the same face twice: telling the two apart is impossible
    adversary = adversary_of(PickTheFace, faces)
    adversary.read = torch.nn.Identity()  # guesses are given, so that interview 0 guesses its face exactly
    guess = torch.stack([twins[0], twins[0], twins[2]])
    masked = adversary(guess, make_batch([0, 0, 1], twins))
    punished = adversary(guess, make_batch([0, 2, 1], twins))
    assert masked.accuracy.item() == 1.0
    assert punished.accuracy.item() < 1.0
    assert masked.loss < 0.1
    assert punished.loss > math.log(2) * 2 / 3


def test_what_interview_0_is_taught_does_not_depend_on_another_face_of_its_person(make_batch: MakeBatch) -> None:
    faces, vectors = some_faces(3), some_faces(3, 5, seed=1)
    adversary, changed = adversary_of(PickTheFace, faces), faces.clone()
    changed[1] = -faces[1]

    def lesson(person: list[int], shown: Tensor) -> Tensor:
        seen = vectors.clone().requires_grad_()
        return torch.autograd.grad(adversary(seen, make_batch(person, shown)).loss, seen)[0][0]

    assert lesson([0, 0, 1], faces).equal(lesson([0, 0, 1], changed))
    assert not lesson([0, 2, 1], faces).equal(lesson([0, 2, 1], changed))


@pytest.mark.parametrize("variant", VARIANTS)
def test_missing_faces_are_ignored_and_counted(make_batch: MakeBatch, variant: Variant) -> None:
    faces, vectors = some_faces(4), some_faces(4, 5, seed=1)
    adversary = adversary_of(variant, faces)
    output = adversary(vectors, make_batch([0, 1, 2, 3], faces, [True, False, True, True]))
    assert output.n == 3
    assert output.chance.item() == pytest.approx(1 / 3)
    changed_faces, changed_vectors = faces.clone(), vectors.clone().requires_grad_()
    changed_faces[1] = 100.0
    again = adversary(changed_vectors, make_batch([0, 1, 2, 3], changed_faces, [True, False, True, True]))
    assert again.loss.equal(output.loss)
    again.loss.backward()
    assert changed_vectors.grad is not None
    assert (changed_vectors.grad[1] == 0).all()
    assert (changed_vectors.grad[0] != 0).any()
    few = make_batch([0, 2, 3], faces[[0, 2, 3]])
    torch.testing.assert_close(adversary(vectors[[0, 2, 3]], few).loss, output.loss)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("person", "mask"), [([0, 1], [True, False]), ([4, 4], [True, True]), ([0, 1], [False] * 2)])
def test_fewer_than_two_candidates_with_a_face_are_refused_in_one_line(
    make_batch: MakeBatch, variant: Variant, person: list[int], mask: list[bool]
) -> None:
    faces = some_faces(2)
    adversary = adversary_of(variant, faces)
    batch = make_batch(person, faces, mask)
    assert not adversary.can_play(batch)
    with pytest.raises(DataError, match=r"^a batch for an adversary: expected at least 2 .* a face, got [01]$"):
        adversary(some_faces(2, 5), batch)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_that_was_read_without_faces_is_refused(make_batch: MakeBatch, variant: Variant) -> None:
    adversary = adversary_of(variant, some_faces(2))
    assert not adversary.can_play(make_batch([0, 1]))
    with pytest.raises(DataError, match=r"^the face adversary: expected a batch with faces, got one without$"):
        adversary(some_faces(2, 5), make_batch([0, 1]))


# --- regressing ------------------------------------------------------------------------------------------------------


def test_regressing_costs_one_for_always_guessing_the_mean_face(make_batch: MakeBatch) -> None:
    faces = some_faces(200) * torch.tensor([3.0, 2.0, 1.0, 1.0, 1.0, 1.0]) + 5
    adversary = RegressTheFace(5, fit_target(faces.numpy(), width=6))
    adversary.read = torch.nn.Linear(5, 6)
    torch.nn.init.zeros_(adversary.read.weight)
    torch.nn.init.zeros_(adversary.read.bias)  # targets are centred: zero is the mean face
    output = adversary(some_faces(200, 5), make_batch(list(range(200)), faces))
    assert output.loss.item() == pytest.approx(1.0, abs=1e-5)


def test_regressing_costs_nothing_for_the_right_face_and_more_than_one_when_it_is_led_astray(
    make_batch: MakeBatch,
) -> None:
    faces = some_faces(20)
    target = fit_target(faces.numpy(), width=6)
    adversary = RegressTheFace(6, target)
    adversary.read = torch.nn.Identity()
    batch = make_batch(list(range(20)), faces)
    exact = adversary(target(faces), batch)
    assert exact.loss.item() == pytest.approx(0, abs=1e-9)
    assert exact.accuracy.item() == 1.0
    assert adversary(-target(faces), batch).loss.item() == pytest.approx(4.0, abs=1e-4)


def test_regressing_equals_a_hand_computation(make_batch: MakeBatch) -> None:
    faces, vectors, person = some_faces(4), some_faces(4, 5, seed=1), [0, 1, 0, 2]
    adversary = adversary_of(RegressTheFace, faces)
    output = adversary(vectors, make_batch(person, faces))
    guess = adversary.read(vectors).detach().numpy().astype(np.float64)
    truth = faces.numpy().astype(np.float64)
    assert output.loss.item() == pytest.approx(((guess - truth) ** 2).sum() / (truth**2).sum(), abs=1e-5)
    distance = np.linalg.norm(guess[:, None] - truth[None], axis=2)
    hits = [
        i == min((j for j in range(4) if j == i or person[j] != person[i]), key=lambda j, i=i: distance[i, j])
        for i in range(4)
    ]
    assert output.accuracy.item() == pytest.approx(np.mean(hits))


# --- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("planted", [True, False])
def test_a_planted_face_is_found_on_people_never_seen_and_noise_reads_as_chance(
    make_batch: MakeBatch, variant: Variant, planted: bool
) -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(6, 12, generator=generator)
    target = fit_target(some_faces(500, seed=9).numpy())
    opponent = LearningOpponent(
        lambda: variant(12, target), steps=5, learning_rate=0.005, average=lambda module: None, seed=0
    )

    def meet() -> tuple[Tensor, InterviewBatch]:
        faces = torch.randn(32, 6, generator=generator)
        vectors = 0.3 * torch.randn(32, 12, generator=generator) + (faces @ mixing if planted else 0)
        return vectors, make_batch(list(range(32)), faces)

    for _ in range(60):
        opponent.learn(*meet())
    fresh = [opponent.adversary(*meet()) for _ in range(20)]
    accuracy = sum(output.accuracy.item() for output in fresh) / len(fresh)
    assert fresh[0].chance.item() == pytest.approx(1 / 32)
    assert accuracy > 0.5 if planted else accuracy < 0.08  # 640 guesses at 1/32: standard deviation .007
    if variant is RegressTheFace:
        loss = sum(output.loss.item() for output in fresh) / len(fresh)
        assert loss < 0.5 if planted else 0.9 < loss < 1.3


# --- the target ------------------------------------------------------------------------------------------------------


def test_targets_are_centred_rotated_cut_and_of_mean_norm_one() -> None:
    faces = some_faces(100, 8) * torch.tensor([5.0, 4, 3, 2, 1, 1, 1, 1]) + 3
    target = fit_target(faces.numpy(), width=4)
    made = target(faces)
    assert made.shape == (100, 4)
    torch.testing.assert_close(made.mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    assert made.norm(dim=1).mean().item() == pytest.approx(1.0, abs=1e-5)
    covariance = torch.cov(made.T)
    torch.testing.assert_close(covariance, torch.diag(covariance.diagonal()), atol=1e-5, rtol=0)
    assert (covariance.diagonal().diff() < 0).all()  # leading components first
    torch.testing.assert_close(target.components.T @ target.components, torch.eye(4), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("faces", "said"),
    [
        (np.ones((1, 4), np.float32), "faces of at least 2 training people, got 1"),
        (np.ones((0, 4), np.float32), "faces of at least 2 training people, got 0"),
        (np.ones((5, 4), np.float32), "faces that differ, got 5 equal ones"),
        (np.full((5, 4), 1e4, np.float32), "faces that differ, got 5 equal ones"),
        (np.array([[0, 1], [np.nan, 1]], np.float32), "finite face embeddings, got NaN"),
        (np.array([[0, 1], [np.inf, 1]], np.float32), "finite face embeddings, got NaN"),
    ],
)
def test_faces_that_teach_nothing_are_refused_in_one_line(faces: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=f"^the face adversary: expected {said}[^\n]*$"):
        fit_target(faces)


def test_duplicates_and_faces_of_one_number_are_fine() -> None:
    faces = np.repeat(some_faces(5).numpy(), 3, axis=0)
    target = fit_target(faces)
    assert target.components.shape == (6, 4)  # five distinct faces span four directions
    assert torch.isfinite(target(torch.from_numpy(faces))).all()
    one = fit_target(np.array([[0.0], [1.0], [3.0]], np.float32))
    assert one(torch.tensor([[0.0]])).item() < 0 < one(torch.tensor([[3.0]])).item()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_signs_and_directions_do_not_depend_on_the_order_of_people(seed: int) -> None:
    scales = np.array([8, 4, 2, 1], np.float32)
    faces = some_faces(40, 4, seed=seed).numpy() * scales
    shuffled = faces[np.random.default_rng(seed).permutation(len(faces))]
    one, other = fit_target(faces, width=3), fit_target(shuffled, width=3)
    torch.testing.assert_close(one.components, other.components, atol=1e-4, rtol=0)
    assert one.scale == pytest.approx(other.scale, rel=1e-6)
    strongest = one.components.abs().argmax(dim=0)
    assert (one.components[strongest, torch.arange(3)] > 0).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_state_holds_nothing_of_a_face(variant: Variant) -> None:
    faces = some_faces(30, 8)
    target = fit_target(faces.numpy(), width=5)
    adversary = variant(6, target)
    state = adversary.state_dict()
    assert set(state) == {"read.0.weight", "read.0.bias", "read.2.weight", "read.2.bias"}
    assert not list(adversary.buffers())
    secrets = torch.cat([target.mean, target.components.flatten(), faces.flatten()])
    for value in state.values():
        assert not torch.isin(value.flatten(), secrets).any()


def test_the_similarity_is_a_cosine_so_that_a_long_vector_gains_nothing(make_batch: MakeBatch) -> None:
    faces, vectors = some_faces(4), some_faces(4, 6, seed=1)
    adversary = adversary_of(PickTheFace, faces, width=6)
    adversary.read = torch.nn.Identity()
    batch = make_batch([0, 1, 2, 3], faces)
    torch.testing.assert_close(adversary(vectors * 50, batch).loss, adversary(vectors, batch).loss)
    longer = make_batch([0, 1, 2, 3], faces * 50)
    torch.testing.assert_close(adversary(vectors, longer).loss, adversary(vectors, batch).loss)


def test_a_target_moves_to_another_device_whole() -> None:
    target = fit_target(some_faces(10).numpy())
    moved = target.to("meta")
    assert moved.mean.device.type == moved.components.device.type == "meta"
    assert moved.scale == target.scale
