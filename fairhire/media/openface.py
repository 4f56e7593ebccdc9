"""Reads what OpenFace 2 saw of a face, or has it look: head pose, gaze and action units, as in the paper.

OpenFace (Baltrusaitis, Zadeh, Lim and Morency, 2018) is a program of its own, licensed for non-commercial research; it
is not shipped, only found. Its ``FeatureExtraction`` writes one row of numbers per picture as a CSV
table (OpenFace wiki, "Output Format"), which :func:`read_openface` reads line by line: half an hour of video is a few
hundred megabytes, of which 62 columns are kept. Units and directions are OpenFace's own.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fairhire.atomic import storage_errors
from fairhire.errors import DataError, UsageError
from fairhire.media.gestures import Channel, Gestures, smooth
from fairhire.media.windows import Windows

__all__ = [
    "OPENFACE_CHANNELS",
    "OpenFaceReading",
    "find_openface",
    "openface_on_path",
    "read_openface",
    "run_openface",
]

_INTENSITIES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
_PRESENCES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)

OPENFACE_CHANNELS: tuple[Channel, ...] = (
    *(Channel(f"pose_T{axis}", "mm") for axis in "xyz"),
    *(Channel(f"pose_R{axis}", "rad") for axis in "xyz"),
    *(Channel(f"gaze_{eye}_{axis}", "of a vector of length 1") for eye in "01" for axis in "xyz"),
    *(Channel(f"gaze_angle_{axis}", "rad") for axis in "xy"),
    *(Channel(f"AU{unit:02d}_r", "0 to 5") for unit in _INTENSITIES),
    *(Channel(f"AU{unit:02d}_c", "0 or 1", binary=True) for unit in _PRESENCES),
)
"""What is kept, under OpenFace's own column names: where the head is and how it is turned, gaze, action units."""

_LEADING = ("timestamp", "confidence", "success")
_FACE = "face_id"

_MAX_LINE = 64 * 2**20
_MAX_ROWS = 2**20  # nearly ten hours at 30 pictures a second, and half a gigabyte
_MAX_SECONDS = 24 * 3600.0
_NOT_STARTED, _CRASHED = 126, 125  # the keeper's own words: 126 as a shell says it, 125 for a signal
_DROPPED = 2  # pictures at a recording's end that OpenFace's reader may leave out

_KEEPER = """
import os, shutil, signal, subprocess, sys
parent, folder, *words = sys.argv[1:]
nothing = subprocess.DEVNULL
try:
    program = subprocess.Popen(words, cwd=folder, stdin=nothing, stdout=nothing, stderr=nothing)
except OSError:
    sys.exit(126)
while True:
    try:
        code = program.wait(0.2)
    except subprocess.TimeoutExpired:
        if os.getppid() == int(parent):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)
    sys.exit(code if 0 <= code <= 125 else 125)
"""
"""Runs OpenFace for a process that may be killed at any moment: then it ends too, and its table with it."""


@dataclass(frozen=True, eq=False)
class OpenFaceReading:
    """What an OpenFace table says about the candidate.

    ``gestures`` are None where no frame is trusted. ``frames`` is the number of pictures in the table, ``trusted`` in
    how many of them OpenFace's view of the candidate is believed. ``remarks`` are sentences on what was left out.
    """

    gestures: Gestures | None
    remarks: tuple[str, ...]
    frames: int
    trusted: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """The columns of a table (T rows): times, confidence, success, face, channels (T, D) float32, NaN if unreadable."""

    times: NDArray[np.float64]
    confidence: NDArray[np.float64]
    success: NDArray[np.float64]
    face: NDArray[np.float64]
    values: NDArray[np.float32]
    cut: bool


