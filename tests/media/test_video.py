"""Pictures and sound of any recording come at their times, upright and whole, and what cannot be read is said."""

from __future__ import annotations

import gc
import subprocess
import sys
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_made import (
    CODECS,
    Track,
    can_encode,
    damaged,
    ffmpeg_pattern,
    number_of,
    numbered,
    speech,
    turned,
    with_cover,
    write_recording,
)
from small_run import write_clip

from fairhire.errors import DataError
from fairhire.media import video
from fairhire.media.video import RATE, frame_at, look_into, pictures, sound

SECONDS = 2.0
FPS = 25
RATES = {".3gp": 8000, ".avi": 22_050, ".flv": 22_050, ".wmv": 22_050, ".ts": 48_000, ".mov": 48_000}
SHOWN = [suffix for suffix, (picture, _) in CODECS.items() if picture]
PLACED = [".mp4", ".mov", ".mkv", ".webm", ".ts", ".flv"]  # whose pictures have times of their own, however irregular


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


# ------------------------------------------------------------------------------------------------------- recordings


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Make each recording once: numbered pictures and a voice of 120 Hz."""
    folder, known = tmp_path_factory.mktemp("recordings"), {}

    def make(suffix, **how):
        key = (suffix, repr(how))
        if key not in known:
            picture, heard = how.get("codec") or CODECS[suffix][0], CODECS[suffix][1]
            if not can_encode(picture, heard):
                pytest.skip(f"this build of FFmpeg does not encode {picture} and {heard}")
            usual = {"seconds": SECONDS, "fps": FPS, "rate": RATES.get(suffix, 16_000)}
            size = {"size": (176, 144)} if suffix == ".3gp" else {}  # one of the few sizes that H.263 knows
            known[key] = write_recording(folder / f"{len(known)}{suffix}", **{**usual, **size, **how})
        return known[key]

    return make


def truth(path):
    """Return the time and number of every picture, decoded in one go: times count from what begins first."""
    with av.open(str(path)) as container:
        begin = min(float(stream.start_time * stream.time_base) for stream in container.streams)
        shown, at = container.streams.video[0], []
        for frame in container.decode(shown):
            at.append((frame.time - begin, number_of(frame.to_ndarray(format="rgb24"))))
    return at


def at_times(every, rate_hz, end):
    """Return numbers of the pictures shown at 0, 1/rate, 2/rate …, each once."""
    numbers = []
    for place in range(int(end * rate_hz) + 1):
        seconds = place / rate_hz
        if seconds >= end - 1e-6:
            break
        shown = [number for begins, number in every if begins <= seconds + 1e-6]
        if shown and shown[-1] not in numbers[-1:]:
            numbers.append(shown[-1])
    return numbers


def heard(path, **how):
    blocks = list(sound(path, **how))
    assert all(block.dtype == np.float32 and block.ndim == 1 for block in blocks)
    assert all(len(block) == RATE for block in blocks[:-1])
    return np.concatenate(blocks)


def as_read(samples, rate):
    """Return the samples at 16,000 a second, by their spectrum."""
    n = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples.astype(np.float64)) * RATE / rate
    return np.fft.irfft(np.pad(spectrum, (0, max(0, n // 2 + 1 - len(spectrum))))[: n // 2 + 1], n)


def late(found, expected):
    """Return by how many seconds ``found`` comes later than ``expected``, and how alike they are then."""
    n = len(found) + len(expected)
    product = np.fft.irfft(np.fft.rfft(found, n) * np.conj(np.fft.rfft(expected, n)), n)
    lag = int(product.argmax())
    lag = lag if lag < n / 2 else lag - n
    a, b = found[max(0, lag) :], expected[max(0, -lag) :]
    shared = min(len(a), len(b))
    return lag / RATE, float(np.corrcoef(a[:shared], b[:shared])[0, 1])


# --------------------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("rate_hz", [2.0, 7.3, 1000.0])
@pytest.mark.parametrize("suffix", SHOWN)
def test_each_wanted_time_gives_the_picture_that_is_shown_then(made, suffix, rate_hz):
    path = made(suffix)
    every = truth(path)
    assert [number for _, number in every] == list(range(50))
    shown = pictures(path, rate_hz)
    found = [(picture.seconds, number_of(picture.rgb())) for picture in shown]
    assert [number for _, number in found] == at_times(every, rate_hz, shown.end)
    times = {number: seconds for seconds, number in every}
    assert all(abs(seconds - times[number]) < 1e-6 for seconds, number in found)
    assert shown.end == pytest.approx(every[-1][0] + 1 / FPS, abs=0.01)
    assert shown.remarks == []
    if rate_hz > FPS:
        assert len(found) == 50


@pytest.mark.parametrize("suffix", PLACED)
def test_irregular_pictures_and_a_frozen_camera_keep_their_times(made, suffix):
    times = [0.0, 0.033, 0.1, 0.18, 0.2, 0.5, 0.61, 0.62, 0.7, 1.0, 3.0, 3.05, 3.1, 3.33, 3.5]
    path = made(suffix, times=times, seconds=3.6, codec="libx264" if suffix == ".ts" else None)
    shown = list(pictures(path, 1000.0))
    assert [number_of(picture.rgb()) for picture in shown] == list(range(len(times)))
    found = np.array([picture.seconds for picture in shown])
    np.testing.assert_allclose(found - found[0], times, atol=0.0011)
    slowly = pictures(path, 5.0)
    assert [number_of(picture.rgb()) for picture in slowly] == at_times(truth(path), 5.0, slowly.end)


@pytest.mark.parametrize("suffix", SHOWN)
def test_the_picture_of_a_time_is_the_one_that_sampling_finds(made, suffix):
    path = made(suffix)
    every = [(picture.seconds, number_of(picture.rgb())) for picture in pictures(path, 1000.0)]
    inexact = 1 if suffix == ".mpg" else 0  # after a jump the stream no longer tells which picture its times are of
    for seconds in np.arange(0, every[-1][0], 0.113):
        shown = [number for begins, number in every if begins <= seconds + 1e-6] or [every[0][1]]
        assert abs(number_of(frame_at(path, float(seconds))) - shown[-1]) <= inexact


def test_the_picture_of_a_time_is_found_where_the_file_is_long_and_has_no_index(tmp_path):
    for suffix in (".ts", ".webm"):
        if not can_encode(*CODECS[suffix]):
            continue
        options = {"live": "1"} if suffix == ".webm" else None
        path = write_recording(tmp_path / f"long{suffix}", seconds=30, size=(64, 48), key_every=250, options=options)
        every = [(picture.seconds, number_of(picture.rgb())) for picture in pictures(path, 1000.0)]
        for seconds in (0.0, 3.3, 11.0, 29.5):
            shown = [number for begins, number in every if begins <= seconds + 1e-6] or [every[0][1]]
            assert number_of(frame_at(path, seconds)) == shown[-1]


def test_only_wanted_pictures_are_converted(made, monkeypatch):
    converted = []

    class Counting:
        def __init__(self, frame):
            self.frame = frame

        def reformat(self, **how):
            converted.append(self.frame.time)
            return self.frame.reformat(**how)

    built = video._picture

    def counted(*words):
        picture = built(*words)
        return replace(picture, _frame=Counting(picture._frame))

    monkeypatch.setattr(video, "_picture", counted)
    shown = list(pictures(made(".mp4"), 2.0))
    assert converted == []
    for picture in shown:
        picture.rgb()
    assert len(converted) == 4


def test_a_recording_shorter_than_the_first_wanted_time_shows_its_last_picture(made):
    path = made(".mkv", seconds=0.08, begins=0.3, tracks=[Track(speech(0.6))])
    assert [number_of(picture.rgb()) for picture in pictures(path, 1.0)] == [1]


MATRICES = {
    "upright": (1, 0, 0, 1),
    "clockwise": (0, 1, -1, 0),
    "half": (-1, 0, 0, -1),
    "anticlockwise": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "mirrored, clockwise": (0, -1, -1, 0),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_pictures_are_turned_and_mirrored_as_the_file_says(made, tmp_path, matrix):
    path = turned(made(".mp4"), tmp_path / "turned.mp4", matrix)
    plain, shown = next(iter(pictures(made(".mp4"), 1.0))).rgb(), next(iter(pictures(path, 1.0)))
    a, b, c, d = matrix
    ys, xs = np.mgrid[: plain.shape[0], : plain.shape[1]]
    to_x, to_y = a * xs + c * ys, b * xs + d * ys  # the matrix' own definition, point by point
    expected = np.zeros((np.ptp(to_y) + 1, np.ptp(to_x) + 1, 3), np.uint8)
    expected[to_y - to_y.min(), to_x - to_x.min()] = plain
    np.testing.assert_array_equal(shown.rgb(), expected)
    assert (shown.height, shown.width) == expected.shape[:2]
    np.testing.assert_array_equal(frame_at(path, 0.0), expected)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_portrait_recordings_are_tall(made, suffix):
    picture = next(iter(pictures(made(suffix, size=(90, 160)), 1.0)))
    assert (picture.width, picture.height) == (90, 160)
    assert picture.rgb().shape == (160, 90, 3)


@pytest.mark.parametrize(("matrix", "shape"), [((1, 0, 0, 1), (96, 171, 3)), ((0, 1, -1, 0), (171, 96, 3))])
def test_pixels_that_are_not_square_are_made_square(made, tmp_path, matrix, shape):
    path = turned(made(".mp4", size=(128, 96), aspect=Fraction(4, 3)), tmp_path / "wide.mp4", matrix)
    picture = next(iter(pictures(path, 1.0)))
    assert picture.rgb().shape == shape
    assert (picture.height, picture.width) == shape[:2]


def test_large_pictures_are_made_smaller_and_small_ones_left_alone(made):
    picture = next(iter(pictures(made(".mp4", size=(320, 240)), 1.0)))
    assert picture.rgb(100).shape == (75, 100, 3)
    assert picture.rgb(1000).shape == (240, 320, 3)
    assert picture.rgb(1).shape == (1, 1, 3)


def test_ffmpegs_own_pattern_keeps_its_colours(made, tmp_path):
    drawn = list(ffmpeg_pattern(1.0, fps=5))
    path = write_recording(tmp_path / "pattern.mp4", seconds=1, fps=5, pictures=iter(drawn), pitch=None)
    found = [picture.rgb().astype(float) for picture in pictures(path, 5.0)]
    assert len(found) == 5
    for one, expected in zip(found, drawn, strict=True):
        assert np.median(np.abs(one - expected)) < 8


# ------------------------------------------------------------------------------------------------------------ sound


@pytest.mark.parametrize("suffix", CODECS)
def test_sound_is_what_was_said_and_in_time_with_the_picture(made, suffix):
    path, rate = made(suffix), RATES.get(suffix, 16_000)
    found = heard(path)
    offset, alike = late(found, as_read(speech(SECONDS, rate=rate), rate))
    assert alike > (0.8 if suffix == ".3gp" else 0.99)  # AMR keeps what a telephone does
    # An encoder's padding puts off the sound; the picture waits for it. AVI can only wait for whole pictures.
    begins = next(iter(pictures(path, 1000.0))).seconds if suffix in SHOWN else 0.0
    assert offset == pytest.approx(begins, abs=0.06 if suffix == ".avi" else 0.01)
    assert -0.03 < len(found) / RATE - SECONDS - offset < 0.03 + 2048 / rate  # codecs fill their last frame
    assert np.abs(found).max() <= 1


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_of_any_rate_and_channels_has_the_same_samples(made, rate, channels):
    said = speech(SECONDS, rate=rate)
    stacked = np.stack([said] * channels)
    found = heard(made(".wav", tracks=[Track(stacked, rate)], seed=(rate, channels)))
    expected = as_read(said, rate)
    assert len(found) == pytest.approx(len(expected), abs=0.03 * RATE)
    offset, alike = late(found, expected)
    assert offset == 0
    assert alike > 0.995
    shared = min(len(found), len(expected))
    assert np.std(found[:shared]) == pytest.approx(np.std(expected[:shared]), rel=0.02)


def test_loud_stereo_is_neither_louder_than_mono_nor_cut_off(made):
    tone = (0.95 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)
    mono, stereo = (heard(made(".flac", tracks=[Track(np.stack([tone] * n))], seed=n)) for n in (1, 2))
    np.testing.assert_allclose(stereo, mono, atol=1e-3)
    left = heard(made(".flac", tracks=[Track(np.stack([tone, 0 * tone]))], seed=3))
    np.testing.assert_allclose(left, mono / 2, atol=1e-3)


def test_many_microphones_are_one_voice(tmp_path):
    samples = np.random.default_rng(0).integers(-9000, 9000, (RATE, 17)).astype("<i2")
    path = tmp_path / "array.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(17)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    np.testing.assert_allclose(np.concatenate(list(sound(path))), samples.mean(axis=1) / 2**15, atol=1e-6)


@pytest.mark.parametrize("starts", [0.06, 0.5, 1.3])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_sound_that_begins_later_than_the_picture_keeps_its_place(made, suffix, starts):
    path = made(suffix, tracks=[Track(speech(SECONDS), starts=starts)])
    found = heard(path)
    offset, alike = late(found, speech(SECONDS))
    assert offset == pytest.approx(starts, abs=0.01)
    assert alike > 0.99
    assert np.abs(found[: round((starts - 0.03) * RATE)]).max(initial=0.0) < 0.01
    assert next(iter(pictures(path, 1000.0))).seconds == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("begins", [0.08, 0.48])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_time_zero_is_where_the_sound_begins_if_that_is_earlier(made, suffix, begins):
    path = made(suffix, begins=begins)
    every = [(picture.seconds, number_of(picture.rgb())) for picture in pictures(path, 1000.0)]
    assert every[0] == (pytest.approx(begins, abs=1e-3), 0)
    assert late(heard(path), speech(SECONDS))[0] == pytest.approx(0, abs=0.01)
    assert number_of(frame_at(path, 0.0)) == 0  # before the first picture the first one is returned
    for seconds in (begins + 0.02, 1.01, 1.3):
        assert number_of(frame_at(path, seconds)) == [number for at, number in every if at <= seconds][-1]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_gap_in_the_sounds_clock_is_silence(made, suffix):
    said = speech(SECONDS)
    path = made(suffix, seconds=3.5, tracks=[Track(said, gap=(1.0, 1.5))])
    reading = sound(path)
    found = np.concatenate(list(reading))
    assert len(found) / RATE == pytest.approx(SECONDS + 1.5, abs=0.07)
    assert late(found[: round(0.95 * RATE)], said[:RATE])[0] == pytest.approx(0, abs=0.01)
    assert np.abs(found[round(1.15 * RATE) : round(2.45 * RATE)]).max() < 1e-3
    assert late(found[round(2.6 * RATE) :], said[round(1.1 * RATE) :])[0] == pytest.approx(0, abs=0.01)
    assert reading.remarks == ["1.5 s of silence put where the sound has gaps"]


def test_small_gaps_are_not_spoken_of(made):
    reading = sound(made(".mkv", tracks=[Track(speech(SECONDS), gap=(1.0, 0.5))]))
    assert len(np.concatenate(list(reading))) / RATE == pytest.approx(SECONDS + 0.5, abs=0.01)
    assert reading.remarks == []


def test_rate_and_channels_may_change_on_the_way(made, tmp_path):
    second = speech(SECONDS, seed=1, rate=32_000)
    after = Track(np.stack([second] * 2), 32_000, starts=SECONDS)
    parts = [made(".ts", rate=48_000), made(".ts", tracks=[after], begins=SECONDS)]
    path = tmp_path / "changing.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    found = heard(path)
    first = as_read(speech(SECONDS, rate=48_000), 48_000)
    half = round(2.0 * RATE)
    assert late(found[:half], first)[1] > 0.99
    offset, alike = late(found[half + RATE // 10 :], as_read(second, 32_000)[RATE // 10 :])
    assert alike > 0.98  # the padding of 481 samples at 32 kHz is half a sample off at 16 kHz
    assert offset == pytest.approx(0.03, abs=0.03)  # the encoder's padding of the first part


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_the_track_asked_for_is_read_and_else_the_files_default(made, suffix):
    low, high = speech(SECONDS, pitch=110), speech(SECONDS, pitch=220, seed=3)
    for default in (0, 1):
        tracks = [Track(low, default=default == 0), Track(high, default=default == 1)]
        path = made(suffix, tracks=tracks, seed=default)
        assert look_into(path).track == default
        assert look_into(path).tracks == 2
        for track, expected in enumerate((low, high)):
            assert look_into(path, track=track).track == track
            assert late(heard(path, track=track), expected)[1] > 0.99
        assert late(heard(path), (low, high)[default])[1] > 0.99
        assert late(heard(path), (low, high)[1 - default])[1] < 0.8


def test_a_track_that_is_not_there_is_refused(made):
    for read in (look_into, lambda path, *, track: next(iter(sound(path, track=track)))):
        for track in (1, -1):
            with pytest.raises(DataError, match="more tracks of sound, got 1"):
                read(made(".mp4"), track=track)


# ----------------------------------------------------------------------------------------------- what a file holds


@pytest.mark.parametrize("suffix", CODECS)
def test_what_a_recording_holds_is_said(made, suffix):
    contents = look_into(made(suffix))
    assert contents.pictures == (suffix in SHOWN)
    assert (contents.tracks, contents.track) == (1, 0)
    assert contents.declared == pytest.approx(SECONDS, abs=0.15)


def test_a_recording_as_browsers_make_it_states_no_length(made):
    for codec in ("libvpx", "libvpx-vp9"):
        path = made(".webm", options={"live": "1"}, codec=codec)
        assert look_into(path).declared is None
        shown, listened = pictures(path, 5.0), sound(path)
        assert [number_of(picture.rgb()) for picture in shown] == list(range(0, 50, 5))
        assert len(np.concatenate(list(listened))) / RATE == pytest.approx(SECONDS, abs=0.03)
        assert shown.remarks == listened.remarks == []


def test_pictures_without_sound(made):
    path = made(".mp4", pitch=None)
    assert look_into(path).tracks == 0
    assert len(list(pictures(path, 5.0))) == 10
    with pytest.raises(DataError, match="with sound, got one without"):
        next(iter(sound(path)))


@pytest.mark.parametrize("suffix", [".m4a", ".mp3"])
def test_a_cover_is_no_picture(tmp_path, suffix):
    path = with_cover(tmp_path / f"music{suffix}", Track(speech(1.0)))
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    assert not look_into(path).pictures
    assert late(heard(path), speech(1.0))[1] > 0.99
    for read in (lambda: next(iter(pictures(path, 1.0))), lambda: frame_at(path, 0)):
        with pytest.raises(DataError, match="with pictures, got one without"):
            read()


# ----------------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(
    ("suffix", "options"),
    [(".mp4", {"movflags": "faststart"}), (".mov", {"movflags": "frag_keyframe+empty_moov"}), (".mkv", None),
     (".webm", None), (".webm", {"live": "1"}), (".avi", None), (".ts", None), (".mpg", None), (".flv", None)],
)  # fmt: skip
def test_of_a_recording_that_was_cut_off_the_first_part_is_kept(made, tmp_path, suffix, options):
    path = damaged(made(suffix, seconds=4.0, options=options), tmp_path / f"cut{suffix}", "cut")
    begins = next(iter(pictures(path, 1000.0))).seconds
    shown, listened = pictures(path, 5.0), sound(path)
    found = [(picture.seconds, number_of(picture.rgb())) for picture in shown]
    assert 9 <= len(found) <= 15
    tolerated = 0.081 if suffix == ".avi" else 0.001  # AVI puts its first picture at 0, and the next when it is due
    assert all(abs(seconds - begins - number / FPS) < tolerated for seconds, number in found[:-1])
    samples = np.concatenate(list(listened))
    assert 1.8 < len(samples) / RATE < 2.8
    said = as_read(speech(4.0, rate=RATES.get(suffix, 16_000)), RATES.get(suffix, 16_000))
    assert late(samples[: round(1.7 * RATE)], said[: 2 * RATE])[1] > 0.99
    if suffix in (".mp4", ".mkv", ".flv") or (suffix == ".webm" and not options):  # the others say of no length
        for reading, name in ((shown, "the picture"), (listened, "the sound")):
            assert reading.remarks[-1] == f"{name} ends at {reading.end:.1f} s, the file says {4.0:.1f} s"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".ts", ".flv"])
def test_what_comes_after_a_damaged_part_is_kept(made, tmp_path, suffix):
    whole = made(suffix, seconds=4.0, options={"movflags": "faststart"} if suffix == ".mp4" else None)
    path = damaged(whole, tmp_path / f"middle{suffix}", "middle")
    begins = next(iter(pictures(whole, 1000.0))).seconds
    found = [(picture.seconds - begins, number_of(picture.rgb())) for picture in pictures(path, 25.0)]
    early = [(seconds, number) for seconds, number in found if seconds < 1.4]
    after = [(seconds, number) for seconds, number in found if seconds > 2.6]
    assert len(early) >= 34
    assert len(after) >= 30
    assert all(abs(seconds - number / FPS) < 0.001 for seconds, number in early + after)
    samples = heard(path)
    assert len(samples) / RATE == pytest.approx(4.0, abs=0.15)
    said = as_read(speech(4.0, rate=RATES.get(suffix, 16_000)), RATES.get(suffix, 16_000))
    offset, alike = late(samples[3 * RATE :], said[3 * RATE :])
    assert alike > 0.98
    assert offset == pytest.approx(begins, abs=0.1)  # AAC and Opus lose packets shorter than a gap


def test_damaged_pieces_are_counted(made, tmp_path):
    whole = made(".mp4", seconds=4.0, options={"movflags": "faststart"})
    shown, listened = (read(damaged(whole, tmp_path / "m.mp4", "middle"), *more)
                       for read, more in ((pictures, (5.0,)), (sound, ())))  # fmt: skip
    assert len(list(shown)) > 10
    assert len(list(listened)) > 2
    assert shown.remarks == [f"{shown.damaged} damaged pieces of the picture left out"]
    assert listened.remarks == [f"{listened.damaged} damaged pieces of the sound left out"]
    assert shown.damaged > 2
    in_part = pictures(damaged(made(".ts", seconds=4.0, rate=16_000), tmp_path / "m.ts", "middle"), 5.0)
    list(in_part)
    assert in_part.remarks == [f"{in_part.flawed} pieces of the picture are damaged in part"]
    assert in_part.flawed > 0


@pytest.mark.parametrize("suffix", SHOWN)
def test_garbage_behind_a_recording_changes_nothing(made, tmp_path, suffix):
    whole = made(suffix)
    path = damaged(whole, tmp_path / f"tail{suffix}", "tail")
    both = [[number_of(picture.rgb()) for picture in pictures(one, 5.0)] for one in (path, whole)]
    assert both[0][: len(both[1])] == both[1]
    samples = heard(whole)
    np.testing.assert_array_equal(heard(path)[: len(samples)], samples)


def test_a_recording_put_behind_another_goes_on(made, tmp_path):
    for suffix in (".ts", ".mpg"):
        path = tmp_path / f"two{suffix}"
        path.write_bytes(made(suffix).read_bytes() * 2)
        shown, listened = pictures(path, 5.0), sound(path)
        found = list(shown)
        assert len(found) == 20
        assert np.diff([picture.seconds for picture in found]) == pytest.approx(0.2, abs=0.001)
        assert len(np.concatenate(list(listened))) / RATE == pytest.approx(2 * SECONDS, abs=0.06)
        for reading, name in ((shown, "the picture"), (listened, "the sound")):
            assert f"the clock of {name} was set back 1 times; what follows was put behind" in reading.remarks


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mkv", ".avi", ".wav", ".mp3", ".ogg"])
def test_where_nothing_can_be_read_one_line_says_so(made, tmp_path, suffix):
    noise = np.random.default_rng(1).bytes(5000)
    for name, content in {"head": made(suffix).read_bytes()[:40], "zeros": bytes(5000), "noise": noise}.items():
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(content)
        for read in (lambda path: list(pictures(path, 5.0)), lambda path: list(sound(path)), frame_first):
            with pytest.raises(DataError) as caught:
                read(path)
            assert "\n" not in str(caught.value)
            assert str(path) in str(caught.value)


def test_sound_beside_pictures_of_an_unknown_encoding_is_kept(tmp_path):
    path = write_recording(tmp_path / "new.mkv", seconds=1.0, codec="mpeg4")
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_XPEG4/ISO/ASP"))
    for read in (lambda path: list(pictures(path, 5.0)), frame_first):
        with pytest.raises(DataError, match="expected pictures of a known encoding"):
            read(path)
    assert sum(map(len, sound(path))) == pytest.approx(RATE, rel=0.05)


def frame_first(path):
    return frame_at(path, 0)


# ----------------------------------------------------------------------------------------------------------- memory

PEAKS = """
import resource, sys
from pathlib import Path
from fairhire.media.video import pictures, sound
for path in sys.argv[1:]:
    for picture in pictures(Path(path), 2.0):
        picture.rgb()
    for block in sound(Path(path)):
        assert len(block) <= 16_000
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_pictures_that_were_seen_are_let_go_at_once(made):
    path = made(".mp4")
    gc.collect()
    gc.disable()  # which would find what holds on to itself, but after hundreds of pictures
    try:
        seen = sum(1 for _ in pictures(path, FPS))
        left = sum(type(one) is av.VideoFrame for one in gc.get_objects())
    finally:
        gc.enable()
    assert seen == SECONDS * FPS
    assert left < 5


