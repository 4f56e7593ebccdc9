"""From a transcript as somebody typed it to the words that were spoken."""

from __future__ import annotations

import re

from fairhire.data.vocabulary import tokenise

__all__ = ["remarks", "spoken_words"]

_REMARK = re.compile(r"\[[^\]]{0,60}\]|<[^>]{0,60}>")


def remarks(text: str) -> int:
    """Return how many of the transcriber's own remarks a text has: ``[inaudible 00:00:14]``, ``<unintelligible>``."""
    return len(_REMARK.findall(text))


def spoken_words(text: str) -> tuple[str, ...]:
    """Return the words of a transcript in lower case, as :func:`~fairhire.data.vocabulary.tokenise` does.

    Remarks in square or angle brackets are the transcriber's, not the candidate's, and are dropped; typographic
    apostrophes become plain ones, so that *I’m* and *I'm* are one word.
    """
    return tokenise(_REMARK.sub(" ", text).replace("’", "'").replace("‘", "'"))
