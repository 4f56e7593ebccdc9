"""Follows the candidate through an answer: one face among several, here and then not, before a poster on the wall.

Faces of neighbouring samples that overlap are one *track*. The candidate is the track that is large and there for long;
one whose face never moves is a picture on the wall unless it is alone. Tracks of the same looks at other times belong
to the same person, who turned away or was lost for a while. Of every track a few crops are kept on the way, the
best ones, spread over time, so that memory does not grow with the length of the answer. Letters: S samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fairhire.media.faces import DetectedFaces, contrast_pixels

__all__ = ["SIDE", "Crop", "Followed", "Follower", "Shown", "aligned"]

Floats = NDArray[np.float64]

SIDE = 160
"""Height and width of a crop in pixels: what face-recognition networks are trained on."""

_PLACES = np.array([(0.35, 0.40), (0.65, 0.40), (0.50, 0.57), (0.37, 0.74), (0.63, 0.74)])
"""Where eyes, nose and corners of the mouth come to lie in a crop, as shares of its side. Ours: the face with hair."""

_LOST = 2.0  # seconds after which a track that was not seen has ended
_NEAR = 0.6  # face sizes by which a face may have moved from one sample to the next
_GROWTH = 1.6  # times by which it may have grown or shrunk
_BRIEF = 3  # samples: a shorter track is a mistake of the detector, or somebody who passes
_STILL = 3.0  # grey levels: a face that changes less from sample to sample is a picture; noise averages out below 2
_GLANCE = 320  # pixels: the longer side of the pictures in which change is looked for
_FIELDS = 8  # fields, across and down, of which a face's change is the mean of the three that change most
_FROZEN = 0.75  # share of the samples whose change may be none at all, because the camera stood still
_ALIKE = 0.85  # cosine of two crops of one person in the same room, of contrast-normalised pixels
_KEPT = 32  # crops kept of a track
_ENDED = 100  # tracks kept that have ended: the weightiest
_BUDGET = 512  # crops kept of all of those, 40 MB
_EVERY = 0.5  # seconds for which one crop is kept, at first


class Shown(Protocol):
    """A picture of a recording, or a photograph."""

    @property
    def seconds(self) -> float:
        """When it is shown."""

    @property
    def width(self) -> int:
        """The width in pixels."""

    @property
    def height(self) -> int:
        """The height in pixels."""

    def rgb(self, longest: int | None = None) -> NDArray[np.uint8]:
        """Return it (h, w, 3) uint8 RGB, upright, made smaller where a side is above ``longest`` pixels."""


@dataclass(frozen=True, eq=False)
class Crop:
    """A face, upright and of one size: ``pixels`` (160, 160, 3) uint8 RGB at ``seconds``.

    ``quality`` from 0 to 1 is how much of it the camera saw: the detector's probability, times the size of the face up
    to 80 pixels, times how frontal it is. ``sharpness`` is the deviation of its Laplacian, in grey levels.
    """

    seconds: float
    pixels: NDArray[np.uint8]
    quality: float
    sharpness: float


@dataclass(frozen=True, eq=False)
class Followed:
    """The candidate in the S samples of an answer.

    ``times`` (S,) seconds, ``boxes`` (S, 4) and ``points`` (S, 5, 2) in pixels of the upright picture, whose width and
    height are ``sizes`` (S, 2); meaningless where ``seen`` (S,) is False. ``probability`` is the detector's mean,
    ``size`` the median height of the face in pixels. ``others`` counts the samples in which other people were seen,
    ``still`` says that the face never moves, as in a photograph. ``crops`` are at most as many as asked for, in order
    of time.
    """

    times: Floats
    boxes: Floats
    points: Floats
    sizes: Floats
    seen: NDArray[np.bool_]
    probability: float
    size: float
    others: int
    still: bool
    crops: tuple[Crop, ...]


@dataclass(eq=False)
class _Track:
    """One face over time; ``rows`` are the samples in which it was seen.

    ``shares`` are its heights and ``place`` its last box as shares of the picture's longer side, ``changes`` how much
    it changed from one sample to the next, in grey levels.
    """

    rows: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    boxes: list[Floats] = field(default_factory=list)
    points: list[Floats] = field(default_factory=list)
    probability: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    place: Floats = field(default_factory=lambda: np.zeros(4))
    crops: dict[int, Crop] = field(default_factory=dict)
    every: float = _EVERY

    def see(self, row: int, seconds: float, box: Floats, points: Floats, probability: float, *, longest: int) -> None:
        self.place = box / longest
        self.shares.append(float(self.place[3] - self.place[1]))
        self.rows.append(row)
        self.times.append(seconds)
        self.boxes.append(box)
        self.points.append(points)
        self.probability.append(probability)

    def wants(self, seconds: float, quality: float) -> bool:
        kept = self.crops.get(int(seconds / self.every))
        return kept is None or quality > 1.05 * kept.quality

    def keep(self, crop: Crop) -> None:
        self.crops[int(crop.seconds / self.every)] = crop
        while len(self.crops) > _KEPT:
            self.thin()

    def thin(self) -> None:
        """Keep the better of every two neighbouring crops."""
        self.every *= 2
        thinned: dict[int, Crop] = {}
        for one in self.crops.values():
            place = int(one.seconds / self.every)
            if place not in thinned or one.quality > thinned[place].quality:
                thinned[place] = one
        self.crops = thinned

    def weight(self) -> float:
        """How much this face fills the recording: its size as a share of the picture's, summed over samples."""
        return float((np.array(self.shares) * np.array(self.probability)).sum())

    def moves(self) -> bool:
        """Say whether it changes, as a whole or in itself, more than noise does; what was never seen twice may."""
        return not self.changes or float(np.quantile(self.changes, _FROZEN)) > _STILL

    def best(self) -> Crop:
        return max(self.crops.values(), key=lambda crop: crop.quality)


