"""Everything that can go wrong for a user, and the exit code each mistake ends in.

::

    FairhireError
    ├── GateFailed           1   a gate in the audit plan failed
    ├── UsageError           2   wrong use or configuration
    ├── NotComputableError   3   undecided, or a quantity that does not exist
    ├── DataError            4   unreadable or invalid data
    │   └── StorageError     4   the disk is full, or a file cannot be written
    └── VerificationError    5   a signature, hash or record does not hold

A message is one line: what was expected, what came, and where (file, field or key). A traceback that reaches a user
is a bug of ours, never a way to say something.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "DataError",
    "FairhireError",
    "GateFailed",
    "NotComputableError",
    "StorageError",
    "UsageError",
    "VerificationError",
]


class FairhireError(Exception):
    """The parent of every error a user can cause; its message is one line for that user."""

    exit_code: ClassVar[int] = 1


class GateFailed(FairhireError):  # noqa: N818 - a failed gate is a result, not an error
    """A gate of an audit plan did not hold (exit code 1)."""

    exit_code = 1


class UsageError(FairhireError):
    """An option, argument or configuration value that cannot be used (exit code 2)."""

    exit_code = 2


class NotComputableError(FairhireError):
    """The data are readable but do not decide or define what was asked (exit code 3)."""

    exit_code = 3


class DataError(FairhireError):
    """A file or table that cannot be read or breaks its format (exit code 4)."""

    exit_code = 4


class StorageError(DataError):
    """Something could not be written: disk full, no permission (exit code 4); what was there before is unharmed."""


class VerificationError(FairhireError):
    """A record, signature or checksum does not match what it claims (exit code 5)."""

    exit_code = 5
