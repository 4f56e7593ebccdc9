"""The command that shows where a model looked, and measures how far that can be trusted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fairhire.commands.terminal import progress, visible
from fairhire.errors import UsageError

__all__ = ["COMMANDS"]


def explain_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A corpus with the run's modalities.")],
    interview: Annotated[
        str | None, typer.Option(metavar="ID", help="Show this interview, moment by moment (default: all of them).")
    ] = None,
    position: Annotated[
        str | None, typer.Option(metavar="P", help="Show how this position's questions are weighed (default: none).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder to write, for its owner's eyes only; an older explanation there is replaced [default: "
            "explained/RUN-… beside the run].",
        ),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN2",
            help="Another run whose attention stands beside, such as the undefended one (default: none).",
        ),
    ] = None,
    recording: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ANSWER=FILE",
            help="The recording of an answer, counted from 1, for pictures at its peaks (default: none).",
        ),
    ] = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Interviews of test people that attention is judged on, at most (ours).")
    ] = 200,
    least: Annotated[
        int, typer.Option(min=1, help="Occurrences below which a word is too rare to be ranked (ours).")
    ] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample, random orders and intervals.")] = 0,
) -> None:
    """Show which moments a model looked at, and whether they are what its score rests on.

    Without --interview and --position it tells of the whole corpus: top words, and where in an answer attention lies.
    """
    from fairhire.data.corpus import Corpus
    from fairhire.explain import (
        check_folder,
        default_folder,
        explain_corpus,
        explain_interview,
        explain_position,
        write_explanation,
    )
    from fairhire.report.explanation import explanation_summary
    from fairhire.runs import Run

    if interview is not None and position is not None:
        raise UsageError("--interview, --position: expected one of them at most, got both")
    recordings = _recordings(recording or [])
    if recordings and interview is None:
        raise UsageError("--recording: expected only with --interview, got none")
    kind, name = ("interview", interview) if interview is not None else ("position", position)
    if name is None:
        kind, name = "corpus", ""
    opened, opened_corpus = Run(run), Corpus(corpus)
    other = None if beside is None else Run(beside)
    folder = out or default_folder(run, kind, name)
    check_folder(folder)  # before minutes of work
    if interview is not None:
        record = explain_interview(
            opened, opened_corpus, interview, beside=other, recordings=recordings, sample=sample, seed=seed,
            watch=progress,
        )  # fmt: skip
    elif position is not None:
        record = explain_position(
            opened, opened_corpus, position, beside=other, sample=sample, seed=seed, watch=progress
        )
    else:
        record = explain_corpus(
            opened, opened_corpus, beside=other, least=least, sample=sample, seed=seed, watch=progress
        )
    write_explanation(record, folder)
    for line in explanation_summary(record):
        sys.stdout.write(f"{visible(line)}\n")
    sys.stdout.write(f"{folder / 'explanation.html'}\n")


def _recordings(words: list[str]) -> dict[int, Path]:
    """Return the recording of every answer from words such as ``1=clip.mp4``."""
    found: dict[int, Path] = {}
    for word in words:
        answer, equals, file = word.partition("=")
        if not (equals and file and answer.isdecimal()):
            raise UsageError(f"--recording: expected ANSWER=FILE, such as 1=clip.mp4, got {word!r}")
        if int(answer) in found:
            raise UsageError(f"--recording: expected every answer once, got {int(answer)} twice")
        found[int(answer)] = Path(file)
    return found


COMMANDS = {"explain": explain_command}
