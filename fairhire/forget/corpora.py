"""Rewrites a corpus without a person; everybody else in it stays as they were."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.atomic import new_directory, sha256
from fairhire.data.corpus import Corpus, CorpusWriter
from fairhire.data.vocabulary import tokenise
from fairhire.errors import DataError
from fairhire.forget.person import Person
from fairhire.forget.records import without_objects
from fairhire.interview import TEXT
from fairhire.progress import Advance, silent

__all__ = ["biometric_files", "corpus_hashes", "forget_in_corpus", "mirror", "only_theirs", "rows_of"]


def rows_of(corpus: Corpus, person: Person) -> NDArray[np.int64]:
    """Return the rows of the person's interviews."""
    theirs = corpus.interviews["candidate"].astype(str).isin(person.candidates)
    return np.flatnonzero(theirs.to_numpy(bool))


def only_theirs(corpus: Corpus, rows: NDArray[np.int64]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words and the positions that occur in the interviews at ``rows`` and in no other.

    Words are those of transcripts, questions and job titles: what a model's vocabulary is made of.
    """
    theirs = np.zeros(len(corpus), dtype=bool)
    theirs[rows] = True
    words = _words(corpus, np.flatnonzero(theirs)) - _words(corpus, np.flatnonzero(~theirs))
    positions = corpus.interviews["position"].astype(str).to_numpy(dtype=str)
    return frozenset(words), frozenset(positions[theirs].tolist()) - frozenset(positions[~theirs].tolist())


def forget_in_corpus(path: Path, person: Person, *, advance: Advance = silent) -> None:
    """Rewrite the corpus at ``path``, which has interviews of others too, without the person's.

    Files in its folder that are not the corpus's own stay. Nothing is done where the person is not in it.
    """
    corpus = Corpus(path)
    gone = rows_of(corpus, person)
    provenance, objects = without_objects(corpus.record.get("provenance", {}), person)
    if not len(gone) and not objects:
        return
    today = datetime.now(UTC).date().isoformat()
    entry = {"date": today, "interviews": len(gone), "corpus_sha256": sha256(path / "corpus.json")}
    provenance = {**provenance, "forgotten": [*provenance.get("forgotten", []), entry]}
    with new_directory(path, mode=path.stat().st_mode & 0o777) as new:
        _write_others(corpus, new, frozenset(gone.tolist()), provenance, advance)
        mirror(path, new, without=[*corpus_hashes(path), *biometric_files(path)])


def biometric_files(path: Path) -> list[Path]:
    """Return all that lies in the ``biometrics`` of a corpus, first what says that there are any."""
    folder = path / "biometrics"
    record = folder / "biometrics.json"
    files = sorted(file for file in folder.rglob("*") if not file.is_dir() and file != record)
    return [record, *files] if record.is_file() else files


def corpus_hashes(path: Path) -> dict[Path, str]:
    """Return the SHA-256 of every file of a corpus as its records say, and of the records, where there are any.

    Raises :class:`DataError` for a record that cannot be read.
    """
    found: dict[Path, str] = {}
    for record in (path / "corpus.json", path / "biometrics" / "biometrics.json"):
        if record.is_file():
            try:
                named = json.loads(record.read_text(encoding="utf-8"))["checksums"]
                found |= {record.parent / name: str(value) for name, value in named.items()}
            except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
                raise DataError(f"{record}: expected checksums of the files beside it, got {error}") from None
            found[record] = sha256(record)
    return found


def mirror(old: Path, new: Path, *, without: Iterable[Path]) -> None:
    """Give the folder ``new`` every file of ``old`` but those of ``without``: the same file under a second name.

    Where the file system knows no second names, it is a copy.
    """
    left = set(without)
    for folder, folders, files in os.walk(old):
        here = new / Path(folder).relative_to(old)
        for name in (*folders, *files):
            source = Path(folder) / name
            if source in left:
                continue
            if source.is_symlink():
                (here / name).symlink_to(source.readlink())
            elif source.is_dir():
                if any(child not in left and not child.is_dir() for child in source.rglob("*")):
                    (here / name).mkdir(exist_ok=True)
                    (here / name).chmod(source.stat().st_mode & 0o777)
            else:
                _second_name(source, here / name)


def _second_name(source: Path, path: Path) -> None:
    try:
        path.hardlink_to(source)
    except OSError:
        shutil.copy2(source, path)


def _write_others(
    corpus: Corpus, new: Path, gone: frozenset[int], provenance: dict[str, Any], advance: Advance
) -> None:
    with CorpusWriter(
        new, list(corpus.modalities.values()), splits=corpus.splits, targets=corpus.targets, provenance=provenance
    ) as writer:
        for row in range(len(corpus)):
            if row not in gone:
                record = corpus.interviews.iloc[row]
                writer.add(
                    corpus[row],
                    splits={name: record[f"split:{name}"] for name in corpus.splits},
                    targets={name: _number(record[f"target:{name}"]) for name in corpus.targets},
                )
            advance(1)


def _number(cell: Any) -> float:
    return float("nan") if pd.isna(cell) else float(cell)


def _words(corpus: Corpus, rows: NDArray[np.int64]) -> set[str]:
    """Return the words of the transcripts, questions and job titles of the interviews at ``rows``."""
    answers = [answer for row in rows for answer in corpus.answer_rows(int(row))]
    texts = {*corpus.answers["question"].iloc[answers], *corpus.interviews["job_title"].iloc[rows]}
    found = {word for text in texts for word in tokenise(str(text))}
    if TEXT in corpus.modalities:
        spoken = np.zeros(len(corpus.words), dtype=bool)
        for answer in answers:
            spoken[corpus.frames(TEXT, answer)] = True
        found |= {word for word, said in zip(corpus.words, spoken, strict=True) if said}
    return found
