"""Which epoch does what: learn the task, let the adversary catch up, or let both play, and how hard."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from fairhire.adversaries.reversal import ramp
from fairhire.training.config import TrainConfig

__all__ = ["AVERAGED_SHARE", "Plan", "plan_epoch"]

LAST_PACE = 0.1  # share of its learning rate that the model has left when the game ends; our default

AVERAGED_SHARE = 0.2
"""Share of the game over which the weights that are judged and deployed are averaged (ours).

Two players circle around their balance; the mean of where they were lies nearer to it than where they are.
"""


@dataclass(frozen=True)
class Plan:
    """What happens in one epoch.

    ``model_learns`` and ``adversary_learns`` say who takes steps; ``strength`` is the reversal's at the epoch's start
    and ``strength_end`` at its end (it moves linearly in between); ``restart`` makes the adversary forget everything
    before the epoch; ``full`` says that the strength has arrived, so that the epoch's weights may be chosen.
    ``averaged`` is the number of epochs over which the weights are averaged, 0 for the newest ones alone; ``pace``
    multiplies the model's learning rate: it falls along a cosine while both play, so that the adversary,
    whose own rate stays, can keep up with a model that settles (measured: ``docs/training.md``).
    """

    model_learns: bool
    adversary_learns: bool
    strength: float
    strength_end: float
    restart: bool
    full: bool
    pace: float = 1.0
    averaged: float = 0.0

    def newest(self, steps: int) -> float:
        """Return what the newest weights count in the average, in an epoch of so many steps: all, unless both play."""
        return 1 / (1 + self.averaged * steps)


def plan_epoch(epoch: int, config: TrainConfig, strength: float) -> Plan:
    """Return the plan of ``epoch`` (from 1) at a full strength of ``strength`` (the loss is weighed 1 : strength).

    Sources: warm-up on a frozen encoder, several restarts and the ramp are papers section 2.3 (our defaults).
    """
    if config.adversary == "none":
        return Plan(True, False, 0.0, 0.0, False, True)
    if epoch <= config.head_start:
        return Plan(True, False, 0.0, 0.0, False, False)
    if epoch <= config.head_start + config.warm_up:
        return Plan(False, True, 0.0, 0.0, False, False)
    first = config.head_start + config.warm_up + 1
    games = config.epochs - first + 1
    played = epoch - first  # game epochs before this one
    length = max(config.ramp * games, 1e-9)
    restarts = {round(games * number / (config.restarts + 1)) for number in range(1, config.restarts + 1)}
    return Plan(
        model_learns=True,
        adversary_learns=True,
        strength=strength * ramp(played / length),
        strength_end=strength * ramp((played + 1) / length),
        restart=played in restarts and played > 0,
        full=played + 1 >= length,
        pace=LAST_PACE + (1 - LAST_PACE) * (1 + cos(pi * played / games)) / 2,
        averaged=AVERAGED_SHARE * games,
    )
