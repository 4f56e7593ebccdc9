"""An explanation on disk: its record, its page, its pictures and its words, for their owner's eyes only.

::

    DIR/                    mode 0700
      EXPLANATION.json      everything in numbers, and what was said
      explanation.html      the page, made from the record alone: no script, no network
      figure-N.png          every plot of the page, in its order
      words.csv             of a whole corpus: every word with its mean value, interval and counts
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairhire.atomic import new_directory, write_json, write_text
from fairhire.errors import UsageError
from fairhire.report.explanation import explanation_figures, render_explanation, words_csv

__all__ = ["check_folder", "default_folder", "write_explanation"]

_RECORD = "EXPLANATION.json"
_OWNER_ONLY = 0o700  # it may hold what a person said
_LONGEST = 60  # letters of a folder's name that come from an id


def default_folder(run: Path, kind: str, name: str) -> Path:
    """Return where an explanation goes unless told otherwise: beside the run, ``explained/RUN-KIND-NAME``.

    Letters of ``name`` (an interview's id, a position) that a file system minds become ``_``, and then a few digits of
    its hash keep two names apart.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:_LONGEST]
    if plain != name:
        plain = f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return run.resolve().parent / "explained" / "-".join(part for part in (run.resolve().name, kind, plain) if part)


def check_folder(path: Path) -> None:
    """Raise :class:`UsageError` unless ``path`` is free, empty or an older explanation, which may be replaced."""
    if not path.name:
        raise UsageError(f"--out: expected the name of a new folder, got {path}")
    free = not path.exists() or (path.is_dir() and ((path / _RECORD).is_file() or not any(path.iterdir())))
    if not free:
        raise UsageError(f"{path}: expected a new folder or an explanation to replace, found other files")


def write_explanation(record: Mapping[str, Any], path: Path) -> None:
    """Write the folder of ``record`` at once, readable by its owner alone, in place of an older explanation.

    Raises :class:`UsageError` as :func:`check_folder` does, :class:`~fairhire.errors.StorageError` for a full disk.
    """
    check_folder(path)
    with new_directory(path, mode=_OWNER_ONLY) as folder:
        write_json(folder / _RECORD, record)
        write_text(folder / "explanation.html", render_explanation(record))
        for number, png in enumerate(explanation_figures(record), start=1):
            (folder / f"figure-{number}.png").write_bytes(png)
        if (words := words_csv(record)) is not None:
            write_text(folder / "words.csv", words)
