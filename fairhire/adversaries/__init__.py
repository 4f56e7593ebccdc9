"""Adversaries: what tries to read from a representation that which the model is to forget."""

from fairhire.adversaries.face import PickTheFace, RegressTheFace
from fairhire.adversaries.label import GuessTheLabel

__all__ = ["ADVERSARIES"]

ADVERSARIES = {
    "face": PickTheFace,
    "face-regression": RegressTheFace,
    "label": GuessTheLabel,
}
"""Every adversary by the name it has on the command line (``none`` is the absence of one), built as
``ADVERSARIES[name](width, target)`` from the representation's width and what is to be guessed."""
