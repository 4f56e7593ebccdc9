"""Adversaries and penalties: what makes a model forget, while it learns, what a face or a voice gives away."""

from __future__ import annotations

from fairhire.adversaries.dependence import Covariance, Hsic
from fairhire.adversaries.ensemble import DiverseAdversaries
from fairhire.adversaries.face import PickTheFace, RegressTheFace
from fairhire.adversaries.label import GuessTheLabel
from fairhire.errors import UsageError

__all__ = ["ADVERSARIES", "OFFSETS", "kind_of", "parse_adversaries", "parse_offsets"]

ADVERSARIES = {
    "face": PickTheFace,
    "face-regression": RegressTheFace,
    "face-ensemble": DiverseAdversaries,
    "face-covariance": Covariance,
    "face-hsic": Hsic,
    "voice": PickTheFace,
    "voice-regression": RegressTheFace,
    "voice-ensemble": DiverseAdversaries,
    "voice-covariance": Covariance,
    "voice-hsic": Hsic,
    "label": GuessTheLabel,
}
"""Every adversary and penalty by the name it has on the command line (``none`` is the absence of one), built as
``ADVERSARIES[name](width, target)`` from the width of the vectors and what is to be guessed."""

OFFSETS = ("face", "voice")
"""What of a candidate may explain the label in the model's stead (:mod:`fairhire.adversaries.offset`)."""


def kind_of(name: str) -> str:
    """Return what an adversary has to know of people: ``face``, ``voice`` or ``label``."""
    return name.partition("-")[0]


def parse_adversaries(names: str) -> tuple[str, ...]:
    """Return the adversaries named in ``names``, joined by ``+``, none for ``none``.

    Raises :class:`UsageError` for an unknown name, one given twice, or ``label`` beside others: the labelled baseline
    stands alone.
    """
    if names == "none":
        return ()
    found = tuple(names.split("+")) if isinstance(names, str) else (names,)
    for place, name in enumerate(found):
        if name not in ADVERSARIES or name in found[:place]:
            known = ", ".join(ADVERSARIES)
            raise UsageError(f"adversary: expected none or some of {known}, each once, joined by +, got {names!r}")
    if "label" in found and len(found) > 1:
        raise UsageError(f"adversary: expected label alone, or others without it, got {names!r}")
    return found


def parse_offsets(names: str) -> tuple[str, ...]:
    """Return the offsets named in ``names``, joined by ``+``; :class:`UsageError` for one unknown or given twice."""
    if names == "none":
        return ()
    found = tuple(names.split("+")) if isinstance(names, str) else (names,)
    for place, name in enumerate(found):
        if name not in OFFSETS or name in found[:place]:
            raise UsageError(f"offset: expected none or some of {', '.join(OFFSETS)}, each once, got {names!r}")
    return found
