"""Finds what lies under the paths of a request: corpora, runs, explanations, tables, and whatever else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from fairhire.data.corpus import Corpus
from fairhire.errors import DataError
from fairhire.forget.corpora import biometric_files, corpus_hashes, only_theirs, rows_of
from fairhire.forget.explanations import RECORD, explanation_files
from fairhire.forget.parts import Part, read_failure, read_part
from fairhire.forget.person import Person, cell_name
from fairhire.forget.runs import is_run, run_files
from fairhire.forget.tables import is_table, read_keys
from fairhire.leftovers import BESIDE, is_leftover, meant_for
from fairhire.progress import Advance, silent

__all__ = ["JOURNAL", "PROOF", "Found", "Watch", "identify", "roots_of", "survey", "unwatched", "walk"]

Watch = Callable[[str, int], AbstractContextManager[Advance]]

PROOF, JOURNAL = ".forgotten.jsonl", ".forgetting.json"
"""What the names of the proof and of an unfinished request's journal end in, beside the first path."""

_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")  # as tempfile names what is not yet in its place


@dataclass(frozen=True)
class Found:
    """What there is. ``files`` are all files but links; ``loose`` those that belong to no corpus, run or explanation.

    ``halves`` are folders in which the frames of a corpus lie that was never finished: nobody can tell whose they are.
    ``leftovers`` are what a killed process left beside a corpus; nothing in them is a corpus, a run or loose. ``parts``
    are those of an extraction, of recordings that were read or failed.
    """

    corpora: tuple[Path, ...] = ()
    runs: tuple[Path, ...] = ()
    explanations: tuple[Path, ...] = ()
    loose: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    halves: tuple[Path, ...] = ()
    leftovers: tuple[Path, ...] = ()
    links: int = 0
    parts: dict[Path, Part] = field(default_factory=dict)

    @cached_property
    def opened(self) -> dict[Path, Corpus]:
        """The corpora, as they are when this is first asked for; raises :class:`DataError` for a damaged one."""
        return {path: Corpus(path) for path in self.corpora}


def unwatched(_what: str, _total: int) -> AbstractContextManager[Advance]:
    """Show no progress."""
    return nullcontext(silent)


def roots_of(paths: Sequence[Path]) -> list[Path]:
    """Return where to look: the paths, and what lies beside a corpus among them and belongs to it by its name.

    That is tables, the work of an extraction, and what a killed process left of one of them or of the corpus.

    Raises :class:`DataError` for a path at which there is nothing and beside which nothing was forgotten before.
    """
    roots: list[Path] = []
    for path in paths:
        beside = _beside(path)
        if not path.exists() and not (path.with_name(f"{path.name}{PROOF}").exists() or beside):
            raise DataError(f"{path}: expected a corpus, a run, a table or a folder of such, found none")
        roots += [path] if path.exists() else []
        if not path.exists() or (path / "corpus.json").is_file():
            roots += beside
    kept: list[Path] = []
    for root in sorted(set(roots), key=lambda root: (len(root.parts), root)):  # one within another is found with it
        if not any(root.is_relative_to(other) for other in kept):
            kept.append(root)
    return kept


def survey(roots: Iterable[Path], *, journal: Path | None = None) -> Found:
    """Return what lies at and under ``roots``, but for our own ``journal``; links are counted and not followed."""
    corpora, runs, explanations, halves = [], [], [], []
    files, folders, owned = [], [], set()
    links = 0
    roots = tuple(roots)
    leftovers: list[Path] = []
    for path in walk(roots):
        if path == journal:
            continue
        within = any(path.is_relative_to(left) for left in leftovers)
        if not within and is_leftover(path, roots):
            leftovers.append(path)
            within = True
        if path.is_symlink():
            links += 1
        elif path.is_file():
            files.append(path)
            owned |= {path} if within else set()
        elif path.is_dir():
            folders.append(path)
            if (
                _UNFINISHED.fullmatch(path.name)
                and (path / "features").is_dir()
                and not (path / "corpus.json").is_file()
            ):
                halves.append(path)
            if within:
                continue
            if (path / "corpus.json").is_file():
                corpora.append(path)
                owned |= {*corpus_hashes(path), *biometric_files(path)}
            if is_run(path):
                runs.append(path)
                owned |= {*run_files(path)}
            if (path / RECORD).is_file():
                explanations.append(path)
                owned |= {*explanation_files(path)}
    loose = tuple(path for path in files if path not in owned)
    return Found(
        corpora=tuple(corpora),
        runs=tuple(runs),
        explanations=tuple(explanations),
        loose=loose,
        files=tuple(files),
        folders=tuple(folders),
        halves=tuple(halves),
        leftovers=tuple(leftovers),
        links=links,
        parts={path: part for path in loose if (part := _part(path)) is not None},
    )