class Follower:
    """Is shown the faces of one sample after another and says, at the end, which of them was the candidate."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._open: list[_Track] = []
        self._times: list[float] = []
        self._sizes: list[tuple[int, int]] = []
        self._faces: list[int] = []
        self._glance: NDArray[np.uint8] | None = None

    @property
    def samples(self) -> int:
        """How many pictures were shown."""
        return len(self._times)

    def see(self, picture: Shown, faces: DetectedFaces, looked_at: tuple[int, int]) -> None:
        """Take notice of the ``faces`` that were found in ``picture``, looked at with the width and height given."""
        row, seconds = len(self._times), picture.seconds
        scale = np.array([picture.width / looked_at[0], picture.height / looked_at[1]])
        boxes = faces.boxes.astype(np.float64) * np.tile(scale, 2)
        points = faces.points.astype(np.float64) * scale
        self._times.append(seconds)
        self._sizes.append((picture.width, picture.height))
        self._faces.append(len(faces))
        self._end_lost(seconds)
        longest = max(picture.width, picture.height)
        before, self._glance = self._glance, _glance(picture) if len(faces) else None
        if before is not None and self._glance is not None and before.shape != self._glance.shape:
            before = None  # what is only sharper than it was has not moved
        for face, track in self._matched(boxes / longest):
            if before is not None and self._glance is not None and track.rows and track.rows[-1] == row - 1:
                track.changes.append(_change(before, self._glance, track.place))
            track.see(row, seconds, boxes[face], points[face], float(faces.probability[face]), longest=longest)
            quality = _quality(boxes[face], points[face], float(faces.probability[face]))
            if track.wants(seconds, quality) and (crop := aligned(picture, points[face])) is not None:
                track.keep(Crop(seconds, crop, quality, _sharpness(crop)))

    def finish(self, crops: int) -> Followed | None:
        """Return the candidate with at most ``crops`` crops, None where nobody was seen."""
        tracks = [track for track in self._tracks + self._open if track.crops]
        if not tracks:
            return None
        longest = max(len(track.rows) for track in tracks)
        lasting = [track for track in tracks if len(track.rows) >= min(_BRIEF, longest)]
        moving = [track for track in lasting if len(track.rows) >= _BRIEF and track.moves()]
        main = max(moving or lasting, key=_Track.weight)
        chain = _chain(main, [track for track in (moving or lasting) if track is not main])
        return self._followed(chain, crops, still=not moving and len(main.rows) >= _BRIEF)

    def _end_lost(self, seconds: float) -> None:
        lost = [track for track in self._open if seconds - track.times[-1] > _LOST]
        self._open = [track for track in self._open if seconds - track.times[-1] <= _LOST]
        # The brief ones are forgotten once there are many: a flickering picture must not fill the memory.
        self._tracks += [track for track in lost if len(track.rows) >= _BRIEF or len(self._tracks) < 20]
        if len(self._tracks) > _ENDED:
            self._tracks = sorted(self._tracks, key=_Track.weight)[-_ENDED:]
        while sum(len(track.crops) for track in self._tracks) > _BUDGET:
            max(self._tracks, key=lambda track: len(track.crops)).thin()

    def _matched(self, boxes: Floats) -> list[tuple[int, _Track]]:
        """Return every face with its track, a new one where none is near; the nearest pairs find each other first.

        ``boxes`` are shares of the picture's longer side, so that a recording may change its size on the way.
        """
        pairs = sorted(
            (_distance(track.place, box), face, place)
            for face, box in enumerate(boxes)
            for place, track in enumerate(self._open)
        )
        found: dict[int, _Track] = {}
        taken: set[int] = set()
        for distance, face, place in pairs:
            if distance <= _NEAR and face not in found and place not in taken:
                found[face] = self._open[place]
                taken.add(place)
        for face in range(len(boxes)):
            if face not in found:
                found[face] = _Track()
                self._open.append(found[face])
        return sorted(found.items())

    def _followed(self, chain: Sequence[_Track], crops: int, *, still: bool) -> Followed:
        n = len(self._times)
        boxes, points, seen = np.zeros((n, 4)), np.zeros((n, 5, 2)), np.zeros(n, dtype=bool)
        for track in chain:
            boxes[track.rows], points[track.rows], seen[track.rows] = track.boxes, track.points, True
        return Followed(
            times=np.array(self._times),
            boxes=boxes,
            points=points,
            sizes=np.array(self._sizes, dtype=np.float64),
            seen=seen,
            probability=float(np.mean([one for track in chain for one in track.probability])),
            size=float(np.median(boxes[seen, 3] - boxes[seen, 1])),
            others=int((np.array(self._faces) > seen).sum()),
            still=still,
            crops=_spread([crop for track in chain for crop in track.crops.values()], crops),
        )


def aligned(picture: Shown, points: Floats) -> NDArray[np.uint8] | None:
    """Return the face whose ``points`` (5, 2) these are, upright, as (160, 160, 3) uint8 RGB.

    Turn, size and place follow from a least-squares fit of the five points to where they belong in a crop; the face is
    not stretched. None where the points lie on top of each other.
    """
    places = _PLACES * SIDE
    x, y = places - places.mean(axis=0), points - points.mean(axis=0)
    spread = float((x**2).sum())
    # From crop to picture: turn and scale (a, b) and shift, the least-squares similarity (Umeyama 1991, in the plane).
    a = float((x * y).sum()) / spread
    b = float((x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum()) / spread
    scale = float(np.hypot(a, b))
    if scale * SIDE < 8:
        return None
    # A picture much larger than the crop is made smaller first, so that no pixel is passed over.
    longest = max(picture.width, picture.height)
    small = picture.rgb(round(longest * min(1.0, 1.5 / scale)))
    ratio = small.shape[1] / picture.width, small.shape[0] / picture.height
    matrix = np.array([[a, -b], [b, a]])
    shift = points.mean(axis=0) - matrix @ places.mean(axis=0)
    rows = [(ratio[0] * matrix[0, 0], ratio[0] * matrix[0, 1], ratio[0] * shift[0]),
            (ratio[1] * matrix[1, 0], ratio[1] * matrix[1, 1], ratio[1] * shift[1])]  # fmt: skip
    image = Image.fromarray(small)
    crop = image.transform((SIDE, SIDE), Image.Transform.AFFINE, (*rows[0], *rows[1]), Image.Resampling.BICUBIC)
    return np.asarray(crop)


def _glance(picture: Shown) -> NDArray[np.uint8]:
    """Return the picture, small and grey, (h, w) uint8."""
    return np.asarray(Image.fromarray(picture.rgb(_GLANCE)).convert("L"))


def _change(before: NDArray[np.uint8], now: NDArray[np.uint8], place: Floats) -> float:
    """Return by how many grey levels the ``place`` where a face was looks different ``now``, most of all.

    Means of fields are compared, so that noise does not count, without what all have in common: the exposure.
    """
    fields = []
    for picture in (before, now):
        height, width = picture.shape
        left, top, right, bottom = place * max(picture.shape)
        left, top = min(max(0.0, left), width - 1.0), min(max(0.0, top), height - 1.0)
        box = (left, top, max(left + 1.0, min(width, right)), max(top + 1.0, min(height, bottom)))
        face = Image.fromarray(picture).resize((_FIELDS, _FIELDS), Image.Resampling.BOX, box=box)
        fields.append(np.asarray(face, np.float64))
    change = fields[1] - fields[0]
    return float(np.sort(np.abs(change - np.median(change)).ravel())[-3:].mean())


def _distance(before: Floats, box: Floats) -> float:
    """Return by how many face sizes ``box`` is away, infinite where it is much larger or smaller."""
    sizes = [max(1e-3, float(one[3] - one[1])) for one in (before, box)]
    if not 1 / _GROWTH <= sizes[1] / sizes[0] <= _GROWTH:
        return float("inf")
    middles = [(one[:2] + one[2:]) / 2 for one in (before, box)]
    return float(np.hypot(*(middles[1] - middles[0]))) / min(sizes)


def _quality(box: Floats, points: Floats, probability: float) -> float:
    eyes = points[1] - points[0]
    apart = float(np.hypot(*eyes))
    if apart < 1:
        return 0.0
    sideways = float((points[2] - (points[0] + points[1]) / 2) @ eyes) / apart**2
    return probability * min(1.0, float(box[3] - box[1]) / 80) * max(0.05, 1 - 2 * abs(sideways))


def _sharpness(crop: NDArray[np.uint8]) -> float:
    grey = crop.mean(axis=2)
    laplacian = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return float(laplacian.std())


def _chain(main: _Track, others: Sequence[_Track]) -> list[_Track]:
    """Return ``main`` and those of ``others`` that show the same person at other times, the longest first."""
    chain, taken = [main], set(main.rows)
    looks = contrast_pixels(main.best().pixels[None])[0]
    for track in sorted(others, key=lambda track: -len(track.rows)):
        alike = float(contrast_pixels(track.best().pixels[None])[0] @ looks)
        if alike >= _ALIKE and taken.isdisjoint(track.rows):
            chain.append(track)
            taken |= set(track.rows)
    return chain


def _spread(crops: Sequence[Crop], wanted: int) -> tuple[Crop, ...]:
    """Return the best crop of each of ``wanted`` stretches of equally many crops."""
    in_time = sorted(crops, key=lambda crop: crop.seconds)
    parts = np.array_split(np.arange(len(in_time)), min(wanted, len(in_time)))
    return tuple(in_time[max(part, key=lambda place: in_time[place].quality)] for part in parts if len(part))
