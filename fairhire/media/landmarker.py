"""Has MediaPipe's Face Landmarker describe faces in the pictures of a recording: expressions and head pose.

It needs MediaPipe (``pip install 'fairhire[gestures]'``; its only home is this file) and a model file, which is not
shipped: ``face_landmarker.task``, published with the documentation of MediaPipe's Face Landmarker. Expressions are 51
blendshapes from 0 to 1, whose left and right are the person's own. The head pose comes from the facial transformation
matrix, in the space of MediaPipe's Face Transform module: centimetres, the camera at the origin, x to the picture's
right, y up, and z towards the camera, so that a face has a negative z. MediaPipe assumes a camera and a face of
average size, so distances are estimates.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError, UsageError
from fairhire.media.gestures import Channel

__all__ = ["MEDIAPIPE_CHANNELS", "LandmarkedFace", "Landmarker", "LoadedLandmarker", "nearest_face"]

_BLENDSHAPES = (
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *("eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight"),
    *("eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight"),
    *("eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight"),
    *("mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel"),
    *("mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker"),
    *("mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight"),
)
"""MediaPipe's own names and order, without the first of its 52, ``_neutral``, which is no movement."""

MEDIAPIPE_CHANNELS: tuple[Channel, ...] = (
    *(Channel(name, "0 to 1") for name in _BLENDSHAPES),
    Channel("head_yaw", "rad, to the picture's right"),
    Channel("head_pitch", "rad, downwards"),
    Channel("head_roll", "rad, clockwise as seen"),
    Channel("head_x", "cm, to the picture's right"),
    Channel("head_y", "cm, upwards"),
    Channel("head_z", "cm, towards the camera"),
)
"""What :attr:`LandmarkedFace.values` holds: 51 blendshapes and the head's pose."""


@dataclass(frozen=True, eq=False)
class LandmarkedFace:
    """One face in one picture.

    ``box`` (4,) as x1, y1, x2, y2 holds all landmarks and ``centre`` (2,) is its middle, both in pixels; ``values``
    (57,) float32 are :data:`MEDIAPIPE_CHANNELS`.
    """

    centre: NDArray[np.float32]
    box: NDArray[np.float32]
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Landmarker:
    """MediaPipe's Face Landmarker with a ``model`` file, finding up to ``faces`` faces in a picture.

    More than one, because the candidate's may not be the largest. Raises :class:`UsageError` for fewer than one.
    """

    model: Path
    faces: int = 4

    def __post_init__(self) -> None:
        if self.faces < 1:
            raise UsageError(f"MediaPipe, faces: expected 1 or more, got {self.faces}")

    def load(self) -> LoadedLandmarker:
        """Read the model and return what can look at the pictures of one recording, to be closed afterwards.

        Raises :class:`UsageError` where MediaPipe or the model file is missing, :class:`DataError` for a file that is
        no such model.
        """
        if not self.model.is_file():
            raise UsageError(
                f"{self.model}: expected the model face_landmarker.task, which is published with the documentation "
                "of MediaPipe's Face Landmarker, found no such file"
            )
        with _hushed():
            mediapipe = _mediapipe()
            try:
                content = self.model.read_bytes()
                vision = mediapipe.tasks.vision
                options = vision.FaceLandmarkerOptions(
                    # The bytes and not the path: what is hashed is what is loaded, and no message names a file.
                    base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=content),
                    running_mode=vision.RunningMode.VIDEO,
                    num_faces=self.faces,
                    output_face_blendshapes=True,
                    output_facial_transformation_matrixes=True,
                )
                inner = vision.FaceLandmarker.create_from_options(options)
            except (OSError, RuntimeError, ValueError) as error:
                raise DataError(
                    f"{self.model}: expected MediaPipe's face_landmarker.task, got: {_line(error)}"
                ) from None
        return LoadedLandmarker(mediapipe, inner, digest=hashlib.sha256(content).hexdigest(), faces=self.faces)


