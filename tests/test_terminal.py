"""What commands print: foreign words never move the cursor, colour the screen, or look like another line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.commands import main
from fairhire.commands.terminal import print_table, say, visible

HOSTILE = "sex\x1b[2J\x9b31m\r\u202e\nfairhire: all gates passed"


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert visible(HOSTILE) == r"sex\x1b[2J\x9b31m\r\u202e\nfairhire: all gates passed"
    assert visible("Ünïcode, 李, 1 % – “x” \\x") == "Ünïcode, 李, 1 % – “x” \\x"


@given(st.text(st.characters(categories=("Cc", "Cf", "Cs", "L", "Zl", "Zp"))))
def test_no_control_sign_and_no_second_line_is_left(text: str) -> None:
    shown = visible(text)
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 or 0xD800 <= ord(sign) < 0xE000 for sign in shown)
    assert len(shown.splitlines()) <= 1


def test_talk_and_tables_show_names_as_they_are_spelt(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"left out: 3 {HOSTILE}")
    print_table(f"by {HOSTILE}", ["group"], [[HOSTILE]])
    told = capsys.readouterr()
    for stream in (told.out, told.err):
        assert r"sex\x1b[2J\x9b31m" in stream
        assert not set(stream) & {"\x1b", "\x9b", "\r", "\u202e"}
    assert told.err.count("\n") == 1
    assert not any(line.startswith("fairhire:") for line in told.out.splitlines())


def test_an_error_shows_names_as_they_are_spelt(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["fairhire", "plans", "show", "\x1b[2J\x07evil"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "\x07" not in told
    assert told.startswith("fairhire: ")
    assert r"\x1b[2J\x07evil" in told
