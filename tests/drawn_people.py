"""Draws people whom a face detector takes for people, in front of a wall, so that tests need nobody's picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter


@dataclass(frozen=True)
class Look:
    """What belongs to a person: colours, and proportions as shares of the face's height."""

    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    iris: tuple[int, int, int]
    wide: float
    apart: float
    eye: float
    mouth: float
    nose: float
    fringe: float


def look_of(person: int) -> Look:
    """Return the look of person number ``person``."""
    rng = np.random.default_rng([7, person])
    tone = rng.uniform(0.45, 1.0)
    return Look(
        skin=(int(235 * tone), int(190 * tone), int(160 * tone)),
        hair=tuple(int(c) for c in rng.integers(10, 110) * np.array([1.0, 0.8, 0.6])),  # type: ignore[arg-type]
        iris=tuple(int(c) for c in rng.integers(30, 120, 3)),  # type: ignore[arg-type]
        wide=float(rng.uniform(0.70, 0.80)),
        apart=float(rng.uniform(0.165, 0.195)),
        eye=float(rng.uniform(0.055, 0.07)),
        mouth=float(rng.uniform(0.13, 0.17)),
        nose=float(rng.uniform(0.10, 0.13)),
        fringe=float(rng.uniform(0.28, 0.36)),
    )


def draw_person(
    person: int,
    *,
    size: tuple[int, int] = (320, 240),
    centre: tuple[float, float] = (0.5, 0.48),
    tall: float = 0.6,
    roll: float = 0.0,
    turn: float = 0.0,
    mouth_open: float = 0.2,
    onto: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Return a picture (h, w, 3) uint8 RGB of ``person``; ``size`` is (w, h), ``tall`` the face's share of the height.

    ``centre`` is where the face is, as shares of the picture; ``roll`` in degrees, clockwise; ``turn`` from -1 to 1
    moves eyes, nose and mouth sideways, as turning the head does. ``onto`` is a picture to draw on.
    """
    width, height = size
    look = look_of(person)
    scale = 3  # drawn larger, so that edges become smooth
    side = round(height * tall * scale * 1.7)
    face = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(face)
    unit = height * tall * scale
    mx = my = side / 2
    shift = turn * 0.09

    def ellipse(x: float, y: float, w: float, h: float, colour: tuple[int, ...]) -> None:
        pen.ellipse(
            (mx + (x - w) * unit, my + (y - h) * unit, mx + (x + w) * unit, my + (y + h) * unit),
            fill=(*colour, 255),
        )

    def darker(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
        return tuple(int(c * share) for c in colour)  # type: ignore[return-value]

    pen.rectangle((mx - 0.16 * unit, my + 0.3 * unit, mx + 0.16 * unit, side), fill=(*darker(look.skin, 0.8), 255))
    ellipse(0, -0.1, look.wide / 2 + 0.05, 0.47, look.hair)
    for step in range(12):  # light falls from the front: darker towards the edge
        share = 1 - step / 12
        ellipse(0, 0.04, look.wide / 2 * (0.72 + 0.28 * share), 0.46 * (0.72 + 0.28 * share),
                darker(look.skin, 0.78 + 0.22 * (1 - share)))  # fmt: skip
    pen.pieslice(
        (mx - (look.wide / 2 + 0.03) * unit, my - 0.53 * unit, mx + (look.wide / 2 + 0.03) * unit, my + 0.25 * unit),
        180 + 90 * look.fringe, 360 - 90 * look.fringe, fill=(*look.hair, 255),
    )  # fmt: skip
    for sign in (-1, 1):
        x = sign * look.apart + shift
        ellipse(x, -0.02, look.eye * 1.35, look.eye * 0.95, darker(look.skin, 0.72))
        pen.line(
            (mx + (x - 0.075) * unit, my - 0.105 * unit, mx + (x + 0.075) * unit, my - 0.115 * unit),
            fill=(*darker(look.hair, 0.8), 255), width=round(0.028 * unit),
        )  # fmt: skip
        ellipse(x, -0.01, look.eye, look.eye * 0.52, (236, 234, 230))
        ellipse(x, -0.01, look.eye * 0.48, look.eye * 0.5, look.iris)
        ellipse(x, -0.01, look.eye * 0.22, look.eye * 0.24, (8, 8, 8))
    nose = shift * 1.5
    bridge = (mx + (nose - 0.03) * unit, my + 0.02 * unit, mx + (nose - 0.045) * unit, my + look.nose * 1.3 * unit)
    pen.line(bridge, fill=(*darker(look.skin, 0.82), 255), width=round(0.02 * unit))
    ellipse(nose, look.nose * 1.3, 0.06, 0.035, darker(look.skin, 0.85))
    for sign in (-1, 1):
        ellipse(nose + sign * 0.03, look.nose * 1.3 + 0.015, 0.014, 0.01, darker(look.skin, 0.4))
    lips = shift * 0.9
    ellipse(lips, 0.28, look.mouth, 0.032 + 0.04 * mouth_open, (165, 70, 75))
    ellipse(lips, 0.282, look.mouth * 0.8, 0.006 + 0.035 * mouth_open, (60, 15, 20))
    face = face.filter(ImageFilter.GaussianBlur(unit * 0.012)).rotate(-roll, Image.Resampling.BICUBIC)
    face = face.resize((side // scale, side // scale), Image.Resampling.BOX)
    canvas = Image.fromarray(wall(size) if onto is None else onto)
    canvas.paste(face, (round(centre[0] * width - face.width / 2), round(centre[1] * height - face.height / 2)), face)
    return np.asarray(canvas)


def wall(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an empty room: a wall with light from above."""
    width, height = size
    shade = np.linspace(150, 110, height)[:, None, None] * np.array([0.9, 1.0, 1.05])
    return np.broadcast_to(shade, (height, width, 3)).astype(np.uint8)
