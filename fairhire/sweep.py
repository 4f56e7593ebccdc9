"""A folder that belongs to one sweep: a marker says what it is, and a sweep of other settings is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairhire.atomic import storage_errors
from fairhire.errors import DataError, UsageError

__all__ = ["claim_folder"]


def claim_folder(out: Path, marker: str, settings: Mapping[str, Any], *, what: str) -> dict[str, Any] | None:
    """Return what ``marker`` in ``out`` says of an earlier ``what`` of the same ``settings``, or None in a new folder.

    A new folder is made; the caller writes the marker. Raises :class:`UsageError` for a folder of another kind or of
    other settings, naming the first that differs, and :class:`DataError` for a marker that cannot be read.
    """
    path = out / marker
    if path.is_file():
        try:
            before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: expected the settings of a {what}, got {error}") from None
        for key, value in settings.items():
            if before.get(key) != value:
                change = _first_change(before.get(key), value)
                raise UsageError(f"{out}: holds a {what} with another {key}{change}; choose another --out")
        return before
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: expected a new or empty folder, or an earlier {what}, found something else")
    with storage_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    return None


def _first_change(before: object, now: object) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in now:
            if before.get(key) != now[key]:
                return f" ({key}: {before.get(key)!r} there, {now[key]!r} here)"
    return ""