def read_openface(
    path: Path,
    *,
    windows: Windows,
    least_confidence: float = 0.7,
    times: NDArray[np.float64] | None = None,
) -> OpenFaceReading:
    """Read OpenFace's table of one recording and smooth :data:`OPENFACE_CHANNELS` over ``windows``.

    A frame is trusted where ``success`` is 1, ``confidence`` at least ``least_confidence`` (0.7 is our default) and
    every channel a finite number. Where the table holds several faces (``face_id``), the candidate is the one trusted
    most often, at equal number the one nearest to the camera; the others are left out and counted. OpenFace does not
    promise that an id stays with a person. The recording ends one frame, the median distance of two, after the last.
    A last line cut off in the middle, as a killed OpenFace leaves it, is dropped and said.

    OpenFace counts its own time by a steady frame rate, which is false for many phones and browsers (its author,
    OpenFace issue 304). ``times`` (pictures,), when the recording shows its pictures, are believed instead where there
    are as many of them as the table has frames, or up to two more; otherwise that is said.

    Raises :class:`UsageError` for a confidence outside 0 to 1, and :class:`DataError` for a file that is missing, not
    UTF-8, empty or too long (64 MiB in a line, 2**20 rows), that lacks a column or has it twice, has a row of another
    length or text where a number is due, or whose timestamps fall or leave 0 to 86,400 s.
    """
    if not 0 <= least_confidence <= 1:
        raise UsageError(f"OpenFace, least confidence: expected a number from 0 to 1, got {least_confidence}")
    rows, drift = _on_time(_read(path), times)
    finite = np.isfinite(rows.values).all(axis=1) & np.isfinite([rows.confidence, rows.success]).all(axis=0)
    trusted = finite & (rows.success == 1) & (rows.confidence >= least_confidence)
    face, others = _candidate(rows, trusted)
    frames = max(len(np.unique(rows.times)), int(face.sum()))
    seen = trusted & face
    moments = np.unique(rows.times)
    lasts = float(np.median(np.diff(moments))) if len(moments) > 1 else 0.0
    gestures = smooth(
        rows.times[face],
        rows.values[face],
        seen=trusted[face],
        channels=OPENFACE_CHANNELS,
        # A single picture is shown for an unknown time, but for some.
        end=float(moments[-1]) + max(lasts, np.finfo(np.float64).tiny),
        windows=windows,
    )
    remarks = _remarks(rows, broken=int((face & ~finite).sum()), frames=frames, trusted=int(seen.sum()), others=others)
    return OpenFaceReading(gestures=gestures, remarks=(*remarks, *drift), frames=frames, trusted=int(seen.sum()))


def find_openface(recording: Path) -> Path | None:
    """Return the OpenFace table beside a recording, or None: ``a.openface.csv`` or ``a.csv`` for ``a.mp4``.

    The second is taken only if its first line names the columns ``success`` and ``confidence``.
    """
    named = recording.with_suffix(".openface.csv")
    if named.is_file():
        return named
    plain = recording.with_suffix(".csv")
    if not plain.is_file():
        return None
    with _opened(plain) as file:
        names = _names(file.readline(_MAX_LINE).decode("utf-8", errors="replace"))
    return plain if {"success", "confidence"} <= set(names) else None


def openface_on_path() -> Path | None:
    """Return OpenFace's ``FeatureExtraction`` if it is among the programs that can be called by name, else None."""
    found = shutil.which("FeatureExtraction") or shutil.which("FeatureExtraction.exe")
    return Path(found) if found else None


