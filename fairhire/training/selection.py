"""Chooses which weights are kept, without a sensitive label: by the task and by a fresh probe for faces.

The rule: among epochs whose task score kept all but ``tolerance`` of the best one's distance from chance, the one
whose representation gives a fresh face-retrieval probe the least. Weights that another epoch beats in both respects
can never be chosen, so only the others are kept while training goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Checkpoint", "choose", "undominated"]


@dataclass(frozen=True)
class Checkpoint:
    """How the weights after one epoch did on validation people.

    ``task`` is the task score (AUC, or F1 over that of the all-positive guess: larger is better), ``task_chance`` what
    a blind guess gets, ``leak`` the mean-rank AUC of a fresh face-retrieval probe (0.5 is chance; 0.5 for every epoch
    where no face is attacked).
    """

    epoch: int
    strength: float
    task: float
    task_chance: float
    leak: float


def choose(checkpoints: Sequence[Checkpoint], tolerance: float) -> Checkpoint:
    """Return the checkpoint to deploy; of equals the better task, then the earlier epoch."""
    best = max(checkpoint.task - checkpoint.task_chance for checkpoint in checkpoints)
    floor = best - tolerance * abs(best)
    eligible = [checkpoint for checkpoint in checkpoints if checkpoint.task - checkpoint.task_chance >= floor]
    return min(eligible, key=lambda c: (max(c.leak, 0.5), -c.task, c.epoch, c.strength))


def undominated(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Return the checkpoints that no other beats or equals in task and leak at once (the earlier of equals stays)."""
    kept: list[Checkpoint] = []
    for one in sorted(checkpoints, key=lambda c: (-c.task, max(c.leak, 0.5), c.epoch, c.strength)):
        if not kept or max(one.leak, 0.5) < max(kept[-1].leak, 0.5):
            kept.append(one)
    return kept
