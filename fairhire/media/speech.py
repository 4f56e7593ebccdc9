"""Describes how somebody speaks: pitch, loudness, timbre, a hundred times a second or smoothed, and as one summary.

The descriptors are eGeMAPS (Eyben et al. 2016) as openSMILE computes them, of mono sound at 16,000 samples a second.
Sound of any length passes through in pieces that overlap, which gives what openSMILE gives of the whole: its
descriptors look no further than a fraction of a second. Letters: T frames of 10 ms, W windows, F = 88 functionals.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError
from fairhire.media.windows import Windows

__all__ = ["EGEMAPS_CHANNELS", "FRAME", "Voice", "VoiceDescriber", "join_functionals", "smooth_voice"]

Floats = NDArray[np.float32]

FRAME = 0.01
"""Seconds from one frame of descriptors to the next."""

_RATE = 16_000
_SET = "eGeMAPSv02"
_HOP = round(FRAME * _RATE)
_AHEAD = 0.04  # seconds of sound after the last frame of 10 ms: openSMILE's frames look up to 60 ms ahead
_SLACK = 1e-6  # steps by which a sum of hundredths of a second may miss its whole number
_SHORTEST = 960  # samples: 60 ms, the window in which openSMILE looks for a pitch
_PIECE = 120 * _RATE  # samples described at a time
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

    ``frames`` is None where there was less than 60 ms of sound, in which nothing can be described. The functionals are
    of ``seconds`` of sound, ``voiced`` seconds of which were voiced.
    """

    frames: Floats | None
    functionals: Floats | None
    seconds: float = 0.0
    voiced: float = 0.0


@dataclass
class VoiceDescriber:
    """Describes sound; one of them may describe many recordings, one after another.

    ``windows`` smooth the descriptors (:func:`smooth_voice`); None keeps openSMILE's own hundred frames a second.
    ``functionals`` asks for the summary, too: the 88 of eGeMAPS over at most two minutes at a time, joined where an
    answer is longer (:func:`join_functionals`), so that memory does not grow.
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
        frames_found = found if len(found) else None
        return Voice(frames_found, None) if summary is None else Voice(frames_found, *summary.finish())

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
    """Collects functionals of pieces of sound, and joins them."""

    def __init__(self, smile: Any) -> None:
        self._smile = smile
        self._held: list[Floats] = []
        self._rows: list[NDArray[np.float64]] = []
        self._seconds: list[float] = []

    def hear(self, block: Floats) -> None:
        self._held.append(block)
        if sum(map(len, self._held)) >= _SUMMARY:
            self._describe()

    def finish(self) -> tuple[Floats | None, float, float]:
        """Return the functionals (88,), how many seconds they are of, and how many of those were voiced."""
        if sum(map(len, self._held)) >= _SHORTEST:
            self._describe()
        if not self._rows:
            return None, 0.0, 0.0
        names, rows, seconds = tuple(self._smile.feature_names), np.stack(self._rows), np.array(self._seconds)
        voiced = _voiced(names, rows, seconds)
        return join_functionals(names, rows, seconds, voiced), float(seconds.sum()), float(voiced.sum())

    def _describe(self) -> None:
        samples = np.concatenate(self._held)
        self._held = []
        # openSMILE has no value for what was never voiced; no voiced second gives it no weight either.
        self._rows.append(np.nan_to_num(self._smile.process_signal(samples, _RATE).to_numpy(np.float64)[0]))
        self._seconds.append(len(samples) / _RATE)


def join_functionals(
    names: Sequence[str], rows: NDArray[np.floating], seconds: NDArray[np.float64], voiced: NDArray[np.float64]
) -> Floats:
    """Return one row (88,) of functionals out of those of several stretches of sound (n, 88).

    ``seconds`` (n,) is how long each is and ``voiced`` (n,) how much of it was voiced. What describes voiced frames
    (openSMILE's names with *nz*, but for *UV*) is averaged by voiced time, everything else by time, so that a pause
    weighs nothing in a pitch. Means come out as those of the whole, deviations and percentiles nearly.
    """
    of_voiced = np.array(["_sma3nz" in name and "UV" not in name for name in names])
    by_time = seconds @ rows / seconds.sum()
    by_voice = voiced @ rows / voiced.sum() if voiced.sum() > 0 else np.zeros(len(names))
    return np.where(of_voiced, by_voice, by_time).astype(np.float32)


def _voiced(names: Sequence[str], rows: NDArray[np.float64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many seconds of each stretch were voiced."""
    often, long = names.index("VoicedSegmentsPerSec"), names.index("MeanVoicedSegmentLengthSec")
    voiced: NDArray[np.float64] = np.minimum(rows[:, often] * rows[:, long], 1.0) * seconds
    return voiced


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