@contextmanager
def run_openface(program: Path, recording: Path, *, time_limit: float) -> Iterator[Path]:
    """Have OpenFace look at ``recording`` and yield the path of its table, for as long as the block lasts.

    ``program`` is OpenFace's ``FeatureExtraction``; it and whatever it starts are killed after ``time_limit`` seconds.
    The table lies in a folder that only this user may enter and that is deleted afterwards. What OpenFace prints is
    thrown away, because it names files. Raises :class:`UsageError` where ``program`` cannot be started, and
    :class:`DataError` where it fails, takes too long or writes no table.
    """
    with _private_folder() as folder:
        table = folder / "gestures.csv"
        # OpenFace looks for its models beside the path it was called by; a relative one would end in our folder.
        words = [str(program.absolute()), "-f", str(recording.absolute()), "-out_dir", str(folder), "-of", table.stem]
        code = _run([*words, "-pose", "-gaze", "-aus", "-q"], folder, time_limit)
        if code is None:
            raise DataError(f"{recording}: expected OpenFace to end within {time_limit:g} s, it did not")
        if code != 0:
            what = "a crash" if code == _CRASHED else f"exit code {code}"
            raise DataError(f"{recording}: expected OpenFace to succeed, got {what}")
        if not table.is_file():
            raise DataError(f"{recording}: expected a table from OpenFace, got none and exit code 0")
        yield table


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Yield a temporary folder of mode 0700 and delete it afterwards: what is in it is biometric data."""
    with storage_errors(Path(tempfile.gettempdir())):
        folder = Path(tempfile.mkdtemp(prefix="fairhire-openface-"))
    try:
        yield folder
    finally:
        with storage_errors(folder):
            shutil.rmtree(folder)


def _run(words: list[str], folder: Path, time_limit: float) -> int | None:
    """Run a program in ``folder`` without a word from it, and return its exit code, or None if it took too long."""
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", _KEEPER, str(os.getpid()), str(folder), *words],
        stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True,
    )  # fmt: skip
    try:
        code = process.wait(time_limit)
        if code == _NOT_STARTED:
            raise UsageError(f"{words[0]}: expected OpenFace's FeatureExtraction, got a file that cannot be run")
        return code
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:  # also when this process is interrupted
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# ------------------------------------------------------------------------------------------------------ the table


def _read(path: Path) -> _Rows:
    """Read the columns that are needed, one line in memory at a time."""
    if not path.is_file():
        raise DataError(f"{path}: expected a table written by OpenFace, found no such file")
    numbers = array("d")
    with _opened(path) as file:
        cut = _gather(file, path, numbers)
    table = np.frombuffer(numbers, dtype=np.float64).reshape(-1, 4 + len(OPENFACE_CHANNELS))
    if len(table) == 0:
        raise DataError(f"{path}: expected a row for every picture, got a table without rows")
    with np.errstate(over="ignore"):  # what no float32 can hold becomes infinite, and is not trusted
        values = table[:, 4:].astype(np.float32)
    return _Rows(table[:, 0], table[:, 1], table[:, 2], table[:, 3], values, cut)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DataError(f"{path}: expected a readable table, got: {error.strerror}") from error


def _gather(file: BinaryIO, path: Path, numbers: array[float]) -> bool:
    """Append each row's time, confidence, success, face and channels; return whether the last line was cut off.

    A row without a finite time is nowhere in the recording: it is taken as untrusted, at the time of the row before.
    """
    header = _text(file, path, 1)
    if not header.strip():
        raise DataError(f"{path}: expected a table written by OpenFace, got none in the first line")
    names = _names(header)
    places, width = _places(names, path), len(names)
    line, last = 1, 0.0
    while text := _text(file, path, line + 1):
        line += 1
        if not text.strip():
            continue
        if line > _MAX_ROWS:
            raise DataError(f"{path}: expected at most {_MAX_ROWS} rows, got more")
        try:
            row = _row(text, places, width)
        except ValueError as error:
            if not text.endswith("\n"):
                return True
            raise DataError(f"{path}, line {line}: {error}") from None
        if not math.isfinite(row[0]):
            row[0], row[2] = last, math.nan
        if not 0 <= row[0] <= _MAX_SECONDS:
            raise DataError(f"{path}, line {line}, timestamp: expected 0 to {_MAX_SECONDS:.0f} s, got {row[0]:g}")
        if row[0] < last:
            raise DataError(f"{path}, line {line}, timestamp: expected {last:g} s or later, got {row[0]:g}")
        last = row[0]
        numbers.extend(row)
    return False


def _text(file: BinaryIO, path: Path, line: int) -> str:
    """Return the next line of a table, empty at its end."""
    content = file.readline(_MAX_LINE + 1)
    if len(content) > _MAX_LINE:
        raise DataError(f"{path}, line {line}: expected at most 64 MiB, got a longer line")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path}, line {line}: expected UTF-8 text, got other bytes") from None


def _names(header: str) -> list[str]:
    """Return a header's column names without the blanks that OpenFace, and the quotes that others, put around them."""
    return [name.strip().strip('"').strip() for name in header.removeprefix("\ufeff").split(",")]


