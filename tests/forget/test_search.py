"""A file is searched to its last byte, in pieces, packed or not; what cannot be looked into is counted."""

import gzip

import numpy as np
import pytest

import fairhire.forget.search
from fairhire.forget.person import Person
from fairhire.forget.search import search
from fairhire.forget.survey import survey

HIM = Person(frozenset({"cand-1"}))


@pytest.mark.parametrize("packed", [False, True])
def test_an_id_is_found_wherever_pieces_end_and_once_only_where_it_stands(tmp_path, monkeypatch, packed):
    monkeypatch.setattr(fairhire.forget.search, "_BLOCK", 64)
    monkeypatch.setattr(fairhire.forget.search, "_MARGIN", 16)
    for before in range(150):
        for what in ("cand-1", "cand-12", "xcand-1"):
            content = ("." * before + what + "." * 40).encode()
            path = tmp_path / f"{before}-{what[:2]}{what[-2:]}.log{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content, 1) if packed else content)
    found = {path.name.partition(".")[0] for path, _ in search(survey([tmp_path]), HIM).left}
    assert found == {f"{before}-ca-1" for before in range(150)}


def test_a_gzip_file_of_several_members_is_read_to_its_end(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"nothing\n") + gzip.compress(b"cand-1"))
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"cand-1, and a damage")[:-9])
    (tmp_path / "c.gz").write_bytes(b"\x1f\x8bcand-1")
    found = [path.name for path, _ in search(survey([tmp_path]), HIM).left]
    assert found[0] == "a.gz"
    assert "c.gz" not in found


def test_arrays_of_texts_and_of_numbers(tmp_path):
    np.save(tmp_path / "names.npy", np.array(["cand-1", "b"]))
    np.save(tmp_path / "numbers.npy", np.frombuffer(b"c-1 " * 64, dtype=np.float32))
    assert [path.name for path, _ in search(survey([tmp_path]), HIM).left] == ["names.npy"]
    assert search(survey([tmp_path]), Person(frozenset({"c-1"}))).left == ()


def test_what_is_packed_is_counted(tmp_path):
    for name, start in (("a.docx", b"PK\x03\x04"), ("b.pdf", b"%PDF-1"), ("c.xz", b"\xfd7zXZ\x00")):
        (tmp_path / name).write_bytes(start + b"cand-1")
    searched = search(survey([tmp_path]), HIM)
    assert searched.left == ()
    assert searched.not_searched == {"zip archives": 1, "PDFs": 1, "xz files": 1}
    assert searched.files == 3


def test_a_file_that_may_not_be_read_is_left_and_stops_nothing(tmp_path, monkeypatch):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("cand-1")
    inner = fairhire.forget.search._closed

    def closed(path):
        if path.name == "a.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return inner(path)

    monkeypatch.setattr(fairhire.forget.search, "_closed", closed)
    left = search(survey([tmp_path]), HIM).left
    assert [(path.name, where) for path, where in left] == [
        ("a.txt", "may not be read, so that nobody can tell what it holds"), ("b.txt", "content"),
    ]  # fmt: skip
