from __future__ import annotations

import io
import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairhire.data.unpickle import read_plain_pickle
from fairhire.errors import DataError

Python2Pickle = Callable[..., bytes]

SCORES = {
    "openness": {"a.mp4": 0.25, "b.mp4": 0.75},
    "interview": {"a.mp4": 0.6279445727482679, "b.mp4": 1 / 3},
}
TEXTS = {"a.mp4": "I’m here – naïve, said “Ñ”.", "b.mp4": ""}

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(path: Path, data: bytes) -> object:
    file = path / "some.pkl"
    file.write_bytes(data)
    return read_plain_pickle(file)


def refuse(path: Path, data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(path, data)
    assert "\n" not in str(caught.value)
    assert "some.pkl" in str(caught.value)


def test_the_fixture_writes_what_python_reads_only_with_latin1(python2_pickle: Python2Pickle) -> None:
    data = python2_pickle(SCORES, numpy_under=["interview"])
    assert pickle.loads(data, encoding="latin1") == SCORES
    with pytest.raises(UnicodeDecodeError):
        pickle.loads(data)
    names = {arg for op, arg, _ in pickletools.genops(data) if op.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray scalar", "numpy dtype"}


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_python_2_pickles_of_floats_and_numpy_scalars_are_read_exactly(
    tmp_path: Path, python2_pickle: Python2Pickle, module: str
) -> None:
    assert read(tmp_path, python2_pickle(SCORES, numpy_under=["interview"], module=module)) == SCORES


def test_unicode_transcripts_with_byte_string_keys_are_read_exactly(
    tmp_path: Path, python2_pickle: Python2Pickle
) -> None:
    assert read(tmp_path, python2_pickle(TEXTS)) == TEXTS


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_todays_pickles_of_plain_data_are_read(tmp_path: Path, protocol: int) -> None:
    assert read(tmp_path, pickle.dumps(SCORES | TEXTS, protocol=protocol)) == SCORES | TEXTS


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("number", [np.float64(0.1), np.float32(0.1), np.float64(0.1).astype(">f8")])
def test_numpy_scalars_of_todays_numpy_are_read(tmp_path: Path, protocol: int, number: np.floating) -> None:
    assert read(tmp_path, pickle.dumps({"a": number}, protocol=protocol)) == {"a": float(number)}


class Call:
    def __init__(self, function: object, *arguments: object) -> None:
        self.parts = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.parts  # type: ignore[return-value]


def leave_a_trace(path: str) -> None:
    Path(path).touch()


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_of_a_pickle_is_ever_executed(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    data = pickle.dumps({"a": Call(leave_a_trace, str(trace))}, protocol=protocol)
    refuse(tmp_path, data, "expected a pickle of plain dictionaries")
    assert not trace.exists()
    pickle.loads(data)
    assert trace.exists()  # the same bytes do act where pickle reads them


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *[("os", "system"), ("builtins", "eval"), ("numpy", "load"), ("numpy", "ndarray"), ("numpy", "fromfile")],
        *[
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy.core.multiarray", "fromfile"),
            ("copy_reg", "_reconstructor"),
        ],
        *[("numpy.core", "multiarray scalar"), ("_codecs", "encode"), ("numpy", "dtype.newbyteorder")],
    ],
)
def test_any_other_name_is_refused_by_name_and_place(tmp_path: Path, module: str, name: str) -> None:
    refuse(tmp_path, b"\x80\x02}" + f"c{module}\n{name}\n".encode() + b".", f"name.*{name.split()[0]}.* at byte 3")


@pytest.mark.parametrize(
    "program",
    [
        b"c__builtin__\neval\n",  # a name
        b"(cos\nsystem\n",
        b"(ios\nsystem\n",  # an instance
        b"}}\x81",  # a new object
        b"\x82\x01",  # an extension's registered object
        b"Pid\n",  # persistent ids
        b"NQ",
        b"]",  # lists, sets, arrays: nothing that plain data need
        b"\x8f",
        b"I1\n",  # the text instructions of protocol 0
        b"F1.0\n",
        b"S'a'\n",
        b"L1L\n",
        b"\x8a\x08" + b"\xff" * 8,  # long numbers
        b"\x8e" + struct.pack("<Q", 1 << 60),  # bytes without measure
        b"\x95" + struct.pack("<Q", 1 << 60) + b"]",
        b"2",
        b"0",
    ],
)
def test_any_other_instruction_is_refused(tmp_path: Path, program: bytes) -> None:
    refuse(tmp_path, b"\x80\x02" + program + b".", "at byte")


@pytest.mark.parametrize(
    "program",
    [
        b"",  # nothing left
        b"NN",  # too much left
        b"(",
        b"(N",
        b"}Ns",  # no pairs
        b"}NNs",  # a key that is no text
        b"})Ks",
        b"}(U\x01au",
        b"Ns",
        b"NU\x01aNs",  # items for nothing
        b"}U\x01acnumpy\ndtype\ns",  # a type as a value
        b"cnumpy\ndtype\n",
        b"cnumpy\ndtype\nU\x02f8\x85R",
        b"cnumpy\ndtype\nU\x02f8\x85R(K\x03U\x01|tb",  # no byte order
        b"cnumpy\ndtype\nU\x02O8\x85R",  # objects
        b"cnumpy\ndtype\nNR",
        b"U\x01a\x85U\x01a\x85R",  # a call of a tuple
        b"}(K\x03U\x01<tb",  # a state for a dictionary
        b"cnumpy.core.multiarray\nscalar\nU\x02f8U\x0812345678\x86R",  # no type
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8\x85R(K\x03U\x01<tbU\x071234567\x86R",  # seven bytes
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8\x85RU\x0812345678\x86R",  # order never told
        b"h\x07",  # a place in the memo that is empty
        b"q\x00",
        b"(q\x00",
        b"t",
        b"u",
        b"\x93",
        b"(\x86",
        b"N(\x85",
    ],
)
def test_a_program_that_makes_no_sense_is_refused(tmp_path: Path, program: bytes) -> None:
    refuse(tmp_path, b"\x80\x02" + program + b".", "at byte")


def test_text_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    lone = "\ud800".encode("utf-8", "surrogatepass")
    refuse(tmp_path, b"\x80\x02}U\x01aX" + struct.pack("<I", len(lone)) + lone + b"s.", "not Unicode")


@given(cut=st.integers(min_value=0))
@shared
def test_a_pickle_cut_short_is_refused(tmp_path: Path, python2_pickle: Python2Pickle, cut: int) -> None:
    data = python2_pickle(SCORES, numpy_under=["interview"])
    refuse(tmp_path, data[: cut % len(data)], "expected a pickle of plain dictionaries")


@given(junk=st.binary(max_size=80))
@shared
def test_arbitrary_bytes_are_read_as_plain_data_or_refused_in_one_line(tmp_path: Path, junk: bytes) -> None:
    only_plain_or_refused(tmp_path, junk)


@given(place=st.integers(min_value=0), byte=st.integers(0, 255), again=st.integers(min_value=0))
@shared
def test_changed_bytes_are_read_as_plain_data_or_refused_in_one_line(
    tmp_path: Path, python2_pickle: Python2Pickle, place: int, byte: int, again: int
) -> None:
    data = bytearray(python2_pickle(SCORES, numpy_under=["interview"]))
    data[place % len(data)] = byte
    data[again % len(data)] ^= 0x21
    only_plain_or_refused(tmp_path, bytes(data))


def only_plain_or_refused(path: Path, data: bytes) -> None:
    value: object = None
    message = ""
    try:
        value = read(path, data)
    except DataError as error:
        message = str(error)
    assert "\n" not in message
    assert value is None or isinstance(value, str | int | float | bytes | tuple | dict)


def test_nested_references_cost_no_time(tmp_path: Path) -> None:
    # Hashing this tuple of tuples would take 2**60 steps; as a dictionary's key plain pickle would do so.
    bomb = b"N" + b"q\x00h\x00\x86" * 60
    refuse(tmp_path, b"\x80\x02}" + bomb + b"Ns.", "dictionary key of type tuple")


def test_a_memo_place_far_out_costs_no_memory(tmp_path: Path) -> None:
    # Plain pickle makes room for every place below it: 32 GiB.
    far = struct.pack("<I", (1 << 31) - 1)
    assert read(tmp_path, b"\x80\x02}r" + far + b".") == {}


def test_a_file_longer_than_the_limit_is_refused_unread(tmp_path: Path, python2_pickle: Python2Pickle) -> None:
    path = tmp_path / "some.pkl"
    data = python2_pickle(TEXTS)
    path.write_bytes(data)
    assert read_plain_pickle(path, largest=len(data)) == TEXTS
    with pytest.raises(DataError, match=f"at most {len(data) - 1} bytes"):
        read_plain_pickle(path, largest=len(data) - 1)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.pkl: expected this file, found none"):
        read_plain_pickle(tmp_path / "nothing.pkl")


@given(
    st.dictionaries(
        st.text(alphabet=st.characters(max_codepoint=255), max_size=20),
        st.dictionaries(
            st.text(alphabet=st.characters(max_codepoint=255), max_size=20), st.floats(allow_nan=False), max_size=5
        ),
        max_size=5,
    ),
    st.booleans(),
)
@shared
def test_what_python_reads_from_plain_data_is_read_alike(
    tmp_path: Path, python2_pickle: Python2Pickle, value: dict[str, dict[str, float]], numpy: bool
) -> None:
    data = python2_pickle(value, numpy_under=list(value) if numpy else ())
    assert read(tmp_path, data) == value
    assert pickle.load(io.BytesIO(data), encoding="latin1") == value
