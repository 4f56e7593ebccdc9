"""Reads the record of an audit, signs it, and verifies that not one byte of it has changed since.

A hash that stands beside a record proves nothing: whoever changes the one writes the other anew. A signature is made
with a private key (Ed25519), lies beside the record as ``AUDIT.json.sig`` and may name the record before it. It is
canonical JSON (RFC 8785) with exactly these keys, and is made over the canonical JSON of all but the last::

    {schema: 1, algorithm: "Ed25519", record_sha256, previous: null or {record_sha256, signature_sha256},
     signer, signed_at, public_key: 64 hexadecimal digits, signature: 128 hexadecimal digits}

Verification fails closed: whatever is missing, malformed or does not fit ends in :class:`VerificationError`.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from fairhire.atomic import canonical_json, storage_errors, write_text
from fairhire.errors import DataError, UsageError, VerificationError

__all__ = ["RECORD_SCHEMA", "SIGNATURE_SCHEMA", "Link", "Verification", "new_key", "read_record", "sign", "verify"]

RECORD_SCHEMA = 1
SIGNATURE_SCHEMA = 1

_ALGORITHM = "Ed25519"
_LARGEST_SIGNATURE = 10_000  # bytes; ours have under 1,000
_LONGEST_SIGNER = 200

_HEX32, _HEX64 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{128}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?")

# The parts of AUDIT.json (docs/audit-record.md) and what JSON holds there; "?" where it may be null.
_PARTS = {
    "schema": "number", "title": "text", "subject": "text", "plan": "object", "about": "object", "missing": "objects",
    "inputs": "objects", "versions": "object", "code": "object?", "seed": "number", "model": "object?",
    "rows": "object?", "rates": "list", "scoring": "object?", "threshold": "number?", "merged": "object",
    "groups": "objects", "outcomes": "objects", "labels": "objects", "calibration": "objects", "scores": "objects",
    "thresholds": "objects", "leakage": "objects", "leakage_against": "objects", "findings": "objects",
    "gate": "object", "warnings": "objects", "left_out": "objects", "events": "objects", "events_sha256": "text",
}  # fmt: skip
_KINDS: dict[str, type | tuple[type, ...]] = {"text": str, "number": (int, float), "list": list, "object": dict}


@dataclass(frozen=True)
class Link:
    """One signed record of a chain: the ``name`` of its file, its SHA-256, and what its signature says."""

    name: str
    record_sha256: str
    signer: str
    signed_at: str
    public_key: str

    def to_dict(self) -> dict[str, str]:
        """Return the link as JSON can hold it."""
        return {
            "name": self.name,
            "record_sha256": self.record_sha256,
            "signer": self.signer,
            "signed_at": self.signed_at,
            "public_key": self.public_key,
        }


@dataclass(frozen=True)
class Verification:
    """What holds of a signed record.

    ``chain`` begins with the record itself and goes back as far as it could be followed; ``complete`` says whether
    that is the first of the chain. ``trusted`` says whether the key was the one that the caller trusts. ``words``
    says all of it, and what it does not prove, in sentences.
    """

    chain: tuple[Link, ...]
    complete: bool
    trusted: bool
    words: tuple[str, ...]

    @property
    def record(self) -> Link:
        """The record that was verified."""
        return self.chain[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the verification as JSON can hold it."""
        return {
            "chain": [link.to_dict() for link in self.chain],
            "complete": self.complete,
            "trusted": self.trusted,
            "words": list(self.words),
        }


@dataclass(frozen=True)
class _Previous:
    """The record before, by the hashes of its file and of its signature's file."""

    record_sha256: str
    signature_sha256: str


@dataclass(frozen=True)
class _Signature:
    """A signature file that was read and whose signature holds."""

    link: Link
    previous: _Previous | None
    sha256: str


def read_record(path: Path | str) -> dict[str, Any]:
    """Read an AUDIT.json strictly: a known schema, every part there, no NaN, no key twice.

    Raises :class:`DataError` naming the file and what is wrong.
    """
    path = Path(path)
    return _parse_record(_bytes_of(path), path)


