"""Describes how somebody speaks: pitch, loudness, timbre, a hundred times a second or smoothed, and as one summary.

The descriptors are eGeMAPS (Eyben et al. 2016) as openSMILE computes them, of mono sound at 16,000 samples a second.
Sound of any length passes through in pieces that overlap, which gives what openSMILE gives of the whole: its
descriptors look no further than a fraction of a second. Letters: T frames of 10 ms, W windows, F = 88 functionals.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError
from fairhire.media.windows import Windows

__all__ = ["EGEMAPS_CHANNELS", "FRAME", "Voice", "VoiceDescriber", "smooth_voice"]

Floats = NDArray[np.float32]

FRAME = 0.01
"""Seconds from one frame of descriptors to the next."""

_RATE = 16_000
_SET = "eGeMAPSv02"
_HOP = round(FRAME * _RATE)
_AHEAD = 0.04  # seconds of sound after the last frame of 10 ms: openSMILE's frames look up to 60 ms ahead
_SLACK = 1e-6  # steps by which a sum of hundredths of a second may miss its whole number
_SHORTEST = 960  # samples: 60 ms, the window in which openSMILE looks for a pitch
_PIECE = 60 * _RATE  # samples described at a time
_MARGIN = _RATE  # samples on either side that a piece is described with and that are then left out; a fifth would do
_SUMMARY = 120 * _RATE  # samples that are summarised at a time

EGEMAPS_CHANNELS = (
    *("Loudness_sma3", "alphaRatio_sma3", "hammarbergIndex_sma3", "slope0-500_sma3", "slope500-1500_sma3"),
    *("spectralFlux_sma3", "mfcc1_sma3", "mfcc2_sma3", "mfcc3_sma3", "mfcc4_sma3", "F0semitoneFrom27.5Hz_sma3nz"),
    *("jitterLocal_sma3nz", "shimmerLocaldB_sma3nz", "HNRdBACF_sma3nz", "logRelF0-H1-H2_sma3nz"),
    *("logRelF0-H1-A3_sma3nz", "F1frequency_sma3nz", "F1bandwidth_sma3nz", "F1amplitudeLogRelF0_sma3nz"),
    *("F2frequency_sma3nz", "F2bandwidth_sma3nz", "F2amplitudeLogRelF0_sma3nz", "F3frequency_sma3nz"),
    *("F3bandwidth_sma3nz", "F3amplitudeLogRelF0_sma3nz"),
)
"""openSMILE's names of the 25 low-level descriptors, in its order. *nz*: of voiced frames only."""

_PITCH = EGEMAPS_CHANNELS.index("F0semitoneFrom27.5Hz_sma3nz")
_OF_VOICED = np.array([name.endswith("nz") for name in EGEMAPS_CHANNELS])


@dataclass(frozen=True, eq=False)
class Voice:
    """What was heard: ``frames`` (T, 25) or, smoothed, (W, 25) float32, and ``functionals`` (88,) float32 or None.

    ``frames`` is None where there was less than 60 ms of sound, in which nothing can be described.
    """

    frames: Floats | None
    functionals: Floats | None