def walk(roots: Iterable[Path]) -> Iterator[Path]:
    """Yield every file, link and folder at and under ``roots`` in a fixed order, but for the proofs of this command."""
    for root in roots:
        yield root
        if root.is_symlink() or not root.is_dir():
            continue
        for folder, folders, files in os.walk(root, onerror=_refuse):
            folders.sort()
            for name in sorted((*folders, *files)):
                if not name.endswith(PROOF):
                    yield Path(folder) / name


def identify(found: Found, person: Person, *, watch: Watch = unwatched) -> Person:
    """Return the person with the interviews, words and positions that corpora, runs and tables say are theirs alone.

    ``person`` is what is known before; it may be no more than their ids as candidates. Raises :class:`DataError`
    where an id of an interview of theirs is that of somebody else too: then the folders are not about the same people.
    """
    mine, others = set(person.interviews), set()
    words, positions = dict(person.words), set(person.positions)
    sources = [*found.corpora, *found.runs, *(path for path in found.loose if is_table(path))]
    with watch("reading", len(sources)) as advance:
        for path in sources:
            for candidate, interview in _pairs(path, found.opened.get(path)):
                if candidate in person.candidates:
                    mine.add(interview)
                else:
                    others |= {candidate, interview}
            advance(1)
        for part in found.parts.values():
            if cell_name(part.record.get("candidate")) in person.candidates:
                mine.add(cell_name(part.record.get("interview")))
    mine.discard("")
    if both := (mine & others) - person.candidates:
        raise DataError(
            f"PATH: expected an id of an interview to be one person's, got {len(both)} that are somebody else's too; "
            "name the folders of different people in calls of their own"
        )
    for corpus in found.opened.values():
        if len(rows := rows_of(corpus, person)):
            theirs, alone = only_theirs(corpus, rows)
            words |= {name: words.get(name, frozenset()) | theirs for name in corpus.lineage}
            positions |= alone
    return replace(
        person,
        interviews=frozenset(mine),
        words=words,
        positions=frozenset(positions),
        others=frozenset(others - {""} - person.candidates),
    )


def _pairs(path: Path, corpus: Corpus | None) -> Iterator[tuple[str, str]]:
    """Yield candidate and interview of the rows of a corpus, a run or a table, "" where one is not told."""
    if corpus is not None:
        table = corpus.interviews
        yield from zip(table["candidate"].astype(str), table["id"].astype(str), strict=True)
        return
    keys = read_keys(path / "scores.parquet" if path.is_dir() else path)
    if keys is None or keys.candidate is None:
        return
    yield from zip(keys.candidate, keys.interview or [""] * len(keys), strict=True)


def _part(path: Path) -> Part | None:
    return read_part(path) if path.suffix == ".safetensors" else read_failure(path)


def _beside(path: Path) -> list[Path]:
    """Return what lies beside a corpus and belongs to it, or would if it were there."""
    if not path.parent.is_dir():
        return []
    name = re.compile(f"{re.escape(path.name)}({BESIDE.pattern})")
    return sorted(other for other in path.parent.iterdir() if name.fullmatch(other.name) or meant_for(other) == path)


def _refuse(error: OSError) -> None:
    raise error
