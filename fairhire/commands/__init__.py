"""What users type: a thin layer that reads options, calls the package and says what came out.

One file for each family of commands; this one holds the way in and the way out: exit codes, errors in one line.
"""

from __future__ import annotations

import io
import os
import re
import sys
from typing import Annotated

import typer

from fairhire import __version__
from fairhire.commands import audits, benchmark, claims, corpora, explain, extract, forget, frontier, training
from fairhire.commands.terminal import EXIT_CODES, be_quiet, is_helper, is_quiet, need_command, visible
from fairhire.errors import DataError, FairhireError, UsageError

__all__ = ["app", "main"]

app = typer.Typer(
    name="fairhire",
    help="Hiring models that do not judge by the face, and audits that can prove it.",
    epilog=EXIT_CODES,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(corpora.app, name="corpus")
app.add_typer(audits.plans_app, name="plans")
for _family in (extract, training, explain, benchmark, frontier, claims, audits, forget):
    for _name, _command in _family.COMMANDS.items():
        app.command(_name, epilog=EXIT_CODES)(_command)

_NO_MEMORY = re.compile(r"out of memory|can't allocate memory")  # as torch says it of a GPU, and of the machine
_INTERRUPTED_QUERY = re.compile(r"^(INTERRUPT Error: )?(Query i|I)nterrupted")
_INTERRUPTED = 130  # as of a program that SIGINT ends


def main() -> None:
    """Run the command line; every mistake of a user ends in one line and its exit code."""
    # Threads that wait for each other by spinning take a busy machine's time from themselves: measured, two threads
    # were then thirty times slower than one. Read when torch is loaded; an own setting is left alone.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = sys.argv[1:]
    be_quiet("--quiet" in words or is_helper())  # understood before and after the command
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this program
            setattr(sys, name, io.StringIO())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal has no letters for
    try:
        code = app([word for word in words if word != "--quiet"], standalone_mode=False)
        sys.stdout.flush()
        if code == _INTERRUPTED:  # typer's own answer to Ctrl-C, without a word
            raise KeyboardInterrupt
    except FairhireError as error:
        code = _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        code = _fail(error.format_message(), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _fail("interrupted; what was finished is kept", _INTERRUPTED)
    except (BrokenPipeError, SystemExit):  # typer and rich leave so, when nobody reads the results any more
        _drop_results()
        code = 141  # as of a program that SIGPIPE ends
    except OSError as error:
        if error.filename is None:
            _drop_results()
        code = _fail(f"{error.filename or 'writing the results'}: {error.strerror or error}", DataError.exit_code)
    except (MemoryError, RuntimeError) as error:
        if _INTERRUPTED_QUERY.search(str(error)):  # the database's own answer to Ctrl-C
            sys.exit(_fail("interrupted; what was finished is kept", _INTERRUPTED))
        if not (isinstance(error, MemoryError) or _NO_MEMORY.search(str(error))):
            raise
        code = _fail("out of memory: take a smaller --batch or --hidden, or fewer modalities", UsageError.exit_code)
    sys.exit(code or 0)


def _drop_results() -> None:
    """Send what is still to be written nowhere, so that nothing is tried again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> int:
    line = visible(" ".join(message.split()))
    sys.stderr.write(f"fairhire: {line}\n")
    return code


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"fairhire {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _everywhere(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print results and errors only; may stand after the command too.")
    ] = False,
) -> None:
    """Options of every command."""
    be_quiet(is_quiet() or quiet or version)
    need_command(context)
