"""MediaPipe is asked as its documentation says, its faces become numbers, and what it prints goes nowhere."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.errors import DataError, UsageError
from fairhire.media.landmarker import MEDIAPIPE_CHANNELS, LandmarkedFace, Landmarker, _pose, nearest_face

NAMES = [channel.name for channel in MEDIAPIPE_CHANNELS]
PICTURE = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)


def turned(yaw=0.0, pitch=0.0, roll=0.0, *, at=(0.0, 0.0, -50.0), scale=1.0):
    """Return a facial transformation matrix: radians to the picture's right, down and clockwise; y is up."""
    down = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    right = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    clockwise = np.array([[math.cos(roll), math.sin(roll), 0], [-math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = clockwise @ right @ down * scale
    matrix[:3, 3] = at
    return matrix


def face(x=0.5, y=0.5, matrix=None, **scores):
    landmarks = [SimpleNamespace(x=x + dx, y=y + dy, z=0.0) for dx, dy in ((-0.1, -0.2), (0.1, 0.2), (0.05, 0))]
    shapes = [SimpleNamespace(index=0, score=0.9, category_name="_neutral", display_name="")]
    for index, name in reversed(list(enumerate(NAMES[:51]))):  # their order is not relied on
        shapes.append(
            SimpleNamespace(index=index + 1, score=scores.get(name, 0.0), category_name=name, display_name="")
        )
    return landmarks, shapes, turned() if matrix is None else matrix


def result(*faces):
    parts = [list(part) for part in zip(*faces, strict=True)] or [[], [], []]
    return SimpleNamespace(face_landmarks=parts[0], face_blendshapes=parts[1], facial_transformation_matrixes=parts[2])


def noise(words):
    os.write(2, f"{words}\n".encode())


@dataclass
class FakeImage:
    image_format: int
    data: np.ndarray

    def __post_init__(self):
        assert self.data.flags.c_contiguous


@dataclass
class FakeOptions:
    base_options: object
    running_mode: str = "IMAGE"
    num_faces: int = 1
    output_face_blendshapes: bool = False
    output_facial_transformation_matrixes: bool = False


@dataclass
class FakeLandmarker:
    options: FakeOptions
    asked: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    closed: bool = False

    def detect_for_video(self, image, timestamp_ms):
        noise("W0000 /home/somebody/face.mp4")
        assert not self.asked or timestamp_ms > self.asked[-1][1], "timestamps must increase"
        assert type(timestamp_ms) is int
        self.asked.append((image, timestamp_ms))
        answer = self.answers.pop(0) if self.answers else result()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        noise("I0000 closed")
        self.closed = True


@pytest.fixture
def fake(monkeypatch):
    module = ModuleType("mediapipe")
    module.made = []

    def create_from_options(options):
        noise("I0000 created")
        if options.base_options.model_asset_buffer == b"junk":
            raise RuntimeError("Unable to open zip archive.\nat somewhere.cc:12")
        module.made.append(FakeLandmarker(options))
        return module.made[-1]

    vision = SimpleNamespace(
        FaceLandmarker=SimpleNamespace(create_from_options=create_from_options),
        FaceLandmarkerOptions=FakeOptions,
        RunningMode=SimpleNamespace(IMAGE="IMAGE", VIDEO="VIDEO"),
    )
    module.__version__ = "1.2.3"
    module.Image, module.ImageFormat = FakeImage, SimpleNamespace(SRGB=1)
    module.tasks = SimpleNamespace(
        BaseOptions=lambda model_asset_buffer: SimpleNamespace(model_asset_buffer=model_asset_buffer), vision=vision
    )
    monkeypatch.setitem(sys.modules, "mediapipe", module)
    return module


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(b"a model")
    return path


def looked(fake, model, *answers):
    """Return the faces of one picture for every answer that MediaPipe gives."""
    with Landmarker(model).load() as loaded:
        fake.made[-1].answers = list(answers)
        return [loaded.look(PICTURE, float(i)) for i in range(len(answers))]


def test_the_channels_are_51_blendshapes_and_a_pose():
    assert len(NAMES) == len(set(NAMES)) == 57
    assert NAMES[0] == "browDownLeft"
    assert NAMES[50:] == ["noseSneerRight", "head_yaw", "head_pitch", "head_roll", "head_x", "head_y", "head_z"]
    assert not any(channel.binary for channel in MEDIAPIPE_CHANNELS)


def test_mediapipe_is_asked_for_a_video_with_everything(fake, model):
    with Landmarker(model, faces=3).load() as loaded:
        options = fake.made[0].options
        assert options.base_options.model_asset_buffer == b"a model"
        assert (options.running_mode, options.num_faces) == ("VIDEO", 3)
        assert options.output_face_blendshapes
        assert options.output_facial_transformation_matrixes
        loaded.look(PICTURE[:, ::-1], 0.04)
        image, milliseconds = fake.made[0].asked[0]
        assert milliseconds == 40
        assert image.image_format == 1
        np.testing.assert_array_equal(image.data, PICTURE[:, ::-1])
        assert not fake.made[0].closed
    assert fake.made[0].closed


def test_the_description_names_version_and_hash(fake, model):
    with Landmarker(model).load() as loaded:
        assert loaded.describe() == {
            "landmarker": "MediaPipe Face Landmarker",
            "mediapipe": "1.2.3",
            "model_sha256": hashlib.sha256(b"a model").hexdigest(),
            "faces": 4,
        }


def test_milliseconds_rise_even_within_one(fake, model):
    with Landmarker(model).load() as loaded:
        for seconds in (0.0, 0.0, 0.0001, 0.0014, 0.04, 0.04, 1.0, 3600.0004):
            loaded.look(PICTURE, seconds)
        assert [milliseconds for _, milliseconds in fake.made[0].asked] == [0, 1, 2, 3, 40, 41, 1000, 3600000]
        with pytest.raises(AssertionError, match="come in order"):
            loaded.look(PICTURE, 2.0)


def test_a_face_becomes_numbers_by_name(fake, model):
    (faces,) = looked(fake, model, result(face(0.5, 0.5, turned(at=(1, 2, -40)), jawOpen=0.25, mouthSmileLeft=0.75)))
    assert len(faces) == 1
    np.testing.assert_allclose(faces[0].box, [0.4 * 64, 0.3 * 48, 0.6 * 64, 0.7 * 48], rtol=1e-6)
    np.testing.assert_allclose(faces[0].centre, [32, 24], rtol=1e-6)
    assert faces[0].values.dtype == np.float32
    values = dict(zip(NAMES, faces[0].values.tolist(), strict=True))
    assert {name: value for name, value in values.items() if value} == {
        "jawOpen": 0.25,
        "mouthSmileLeft": 0.75,
        "head_x": 1,
        "head_y": 2,
        "head_z": -40,
    }


@given(yaw=st.floats(-1.5, 1.5), pitch=st.floats(-1.5, 1.5), roll=st.floats(-3, 3), scale=st.floats(0.5, 2))
def test_angles_are_found_again(yaw, pitch, roll, scale):
    np.testing.assert_allclose(_pose(turned(yaw, pitch, roll, scale=scale))[:3], [yaw, pitch, roll], atol=1e-9)


def test_angles_have_the_signs_of_the_picture(fake, model):
    for name, matrix in {
        "head_yaw": turned(yaw=0.3),
        "head_pitch": turned(pitch=0.3),
        "head_roll": turned(roll=0.3),
    }.items():
        nose = matrix[:3, :3] @ [0, 0, 1]  # the way the face looks; x to the right, y up
        brow = matrix[:3, :3] @ [0, 1, 0]
        assert {"head_yaw": nose[0] > 0.2, "head_pitch": nose[1] < -0.2, "head_roll": brow[0] > 0.2}[name]
        ((only,),) = looked(fake, model, result(face(matrix=matrix)))
        pose = dict(zip(NAMES[51:54], only.values[51:54].tolist(), strict=True))
        assert pose.pop(name) == pytest.approx(0.3)
        assert list(pose.values()) == pytest.approx([0, 0])


def test_faces_without_a_pose_are_not_paired_by_guessing(fake, model):
    unpaired = result(face(), face(0.2))
    unpaired.facial_transformation_matrixes.pop()
    poseless = result(face(matrix=np.empty((0,))), face(matrix=np.zeros((4, 4))), face(matrix=np.full((4, 4), np.nan)))
    assert looked(fake, model, result(), unpaired, poseless) == [[], [], []]


def test_what_mediapipe_prints_goes_nowhere_and_ours_stays(fake, model, capfd):
    looked(fake, model, result(face()), result())
    assert capfd.readouterr() == ("", "")
    noise("ours")
    assert capfd.readouterr() == ("", "ours\n")
    with pytest.raises(DataError):
        looked(fake, model, RuntimeError("no"))
    noise("ours")
    assert capfd.readouterr() == ("", "ours\n")


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_looking_leaves_no_file_open(fake, model):
    before = open_files()
    looked(fake, model, *[result()] * 20)
    assert open_files() == before


def test_failures_are_one_line(fake, model, monkeypatch):
    with pytest.raises(DataError, match=r"^the picture at 0\.00 s: expected MediaPipe to read it, got: broken graph$"):
        looked(fake, model, RuntimeError("broken graph\nsecond line"))
    other = result(face())
    other.face_blendshapes[0] = [shape for shape in other.face_blendshapes[0] if shape.category_name != "jawOpen"]
    with pytest.raises(DataError, match="expected 51 blendshapes, got none called jawOpen"):
        looked(fake, model, other)
    model.write_bytes(b"junk")
    with pytest.raises(
        DataError, match=r"expected MediaPipe's face_landmarker\.task, got: Unable to open zip archive\.$"
    ):
        Landmarker(model).load()
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(UsageError, match=r"pip install 'fairhire\[gestures\]'\), got: "):
        Landmarker(model).load()


def test_a_missing_model_and_no_faces_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected the model face_landmarker\.task, which is published with"):
        Landmarker(tmp_path / "model.task").load()
    with pytest.raises(UsageError, match="faces: expected 1 or more, got 0"):
        Landmarker(tmp_path, faces=0)


def test_the_nearest_face_within_the_box_is_the_candidate():
    def at(x, y, value):
        return LandmarkedFace(
            centre=np.array([x, y], np.float32), box=np.zeros(4, np.float32), values=np.full(57, value, np.float32)
        )

    faces = [at(90, 50, 1), at(55, 45, 2), at(150, 50, 3)]
    assert nearest_face(faces, np.array([0.0, 0.0, 100.0, 100.0]))[0] == 2
    assert nearest_face(faces, np.array([90.0, 0.0, 130.0, 50.0]))[0] == 1  # edges belong to the box
    assert nearest_face(faces, np.array([200.0, 0.0, 300.0, 100.0])) is None
    assert nearest_face([], np.array([0.0, 0.0, 100.0, 100.0])) is None


@pytest.mark.skipif(importlib.util.find_spec("mediapipe") is None, reason="MediaPipe is not installed")
def test_the_real_mediapipe_refuses_what_is_no_model(model, capfd):
    with pytest.raises(DataError, match=r"expected MediaPipe's face_landmarker\.task, got: "):
        Landmarker(model).load()
    assert capfd.readouterr() == ("", "")
