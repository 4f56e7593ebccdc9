"""Makes recordings with every oddity that recordings have, of drawn people or numbered pictures and synthetic voices.

Nothing here is anybody's: voices are pulses through resonators, faces are drawn, and a numbered picture tells which one
of a recording it was, however it was encoded, scaled or turned.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.stream import Disposition
from drawn_people import draw_person
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Samples = NDArray[np.float32]

CODECS: dict[str, tuple[str | None, str | None]] = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("mpeg4", "pcm_s16le"),
    ".mkv": ("libx264", "flac"),
    ".webm": ("libvpx", "libopus"),
    ".avi": ("mpeg4", "libmp3lame"),
    ".ts": ("mpeg2video", "mp2"),
    ".mpg": ("mpeg1video", "mp2"),
    ".3gp": ("h263", "libopencore_amrnb"),
    ".flv": ("flv", "libmp3lame"),
    ".wmv": ("wmv2", "wmav2"),
    ".wav": (None, "pcm_s16le"),
    ".flac": (None, "flac"),
    ".ogg": (None, "libopus"),
    ".mp3": (None, "libmp3lame"),
    ".m4a": (None, "aac"),
}
"""What a file of each suffix is encoded with unless said otherwise: picture, sound."""

_FORMATS = {".m4a": "ipod", ".mkv": "matroska", ".ts": "mpegts", ".mpg": "mpeg", ".wmv": "asf"}
_FAST = {
    "libx264": {"preset": "ultrafast", "crf": "18", "threads": "1"},
    "libvpx": {"cpu-used": "8", "deadline": "realtime", "crf": "10", "b": "1M", "threads": "1"},
    "libvpx-vp9": {"cpu-used": "8", "deadline": "realtime", "crf": "20", "b": "0", "threads": "1"},
}
_RATES = {"libopus": 48_000, "libopencore_amrnb": 8_000}  # what these encode at, whatever comes
_GRID = (4, 3)  # bits of a number in a picture, across and down: pictures 0 to 4095
_TICK = Fraction(1, 1000)


def can_encode(*codecs: str | None) -> bool:
    """Say whether this build of FFmpeg encodes all of ``codecs``; None is always possible."""
    try:
        for name in codecs:
            if name is not None:
                av.codec.Codec(name, "w")
    except av.error.FFmpegError:
        return False
    return True


# ------------------------------------------------------------------------------------------------------------- voices


def speech(seconds: float, *, pitch: float = 120.0, rate: int = 16_000, seed: int = 0) -> Samples:
    """Return (n,) float32: words of one or two vowels with pauses between them, spoken at about ``pitch`` Hz."""
    rng = np.random.default_rng([13, seed])
    said = np.zeros(round(seconds * rate))
    at = 0.1
    while at < seconds - 0.1:
        lasts = min(rng.uniform(0.25, 0.6), seconds - 0.05 - at)
        word = _word(lasts, pitch * rng.uniform(0.96, 1.04), rate, rng)
        first = round(at * rate)
        said[first : first + len(word)] += word[: len(said) - first]
        at += lasts + rng.uniform(0.08, 0.25)
    said += rng.normal(0, 1e-4, len(said))  # no room is wholly silent
    return (0.5 * said / max(1e-9, np.abs(said).max())).astype(np.float32)


def _word(seconds: float, pitch: float, rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    n = round(seconds * rate)
    time = np.arange(n) / rate
    tone = pitch * (1.04 - 0.08 * time / seconds)  # falls a little, as speech does
    cycles = np.cumsum(tone) / rate
    pulses = np.diff(np.floor(cycles), prepend=0.0)
    formants = (rng.uniform(350, 750), rng.uniform(1100, 2000), rng.uniform(2400, 2900))
    ring = np.arange(round(0.04 * rate)) / rate
    response = sum(
        gain * np.exp(-np.pi * width * ring) * np.sin(2 * np.pi * formant * ring)
        for formant, width, gain in zip(formants, (80, 110, 160), (1.0, 0.5, 0.25), strict=True)
        if formant < 0.45 * rate
    )
    envelope = np.minimum(1.0, np.minimum(time, seconds - time) / 0.04)
    voiced = np.convolve(pulses, np.asarray(response))[:n] + rng.normal(0, 0.004, n)
    return np.asarray(voiced * envelope * rng.uniform(0.7, 1.0))


def loudness(said: Samples, rate: int, seconds: float) -> float:
    """Return from 0 to 1 how loud ``said`` is around a time."""
    part = said[max(0, round((seconds - 0.03) * rate)) : round((seconds + 0.03) * rate)]
    return float(min(1.0, 4 * np.sqrt(np.mean(part.astype(np.float64) ** 2)))) if len(part) else 0.0


# ----------------------------------------------------------------------------------------------------------- pictures


def numbered(number: int, size: tuple[int, int]) -> Pixels:
    """Return a picture (h, w, 3) that tells its number: four by three bright or dark fields, the lowest bit first."""
    width, height = size
    columns, rows = np.arange(width) * _GRID[0] // width, np.arange(height) * _GRID[1] // height
    bits = number >> (rows[:, None] * _GRID[0] + columns[None, :]) & 1
    return np.repeat((40 + 170 * bits)[:, :, None], 3, axis=2).astype(np.uint8)


def number_of(pixels: Pixels) -> int:
    """Return the number that a picture tells (:func:`numbered`), whatever its size."""
    height, width = pixels.shape[:2]
    grey = pixels.mean(axis=2)
    number = 0
    for bit in range(_GRID[0] * _GRID[1]):
        row, column = divmod(bit, _GRID[0])
        field = grey[
            round((row + 0.3) * height / _GRID[1]) : round((row + 0.7) * height / _GRID[1]),
            round((column + 0.3) * width / _GRID[0]) : round((column + 0.7) * width / _GRID[0]),
        ]
        number |= int(field.mean() > 125) << bit
    return number


def talking(
    person: int, said: Samples, rate: int, times: Iterable[float], size: tuple[int, int], **how: Any
) -> Iterator[Pixels]:
    """Yield pictures of ``person`` saying ``said``: the mouth opens with the loudness, the head moves a little."""
    centre = how.pop("centre", (0.5, 0.48))
    for seconds in times:
        yield draw_person(
            person,
            size=size,
            centre=(centre[0] + 0.012 * np.sin(2.1 * seconds), centre[1] + 0.01 * np.sin(3.3 * seconds + 1)),
            roll=3 * np.sin(1.3 * seconds),
            turn=0.15 * np.sin(0.9 * seconds),
            mouth_open=0.1 + 0.9 * loudness(said, rate, seconds),
            **how,
        )


def ffmpeg_pattern(seconds: float, *, fps: int = 25, size: tuple[int, int] = (160, 120)) -> Iterator[Pixels]:
    """Yield the pictures of FFmpeg's own test source."""
    graph = Graph()
    source = graph.add("testsrc", f"size={size[0]}x{size[1]}:rate={fps}:duration={seconds}")
    shaped, sink = graph.add("format", "rgb24"), graph.add("buffersink")
    source.link_to(shaped)
    shaped.link_to(sink)
    graph.configure()
    for _ in range(round(seconds * fps)):
        frame = graph.pull()
        assert isinstance(frame, av.VideoFrame)
        yield frame.to_ndarray()


