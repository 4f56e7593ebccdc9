"""The log that proves a deletion: one line of JSON a request, each bound to the line before it by its hash.

A line says what was done to which file, what was searched, what is left and what no deletion can take back. It does not
say who: it holds the SHA-256 of a random salt and the id, so that whoever holds the request can find its line.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairhire.atomic import canonical_json, write_text
from fairhire.errors import DataError, VerificationError

__all__ = ["PROOF_SCHEMA", "append_proof", "read_proof", "sealed", "was_forgotten"]

PROOF_SCHEMA = 1
"""The number of the layout of a line."""


def sealed(name: str) -> dict[str, str]:
    """Return a random salt of 128 bits, and the SHA-256 of the salt's hexadecimal digits followed by ``name``."""
    salt = secrets.token_hex(16)
    return {"salt": salt, "sha256": _digest(salt + name)}


def append_proof(path: Path, record: Mapping[str, Any]) -> None:
    """Append a line to the proof at ``path``, atomically, unless its last line is that of the same ``request`` already.

    Raises as :func:`read_proof` does: nothing
    is appended to a log that was changed.
    """
    lines = read_proof(path) if path.exists() else []
    if lines and lines[-1]["request"] == record["request"]:
        return
    before = path.read_bytes().decode() if lines else ""
    body = {**record, "schema": PROOF_SCHEMA, "previous": _digest(before.split("\n")[-2]) if lines else None}
    line = canonical_json({**body, "sha256": _digest(canonical_json(body))})
    write_text(path, f"{before}{line}\n")


def read_proof(path: Path | str) -> list[dict[str, Any]]:
    """Return the lines of a proof, oldest first, after checking that none was changed, taken out or put in.

    ``path`` is the proof itself (``PATH.forgotten.jsonl``). Raises :class:`DataError` for a file that is not there or
    has no such lines, :class:`VerificationError` naming the first line that does not hold. A log whose last lines were
    cut off, or that was written anew from its beginning, still holds together: keep its last hash elsewhere.
    """
    path = Path(path)
    try:
        texts = path.read_bytes().decode().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a proof of deletion, got {error}") from None
    if texts[-1]:
        raise VerificationError(f"{path}, line {len(texts)}: expected a whole line, got one that is cut off")
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(texts[:-1], start=1):
        line = _line(text, f"{path}, line {number}")
        if line["previous"] != (_digest(texts[number - 2]) if lines else None):
            raise VerificationError(f"{path}, line {number}: expected what follows the line before it, got another")
        lines.append(line)
    if not lines:
        raise DataError(f"{path}: expected a proof of deletion, got no line")
    return lines


def was_forgotten(path: Path | str, candidate: str) -> bool:
    """Return whether a line of the proof at ``path`` is about ``candidate``; raises as :func:`read_proof` does."""
    return any(
        secrets.compare_digest(str(who["sha256"]), _digest(str(who["salt"]) + candidate))
        for line in read_proof(path)
        for who in line["who"]
    )


def _line(text: str, where: str) -> dict[str, Any]:
    try:
        line: dict[str, Any] = json.loads(text)
        body = {key: value for key, value in line.items() if key != "sha256"}
        holds = line["sha256"] == _digest(canonical_json(body)) and text == canonical_json(line)
        known = isinstance(line["who"], Sequence) and all({"salt", "sha256"} <= set(who) for who in line["who"])
        if line["schema"] != PROOF_SCHEMA or not known or "previous" not in line or "request" not in line:
            raise DataError(f"{where}: expected schema {PROOF_SCHEMA} of a proof of deletion, got another")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise VerificationError(f"{where}: expected a line of a proof of deletion, got something else") from None
    if not holds:
        raise VerificationError(f"{where}: expected the content that its SHA-256 is of, got another: it was changed")
    return line


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
