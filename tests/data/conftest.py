"""What several tests of the data folder need: files as Python 2 and other people's programs wrote them."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

WriteCsv = Callable[..., Path]
Python2Pickle = Callable[..., bytes]


@pytest.fixture
def write_csv() -> WriteCsv:
    """Return a function that writes rows as CSV, gzipped if the name says so."""

    def write(path: Path, rows: Sequence[Sequence[object]], *, separator: str = ",") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            separator.join(f'"{cell}"' if separator in str(cell) or "\n" in str(cell) else str(cell) for cell in row)
            for row in rows
        ]
        data = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
        return path

    return write


@pytest.fixture
def python2_pickle() -> Python2Pickle:
    """Return a function that writes the bytes Python 2.7 wrote for nested dictionaries, protocol 2.

    Keys are byte strings, texts are unicode, floats are plain except under the outer keys in ``numpy_under``, where
    they are numpy float64 scalars: their raw bytes are what ``pickle.load`` of Python 3 cannot decode by default.
    """
    return python2_bytes


def python2_bytes(
    value: Mapping[str, object], *, numpy_under: Sequence[str] = (), module: str = "numpy.core.multiarray"
) -> bytes:
    memo: dict[str, int] = {}
    places = iter(range(1 << 20))

    def put() -> bytes:
        place = next(places)
        return b"q" + bytes([place]) if place < 256 else b"r" + struct.pack("<I", place)

    def get(place: int) -> bytes:
        return b"h" + bytes([place]) if place < 256 else b"j" + struct.pack("<I", place)

    def remembered(key: str, program: Callable[[], bytes]) -> bytes:
        if key in memo:
            return get(memo[key])
        written = program()
        saved = put()
        memo[key] = saved[1] if saved[:1] == b"q" else struct.unpack("<I", saved[1:])[0]
        return written + saved

    def byte_string(text: str) -> bytes:
        data = text.encode("latin-1")
        return remembered(f"str {text}", lambda: b"U" + bytes([len(data)]) + data)

    def scalar(number: float) -> bytes:
        def dtype() -> bytes:
            name = remembered("name dtype", lambda: b"cnumpy\ndtype\n")
            return name + byte_string("f8") + b"K\x00K\x01\x87" + put() + b"R"

        def state() -> bytes:
            return b"(K\x03" + byte_string("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t" + put() + b"b"

        program = remembered("name scalar", lambda: f"c{module}\nscalar\n".encode())
        if "dtype" in memo:
            program += get(memo["dtype"])
        else:
            program += remembered("dtype", dtype) + state()
        raw = struct.pack("<d", number)
        return program + b"U\x08" + raw + put() + b"\x86" + put() + b"R" + put()

    def any_value(item: object, numpy: bool) -> bytes:
        if isinstance(item, float):
            return scalar(item) if numpy else b"G" + struct.pack(">d", item)
        if isinstance(item, str):
            data = item.encode()
            return b"X" + struct.pack("<I", len(data)) + data + put()
        assert isinstance(item, dict)
        return dictionary(item, numpy)

    def dictionary(items: Mapping[str, object], numpy: bool = False) -> bytes:
        program = b"}" + put() + b"("
        for key, item in items.items():
            program += byte_string(key) + any_value(item, numpy or key in numpy_under)
        return program + b"u"

    return b"\x80\x02" + dictionary(value) + b"."
