"""How commands speak: results on stdout, talk and progress on stderr, and nothing of it where quiet was asked for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fairhire.errors import UsageError
from fairhire.progress import show_progress, silent

if TYPE_CHECKING:
    from fairhire.estimate import Measurement

__all__ = [
    "EXIT_CODES",
    "be_quiet",
    "is_helper",
    "is_quiet",
    "need_command",
    "print_table",
    "progress",
    "say",
    "shown",
    "visible",
]

EXIT_CODES = (
    "Exit codes: 0 fine; 1 a gate of the plan failed; 2 wrong use or configuration; 3 undecided or not computable; "
    "4 unreadable or invalid data; 5 verification failed."
)

_UNSEEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # what a terminal obeys: it would clear, colour or retitle itself
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # what turns or hides the letters beside it
    "\ud800-\udfff"  # no letters at all
    "]"
)

_quiet = False


def be_quiet(wanted: bool) -> None:
    """Print results and errors only, from now on, if ``wanted``."""
    global _quiet
    _quiet = wanted


def is_quiet() -> bool:
    """Return whether only results and errors are to be printed."""
    return _quiet


def need_command(context: typer.Context) -> None:
    """Print the help and end with the code of wrong use, where no command of a group was given."""
    if context.invoked_subcommand is None:
        sys.stderr.write(f"{context.get_help()}\n")
        raise typer.Exit(UsageError.exit_code)


def is_helper() -> bool:
    """Return whether this is one of several training processes, but not the first, which speaks for all."""
    return os.environ.get("LOCAL_RANK", "0") != "0"


def visible(text: str) -> str:
    """Return foreign words with every sign that a terminal would obey written out: an escape as four letters."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def say(text: str) -> None:
    """Tell the user something that is not a result, on one line."""
    if not _quiet:
        sys.stderr.write(f"{visible(text)}\n")


@contextmanager
def progress(what: str, total: int) -> Iterator[Any]:
    """Yield a function that is told of every further step of ``total``; it draws a bar on a terminal."""
    if _quiet:
        yield silent
    else:
        with show_progress(what, total) as advance:
            yield advance


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a table of plain words on stdout."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(visible(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a file or a pipe: lines whole
    sys.stdout.write(f"{visible(title)}\n")
    console.print(table)


def shown(measured: Measurement) -> str:
    """Return a measurement as a cell: value and interval, or why there is none."""
    from fairhire.estimate import Undefined

    if isinstance(measured, Undefined):
        return f"undefined: {measured.reason}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"
