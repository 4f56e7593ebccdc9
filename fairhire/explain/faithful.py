"""Whether attention tells what a model's score rests on: deletion and insertion curves beside chance and gradients.

Frames are ranked by their attention value. Deletion takes the most important share out of the interview; insertion
leaves nothing but that share. After each step the model is asked again, and its logit is signed towards the decision
that it took on the whole interview. Where attention is faithful, deletion brings the signed logit down sooner, and
insertion up sooner, than a random order does. Interviews selected and not selected weigh the same half in every mean:
shortening may move all logits one way, which would otherwise pass for a merit where most decisions are alike (ours).
(The measures of Samek et al. 2017 and Petsiuk et al. 2018, on sequences
that really become shorter; DeYoung et al. 2020 call them comprehensiveness and sufficiency).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fairhire.estimate import Estimate, Measurement, Statistic, Undefined, bootstrap_by_person, quotient
from fairhire.explain.importance import ATTENTION, GRADIENT, Ranker, by_attention, by_gradient, ranks_of
from fairhire.explain.look import OpenedRun
from fairhire.explain.shorten import shorten
from fairhire.interview import InterviewBatch
from fairhire.progress import Advance, silent

__all__ = ["ALL", "DRAWS", "RANDOM", "RANKERS", "SHARES", "Curves", "gains", "judge", "measure_curves", "scopes"]

Floats = NDArray[np.float64]

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Shares of an interview's frames that are deleted, or left (ours)."""

DRAWS = 5
"""Random orders whose curves are averaged (ours)."""

RANDOM = "random"
ALL = "all together"
"""The scope in which every modality is shortened at once, each ranked by itself."""

RANKERS: dict[str, Ranker] = {ATTENTION: by_attention, GRADIENT: by_gradient}


@dataclass(frozen=True)
class Curves:
    """Signed logits of n interviews (at ``rows`` of their corpus) while frames of one scope go, S shares each.

    ``selected`` (n,) is the model's decision on the whole interview, towards which they are signed. ``deletion``
    and ``insertion`` hold (n, S) for every ranker and ``random``. At share 0 deletion is the whole interview; insertion
    is the one most important frame of each modality, as a model cannot be asked about nothing.
    """

    rows: NDArray[np.int64]
    selected: NDArray[np.bool_]
    deletion: Mapping[str, Floats]
    insertion: Mapping[str, Floats]


def scopes(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return what is shortened at a time: every modality by itself and, where there are several, all of them."""
    alone: dict[str, tuple[str, ...]] = {name: (name,) for name in names}
    return alone if len(names) < 2 else alone | {ALL: tuple(names)}


def measure_curves(
    opened: OpenedRun,
    rows: NDArray[np.int64],
    *,
    rankers: Mapping[str, Ranker] = RANKERS,
    draws: int = DRAWS,
    seed: int = 0,
    batch: int = 64,
    advance: Advance = silent,
) -> dict[str, Curves]:
    """Return the curves of the interviews at ``rows`` (n,), by scope; each must have something recorded.

    An interview without a modality has no curves there. Random orders belong to an interview, whoever shares its batch.
    ``advance`` is told of every interview.
    """
    names = opened.modalities
    found: dict[str, list[Curves]] = {scope: [] for scope in scopes(names)}
    for start in range(0, len(rows), batch):
        chosen = rows[start : start + batch]
        given = opened.reader.read(chosen)
        ranked = _rank(opened, given, chosen, rankers, draws, seed)
        with torch.no_grad():
            whole = opened.model(given).logits.double().numpy()
        towards = np.where(1 / (1 + np.exp(-whole)) >= opened.threshold, 1.0, -1.0)
        for scope, modalities in scopes(names).items():
            there = [name for name in modalities if name in given.features]
            has = np.zeros(len(chosen), dtype=bool)
            for name in there:
                has[given.features[name].interview.numpy()] = True
            if has.any():
                found[scope].append(_curves(opened, given, ranked, there, towards, whole, chosen, has))
        advance(len(chosen))
    return {scope: _joined(parts) for scope, parts in found.items() if parts}


_Ranks = dict[str, list[dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]]]


def _rank(
    opened: OpenedRun,
    batch: InterviewBatch,
    rows: NDArray[np.int64],
    rankers: Mapping[str, Ranker],
    draws: int,
    seed: int,
) -> _Ranks:
    """Return, for every ranker and for chance, one or more orders of every modality's frames."""

    def orders(importance: Mapping[str, torch.Tensor], draw: int) -> dict[str, Any]:
        return {
            name: ranks_of(
                importance[name],
                batch.features[name],
                [np.random.default_rng([seed, int(row), place, draw]) for row in rows],
            )
            for place, name in enumerate(opened.modalities)
            if name in batch.features
        }

    nothing = {name: torch.zeros(frames.values.shape[:2]) for name, frames in batch.features.items()}
    return {
        **{name: [orders(ranker(opened.model, batch), 0)] for name, ranker in rankers.items()},
        RANDOM: [orders(nothing, draw) for draw in range(1, draws + 1)],
    }


def _curves(
    opened: OpenedRun,
    batch: InterviewBatch,
    ranked: _Ranks,
    names: Sequence[str],
    towards: Floats,
    whole: Floats,
    rows: NDArray[np.int64],
    has: NDArray[np.bool_],
) -> Curves:
    sides: dict[str, dict[str, Floats]] = {"deletion": {}, "insertion": {}}
    for ranker, orders in ranked.items():
        for side, curves in sides.items():
            drawn = np.zeros((len(orders), len(rows), len(SHARES)))
            for draw, order in enumerate(orders):
                for place, share in enumerate(SHARES):
                    if side == "deletion" and share == 0:
                        drawn[draw, :, place] = whole
                        continue
                    kept = {name: _kept(order[name], batch, name, share, side) for name in names}
                    with torch.no_grad():
                        drawn[draw, :, place] = opened.model(shorten(batch, kept)).logits.double().numpy()
            curves[ranker] = (drawn.mean(axis=0) * towards[:, None])[has]
    return Curves(rows[has], towards[has] > 0, sides["deletion"], sides["insertion"])


def _kept(
    order: tuple[NDArray[np.int64], NDArray[np.int64]], batch: InterviewBatch, name: str, share: float, side: str
) -> torch.Tensor:
    """Return which frames (N, T) of a modality stay; of every interview that has it, one at least."""
    ranks, counts = order
    some = np.floor(share * counts + 0.5).astype(np.int64)
    interview = batch.features[name].interview.numpy()
    if side == "deletion":
        gone = np.minimum(some, counts - 1)[interview][:, None]
        return torch.from_numpy(ranks >= gone)
    left = np.maximum(some, 1)[interview][:, None]
    return torch.from_numpy((ranks >= 0) & (ranks < left))


def _joined(parts: Sequence[Curves]) -> Curves:
    return Curves(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.selected for part in parts]),
        {name: np.concatenate([part.deletion[name] for part in parts]) for name in parts[0].deletion},
        {name: np.concatenate([part.insertion[name] for part in parts]) for name in parts[0].insertion},
    )


