"""Writes a file or a folder so that a crash leaves the old one or none, never half of a new one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it takes the name ``path`` only if the block ends well."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _sync(temporary)
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; it replaces ``path`` only if the block ends well.

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
            temporary.chmod(0o755)
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
    """Return the one JSON text of ``value``: keys sorted, no spaces, UTF-8, no NaN (after RFC 8785)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
