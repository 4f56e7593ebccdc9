"""Turns speech into words with times, with a recognition model that lies in a folder of the user's.

The model is Whisper (Radford et al., 2022) as faster-whisper runs it: a folder in the format of CTranslate2. Nothing is
ever downloaded; a folder that lacks a file is refused, because faster-whisper would fetch it. The package is optional
and imported where it is used (its only home is this file).

Decoding is made to give the same words again: at temperature 0 only, where Whisper by default draws at random if it
doubts itself, and without the text before, so that an error does not spread. Letters used for shapes: N samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.atomic import sha256
from fairhire.errors import DataError, UsageError
from fairhire.media.words import Spoken, Transcript, transcript_of

__all__ = ["LoadedRecogniser", "Recogniser"]

_RATE = 16_000  # samples a second, those Whisper was trained with
_LONGEST = 5 * 60 * _RATE  # samples at a time: 19 MB
_TAIL = 15 * _RATE  # where a piece may be cut
_TENTH = _RATE // 10
_FILES = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")


@dataclass(frozen=True)
class Recogniser:
    """Which model is to listen, and how.

    ``model`` is a folder with model.bin, config.json, tokenizer.json and vocabulary.json or .txt. ``language`` is a
    code of Whisper's ("en"), or None: then it is detected anew in every five minutes. ``device`` is one of
    CTranslate2's ("cpu", "cuda", "auto"), ``threads`` are those of a CPU, ``beam`` is the width of the search. Raises
    :class:`UsageError` for numbers below 1.
    """

    model: Path
    language: str | None = None
    device: str = "cpu"
    threads: int = 1
    beam: int = 5

    def __post_init__(self) -> None:
        for name in ("threads", "beam"):
            if getattr(self, name) < 1:
                raise UsageError(f"recogniser, {name}: expected 1 or more, got {getattr(self, name)}")

    def load(self) -> LoadedRecogniser:
        """Load the model, from the folder and nowhere else.

        Raises :class:`UsageError` where faster-whisper is not installed, the folder is no model, or the model does not
        know the language.
        """
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise UsageError(
                "speech recognition: expected faster-whisper, found none; it comes with pip install 'fairhire[speech]'"
            ) from None
        self._check_folder()
        try:
            model = WhisperModel(str(self.model), device=self.device, cpu_threads=self.threads, local_files_only=True)
        except Exception as error:  # the tokenizer's own errors are plain Exceptions
            lines = str(error).splitlines() or [type(error).__name__]
            raise UsageError(f"{self.model}: expected a model that runs on {self.device!r}, got: {lines[0]}") from error
        # An English model would take any language for English, and only log it.
        if self.language is not None and self.language not in model.supported_languages:
            known = len(model.supported_languages)
            raise UsageError(
                f"recogniser, language: expected one the model knows (as 'en'; it knows {known}), got {self.language!r}"
            )
        return LoadedRecogniser(recogniser=self, model=model, model_sha256=sha256(self.model / "model.bin"))

    def _check_folder(self) -> None:
        missing = [name for name in _FILES if not (self.model / name).is_file()]
        if not any((self.model / name).is_file() for name in _VOCABULARIES):
            missing.append(" or ".join(_VOCABULARIES))
        if missing:
            raise UsageError(
                f"{self.model}: expected a folder with Whisper in the format of CTranslate2, "
                f"found no {', no '.join(missing)}"
            )


@dataclass(frozen=True, eq=False)
class LoadedRecogniser:
    """A model that is ready to listen; ``model`` is a ``WhisperModel``, ``model_sha256`` that of its model.bin."""

    recogniser: Recogniser
    model: Any
    model_sha256: str

    def words(self, blocks: Iterable[NDArray[np.float32]], *, rate: int = _RATE) -> Transcript:
        """Return what is said in consecutive ``blocks`` (N,) float32 of mono sound, 16,000 samples a second.

        At most five minutes are in memory besides the block that comes: they are cut in the quietest tenth of a second
        of their last 15 s. Minutes without any sound (all samples 0) are not listened to, because Whisper hears words
        in silence. Raises :class:`UsageError` for another rate, :class:`DataError` for other blocks, NaN or infinity.
        """
        if rate != _RATE:
            raise UsageError(f"speech recognition, rate: expected {_RATE} samples a second, got {rate}")
        segments: list[list[Spoken]] = []
        languages, silent = Counter[str](), 0
        for first, piece in _pieces(blocks):
            if not piece.any():
                silent += 1
                continue
            found, about = self.model.transcribe(
                piece,
                language=self.recogniser.language,
                beam_size=self.recogniser.beam,
                temperature=0.0,
                condition_on_previous_text=False,
                word_timestamps=True,
            )
            languages[about.language] += 1
            segments += (_spoken(one, begin=first / _RATE, length=len(piece) / _RATE) for one in found)
        remarks = [f"{silent} of {silent + languages.total()} parts without any sound"] if silent else []
        if self.recogniser.language is None and len(self.model.supported_languages) > 1:
            remarks += [
                f"language {name} detected in {n} of {languages.total()} parts" for name, n in languages.items()
            ]
        return transcript_of(segments, source="faster-whisper", remarks=remarks)

    def describe(self) -> dict[str, str | int]:
        """Say what listened, for the provenance of the words."""
        return {
            "recogniser": "faster-whisper",
            "model": self.recogniser.model.resolve().name,
            "model_sha256": self.model_sha256,
            "language": self.recogniser.language or "detected",
            "device": self.recogniser.device,
            "beam": self.recogniser.beam,
            "temperature": 0,
            **{f"{name}_version": metadata.version(name) for name in ("faster-whisper", "ctranslate2")},
        }


def _pieces(blocks: Iterable[NDArray[np.float32]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the sound in pieces of up to five minutes (N,), each with the number of its first sample."""
    kept, filled, first = np.empty(_LONGEST, dtype=np.float32), 0, 0
    for block in blocks:
        _check_block(block)
        place = 0
        while place < len(block):
            taken = min(len(block) - place, _LONGEST - filled)
            kept[filled : filled + taken] = block[place : place + taken]
            filled += taken
            place += taken
            if filled == _LONGEST:
                cut = _quietest(kept)
                yield first, kept[:cut].copy()
                filled -= cut
                kept[:filled] = kept[cut:].copy()
                first += cut
    if filled:
        yield first, kept[:filled].copy()


