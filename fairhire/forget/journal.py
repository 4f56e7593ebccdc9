"""What an unfinished request needs so that a killed one goes on: who, what was found of them, and what was planned.

It names the person, is readable by its owner alone, and is deleted when the proof is written.
"""

from __future__ import annotations

import glob
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairhire.atomic import storage_errors
from fairhire.errors import DataError
from fairhire.forget.person import Person
from fairhire.forget.plan import Step
from fairhire.forget.proof import sealed

__all__ = ["Journal", "new_journal", "read_journal", "recover", "write_journal"]

_TEMPORARY = r"(\.(old\.)?[a-z0-9_]{8}){1,2}"  # as atomic.py names what is not yet, or no longer, in its place


@dataclass(frozen=True)
class Journal:
    """A request, ``what`` of which is ``candidate`` or ``biometrics``, and how far it is known what to do.

    ``roots`` are where to look; ``who`` stands in the proof for the ids; ``remains`` is what no deletion takes back.
    """

    request: str
    what: str
    roots: tuple[Path, ...]
    who: tuple[dict[str, str], ...]
    person: Person
    steps: tuple[Step, ...] = ()
    remains: tuple[dict[str, Any], ...] = ()

    def is_of(self, what: str, candidates: Sequence[str]) -> bool:
        """Return whether the same is asked."""
        return self.what == what and self.person.candidates == frozenset(candidates)


def new_journal(what: str, candidates: Sequence[str], roots: Sequence[Path]) -> Journal:
    """Return the journal of a request that begins."""
    who = tuple(sealed(name) for name in sorted(set(candidates)))
    return Journal(secrets.token_hex(16), what, tuple(roots), who, Person(frozenset(candidates)))


def write_journal(path: Path, journal: Journal) -> None:
    """Write the journal, atomically, for its owner's eyes only."""
    for half in path.parent.glob(f".{glob.escape(path.name)}.*{path.suffix}"):  # of one that was killed at this place
        half.unlink()
    person = journal.person
    record = {
        "request": journal.request,
        "what": journal.what,
        "roots": [str(root) for root in journal.roots],
        "who": list(journal.who),
        "candidates": sorted(person.candidates),
        "interviews": sorted(person.interviews),
        "words": {corpus: sorted(words) for corpus, words in person.words.items()},
        "positions": sorted(person.positions),
        "steps": [step.to_dict() for step in journal.steps],
        "remains": list(journal.remains),
    }
    with storage_errors(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(record, file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


def read_journal(path: Path) -> Journal | None:
    """Return the journal of an unfinished request, None where there is none; :class:`DataError` for a damaged one."""
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Journal(
            record["request"],
            record["what"],
            tuple(Path(root) for root in record["roots"]),
            tuple(record["who"]),
            Person(
                frozenset(record["candidates"]),
                frozenset(record["interviews"]),
                {corpus: frozenset(words) for corpus, words in record["words"].items()},
                frozenset(record["positions"]),
            ),
            tuple(Step.from_dict(step) for step in record["steps"]),
            tuple(record["remains"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: expected the journal of an unfinished request, got {error}") from None


def recover(steps: Sequence[Step], *, since: float) -> None:
    """Undo what a killed process left half done: what was moved aside comes back, what was half-written goes.

    Only what changed after ``since``, the time at which the journal was written, can be ours.
    """
    for step in steps:
        path = step.path
        aside = _beside(path, since)
        if not path.exists():
            for folder in aside:
                if (folder / path.name).exists():  # between the two renames of atomic.new_directory
                    (folder / path.name).replace(path)
                    break
        for left in aside:
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()


def _beside(path: Path, since: float) -> list[Path]:
    if not path.parent.is_dir():
        return []
    wanted = re.compile(rf"\.+{re.escape(path.name)}{_TEMPORARY}({re.escape(path.suffix)})?")
    named = (other for other in path.parent.iterdir() if wanted.fullmatch(other.name))
    return sorted(other for other in named if other.lstat().st_ctime >= since)
