"""The command that deletes a candidate, or everybody's biometrics, and proves it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairhire.commands.terminal import progress, say, visible
from fairhire.errors import UsageError, VerificationError

if TYPE_CHECKING:
    from fairhire.forget import Forgotten

__all__ = ["COMMANDS"]


def forget_command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="A corpus, a run, a benchmark, a table, or a folder of such; what lies beside a corpus and is named "
            "after it is included. The proof is put beside the first: PATH.forgotten.jsonl.",
        ),
    ],
    candidate: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Delete all of this candidate; may be given again (default: nobody)."),
    ] = None,
    biometrics: Annotated[
        bool, typer.Option("--biometrics", help="Delete everybody's face and voice embeddings instead.")
    ] = False,
    run: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN", help="A run that lies elsewhere, as a further PATH; may be given again (default: none)."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be changed, with what would remain; change nothing.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Check the proof, and with --candidate look for them again; delete nothing (exit code 5)."
        ),
    ] = False,
) -> None:
    """Delete a candidate, or everybody's biometrics, and prove it in a log.

    Afterwards every file is searched again: what still names them is listed, and the exit code is 5.
    """
    from fairhire.forget import forget_biometrics, forget_candidates

    everywhere = [*paths, *(run or [])]
    if verify:
        if biometrics or dry_run:
            raise UsageError("--verify: expected neither --biometrics nor --dry-run beside it, got one of them")
        _verify(everywhere, candidate or [])
        return
    if biometrics == bool(candidate):
        got = "both" if biometrics else "neither"
        raise UsageError(f"--candidate, --biometrics: expected one of them, got {got}")
    if biometrics:
        _tell(forget_biometrics(everywhere, dry_run=dry_run, watch=progress))
    else:
        _tell(forget_candidates(everywhere, candidate or [], dry_run=dry_run, watch=progress))


def _tell(forgotten: Forgotten) -> None:
    """Print what was done; raise :class:`VerificationError` where the person is still named."""
    record = forgotten.record
    files = record["files"]
    rows = sum(entry["rows"] or 0 for entry in files)
    deleted = sum(entry["action"] == "deleted" for entry in files)
    would = "" if forgotten.done else "would be "
    say(f"{len(files) - deleted} files {would}rewritten, {deleted} {would}deleted; rows and interviews gone: {rows}")
    for entry in record["remains"]:
        say(f"remains: {entry['what']}, {entry['where']}: {entry['why']}")
    if not forgotten.done:
        for entry in files:
            sys.stdout.write(f"{entry['action']}: {visible(entry['file'])}\n")
        return
    searched = record["searched"]
    for why, number in searched["not_searched"].items():
        say(f"not looked into: {number} {why}")
    sys.stdout.write(f"{visible(str(forgotten.proof))}\n")
    left = [entry["file"] for entry in searched["left"]]
    if forgotten.earlier is not None:
        say("a request that was interrupted before was finished first")
        left += [entry["file"] for entry in forgotten.earlier.left]
    if left := list(dict.fromkeys(left)):
        raise VerificationError(_left(left))


def _verify(paths: list[Path], candidates: list[str]) -> None:
    from fairhire.forget import proof_path, read_proof, search_again, was_forgotten

    proof = proof_path(paths[0])
    lines = read_proof(proof)
    missing = sum(not was_forgotten(proof, name) for name in candidates)
    if missing:
        raise VerificationError(f"{proof}: expected a line about every candidate, found none about {missing}")
    if candidates and (left := list(dict.fromkeys(search_again(paths, candidates, watch=progress)))):
        raise VerificationError(_left(left))
    say(f"{len(lines)} requests; the chain holds" + ("; nothing was found" if candidates else ""))
    sys.stdout.write(f"{visible(str(proof))}\n")


def _left(files: list[str]) -> str:
    return f"expected nothing of the candidate, found {len(files)} files that we leave alone: {', '.join(files)}"


COMMANDS = {"forget": forget_command}
