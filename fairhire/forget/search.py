"""Reads every file again and says which of them still name a person, and which cannot be looked into."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from fairhire.forget.parts import read_part
from fairhire.forget.person import Person
from fairhire.forget.records import LARGEST, texts_of
from fairhire.forget.survey import Found, Watch, unwatched
from fairhire.forget.tables import is_table, parquet_texts, read_keys, rows_about

__all__ = ["Searched", "search"]

_BLOCK = 1 << 24  # bytes of a file that are searched at a time
_MARGIN = 1 << 12  # bytes around a place that is found by which it is judged; longer than any id
_CLOSED = {  # what a file begins with whose content is packed: format descriptions of PKWARE, Adobe, and of each tool
    b"PK\x03\x04": "zip archives",
    b"%PDF-": "PDFs",
    b"BZh": "bzip2 files",
    b"\xfd7zXZ\x00": "xz files",
    b"7z\xbc\xaf\x27\x1c": "7z archives",
    b"\x28\xb5\x2f\xfd": "zstd files",
    b"Rar!\x1a\x07": "rar archives",
}
_GZIP = b"\x1f\x8b"
_TEXTS = (".txt", ".log", ".md", ".html", ".xml", ".csv", ".tsv", ".json", ".jsonl", ".vtt", ".srt", ".eml", ".toml")


@dataclass(frozen=True)
class Searched:
    """The outcome of a search: how many ``files`` were read, which are ``left``, and what was ``not_searched``.

    ``left`` are pairs of a file or folder and where the person is in it: content, name, or "an unfinished folder";
    ``not_searched`` counts files by why they were not.
    """

    files: int
    left: tuple[tuple[Path, str], ...]
    not_searched: dict[str, int]


def search(found: Found, person: Person, *, watch: Watch = unwatched) -> Searched:
    """Look for the person in every file of ``found``: its name, and its content as far as it can be read."""
    left: list[tuple[Path, str]] = []
    closed: Counter[str] = Counter({"links": found.links} if found.links else {})
    with watch("searching", len(found.files)) as advance:
        for path in found.files:
            if person.is_called(path.name):
                left.append((path, "name"))
            try:
                reason = _closed(path)
                if reason is not None:
                    closed[reason] += 1
                elif _names(path, person):
                    left.append((path, "content"))
                elif person.weak_ids and not _is_structured(path):
                    closed["texts in which ids as short as these stand by chance"] += 1
            except PermissionError:
                left.append((path, "may not be read, so that nobody can tell what it holds"))
            advance(1)
    left += [(path, "name") for path in found.folders if person.is_called(path.name)]
    left += [(path, "an unfinished folder, of which nobody can tell whose frames it holds") for path in found.halves]
    return Searched(len(found.files), tuple(sorted(left)), dict(closed))


def _closed(path: Path) -> str | None:
    """Return as what a file is counted that is packed and not looked into."""
    with path.open("rb") as file:
        start = file.read(8)
    return next((what for magic, what in _CLOSED.items() if start.startswith(magic)), None)


def _is_structured(path: Path) -> bool:
    return is_table(path) or path.suffix in (".json", ".jsonl", ".npy", ".safetensors")


def _names(path: Path, person: Person) -> bool:
    if is_table(path):
        keys = read_keys(path)
        if keys is not None and rows_about(keys, person):
            return True
    if path.suffix in (".parquet", ".pq") and (texts := _parquet_texts(path)) is not None:
        return any(person.is_named_in(text.encode("utf-8", "surrogatepass")) for text in texts) or any(
            person.is_buried_in(*window) for window in _windows(path)
        )
    if path.suffix in (".json", ".jsonl") and person.weak_ids and _json_names(path, person):
        return True
    part = read_part(path) if path.suffix == ".safetensors" else None
    if part is not None and (person.is_named_in(part.header) or _is_weakly_named(texts_of(dict(part.record)), person)):
        return True
    for window, low, high in _windows(path):
        look = person.is_named_in if _reads_as_text(path, window) else person.is_buried_in
        if look(window, low, high):
            return True
    return False


def _parquet_texts(path: Path) -> list[str] | None:
    try:
        return list(dict.fromkeys(parquet_texts(path)))
    except (pa.ArrowException, OSError):
        return None


def _json_names(path: Path, person: Person) -> bool:
    """Return whether one of the shorter ids is a text of a JSON file, whole."""
    if path.stat().st_size > LARGEST:
        return False
    content = path.read_bytes()
    for line in content.splitlines() if path.suffix == ".jsonl" else [content]:
        try:
            if _is_weakly_named(texts_of(json.loads(line)), person):
                return True
        except (ValueError, RecursionError):
            continue
    return False


def _is_weakly_named(texts: Iterator[str], person: Person) -> bool:
    return bool(person.weak_ids) and any(text.strip() in person.weak_ids for text in texts)


def _reads_as_text(path: Path, window: bytes) -> bool:
    return b"\x00" not in window or path.suffix.lower() in _TEXTS


def _windows(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield a file in windows, and from where to where a place that is found counts: each is in one window, whole."""
    window, low = b"", 0
    for piece in _pieces(path):
        window += piece
        if len(window) >= _BLOCK:
            yield window, low, len(window) - _MARGIN
            window, low = window[-2 * _MARGIN :], _MARGIN
    yield window, low, len(window)


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield a file piece by piece, a gzip file unpacked; where that is damaged, what comes before the damage."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        if not packed:
            while piece := file.read(_BLOCK):
                yield piece
            return
        unpack = zlib.decompressobj(wbits=31)
        while piece := file.read(_BLOCK):
            while piece:
                try:
                    yield unpack.decompress(piece, _BLOCK)
                except zlib.error:
                    return
                piece = unpack.unconsumed_tail
                if unpack.eof:  # another member may follow
                    piece, unpack = unpack.unused_data, zlib.decompressobj(wbits=31)
