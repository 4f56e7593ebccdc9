"""Turns what was seen of a head in single pictures into an even sequence that describes how it moved.

Three sources can be at hand (:data:`GESTURES`), each with channels of its own. All are smoothed alike
(:func:`smooth`): means over short windows, continuous and binary channels told apart as in the paper (arXiv
1907.11062), gaps filled, and one channel more that says where they were. The smallest source is here too:
:func:`box_gestures` makes do with a face detector's box and five points. Letters used for shapes: T pictures looked
at, W windows, D channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairhire.media.windows import Windows

__all__ = ["BOX_CHANNELS", "FACE_SEEN", "GESTURES", "Channel", "Gestures", "box_gestures", "smooth"]

GESTURES: dict[str, str] = {
    "openface": "OpenFace 2 gives head position and rotation, gaze, and action units, as in the paper.",
    "mediapipe": "MediaPipe's Face Landmarker gives 51 blendshapes and head pose, with a model file of the user's.",
    "boxes": "The face detector's box and five points give place, size, roll and proxies of yaw and pitch.",
}
"""The sources of gestures by name, richest first, each with one sentence."""


@dataclass(frozen=True)
class Channel:
    """One column of gestures: its name, its unit, and whether it is 0 or 1 only."""

    name: str
    unit: str
    binary: bool = False


FACE_SEEN = Channel("face_seen", "0 or 1", binary=True)
"""The channel that :func:`smooth` appends: 1 where the face was seen in the window, 0 where the rest is filled in."""


@dataclass(frozen=True, eq=False)
class Gestures:
    """``values`` (W, D) float32, one row per window, of ``channels`` (D); ``seen`` is the share of windows with a face.

    Every value is finite; binary channels are 0 or 1. The last channel is :data:`FACE_SEEN`.
    """

    values: NDArray[np.float32]
    channels: tuple[Channel, ...]
    seen: float


def smooth(
    times: NDArray[np.float64],
    values: NDArray[np.floating],
    *,
    seen: NDArray[np.bool_],
    channels: tuple[Channel, ...],
    end: float,
    windows: Windows,
) -> Gestures | None:
    """Return the means over ``windows`` of the pictures in which the face was seen, or None if that was in none.

    ``times`` (T,) in seconds never fall; ``values`` (T, D) belong to ``channels`` (D) and count only where ``seen``
    (T,), elsewhere they may be anything; the recording ends at ``end`` seconds. A binary channel is 1 where its mean
    is at least one half, so a tie is 1, else 0. Windows without the face are filled: continuous channels by a
    straight line in time between the nearest windows with it, held before the first and after the last; binary ones
    by the nearest, at equal distance the earlier. :data:`FACE_SEEN` is appended and tells the filled windows.
    """
    means, n = windows.means(times[seen], values[seen], end)
    held = n > 0
    if not held.any():
        return None
    binary = np.array([channel.binary for channel in channels], dtype=np.bool_)
    means[:, binary] = means[:, binary] >= 0.5
    filled = _fill(means, held=held, binary=binary)
    return Gestures(
        values=np.column_stack([filled, held]).astype(np.float32),
        channels=(*channels, FACE_SEEN),
        seen=float(held.mean()),
    )


def _fill(means: NDArray[np.float32], *, held: NDArray[np.bool_], binary: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return ``means`` (W, D) with the rows that are not ``held`` made from those that are; at least one is."""
    places = np.arange(len(means))
    known = np.flatnonzero(held)
    before = known[np.maximum(np.searchsorted(known, places, side="right") - 1, 0)]
    after = known[np.minimum(np.searchsorted(known, places), len(known) - 1)]
    way = np.where(after > before, (places - before) / np.maximum(after - before, 1), 0.0)
    filled = np.empty_like(means)
    line = means[before] * (1 - way[:, None]) + means[after] * way[:, None]
    filled[:, ~binary] = line[:, ~binary]
    filled[:, binary] = means[np.where(way <= 0.5, before, after)][:, binary]
    return filled


# ------------------------------------------------------------------------------------------------ box and five points

_PLACES = (
    Channel("centre_x", "picture widths from the middle, to the right"),
    Channel("centre_y", "picture heights from the middle, downwards"),
    Channel("log_size", "natural logarithm of the box's share of the picture's height"),
    Channel("roll", "rad, clockwise as seen"),
    Channel("yaw_proxy", "eye distances, to the picture's right"),
    Channel("pitch_proxy", "share of the way from eyes to mouth, less one half, downwards"),
    Channel("mouth_width", "eye distances"),
)
_MOTIONS = (
    Channel("speed", "face sizes per s"),
    Channel("log_size_rate", "1/s"),
    Channel("roll_rate", "rad/s"),
    Channel("yaw_proxy_rate", "eye distances per s"),
    Channel("pitch_proxy_rate", "1/s"),
)

BOX_CHANNELS: tuple[Channel, ...] = (*_PLACES, *_MOTIONS)
"""What :func:`box_gestures` measures, before :data:`FACE_SEEN`. A proxy grows with an angle and is not one."""

