from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairhire.data.source import SourceTable, find_file, read_frames, read_table
from fairhire.errors import DataError

WriteCsv = Callable[..., Path]


def table(**columns: list[str]) -> SourceTable:
    return SourceTable(Path("some.csv"), columns)


def refused(action: Callable[[], object], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        action()
    assert "\n" not in str(caught.value)


def test_a_table_reads_alike_from_csv_gzipped_csv_and_parquet(tmp_path: Path, write_csv: WriteCsv) -> None:
    rows = [("name", "n", "text"), ("a", 1, "x, y"), ("b", "", "two\nlines")]
    read = [read_table(write_csv(tmp_path / name, rows)) for name in ("t.csv", "t.csv.gz")]
    pq.write_table(
        pa.table({"name": ["a", "b"], "n": [1, None], "text": ["x, y", "two\nlines"]}), tmp_path / "t.parquet"
    )
    read.append(read_table(tmp_path / "t.parquet"))
    expected = {"name": ["a", "b"], "n": ["1", ""], "text": ["x, y", "two\nlines"]}
    assert [one.columns for one in read] == [expected] * 3


def test_separators_headers_and_byte_order_marks_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffVideoName;Gender\r\na;1\r\n\r\nb;2\r\n".encode())
    assert read_table(path, separator=";").columns == {"VideoName": ["a", "b"], "Gender": ["1", "2"]}
    path.write_text('p1,Interviewer: so "well"|Interviewee: ah\n')
    assert read_table(path, header=("id", "text"))["text"] == ['Interviewer: so "well"|Interviewee: ah']


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "at least one row, got none"),
        (b"a,b\n", "at least one row, got none"),
        (b"a,b\n1\n", "row 1: expected 2 cells, got 1"),
        (b"a,b\n1,2\n1,2,3\n", "row 2: expected 2 cells, got 3"),
        (b"a,a\n1,2\n", "every column once, got 'a' twice"),
        (b"a,b\n\xff,2\n", "expected UTF-8 text, got byte 0xff"),
        (b'a,b\n"1,2\n', "expected a readable, whole file"),
        (b'a,b\n"1"x,2\n', "expected a readable, whole file"),
        (b"a\n" + b"x" * 200_000, "field larger than field limit"),
    ],
)
def test_a_csv_that_is_no_table_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    refused(lambda: read_table(path), rf"t\.csv.*{words}")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    refused(lambda: read_table(path), "expected this file, found none")
    path.mkdir()
    refused(lambda: read_table(path), "expected a readable, whole file")


@given(cut=st.integers(min_value=0))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.parametrize("name", ["t.csv.gz", "t.parquet"])
def test_a_file_cut_short_is_refused(tmp_path: Path, name: str, cut: int) -> None:
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 99)
    if name == "t.parquet":
        pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), tmp_path / "whole")
        whole = (tmp_path / "whole").read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: cut % len(whole)])
    refused(lambda: read_table(path), name)


def test_the_first_file_that_exists_is_found(tmp_path: Path) -> None:
    refused(lambda: find_file(tmp_path, "a.csv", "b.csv"), r"expected a file a\.csv or b\.csv, found none")
    (tmp_path / "b.csv").touch()
    assert find_file(tmp_path, "a.csv", "b.csv").name == "b.csv"


def test_a_missing_column_and_an_unknown_one_are_named() -> None:
    one = table(clip=["x"], age=["5"])
    refused(lambda: one["gender"], "expected a column 'gender', got 'clip', 'age'")
    refused(lambda: one.refuse_others(["clip"]), "expected only columns 'clip', got 'age' as well")
    one.refuse_others(["clip", "age", "gender"])
    assert one.optional("gender") == [""]


def test_columns_are_renamed_only_if_the_name_is_free() -> None:
    assert list(table(id=["1"], other=["2"]).renamed("id", "interview").columns) == ["interview", "other"]
    assert list(table(id=["1"], interview=["2"]).renamed("id", "interview").columns) == ["id", "interview"]


def test_cells_that_must_be_filled_or_distinct_are_named() -> None:
    refused(lambda: table(a=["x", " "]).filled("a"), r"row 2, column 'a': expected a value, got ' '")
    refused(lambda: table(a=["x", "y", "x"]).distinct("a"), "row 3, column 'a': expected every value once, got 'x'")
    refused(lambda: table(a=["", ""]).distinct("a"), "row 1, column 'a': expected a value, got ''")
    assert table(a=["x", "y"]).distinct("a") == ["x", "y"]


