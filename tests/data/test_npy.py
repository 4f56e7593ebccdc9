from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from fairhire.data.npy import open_npy
from fairhire.errors import DataError


def test_small_and_large_arrays_are_opened_as_they_were_saved(tmp_path: Path) -> None:
    for shape in ((0, 3), (2, 3), (1000, 3), (7,)):
        array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        np.save(tmp_path / "a.npy", array)
        opened = open_npy(tmp_path / "a.npy")
        np.testing.assert_array_equal(opened, array)
        assert opened.dtype == np.float32
    np.save(tmp_path / "a.npy", np.zeros((1000, 3)))
    assert isinstance(open_npy(tmp_path / "a.npy"), np.memmap)


@pytest.mark.parametrize("rows", [1, 1 << 40, 1 << 70])
def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path, rows: int) -> None:
    for payload in (b"", b"\0" * 5000):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 3000), }}".ljust(117) + "\n"
        data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + payload
        (tmp_path / "a.npy").write_bytes(data)
        with pytest.raises(DataError, match=r"expected a whole \.npy file of numbers"):
            open_npy(tmp_path / "a.npy")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "trap"),)

    np.save(tmp_path / "array.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("array.npy", "bare.npy"):
        with pytest.raises(DataError, match=rf"{name}: expected a whole \.npy file"):
            open_npy(tmp_path / name)
    assert not (tmp_path / "trap").exists()


def test_missing_files_folders_and_archives_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    for name, words in [("none.npy", "found none"), (".", "Is a directory"), ("several.npz", "begins with b'PK")]:
        with pytest.raises(DataError, match=words):
            open_npy(tmp_path / name)