def _quietest(samples: NDArray[np.float32]) -> int:
    """Return the middle of the quietest tenth of a second among the last 15 s of ``samples`` (N,)."""
    tenths = samples[-_TAIL:].reshape(-1, _TENTH).astype(np.float64)
    return len(samples) - _TAIL + int((tenths**2).sum(axis=1).argmin()) * _TENTH + _TENTH // 2


def _check_block(block: NDArray[np.float32]) -> None:
    if block.ndim != 1 or block.dtype != np.float32:
        raise DataError(f"sound: expected blocks (samples,) of float32, got {block.shape} of {block.dtype}")
    if not np.isfinite(block).all():
        raise DataError("sound: expected finite samples, got NaN or infinity")


def _spoken(segment: Any, *, begin: float, length: float) -> list[Spoken]:
    """Return the words of a segment that faster-whisper found in a piece, with times in the recording.

    ``begin`` is where the piece begins and ``length`` its length, in seconds. Whisper fills every piece up to 30 s and
    sometimes ends a word there, after the sound: such times are moved to the end.
    """

    def at(seconds: float) -> float:
        return begin + min(float(seconds), length)

    if not segment.words:
        return [Spoken(segment.text, at(segment.start), at(segment.end))]
    return [Spoken(word.word, at(word.start), at(word.end)) for word in segment.words]
