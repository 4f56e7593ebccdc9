"""Voices are described as openSMILE describes them, whatever their length, and smoothed as a plain loop would."""

from __future__ import annotations

import numpy as np
import opensmile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_made import speech

from fairhire.errors import DataError
from fairhire.media import speech as described
from fairhire.media.speech import EGEMAPS_CHANNELS, FRAME, VoiceDescriber, join_functionals, smooth_voice
from fairhire.media.windows import Windows

RATE = 16_000
PITCH = EGEMAPS_CHANNELS.index("F0semitoneFrom27.5Hz_sma3nz")


def smile(level):
    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, level)


@pytest.fixture(scope="module")
def lld():
    return smile(opensmile.FeatureLevel.LowLevelDescriptors)


@pytest.fixture(scope="module")
def raw():
    return VoiceDescriber(windows=None)


@pytest.fixture
def in_pieces(monkeypatch):
    monkeypatch.setattr(described, "_PIECE", 2 * RATE)
    monkeypatch.setattr(described, "_SUMMARY", 3 * RATE)


def whole(lld, samples):
    return lld.process_signal(samples, RATE).to_numpy(np.float32)


def hertz(frames):
    pitch = frames[:, PITCH]
    return 27.5 * 2 ** (pitch[pitch > 0] / 12)


# ------------------------------------------------------------------------------------------------------ descriptors


def test_channels_are_called_what_opensmile_calls_them(lld):
    assert tuple(lld.feature_names) == EGEMAPS_CHANNELS
    assert len(EGEMAPS_CHANNELS) == 25
    names = VoiceDescriber(functionals=True).functional_names
    assert names == tuple(smile(opensmile.FeatureLevel.Functionals).feature_names)
    assert len(names) == 88


@pytest.mark.parametrize("seconds", [0.06, 0.5, 1.0, 1.99, 2.0, 3.0, 3.999, 4.001, 5.0, 9.3])
def test_descriptors_by_pieces_are_those_of_the_whole(lld, raw, in_pieces, seconds):
    samples = speech(seconds + 0.2, seed=2)[: round(seconds * RATE)]
    expected = whole(lld, samples)
    voice = raw.describe(np.array_split(samples, max(1, round(seconds))))
    assert voice.frames.dtype == np.float32
    np.testing.assert_allclose(voice.frames, expected, rtol=1e-5, atol=1e-5)
    assert voice.functionals is None


def test_a_margin_that_is_too_small_is_noticed(lld, raw, in_pieces, monkeypatch):
    monkeypatch.setattr(described, "_MARGIN", 2 * 160)
    samples = speech(5.0, seed=2)
    assert np.abs(raw.describe([samples]).frames - whole(lld, samples)).max() > 0.01


@settings(max_examples=6)
@given(cuts=st.lists(st.integers(0, 4 * RATE), max_size=12))
def test_the_size_of_blocks_does_not_matter(cuts):
    samples = speech(4.0, seed=4)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(described, "_PIECE", 2 * RATE)
        describer = VoiceDescriber(windows=None)
        expected = describer.describe([samples]).frames
        found = describer.describe(np.split(samples, sorted(cuts))).frames
    np.testing.assert_array_equal(found, expected)


def test_one_describer_describes_many(raw):
    first, second = speech(1.0), speech(2.0, pitch=220)
    alone = raw.describe([second]).frames
    raw.describe([first])
    np.testing.assert_array_equal(raw.describe([second]).frames, alone)


def test_raw_descriptors_come_a_hundred_times_a_second(raw):
    frames = raw.describe([speech(4.0)]).frames
    assert frames.shape == (pytest.approx(400, abs=6), 25)
    assert FRAME == 0.01


@pytest.mark.parametrize("pitch", [90, 120, 160, 220, 300])
def test_the_pitch_of_a_voice_is_found(raw, pitch):
    frames = raw.describe([speech(3.0, pitch=pitch)]).frames
    assert np.median(hertz(frames)) == pytest.approx(pitch, rel=0.05)
    assert 0.5 < (frames[:, PITCH] > 0).mean() < 0.95  # with pauses between words


@pytest.mark.parametrize("samples", [np.zeros(2 * RATE), np.random.default_rng(0).normal(0, 0.1, 2 * RATE)])
def test_silence_and_noise_have_no_pitch(raw, samples):
    assert len(hertz(raw.describe([samples.astype(np.float32)]).frames)) == 0


def test_a_louder_voice_is_louder(raw):
    loud, quiet = (raw.describe([gain * speech(2.0)]).frames[:, 0].mean() for gain in (1.0, np.float32(0.1)))
    assert loud > 2 * quiet > 0


