"""Takes the objects that are about a person out of JSON: those of a list that name them as ``candidate``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairhire.forget.person import Person
from fairhire.forget.tables import rewritten

__all__ = ["LARGEST", "count_objects", "drop_objects", "texts_of", "without_objects"]

LARGEST = 1 << 29
"""Bytes of a JSON file that is read as such; a larger one is searched as text."""


def count_objects(path: Path, person: Person) -> int:
    """Return how many objects of a ``.json`` or ``.jsonl`` file are about the person."""
    if path.stat().st_size > LARGEST:
        return 0
    if path.suffix == ".jsonl":
        return sum(_is_about(_parsed(line), person) for line in _lines(path))
    try:
        return without_objects(_parsed(path.read_bytes()), person)[1]
    except RecursionError:  # nested deeper than anybody writes
        return 0


def drop_objects(path: Path, person: Person) -> None:
    """Rewrite the file without those objects, atomically; lines of a ``.jsonl`` that stay are the same bytes."""
    if path.suffix == ".jsonl":
        kept = [line for line in _lines(path) if not _is_about(_parsed(line), person)]
        with rewritten(path) as new:
            new.write_bytes(b"".join(kept))
        return
    content = path.read_bytes()
    value, _ = without_objects(_parsed(content), person)
    indent = 2 if b"\n" in content.strip() else None
    with rewritten(path) as new:
        text = json.dumps(value, indent=indent, ensure_ascii=False)
        new.write_bytes(text.encode("utf-8", "surrogatepass") + (b"\n" if content.endswith(b"\n") else b""))


def without_objects(value: Any, person: Person) -> tuple[Any, int]:
    """Return a JSON value without the objects about the person in its lists, however deep, and how many those were."""
    if isinstance(value, dict):
        pairs = {key: without_objects(item, person) for key, item in value.items()}
        return {key: kept for key, (kept, _) in pairs.items()}, sum(gone for _, gone in pairs.values())
    if not isinstance(value, list):
        return value, 0
    kept = [without_objects(item, person) for item in value if not _is_about(item, person)]
    return [item for item, _ in kept], len(value) - len(kept) + sum(gone for _, gone in kept)


def texts_of(value: Any) -> Iterator[str]:
    """Yield every text of a JSON value, names of fields among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def _is_about(value: Any, person: Person) -> bool:
    return isinstance(value, dict) and person.owns(candidate=value.get("candidate"), interview=value.get("interview"))


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _parsed(content: bytes) -> Any:
    """Return the value of a JSON text, or None for a text that is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
