"""How far two models look at different moments of the same interview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from fairhire.estimate import bootstrap_by_person, mean_of
from fairhire.explain.look import InterviewLook, Look

__all__ = ["Disagreement", "compare_looks", "mean_disagreement"]

Floats = NDArray[np.float64]

_EVEN = 1e-5  # of values around 1 in single precision


@dataclass(frozen=True)
class Disagreement:
    """Two attentions over the frames of an interview: ``distance`` from 0 (the same) to 1 (nowhere the same).

    The distance is total variation, half the sum of absolute differences of the frames' shares: how much attention
    would have to be moved. ``correlation`` is Spearman's of the values, by which moments are ranked; None where one of
    the models gives every frame the same.
    """

    distance: float
    correlation: float | None


def compare_looks(first: Sequence[Look], second: Sequence[Look]) -> Disagreement:
    """Return how far two models disagree on one interview in one modality.

    ``first`` and ``second`` are looks at the same answers. Where one of the models reads more frames of an answer, the
    other gives the rest nothing.
    """
    longest = [max(len(one.frames), len(other.frames)) for one, other in zip(first, second, strict=True)]
    shares = [_padded([look.shares for look in looks], longest) for looks in (first, second)]
    values = [_padded([look.values for look in looks], longest) for looks in (first, second)]
    return Disagreement(float(np.abs(shares[0] - shares[1]).sum() / 2), _spearman(*values))


def mean_disagreement(
    first: Sequence[InterviewLook],
    second: Sequence[InterviewLook],
    candidates: NDArray[np.str_],
    *,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Return, by modality that both models read, mean distance and correlation with intervals by candidate (n,).

    ``uncorrelated`` counts the interviews without a correlation, since one of the attentions is even there.
    """
    found = {}
    names = dict.fromkeys(
        name for look, other in zip(first, second, strict=True) for name in look.looks.keys() & other.looks
    )
    for name in sorted(names):
        pairs = [
            (compare_looks(look.looks[name], other.looks[name]), person)
            for look, other, person in zip(first, second, candidates, strict=True)
            if name in look.looks and name in other.looks
        ]
        related = [(one.correlation, person) for one, person in pairs if one.correlation is not None]
        found[name] = {
            "interviews": len(pairs),
            "distance": _mean([one.distance for one, _ in pairs], [person for _, person in pairs], seed),
            "correlation": _mean([value for value, _ in related], [person for _, person in related], seed),
            "uncorrelated": len(pairs) - len(related),
        }
    return found


def _padded(parts: Sequence[Floats], lengths: Sequence[int]) -> Floats:
    return np.concatenate([np.pad(part, (0, length - len(part))) for part, length in zip(parts, lengths, strict=True)])


def _mean(values: Sequence[float], persons: Sequence[str], seed: int) -> dict[str, Any]:
    return bootstrap_by_person({"mean": mean_of(values)}, persons, seed=seed)["mean"].to_dict()


def _spearman(left: Floats, right: Floats) -> float | None:
    if len(left) < 2 or min(np.ptp(left), np.ptp(right)) < _EVEN:
        return None
    return float(np.corrcoef(rankdata(left), rankdata(right))[0, 1])
