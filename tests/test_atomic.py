from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.atomic import canonical_json, new_directory, new_file, sha256, storage_errors, write_json, write_text
from fairhire.errors import StorageError

Opener = Callable[[Path], AbstractContextManager[Path]]


def fill(path: Path, text: str) -> None:
    """Write ``text`` into what a block was given: a file, or a folder with one file and one folder in it."""
    if path.is_dir():
        (path / "inner").mkdir()
        (path / "inner" / "file").write_text(text)
    else:
        path.write_text(text)


def held(path: Path) -> str | None:
    """Return what :func:`fill` wrote, or None where there is nothing."""
    if not path.exists():
        return None
    return (path / "inner" / "file").read_text() if path.is_dir() else path.read_text()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the operating system refuse files of more than ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(params=[new_file, new_directory])
def opener(request: pytest.FixtureRequest) -> Opener:
    found: Opener = request.param
    return found


def test_a_block_that_ends_well_leaves_what_it_wrote_and_nothing_else(tmp_path: Path, opener: Opener) -> None:
    path = tmp_path / "deep" / "name.json"
    for text in ("first", "second"):
        with opener(path) as temporary:
            assert temporary != path
            assert temporary.parent == path.parent
            fill(temporary, text)
        assert held(path) == text
        assert names(path.parent) == ["name.json"]


@pytest.mark.parametrize("old", [True, False])
def test_a_crash_inside_leaves_the_old_one_or_none(tmp_path: Path, opener: Opener, old: bool) -> None:
    path = tmp_path / "name"
    if old:
        with opener(path) as temporary:
            fill(temporary, "old")
    with pytest.raises(ZeroDivisionError), opener(path) as temporary:  # noqa: PT012 - the crash comes in the block
        fill(temporary, "half")
        raise ZeroDivisionError
    assert held(path) == ("old" if old else None)
    assert names(tmp_path) == (["name"] if old else [])


def test_until_the_block_ends_the_old_one_is_there(tmp_path: Path, opener: Opener) -> None:
    path = tmp_path / "name"
    for text, before in (("old", None), ("new", "old")):
        with opener(path) as temporary:
            fill(temporary, text)
            assert held(path) == before


def test_a_kill_inside_leaves_the_old_one(tmp_path: Path, opener: Opener) -> None:
    path = tmp_path / "name"
    with opener(path) as temporary:
        fill(temporary, "old")
    program = (
        "import os, pathlib, signal, fairhire.atomic as atomic\n"
        f"with atomic.{opener.__name__}(pathlib.Path({str(path)!r})) as temporary:\n"
        "    if temporary.is_dir(): (temporary / 'half').write_text('half')\n"
        "    else: temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert held(path) == "old"
    assert [name for name in names(tmp_path) if not name.startswith(".")] == ["name"]


def refuse(number: int) -> OSError:
    return OSError(number, os.strerror(number), "the file")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left on the disk while writing"),
        (errno.EDQUOT, "no space left on the disk while writing"),
        (errno.EACCES, "Permission denied"),
        (errno.EPERM, "Operation not permitted"),
        (errno.EROFS, "Read-only file system"),
        (errno.EIO, "Input/output error"),
    ],
)
@pytest.mark.parametrize("where", ["in the block", "when the disk is waited for"])
def test_a_refusal_of_the_system_is_one_line_and_the_old_one_stays(
    tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch, number: int, said: str, where: str
) -> None:
    path = tmp_path / "name"
    with opener(path) as temporary:
        fill(temporary, "old")

    def refused(_: object) -> None:
        raise refuse(number)

    def write() -> None:
        with opener(path) as temporary:
            fill(temporary, "new")
            if where == "in the block":
                refused(temporary)

    if where != "in the block":
        monkeypatch.setattr(os, "fsync", refused)
    with pytest.raises(StorageError) as caught:
        write()
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4
    assert held(path) == "old"
    assert names(tmp_path) == ["name"]


def test_a_file_that_the_kernel_does_not_let_grow_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "name"
    write_text(path, "old")
    with largest_file(1000), pytest.raises(StorageError, match=r"cannot write .*name: File too large"):
        write_text(path, "x" * 5000)
    assert held(path) == "old"
    assert names(tmp_path) == ["name"]


@pytest.mark.parametrize(
    "below",
    [
        "file/name",  # a parent that is a file
        "file/deep/name",
        "x" * 300,  # a name that no file system takes
    ],
)
def test_a_place_where_nothing_can_be_written_is_one_line(tmp_path: Path, opener: Opener, below: str) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(StorageError, match=r"cannot write .*: \w"), opener(tmp_path / below):
        pytest.fail("the block was entered")
    assert held(tmp_path / "file") == "kept"
    assert names(tmp_path) == ["file"]


def test_a_folder_in_the_place_of_a_file_is_one_line_and_stays(tmp_path: Path) -> None:
    fill_at = tmp_path / "name"
    fill_at.mkdir()
    fill(fill_at, "kept")
    with pytest.raises(StorageError, match="cannot write"):
        write_text(tmp_path / "name", "text")
    assert held(tmp_path / "name") == "kept"
    assert names(tmp_path) == ["name"]


def test_any_other_error_of_the_system_is_not_disguised(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), storage_errors(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "reader gone")


