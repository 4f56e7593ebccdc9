"""Reads what a file of an extraction's work says of itself: whose recording it is of, and what is in it.

A recording that was read is a ``.safetensors`` file, one that failed an object of JSON. The first
format begins with the length of a header (8 bytes, little-endian), then the header as JSON: arrays by name, and texts
under ``__metadata__`` (huggingface/safetensors, README, "Format"). No array is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["BIOMETRIC", "Part", "read_failure", "read_part"]

BIOMETRIC = frozenset({"face", "faces", "crops", "voice", "voices"})
"""Names of arrays that show who somebody is."""

_LARGEST = 100 << 20  # bytes of a header; the format's own limit


@dataclass(frozen=True)
class Part:
    """The names of a file's arrays, and its record, empty where it has none; ``header`` is the whole of its text."""

    arrays: frozenset[str]
    header: bytes
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_biometric(self) -> bool:
        """Whether one of the arrays shows a face, or describes a face or a voice."""
        return bool(self.arrays & BIOMETRIC)


def read_part(path: Path) -> Part | None:
    """Return what the file says of itself, or None for a file of another format."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_LARGEST, path.stat().st_size - 8):
            return None
        text = file.read(length)
    try:
        header = json.loads(text)
        record = json.loads(header.get("__metadata__", {}).get("record", "{}"))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None
    arrays = frozenset(header) - {"__metadata__"}
    return Part(arrays, text, record if isinstance(record, dict) else {})


def read_failure(path: Path) -> Part | None:
    """Return what ``OUT.work/failed/KEY.json`` says, or None for another file or one that does not say whose it is."""
    if path.suffix != ".json" or path.parent.name != "failed" or path.parent.parent.suffix != ".work":
        return None
    text = path.read_bytes()
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not (record.get("candidate") or record.get("interview")):
        return None
    return Part(frozenset(), text, record)
