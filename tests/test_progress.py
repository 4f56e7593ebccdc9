from __future__ import annotations

import io
import os
import pty
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fairhire.progress import show_progress, silent

COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Make standard error a terminal; what it showed is in the list afterwards."""
    screen, keyboard = pty.openpty()
    shown: list[bytes] = []

    def watch() -> None:
        try:
            while data := os.read(screen, 1 << 16):
                shown.append(data)
        except OSError:
            pass  # the other side is closed

    watcher = threading.Thread(target=watch)
    watcher.start()
    text: list[str] = []
    with monkeypatch.context() as patch, os.fdopen(keyboard, "w") as file:
        patch.setattr(sys, "stderr", file)
        patch.setenv("COLUMNS", "200")
        patch.setenv("TERM", "xterm-256color")
        for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
            patch.delenv(name, raising=False)
        yield text
    watcher.join()
    os.close(screen)
    text.append(b"".join(shown).decode())


def work(done: int = 0) -> None:
    with show_progress("reading", 40, done=done) as advance:
        advance()
        advance(3, "loss 0.5")
        advance(6)


def test_a_terminal_is_shown_how_far_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as shown:
        work()
    assert "reading" in shown[0]
    assert "10/40" in shown[0]
    assert "loss 0.5" in shown[0]
    assert "0:00:0" in shown[0]  # the time gone and, beside it, the time left
    assert COLOUR.search(shown[0])


def test_what_was_done_before_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as shown:
        work(done=20)
    assert "30/40" in shown[0]


def test_no_colour_is_shown_to_who_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as shown:
        monkeypatch.setenv("NO_COLOR", "1")
        work()
    monkeypatch.delenv("NO_COLOR")
    assert "10/40" in shown[0]
    assert not COLOUR.search(shown[0])


@pytest.mark.parametrize("forced", [None, "FORCE_COLOR", "TTY_COMPATIBLE"])
def test_where_there_is_no_terminal_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], forced: str | None
) -> None:
    if forced:
        monkeypatch.setenv(forced, "1")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    work()
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]
    assert capfd.readouterr() == ("", "")


def test_the_bar_goes_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as shown, pytest.raises(ZeroDivisionError), show_progress("reading", 2) as advance:
        advance(1 // 0)
    assert shown[0].rstrip().endswith("\x1b[2K")  # the line is wiped, so that the message has it for itself


def test_silence_takes_the_same_words(capfd: pytest.CaptureFixture[str]) -> None:
    silent()
    silent(3, "facts")
    silent(steps=3, facts="facts")
    assert capfd.readouterr() == ("", "")