@pytest.mark.parametrize("refused", ["the old folder moves aside", "the new folder takes its name"])
def test_an_old_folder_comes_back_when_the_exchange_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    path = tmp_path / "name"
    with new_directory(path) as temporary:
        fill(temporary, "old")
    replace, calls = Path.replace, []

    def replace_or_refuse(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == (1 if refused == "the old folder moves aside" else 2):
            raise refuse(errno.EACCES)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_or_refuse)
    with pytest.raises(StorageError), new_directory(path) as temporary:
        fill(temporary, "new")
    assert held(path) == "old"
    assert names(tmp_path) == ["name"]


def test_a_folder_may_stay_its_owners_alone(tmp_path: Path) -> None:
    for _ in range(2):  # made, and replaced
        with new_directory(tmp_path / "private", mode=0o700) as temporary:
            (temporary / "file").write_text("said in confidence")
        assert (tmp_path / "private").stat().st_mode & 0o777 == 0o700


def test_a_new_file_and_folder_can_be_read_by_others(tmp_path: Path, opener: Opener) -> None:
    with opener(tmp_path / "name") as temporary:
        fill(temporary, "text")
    mode = (tmp_path / "name").stat().st_mode & 0o777
    assert mode == (0o755 if (tmp_path / "name").is_dir() else 0o644)


def test_every_file_reaches_the_disk_before_it_takes_its_name(
    tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "name", []

    def sync(handle: int) -> None:
        assert not path.exists()
        synced.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    with opener(path) as temporary:
        fill(temporary, "text")
    file = path / "inner" / "file" if path.is_dir() else path
    assert synced == [file.stat().st_ino]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_json_never_holds_what_is_no_number(tmp_path: Path, bad: float) -> None:
    write_json(tmp_path / "name", {"value": 1.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "name", {"deep": [{"value": bad}]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json([bad])
    assert json.loads((tmp_path / "name").read_text()) == {"value": 1.5}
    assert names(tmp_path) == ["name"]


def test_text_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "name", "né\r\nle\n")
    assert (tmp_path / "name").read_bytes() == "né\r\nle\n".encode()
    write_json(tmp_path / "name", {"name": "né"})
    assert (tmp_path / "name").read_bytes() == '{\n  "name": "né"\n}\n'.encode()


def test_the_worked_number_of_canonical_json() -> None:
    # audit-rules.md section 6, the canonical-JSON test
    text = canonical_json({"b": 1, "a": [1, 2.5, "é"]})
    assert text == '{"a":[1,2.5,"é"],"b":1}'
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "ff86374145e0c6557ae2ee485df5dbddb50d8612cf4e58bfe917f58a4eaf91b5"
    )


safe = st.integers(-(2**53), 2**53)
doubles = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | safe | doubles | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


# RFC 8785, appendix B: the bits of a double and how ECMAScript writes it
@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_a_double_is_written_as_ecmascript_writes_it(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(number) == text


def test_a_whole_double_is_written_without_a_point() -> None:
    assert (
        canonical_json([1.0, -0.0, 1e20, 1e21, 1e-6, 1e-7, True])
        == "[1,0,100000000000000000000,1e+21,0.000001,1e-7,true]"
    )
    assert canonical_json(1.0) == canonical_json(1)


def test_keys_are_sorted_by_their_utf16_units() -> None:
    # RFC 8785, 3.2.3: the emoji is written as surrogates (d83d de00) and so comes before U+FB33
    keys = ["€", "\r", "\ufb33", "1", "\U0001f600", "\x80", "ö"]
    text = canonical_json(dict.fromkeys(keys))
    assert list(json.loads(text)) == ["\r", "1", "\x80", "ö", "€", "\U0001f600", "\ufb33"]


def test_text_is_escaped_no_more_than_it_must_be() -> None:
    # RFC 8785, 3.2.2.2 and the example of 3.2.1
    assert canonical_json('€$\x0f\nA\'B"\\"/\x7f\u2028') == '"€$\\u000f\\nA\'B\\"\\\\\\"/\x7f\u2028"'
    assert canonical_json("\b\t\n\f\r\x00\x1f") == '"\\b\\t\\n\\f\\r\\u0000\\u001f"'


@pytest.mark.parametrize("bad", ["\ud800", {"\udfff": 1}, ["a", {"b": "x\ud83dy"}]])
def test_half_of_a_surrogate_pair_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        canonical_json(bad)


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**60, 10**21, 10**400])
def test_a_whole_number_that_a_double_would_change_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=r"whole numbers up to 2\*\*53"):
        canonical_json({"n": number})


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**20, 295147905179352830000])
def test_a_whole_number_that_a_double_keeps_is_written(number: int) -> None:
    assert canonical_json(number) == str(number)


@pytest.mark.parametrize("bad", [{1: "a"}, {None: 1}, {"a": {1}}, b"a", object()])
def test_what_is_not_json_is_refused(bad: object) -> None:
    with pytest.raises(TypeError, match="canonical JSON"):
        canonical_json(bad)


@settings(deadline=None, max_examples=200)
@given(values)
def test_reading_and_writing_again_changes_no_byte(value: object) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


@settings(deadline=None, max_examples=300)
@given(doubles)
def test_no_double_is_lost(number: float) -> None:
    assert float(canonical_json(number)) == number


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(), values), st.randoms())
def test_the_order_of_keys_never_shows_and_nothing_is_lost(value: dict[str, object], random: object) -> None:
    keys = list(value)
    random.shuffle(keys)  # type: ignore[attr-defined]
    text = canonical_json(value)
    assert canonical_json({key: value[key] for key in keys}) == text
    assert json.loads(text, parse_int=float) == value  # every number is a double


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=3000))
def test_the_hash_is_that_of_the_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(data)
    assert sha256(path) == hashlib.sha256(data).hexdigest()
