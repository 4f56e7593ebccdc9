"""How an adversary plays: so many steps of its own, then one reversed, and neither disturbs the other's weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from inspect import isabstract

import pytest
import torch
from torch import Tensor, nn

from fairhire.adversaries import ADVERSARIES, kind_of
from fairhire.adversaries.base import Adversary, LearningOpponent, check_candidates, distinct_people, reader
from fairhire.adversaries.label import SensitiveLabels
from fairhire.adversaries.target import BiometricTarget, fit_target
from fairhire.errors import DataError
from fairhire.interview import InterviewBatch

MakeBatch = Callable[..., InterviewBatch]
NAMES = sorted(name for name, what in ADVERSARIES.items() if issubclass(what, Adversary))
PEOPLE, WIDTH = 6, 5


def target_of(name: str) -> BiometricTarget | SensitiveLabels:
    if name == "label":
        return SensitiveLabels(("f", "m"), {f"i{number}": number % 2 for number in range(PEOPLE)})
    return fit_target(faces().numpy(), width=3, kind=kind_of(name))


def faces() -> Tensor:
    return torch.randn(PEOPLE, 4, generator=torch.Generator().manual_seed(1))


def opponent_of(
    name: str, *, steps: int = 3, average: Callable[[nn.Module], object] = id, seed: int = 0
) -> LearningOpponent:
    target = target_of(name)
    return LearningOpponent(
        lambda: ADVERSARIES[name](WIDTH, target), steps=steps, learning_rate=0.01, average=average, seed=seed
    )


@pytest.fixture
def batch(make_batch: MakeBatch) -> InterviewBatch:
    return make_batch(list(range(PEOPLE)), faces())


@pytest.fixture
def vectors() -> Tensor:
    return torch.randn(PEOPLE, WIDTH, generator=torch.Generator().manual_seed(2))


def weights(opponent: LearningOpponent) -> dict[str, Tensor]:
    return copy.deepcopy(opponent.adversary.state_dict())


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", NAMES)
def test_every_adversary_says_loss_accuracy_chance_and_count(name: str, batch: InterviewBatch, vectors: Tensor) -> None:
    adversary = ADVERSARIES[name](WIDTH, target_of(name))
    assert isinstance(adversary, Adversary)
    assert not isabstract(type(adversary))
    assert adversary.can_play(batch)
    output = adversary(vectors, batch)
    assert output.loss.shape == output.accuracy.shape == output.chance.shape == ()
    assert output.loss.requires_grad
    assert not output.accuracy.requires_grad
    assert 0 <= output.accuracy <= 1
    assert 0 < output.chance < 1
    assert output.n == PEOPLE


@pytest.mark.parametrize("name", NAMES)
def test_no_adversary_plays_with_one_candidate(name: str, make_batch: MakeBatch) -> None:
    adversary = ADVERSARIES[name](WIDTH, target_of(name))
    for person in ([0], [3, 3, 3]):
        alone = make_batch(person, faces()[: len(person)])
        assert not adversary.can_play(alone)
        with pytest.raises(
            DataError, match=r"expected at least 2 candidates with a (face|voice|sensitive label), got 1$"
        ):
            adversary(torch.randn(len(person), WIDTH), alone)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [1, 4])
def test_it_takes_exactly_its_number_of_steps(name: str, steps: int, batch: InterviewBatch, vectors: Tensor) -> None:
    averaged: list[nn.Module] = []
    opponent = opponent_of(name, steps=steps, average=averaged.append)
    before = weights(opponent)
    opponent.learn(vectors, batch)
    counts = {int(state["step"]) for state in opponent.optimiser.state.values()}
    assert counts == {steps}
    assert averaged == [opponent.adversary] * steps  # once for each step, between backward and step
    assert not same(before, weights(opponent))


def test_gradients_are_averaged_before_they_are_used(batch: InterviewBatch, vectors: Tensor) -> None:
    def forget(module: nn.Module) -> None:
        for parameter in module.parameters():
            assert parameter.grad is not None
            parameter.grad.zero_()

    opponent = opponent_of("face", average=forget)
    before = weights(opponent)
    opponent.learn(vectors, batch)
    assert same(before, weights(opponent))


def test_learning_reports_how_the_last_step_began(batch: InterviewBatch, vectors: Tensor) -> None:
    long, short = opponent_of("face", steps=4), opponent_of("face", steps=3)
    last = long.learn(vectors, batch)
    short.learn(vectors, batch)
    assert last.loss.equal(short.adversary(vectors, batch).loss)


@pytest.mark.parametrize("name", NAMES)
def test_learning_leaves_the_representation_and_its_graph_alone(
    name: str, batch: InterviewBatch, vectors: Tensor
) -> None:
    encoder = nn.Linear(WIDTH, WIDTH)
    representation = encoder(vectors)
    kept = representation.detach().clone()
    opponent_of(name).learn(representation, batch)
    assert representation.equal(kept)
    assert all(parameter.grad is None for parameter in encoder.parameters())
    representation.sum().backward()  # the graph is still there
    assert encoder.weight.grad is not None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strength", [0.5, 3.0])
def test_pressure_is_the_loss_and_its_gradient_minus_strength_times_that_of_the_loss(
    name: str, strength: float, batch: InterviewBatch, vectors: Tensor
) -> None:
    opponent = opponent_of(name)
    before = weights(opponent)
    representation = vectors.clone().requires_grad_()
    (plain,) = torch.autograd.grad(opponent.adversary(representation, batch).loss, representation)
    pressure = opponent.pressure(representation, batch, strength)
    assert pressure.equal(opponent.adversary(vectors, batch).loss)
    pressure.backward()
    assert representation.grad is not None
    torch.testing.assert_close(representation.grad, -strength * plain)
    assert plain.abs().max() > 1e-6
    assert all(parameter.grad is None for parameter in opponent.adversary.parameters())
    assert same(before, weights(opponent))
    assert all(parameter.requires_grad for parameter in opponent.adversary.parameters())  # it can learn again


def test_an_adversary_can_learn_again_after_pressure_that_failed(make_batch: MakeBatch, batch: InterviewBatch) -> None:
    opponent = opponent_of("face")
    with pytest.raises(DataError, match="at least 2 candidates"):
        opponent.pressure(torch.randn(1, WIDTH), make_batch([0], faces()[:1]), 1.0)
    assert all(parameter.requires_grad for parameter in opponent.adversary.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_representation_in_half_precision_is_read_in_full(name: str, batch: InterviewBatch, vectors: Tensor) -> None:
    halved = vectors.bfloat16()
    ours, plain = opponent_of(name), opponent_of(name)
    assert ours.learn(halved, batch).loss.equal(plain.learn(halved.float(), batch).loss)
    representation = halved.clone().requires_grad_()
    ours.pressure(representation, batch, 2.0).backward()
    assert representation.grad is not None
    assert representation.grad.dtype == torch.bfloat16
    assert representation.grad.abs().sum() > 0


def test_a_restart_forgets_weights_and_optimiser_and_depends_on_its_seed_alone(
    batch: InterviewBatch, vectors: Tensor
) -> None:
    opponent = opponent_of("face", seed=7)
    fresh = weights(opponent)
    opponent.learn(vectors, batch)
    torch.manual_seed(99)
    opponent.restart(7)
    assert same(fresh, weights(opponent))
    assert not opponent.optimiser.state
    opponent.restart(8)
    assert not same(fresh, weights(opponent))
    opponent.learn(vectors, batch)  # the new optimiser moves the new weights
    assert {int(state["step"]) for state in opponent.optimiser.state.values()} == {3}


def test_a_restart_does_not_disturb_the_global_generator() -> None:
    opponent = opponent_of("face")
    torch.manual_seed(5)
    undisturbed = torch.rand(3)
    torch.manual_seed(5)
    opponent.restart(1)
    opponent_of("label")
    assert torch.rand(3).equal(undisturbed)


def test_the_reader_has_one_hidden_layer_of_128() -> None:
    network = reader(WIDTH, 7)
    assert [type(layer) for layer in network] == [nn.Linear, nn.ReLU, nn.Linear]
    assert network[0].weight.shape == (128, WIDTH)
    assert network[2].weight.shape == (7, 128)


def test_people_are_counted_once_each() -> None:
    assert distinct_people(torch.tensor([4, 4, 2])) == 2
    assert distinct_people(torch.tensor([], dtype=torch.int64)) == 0
    check_candidates(torch.tensor([4, 2]), "a face")
    with pytest.raises(DataError, match=r"^a batch for an adversary: expected at least 2 candidates with x, got 0$"):
        check_candidates(torch.tensor([], dtype=torch.int64), "x")
