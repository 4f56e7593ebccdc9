"""The command that prints every claim with its figure, its target and its verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fairhire.commands.terminal import print_table, progress, say
from fairhire.errors import DataError, GateFailed, NotComputableError, UsageError

__all__ = ["COMMANDS"]


def claims_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Finished runs of one corpus, any mix.")],
    people: Annotated[
        Path | None, typer.Option(help="The people table: candidate, then protected attributes (default: none).")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="Their corpus, for its faces (default: claims about faces are left untested).")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="A CSV with interview and hirable_unbiased, where one is known (default: none).")
    ] = None,
    frontier: Annotated[Path | None, typer.Option(help="FRONTIER.json of the same corpus (default: none).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write CLAIMS.json, claims.md and claims.html there (default: nowhere).")
    ] = None,
    probe: Annotated[
        list[str] | None, typer.Option(metavar="FAMILY", help="Use only this family of probes (default: all).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of probes and bootstrap.")] = 0,
) -> None:
    """Print every claim we make with figure, interval, target and verdict; exit 1 where one fails."""
    import json

    from fairhire.atomic import new_directory, sha256, write_json, write_text
    from fairhire.auditing.demographics import read_demographics
    from fairhire.auditing.leakage import PROBES
    from fairhire.claims import collect, examine
    from fairhire.data.corpus import Corpus
    from fairhire.report.claims import render_claims
    from fairhire.runs import Run

    if people is None:
        raise UsageError("--people: expected a people table (candidate, then protected attributes), got none")
    for name in probe or ():
        if name not in PROBES:
            raise UsageError(f"--probe: expected one of {', '.join(PROBES)}, got {name!r}")
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out: expected a new or empty folder, got {out}")
    drawn: dict[str, Any] | None = None
    if frontier is not None:
        try:
            drawn = json.loads(frontier.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{frontier}: expected a FRONTIER.json, got {error}") from None
        if not isinstance(drawn, dict) or "areas" not in drawn:
            raise DataError(f"{frontier}: expected a FRONTIER.json, got no areas in it")
    opened = [Run(path) for path in runs]
    evidence = collect(
        opened,
        read_demographics(people),
        corpus=None if corpus is None else Corpus(corpus),
        truth=None if truth is None else _truth(truth),
        frontier=drawn,
        probes={name: found for name, found in PROBES.items() if not probe or name in probe},
        seed=seed,
        watch=progress,
    )
    for name in evidence.unpaired:
        say(f"left out: {name}: no undefended run of the same model, seed and split among those given")
    claims = examine(evidence)
    record = {
        "schema": 1,
        "subject": f"{len(opened)} runs" if len(opened) > 1 else opened[0].path.resolve().name,
        "runs": [{"name": r.path.resolve().name, "sha256": sha256(r.path / "provenance.json")} for r in opened],
        "people": {"name": people.name, "sha256": sha256(people)},
        "seed": seed,
        "claims": [claim.to_dict() for claim in claims],
    }
    rows = [[claim.number, claim.words, _figures(claim.to_dict()), claim.target, claim.verdict] for claim in claims]
    print_table(f"{record['subject']}: claims", ["", "claim", "our figures", "target", "verdict"], rows)
    for claim in claims:
        if claim.verdict == "cannot be tested here":
            say(f"{claim.number}: cannot be tested here: {claim.why}")
    if out is not None:
        page, markdown = render_claims(record)
        with new_directory(out) as folder:
            write_json(folder / "CLAIMS.json", record)
            write_text(folder / "claims.html", page)
            write_text(folder / "claims.md", markdown)
        sys.stdout.write(f"{out / 'claims.html'}\n")
    failed = [claim.number for claim in claims if claim.verdict == "fail"]
    if failed:
        raise GateFailed(f"claims that fail: {', '.join(failed)}")
    if all(claim.verdict in ("cannot be tested here", "reported") for claim in claims):
        raise NotComputableError("claims: none could be tested with these runs and data")


def _figures(claim: dict[str, Any]) -> str:
    """Return a claim's figures in a cell: all of a few, else how they spread."""
    values = [f["estimate"]["value"] for f in claim["figures"] if "value" in f["estimate"]]
    if not values:
        return "none"
    if len(claim["figures"]) <= 2:
        return "; ".join(f"{f['what']}: {_said(f['estimate'])}" for f in claim["figures"])
    return f"{len(values)} figures, {min(values):.3f} to {max(values):.3f}, mean {sum(values) / len(values):.3f}"


def _said(estimate: dict[str, Any]) -> str:
    if "undefined" in estimate:
        return "undefined"
    ends = f" [{estimate['low']:.3f}, {estimate['high']:.3f}]" if "low" in estimate else ""
    return f"{estimate['value']:.3f}{ends}"


def _truth(path: Path) -> dict[str, bool]:
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a CSV with interview and hirable_unbiased, got {error}") from None
    if not {"interview", "hirable_unbiased"} <= set(table.columns):
        raise DataError(f"{path}: expected columns interview and hirable_unbiased, got {', '.join(table.columns)}")
    known = {"true": True, "1": True, "false": False, "0": False}
    found = {}
    for row, (name, value) in enumerate(zip(table["interview"], table["hirable_unbiased"], strict=True), start=1):
        if str(value).lower() not in known:
            raise DataError(f"{path}, row {row}, hirable_unbiased: expected true or false, got {value!r}")
        found[str(name)] = known[str(value).lower()]
    return found


COMMANDS = {"claims": claims_command}