@dataclass
class VoiceDescriber:
    """Describes sound; one of them may describe many recordings, one after another.

    ``windows`` smooth the descriptors (:func:`smooth_voice`); None keeps openSMILE's own hundred frames a second.
    ``functionals`` asks for the summary, too: the 88 of eGeMAPS over at most two minutes at a time, averaged by length
    where an answer is longer, so that memory does not grow.
    """

    windows: Windows | None = field(default_factory=Windows)
    functionals: bool = False

    def describe(self, blocks: Iterable[Floats]) -> Voice:
        """Return what is heard in ``blocks`` of mono samples (n,) float32, 16,000 a second, one after another.

        Raises :class:`DataError` for blocks of another shape.
        """
        summary = _Summary(self._functionals) if self.functionals else None
        frames = self._frames(_watched(blocks, summary))
        smoothed = list(frames if self.windows is None else smooth_voice(frames, self.windows))
        found = np.concatenate(smoothed) if smoothed else np.zeros((0, len(EGEMAPS_CHANNELS)), np.float32)
        return Voice(found if len(found) else None, None if summary is None else summary.finish())

    @property
    def functional_names(self) -> tuple[str, ...]:
        """What openSMILE calls the 88 functionals, in its order."""
        return tuple(self._functionals.feature_names)

    def provenance(self) -> dict[str, Any]:
        """Say what made the descriptors, and how they were smoothed."""
        smoothing = None if self.windows is None else {"seconds": self.windows.seconds, "step": self.windows.step}
        return {"set": _SET, "opensmile": importlib.metadata.version("opensmile"), "windows": smoothing}

    def _frames(self, blocks: Iterator[Floats]) -> Iterator[Floats]:
        """Yield descriptors (t, 25) of consecutive pieces, each described together with its neighbourhood."""
        held, margin, ended = np.zeros(0, np.float32), 0, False
        while not ended:
            while len(held) < margin + _PIECE + _MARGIN:
                block = next(blocks, None)
                if block is None:
                    ended = True
                    break
                held = np.concatenate([held, block])
            described = self._described(held)
            first = margin // _HOP
            yield described[first:] if ended else described[first : first + _PIECE // _HOP]
            held, margin = held[margin + _PIECE - _MARGIN :], _MARGIN

    def _described(self, samples: Floats) -> Floats:
        if len(samples) < _SHORTEST:
            return np.zeros((0, len(EGEMAPS_CHANNELS)), np.float32)
        table = self._descriptors.process_signal(samples, _RATE)
        return np.ascontiguousarray(table.to_numpy(np.float32))

    @cached_property
    def _descriptors(self) -> Any:
        return _smile("LowLevelDescriptors")

    @cached_property
    def _functionals(self) -> Any:
        return _smile("Functionals")


class _Summary:
    """Collects functionals of pieces of sound, and averages them by length."""

    def __init__(self, smile: Any) -> None:
        self._smile = smile
        self._held: list[Floats] = []
        self._total = np.zeros(len(smile.feature_names))
        self._samples = 0

    def hear(self, block: Floats) -> None:
        self._held.append(block)
        if sum(map(len, self._held)) >= _SUMMARY:
            self._describe()

    def finish(self) -> Floats | None:
        if sum(map(len, self._held)) >= _SHORTEST:
            self._describe()
        return (self._total / self._samples).astype(np.float32) if self._samples else None

    def _describe(self) -> None:
        samples = np.concatenate(self._held)
        self._held = []
        found = self._smile.process_signal(samples, _RATE).to_numpy(np.float64)[0]
        self._total += len(samples) * np.nan_to_num(found)  # openSMILE has no value for what was never voiced
        self._samples += len(samples)


def smooth_voice(frames: Iterable[Floats], windows: Windows) -> Iterator[Floats]:
    """Yield means (w, 25) float32 over ``windows`` of consecutive ``frames`` (t, 25), 10 ms each.

    Descriptors of voiced frames (pitch, jitter, shimmer, harmonics, formants) are averaged over those alone, as
    eGeMAPS' own functionals do, and are 0 in a window without any: openSMILE's values there are placeholders such as
    -201 dB. There are as many windows as fit into the sound, at least one; the last frame looks 40 ms further
    than its own 10 ms, so the last windows may hold a few frames less than others.
    """
    held = np.zeros((0, len(EGEMAPS_CHANNELS)), np.float32)
    begin, given = 0, 0  # the frame that ``held`` begins with; windows yielded
    for piece in frames:
        held = np.concatenate([held, piece])
        heard = (begin + len(held)) * FRAME
        complete = windows.count(heard) if heard >= windows.seconds else 0
        if complete > given:
            yield _means(held, begin, range(given, complete), windows)
            given = complete
            first = round(given * windows.step / FRAME)
            held, begin = held[max(0, first - begin) :], max(begin, first)
    heard = (begin + len(held)) * FRAME
    begun = math.ceil(heard / windows.step - _SLACK)  # windows into which a frame falls
    complete = min(windows.count(heard + _AHEAD), begun) if len(held) else 0
    if complete > given:
        yield _means(held, begin, range(given, complete), windows)


def _means(held: Floats, begin: int, wanted: range, windows: Windows) -> Floats:
    """Return means of the ``wanted`` windows of frames that begin with number ``begin``."""
    offset = wanted.start * windows.step
    middles = begin + np.arange(len(held), dtype=np.float64) + 0.5
    times = middles * FRAME - offset  # of the middle of each, which no rounding moves out of its window
    end = (len(wanted) - 1) * windows.step + windows.seconds
    everywhere, _ = windows.means(times, held, end)
    voiced = held[:, _PITCH] > 0
    of_voiced, n = windows.means(times[voiced], held[voiced], end)
    return np.where(_OF_VOICED, np.where(n[:, None] > 0, of_voiced, 0.0), everywhere).astype(np.float32)


def _watched(blocks: Iterable[Floats], summary: _Summary | None) -> Iterator[Floats]:
    for block in blocks:
        if block.ndim != 1 or block.dtype != np.float32:
            raise DataError(f"sound: expected mono samples (n,) float32, got {block.shape} {block.dtype}")
        if summary is not None:
            summary.hear(block)
        yield block


def _smile(level: str) -> Any:
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet[_SET], opensmile.FeatureLevel[level])