@pytest.mark.parametrize("samples", [0, 1, 959])
def test_too_short_a_sound_cannot_be_described(samples):
    voice = VoiceDescriber(functionals=True).describe([speech(1.0)[:samples]])
    assert voice.frames is None
    assert voice.functionals is None
    assert VoiceDescriber().describe([]).frames is None


@pytest.mark.parametrize(
    "block", [np.zeros((2, 100), np.float32), np.zeros(100), np.zeros(100, np.int16), np.float32(0.0)]
)
def test_blocks_of_another_shape_are_refused_in_one_line(block):
    with pytest.raises(DataError, match=r"expected mono samples \(n,\) float32") as caught:
        VoiceDescriber().describe([speech(1.0), block])
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------------------------------------------- windows


def plain(frames, windows):
    """Return what :func:`smooth_voice` promises, one window after another."""
    fitting = windows.count(len(frames) * FRAME + 0.04) if len(frames) else 0  # the last frame looks ahead
    count = sum(number * windows.step < len(frames) * FRAME - 1e-6 for number in range(fitting))
    rows = np.zeros((count, 25))
    for number in range(count):
        first = number * windows.step / FRAME
        inside = [row for row in range(len(frames)) if first - 1e-6 <= row < first + windows.seconds / FRAME - 1e-6]
        for channel, name in enumerate(EGEMAPS_CHANNELS):
            values = [frames[row, channel] for row in inside if not name.endswith("nz") or frames[row, PITCH] > 0]
            rows[number, channel] = np.mean(values, dtype=np.float64) if values else 0.0
    return rows


@pytest.mark.parametrize("windows", [Windows(), Windows(0.3, 0.1), Windows(1.0, 1.0), Windows(0.7, 0.2)])
@pytest.mark.parametrize("parts", [1, 5, 37])
def test_smoothing_is_a_mean_over_each_window_and_over_its_voiced_frames(raw, windows, parts):
    frames = raw.describe([speech(4.0, seed=1)]).frames
    found = np.concatenate(list(smooth_voice(np.array_split(frames, parts), windows)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain(frames, windows), rtol=1e-5, atol=1e-5)


@settings(max_examples=25)
@given(
    n=st.integers(0, 130), cuts=st.lists(st.integers(0, 130), max_size=6), steps=st.integers(1, 30),
    more=st.integers(0, 40), seed=st.integers(0, 9),
)  # fmt: skip
def test_smoothing_in_any_pieces_is_that_of_a_plain_loop(n, cuts, steps, more, seed):
    rng = np.random.default_rng(seed)
    frames = rng.normal(size=(n, 25)).astype(np.float32)
    frames[:, PITCH] = np.where(rng.random(n) < 0.4, 30 + frames[:, PITCH], 0)
    windows = Windows((steps + more) / 100, steps / 100)
    pieces = np.split(frames, sorted(cuts))
    found = list(smooth_voice(pieces, windows))
    expected = plain(frames, windows)
    assert sum(map(len, found)) == len(expected)
    if n:
        np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-4, atol=1e-5)


def test_what_is_never_voiced_has_no_pitch_and_no_placeholders():
    voice = VoiceDescriber().describe([np.zeros(2 * RATE, np.float32)])
    of_voiced = np.array([name.endswith("nz") for name in EGEMAPS_CHANNELS])
    assert of_voiced.sum() == 15
    assert (voice.frames[:, of_voiced] == 0).all()
    assert np.isfinite(voice.frames).all()


def test_described_in_windows_unless_said_otherwise(raw):
    samples = speech(3.0)
    voice = VoiceDescriber().describe([samples])
    frames = raw.describe([samples]).frames
    assert voice.frames.shape == (Windows().count(3.0), 25)  # as many as fit into the sound
    np.testing.assert_allclose(voice.frames, plain(frames, Windows()), rtol=1e-5, atol=1e-5)


def test_sound_shorter_than_a_window_has_one(raw):
    samples = speech(1.0)[: round(0.3 * RATE)]
    voice = VoiceDescriber().describe([samples])
    assert voice.frames.shape == (1, 25)
    np.testing.assert_allclose(voice.frames, plain(raw.describe([samples]).frames, Windows()), rtol=1e-5, atol=1e-5)


def test_provenance_says_how_it_was_described():
    assert VoiceDescriber().provenance() == {
        "set": "eGeMAPSv02", "opensmile": opensmile.__version__, "windows": {"seconds": 0.5, "step": 0.25},
    }  # fmt: skip
    assert VoiceDescriber(windows=None).provenance()["windows"] is None


