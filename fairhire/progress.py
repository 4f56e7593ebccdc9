"""Shows on a terminal how far a long task is and when it will end; silent everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["Advance", "show_progress", "silent"]


class Advance(Protocol):
    """Says that ``steps`` more steps are done, and what is worth knowing about them."""

    def __call__(self, steps: int = 1, facts: str = "") -> None:
        """Move on by ``steps`` and show ``facts`` beside the bar."""
        ...


def silent(steps: int = 1, facts: str = "") -> None:
    """Take notice and show nothing."""


@contextmanager
def show_progress(what: str, total: int, *, done: int = 0) -> Iterator[Advance]:
    """Show a bar for ``total`` steps on standard error, if that is a terminal; ``done`` were done before."""
    if not sys.stderr.isatty():  # not rich's own answer, which FORCE_COLOR turns to yes in many a CI
        yield silent
        return
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total, completed=done, facts="")

        def advance(steps: int = 1, facts: str = "") -> None:
            if facts:
                progress.update(task, facts=facts)
            progress.advance(task, steps)

        yield advance
