"""Reads pictures of faces, already cut out and upright, from a folder or a zip file that nobody vouches for."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fairhire.errors import DataError

__all__ = ["BROKEN_PICTURE", "read_crops"]

_SUFFIXES = (".jpg", ".jpeg", ".png")
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAX_BYTES = 16 * 2**20
_MAX_PIXELS = 16 * 2**20
_MIN_SIDE = 16
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
BROKEN_PICTURE = (
    OSError, SyntaxError, ValueError, EOFError, OverflowError, MemoryError, LookupError, TypeError, struct.error,
    zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)  # fmt: skip
"""What Pillow and zipfile are known to raise for a damaged, encrypted or hostile picture."""


def read_crops(
    source: Path, *, on_unreadable: Callable[[str, str], None] | None = None
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and pixels (h, w, 3) uint8 RGB of every JPEG and PNG in a folder or a zip file, in order of name.

    One picture is in memory at a time, and nothing is unpacked to disk. A name is the path inside ``source`` without
    the picture's suffix, with "/" between folders; hidden files and files that are no pictures by their names are
    passed over. A picture is unreadable if it is damaged, encrypted, packed by a method other than stored or deflate,
    of more than 8 bits a colour, above 16 MiB in the file, above 16 million pixels, or below 16 pixels a side.
    ``on_unreadable(name, why)`` is told of each, and the reading goes on; without it the first one raises. A turn
    noted in EXIF is not applied: crops are upright.

    Raises :class:`DataError` where ``source`` is neither folder nor zip file, holds no pictures, or holds two of one
    name.
    """
    if source.is_dir():
        files: dict[str, Callable[[], bytes]] = {}
        for path in source.rglob("*"):
            if path.is_file():
                _add(files, path.relative_to(source).as_posix(), _file_reader(path), source)
        yield from _pictures(files, source, on_unreadable)
        return
    if not source.is_file():
        raise DataError(f"{source}: expected a folder or a zip file of face crops, found neither")
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise DataError(f"{source}: expected a folder or a zip file of face crops, got: {_one_line(error)}") from error
    with closing(archive):
        files = {}
        for member in archive.infolist():
            if not member.filename.endswith("/"):
                _add(files, member.filename, _member_reader(archive, member), source)
        yield from _pictures(files, source, on_unreadable)


def _add(files: dict[str, Callable[[], bytes]], path: str, read: Callable[[], bytes], source: Path) -> None:
    parts = PurePosixPath(path)
    if parts.suffix.lower() not in _SUFFIXES or any(part.startswith((".", "__MACOSX")) for part in parts.parts):
        return
    name = parts.with_suffix("").as_posix()
    if name in files:
        raise DataError(f"{source}: expected one picture of each name, got two called {name!r}")
    files[name] = read


def _file_reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        _check_bytes(path.stat().st_size)
        return path.read_bytes()

    return read


def _member_reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        _check_bytes(member.file_size)
        if member.compress_type not in _PACKED:
            raise ValueError("packed by another method than stored or deflate")
        with archive.open(member) as file:
            # With a number, no more than that is unpacked, even where the zip file lies about the size; without one,
            # everything is. The checksum shows the lie.
            return file.read(member.file_size)

    return read


def _check_bytes(size: int) -> None:
    if size > _MAX_BYTES:
        raise ValueError(f"{size} bytes, more than the {_MAX_BYTES} of any face crop")


def _pictures(
    files: Mapping[str, Callable[[], bytes]], source: Path, on_unreadable: Callable[[str, str], None] | None
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    if not files:
        raise DataError(f"{source}: expected face crops ({', '.join(_SUFFIXES)}), found none")
    for name in sorted(files):
        try:
            pixels = _decode(files[name]())
        except BROKEN_PICTURE as error:
            if on_unreadable is None:
                raise DataError(f"{source}, {name}: expected a readable face crop, got: {_one_line(error)}") from error
            on_unreadable(name, _one_line(error))
            continue
        yield name, pixels


def _decode(content: bytes) -> NDArray[np.uint8]:
    """Return the pixels (h, w, 3) of a JPEG or PNG; raises ``BROKEN_PICTURE`` before unpacking anything absurd."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata in a picture that decodes
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            opened = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
        except UnidentifiedImageError as error:  # whose message names an address in memory
            raise ValueError("neither a JPEG nor a PNG picture") from error
        with opened as image:
            width, height = image.size
            if width * height > _MAX_PIXELS:
                raise ValueError(f"{width} x {height} pixels, more than the {_MAX_PIXELS} of any face crop")
            if min(width, height) < _MIN_SIDE:
                raise ValueError(f"{width} x {height} pixels, fewer than {_MIN_SIDE} a side")
            if image.mode not in _MODES:
                raise ValueError(f"pixels of mode {image.mode}, not 8 bits a colour")
            if image.has_transparency_data:
                return np.array(image.convert("RGBA").convert("RGB"), dtype=np.uint8)
            return np.array(image.convert("RGB"), dtype=np.uint8)


def _one_line(error: Exception) -> str:
    return str(error).split("\n")[0] or type(error).__name__