# ------------------------------------------------------------------------------------------------------ functionals


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_the_summary_of_one_piece_is_opensmiles(seconds):
    samples = speech(seconds)
    expected = smile(opensmile.FeatureLevel.Functionals).process_signal(samples, RATE).to_numpy(np.float32)[0]
    found = VoiceDescriber(functionals=True).describe(np.array_split(samples, 3)).functionals
    np.testing.assert_allclose(found, np.nan_to_num(expected), rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32


VOICED = "F0semitoneFrom27.5Hz_sma3nz_amean"


def test_the_summary_of_many_pieces_is_that_of_the_whole_as_far_as_means_go(in_pieces):
    samples = speech(7.5, seed=3)
    functionals = smile(opensmile.FeatureLevel.Functionals)
    whole = functionals.process_signal(samples, RATE).iloc[0]
    describer = VoiceDescriber(functionals=True)
    voice = describer.describe(np.array_split(samples, 15))  # of half a second
    found = dict(zip(describer.functional_names, voice.functionals, strict=True))
    for name in describer.functional_names:
        if name.endswith("_amean") and "UV" not in name:
            assert found[name] == pytest.approx(whole[name], rel=0.05, abs=0.05), name
    assert voice.seconds == pytest.approx(7.5)
    assert 0 < voice.voiced < 7.5


def test_a_pause_weighs_nothing_in_a_pitch(in_pieces):
    spoken = speech(3.0, seed=3)
    describer = VoiceDescriber(functionals=True)
    alone = describer.describe([spoken])
    noise = np.random.default_rng(0).normal(0, 1e-4, 9 * RATE).astype(np.float32)
    paused = describer.describe([spoken, noise])
    at = describer.functional_names.index
    assert paused.functionals[at(VOICED)] == pytest.approx(alone.functionals[at(VOICED)], rel=1e-4)
    assert paused.voiced == pytest.approx(alone.voiced, rel=1e-4)
    loud = "loudness_sma3_amean"
    assert paused.functionals[at(loud)] < 0.5 * alone.functionals[at(loud)]  # a pause is part of what is heard


def test_rows_are_joined_by_time_and_by_voiced_time():
    names = (VOICED, "loudness_sma3_amean", "slopeUV0-500_sma3nz_amean")
    rows = np.array([[10.0, 1.0, 4.0], [0.0, 3.0, 8.0]])
    seconds = np.array([1.0, 3.0])
    assert join_functionals(names, rows, seconds, np.array([0.5, 0.0])).tolist() == [10.0, 2.5, 7.0]
    assert join_functionals(names, rows, seconds, np.zeros(2)).tolist() == [0.0, 2.5, 7.0]  # nobody ever spoke


def test_the_summary_of_the_shortest_and_of_silence_is_finite():
    for samples in (speech(1.0)[:960], np.zeros(RATE, np.float32), np.ones(RATE, np.float32)):
        found = VoiceDescriber(functionals=True).describe([samples]).functionals
        assert found.shape == (88,)
        assert np.isfinite(found).all()


def test_a_summary_tells_voices_apart():
    describer = VoiceDescriber(functionals=True)
    pitch = describer.functional_names.index("F0semitoneFrom27.5Hz_sma3nz_amean")
    low, high = (describer.describe([speech(2.0, pitch=hz)]).functionals[pitch] for hz in (110, 220))
    assert high - low == pytest.approx(12, abs=1)  # an octave


# ----------------------------------------------------------------------------------------------------------- memory


def test_no_more_than_a_piece_is_held(monkeypatch):
    monkeypatch.setattr(described, "_PIECE", 2 * RATE)
    monkeypatch.setattr(described, "_SUMMARY", 3 * RATE)
    lengths, held = [], []
    inner, heard = VoiceDescriber._described, described._Summary.hear

    def watched(describer, samples):
        lengths.append(len(samples))
        return inner(describer, samples)

    def hear(summary, block):
        heard(summary, block)
        held.append(sum(map(len, summary._held)))

    monkeypatch.setattr(VoiceDescriber, "_described", watched)
    monkeypatch.setattr(described._Summary, "hear", hear)
    block = speech(1.0)
    VoiceDescriber(functionals=True).describe(block for _ in range(20))
    assert max(lengths) <= 2 * RATE + 2 * described._MARGIN + len(block)
    assert len(lengths) >= 8
    assert max(held) < 3 * RATE