# --------------------------------------------------------------------------------------------------------- recordings


@dataclass(frozen=True)
class Track:
    """A track of sound: ``samples`` (n,) or (channels, n) float32 at ``rate``.

    It begins ``starts`` seconds after the recording does, and its clock jumps by ``gap[1]`` seconds at ``gap[0]``.
    ``codec`` None is the container's usual one; ``default`` is whether a player plays it unasked.
    """

    samples: Samples
    rate: int = 16_000
    starts: float = 0.0
    gap: tuple[float, float] | None = None
    codec: str | None = None
    default: bool | None = None


def write_recording(
    path: Path,
    *,
    person: int | None = None,
    seconds: float = 2.0,
    fps: int = 25,
    size: tuple[int, int] = (160, 120),
    pitch: float | None = 120.0,
    rate: int = 16_000,
    seed: int = 0,
    pictures: Iterable[Pixels] | None = None,
    tracks: Sequence[Track] | None = None,
    times: Sequence[float] | None = None,
    begins: float = 0.0,
    codec: str | None = None,
    aspect: Fraction | None = None,
    key_every: int = 12,
    options: dict[str, str] | None = None,
    encoding: dict[str, str] | None = None,
    **drawn: Any,
) -> Path:
    """Write a recording whose container and codecs follow from the suffix of ``path`` (:data:`CODECS`).

    It shows ``person`` talking (None: numbered pictures), ``size`` (w, h), at ``fps`` or at ``times``, ``begins``
    seconds after the recording does, and sounds like :func:`speech` at ``pitch`` (None: no sound). ``pictures`` and
    ``tracks`` replace either; an empty sequence leaves it out. ``options`` are the container's, ``encoding`` those of
    the picture's encoder, ``drawn`` :func:`draw_person`'s.
    """
    usual = CODECS[path.suffix]
    if tracks is None:
        tracks = [] if pitch is None else [Track(speech(seconds, pitch=pitch, rate=rate, seed=seed), rate)]
    shown = [number / fps for number in range(round(seconds * fps))] if times is None else list(times)
    if pictures is None and usual[0] is not None:
        said = tracks[0].samples if tracks else np.zeros(0, np.float32)
        pictures = (
            (numbered(number, size) for number in range(len(shown)))
            if person is None
            else talking(person, np.atleast_2d(said)[0], tracks[0].rate if tracks else rate, shown, size, **drawn)
        )
    with av.open(str(path), "w", format=_FORMATS.get(path.suffix), options=options or {}) as container:
        packets = []
        if pictures is not None and pictures != ():
            stream = _add_pictures(container, codec or str(usual[0]), fps, size, varied=times is not None)
            stream.gop_size = key_every
            stream.options = encoding or _FAST.get(codec or str(usual[0]), {})
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            packets.append(_pictures_encoded(stream, pictures, shown, begins))
        packets += [_sound_encoded(_add_sound(container, track, str(usual[1])), track) for track in tracks]
        for packet in heapq.merge(*packets, key=lambda packet: float((packet.dts or 0) * packet.time_base)):
            container.mux(packet)
    return path


