from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pytest

from fairhire.auditing.toml_record import parse_toml, record_of
from fairhire.errors import UsageError


@dataclass(frozen=True)
class Inner:
    limit: float
    side: Literal["left", "right"] = "left"

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise UsageError(f"limit: expected 0 or more, got {self.limit:g}")


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 0
    flag: bool = False
    day: date | None = None
    pairs: tuple[tuple[str, ...], ...] = ()
    inner: Inner | None = None
    several: tuple[Inner, ...] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    origin: str | None = None


def read(text: str) -> Outer:
    return record_of(Outer, parse_toml(text.encode(), "f.toml"), file="f.toml", given={"origin": "here"})


def test_every_kind_of_field_is_read() -> None:
    text = """
        name = '''two
          lines'''
        count = 3
        flag = true
        day = 2026-11-22
        pairs = [["a"], ["a", "b"]]
        inner = { limit = 1, side = "right" }
        several = [{ limit = 0.5 }]
        [columns.scores]
        candidate = "applicant_id"
    """
    assert read(text) == Outer(
        "two lines", 3, True, date(2026, 11, 22), (("a",), ("a", "b")), Inner(1.0, "right"), (Inner(0.5),),
        {"scores": {"candidate": "applicant_id"}}, "here",
    )  # fmt: skip
    assert isinstance(read("name = 'x'\ninner.limit = 1").inner.limit, float)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nom = 'x'", "f.toml: unknown key 'nom'; the known keys are columns, count, day"),
        ("name = 'x'\norigin = 'y'", "f.toml: unknown key 'origin'"),
        ("count = 1", "f.toml: expected a key name, got count"),
        ("", "f.toml: expected a key name, got nothing"),
        ("name = 'x'\ninner = { limit = 1, sied = 'left' }", "f.toml, inner: unknown key 'sied'; the known keys are"),
        ("name = 'x'\nseveral = [{limit = 1}, {}]", r"f.toml, several\[2\]: expected a key limit, got nothing"),
        ("name = 'x'\nseveral = [{limit = -1}]", r"f.toml, several\[1\]: limit: expected 0 or more, got -1"),
        ("name = 1", "f.toml, name: expected text, got 1"),
        ("name = ' '", "f.toml, name: expected text, got ' '"),
        (r'name = "\u001b[31m"', r"f.toml, name: expected text, got '\\x1b\[31m'"),
        ("name = 'x'\ncount = true", "f.toml, count: expected a whole number, got True"),
        ("name = 'x'\ncount = 1.0", "f.toml, count: expected a whole number, got 1.0"),
        ("name = 'x'\nflag = 1", "f.toml, flag: expected true or false, got 1"),
        ("name = 'x'\nday = '2026-11-22'", "f.toml, day: expected a date such as 2026-11-22, got '2026-11-22'"),
        ("name = 'x'\nday = 2026-11-22T10:00:00", "f.toml, day: expected a date such as"),
        ("name = 'x'\npairs = ['a']", r"f.toml, pairs\[1\]: expected a list, got 'a'"),
        ("name = 'x'\npairs = [[1]]", r"f.toml, pairs\[1\]\[1\]: expected text, got 1"),
        ("name = 'x'\ninner = 1", "f.toml, inner: expected a table, got 1"),
        ("name = 'x'\ninner.limit = nan", "f.toml, inner.limit: expected a number, got nan"),
        ("name = 'x'\ninner.limit = inf", "f.toml, inner.limit: expected a number, got inf"),
        ("name = 'x'\ninner.limit = true", "f.toml, inner.limit: expected a number, got True"),
        ("name = 'x'\ninner = { limit = 1, side = 'up' }", "f.toml, inner.side: expected one of left, right, got 'up'"),
        (
            "name = 'x'\ninner = { limit = 1, side = ['left'] }",
            "f.toml, inner.side: expected one of left, right, got a",
        ),
        ("name = 'x'\ncolumns = 'a'", "f.toml, columns: expected a table, got 'a'"),
        ('name = "x"\n[columns."a\\n"]', r"f.toml, columns: expected a name, got 'a\\n'"),
        ("name = 'x'\ncolumns.scores.score = 1", "f.toml, columns.scores.score: expected text, got 1"),
    ],
)
def test_what_is_not_expected_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refusal:
        read(text)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"name = 'x'\nname\n", r"expected TOML, got .*line 2"),
        (b"name = 'x'\nname = 'y'\n", r"expected TOML, got .*line 2"),
        (b"a = 1\nname = '\xff'", "line 2: expected UTF-8 text, got byte 0xff"),
        (b"a = " + b"[" * 100_000, "expected TOML, got"),
        (b"a = " + b"9" * 10_000, "expected TOML, got"),
    ],
)
def test_what_is_not_toml_is_refused_in_one_line(raw: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=rf"^f.toml.*{words}") as refusal:
        parse_toml(raw, "f.toml")
    assert len(str(refusal.value).splitlines()) == 1


def test_a_long_value_is_cut_in_the_message() -> None:
    table: dict[str, Any] = {"name": "x", "count": "9" * 1000}
    with pytest.raises(UsageError) as refusal:
        record_of(Outer, table, file="f.toml")
    assert len(str(refusal.value)) < 200
