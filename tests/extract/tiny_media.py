"""Writes recordings of drawn people who hum, small enough that a test reads many."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from drawn_people import draw_person

RATE = 16_000


def hum(seconds: float, pitch: float) -> np.ndarray:
    """Return a voice (n,) float32 that hums in syllables: harmonics of ``pitch`` under an envelope."""
    time = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
    return (0.1 * voice * (0.55 + 0.45 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


def write_person(
    path: Path,
    person: int | None,
    *,
    seconds: float = 1.5,
    fps: int = 8,
    size: tuple[int, int] = (160, 120),
    pitch: float | None = 120,
    seed: int = 0,
) -> Path:
    """Write an answer of ``person`` (None: an empty room) with a voice of that pitch (None: without sound)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=fps)
        video.width, video.height, video.pix_fmt, video.bit_rate = *size, "yuv420p", 900_000
        sound = None if pitch is None else container.add_stream("aac", rate=RATE, layout="mono")
        for number in range(round(seconds * fps)):
            if person is None:
                picture = np.full((size[1], size[0], 3), 120, np.uint8)
            else:
                moved = rng.normal(0, 0.012, 2)
                picture = draw_person(
                    person, size=size, centre=(0.5 + moved[0], 0.48 + moved[1]), mouth_open=number % 3 / 2,
                    turn=float(rng.normal(0, 0.1)), roll=float(rng.normal(0, 2)),
                )  # fmt: skip
            for packet in video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in video.encode():
            container.mux(packet)
        if sound is not None:
            samples = hum(seconds, pitch)
            for first in range(0, len(samples), 1024):
                frame = av.AudioFrame.from_ndarray(samples[None, first : first + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = RATE, first
                for packet in sound.encode(frame):
                    container.mux(packet)
            for packet in sound.encode(None):
                container.mux(packet)
    return path
