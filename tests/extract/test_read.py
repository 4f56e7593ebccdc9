"""One recording is read as far as it goes, by the tools that are asked for, and keeps no more than is needed."""

from __future__ import annotations

import sys
import types
from dataclasses import replace

import numpy as np
import pytest
from drawn_people import draw_person
from PIL import Image
from tiny_media import write_person

from fairhire.errors import DataError
from fairhire.extract import ExtractConfig, read, read_recordings
from fairhire.extract.part import read_part
from fairhire.extract.read import Tools, read_recording, tools_of
from fairhire.media.faces import LoadedFacenet
from fairhire.media.landmarker import MEDIAPIPE_CHANNELS, LandmarkedFace
from fairhire.media.words import Spoken, Transcript

BOXES = ExtractConfig(gestures="boxes")


@pytest.fixture
def part(tmp_path):
    def of(config, recording):
        path = tmp_path / "part.safetensors"
        path.write_bytes(read_recording(config, recording))
        return read_part(path)

    return of


def one(folder):
    (recording,) = read_recordings(folder).recordings
    return recording


def with_tools(monkeypatch, **changes):
    """Replace some of the tools that are loaded once a process."""

    def loaded(config):
        blank = dict.fromkeys(("describer", "detector", "facenet", "landmarker", "recogniser"))
        plain = tools_of(replace(config, faces="eigenfaces", face_weights=None, speech_model=None, language=None))
        return Tools(**(blank | {"describer": plain.describer, "detector": plain.detector} | changes))

    monkeypatch.setattr(read, "tools_of", loaded)


def test_what_is_not_asked_for_is_not_kept(part, answers, tmp_path):
    write_person(tmp_path / "in" / "a.mp4", 1)
    light = ExtractConfig(faces="none", gestures="none", voice="none")
    assert part(light, one(tmp_path / "in")).arrays == {}
    assert set(part(BOXES, one(tmp_path / "in")).arrays) == {"audio", "video", "crops"}
    assert set(part(replace(BOXES, faces="none", functionals=True), one(tmp_path / "in")).arrays) == {
        "audio", "video", "voice",
    }  # fmt: skip


def test_of_the_face_no_more_is_kept_than_eigenfaces_look_at(part, tmp_path):
    write_person(tmp_path / "in" / "a.mp4", 1)
    crops = part(replace(BOXES, face_frames=4), one(tmp_path / "in")).arrays["crops"]
    assert crops.shape == (3, 32, 32, 3)  # one every half second, at most
    assert crops.dtype == np.uint8


def test_facenet_leaves_embeddings_and_no_pixels(part, tmp_path, monkeypatch):
    import torch

    class Flat(torch.nn.Module):
        def forward(self, pixels):
            return pixels.flatten(1)[:, :7] + 1

    write_person(tmp_path / "in" / "a.mp4", 1)
    with_tools(monkeypatch, facenet=LoadedFacenet(Flat(), width=7, side=160, device="cpu", batch=4, sha256="0"))
    made = part(replace(BOXES, faces="facenet"), one(tmp_path / "in"))
    assert "crops" not in made.arrays
    assert made.arrays["faces"].shape == (3, 7)
    assert 0.9 < made.facts["face_agreement"] <= 1


def test_mediapipe_follows_the_candidate_and_not_the_poster(part, tmp_path, monkeypatch):
    class Looking:
        closed = False

        def look(self, pixels, seconds):
            middle = np.array([pixels.shape[1] / 2, pixels.shape[0] / 2])
            corner = np.array([4.0, 4.0])
            box = np.zeros(4)
            return [
                LandmarkedFace(corner, box, np.full(len(MEDIAPIPE_CHANNELS), 9, np.float32)),
                LandmarkedFace(middle, box, np.full(len(MEDIAPIPE_CHANNELS), seconds, np.float32)),
            ]

        def close(self):
            Looking.closed = True

    write_person(tmp_path / "in" / "a.mp4", 1, seconds=2.0)
    with_tools(monkeypatch, landmarker=types.SimpleNamespace(load=Looking))
    config = replace(BOXES, gestures="mediapipe", landmark_model=tmp_path / "m.task")
    made = part(config, one(tmp_path / "in"))
    assert made.channels == (*(channel.name for channel in MEDIAPIPE_CHANNELS), "face_seen")
    assert made.arrays["video"].shape == (7, len(MEDIAPIPE_CHANNELS) + 1)
    assert (np.diff(made.arrays["video"][:, 0]) > 0).all()  # the seconds: those of the face in the middle
    assert made.arrays["video"].max() < 3
    assert Looking.closed


def test_words_are_recognised_where_there_is_no_transcript(part, tmp_path, monkeypatch):
    heard = []

    class Recogniser:
        def words(self, blocks):
            heard.append(sum(map(len, blocks)))
            return Transcript((Spoken("Well,", 0.1, 0.4), Spoken("yes", None, None)), "faster-whisper", "of words", ())

    write_person(tmp_path / "in" / "a.mp4", 1)
    with_tools(monkeypatch, recogniser=Recogniser())
    config = replace(BOXES, faces="none", gestures="none", speech_model=tmp_path / "m")
    made = part(config, one(tmp_path / "in"))
    assert heard[0] == pytest.approx(1.5 * 16_000, abs=1100)
    assert made.words == ("well", "yes")
    np.testing.assert_allclose(made.arrays["word_times"], [0.1, np.nan], rtol=1e-6)
    assert made.facts["words_from"] == "faster-whisper"
    (tmp_path / "in" / "a.txt").write_text("No times here.")
    made = part(config, one(tmp_path / "in"))
    assert (made.words, len(heard)) == (("no", "times", "here"), 1)  # the transcript is preferred
    assert "word_times" not in made.arrays


def test_a_photograph_has_a_face_and_no_voice(part, tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(draw_person(1, size=(320, 240))).save(tmp_path / "in" / "anna.png")
    made = part(BOXES, one(tmp_path / "in"))
    assert set(made.arrays) == {"video", "crops"}
    assert (len(made.arrays["crops"]), len(made.arrays["video"])) == (1, 1)
    assert "seconds" not in made.facts
    assert made.remarks == ("no sound",)


def test_a_broken_transcript_costs_the_words_only(part, tmp_path):
    write_person(tmp_path / "in" / "a.mp4", 1)
    (tmp_path / "in" / "a.vtt").write_text("no header")
    made = part(BOXES, one(tmp_path / "in"))
    assert made.words == ()
    assert "audio" in made.arrays
    assert any("a.vtt" in remark for remark in made.remarks)


def test_nothing_to_be_read_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    path = write_person(tmp_path / "whole.mp4", 1, pitch=None)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[start:end] = bytes(end - start)  # its table of contents is whole, its pictures are gone
    (tmp_path / "in" / "a.mp4").write_bytes(content)
    with pytest.raises(DataError, match=r"expected sound or pictures that can be read, got no sound; .*picture"):
        read_recording(BOXES, one(tmp_path / "in"))


def test_tools_are_loaded_once_a_process_and_torch_only_for_faces():
    assert tools_of(BOXES) is tools_of(ExtractConfig(gestures="boxes"))
    assert tools_of(ExtractConfig(faces="none", gestures="none", voice="none")).detector is None
    described = tools_of(BOXES).describe()
    assert described["voice"]["set"] == "eGeMAPSv02"
    assert described["face_detector"]["detector"] == "mtcnn"
    assert "fairhire.extract.read" in sys.modules