_LEAST = 0.02
"""The share of the box's height that eyes, and eyes and mouth, are apart at least; nearer ones give no direction."""

_NEIGHBOURS = (0.001, 1.0)
"""Seconds between two pictures that say how fast the head moved: closer ones are one picture with a rounded time."""


def box_gestures(
    times: NDArray[np.float64],
    boxes: NDArray[np.floating],
    points: NDArray[np.floating],
    *,
    seen: NDArray[np.bool_],
    sizes: NDArray[np.number],
    end: float,
    windows: Windows,
) -> Gestures | None:
    """Return :data:`BOX_CHANNELS` of a face that a detector boxed, smoothed; None if it was never seen.

    ``times`` (T,) in seconds, ``boxes`` (T, 4) as x1, y1, x2, y2 and ``points`` (T, 5, 2) in pixels (left eye, right
    eye, nose, left and right corner of the mouth, where left is the picture's left, as MTCNN has it), ``sizes``
    (T, 2) the picture's width and height in pixels. Rows that are not ``seen`` (T,) may hold anything. A face without
    a direction (eyes on one spot, or eyes and mouth, or a box without height) counts as not seen.

    Yaw and pitch are proxies: where the nose lies between the eyes, and between eyes and mouth, in the face's own
    upright frame. They grow with the angle but also differ from face to face, and a face in full profile has none.

    The last five channels say how fast the others change, without sign: from the picture before, if the face was seen
    in it and it is no more than a second older. Where that is unknown no number is made up: those pictures do not
    count in the window's mean, and windows without any are filled as windows without a face are. Only if it is
    unknown throughout (a face seen once, or rarer than every second) they are 0. The detector's own trembling is
    motion too, and weighs more the closer the pictures are.
    """
    with np.errstate(all="ignore"):  # rows that are not seen may hold anything
        places, centres, heights = _places(boxes.astype(np.float64), points.astype(np.float64), sizes)
        usable = seen & np.isfinite(places.astype(np.float32)).all(axis=1)
    still = smooth(times, places, seen=usable, channels=_PLACES, end=end, windows=windows)
    if still is None:
        return None
    motions, known = _motions(times[usable], places[usable], centres[usable], heights[usable])
    moved = smooth(times[usable], motions, seen=known, channels=_MOTIONS, end=end, windows=windows)
    shape = (len(still.values), len(_MOTIONS))
    rates = np.zeros(shape, dtype=np.float32) if moved is None else moved.values[:, :-1]
    return Gestures(
        values=np.column_stack([still.values[:, :-1], rates, still.values[:, -1:]]),
        channels=(*BOX_CHANNELS, FACE_SEEN),
        seen=still.seen,
    )


def _places(
    boxes: NDArray[np.float64], points: NDArray[np.float64], sizes: NDArray[np.number]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return :data:`_PLACES` (T, 7), NaN where undefined, and in picture heights the centre (T, 2) and size (T,)."""
    width, height = sizes[:, 0].astype(np.float64), sizes[:, 1].astype(np.float64)
    tall = boxes[:, 3] - boxes[:, 1]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    left, right, nose = points[:, 0], points[:, 1], points[:, 2]
    across = right - left
    apart = np.hypot(across[:, 0], across[:, 1])
    along = across / apart[:, None]
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)
    eyes, mouth = (left + right) / 2, (points[:, 3] + points[:, 4]) / 2
    drop = ((mouth - eyes) * down).sum(axis=1)
    places = np.stack(
        [
            middle[:, 0] / width - 0.5,
            middle[:, 1] / height - 0.5,
            np.log(tall / height),
            np.arctan2(across[:, 1], across[:, 0]),
            ((nose - eyes) * along).sum(axis=1) / apart,
            ((nose - eyes) * down).sum(axis=1) / drop - 0.5,
            np.hypot(*(points[:, 4] - points[:, 3]).T) / apart,
        ],
        axis=1,
    )
    places[~((tall > 0) & (apart >= _LEAST * tall) & (drop >= _LEAST * tall))] = np.nan
    return places, middle / height[:, None], tall / height


def _motions(
    times: NDArray[np.float64],
    places: NDArray[np.float64],
    centres: NDArray[np.float64],
    heights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return :data:`_MOTIONS` (T, 5) of usable pictures, each against the one before, and where they are known."""
    gaps = np.diff(times)
    known = np.concatenate([[False], (gaps >= _NEIGHBOURS[0]) & (gaps <= _NEIGHBOURS[1])])
    motions = np.zeros((len(times), len(_MOTIONS)))
    here = np.flatnonzero(known)
    ago = here - 1
    way = centres[here] - centres[ago]
    motions[here, 0] = np.hypot(way[:, 0], way[:, 1]) / ((heights[here] + heights[ago]) / 2)
    change = places[here, 2:6] - places[ago, 2:6]
    change[:, 1] = (change[:, 1] + np.pi) % (2 * np.pi) - np.pi  # a turn past half a circle is the short way round
    motions[here, 1:] = np.abs(change)
    motions[here] /= (times[here] - times[ago])[:, None]
    return motions, known
