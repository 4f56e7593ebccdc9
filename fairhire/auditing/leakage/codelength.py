"""How many bits somebody saves who sends the fit people's attribute to a reader of their vectors: effort and quality.

Online coding of Voita and Titov (Information-Theoretic Probing with Minimum Description Length, EMNLP 2020): people
come in portions, each coded with what a probe learned from the portions before. A label that costs few bits early on
is easy to read, not merely readable. Letters: P people, K experts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.leakage.family import FitPeople
from fairhire.auditing.leakage.linear import fit_logistic
from fairhire.readout import SCALINGS, Scaling

__all__ = ["CODES", "Code", "Codelength", "code_linearly"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SHARES = (0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Where portions end, as shares of the people: those of the paper without its five below, of too few people here."""

_FIRST = 10
"""People of the first portion at least: smaller ones are joined with it [D]."""

_STRENGTHS = (1e-2, 1.0)
"""Inverse penalties C of the experts, for input of unit variance [D]."""

_MARGINAL = 0.5
"""What the experts that know no vector weigh at first, together [D]."""

_SWITCH = 0.1
"""Weight that is shared out anew before every portion, so that who starts badly may come back [D]."""


@dataclass(frozen=True)
class Codelength:
    """Bits saved per person: ``saved`` (P,) in the order in which ``persons`` (P,) were coded.

    Saved is measured against the code of the attribute's frequencies, itself learned as people come; negative where the
    vectors misled. The first ``unread`` people were coded before any probe was there: they save nothing.
    """

    saved: Floats
    persons: NDArray[Any]
    unread: int


Code = Callable[[FitPeople, int], Codelength]
"""Codes the labels of people, in an order that follows from the seed."""


def code_linearly(people: FitPeople, seed: int) -> Codelength:
    """Return what logistic regression saves; who has several interviews is coded once, by the mean of their vectors.

    The order is drawn once. The portions end at 3.2, 6.25, 12.5, 25, 50 and 100 % of the people. Before every portion,
    scalings and regressions are fitted to the people before; nobody is ever coded by a probe that has seen them.
    Regressions of two scalings and two penalties, and the frequencies alone, are experts whose probabilities are
    averaged with weights that follow their success so far (a Bayesian mixture with fixed share: Herbster and Warmuth
    1998; van Erven, Grünwald and de Rooij 2012). So there is no setting to choose, and vectors that say nothing cost
    less than two bits in all. With fewer than two portions nothing is saved.
    """
    persons, label, vectors = _one_a_person(people)
    order = np.random.default_rng([seed, 0xC0DE]).permutation(len(persons))
    label = label[order]
    ends = [end for share in _SHARES if (end := round(share * len(order))) >= _FIRST]
    marginal = _code_by_frequency(label)
    saved = np.zeros(len(order))
    weights: Floats | None = None
    for start, end in pairwise(ends):
        before, now = order[:start], order[start:end]
        views = people.once(("portion", seed, start), partial(_see, vectors[before], vectors[now]))
        experts = np.vstack([marginal[start:end], _predict(views, label[:start], label[start:end])])
        prior = np.full(len(experts), (1 - _MARGINAL) / (len(experts) - 1))
        prior[0] = _MARGINAL
        weights = prior if weights is None else (1 - _SWITCH) * weights + _SWITCH * prior
        length, weights = _mix(experts, weights)
        saved[start:end] = (length - marginal[start:end]) / np.log(2)
    return Codelength(saved, persons[order], ends[0] if len(ends) > 1 else len(order))


CODES: Mapping[str, Code] = {"linear": code_linearly}
"""Every family of codes, by the name of the probe that it is made of."""


def _one_a_person(people: FitPeople) -> tuple[NDArray[Any], Flags, Floats]:
    def make() -> tuple[NDArray[Any], NDArray[np.int64], Floats]:
        names, first, person = np.unique(people.persons, return_index=True, return_inverse=True)
        person = person.reshape(-1)
        total = np.zeros((len(names), people.vectors.shape[1]))
        np.add.at(total, person, people.vectors)
        return names, first, total / np.bincount(person)[:, None]

    names, first, means = people.once("one a person", make)
    return names, people.label[first], means


def _code_by_frequency(label: Flags) -> Floats:
    """Return the log probability of every label given those before it (Krichevsky and Trofimov, 1981)."""
    seen = np.arange(len(label))
    ones: NDArray[np.int64] = np.cumsum(label) - label
    chance: Floats = (np.where(label, ones, seen - ones) + 0.5) / (seen + 1)
    return np.log(chance)


def _see(before: Floats, now: Floats) -> list[tuple[Floats, Floats]]:
    """Return (vectors to learn from, vectors to code) for every scaling, learned on the former."""
    scalings: list[Scaling] = [make(before) for make in SCALINGS.values()]
    return [(scaling(before), scaling(now)) for scaling in scalings]


def _predict(views: Sequence[tuple[Floats, Floats]], known: Flags, label: Flags) -> Floats:
    """Return the log probability (K, n) that every regression gives each ``label``."""
    if known.all() or not known.any():
        return np.full((len(views) * len(_STRENGTHS), len(label)), np.log(0.5))
    odds = np.array([fit_logistic(seen, known, c)(coded) for seen, coded in views for c in _STRENGTHS])
    return -np.logaddexp(0, np.where(label, -odds, odds))


def _mix(experts: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the log probability (n,) of each label under the mixture, and the weights after the last one."""
    with np.errstate(divide="ignore"):
        path = np.log(weights)[:, None] + np.cumsum(np.hstack([np.zeros((len(experts), 1)), experts]), axis=1)
    total = np.logaddexp.reduce(path, axis=0)
    return np.diff(total), np.exp(path[:, -1] - total[-1])
