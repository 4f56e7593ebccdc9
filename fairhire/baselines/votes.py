"""What a system has to beat: chance, everybody, and what recruiters mostly say of a position (papers section 1.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["DRAWS", "majority_by_position", "random_votes"]

DRAWS = 1000
"""Draws of the random vote, as in the paper."""


def random_votes(rates: NDArray[np.float64], *, seed: int, draws: int = DRAWS) -> NDArray[np.bool_]:
    """Return decisions (n, draws), each hirable with its row's rate (n,): the label rate of training people."""
    chance = np.random.default_rng([seed, 0x707E]).random((len(rates), draws))
    decisions: NDArray[np.bool_] = chance < rates[:, None]
    return decisions


def majority_by_position(
    positions: NDArray[np.str_], hirable: NDArray[np.bool_], train: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int]:
    """Return the share of hirable training interviews of every interview's position (n,), and how many had none.

    An interview is called hirable where the share is one half or more: ties are hirable. A position without a training
    interview takes the share of all.
    """
    names, place = np.unique(positions, return_inverse=True)
    count = np.bincount(place[train], minlength=len(names))
    yes = np.bincount(place[train], weights=hirable[train], minlength=len(names))
    overall = float(hirable[train].mean())
    share = np.divide(yes, count, out=np.full(len(names), overall), where=count > 0)
    return share[place], int((count[place] == 0).sum())