def _add_pictures(container: Any, codec: str, fps: int, size: tuple[int, int], *, varied: bool) -> Any:
    stream = container.add_stream(codec, rate=fps)
    stream.width, stream.height = size
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    stream.codec_context.time_base = _TICK if varied else Fraction(1, fps)
    return stream


def _pictures_encoded(stream: Any, pictures: Iterable[Pixels], times: Sequence[float], begins: float) -> Iterator[Any]:
    base = stream.codec_context.time_base
    if stream.codec_context.sample_aspect_ratio is not None:
        stream.sample_aspect_ratio = stream.codec_context.sample_aspect_ratio
    for pixels, seconds in zip(pictures, times, strict=True):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.time_base, frame.pts = base, round(seconds / base)
        yield from _later(stream.encode(frame), begins)
    yield from _later(stream.encode(None), begins)


def _add_sound(container: Any, track: Track, codec: str) -> Any:
    channels = np.atleast_2d(track.samples).shape[0]
    stream = container.add_stream(track.codec or codec, rate=_RATES.get(track.codec or codec, track.rate))
    if (track.codec or codec).startswith("wma"):
        stream.bit_rate = 64_000
    stream.layout = {1: "mono", 2: "stereo"}[channels]
    if track.default is not None:
        stream.disposition = Disposition.default if track.default else Disposition(0)
    return stream


def _sound_encoded(stream: Any, track: Track) -> Iterator[Any]:
    samples = np.atleast_2d(track.samples)
    at, jump = track.gap or (float("inf"), 0.0)
    for first in range(0, samples.shape[1], 1024):
        part = np.ascontiguousarray(samples[:, first : first + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo" if len(samples) == 2 else "mono")
        frame.sample_rate, frame.pts, frame.time_base = track.rate, first, Fraction(1, track.rate)
        for packet in stream.encode(frame):
            yield from _later([packet], track.starts + jump * (packet.pts * packet.time_base >= at))
    for packet in stream.encode(None):
        yield from _later([packet], track.starts + jump * (packet.pts * packet.time_base >= at))


def _later(packets: Sequence[Any], seconds: float) -> Iterator[Any]:
    for packet in packets:
        ticks = round(seconds / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        yield packet


def with_cover(path: Path, track: Track) -> Path:
    """Write sound with a cover picture, as music has, into a file that could hold moving pictures (.m4a, .mp3)."""
    picture = BytesIO()
    Image.fromarray(numbered(5, (64, 48))).save(picture, "JPEG")
    with av.open(str(path), "w", format="mp4" if path.suffix == ".m4a" else None) as container:
        sound = _add_sound(container, track, str(CODECS[path.suffix][1]))
        cover: Any = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        shown = av.Packet(picture.getvalue())
        shown.stream, shown.pts, shown.dts, shown.time_base, shown.is_keyframe = cover, 0, 0, _TICK, True
        for packet in [shown, *_sound_encoded(sound, track)]:
            container.mux(packet)
    return path


def turned(path: Path, onto: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Copy the mp4 ``path`` with the display matrix (a, b, c, d) of its picture, as phones that are held upright do.

    A point (x, y) is shown at (a x + c y, b x + d y).
    """
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44  # QuickTime's track header: where its transformation stands
    a, b, c, d = (entry << 16 for entry in matrix)
    content[place : place + 36] = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    onto.write_bytes(content)
    return onto


def damaged(path: Path, onto: Path, how: str) -> Path:
    """Copy ``path``: "cut" at 60 %, its "middle" tenth zeroed, or with garbage at its "tail"."""
    content = path.read_bytes()
    n = len(content)
    onto.write_bytes({
        "cut": content[: int(0.6 * n)],
        "middle": content[: int(0.4 * n)] + bytes(int(0.1 * n)) + content[int(0.4 * n) + int(0.1 * n) :],
        "tail": content + np.random.default_rng(0).bytes(10_000),
    }[how])  # fmt: skip
    return onto
