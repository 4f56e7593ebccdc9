"""What is to be done, step by step, and how each step is done; a step that was done before does nothing again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairhire.atomic import sha256, storage_errors
from fairhire.data.corpus import Corpus
from fairhire.data.npy import open_npy
from fairhire.errors import DataError
from fairhire.forget.corpora import biometric_files, corpus_hashes, forget_in_corpus, rows_of
from fairhire.forget.explanations import explanation_files, is_explanation_of
from fairhire.forget.person import Person
from fairhire.forget.records import count_objects, drop_objects, without_objects
from fairhire.forget.runs import forget_in_run, rows_in_run, run_files, words_in
from fairhire.forget.survey import Found
from fairhire.forget.tables import drop_array_rows, drop_rows, is_table, read_keys, rows_about

__all__ = ["DELETING", "LEFTOVER", "Step", "carry_out", "hashes_now", "plan_biometrics", "plan_candidate"]

DELETED, LEFTOVER = "deleted", "leftover"

DELETING = frozenset({DELETED, LEFTOVER})
"""The kinds of steps that delete all files they name; the second one whatever else is there, too."""

_FUNCTIONALS = ".functionals.parquet"

Hashes = dict[Path, str]


@dataclass(frozen=True)
class Step:
    """One thing to do at ``path``.

    ``kind`` is a name of the table below; ``files`` are the files that it may change, with their SHA-256 before, in the
    order in which they are deleted where the kind is one of :data:`DELETING`; ``rows`` counts the rows, interviews or
    objects that go; ``places`` are their row numbers where the file does not say whose its rows are.
    """

    kind: str
    path: Path
    files: Hashes
    rows: int = 0
    places: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON takes it."""
        files = {str(path): value for path, value in self.files.items()}
        return {"kind": self.kind, "path": str(self.path), "files": files, "rows": self.rows, "places": [*self.places]}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Step:
        """Return the step that :meth:`to_dict` wrote."""
        files = {Path(path): value for path, value in record["files"].items()}
        return cls(record["kind"], Path(record["path"]), files, record["rows"], tuple(record["places"]))


def plan_candidate(found: Found, person: Person) -> list[Step]:
    """Return what is to be done to forget a person.

    Leftovers of killed processes go whole, whoever is in them. Arrays come before the tables whose rows they go by, and
    corpora last, which know most of the person.
    """
    steps = [*_leftover_steps(found), *_array_steps(found, person), *_loose_steps(found, person)]
    for folder in found.explanations:
        if is_explanation_of(folder, person):
            steps.append(Step(DELETED, folder, _hashes(explanation_files(folder))))
    steps += [step for folder in found.runs if (step := _run_step(folder, person)) is not None]
    steps += [step for corpus in found.opened.values() if (step := _corpus_step(corpus, person)) is not None]
    return steps


def plan_biometrics(found: Found) -> list[Step]:
    """Return what is to be done so that no corpus has biometrics, and neither has an extraction's work or a leftover.

    The functionals of voices, of which voice embeddings are made, go as well.
    """
    steps = list(_leftover_steps(found))
    for path, part in found.parts.items():
        if part.is_biometric and any(folder.suffix == ".work" for folder in path.parents):
            steps.append(Step(DELETED, path, _hashes([path])))
    for path in found.loose:
        if path.name.endswith(_FUNCTIONALS):
            keys = read_keys(path)
            steps.append(Step(DELETED, path, _hashes([path]), 0 if keys is None else len(keys)))
    for path, corpus in found.opened.items():
        if files := biometric_files(path):
            steps.append(Step(DELETED, path / "biometrics", _hashes(files), rows=_embedded(corpus)))
    return steps


def carry_out(step: Step, person: Person) -> None:
    """Do a step; nothing is done where it was done before, or where the file is gone since."""
    if not step.path.exists():
        return
    with storage_errors(step.path):
        _DO[step.kind](step, person)


def hashes_now(step: Step) -> Hashes:
    """Return the SHA-256 of the files of a step as they are now; a file that is gone has none."""
    if step.kind == "corpus":
        return corpus_hashes(step.path)
    return _hashes([path for path in step.files if path.is_file()])


def _leftover_steps(found: Found) -> Iterator[Step]:
    for path in found.leftovers:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield Step(LEFTOVER, path, _hashes([one for one in inside if one.is_file() and not one.is_symlink()]))


