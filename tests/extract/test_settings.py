"""Settings that cannot be used are refused when they are made, in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairhire.errors import UsageError
from fairhire.extract import ExtractConfig


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"faces": "arcface"}, "faces: expected one of none, eigenfaces, facenet, got 'arcface'"),
        ({"gestures": "hands"}, "gestures: expected one of auto, none, openface, mediapipe, boxes"),
        ({"voice": "loud"}, "voice: expected one of none, smoothed, raw"),
        ({"voices": "ecapa"}, "voices: expected one of none, eigenvoices"),
        ({"words": "all"}, "words: expected one of none, auto"),
        ({"face_frames": 0}, "face frames: expected 1 to 32"),
        ({"rate_hz": 0.01}, "rate: expected 0.1 to 60"),
        ({"time_limit": 0.5}, "time limit: expected 1 to 86400"),
        ({"track": -1}, "track: expected a number from 0"),
        ({"gestures": "mediapipe"}, "expected a model file for mediapipe"),
        ({"landmark_model": Path("x"), "gestures": "boxes"}, "landmark model: of use with mediapipe only"),
        ({"face_weights": Path("x")}, "face weights: of use with facenet only, got it with 'eigenfaces'"),
        ({"language": "en"}, "language: of use with a model for speech recognition only"),
    ],
)
def test_a_wrong_setting(changes, match):
    with pytest.raises(UsageError, match=match):
        ExtractConfig(**changes)


def test_what_is_asked_for():
    assert ExtractConfig().templates == ("face",)
    assert ExtractConfig(faces="none").templates == ()
    assert ExtractConfig(voices="eigenvoices").templates == ("face", "voice")
    assert ExtractConfig(faces="none", gestures="boxes").looks
    assert not ExtractConfig(faces="none", gestures="openface").looks
    assert not ExtractConfig(voice="none").listens
    assert ExtractConfig(voice="none", functionals=True).listens


def test_the_record_of_the_settings_holds_no_path():
    config = ExtractConfig(speech_model=Path("/home/anna/models/small"), language="en")
    assert "anna" not in json.dumps(config.to_dict())
    assert config.to_dict()["speech_model"] == "small"
