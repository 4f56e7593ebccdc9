"""What came out of one recording: a small file that is whole or not there, until the corpus is put together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError

__all__ = ["BIOMETRIC", "Part", "array_of", "facts_of", "read_part"]

BIOMETRIC = ("crops", "faces", "voice")
"""The arrays of a part from which somebody could be known again."""

_SCHEMA = 1
_ARRAYS = ("audio", "video", "word_times", *BIOMETRIC)


@dataclass(frozen=True, eq=False)
class Part:
    """Everything that one recording gave.

    ``key``, ``interview``, ``candidate`` and ``slot`` say whose it is. ``words`` are the words spoken; ``arrays`` holds
    what there is of ``audio`` (T, 25), ``video`` (T, D), ``word_times`` (words,), ``voice`` (88,) functionals, and of
    the face either ``crops`` (k, s, s, 3) uint8 or ``faces`` (k, d) float32. ``channels`` and ``binary`` name the
    numbers of the video. ``facts`` are what the table of recordings tells of it, ``remarks`` what is worth knowing.
    """

    key: str
    interview: str
    candidate: str
    slot: int
    words: tuple[str, ...] = ()
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    binary: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the part as the content of a safetensors file; what is no array stands in its metadata as JSON."""
        from safetensors.numpy import save

        if strangers := sorted(set(self.arrays) - set(_ARRAYS)):
            raise DataError(f"part: expected arrays {', '.join(_ARRAYS)}, got {strangers[0]!r}")
        record = {
            "schema": _SCHEMA,
            "key": self.key,
            "interview": self.interview,
            "candidate": self.candidate,
            "slot": self.slot,
            "words": list(self.words),
            "channels": list(self.channels),
            "binary": list(self.binary),
            "facts": dict(self.facts),
            "remarks": list(self.remarks),
        }
        arrays = {name: np.ascontiguousarray(value) for name, value in self.arrays.items()}
        arrays["schema"] = np.array([_SCHEMA], dtype=np.int64)  # a file without any array would be refused
        return save(arrays, metadata={"record": json.dumps(record, allow_nan=False)})


def read_part(path: Path) -> Part:
    """Read what :meth:`Part.to_bytes` wrote; raises :class:`DataError` for anything else."""
    from safetensors import SafetensorError, safe_open

    record = facts_of(path)
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys() if name != "schema"}  # noqa: SIM118
        lists = {name: tuple(map(str, record[name])) for name in ("words", "channels", "binary", "remarks")}
        return Part(
            key=str(record["key"]),
            interview=str(record["interview"]),
            candidate=str(record["candidate"]),
            slot=int(record["slot"]),
            arrays=arrays,
            facts=dict(record["facts"]),
            **lists,
        )
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise DataError(f"{path}: expected what was read from a recording, got {type(error).__name__}") from None


def array_of(path: Path, name: str) -> NDArray[Any] | None:
    """Return one array of a part, read alone, or None; raises :class:`DataError` for a file that is no part."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            found: NDArray[Any] | None = file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise DataError(f"{path}: expected what was read from a recording, got {type(error).__name__}") from None
    return found


def facts_of(path: Path) -> dict[str, Any]:
    """Return a part's record without its arrays; raises :class:`DataError` for a file that is no part."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            record = json.loads((file.metadata() or {})["record"])
    except (SafetensorError, KeyError, TypeError, ValueError, OSError, RecursionError) as error:
        raise DataError(f"{path}: expected what was read from a recording, got {type(error).__name__}") from None
    if not isinstance(record, dict) or record.get("schema") != _SCHEMA:
        raise DataError(f"{path}: expected a part of schema {_SCHEMA}, got another")
    return record
