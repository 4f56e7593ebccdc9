"""The picture shown at a time is found, turned upright, and nothing but a recording is ever read."""

from __future__ import annotations

import av
import numpy as np
import pytest
from small_run import write_clip

from fairhire.errors import DataError
from fairhire.media.video import frame_at


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-1, 0), (0, 0), (0.09, 0), (1.0, 10), (1.05, 10), (2.34, 23), (4.9, 49), (5.9, 49)]
)
def test_the_picture_of_a_time(clip, seconds, shown):
    pixels = frame_at(clip, seconds)
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8
    assert abs(float(pixels[30:].mean()) - 5 * shown) < 4
    assert pixels[:18].mean() < 6


def test_only_what_is_needed_is_decoded(clip, monkeypatch):
    decoded = []
    inner = av.container.InputContainer.decode

    class Counting:
        def __init__(self, container):
            self.container = container

        def __getattr__(self, name):
            return getattr(self.container, name)

        def __enter__(self):
            return self

        def __exit__(self, *what):
            self.container.close()

        def decode(self, stream):
            for frame in inner(self.container, stream):
                decoded.append(frame)
                yield frame

    opened = av.open
    monkeypatch.setattr(av, "open", lambda *words, **more: Counting(opened(*words, **more)))
    frame_at(clip, 4.0)
    assert 1 <= len(decoded) <= 12  # of 50; a key frame every 10


def test_a_recording_made_upright_by_turning_is_turned(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    matrix = content.index(b"tkhd") + 44  # QuickTime's track header: where its transformation stands
    content[matrix : matrix + 36] = np.array([0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(content)
    pixels = frame_at(turned, 3.0)
    assert pixels.shape == (64, 48, 3)
    assert pixels[:, 30:].mean() < 6  # what was above is at the right: a quarter turn clockwise
    assert pixels[:, :18].mean() > 130


def test_a_recording_that_ends_too_early_is_refused(clip):
    with pytest.raises(DataError, match=r"expected a recording of 7\.5 s or more, got one of 5\.0 s"):
        frame_at(clip, 7.5)


def test_what_is_no_recording_is_refused_in_one_line(clip, tmp_path):
    with pytest.raises(DataError, match="expected a recording, found no such file"):
        frame_at(tmp_path / "nothing.mp4", 0)
    with pytest.raises(DataError, match="no such file"):
        frame_at(tmp_path, 0)
    for name, content in {
        "junk.mp4": b"junk" * 100,
        "empty.mp4": b"",
        "playlist.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n" + clip.name.encode() + b"\n",
        "concat.mp4": b"ffconcat version 1.0\nfile " + clip.name.encode() + b"\n",
        "cut.mp4": clip.read_bytes()[:200],
    }.items():
        (tmp_path / clip.name).write_bytes(clip.read_bytes())
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="expected a readable recording") as caught:
            frame_at(tmp_path / name, 0)
        assert "\n" not in str(caught.value)


def test_sound_alone_has_no_picture(tmp_path):
    path = tmp_path / "voice.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(DataError, match="with pictures, got one without"):
        frame_at(path, 0)
