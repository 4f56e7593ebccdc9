"""A recogniser loads what lies in its folder and nothing else, and words keep their times however long they last."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from fairhire.errors import DataError, UsageError
from fairhire.media.recognition import LoadedRecogniser, Recogniser
from fairhire.media.words import Spoken

RATE = 16_000
MINUTE = 60 * RATE


@dataclass
class Word:
    start: float
    end: float
    word: str
    probability: float = 1.0


class WhisperModel:
    """Hears a word of a tenth of a second wherever a sample is 1, and says with what it was called."""

    languages = ("en", "de")
    answers = None

    def __init__(
        self,
        model_size_or_path,
        device="auto",
        device_index=0,
        compute_type="default",
        cpu_threads=0,
        num_workers=1,
        download_root=None,
        local_files_only=False,
        files=None,
        revision=None,
        use_auth_token=None,
        **model_kwargs,
    ):
        assert isinstance(model_size_or_path, str)
        self.made = SimpleNamespace(device=device, threads=cpu_threads, local=local_files_only)
        self.heard, self.asked = [], []
        if device == "abacus":
            raise ValueError("unsupported device abacus\nand more")

    @property
    def supported_languages(self):
        return list(self.languages)

    def transcribe(
        self,
        audio,
        language=None,
        task="transcribe",
        beam_size=5,
        temperature=(0.0, 0.2),
        condition_on_previous_text=True,
        word_timestamps=False,
    ):
        assert audio.dtype == np.float32
        self.heard.append(audio)
        self.asked.append((language, task, beam_size, temperature, condition_on_previous_text, word_timestamps))
        spoken = SimpleNamespace(language=language or ("de" if len(self.heard) == 2 else "en"))
        return iter(self.answers or self._found(audio)), spoken

    @staticmethod
    def _found(audio):
        places = np.flatnonzero(audio == 1)
        words = [Word(np.float64(n / RATE), np.float64(n / RATE + 0.1), f" word{k}") for k, n in enumerate(places)]
        return [segment(words=[word]) for word in words]


def segment(text="", start=0.0, end=0.0, words=()):
    return SimpleNamespace(text=text, start=start, end=end, words=list(words))


@pytest.fixture
def faster_whisper(monkeypatch):
    module = ModuleType("faster_whisper")
    module.WhisperModel = type("WhisperModel", (WhisperModel,), {})
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    return module


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "tiny"
    made.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        (made / name).write_bytes(name.encode())
    return made


@pytest.fixture
def loaded(faster_whisper, folder):
    return Recogniser(folder).load()


def noise(samples, *, words=()):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, samples).astype(np.float32)
    sound[list(words)] = 1
    return sound


# ------------------------------------------------------------------------------------------------------------ loading


def test_a_model_is_loaded_from_its_folder_alone(faster_whisper, folder):
    loaded = Recogniser(folder, device="cuda", threads=3).load()
    assert vars(loaded.model.made) == {"device": "cuda", "threads": 3, "local": True}


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_a_folder_that_lacks_a_file_is_refused_before_anybody_could_fetch_it(faster_whisper, folder, monkeypatch, name):
    def never(self, *words, **more):
        raise AssertionError("it would have been downloaded")

    monkeypatch.setattr(faster_whisper.WhisperModel, "__init__", never)
    (folder / name).unlink()
    with pytest.raises(UsageError, match=f"found no {name}") as caught:
        Recogniser(folder).load()
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match=r"found no model\.bin, no config\.json, no tokenizer\.json, no vocabulary"):
        Recogniser(folder / "large-v3").load()


def test_a_vocabulary_may_be_a_text(faster_whisper, folder):
    (folder / "vocabulary.json").rename(folder / "vocabulary.txt")
    assert Recogniser(folder).load().model_sha256 == hashlib.sha256(b"model.bin").hexdigest()


def test_a_missing_package_is_named_with_its_remedy(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(UsageError, match=r"pip install 'fairhire\[speech\]'"):
        Recogniser(folder).load()


def test_what_cannot_be_used_is_refused(faster_whisper, folder):
    for setting in ({"threads": 0}, {"beam": 0}):
        with pytest.raises(UsageError, match="expected 1 or more, got 0"):
            Recogniser(folder, **setting)
    with pytest.raises(UsageError, match=r"runs on 'abacus', got: unsupported device abacus$"):
        Recogniser(folder, device="abacus").load()
    assert Recogniser(folder, language="de").load()
    with pytest.raises(UsageError, match=r"expected one the model knows .*, got 'tlh'"):
        Recogniser(folder, language="tlh").load()


@pytest.mark.skipif(importlib.util.find_spec("faster_whisper") is None, reason="faster-whisper is not installed")
def test_the_real_package_takes_what_it_is_given():
    from faster_whisper import WhisperModel as Real

    assert {"device", "cpu_threads", "local_files_only"} <= set(inspect.signature(Real).parameters)
    asked = inspect.signature(WhisperModel.transcribe).parameters
    assert set(asked) <= set(inspect.signature(Real.transcribe).parameters)
    assert isinstance(Real.supported_languages, property)


# ---------------------------------------------------------------------------------------------------------- listening


@pytest.mark.parametrize("block", [1024, 16_000, 7 * MINUTE, 20 * MINUTE])
def test_words_keep_their_times_however_the_sound_arrives(loaded, block):
    places = [0, RATE, 4 * MINUTE, 5 * MINUTE - 3 * RATE, 5 * MINUTE + 1, 9 * MINUTE, 11 * MINUTE]
    sound = noise(11 * MINUTE + 3 * RATE, words=places)
    transcript = loaded.words(sound[start : start + block] for start in range(0, len(sound), block))
    assert [piece.start for piece in transcript.pieces] == pytest.approx([place / RATE for place in places])
    assert [piece.end for piece in transcript.pieces] == pytest.approx([place / RATE + 0.1 for place in places])
    assert (transcript.source, transcript.times) == ("faster-whisper", "of words")
    assert np.array_equal(np.concatenate(loaded.model.heard), sound)
    assert max(map(len, loaded.model.heard)) <= 5 * MINUTE
    assert len(loaded.model.heard) == 3


def test_the_cut_is_where_it_is_quietest(loaded):
    sound = noise(6 * MINUTE)
    quiet = 5 * MINUTE - 7 * RATE
    sound[quiet : quiet + RATE // 10] *= 0.01
    sound[4 * MINUTE : 4 * MINUTE + RATE] = 0  # quieter, but not in the last 15 s
    loaded.words([sound])
    assert [len(piece) for piece in loaded.model.heard] == [quiet + RATE // 20, 6 * MINUTE - quiet - RATE // 20]


def test_it_listens_the_same_way_every_time(faster_whisper, folder):
    loaded = Recogniser(folder, language="de", beam=2).load()
    loaded.words([noise(RATE)])
    assert loaded.model.asked == [("de", "transcribe", 2, 0.0, False, True)]


def test_silence_is_not_listened_to(loaded):
    assert loaded.words([]).pieces == ()
    assert loaded.words([np.zeros(0, np.float32)]).remarks == ()
    transcript = loaded.words([np.zeros(6 * MINUTE, np.float32)])
    assert (transcript.pieces, transcript.remarks) == ((), ("2 of 2 parts without any sound",))
    assert loaded.model.heard == []


def test_languages_are_counted_where_they_were_detected(faster_whisper, folder):
    sound = [noise(12 * MINUTE)]
    detected = Recogniser(folder).load().words(sound)
    assert detected.remarks == ("language en detected in 2 of 3 parts", "language de detected in 1 of 3 parts")
    assert Recogniser(folder, language="en").load().words(sound).remarks == ()
    faster_whisper.WhisperModel.languages = ("en",)  # nothing to detect
    assert Recogniser(folder).load().words(sound).remarks == ()


def test_what_whisper_found_is_put_together_and_kept_within_the_sound(loaded):
    loaded.model.answers = [
        segment(words=[Word(0.0, 0.5, " well"), Word(0.5, 0.8, "-known"), Word(0.9, 29.98, " end")]),
        segment(text=" two words", start=1.0, end=30.0, words=()),
    ]
    transcript = loaded.words([noise(2 * RATE)])
    assert transcript.pieces == (
        Spoken("well-known", 0, 0.8),
        Spoken("end", 0.9, 2),
        Spoken("two", 1, 1.375),
        Spoken("words", 1.375, 2),
    )
    assert transcript.times == "spread over cues"


def test_what_is_no_sound_is_refused(loaded):
    with pytest.raises(UsageError, match="expected 16000 samples a second, got 44100"):
        loaded.words([noise(RATE)], rate=44_100)
    for block in (noise(RATE).astype(np.float64), noise(RATE).reshape(2, -1), np.zeros(9, np.int16)):
        with pytest.raises(DataError, match=r"expected blocks \(samples,\) of float32, got"):
            loaded.words([block])
    for wrong in (np.nan, np.inf):
        with pytest.raises(DataError, match="expected finite samples"):
            loaded.words([np.array([0, wrong], np.float32)])


def test_it_says_what_it_is(faster_whisper, folder, monkeypatch):
    monkeypatch.setattr(metadata, "version", {"faster-whisper": "1.2.1", "ctranslate2": "4.8.5"}.__getitem__)
    loaded = Recogniser(folder).load()
    assert isinstance(loaded, LoadedRecogniser)
    assert loaded.describe() == {
        "recogniser": "faster-whisper",
        "model": "tiny",
        "model_sha256": hashlib.sha256(b"model.bin").hexdigest(),
        "language": "detected",
        "device": "cpu",
        "beam": 5,
        "temperature": 0,
        "faster-whisper_version": "1.2.1",
        "ctranslate2_version": "4.8.5",
    }
    assert Recogniser(folder, language="en").load().describe()["language"] == "en"
