"""A part comes back as it was written, and anything else is refused without running it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from fairhire.errors import DataError
from fairhire.extract.part import Part, facts_of, read_part


def part(**changes):
    values = {
        "key": "k", "interview": "i", "candidate": "c", "slot": 2, "words": ("grüß", "gott"),
        "arrays": {"audio": np.ones((3, 25), np.float32), "crops": np.zeros((1, 4, 4, 3), np.uint8)},
        "channels": ("roll", "face_seen"), "binary": ("face_seen",), "facts": {"seconds": 1.5}, "remarks": ("odd",),
    }  # fmt: skip
    return Part(**(values | changes))


@pytest.mark.parametrize("changes", [{}, {"arrays": {}, "words": (), "facts": {}, "channels": (), "binary": ()}])
def test_a_part_comes_back(tmp_path, changes):
    written = part(**changes)
    path = tmp_path / "x.safetensors"
    path.write_bytes(written.to_bytes())
    back = read_part(path)
    for name in ("key", "interview", "candidate", "slot", "words", "channels", "binary", "facts", "remarks"):
        assert getattr(back, name) == getattr(written, name)
    assert back.arrays.keys() == written.arrays.keys()
    for name, array in back.arrays.items():
        np.testing.assert_array_equal(array, written.arrays[name])
    assert facts_of(path)["candidate"] == "c"


def test_an_array_of_another_name_is_refused():
    with pytest.raises(DataError, match="expected arrays audio, video, word_times, crops, faces, voice, got 'gender'"):
        part(arrays={"gender": np.ones(1)}).to_bytes()


@given(st.binary(max_size=300))
def test_any_other_file_is_refused_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("odd") / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected what was read from a recording") as caught:
        read_part(path)
    assert "\n" not in str(caught.value)


def test_a_safetensors_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    for metadata in (None, {"record": "no json"}, {"record": "[]"}, {"record": '{"schema": 9}'}):
        save_file({"a": np.ones(1)}, path, metadata=metadata)
        with pytest.raises(DataError):
            read_part(path)
    save_file({"a": np.ones(1)}, path, metadata={"record": '{"schema": 1}'})
    with pytest.raises(DataError, match="KeyError"):
        read_part(path)
