"""Erasers: closed forms that take what a face gives away out of a trained model's vectors."""

from __future__ import annotations

from collections.abc import Mapping

from fairhire.erasure.base import AffineMap, Eraser, Erasure, Spectrum, Witnesses, spectrum_of
from fairhire.erasure.cut import SpectralCut
from fairhire.erasure.leace import FaceLeace, LabelLeace, VoiceLeace
from fairhire.errors import UsageError

__all__ = [
    "ERASERS",
    "AffineMap",
    "Eraser",
    "Erasure",
    "FaceLeace",
    "LabelLeace",
    "SpectralCut",
    "Spectrum",
    "VoiceLeace",
    "Witnesses",
    "parse_erasers",
    "spectrum_of",
]

ERASERS: Mapping[str, type[Eraser]] = {
    "cut": SpectralCut,
    "face-leace": FaceLeace,
    "voice-leace": VoiceLeace,
    "label-leace": LabelLeace,
}
"""Every eraser by the name it has on the command line (``none`` is the absence of one)."""


def parse_erasers(names: str) -> tuple[str, ...]:
    """Return the erasers named in ``names``, joined by ``+``; :class:`UsageError` for one unknown or given twice."""
    if names == "none":
        return ()
    found = tuple(names.split("+")) if isinstance(names, str) else (names,)
    for place, name in enumerate(found):
        if name not in ERASERS or name in found[:place]:
            raise UsageError(
                f"erase: expected none or some of {', '.join(ERASERS)}, each once, joined by +, got {names!r}"
            )
    return found
