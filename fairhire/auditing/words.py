"""Finds words in the names of columns, so that ``arousal_mean`` speaks of arousal and ``happened`` not of happiness."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["mentions", "words_of"]

_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+")


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a column's name, without case, accents and digits: ``faceEmotion_2`` is face, emotion."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return tuple(word.casefold() for word in _WORD.findall(_JOINT.sub(" ", plain)))


def mentions(names: Iterable[str], phrases: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct ``names``, in alphabetical order, in which one of ``phrases`` stands as whole words."""
    wanted = [words for phrase in phrases if (words := words_of(phrase))]
    return tuple(sorted({name for name in names if any(_holds(words_of(name), phrase) for phrase in wanted)}))


def _holds(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    return any(words[at : at + len(phrase)] == phrase for at in range(len(words) - len(phrase) + 1))
