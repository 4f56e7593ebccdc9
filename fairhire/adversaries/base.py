"""What every adversary is and says, and how it plays against a model: several steps of its own, then one reversed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairhire.adversaries.reversal import reverse_gradient
from fairhire.errors import DataError
from fairhire.interview import InterviewBatch

__all__ = ["Adversary", "AdversaryOutput", "Opponent", "check_candidates", "distinct_people", "reader"]


@dataclass(frozen=True)
class AdversaryOutput:
    """How an adversary did on one batch.

    ``loss`` () is differentiable; ``accuracy`` () and ``chance`` () lie in [0, 1]: how often its guess is right, and
    how often a blind guess would be. This is *adversary accuracy*. It is never called leakage: an adversary at chance
    proves nothing about what a fresh probe can read (papers section 0, fact 3). ``n`` interviews could be guessed.
    """

    loss: Tensor
    accuracy: Tensor
    chance: Tensor
    n: int


class Adversary(nn.Module, ABC):
    """A network that reads a representation (B, H) and tries to tell something of the batch's people."""

    @abstractmethod
    def forward(self, representation: Tensor, batch: InterviewBatch) -> AdversaryOutput:
        """Return loss and accuracy; raise :class:`DataError` for fewer than two candidates."""

    @abstractmethod
    def can_play(self, batch: InterviewBatch) -> bool:
        """Whether at least two candidates of the batch have what this adversary looks for."""


def reader(width: int, out: int, hidden: int = 128) -> nn.Sequential:
    """Return what every adversary reads with: one hidden layer of 128, ReLU (our default, papers section 2.3)."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, out))


def distinct_people(person: Tensor) -> int:
    """Return how many different candidates stand in ``person`` (B,)."""
    return len(set(person.tolist()))


def check_candidates(person: Tensor, what: str) -> None:
    """Refuse a batch in which fewer than two candidates can be told apart (:class:`DataError`)."""
    if (people := distinct_people(person)) < 2:
        raise DataError(f"a batch for an adversary: expected at least 2 candidates with {what}, got {people}")


class Opponent:
    """An adversary with its own optimiser: it learns by itself, then its gradient, reversed, teaches the model.

    ``build`` makes a new adversary (also at every restart); ``steps`` is how many steps it learns per step of the
    model. One step was measured to make real leakage worse, five or more to lower it (papers section 5). ``average``
    is called after each backward pass with the adversary's parameters, for several processes to agree on a gradient.
    It reads in float32 whatever the model computes in: the lowest bits may be all that a leak has left.
    """

    def __init__(
        self,
        build: Callable[[], Adversary],
        *,
        steps: int,
        learning_rate: float,
        average: Callable[[nn.Module], object],
        seed: int,
    ) -> None:
        self.build, self.steps, self.learning_rate, self.average = build, steps, learning_rate, average
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Forget everything learned: new weights from ``seed``, new optimiser (against an opponent that got stuck)."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.adversary = self.build()
        self.optimiser = torch.optim.Adam(self.adversary.parameters(), lr=self.learning_rate)

    def can_play(self, batch: InterviewBatch) -> bool:
        """Whether the batch holds two candidates whom the adversary could tell apart."""
        return self.adversary.can_play(batch)

    def learn(self, representation: Tensor, batch: InterviewBatch) -> AdversaryOutput:
        """Take ``steps`` steps on a representation (B, H) that is left alone; return how the last one began."""
        frozen = representation.detach().float()
        for _ in range(self.steps):
            self.optimiser.zero_grad(set_to_none=True)
            output: AdversaryOutput = self.adversary(frozen, batch)
            output.loss.backward()  # type: ignore[no-untyped-call]
            self.average(self.adversary)
            self.optimiser.step()
        return output

    def pressure(self, representation: Tensor, batch: InterviewBatch, strength: float) -> Tensor:
        """Return the adversary's loss () behind a gradient reversal: minimising it makes the model forget.

        The adversary's own weights take no part: their gradients are switched off meanwhile.
        """
        self.adversary.requires_grad_(False)
        try:
            output: AdversaryOutput = self.adversary(reverse_gradient(representation.float(), strength), batch)
        finally:
            self.adversary.requires_grad_(True)
        return output.loss