def _places(names: list[str], path: Path) -> list[int]:
    """Return where a row's time, confidence, success, face (-1: nowhere) and channels stand."""
    places = []
    for name in (*_LEADING, _FACE, *(channel.name for channel in OPENFACE_CHANNELS)):
        found = names.count(name)
        if found > 1:
            raise DataError(f"{path}, {name}: expected one column of that name, got {found}")
        if not found and name != _FACE:
            raise DataError(f"{path}, {name}: expected a column of that name, as OpenFace writes it, got none")
        places.append(names.index(name) if found else -1)
    return places


def _row(text: str, places: list[int], width: int) -> list[float]:
    """Return the numbers at ``places`` of a line; ``ValueError`` says what is wrong with it."""
    cells = text.split(",")
    if len(cells) != width:
        raise ValueError(f"expected {width} cells, got {len(cells)}")
    return [_number(cells[place]) if place >= 0 else 0.0 for place in places]


def _number(cell: str) -> float:
    """Return a cell's number; NaN for an empty one, and for what C++ on Windows writes for it: "-nan(ind)"."""
    try:
        return float(cell)
    except ValueError:
        bare = cell.strip()
        if not bare or bare.lstrip("-").startswith(("nan(", "inf(", "1.#")):
            return math.nan
        raise ValueError(f"expected numbers, got {bare[:20]!a}") from None


def _on_time(rows: _Rows, times: NDArray[np.float64] | None) -> tuple[_Rows, tuple[str, ...]]:
    """Return the rows at the times at which the recording shows its pictures, and what is to be said of that."""
    if times is None:
        return rows, ()
    moments, place = np.unique(rows.times, return_inverse=True)
    if not 0 <= len(times) - len(moments) <= _DROPPED:
        clocks = f"{len(moments)} frames, the recording {len(times)} pictures"
        return rows, (f"The OpenFace table has {clocks}: its own clock was kept, true for a steady frame rate only.",)
    return replace(rows, times=times[place]), ()


def _candidate(rows: _Rows, trusted: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int]:
    """Return which rows (T,) show the candidate, and how many other faces the table holds."""
    known = rows.face[np.isfinite(rows.face)]
    if len(known) == 0:
        return np.ones(len(rows.face), dtype=np.bool_), 0
    faces = np.unique(known)
    depth = rows.values[:, [channel.name for channel in OPENFACE_CHANNELS].index("pose_Tz")]

    def rank(face: float) -> tuple[int, float]:
        mine = trusted & (rows.face == face)
        return (-int(mine.sum()), float(np.median(depth[mine])) if mine.any() else math.inf)

    chosen: NDArray[np.bool_] = rows.face == min(faces.tolist(), key=rank)
    return chosen, len(faces) - 1


def _remarks(rows: _Rows, *, broken: int, frames: int, trusted: int, others: int) -> tuple[str, ...]:
    """Say in sentences what of a table was left out."""
    remarks = []
    if rows.cut:
        remarks.append("The OpenFace table's last line is cut off and was left out.")
    if others:
        remarks.append(f"The OpenFace table holds {others} other face{'s' * (others > 1)}, which were left out.")
    if broken:
        remarks.append(f"In {broken} of {frames} frames OpenFace wrote no number somewhere; they were not trusted.")
    if trusted < frames:
        remarks.append(f"OpenFace's view was not trusted in {frames - trusted} of {frames} frames.")
    return tuple(remarks)
