"""The record: read strictly, signed once, and verified so that no changed byte passes."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from fairhire.atomic import canonical_json
from fairhire.errors import DataError, UsageError, VerificationError
from fairhire.report.record import Verification, new_key, read_record, sign, verify

WHEN = "2026-11-22"
OBJECTS = [
    *("missing", "inputs", "groups", "outcomes", "labels", "calibration", "scores", "thresholds"),
    *("leakage", "leakage_against", "findings", "warnings", "left_out", "events"),
]


def record(**changes: Any) -> dict[str, Any]:
    """Return a record with every part that docs/audit-record.md names, all of them small."""
    return {
        "schema": 1,
        "title": "Audit of scores.csv",
        "subject": "scores.csv",
        "plan": {"name": "four-fifths", "version": "1", "level": 0.95},
        "about": {},
        "versions": {"fairhire": "0.1.0"},
        "code": None,
        "seed": 0,
        "model": None,
        "rows": {"read": 10, "counted": 10, "people": 10},
        "rates": ["selection"],
        "scoring": None,
        "threshold": None,
        "merged": {},
        "gate": {"verdict": "none", "written": None, "note": None},
        "events_sha256": sha256(b"[]").hexdigest(),
        **{name: [] for name in OBJECTS},
        **changes,
    }


def write(path: Path, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(canonical_json(record(**changes)).encode())
    return path


def beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    new_key(tmp_path / "keys" / "auditor")
    return tmp_path / "keys" / "auditor"


@pytest.fixture
def public(key: Path) -> Path:
    return key.with_name("auditor.pub")


@pytest.fixture
def signed(tmp_path: Path, key: Path) -> Path:
    path = write(tmp_path / "AUDIT.json")
    sign(path, key, signer="Ada Audit", signed_at=WHEN)
    return path


def said(found: Verification) -> str:
    return " ".join(found.words)


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = write(tmp_path / "AUDIT.json", seed=7, threshold=0.5)
    assert read_record(path) == record(seed=7, threshold=0.5)
    assert read_record(str(path))["seed"] == 7


def test_a_record_may_be_laid_out_for_reading_but_then_not_be_signed(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "AUDIT.json"
    path.write_text(json.dumps(record(), indent=2))
    assert read_record(path) == record()
    with pytest.raises(DataError, match="expected canonical JSON"):
        sign(path, key, signer="Ada", signed_at=WHEN)
    assert not beside(path).exists()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "expected JSON"),
        (b"{", "expected JSON"),
        (b"[1]", "a JSON object, got list"),
        (b"\xff{}", "expected JSON"),
        (b"\xef\xbb\xbf{}", "expected JSON"),
        (b'{"schema":1,"schema":1}', "a key twice"),
        (b'{"deep":[{"a":1,"a":2}]}', "a key twice"),
        (b'{"schema":NaN}', "NaN, which is no number"),
        (b'{"schema":-Infinity}', "-Infinity, which is no number"),
        (b'{"schema":1e999}', "expected finite numbers"),
        (b'{"schema":1,"n":123456789012345678901}', "whole numbers up to"),
        (b'{"schema":1,"n":"\\ud800"}', "half of a surrogate pair"),
        (b"[" * 100_000, "nested without end"),
        (b"{}", "schema 1, got None"),
        (b'{"schema":2}', "schema 1, got 2"),
        (b'{"schema":true}', "schema 1, got True"),
        (b'{"schema":"1"}', "schema 1, got '1'"),
        (b'{"schema":1}', "expected 'title'"),
        (canonical_json(record(groups={})).encode(), "groups: expected objects, got dict"),
        (canonical_json(record(groups=[1])).encode(), "groups: expected objects"),
        (canonical_json(record(plan=None)).encode(), "plan: expected object, got NoneType"),
        (canonical_json(record(seed=True)).encode(), "seed: expected number, got bool"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "AUDIT.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=why) as error:
        read_record(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_record_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_record(tmp_path / "none.json")
    with pytest.raises(DataError, match="Is a directory"):
        read_record(tmp_path)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=60))
def test_no_bytes_make_the_reader_stumble(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data)
    with pytest.raises(DataError):
        read_record(path)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_a_new_private_key_is_for_its_owner_only(key: Path, public: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE KEY" in key.read_bytes()
    assert b"PUBLIC KEY" in public.read_bytes()
    assert b"PRIVATE" not in public.read_bytes()


@pytest.mark.parametrize("name", ["auditor", "auditor.pub"])
def test_a_key_is_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(UsageError, match="never overwritten"):
        new_key(tmp_path / "auditor")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_does_not_sign(tmp_path: Path, key: Path, mode: int) -> None:
    path = write(tmp_path / "AUDIT.json")
    key.chmod(mode)
    with pytest.raises(UsageError, match=f"chmod 600.*{mode:o}"):
        sign(path, key, signer="Ada", signed_at=WHEN)
    assert not beside(path).exists()
    key.chmod(0o400)
    assert sign(path, key, signer="Ada", signed_at=WHEN) == beside(path)


def test_only_an_unencrypted_ed25519_key_signs(tmp_path: Path, key: Path, public: Path) -> None:
    path = write(tmp_path / "AUDIT.json")
    pem, pkcs8 = Encoding.PEM, PrivateFormat.PKCS8
    other = generate_private_key(SECP256R1()).private_bytes(pem, pkcs8, NoEncryption())
    locked = load_pem_private_key(key.read_bytes(), None).private_bytes(pem, pkcs8, BestAvailableEncryption(b"secret"))
    for name, data in {"other": other, "locked": locked, "public": public.read_bytes(), "empty": b""}.items():
        place = tmp_path / name
        place.write_bytes(data)
        place.chmod(0o600)
        with pytest.raises(UsageError, match=f"{name}: expected an (unencrypted )?Ed25519 private key"):
            sign(path, place, signer="Ada", signed_at=WHEN)
    with pytest.raises(UsageError, match="expected a private key, got: No such file"):
        sign(path, tmp_path / "none", signer="Ada", signed_at=WHEN)


# --- signing --------------------------------------------------------------------------------------------------------


def test_a_signature_is_what_its_page_says_and_can_be_checked_without_us(signed: Path) -> None:
    data = beside(signed).read_bytes()
    statement = json.loads(data)
    assert canonical_json(statement).encode() == data
    assert list(statement) == [
        *("algorithm", "previous", "public_key", "record_sha256"),
        *("schema", "signature", "signed_at", "signer"),
    ]
    assert statement["record_sha256"] == sha256(signed.read_bytes()).hexdigest()
    assert (statement["schema"], statement["algorithm"], statement["previous"]) == (1, "Ed25519", None)
    signature = bytes.fromhex(statement.pop("signature"))
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(statement["public_key"]))
    key.verify(signature, canonical_json(statement).encode())  # raises unless it holds


def test_the_same_record_signed_twice_gives_the_same_bytes(tmp_path: Path, key: Path) -> None:
    first, second = (write(tmp_path / name / "AUDIT.json") for name in ("a", "b"))
    for path in (first, second):
        sign(path, key, signer="Ada", signed_at=WHEN)
    assert beside(first).read_bytes() == beside(second).read_bytes()


def test_a_signature_is_never_overwritten(signed: Path, key: Path) -> None:
    before = beside(signed).read_bytes()
    with pytest.raises(UsageError, match="never overwritten"):
        sign(signed, key, signer="Eve", signed_at=WHEN)
    assert beside(signed).read_bytes() == before


@pytest.mark.parametrize("signer", ["", " Ada", "Ada\n", "A\x00da", "Ada\u202e", "a" * 201, "\ud800"])
def test_a_signer_is_a_name_on_one_line(tmp_path: Path, key: Path, signer: str) -> None:
    path = write(tmp_path / "AUDIT.json")
    with pytest.raises(UsageError, match="the signer: expected"):
        sign(path, key, signer=signer, signed_at=WHEN)
    assert not beside(path).exists()


@pytest.mark.parametrize(
    "when", ["", "yesterday", "2026-13-01", "2026-02-30", "2026-11-22T09:30:00", "20261122", "٢٠٢٦-١١-٢٢"]
)
def test_a_time_is_a_date_or_a_time_with_its_offset(tmp_path: Path, key: Path, when: str) -> None:
    path = write(tmp_path / "AUDIT.json")
    with pytest.raises(UsageError, match="signed at: expected"):
        sign(path, key, signer="Ada", signed_at=when)
    assert sign(path, key, signer="Åda 陳", signed_at="2026-11-22T09:30:00+01:00").exists()
    assert verify(path).record.signer == "Åda 陳"


def test_a_damaged_record_is_not_signed(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "AUDIT.json"
    path.write_bytes(canonical_json(record()).encode()[:-1])
    with pytest.raises(DataError):
        sign(path, key, signer="Ada", signed_at=WHEN)
    assert not beside(path).exists()


# --- verifying ------------------------------------------------------------------------------------------------------


def test_what_was_signed_verifies_and_the_words_say_what_that_proves(signed: Path, public: Path) -> None:
    found = verify(signed)
    assert (found.trusted, found.complete, len(found.chain)) == (False, True, 1)
    assert found.record.record_sha256 == sha256(signed.read_bytes()).hexdigest()
    assert (found.record.signer, found.record.signed_at) == ("Ada Audit", WHEN)
    assert "signed by the key in the signature itself" in said(found)
    assert "proves only that it has not been changed since" in said(found)
    assert "give --public-key of a signer you trust" in said(found).lower()
    assert "taken away cannot be seen" in said(found)
    trusted = verify(signed, public_key=public)
    assert trusted.trusted
    assert "signed by the key that you gave" in said(trusted)
    assert "proves only that" not in said(trusted)
    assert json.loads(json.dumps(trusted.to_dict()))["chain"][0]["name"] == "AUDIT.json"


def fails(path: Path, why: str, **options: Any) -> None:
    with pytest.raises(VerificationError, match=why) as error:
        verify(path, **options)
    assert error.value.exit_code == 5
    assert "\n" not in str(error.value)


def test_an_unsigned_record_is_called_unsigned(tmp_path: Path) -> None:
    fails(write(tmp_path / "AUDIT.json"), "AUDIT.json: unsigned: expected a signature in AUDIT.json.sig")


def test_a_record_that_is_gone_fails(signed: Path) -> None:
    signed.unlink()
    fails(signed, "expected a record to verify")


def test_another_key_fails_even_where_the_signature_holds(tmp_path: Path, signed: Path, public: Path) -> None:
    other = new_key(tmp_path / "keys" / "other")
    fails(signed, "got one by another key", public_key=other)
    # Somebody changes the record and signs it anew: without a key to trust that cannot be seen, with one it is.
    write(signed, seed=666)
    beside(signed).unlink()
    sign(signed, tmp_path / "keys" / "other", signer="Ada Audit", signed_at=WHEN)
    assert not verify(signed).trusted
    fails(signed, "got one by another key", public_key=public)


def test_a_public_key_that_cannot_be_read_fails(tmp_path: Path, signed: Path, key: Path) -> None:
    fails(signed, "expected a public key, got: No such file", public_key=tmp_path / "none.pub")
    fails(signed, "Ed25519 public key", public_key=key)
    elliptic = generate_private_key(SECP256R1()).public_key()
    place = tmp_path / "ec.pub"
    place.write_bytes(elliptic.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    fails(signed, "another kind of key", public_key=place)


@settings(deadline=None, max_examples=250)
@given(data=st.data())
def test_any_changed_byte_of_either_file_fails(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp() / "flip"
    path = folder / "AUDIT.json"
    if not (folder / "key").exists():
        new_key(folder / "key")
        sign(write(path), folder / "key", signer="Ada", signed_at=WHEN)
    verify(path)
    target = data.draw(st.sampled_from([path, beside(path)]))
    before = target.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    change = data.draw(st.integers(1, 255))
    edit = data.draw(st.sampled_from(["flip", "drop", "repeat", "cut"]))
    changed = {
        "flip": before[:place] + bytes([before[place] ^ change]) + before[place + 1 :],
        "drop": before[:place] + before[place + 1 :],
        "repeat": before[: place + 1] + before[place:],
        "cut": before[:place],
    }[edit]
    try:
        target.write_bytes(changed)
        with pytest.raises(VerificationError) as error:
            verify(path)
        assert "\n" not in str(error.value)
    finally:
        target.write_bytes(before)


def test_the_same_content_in_other_bytes_fails(signed: Path) -> None:
    place = beside(signed)
    place.write_text(json.dumps(json.loads(place.read_text()), indent=1))
    fails(signed, "same content in other bytes")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 2}, "schema: malformed or unknown: 2"),
        ({"schema": True}, "schema: malformed or unknown: True"),
        ({"algorithm": "none"}, "algorithm: malformed or unknown: 'none'"),
        ({"algorithm": ["Ed25519"]}, "algorithm: malformed"),
        ({"record_sha256": "A" * 64}, "record_sha256: malformed"),
        ({"record_sha256": "0" * 64}, "changed since it was signed"),
        ({"public_key": "0" * 63}, "public_key: malformed"),
        ({"public_key": "f" * 64}, "the signature does not hold"),
        ({"signature": "0" * 128}, "the signature does not hold"),
        ({"signature": ""}, "signature: malformed"),
        ({"signer": "Eve"}, "the signature does not hold"),
        ({"signer": "a\nb"}, "signer: malformed"),
        ({"signed_at": "2020-01-01"}, "the signature does not hold"),
        ({"signed_at": 5}, "signed_at: malformed"),
        ({"previous": {}}, "previous: malformed"),
        ({"previous": {"record_sha256": "0" * 64, "signature_sha256": "0" * 64}}, "the signature does not hold"),
        ({"note": "harmless"}, "expected exactly the keys"),
    ],
)
def test_a_signature_that_states_anything_else_fails(signed: Path, change: dict[str, Any], why: str) -> None:
    place = beside(signed)
    place.write_text(canonical_json({**json.loads(place.read_text()), **change}))
    fails(signed, why)


@pytest.mark.parametrize("name", ["schema", "algorithm", "previous", "signer", "signature"])
def test_a_signature_without_a_key_fails(signed: Path, name: str) -> None:
    place = beside(signed)
    statement = json.loads(place.read_text())
    del statement[name]
    place.write_text(canonical_json(statement))
    fails(signed, "expected exactly the keys")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "expected JSON"),
        (b"null", "NoneType"),
        (b" " * 20_000, "few hundred bytes, got 20000"),
        (b"\xff", "expected JSON"),
    ],
)
def test_what_is_no_signature_fails(signed: Path, data: bytes, why: str) -> None:
    beside(signed).write_bytes(data)
    fails(signed, why)


def test_a_signature_over_a_record_that_is_not_canonical_fails(signed: Path, key: Path) -> None:
    # made with the right key, by a program that did not look at what it signed
    signed.write_text(json.dumps(record(), indent=1))
    statement = json.loads(beside(signed).read_text())
    del statement["signature"]
    statement["record_sha256"] = sha256(signed.read_bytes()).hexdigest()
    secret = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(secret, Ed25519PrivateKey)
    signature = secret.sign(canonical_json(statement).encode()).hex()
    beside(signed).write_text(canonical_json({**statement, "signature": signature}))
    fails(signed, "expected canonical JSON, byte for byte")


def test_a_folder_in_the_place_of_a_signature_fails(signed: Path) -> None:
    beside(signed).unlink()
    beside(signed).mkdir()
    fails(signed, "Is a directory")


# --- the chain ------------------------------------------------------------------------------------------------------


@pytest.fixture
def chain(tmp_path: Path, key: Path) -> list[Path]:
    """Three records in one folder, each signed after the one before it."""
    folder = tmp_path / "audits"
    paths = [write(folder / f"AUDIT-{year}.json", seed=year) for year in (2024, 2025, 2026)]
    for place, path in enumerate(paths):
        before = paths[place - 1] if place else None
        sign(path, key, signer="Ada", signed_at=f"{2024 + place}-06-01", previous=before)
    return paths


def test_a_chain_is_followed_back_to_its_first_record(chain: list[Path], public: Path) -> None:
    found = verify(chain[2], public_key=public)
    assert [link.name for link in found.chain] == ["AUDIT-2026.json", "AUDIT-2025.json", "AUDIT-2024.json"]
    assert found.complete
    assert "holds back to its first record: AUDIT-2025.json ('Ada', 2025-06-01), AUDIT-2024.json" in said(found)
    assert verify(chain[0]).complete
    assert "names no record before it" in said(verify(chain[0]))
    assert verify(chain[2], previous=chain[1]).complete


@pytest.mark.parametrize("gone", [0, 1])
def test_a_chain_says_how_far_it_was_checked(chain: list[Path], gone: int) -> None:
    chain[gone].unlink()
    beside(chain[gone]).unlink()
    found = verify(chain[2])
    assert not found.complete
    assert len(found.chain) == 2 - gone
    assert "was checked" in said(found)
    assert ("AUDIT-2025.json" in said(found)) == (gone == 0)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("part", ["record", "signature"])
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_an_earlier_record_that_was_touched_breaks_the_chain(
    chain: list[Path], which: int, part: str, how: str
) -> None:
    target = chain[which] if part == "record" else beside(chain[which])
    if how == "gone":
        target.unlink()
    else:
        target.write_bytes(target.read_bytes().replace(b"Ada" if part == "signature" else b"scores", b"Eve"))
    fails(chain[2], "AUDIT-202")


def test_an_earlier_record_signed_anew_breaks_the_chain(chain: list[Path], key: Path) -> None:
    beside(chain[1]).unlink()
    sign(chain[1], key, signer="Ada", signed_at="2025-07-01", previous=chain[0])
    fails(chain[2], "got another signature")


def test_the_record_named_as_previous_must_be_the_one_that_was_meant(chain: list[Path], tmp_path: Path) -> None:
    fails(chain[2], "got another record", previous=chain[0])
    fails(chain[2], "expected a record to verify", previous=tmp_path / "none.json")
    fails(chain[0], "names none", previous=chain[1])
    fails(chain[2], "unsigned", previous=write(tmp_path / "unsigned.json"))


def test_a_previous_record_may_lie_elsewhere(chain: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for path in chain[:2]:
        path.rename(folder / path.name)
        beside(path).rename(beside(folder / path.name))
    assert len(verify(chain[2]).chain) == 1
    found = verify(chain[2], previous=folder / chain[1].name)
    assert found.complete
    assert len(found.chain) == 3


def test_a_chain_may_change_hands_and_that_is_said(chain: list[Path], tmp_path: Path) -> None:
    other = new_key(tmp_path / "keys" / "successor")
    path = write(chain[0].with_name("AUDIT-2027.json"), seed=2027)
    sign(path, tmp_path / "keys" / "successor", signer="Grace", signed_at="2027-06-01", previous=chain[2])
    found = verify(path, public_key=other)
    assert len(found.chain) == 4
    assert "Signed by another key than AUDIT-2027.json: AUDIT-2026.json" in said(found)
    assert "another key" not in said(verify(chain[2]))


def test_only_a_record_that_verifies_is_followed(chain: list[Path], tmp_path: Path, key: Path) -> None:
    path = write(tmp_path / "new.json", seed=1)
    for previous, why in ((write(tmp_path / "old.json"), "unsigned"), (tmp_path / "none.json", "expected a record")):
        with pytest.raises(VerificationError, match=why):
            sign(path, key, signer="Ada", signed_at=WHEN, previous=previous)
    copy = tmp_path / "copy.json"
    copy.write_bytes(chain[0].read_bytes())
    with pytest.raises(UsageError, match="got the same record"):
        sign(copy, key, signer="Ada", signed_at=WHEN, previous=chain[0])
    assert not beside(path).exists()
    assert not beside(copy).exists()


def test_the_end_of_a_chain_can_be_cut_off_unseen_and_the_words_admit_it(chain: list[Path]) -> None:
    chain[2].unlink()
    beside(chain[2]).unlink()
    found = verify(chain[1])
    assert found.complete
    assert "later records were signed and then taken away cannot be seen" in said(found)