def gains(curves: Curves, ranker: str) -> dict[str, Floats]:
    """Return how much better than chance a ranker is in every interview (n,), in logits; 0 is chance.

    ``deletion``: the mean height of the random curve above the ranker's; ``insertion``: of the ranker's above the
    random one (trapezoids over the shares); ``both``: their mean.
    """
    deletion = _height(curves.deletion[RANDOM]) - _height(curves.deletion[ranker])
    insertion = _height(curves.insertion[ranker]) - _height(curves.insertion[RANDOM])
    return {"deletion": deletion, "insertion": insertion, "both": (deletion + insertion) / 2}


def _height(curves: Floats) -> Floats:
    heights: Floats = np.asarray(np.trapezoid(curves, SHARES, axis=1)) / (SHARES[-1] - SHARES[0])
    return heights


def judge(curves: Curves, candidates: NDArray[np.str_], *, seed: int = 0) -> dict[str, Any]:
    """Return mean curves, gains over chance with intervals by candidate (n,), and the verdict, as JSON holds them.

    The verdict rests on the gain ``both``: ``better`` than chance where its interval lies above 0, ``worse`` where it
    lies below, else ``chance``; ``undefined`` where there is no interval. ``gradient_over_attention`` is the paired
    difference of the two gains.
    """
    rankers = [name for name in curves.deletion if name != RANDOM]
    each = {name: gains(curves, name) for name in rankers}
    chosen = curves.selected
    statistics = {f"{name} {side}": _over_sides(gain, chosen) for name in rankers for side, gain in each[name].items()}
    if {ATTENTION, GRADIENT} <= set(rankers):
        statistics["over"] = _over_sides(each[GRADIENT]["both"] - each[ATTENTION]["both"], chosen)
    found = bootstrap_by_person(statistics, candidates, seed=seed)
    over = found.pop("over", Undefined("attention is even: there is nothing to rank", len(set(candidates))))
    return {
        "interviews": len(curves.rows),
        "candidates": len(set(candidates.tolist())),
        "selected": int(chosen.sum()),
        "curves": {
            side: {name: _mean_curve(values, chosen).tolist() for name, values in getattr(curves, side).items()}
            for side in ("deletion", "insertion")
        },
        "gain": {name: {side: found[f"{name} {side}"].to_dict() for side in each[name]} for name in rankers},
        "verdict": {name: _verdict(found[f"{name} both"]) for name in rankers},
        "gradient_over_attention": over.to_dict(),
        "gradient_beside_attention": _verdict(over),
    }


def _over_sides(values: Floats, selected: NDArray[np.bool_]) -> Statistic:
    """Return the mean of two means (n,): of those who were selected, and of those who were not."""
    sides = [side.astype(np.float64) for side in (selected, ~selected)]

    def evaluate(weights: Floats) -> Floats:
        found: Floats = np.mean([quotient((values * side) @ weights, side @ weights) for side in sides], axis=0)
        return found

    return Statistic(
        evaluate,
        len(values),
        "all of them were decided alike, and what moves every score cannot be told from what each rests on",
    )


def _mean_curve(values: Floats, selected: NDArray[np.bool_]) -> Floats:
    """Return the mean curve (S,) of (n, S), both decisions weighing the same where there are both."""
    sides = [values[side].mean(axis=0) for side in (selected, ~selected) if side.any()]
    curve: Floats = np.mean(sides, axis=0)
    return curve


def _verdict(gain: Measurement) -> str:
    if not isinstance(gain, Estimate):
        return "undefined"
    return "better" if gain.low > 0 else "worse" if gain.high < 0 else "chance"
