"""A request from its beginning to its proof: look, plan, write the plan down, do it, look again, prove it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fairhire.errors import DataError, UsageError
from fairhire.forget.at_work import nobody_at_work
from fairhire.forget.journal import Journal, new_journal, read_journal, recover, write_journal
from fairhire.forget.person import Person
from fairhire.forget.plan import DELETING, LEFTOVER, Step, carry_out, hashes_now, plan_biometrics, plan_candidate
from fairhire.forget.proof import append_proof, read_proof, was_forgotten
from fairhire.forget.remains import biometrics_remain, candidate_remains
from fairhire.forget.search import Searched, search
from fairhire.forget.survey import JOURNAL, PROOF, Found, Watch, identify, roots_of, survey, unwatched

__all__ = ["Forgotten", "forget_biometrics", "forget_candidates", "proof_path", "search_again"]

CANDIDATE, BIOMETRICS = "candidate", "biometrics"


@dataclass(frozen=True)
class Forgotten:
    """The outcome of a request.

    ``record`` is what stands in the proof at ``proof``, or would stand in it: after a dry run ``done`` is False.
    ``earlier`` is the outcome of another request, interrupted before, that was finished on the way.
    """

    record: dict[str, Any]
    proof: Path
    done: bool = True
    earlier: Forgotten | None = None

    @property
    def left(self) -> list[dict[str, str]]:
        """The files that still name the person, with where in them: ``file`` and ``where``."""
        return list(self.record["searched"]["left"])


def forget_candidates(
    paths: Sequence[Path | str], candidates: Sequence[str], *, dry_run: bool = False, watch: Watch = unwatched
) -> Forgotten:
    """Delete all that corpora, runs, tables and explanations at and under ``paths`` hold of ``candidates`` (ids).

    A line is appended to the proof beside the first path. With ``dry_run`` nothing is changed. A request that was
    interrupted is finished first, whatever is asked now. Raises :class:`UsageError` for a path that is named like the
    candidate, :class:`DataError` where one of the candidates is nowhere, and was never forgotten here, or where a file
    of ours is damaged, :class:`UsageError` where an extraction is at work; then nothing was changed.
    """
    wanted = sorted({name.strip() for name in candidates})
    if not wanted or not all(wanted):
        raise UsageError("candidate: expected the id of at least one, got none")
    return _forget(paths, CANDIDATE, wanted, dry_run, watch)


def forget_biometrics(paths: Sequence[Path | str], *, dry_run: bool = False, watch: Watch = unwatched) -> Forgotten:
    """Delete the face and voice embeddings of every corpus at and under ``paths``, and of every extraction's parts.

    The functionals of an extraction, by which voices can be told apart, go along.
    Otherwise as :func:`forget_candidates`; :class:`DataError` where there are none, and never were any deleted here.
    """
    return _forget(paths, BIOMETRICS, [], dry_run, watch)


def search_again(paths: Sequence[Path | str], candidates: Sequence[str], *, watch: Watch = unwatched) -> list[str]:
    """Return the files at and under ``paths`` that name one of ``candidates``, ids in their names masked; read-only."""
    resolved = _resolved(paths)
    found = survey(roots_of(resolved), journal=_journal_path(resolved[0]))
    person = identify(found, Person(frozenset(candidates)), watch=watch)
    return [entry["file"] for entry in _left(search(found, person, watch=watch), person, resolved[0])]


def proof_path(path: Path | str) -> Path:
    """Return where the proof of deletions at ``path`` stands: beside it, ``PATH.forgotten.jsonl``."""
    path = Path(path).resolve()
    return path.with_name(f"{path.name}{PROOF}")


def _forget(paths: Sequence[Path | str], what: str, candidates: list[str], dry_run: bool, watch: Watch) -> Forgotten:
    resolved = _resolved(paths)
    first = resolved[0]
    proof, journal_path = proof_path(first), _journal_path(first)
    if proof.exists():
        read_proof(proof)  # a log that does not hold is found before anything is deleted
    finished: Forgotten | None = None
    unfinished = read_journal(journal_path)
    if unfinished is not None:
        if dry_run:
            raise UsageError(f"{first}: expected nothing unfinished for a dry run, got a request that was interrupted")
        recover(unfinished.steps, since=journal_path.stat().st_mtime)
        finished = _finish(unfinished, first, watch)
        if unfinished.is_of(what, candidates):
            return finished
    if Person(frozenset(candidates)).is_called(first.name):
        raise UsageError("PATH: expected a name without the candidate's id, since the proof is named after it; "
                         "name the folder above instead")  # fmt: skip
    journal = new_journal(what, candidates, roots_of(resolved))
    journal, found = _planned(journal, first, watch)
    _need_something(journal, found, proof, watch)
    if dry_run:
        return Forgotten(_record(journal, Searched(0, (), {}), first, done=False), proof, done=False)
    return replace(_act(journal, found, first, watch), earlier=finished)


def _finish(journal: Journal, first: Path, watch: Watch) -> Forgotten:
    """Carry a request that was interrupted to its end; what it deleted whole is deleted before anything is read."""
    for step in journal.steps:
        if step.kind in {*DELETING, "array"}:
            carry_out(step, journal.person)
    journal, found = _planned(journal, first, watch)
    return _act(journal, found, first, watch)


def _planned(journal: Journal, first: Path, watch: Watch) -> tuple[Journal, Found]:
    """Return the journal with who the person is and what is to be done, added to what it knew before."""
    found = survey([root for root in journal.roots if root.exists()], journal=_journal_path(first))
    if journal.what == BIOMETRICS:
        person, steps, remains = journal.person, plan_biometrics(found), biometrics_remain(found)
    else:
        person = identify(found, journal.person, watch=watch)
        steps = plan_candidate(found, person)
        remains = candidate_remains(found, person, gone={path for step in steps for path in _deleted(step)})
    earlier = {(step.kind, step.path) for step in journal.steps}  # they know the files as they were before
    steps = [*journal.steps, *(step for step in steps if (step.kind, step.path) not in earlier)]
    told = [_masked(entry, person, first) for entry in remains]
    remains = [*journal.remains, *(entry for entry in told if entry not in journal.remains)]
    return replace(journal, person=person, steps=tuple(steps), remains=tuple(remains)), found


def _need_something(journal: Journal, found: Found, proof: Path, watch: Watch) -> None:
    """Raise :class:`DataError` unless every candidate is somewhere, or was forgotten before."""
    if journal.what == BIOMETRICS:
        before = proof.exists() and any(line["what"] == BIOMETRICS for line in read_proof(proof))
        if not journal.steps and not before:
            raise DataError(f"{proof.name.removesuffix(PROOF)}: expected face or voice embeddings, found none")
        return
    people = sorted(journal.person.candidates)
    if len(people) == 1 and _about(journal.steps):
        return
    missing = 0
    for name in people:
        if proof.exists() and was_forgotten(proof, name):
            continue
        alone = replace(identify(found, Person(frozenset({name}))), others=journal.person.others)
        missing += not _about(plan_candidate(found, alone)) and not search(found, alone, watch=watch).left
    if missing:
        whom = "the candidate" if len(people) == 1 else f"all {len(people)} candidates"
        got = "none" if missing == len(people) else f"nothing of {missing}"
        raise DataError(f"{proof.name.removesuffix(PROOF)}: expected something of {whom}, found {got}")


def _about(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that are about somebody: a leftover is deleted whoever is in it."""
    return [step for step in steps if step.kind != LEFTOVER]


