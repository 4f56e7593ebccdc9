"""Makes recordings to be measured on: a drawn person who moves a little and hums, as long and as large as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["hum", "lengthened", "write_sound", "write_video"]

_RATE = 48_000  # samples a second: what browsers record
_GRAIN = 3.0  # grey levels by which pixels of a webcam deviate; without them there is little to decode


def hum(seconds: float, rate: int = _RATE) -> NDArray[np.float32]:
    """Return a voice (n,) float32: syllables of harmonics whose pitch rises and falls, and a little noise."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * rate)) / rate
    cycles = np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.4 * time)) / rate
    voice = sum(np.sin(2 * np.pi * k * cycles) / k for k in range(1, 16))
    loud = np.clip(np.sin(2 * np.pi * 1.7 * time) + 0.3, 0, None)
    return (0.15 * loud * voice + 0.002 * rng.normal(size=len(time))).astype(np.float32)


def write_sound(path: Path, seconds: float) -> Path:
    """Write :func:`hum` to ``path``: AAC, or bare samples for ``.wav``."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("pcm_s16le" if path.suffix == ".wav" else "aac", rate=_RATE, layout="mono")
        for packet in _heard(stream, seconds):
            container.mux(packet)
    return path


def write_video(path: Path, seconds: float, size: tuple[int, int], fps: int, *, codec: str = "libx264") -> Path:
    """Write the drawn person, ``size`` (w, h), at ``fps`` pictures a second, humming (AAC)."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream(codec, rate=fps)
        video.width, video.height, video.pix_fmt, video.gop_size = *size, "yuv420p", 2 * fps
        if codec == "libx264":
            video.options = {"preset": "veryfast", "threads": "1"}
        sound: Any = container.add_stream("aac", rate=_RATE, layout="mono")
        shown = (packet for picture in _moving(size, round(seconds * fps)) for packet in video.encode(picture))
        packets = [*shown, *video.encode(None), *_heard(sound, seconds)]
        for packet in sorted(packets, key=lambda packet: float(packet.dts * packet.time_base)):
            container.mux(packet)
    return path


def lengthened(path: Path, source: Path, times: int) -> Path:
    """Write to ``path`` the recording ``source`` that many times, one after another, without encoding it again."""
    with av.open(str(source)) as container, av.open(str(path), "w") as longer:
        lasts = Fraction(container.duration or 0, av.time_base)
        streams = [container.streams.video[0], container.streams.audio[0]]
        into = [longer.add_stream_from_template(one) for one in streams]
        for turn in range(times):
            container.seek(0)
            for packet in container.demux(streams):
                if packet.dts is None or (turn and packet.dts < 0):  # the end, and what an encoder puts before time 0
                    continue
                later = round(turn * lasts / packet.time_base)
                packet.pts, packet.dts = (packet.pts or 0) + later, packet.dts + later
                packet.stream = into[streams.index(packet.stream)]
                longer.mux(packet)
    return path


def _heard(stream: Any, seconds: float) -> Iterator[Any]:
    samples = hum(seconds)
    for first in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, first : first + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = _RATE, first
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _moving(size: tuple[int, int], pictures: int) -> Iterator[av.VideoFrame]:
    """Yield pictures of a person whose head moves about: a window wandering over a larger picture, with grain."""
    width, height = size
    margin = height // 20
    room = np.asarray(_person(width + 2 * margin, height + 2 * margin)).astype(np.int16)
    rng = np.random.default_rng(0)
    grains = [rng.normal(0, _GRAIN, (height, width, 3)).astype(np.int16) for _ in range(4)]
    for number in range(pictures):
        x = margin + round(margin * np.sin(number / 17))
        y = margin + round(margin * np.sin(number / 29 + 1))
        seen = room[y : y + height, x : x + width] + grains[number % len(grains)]
        frame = av.VideoFrame.from_ndarray(np.clip(seen, 0, 255).astype(np.uint8), format="rgb24")
        frame.pts = number
        yield frame


def _person(width: int, height: int) -> Image.Image:
    """Draw somebody before a wall whom face detectors take for somebody."""
    shade = np.linspace(160, 110, height)[:, None, None] * np.array([0.9, 1.0, 1.05])
    image = Image.fromarray(np.broadcast_to(shade, (height, width, 3)).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    unit = 0.55 * height

    def oval(x: float, y: float, wide: float, tall: float, colour: tuple[int, int, int]) -> None:
        middle = width / 2 + x * unit, 0.48 * height + y * unit
        half = wide * unit, tall * unit
        pen.ellipse((middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]), colour)

    oval(0, 0.95, 0.55, 0.45, (60, 70, 110))
    oval(0, -0.08, 0.42, 0.49, (70, 50, 40))
    for step in range(12):  # darker towards the edge, as light falls
        share = 1 - step / 40
        tone = 0.8 + 0.2 * step / 11
        oval(0, 0.05, 0.37 * share, 0.45 * share, (round(225 * tone), round(180 * tone), round(152 * tone)))
    for side in (-1, 1):
        oval(0.18 * side, -0.115, 0.085, 0.018, (60, 42, 34))
        oval(0.18 * side, -0.02, 0.085, 0.06, (165, 125, 105))
        oval(0.18 * side, -0.01, 0.062, 0.032, (238, 235, 230))
        oval(0.18 * side, -0.01, 0.03, 0.031, (70, 60, 50))
        oval(0.18 * side, -0.01, 0.014, 0.015, (8, 8, 8))
        oval(0.03 * side, 0.165, 0.015, 0.011, (95, 65, 55))
    oval(0, 0.14, 0.06, 0.035, (190, 145, 122))
    oval(0, 0.28, 0.15, 0.04, (165, 70, 75))
    oval(0, 0.282, 0.11, 0.014, (60, 15, 20))
    return image.filter(ImageFilter.GaussianBlur(0.012 * unit))
