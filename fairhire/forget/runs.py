"""Rewrites a run without a person's rows, and without the words that only they said; its weights stay as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fairhire.atomic import new_directory, sha256, write_json
from fairhire.errors import DataError
from fairhire.forget.corpora import mirror
from fairhire.forget.person import Person
from fairhire.forget.tables import drop_array_rows, drop_rows, read_keys, rows_about

__all__ = [
    "corpus_of",
    "forget_in_run",
    "is_run",
    "learned_from",
    "provenance_of",
    "rows_in_run",
    "run_files",
    "words_in",
]

_TABLES = ("scores.parquet", "ratings.parquet")
_FORGOTTEN = " forgotten {line}"
"""What stands for a word that is forgotten: no tokeniser makes a word that begins with a blank, no two are alike."""


def is_run(folder: Path) -> bool:
    """Return whether a folder is a run by its files; one that was killed while it was finished is one too."""
    return (folder / "scores.parquet").is_file() and (folder / "representation.npy").is_file()


def run_files(folder: Path) -> list[Path]:
    """Return the files of a run that may have to do with a person, what names their hashes last."""
    layers = sorted((folder / "layers").glob("*.npy"))
    names = (*_TABLES, "representation.npy", "model/words.txt", "provenance.json")
    files = [folder / name for name in names]
    return [path for path in (*layers, *files) if path.is_file()]


def provenance_of(folder: Path) -> dict[str, Any]:
    """Return the provenance of a run, empty where it is unfinished; raises :class:`DataError` for a damaged one."""
    path = folder / "provenance.json"
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: expected readable JSON, got {error}") from None
    if not isinstance(record, dict):
        raise DataError(f"{path}: expected a JSON object, got {type(record).__name__}")
    return record


def corpus_of(folder: Path) -> str | None:
    """Return the SHA-256 of the record of the corpus that a run was trained on, None where it is not known."""
    corpus = provenance_of(folder).get("corpus")
    named = corpus.get("corpus_sha256") if isinstance(corpus, dict) else None
    return None if named is None else str(named)


def rows_in_run(folder: Path, person: Person) -> list[int]:
    """Return the person's rows in the scores, counted from 0; all arrays of the run go by these rows."""
    keys = read_keys(folder / "scores.parquet")
    if keys is None:
        raise DataError(f"{folder / 'scores.parquet'}: expected a scores table, got another file")
    return rows_about(keys, person)


def learned_from(folder: Path, rows: list[int]) -> str | None:
    """Return the part of a run's split that the ``rows`` are in: train if any of them, else validation, else None."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(folder / "scores.parquet") as file:
        if "split" not in file.schema_arrow.names:
            return None
        parts = {str(part) for part in file.read(columns=["split"]).column("split").take(rows).to_pylist()}
    return next((part for part in ("train", "validation") if part in parts), None)


def words_in(folder: Path, person: Person) -> frozenset[str]:
    """Return the words of a run's model that only the person said, in the corpus that it was trained on."""
    path, corpus = folder / "model" / "words.txt", corpus_of(folder)
    words = person.words.get(corpus or "", frozenset())
    if not words or not path.is_file():
        return frozenset()
    return words & frozenset(path.read_text(encoding="utf-8").split("\n"))


def forget_in_run(folder: Path, person: Person) -> None:
    """Rewrite a run at once: tables and arrays without the person's rows, words replaced, hashes after the new files.

    The numbers in its provenance stay as they were when it was trained; ``forgotten`` there says what went since.
    """
    rows, words = rows_in_run(folder, person), words_in(folder, person)
    if not rows and not words:
        return
    changed = [path for path in run_files(folder) if path.name != "words.txt" or words]
    with new_directory(folder, mode=folder.stat().st_mode & 0o777) as new:
        mirror(folder, new, without=[path for path in changed if path.suffix != ".parquet"])
        for path in changed:
            target = new / path.relative_to(folder)
            target.parent.mkdir(exist_ok=True)
            if path.suffix == ".npy":
                drop_array_rows(path, rows, target)
            elif path.suffix == ".parquet":
                drop_rows(target, person)  # replaces the second name, not the file that has two
            elif path.name == "words.txt":
                _replace_words(path, words, target)
            else:
                write_json(target, _provenance(folder, new, len(rows), len(words)))


def _replace_words(path: Path, words: frozenset[str], target: Path) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    told = [_FORGOTTEN.format(line=line) if word in words else word for line, word in enumerate(lines, start=1)]
    target.write_text("\n".join(told), encoding="utf-8", newline="\n")


def _provenance(folder: Path, new: Path, rows: int, words: int) -> Mapping[str, Any]:
    record = provenance_of(folder)
    named = record.get("files", {})
    entry = {"date": datetime.now(UTC).date().isoformat(), "interviews": rows, "words": words}
    return {
        **record,
        "files": {name: sha256(new / name) if (new / name).is_file() else value for name, value in named.items()},
        "forgotten": [*record.get("forgotten", []), entry],
    }