@pytest.mark.parametrize("bad", ["", "nan", "inf", "-inf", "1e999", "1,5", "--undefined--", "x" * 99])
def test_a_cell_that_is_no_finite_number_is_named(bad: str) -> None:
    refused(
        lambda: table(a=["1", "2"], b=["3", bad]).numbers(["a", "b"]), "row 2, column 'b': expected a finite number"
    )


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_read_exactly(values: list[float]) -> None:
    assert table(a=[repr(value) for value in values]).numbers(["a"])[:, 0].tolist() == values


def test_a_row_is_one_frame_or_none() -> None:
    one = table(x=["1", "", "3"], y=["2", "", "4"])
    frames = one.frames(["x", "y"])
    assert frames[1] is None
    assert [frame.tolist() for frame in frames if frame is not None] == [[[1, 2]], [[3, 4]]]
    refused(lambda: table(x=["1", "2"], y=["", "2"]).frames(["x", "y"]), "row 1, column 'y': expected a finite number")
    refused(lambda: table(x=["1", "1e39"]).frames(["x"]), "row 2, column 'x': expected a number of at most")


def test_codes_become_words_and_unknown_codes_are_named() -> None:
    assert table(g=["1", "2", "1"]).coded("g", {"1": "male", "2": "female"}) == ["male", "female", "male"]
    refused(
        lambda: table(g=["1", "3"]).coded("g", {"1": "m", "2": "f"}), "row 2, column 'g': expected one of 1, 2, got '3'"
    )


def test_labels_are_yes_no_or_missing_and_nothing_else() -> None:
    cells = ["1", "0", "True", "FALSE", " yes ", "No", "", "1.0", "0.0"]
    assert table(h=cells).labels("h") == [True, False, True, False, True, False, None, True, False]
    assert table(h=cells).labels("other") == [None] * 9
    for bad in ("2", "y", "hire", "nan", "-1", "0.5"):
        refused(lambda cell=bad: table(h=["1", cell]).labels("h"), "row 2, column 'h': expected 0 or 1, true or false")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int8, np.uint16, ">f4"])
def test_frames_of_any_number_type_become_float32(tmp_path: Path, dtype: object) -> None:
    np.save(tmp_path / "f.npy", np.array([[1, 2], [3, 4]], dtype))  # type: ignore[call-overload]
    frames = read_frames(tmp_path / "f.npy")
    assert frames.dtype == np.float32
    assert frames.dtype.isnative
    assert frames.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(3), r"shape \(frames, width\), got \(3,\) float64"),
        (np.zeros((2, 3, 1)), r"shape \(frames, width\)"),
        (np.zeros((0, 3)), "at least one frame"),
        (np.zeros((3, 0)), "at least one frame of width 1"),
        (np.array([["a"]]), "expected numbers"),
        (np.array([[1j]]), "expected numbers"),
        (np.array([[True]]), "expected numbers"),
        (np.array([[{}]]), "Object arrays cannot be loaded"),
        (np.array([[0.0], [np.nan]]), "NaN or infinity in frame 1"),
        (np.array([[1e39]]), "NaN or infinity in frame 0"),
    ],
)
def test_an_array_that_is_no_frames_is_refused(tmp_path: Path, array: np.ndarray, words: str) -> None:
    np.save(tmp_path / "f.npy", array)
    refused(lambda: read_frames(tmp_path / "f.npy"), rf"f\.npy.*{words}")


def test_rows_may_be_missing_whole_but_not_in_part(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.array([[1.0, 2.0], [np.nan, np.nan]]))
    refused(lambda: read_frames(tmp_path / "f.npy"), "in frame 1")
    assert np.isnan(read_frames(tmp_path / "f.npy", missing_rows=True)[1]).all()
    np.save(tmp_path / "f.npy", np.array([[1.0, 2.0], [1.0, np.nan]]))
    refused(lambda: read_frames(tmp_path / "f.npy", missing_rows=True), "in frame 1")


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\x03\x04" + b"\0" * 99, b"\x93NUMPY\x01\x00", b"hello", b"\x80\x04N."]
)
def test_a_file_that_is_no_npy_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f.npy").write_bytes(data)
    refused(lambda: read_frames(tmp_path / "f.npy"), r"f\.npy: expected a whole \.npy file of numbers")