def test_memory_does_not_grow_with_the_length(tmp_path):
    pytest.importorskip("resource", reason="this system does not tell a process' peak memory")
    paths = []
    for minutes in (1, 10):
        said = np.tile(speech(10, rate=8000), 6 * minutes)
        shown = (numbered(number % 64, (64, 48)) for number in range(300 * minutes))
        paths.append(
            write_recording(
                tmp_path / f"{minutes}.mkv", seconds=60 * minutes, fps=5, size=(64, 48), codec="mpeg4", pictures=shown,
                tracks=[Track(said, 8000, codec="pcm_s16le")],
            )
        )  # fmt: skip
    short, long = paths
    done = subprocess.run(
        [sys.executable, "-c", PEAKS, short, short, long], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    _, before, after = (int(line) * unit for line in done.stdout.split())
    assert after - before < 8e6  # the sound alone would be 38 MB


def test_silence_for_hours_does_not_lie_in_memory_at_once(made):
    path = made(".mkv", tracks=[Track(speech(SECONDS), gap=(1.0, 1800.0))])
    total = loud = 0
    for block in sound(path):
        assert len(block) <= RATE
        assert block.base is None or block.base.size <= 4 * RATE
        total, loud = total + len(block), loud + int(np.abs(block).max() > 0.01)
    assert total / RATE == pytest.approx(SECONDS + 1800, abs=0.1)
    assert loud <= 4


# --------------------------------------------------------------------------------------------------- times that lie


class Reading:
    misplaced = 0


@pytest.mark.parametrize(
    ("times", "believed", "misplaced"),
    [
        ([0, 0.1, 0.2, 0.3], [0, 0.1, 0.2, 0.3], 0),
        ([0, 0.1, 3600, 0.3, 0.4], [0, 0.1, None, 0.3, 0.4], 1),  # one false time moves nothing else
        ([0, 0.1, 60, 60.1, 60.2], [0, 0.1, 60, 60.1, 60.2], 0),  # a long pause is confirmed by what follows
        ([0, 30, 60, 90], [0, 30, 60, None], 1),  # pictures of a slide show; nothing confirms the last
        ([0, None, 3600, None, 0.4], [0, None, 3600, None, 0.4], 0),
        ([3600, 0.1, 0.2], [3600, 0.1, 0.2], 0),  # nothing before it tells that the first is false
    ],
)
def test_a_time_far_ahead_is_believed_if_the_next_confirms_it(times, believed, misplaced):
    reading = Reading()
    found = [time for _, time in video._believed(((place, time) for place, time in enumerate(times)), reading)]
    assert found == believed
    assert reading.misplaced == misplaced


def test_a_picture_lasts_no_longer_than_ten_seconds_whatever_the_header_says(tmp_path):
    path = write_clip(tmp_path / "a.avi", seconds=1)
    content = bytearray(path.read_bytes())
    header = content.index(b"strh") + 8 + 20  # dwScale and dwRate of the stream
    content[header : header + 8] = (2**31 - 1).to_bytes(4, "little") + (1).to_bytes(4, "little")
    path.write_bytes(content)
    shown = pictures(path, 4)
    assert len(list(shown)) >= 1
    assert shown.end <= video.LONGEST + 10


def test_all_times_are_known_afterwards_wanted_or_not(clip):
    shown = pictures(clip, 2)
    assert len(list(shown)) == 10
    np.testing.assert_allclose(shown.times, np.arange(50) / 10, atol=1e-6)