def new_key(path: Path | str) -> Path:
    """Make a key pair: the private key at ``path`` (PEM, for its owner's eyes only) and the public one beside it.

    Returns the path of the public key, ``path`` with ``.pub`` added. Raises :class:`UsageError` where one of the two
    is there already: a key is never overwritten.
    """
    path = Path(path)
    public = path.with_name(f"{path.name}.pub")
    for taken in (path, public):
        if os.path.lexists(taken):
            raise UsageError(f"{taken}: expected no such file, for a key is never overwritten; give another name")
    key = Ed25519PrivateKey.generate()
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not through a file that others may read for an instant: this one is its owner's from the first moment.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
    write_text(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    return public


def sign(path: Path | str, key: Path | str, *, signer: str, signed_at: str, previous: Path | str | None = None) -> Path:
    """Sign the record at ``path`` with the private key at ``key``; return the new signature file, ``path`` + ``.sig``.

    ``signer`` and ``signed_at`` (2026-11-22, or with a time and its offset) are what the signer states. ``previous``
    is the record that this one follows: it must verify itself, and is bound by its hash and that of its signature.

    Raises :class:`DataError` for a record that is not byte for byte canonical, :class:`UsageError` for a key that
    cannot be used or that others may read, for a signature that is there already, and for a signer or a time that is
    none; :class:`VerificationError` for a previous record that does not verify.
    """
    path, key = Path(path), Path(key)
    data = _bytes_of(path)
    _canonical_record(data, path)
    digest = sha256(data).hexdigest()
    place = _beside(path)
    if os.path.lexists(place):
        raise UsageError(f"{place}: expected no signature yet, for one is never overwritten; move it away first")
    if not _is_signer(signer):
        raise UsageError(f"the signer: expected 1 to {_LONGEST_SIGNER} printable characters, got {signer!a}")
    if not _is_moment(signed_at):
        raise UsageError(f"signed at: expected 2026-11-22 or 2026-11-22T09:30:00Z, got {signed_at!a}")
    before = None
    if previous is not None:
        earlier = _check(Path(previous))
        if earlier.link.record_sha256 == digest:
            raise UsageError(f"{previous}: expected the record before {path}, got the same record")
        before = {"record_sha256": earlier.link.record_sha256, "signature_sha256": earlier.sha256}
    secret = _private_key(key)
    statement = {
        "schema": SIGNATURE_SCHEMA,
        "algorithm": _ALGORITHM,
        "record_sha256": digest,
        "previous": before,
        "signer": signer,
        "signed_at": signed_at,
        "public_key": _hex_of(secret.public_key()),
    }
    signature = secret.sign(canonical_json(statement).encode())
    write_text(place, canonical_json({**statement, "signature": signature.hex()}))
    return place


def verify(
    path: Path | str, *, public_key: Path | str | None = None, previous: Path | str | None = None
) -> Verification:
    """Return what holds of the record at ``path`` and its signature beside it, ``path`` + ``.sig``.

    ``public_key`` is the key of the signer you trust: without it a signature proves only that nobody changed the
    record without signing it anew. The chain is followed back through records that lie in the same folder;
    ``previous`` is the record before this one where it lies elsewhere, and must then be exactly that.

    Raises :class:`VerificationError` for every doubt: no signature, a changed byte in either file, another key, another
    algorithm, unknown keys, a previous record that is missing where it was named, changed, or not the one meant.
    """
    path = Path(path)
    trusted = None if public_key is None else _public_key(Path(public_key))
    found = _check(path)
    if trusted is not None and found.link.public_key != trusted:
        raise VerificationError(
            f"{_beside(path)}: expected a signature by the key {public_key} ({trusted}), "
            f"got one by another key ({found.link.public_key})"
        )
    if previous is not None and found.previous is None:
        raise VerificationError(
            f"{_beside(path)}: expected it to name the record before, {previous}, but it names none"
        )
    links = [found.link]
    place: Path | None = path
    while found.previous is not None and place is not None:
        place = Path(previous) if previous is not None and len(links) == 1 else _look_beside(place, found.previous)
        if place is not None:
            found = _check(place, wanted=found.previous)
            links.append(found.link)
    chain, complete = tuple(links), found.previous is None
    return Verification(chain, complete, trusted is not None, _words(chain, complete=complete, trusted=trusted))


def _words(chain: tuple[Link, ...], *, complete: bool, trusted: str | None) -> tuple[str, ...]:
    record, earlier = chain[0], chain[1:]
    said = [f"{record.name} is byte for byte the record that was signed (SHA-256 {record.record_sha256})."]
    said.append(
        "The signature covers this record alone: page, PDF and tables beside it prove nothing; make them anew with "
        "fairhire report."
    )
    if trusted is None:
        said.append(
            f"It is signed by the key in the signature itself ({record.public_key}), which proves only that it has not "
            "been changed since: anybody could have changed it and signed anew with a key of their own. "
            "Give --public-key of a signer you trust."
        )
    else:
        said.append(f"It is signed by the key that you gave ({trusted}).")
    said.append(
        f"The signer gave the name {record.signer!r} and the time {record.signed_at}; "
        "a signature proves who held the key, not a name nor a time."
    )
    if not earlier and complete:
        said.append("It names no record before it: it is alone, or the first of a chain.")
    elif complete:
        said.append(f"The chain holds back to its first record: {_list(earlier)}.")
    elif earlier:
        said.append(
            f"Of the records before it these were found and hold: {_list(earlier)}; the one before those does not lie "
            "beside them, so neither it nor any older one was checked."
        )
    else:
        said.append(
            "It names a record before it that does not lie beside it, so neither that nor any older one was checked."
        )
    if others := [link for link in earlier if link.public_key != record.public_key]:
        said.append(f"Signed by another key than {record.name}: {_list(tuple(others))}.")
    said.append(
        "Whether later records were signed and then taken away cannot be seen from the files: "
        "keep the newest signature where nobody can remove it."
    )
    return tuple(said)


def _list(links: tuple[Link, ...]) -> str:
    return ", ".join(f"{link.name} ({link.signer!r}, {link.signed_at})" for link in links)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")


def _look_beside(path: Path, wanted: _Previous) -> Path | None:
    """Return the file in the folder of ``path`` that is the wanted record or carries its signature, else None.

    One of the two hashes is enough to be found, so that a changed record or signature is noticed, not passed over.
    """
    folder = path.parent
    names = {*folder.glob("*.json"), *(Path(str(place).removesuffix(".sig")) for place in folder.glob("*.sig"))}
    fits = {
        place: (_hash(place) == wanted.record_sha256) + (_hash(_beside(place)) == wanted.signature_sha256)
        for place in sorted(names - {path})
    }
    best = max(fits, key=lambda place: fits[place], default=None)
    return best if best is not None and fits[best] else None


def _hash(path: Path) -> str | None:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _check(path: Path, *, wanted: _Previous | None = None) -> _Signature:
    """Return the signature of the record at ``path`` once everything about both holds."""
    place = _beside(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VerificationError(f"{path}: expected a record to verify, got: {error.strerror}") from None
    try:
        written = place.read_bytes()
    except FileNotFoundError:
        raise VerificationError(
            f"{path}: unsigned: expected a signature in {place.name} beside it, found none"
        ) from None
    except OSError as error:
        raise VerificationError(f"{place}: expected a signature, got: {error.strerror}") from None
    statement = _parse_signature(written, place)
    digest, signed = sha256(data).hexdigest(), sha256(written).hexdigest()
    if wanted is not None and wanted != _Previous(digest, signed):
        which = "record" if digest != wanted.record_sha256 else "signature"
        raise VerificationError(
            f"{path}: expected the record that the next one names as its previous, got another {which}"
        )
    if statement["record_sha256"] != digest:
        raise VerificationError(
            f"{path}: changed since it was signed: expected SHA-256 {statement['record_sha256']}, got {digest}"
        )
    message = canonical_json({name: value for name, value in statement.items() if name != "signature"})
    public_key = statement["public_key"]
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(statement["signature"]), message.encode())
    except (InvalidSignature, ValueError):
        raise VerificationError(f"{place}: the signature does not hold for what it states") from None
    try:
        _canonical_record(data, path)
    except DataError as error:
        raise VerificationError(str(error)) from None
    link = Link(path.name, digest, statement["signer"], statement["signed_at"], public_key)
    before = statement["previous"]
    return _Signature(link, None if before is None else _Previous(**before), signed)


def _parse_signature(data: bytes, path: Path) -> dict[str, Any]:
    """Return what a signature file states; the file must be exactly the canonical text of it."""
    if len(data) > _LARGEST_SIGNATURE:
        raise VerificationError(f"{path}: expected a signature of a few hundred bytes, got {len(data)}")
    try:
        statement = _strict_json(data, path)
    except DataError as error:
        raise VerificationError(str(error)) from None
    checks: dict[str, Callable[[Any], bool]] = {
        "schema": lambda value: type(value) is int and value == SIGNATURE_SCHEMA,
        "algorithm": lambda value: value == _ALGORITHM,
        "record_sha256": lambda value: _is_hex(value, _HEX32),
        "previous": _is_previous,
        "signer": _is_signer,
        "signed_at": _is_moment,
        "public_key": lambda value: _is_hex(value, _HEX32),
        "signature": lambda value: _is_hex(value, _HEX64),
    }
    if not isinstance(statement, dict) or set(statement) != set(checks):
        got = ", ".join(map(ascii, statement)) if isinstance(statement, dict) else type(statement).__name__
        raise VerificationError(f"{path}: expected exactly the keys {', '.join(checks)}, got {got}")
    for name, holds in checks.items():
        if not holds(statement[name]):
            raise VerificationError(f"{path}, {name}: malformed or unknown: {statement[name]!a:.100}")
    if canonical_json(statement).encode() != data:
        raise VerificationError(f"{path}: expected canonical JSON, got the same content in other bytes")
    return statement


def _is_hex(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_previous(value: Any) -> bool:
    if value is None:
        return True
    names = {"record_sha256", "signature_sha256"}
    return isinstance(value, dict) and set(value) == names and all(_is_hex(digest, _HEX32) for digest in value.values())


def _is_signer(value: Any) -> bool:
    """Say whether a name fits on a line and shows what it is: no line ends, nothing that turns the writing around."""
    return (
        isinstance(value, str) and 0 < len(value) <= _LONGEST_SIGNER and value.isprintable() and value == value.strip()
    )


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None or not value.isascii():
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _parse_record(data: bytes, path: Path) -> dict[str, Any]:
    record = _strict_json(data, path)
    if not isinstance(record, dict):
        raise DataError(f"{path}: expected the record of an audit, a JSON object, got {type(record).__name__}")
    if (schema := record.get("schema")) != RECORD_SCHEMA or isinstance(schema, bool):
        raise DataError(f"{path}: expected the record of an audit with schema {RECORD_SCHEMA}, got {schema!a:.100}")
    for name, kind in _PARTS.items():
        if name not in record:
            raise DataError(f"{path}: expected {name!r} in the record of an audit, got none")
        if not _is_kind(record[name], kind):
            raise DataError(f"{path}, {name}: expected {kind.rstrip('?')}, got {type(record[name]).__name__}")
    return record


def _is_kind(value: Any, kind: str) -> bool:
    if value is None:
        return kind.endswith("?")
    if kind == "objects":
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return isinstance(value, _KINDS[kind.rstrip("?")]) and not isinstance(value, bool)


def _canonical_record(data: bytes, path: Path) -> None:
    if canonical_json(_parse_record(data, path)).encode() != data:
        raise DataError(f"{path}: expected canonical JSON, byte for byte as fairhire audit writes it, got other bytes")


def _strict_json(data: bytes, path: Path) -> Any:
    """Return what JSON bytes hold; what a lenient reader would let pass is refused with :class:`DataError`."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
        canonical_json(value)  # numbers that are no doubles, and text that is no Unicode
    except RecursionError:
        raise DataError(f"{path}: expected JSON, got lists or objects nested without end") from None
    except ValueError as error:
        raise DataError(f"{path}: expected JSON, got {error}") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice in one object")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word}, which is no number")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected the record of an audit, got: {error.strerror}") from None


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: expected a private key, got: {error.strerror}") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise UsageError(
            f"{path}: expected a private key that only its owner may read (chmod 600), got mode {mode & 0o777:o}"
        )
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(
            f"{path}: expected an unencrypted {_ALGORITHM} private key in PEM, got something else"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path}: expected an {_ALGORITHM} private key, got another kind of key")
    return key


def _public_key(path: Path) -> str:
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise VerificationError(f"{path}: expected a public key, got: {error.strerror}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise VerificationError(f"{path}: expected an {_ALGORITHM} public key in PEM, got something else") from None
    if not isinstance(key, Ed25519PublicKey):
        raise VerificationError(f"{path}: expected an {_ALGORITHM} public key, got another kind of key")
    return _hex_of(key)


def _hex_of(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
