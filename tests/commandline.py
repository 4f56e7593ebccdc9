"""Runs a command in the test's own process, and says how it ended and what it wrote where."""

import contextlib
import io
import re
import sys
from dataclasses import dataclass

import pytest

from fairhire import commands


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote where."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Standard output with every gap one space."""
        return " ".join(self.out.split())


def fairhire(*words: object) -> Said:
    """Run a command in this process, as from a pipe."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["fairhire", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            commands.main()
    assert isinstance(caught.value.code, int)
    return Said(caught.value.code, out.getvalue(), err.getvalue())


def refused(code: int, match: str, *words: object) -> None:
    """Check that a command ends with ``code``, nothing on standard output and one line on standard error."""
    said = fairhire(*words)
    assert said.code == code, said
    assert said.out == ""
    assert re.search(match, said.err), said.err
    assert re.fullmatch(r"fairhire: [^\n]+\n", said.err)
