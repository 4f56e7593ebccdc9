"""Finds explanations that are about a person, show what they said, or tell words that nobody else said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fairhire.data.vocabulary import tokenise
from fairhire.errors import DataError
from fairhire.forget.person import Person
from fairhire.forget.records import texts_of

__all__ = ["RECORD", "explanation_files", "is_explanation_of"]

RECORD = "EXPLANATION.json"
"""The file by which a folder is known as an explanation."""

_OWN = ("explanation.html", "words.csv", "figure-*.png", RECORD)  # the record last: it says what the others are


def explanation_files(folder: Path) -> list[Path]:
    """Return the files that ``fairhire explain`` wrote into a folder, the record last."""
    return [path for pattern in _OWN for path in sorted(folder.glob(pattern))]


def is_explanation_of(folder: Path, person: Person) -> bool:
    """Return whether an explanation is of their interview, of a position of theirs alone, or tells words of theirs.

    Raises :class:`DataError` for a record that cannot be read.
    """
    path = folder / RECORD
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
        interview, position = record.get("interview") or {}, record.get("position") or {}
        if interview.get("id") in person.interviews or position.get("name") in person.positions:
            return True
        told = [interview, position, record.get("corpus_wide")]
        corpus = str((record.get("corpus") or {}).get("sha256"))
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(f"{path}: expected the record of an explanation, got {error}") from None
    words = person.words.get(corpus, person.said)
    return any(not words.isdisjoint((text, *tokenise(text))) for text in texts_of(told))