class LoadedLandmarker:
    """MediaPipe at work on one recording: it follows faces from picture to picture, so every recording needs its own.

    A context manager. While MediaPipe works, this process's standard error is cut off, because its C++ parts write
    there and name files.
    """

    def __init__(self, mediapipe: Any, inner: Any, *, digest: str, faces: int) -> None:
        self._mediapipe, self._inner = mediapipe, inner
        self._digest, self._faces = digest, faces
        self._seconds, self._milliseconds = -np.inf, -1

    def __enter__(self) -> LoadedLandmarker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        with _hushed():
            self._inner.close()

    def describe(self) -> dict[str, str | int]:
        """Say what this is, for the provenance of what it sees."""
        return {
            "landmarker": "MediaPipe Face Landmarker",
            "mediapipe": str(self._mediapipe.__version__),
            "model_sha256": self._digest,
            "faces": self._faces,
        }

    def look(self, picture: NDArray[np.uint8], seconds: float) -> list[LandmarkedFace]:
        """Return the faces in ``picture`` (h, w, 3) uint8 RGB, shown ``seconds`` after the recording's beginning.

        Times must not fall. MediaPipe wants whole milliseconds that rise; pictures in the same one are told apart by
        taking the next. MediaPipe gives no pose of a very small face: where there are more faces than poses, nobody
        knows which is whose, and none is returned. Raises :class:`DataError` where MediaPipe fails
        or its model gives other blendshapes.
        """
        assert picture.dtype == np.uint8, picture.dtype
        assert seconds >= self._seconds, "a recording's pictures come in order"
        self._seconds = seconds
        self._milliseconds = max(self._milliseconds + 1, round(seconds * 1000))
        try:
            with _hushed():
                image = self._mediapipe.Image(
                    image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture)
                )
                result = self._inner.detect_for_video(image, self._milliseconds)
        except (RuntimeError, ValueError) as error:
            raise DataError(
                f"the picture at {seconds:.2f} s: expected MediaPipe to read it, got: {_line(error)}"
            ) from None
        parts = (result.face_landmarks, result.face_blendshapes, result.facial_transformation_matrixes)
        if len({len(part) for part in parts}) > 1:
            return []
        height, width = picture.shape[:2]
        faces = [_face(*face, width=width, height=height) for face in zip(*parts, strict=True)]
        return [face for face in faces if np.isfinite(face.values).all()]


def nearest_face(faces: Sequence[LandmarkedFace], box: NDArray[np.floating]) -> NDArray[np.float32] | None:
    """Return the values of the face whose centre lies in ``box`` (4,; x1, y1, x2, y2 in pixels) nearest to its middle.

    None where no face's centre lies in it: the candidate's face was not found, and another's is not taken for it.
    """
    inside = [face for face in faces if (box[:2] <= face.centre).all() and (face.centre <= box[2:]).all()]
    middle = (box[:2] + box[2:]) / 2
    nearest = min(inside, key=lambda face: float(np.linalg.norm(face.centre - middle)), default=None)
    return None if nearest is None else nearest.values


def _face(landmarks: Any, blendshapes: Any, matrix: Any, *, width: int, height: int) -> LandmarkedFace:
    """Return one of MediaPipe's faces; its landmarks are shares of the picture's width and height."""
    points = np.array([(point.x * width, point.y * height) for point in landmarks], dtype=np.float32)
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    scores = {shape.category_name: shape.score for shape in blendshapes}
    missing = [name for name in _BLENDSHAPES if name not in scores]
    if missing:
        raise DataError(f"MediaPipe's model: expected {len(_BLENDSHAPES)} blendshapes, got none called {missing[0]}")
    values = [*(scores[name] for name in _BLENDSHAPES), *_pose(np.asarray(matrix, dtype=np.float64))]
    return LandmarkedFace(centre=(box[:2] + box[2:]) / 2, box=box, values=np.array(values, dtype=np.float32))


def _pose(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    """Return yaw, pitch and roll in radians and the place (x, y, z) in centimetres of a facial transformation matrix.

    The matrix (4, 4) maps an upright face that looks along z to the one that was seen. It is taken apart as a pitch,
    then a yaw, then a roll in the plane of the picture, so that roll is the angle of the line between the eyes. NaN
    where MediaPipe found no turn.
    """
    lengths = np.linalg.norm(matrix[:3, :3], axis=0) if matrix.shape == (4, 4) else np.zeros(3)
    if not (lengths > 0).all():
        return (math.nan,) * 6
    turn = matrix[:3, :3] / lengths
    yaw = np.arcsin(np.clip(-turn[2, 0], -1, 1))
    pitch = np.arctan2(turn[2, 1], turn[2, 2])
    roll = -np.arctan2(turn[1, 0], turn[0, 0])  # y points up: what turns with the clock is negative there
    return (float(yaw), float(pitch), float(roll), *matrix[:3, 3].tolist())


def _mediapipe() -> Any:
    try:
        import mediapipe
    except (ImportError, OSError) as error:  # OSError: one of its shared libraries does not load
        raise UsageError(
            "gestures by MediaPipe: expected the package mediapipe (pip install 'fairhire[gestures]'), "
            f"got: {_line(error)}"
        ) from None
    return mediapipe


@contextmanager
def _hushed() -> Iterator[None]:
    """Send what C++ writes to this process's standard error nowhere; Python's exceptions are not affected."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(2)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
