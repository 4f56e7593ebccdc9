"""Takes one picture out of a recording of a person, the one that is shown at a given time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from fairhire.errors import DataError

__all__ = ["frame_at"]

_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,ogg,flv,asf,wav,mp3,flac"
"""Files that hold their own pictures. A playlist would send the reader to other files, or to the network."""

_MAX_PIXELS = 64 * 2**20
_LINGERS = 1.0  # seconds for which a player goes on showing the last picture; features often end a little later


def frame_at(path: Path, seconds: float) -> NDArray[np.uint8]:
    """Return the picture (h, w, 3) uint8 RGB that ``path`` shows ``seconds`` after its beginning, turned upright.

    The file is read from the key frame before that time on, one picture in memory at a time. Before the first picture
    the first one is returned, and up to a second after the end the last one. Raises :class:`DataError` for a file that
    is no recording with pictures, is damaged there, is larger than 64 million pixels a picture, or ends too early.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a recording, found no such file")
    try:
        with av.open(str(path), options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"}) as container:
            shown, end = _shown(container, seconds, path)
            if seconds > end + _LINGERS:
                raise DataError(f"{path}: expected a recording of {seconds:.1f} s or more, got one of {end:.1f} s")
            pixels = shown.to_ndarray(format="rgb24")
            upright: NDArray[np.uint8] = np.ascontiguousarray(np.rot90(pixels, shown.rotation // 90))
    except (av.FFmpegError, ValueError, OverflowError, MemoryError) as error:
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        why = words.splitlines()[0]
        raise DataError(f"{path}: expected a readable recording, got: {why}") from None
    return upright


def _shown(container: InputContainer, seconds: float, path: Path) -> tuple[VideoFrame, float]:
    """Return the last picture that begins by ``seconds``, and when it ends: for the last one, the recording's end."""
    if not container.streams.video:
        raise DataError(f"{path}: expected a recording with pictures, got one without")
    stream = container.streams.video[0]
    if stream.width * stream.height > _MAX_PIXELS:
        raise DataError(
            f"{path}: expected at most {_MAX_PIXELS} pixels a picture, got {stream.width} x {stream.height}"
        )
    base = stream.time_base or Fraction(1, av.time_base)
    begin = stream.start_time or 0
    container.seek(begin + int(max(seconds, 0.0) / base), stream=stream, backward=True)
    shown: VideoFrame | None = None
    for frame in container.decode(stream):
        if frame.pts is None:
            continue
        if shown is not None and float((frame.pts - begin) * base) > seconds:
            return shown, seconds
        shown = frame
    if shown is None or shown.pts is None:
        raise DataError(f"{path}: expected a picture at {seconds:.1f} s, found none")
    return shown, float((shown.pts - begin) * base) + _lasts(stream)


def _lasts(stream: VideoStream) -> float:
    """Return for how long a picture of ``stream`` is shown, in seconds."""
    return float(1 / stream.average_rate) if stream.average_rate else 0.0
