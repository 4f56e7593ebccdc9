"""Who trains, who chooses, who tests: always whole candidates, never one person on two sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError, UsageError

__all__ = ["PARTS", "fold_by_candidate", "named_split", "shared_candidates", "split_by_candidate"]

PARTS = ("train", "validation", "test")
"""The parts of every split, in the order of their fractions."""


def split_by_candidate(
    candidates: Sequence[str] | NDArray[np.str_], fractions: Sequence[float] = (0.8, 0.1, 0.1), *, seed: int = 0
) -> NDArray[np.str_]:
    """Return the part of every interview (n,), all interviews of a candidate in the same part.

    ``fractions`` are the shares of candidates in train, validation and test (0.8, 0.1, 0.1: papers section 1.2);
    they must sum to 1. The split depends on the set of candidates and the seed, not on the order of interviews.
    Raises :class:`UsageError` for other fractions and :class:`DataError` when a part would be empty.
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise UsageError(f"split fractions: expected three positive shares that sum to 1, got {list(fractions)}")
    people, index = np.unique(np.asarray(candidates, dtype=str), return_inverse=True)
    edges = np.round(np.cumsum(shares)[:2] * len(people)).astype(int)
    if edges[0] < 1 or edges[1] <= edges[0] or edges[1] >= len(people):
        raise DataError(f"a split by candidate: expected at least one person in every part, got {len(people)} people")
    part = np.empty(len(people), dtype=np.int64)
    part[np.random.default_rng([seed, 0x5E1]).permutation(len(people))] = np.searchsorted(
        edges, np.arange(len(people)), side="right"
    )
    return np.asarray(PARTS)[part[index]]


def fold_by_candidate(
    candidates: Sequence[str] | NDArray[np.str_], fold: int, folds: int, *, validation: float = 0.15, seed: int = 0
) -> NDArray[np.str_]:
    """Return the part of every interview (n,) in fold ``fold`` (1 to ``folds``) of a cross-validation by candidate.

    Over all folds every candidate is in test exactly once. ``validation`` is the share of the remaining people who
    choose the checkpoint. Raises :class:`UsageError` for a fold outside 1..folds and
    :class:`DataError` for too few people.
    """
    if folds < 2 or not 1 <= fold <= folds:
        raise UsageError(f"fold: expected 1/k to k/k with k of 2 or more, got {fold}/{folds}")
    people, index = np.unique(np.asarray(candidates, dtype=str), return_inverse=True)
    if len(people) < 2 * folds:
        raise DataError(f"{folds} folds by candidate: expected at least {2 * folds} people, got {len(people)}")
    order = np.random.default_rng([seed, 0xF01]).permutation(len(people))
    chosen = np.array_split(order, folds)
    others = np.concatenate([chosen[(fold + step) % folds] for step in range(folds - 1)])
    part = np.zeros(len(people), dtype=np.int64)
    part[chosen[fold - 1]] = 2
    part[others[: max(1, round(validation * len(others)))]] = 1
    return np.asarray(PARTS)[part[index]]


def named_split(values: Sequence[object], name: str) -> NDArray[np.str_]:
    """Return a split that the corpus brings along, checked: only train, validation and test, the first two non-empty.

    Raises :class:`DataError` otherwise. Such a split may have one person on two sides; see :func:`shared_candidates`.
    """
    parts = np.asarray([str(value) for value in values])
    if unknown := sorted(set(parts) - set(PARTS)):
        raise DataError(f"split {name!r}: expected only {', '.join(PARTS)}, got {str(unknown[0])!r}")
    if missing := [part for part in PARTS[:2] if part not in parts]:
        raise DataError(f"split {name!r}: expected interviews in {missing[0]}, got none")
    return parts


def shared_candidates(candidates: Sequence[str] | NDArray[np.str_], parts: NDArray[np.str_]) -> tuple[int, int]:
    """Return how many test candidates also stand in train or validation, and how many test candidates there are."""
    names = np.asarray(candidates, dtype=str)
    test = set(names[parts == "test"])
    return len(test & set(names[parts != "test"])), len(test)
