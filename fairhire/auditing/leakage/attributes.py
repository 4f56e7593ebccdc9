"""Turns what is known of people into yes-or-no questions that a probe can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairhire.auditing.demographics import UNKNOWN, Demographics
from fairhire.estimate import Undefined
from fairhire.left_out import LeftOut

__all__ = ["MOST_CATEGORIES", "Question", "ask"]

MOST_CATEGORIES = 20
"""Categories of one attribute above which it is left out: a free text or a number, to be grouped first [D]."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """Is a person of ``category``, or of another known one of the same attribute?

    ``label`` (N,) is the answer where ``known`` (N,) is True. ``target`` is the attribute's name, or for an attribute
    of several categories ``attribute=category`` (one against the rest). ``missing`` says why it cannot be asked.
    """

    attribute: str
    target: str
    category: str
    label: Flags
    known: Flags
    missing: Undefined | None


def ask(
    demographics: Demographics,
    attributes: Sequence[str],
    *,
    candidates: NDArray[np.str_],
    fit: Flags,
    test: Flags,
    minimum: int,
) -> tuple[list[Question], list[LeftOut]]:
    """Return every question about N interviews, and what could not be asked about.

    Two known categories make one question, more make one a category. A question with fewer than ``minimum`` people on
    either of its answers, to fit or to test, is returned with the reason.
    """
    questions: list[Question] = []
    left_out: list[LeftOut] = []
    used = fit | test
    unlisted = demographics.unlisted(candidates[used])
    if unlisted:
        left_out.append(LeftOut("candidates", unlisted, "not in the people table; unknown for every attribute"))
    for attribute in attributes:
        category = demographics.of(attribute, candidates)
        known = (category != UNKNOWN) & used
        unknown = _people(candidates, used & ~known)
        if unknown:
            left_out.append(LeftOut(f"{attribute}: candidates", unknown, "category unknown"))
        names = np.unique(category[known]).tolist()
        if not 2 <= len(names) <= MOST_CATEGORIES:
            why = "at least 2 categories are needed" if len(names) < 2 else f"more than {MOST_CATEGORIES}: group them"
            left_out.append(LeftOut(f"{attribute}: the attribute", _people(candidates, known), f"{len(names)}; {why}"))
            continue
        questions += _questions(attribute, names, category, known, candidates, (fit, test), minimum)
    return questions, left_out


def _questions(
    attribute: str,
    names: list[str],
    category: NDArray[np.str_],
    known: Flags,
    candidates: NDArray[np.str_],
    sides: tuple[Flags, Flags],
    minimum: int,
) -> Iterator[Question]:
    for name in names[:1] if len(names) == 2 else names:
        label = category == name
        smallest = min(_people(candidates, known & side & (label == answer)) for side in sides for answer in (0, 1))
        missing = None
        if smallest < minimum:
            people = _people(candidates, known)
            missing = Undefined(f"{attribute} {name}: fewer than {minimum} people on one side ({smallest})", people)
        yield Question(attribute, attribute if len(names) == 2 else f"{attribute}={name}", name, label, known, missing)


def _people(candidates: NDArray[np.str_], rows: Flags) -> int:
    return len(np.unique(candidates[rows]))