def _array_steps(found: Found, person: Person) -> Iterator[Step]:
    """Yield arrays that lie beside a scores table and have as many rows: vectors of the same people."""
    loose = set(found.loose)
    for table in sorted(path for path in loose if is_table(path)):
        arrays = sorted(path for path in table.parent.glob("*.npy") if path in loose)
        keys = read_keys(table) if arrays else None
        if keys is None or not {"score", "decision"} & {name.strip().lower() for name in keys.columns}:
            continue
        rows = tuple(rows_about(keys, person))
        for path in arrays if rows else ():
            if _is_of_rows(path, len(keys)):
                loose.discard(path)
                yield Step("array", path, _hashes([path]), len(rows), rows)


def _is_of_rows(path: Path, rows: int) -> bool:
    try:
        array = open_npy(path)
    except DataError:  # no array of ours
        return False
    return array.ndim == 2 and array.dtype.kind == "f" and len(array) == rows


def _loose_steps(found: Found, person: Person) -> Iterator[Step]:
    for path in found.loose:
        if path in found.parts:
            record = found.parts[path].record
            if person.owns(candidate=record.get("candidate"), interview=record.get("interview")):
                yield Step(DELETED, path, _hashes([path]))
        elif is_table(path):
            keys = read_keys(path)
            if keys is not None and (rows := len(rows_about(keys, person))):
                yield Step("table", path, _hashes([path]), rows)
        elif path.suffix in (".json", ".jsonl") and (objects := count_objects(path, person)):
            yield Step("objects", path, _hashes([path]), objects)


def _run_step(folder: Path, person: Person) -> Step | None:
    rows = rows_in_run(folder, person)
    if not rows and not words_in(folder, person):
        return None
    files = run_files(folder)
    keys = read_keys(folder / "scores.parquet")
    assert keys is not None
    for path in files:
        if path.suffix == ".npy" and (got := len(open_npy(path))) != len(keys):
            raise DataError(f"{path}: expected {len(keys)} rows as in scores.parquet, got {got}")
    return Step("run", folder, _hashes(files), len(rows))


def _corpus_step(corpus: Corpus, person: Person) -> Step | None:
    path = corpus.path
    rows = len(rows_of(corpus, person))
    if rows == len(corpus):
        record = path / "corpus.json"
        before = corpus_hashes(path)
        files = [file for file in (*before, *biometric_files(path)) if file != record and file.is_file()]
        return Step(DELETED, path, {**_hashes(dict.fromkeys(files)), record: before[record]}, rows)
    objects = without_objects(corpus.record.get("provenance", {}), person)[1]
    return Step("corpus", path, corpus_hashes(path), rows) if rows or objects else None


def _embedded(corpus: Corpus) -> int:
    return int(corpus.has_faces and len(corpus.faces)) + int(corpus.has_voices and len(corpus.voices))


def _hashes(paths: Sequence[Path] | dict[Path, None]) -> Hashes:
    return {path: sha256(path) for path in paths}


def _delete(step: Step, _person: Person) -> None:
    """Delete the files of a step in their order, then the folders at and under its path that are empty."""
    for path in step.files:
        path.unlink(missing_ok=True)
    if step.path.is_dir():
        folders = [step.path, *(path for path in step.path.rglob("*") if path.is_dir() and not path.is_symlink())]
        for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
            if not any(folder.iterdir()):
                folder.rmdir()


def _clear(step: Step, _person: Person) -> None:
    """Delete a folder with all that is in it, or a file."""
    if step.path.is_dir():
        shutil.rmtree(step.path)
    else:
        step.path.unlink()


def _shorten(step: Step, _person: Person) -> None:
    """Take its rows out of an array, unless they are out already."""
    if sha256(step.path) == step.files[step.path]:
        drop_array_rows(step.path, list(step.places))


_DO: dict[str, Callable[[Step, Person], None]] = {
    DELETED: _delete,
    LEFTOVER: _clear,
    "array": _shorten,
    "table": lambda step, person: drop_rows(step.path, person),
    "objects": lambda step, person: drop_objects(step.path, person),
    "run": lambda step, person: forget_in_run(step.path, person),
    "corpus": lambda step, person: forget_in_corpus(step.path, person),
}
