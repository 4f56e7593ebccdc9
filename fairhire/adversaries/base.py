"""What every adversary and every penalty is and says, and how each plays against a model.

An adversary takes several steps of its own, then one reversed; a penalty has nothing to learn and is minimised.
Letters: n vectors, H their width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from fairhire.adversaries.reversal import reverse_gradient
from fairhire.errors import DataError

__all__ = [
    "Adversary",
    "AdversaryOutput",
    "LearningOpponent",
    "Opponent",
    "Penalty",
    "PenaltyOpponent",
    "People",
    "Persons",
    "check_candidates",
    "distinct_people",
    "reader",
    "take",
]


class Persons(Protocol):
    """Who the vectors are of, as an adversary may know it; an :class:`~fairhire.interview.InterviewBatch` is one."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The interview of every vector (n,)."""

    @property
    def person(self) -> Tensor:
        """Equal exactly for vectors of the same candidate (n,) int64."""

    @property
    def faces(self) -> Tensor | None:
        """Face embeddings (n, d), or None."""

    @property
    def face_mask(self) -> Tensor | None:
        """Who has a face (n,)."""

    @property
    def voices(self) -> Tensor | None:
        """Voice embeddings (n, dv), or None."""

    @property
    def voice_mask(self) -> Tensor | None:
        """Who has a voice (n,)."""


@dataclass(frozen=True)
class People:
    """The people of some vectors (n,), without their interviews; fields as in :class:`Persons`."""

    ids: tuple[str, ...]
    person: Tensor
    faces: Tensor | None = None
    face_mask: Tensor | None = None
    voices: Tensor | None = None
    voice_mask: Tensor | None = None


def take(persons: Persons, rows: Tensor) -> People:
    """Return the people at ``rows`` (n,) int64, in that order; several vectors may be of the same interview."""

    def of(values: Tensor | None) -> Tensor | None:
        return None if values is None else values[rows]

    return People(
        tuple(persons.ids[row] for row in rows.tolist()),
        persons.person[rows],
        of(persons.faces),
        of(persons.face_mask),
        of(persons.voices),
        of(persons.voice_mask),
    )


@dataclass(frozen=True)
class AdversaryOutput:
    """How an adversary, or a penalty, did on one batch.

    ``loss`` () is differentiable; ``accuracy`` () and ``chance`` () lie in [0, 1]: how often its guess is right, and
    how often a blind guess would be; None together for a penalty, which guesses nothing. This is *adversary accuracy*.
    It is never called leakage: an adversary at chance proves nothing about what a fresh probe can read (papers section
    0, fact 3). ``n`` vectors could be guessed.
    """

    loss: Tensor
    accuracy: Tensor | None
    chance: Tensor | None
    n: int


class Adversary(nn.Module, ABC):
    """A network that reads vectors (n, H) and tries to tell something of whose they are."""

    @abstractmethod
    def forward(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return loss and accuracy; raise :class:`DataError` for fewer than two candidates."""

    @abstractmethod
    def can_play(self, people: Persons) -> bool:
        """Whether at least two candidates have what this adversary looks for."""

    def watch(self, representation: Tensor) -> None:
        """Take note of how vectors (n, H) are spread, before learning from them; most adversaries need not."""

    def lesson(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return what it minimises itself, :meth:`forward` unless it asks more of itself than it does of the model."""
        output: AdversaryOutput = self(representation, people)
        return output


class Penalty(ABC):
    """A number that says how much vectors (n, H) depend on whose they are; zero where they do not."""

    @abstractmethod
    def __call__(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return the dependence as a loss; raise :class:`DataError` for too few candidates."""

    @abstractmethod
    def can_play(self, people: Persons) -> bool:
        """Whether there are candidates enough to say."""


def reader(width: int, out: int, hidden: int = 128) -> nn.Sequential:
    """Return what every adversary reads with: one hidden layer of 128, ReLU (our default, papers section 2.3)."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, out))


def distinct_people(person: Tensor) -> int:
    """Return how many different candidates stand in ``person`` (n,)."""
    return len(set(person.tolist()))


def check_candidates(person: Tensor, what: str) -> None:
    """Refuse a batch in which fewer than two candidates can be told apart (:class:`DataError`)."""
    if (people := distinct_people(person)) < 2:
        raise DataError(f"a batch for an adversary: expected at least 2 candidates with {what}, got {people}")


class Opponent(ABC):
    """What plays against a model: it may learn by itself, then its pressure teaches the model to forget."""

    @abstractmethod
    def restart(self, seed: int) -> None:
        """Forget everything learned."""

    @abstractmethod
    def can_play(self, people: Persons) -> bool:
        """Whether the batch holds enough candidates."""

    @abstractmethod
    def learn(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Learn from vectors (n, H) that are left alone; return how it did before the last step."""

    @abstractmethod
    def pressure(self, representation: Tensor, people: Persons, strength: float) -> Tensor:
        """Return a loss () whose minimum, as the model sees it, is to have forgotten."""

    @abstractmethod
    def parts(self) -> tuple[Mapping[str, nn.Module], Mapping[str, torch.optim.Optimizer]]:
        """Return the modules and optimisers that a state file has to hold, by name."""


class LearningOpponent(Opponent):
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

    def can_play(self, people: Persons) -> bool:
        """Whether the batch holds two candidates whom the adversary could tell apart."""
        return self.adversary.can_play(people)

    def learn(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Take ``steps`` steps on vectors (n, H) that are left alone; return how the last one began."""
        frozen = representation.detach().float()
        self.adversary.watch(frozen)
        for _ in range(self.steps):
            self.optimiser.zero_grad(set_to_none=True)
            output = self.adversary.lesson(frozen, people)
            output.loss.backward()  # type: ignore[no-untyped-call]
            self.average(self.adversary)
            self.optimiser.step()
        return output

    def pressure(self, representation: Tensor, people: Persons, strength: float) -> Tensor:
        """Return the adversary's loss () behind a gradient reversal: minimising it makes the model forget.

        The adversary's own weights take no part: their gradients are switched off meanwhile.
        """
        self.adversary.requires_grad_(False)
        try:
            output: AdversaryOutput = self.adversary(reverse_gradient(representation.float(), strength), people)
        finally:
            self.adversary.requires_grad_(True)
        return output.loss

    def parts(self) -> tuple[Mapping[str, nn.Module], Mapping[str, torch.optim.Optimizer]]:
        """Return the adversary and its optimiser."""
        return {"adversary": self.adversary}, {"adversary": self.optimiser}


class PenaltyOpponent(Opponent):
    """A penalty, which has nothing to learn: the model minimises it as it is, times the strength."""

    def __init__(self, penalty: Penalty) -> None:
        self.penalty = penalty

    def restart(self, seed: int) -> None:
        """Do nothing: nothing was learned."""

    def can_play(self, people: Persons) -> bool:
        """Whether the batch holds candidates enough to say."""
        return self.penalty.can_play(people)

    def learn(self, representation: Tensor, people: Persons) -> AdversaryOutput:
        """Return how much the vectors depend on their people, without learning anything."""
        with torch.no_grad():
            return self.penalty(representation.float(), people)

    def pressure(self, representation: Tensor, people: Persons, strength: float) -> Tensor:
        """Return the dependence () times ``strength``."""
        return strength * self.penalty(representation.float(), people).loss

    def parts(self) -> tuple[Mapping[str, nn.Module], Mapping[str, torch.optim.Optimizer]]:
        """Return nothing."""
        return {}, {}
