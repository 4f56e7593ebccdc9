"""Writes a file or a folder so that a crash leaves the old one or none, never half of a new one."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from fairhire.errors import StorageError

__all__ = ["canonical_json", "new_directory", "new_file", "sha256", "storage_errors", "write_json", "write_text"]

_REFUSALS = (
    *(errno.EACCES, errno.EPERM, errno.EROFS),  # not allowed
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.EBUSY),  # something in the way
    *(errno.ENAMETOOLONG, errno.EFBIG, errno.EIO),
)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write ``path`` into one line (:class:`StorageError`)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"no space left on the disk while writing {path}; nothing half-written was kept"
            ) from error
        if error.errno in _REFUSALS:
            raise StorageError(f"cannot write {path}: {error.strerror}") from error
        raise


@contextmanager
def new_file(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it takes the name ``path`` only if the block ends well.

    Until then it is its owner's alone; ``mode`` is who may use it afterwards.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _sync(temporary)
            temporary.chmod(mode)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_directory(path: Path, *, mode: int = 0o755) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; it replaces ``path`` only if the block ends well.

    Until then it is its owner's alone; ``mode`` is who may enter it afterwards.
    The old folder is moved aside, the new one takes its name, then the old one is deleted: at every moment one
    complete folder exists, under ``path`` or (for the instant between two renames) beside it.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _sync(file)
            temporary.chmod(mode)
            if path.exists():
                _take_place(temporary, path)
            else:
                temporary.replace(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable JSON, atomically; NaN and Infinity are refused (``ValueError``)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def canonical_json(value: Any) -> str:
    """Return the one JSON text of ``value`` after RFC 8785: no blanks, keys sorted by UTF-16, numbers as in ECMAScript.

    ``value`` is made of None, bool, int, float, str, lists or tuples, and mappings with text keys. Raises
    ``ValueError`` for NaN and Infinity, for half of a surrogate pair, and for a whole number that a double would
    silently change (the RFC knows doubles only; all up to 2**53 are safe); ``TypeError`` for anything else. Reading
    the text and writing it again gives the same text.
    """
    pieces: list[str] = []
    _write_canonical(value, pieces)
    return "".join(pieces)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_canonical(value: Any, pieces: list[str]) -> None:
    """Add the canonical text of ``value`` to ``pieces``."""
    if value is None or isinstance(value, bool):
        pieces.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, str):
        pieces.append(_quoted(value))
    elif isinstance(value, int):
        pieces.append(_whole(int(value)))
    elif isinstance(value, float):
        pieces.append(_ecmascript(float(value)))
    elif isinstance(value, list | tuple):
        pieces.append("[")
        for place, item in enumerate(value):
            if place:
                pieces.append(",")
            _write_canonical(item, pieces)
        pieces.append("]")
    elif isinstance(value, Mapping):
        pieces.append("{")
        for place, key in enumerate(sorted(value, key=_utf16)):
            pieces.append(f"{',' if place else ''}{_quoted(key)}:")
            _write_canonical(value[key], pieces)
        pieces.append("}")
    else:
        raise TypeError(f"canonical JSON: expected a JSON value, got {type(value).__name__}")


def _quoted(text: str) -> str:
    """Return a JSON string, escaped no more than it must be (RFC 8785, 3.2.2.2)."""
    _utf16(text)
    return json.dumps(text, ensure_ascii=False)


def _utf16(text: Any) -> bytes:
    """Return the UTF-16 code units of a text, by which RFC 8785 (3.2.3) sorts keys."""
    if not isinstance(text, str):
        raise TypeError(f"canonical JSON: expected text as a key, got {text!r}")
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise ValueError(f"canonical JSON: expected Unicode text, got half of a surrogate pair in {text!a}") from None


def _whole(number: int) -> str:
    """Return a whole number, unless reading it as a double (as every other reader does) would give another one."""
    text = str(number) if abs(number) < 10**21 else ""
    if not text or (abs(number) > 2**53 and _ecmascript(float(number)) != text):
        raise ValueError(f"canonical JSON: expected whole numbers up to 2**53, got one of {number.bit_length()} bits")
    return text


def _ecmascript(number: float) -> str:
    """Return a double as ECMAScript writes it (RFC 8785, 3.2.2.3): the shortest digits that name it alone."""
    if not math.isfinite(number):
        raise ValueError(f"canonical JSON: expected finite numbers, got {number}, which is not JSON compliant")
    if number == 0:
        return "0"  # minus zero too
    shortest = repr(number)
    if "e" not in shortest:  # from 0.0001 to 1e16 Python writes as ECMAScript does, but for the point of whole numbers
        return shortest.removesuffix(".0")
    sign, places, exponent = Decimal(shortest).as_tuple()
    assert isinstance(exponent, int)  # finite
    digits = "".join(map(str, places)).rstrip("0")
    point = len(places) + exponent  # digits before the decimal point
    if len(digits) <= point <= 21:
        text = digits.ljust(point, "0")
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        text = f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{point - 1:+d}"
    return f"-{text}" if sign else text


def _take_place(new: Path, path: Path) -> None:
    """Give the folder ``new`` the name of the folder ``path``, which comes back if that is refused."""
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    try:
        path.replace(aside / path.name)
        try:
            new.replace(path)
        except OSError:
            (aside / path.name).replace(path)
            raise
    except OSError:
        with suppress(OSError):
            aside.rmdir()  # only if it is empty: what could not come back stays there
        raise
    shutil.rmtree(aside)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