def _act(journal: Journal, found: Found, first: Path, watch: Watch) -> Forgotten:
    path = _journal_path(first)
    with nobody_at_work(found.files):
        write_journal(path, journal)
        with watch("deleting", len(journal.steps)) as advance:
            for step in journal.steps:
                carry_out(step, journal.person)
                advance(1)
    found = survey([root for root in journal.roots if root.exists()], journal=path)
    if journal.what == BIOMETRICS:
        halves = [path for path in found.halves if (path / "biometrics").exists()]
        left = tuple((path, "biometrics") for path in (*(step.path for step in plan_biometrics(found)), *halves))
        searched = Searched(len(found.files), left, {})
    else:
        person = identify(found, journal.person, watch=watch)
        searched = search(found, person, watch=watch)
    record = _record(journal, searched, first)
    append_proof(proof_path(first), record)
    path.unlink()
    return Forgotten(record, proof_path(first))


def _record(journal: Journal, searched: Searched, first: Path, *, done: bool = True) -> dict[str, Any]:
    """Return what is proved, without an id: names of files are masked."""
    files = [entry for step in journal.steps for entry in _entries(step, journal.person, first, done)]
    return {
        "request": journal.request,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "what": journal.what,
        "who": list(journal.who),
        "paths": [_named(root, journal.person, first) for root in journal.roots],
        "files": files,
        "searched": {
            "files": searched.files,
            "left": _left(searched, journal.person, first),
            "not_searched": searched.not_searched,
        },
        "remains": list(journal.remains),
        "fairhire": version("fairhire"),
    }


def _entries(step: Step, person: Person, first: Path, done: bool) -> Iterator[dict[str, Any]]:
    """Yield what was done to every file of a step that changed; of what is one file to its reader, the rows once."""
    after = hashes_now(step) if done else {}
    for path in dict.fromkeys((*step.files, *after)):
        before, now = step.files.get(path), after.get(path)
        if done and before == now:
            continue
        deleted = step.kind in DELETING if not done else now is None
        action = "deleted" if deleted else "rows removed" if step.kind in ("array", "table", "objects") else "rewritten"
        yield {
            "file": _named(path, person, first),
            "action": action,
            "sha256_before": before,
            "sha256_after": now,
            "rows": step.rows if path == _pin(step) else None,
        }


def _pin(step: Step) -> Path:
    """Return the file of a step that stands for all of it, beside which the rows that went are told."""
    for name in ("corpus.json", "biometrics.json", "scores.parquet"):
        if (found := next((path for path in step.files if path.name == name), None)) is not None:
            return found
    return step.path


def _left(searched: Searched, person: Person, first: Path) -> list[dict[str, str]]:
    return [{"file": _named(path, person, first), "where": where} for path, where in searched.left]


def _deleted(step: Step) -> list[Path]:
    return list(step.files) if step.kind in DELETING else []


def _masked(entry: dict[str, Any], person: Person, first: Path) -> dict[str, Any]:
    return {key: _named(value, person, first) if isinstance(value, Path) else value for key, value in entry.items()}


def _named(path: Path, person: Person, first: Path) -> str:
    """Return a path as seen from the folder of the first, ids masked."""
    return person.mask(Path(os.path.relpath(path, first.parent)).as_posix())


def _resolved(paths: Sequence[Path | str]) -> list[Path]:
    if not paths:
        raise UsageError("PATH: expected at least one, got none")
    return [Path(path).resolve() for path in paths]


def _journal_path(first: Path) -> Path:
    return first.with_name(f"{first.name}{JOURNAL}")
