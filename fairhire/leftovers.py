"""Tells what a process that was killed left beside a corpus: folders and files that never took their places.

:mod:`fairhire.atomic` writes ``OUT`` as ``.OUT.XXXXXXXX``, a file with its ending once more, and moves the folder that
was there to ``.OUT.old.XXXXXXXX/OUT`` until the new one has its name. Such a thing is nobody's finished work, and may
hold all of everybody. Only the one copy of a corpus that there is, is a corpus like any other.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

__all__ = ["BESIDE", "is_leftover", "meant_for", "place_of"]

BESIDE = re.compile(r"\.[^.]+\.(csv|csv\.gz|tsv|parquet)|\.work")
"""What follows the name of a corpus in the names of what lies beside it and belongs to it."""

_DRAWN = re.compile(r"\.(.+)\.[a-z0-9_]{8}(\.[^.]+)?")  # as tempfile draws a name
_TABLE = re.compile(rf"(.+?)(?:{BESIDE.pattern})")
_LAYOUT = frozenset({"corpus.json", "interviews.parquet", "answers.parquet", "features", "biometrics"})


def meant_for(path: Path) -> Path | None:
    """Return the corpus that a folder or a file beside it was to become, or become a table of; None for other names."""
    drawn = _DRAWN.fullmatch(path.name)
    if drawn is None or path.is_symlink():
        return None
    name, ending = drawn.group(1), drawn.group(2) or ""
    if path.is_dir():
        moved = name.removesuffix(".old")
        return None if ending else path.with_name(moved if _holds_only(path, {moved}) else name)
    table = _TABLE.fullmatch(name)
    return path.with_name(table.group(1)) if table is not None and ending == Path(name).suffix else None


def place_of(corpus: Path) -> Path | None:
    """Return the name that a corpus has lost, or never had, because a process was killed; None for one in its place."""
    for path in (corpus, corpus.parent):
        place = meant_for(path) if path.is_dir() else None
        if place is not None and not _is_corpus(place) and (path == corpus or corpus.name == place.name):
            return place
    return None


def is_leftover(path: Path, named: Collection[Path]) -> bool:
    """Return whether a file or folder is to be deleted whole: made for a corpus that is there, or ``named`` itself.

    A folder that holds something else than a corpus does is none of ours. In the work of an extraction it is every
    file that never took its place.
    """
    if _is_of_work(path):
        return path.is_file() and _DRAWN.fullmatch(path.name) is not None
    corpus = meant_for(path)
    if corpus is None or not (path in named or _is_corpus(corpus) or corpus.with_name(f"{corpus.name}.work").is_dir()):
        return False
    if not path.is_dir():
        return True
    inside = {*_LAYOUT, corpus.name} | ({other.name for other in corpus.iterdir()} if corpus.is_dir() else set())
    copies = (path, path / corpus.name)
    return _holds_only(path, inside) and (_is_corpus(corpus) or not any(map(_is_corpus, copies)))


def _is_of_work(path: Path) -> bool:
    """Return whether a path lies in the work of an extraction, or in a folder in it."""
    return any(folder.suffix == ".work" and (folder / "extraction.json").is_file() for folder in path.parents[:2])


def _is_corpus(path: Path) -> bool:
    return (path / "corpus.json").is_file()


def _holds_only(folder: Path, names: Collection[str]) -> bool:
    return all(path.name in names for path in folder.iterdir())
