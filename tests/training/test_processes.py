"""Several processes: they share every batch, agree on every gradient, and play only together."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fairhire.adversaries.base import LearningOpponent
from fairhire.adversaries.label import GuessTheLabel, SensitiveLabels
from fairhire.errors import UsageError
from fairhire.interview import InterviewBatch, Words
from fairhire.training import TrainConfig
from fairhire.training.prepare import prepare
from fairhire.training.processes import average_gradients, everyone, seed_step, share, start_fabric

Tiny = Callable[..., TrainConfig]


class FakeFabric:
    """One of ``world_size`` processes; the others always send ``theirs`` into an exchange."""

    def __init__(self, world_size: int = 2, rank: int = 0, theirs: Callable[[Tensor], Tensor] = lambda t: t) -> None:
        self.world_size, self.global_rank, self.theirs = world_size, rank, theirs
        self.device = torch.device("cpu")
        self.exchanges = 0

    def all_reduce(self, tensor: Tensor, reduce_op: str) -> Tensor:
        assert reduce_op == "mean"
        self.exchanges += 1
        return (tensor + (self.world_size - 1) * self.theirs(tensor)) / self.world_size


def as_fabric(fake: FakeFabric) -> Any:
    return fake


def grads(module: nn.Module) -> Tensor:
    return torch.cat(
        [torch.zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in module.parameters()]
    ).clone()


def test_two_processes_use_the_mean_of_their_gradients_in_one_exchange(corpus: Any, tiny: Tiny) -> None:
    setting = prepare(corpus, tiny(dropout=0.0))
    rows = setting.train[:10]

    def gradient_of(part: np.ndarray) -> Tensor:
        model = setting.new_model(0)
        batch = setting.read(part)
        model.task_loss(model(batch), batch).backward()
        return grads(model)

    halves = [share(rows, as_fabric(FakeFabric(rank=rank))) for rank in (0, 1)]
    mean = (gradient_of(halves[0]) + gradient_of(halves[1])) / 2
    fabric = FakeFabric(theirs=lambda _: gradient_of(halves[1]))
    model = setting.new_model(0)
    batch = setting.read(halves[0])
    model.task_loss(model(batch), batch).backward()
    average_gradients(as_fabric(fabric), model)
    assert fabric.exchanges == 1
    torch.testing.assert_close(grads(model), mean)
    # interviews weigh the same, so halves of equal size mean the whole batch
    torch.testing.assert_close(mean, gradient_of(rows), atol=1e-6, rtol=1e-4)
    assert not torch.allclose(mean, gradient_of(halves[0]), atol=1e-4)


def test_a_gradient_that_only_another_process_has_is_taken_over() -> None:
    module = nn.ModuleDict({"seen": nn.Linear(2, 1), "absent": nn.Linear(3, 1)})
    module["seen"](torch.ones(1, 2)).sum().backward()
    average_gradients(as_fabric(FakeFabric(theirs=lambda flat: flat + 2)), module)
    assert module["absent"].weight.grad is not None
    assert module["absent"].weight.grad.tolist() == [[1.0, 1.0, 1.0]]
    assert module["seen"].weight.grad is not None
    assert module["seen"].weight.grad.tolist() == [[2.0, 2.0]]


def test_frozen_parameters_take_no_part() -> None:
    module = nn.Linear(2, 1)
    module.bias.requires_grad_(False)
    module(torch.ones(1, 2)).sum().backward()
    average_gradients(as_fabric(FakeFabric()), module)
    assert module.bias.grad is None
    assert module.weight.grad is not None


def test_one_process_leaves_its_gradients_as_they_are() -> None:
    module, fabric = nn.Linear(2, 1), FakeFabric(world_size=1)
    average_gradients(as_fabric(fabric), module)
    assert fabric.exchanges == 0
    assert module.weight.grad is None


def test_averaging_is_what_an_opponent_does_before_every_step() -> None:
    fabric = FakeFabric(theirs=torch.zeros_like)
    labels = SensitiveLabels(("f", "m"), {"a": 0, "b": 1})
    nothing = Words(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))
    zeros = torch.zeros(2, dtype=torch.int64)
    batch = InterviewBatch(
        ids=("a", "b"), person=torch.tensor([0, 1]), features={}, questions=nothing, question_of=zeros[:, None],
        job_titles=nothing, job_title_of=zeros, hirable=torch.zeros(2), label_mask=torch.ones(2, dtype=torch.bool),
    )  # fmt: skip
    opponent = LearningOpponent(
        lambda: GuessTheLabel(3, labels),
        steps=4,
        learning_rate=0.1,
        average=lambda module: average_gradients(as_fabric(fabric), module),
        seed=0,
    )
    opponent.learn(torch.randn(2, 3), batch)
    assert fabric.exchanges == 4


@pytest.mark.parametrize(("mine", "theirs", "together"), [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 0)])
def test_all_play_or_none_does(mine: int, theirs: int, together: int) -> None:
    fabric = FakeFabric(theirs=lambda _: torch.tensor(float(theirs)))
    assert everyone(as_fabric(fabric), bool(mine)) == bool(together)
    crowd = FakeFabric(world_size=1000, theirs=lambda _: torch.tensor(1.0))
    assert everyone(as_fabric(crowd), bool(mine)) == bool(mine)  # one no among a thousand is heard


def test_one_process_decides_alone() -> None:
    alone = FakeFabric(world_size=1)
    assert everyone(as_fabric(alone), True)
    assert not everyone(as_fabric(alone), False)
    assert alone.exchanges == 0


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_row_of_a_batch_falls_to_exactly_one_process(processes: int) -> None:
    rows = np.arange(11)
    shares = [share(rows, as_fabric(FakeFabric(world_size=processes, rank=rank))) for rank in range(processes)]
    assert sorted(np.concatenate(shares).tolist()) == rows.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_step_draws_the_same_whatever_came_before_and_others_draw_differently() -> None:
    def draw(seed: int, step: int, rank: int) -> Tensor:
        torch.rand(3)
        seed_step(seed, step, rank)
        return torch.rand(4)

    assert draw(0, 5, 0).equal(draw(0, 5, 0))
    others = [draw(0, 5, 1), draw(0, 6, 0), draw(1, 5, 0), draw(2**32 - 1, 5, 0)]
    assert not any(draw(0, 5, 0).equal(other) for other in others)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_fabric_has_the_precision_asked_for(tiny: Tiny, precision: str) -> None:
    fabric = start_fabric(tiny(precision=precision))
    assert fabric.world_size == 1
    assert fabric.is_global_zero
    assert fabric.device == torch.device("cpu")
    with fabric.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.float32 if precision == "32-true" else torch.bfloat16)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the GPU that the test does without")
def test_a_gpu_that_is_not_there_is_said_in_one_line(tiny: Tiny) -> None:
    with pytest.raises(UsageError, match=r"^device: expected a machine with CUDA .*, got none; use --device cpu$"):
        start_fabric(tiny(device="cuda"))
    assert start_fabric(tiny(device="auto")).device.type == "cpu"


def test_one_process_does_not_touch_the_number_of_threads(tiny: Tiny) -> None:
    before = torch.get_num_threads()
    environment = dict(os.environ)
    start_fabric(tiny())
    assert torch.get_num_threads() == before
    assert {k: v for k, v in os.environ.items() if environment.get(k) != v} == {}
