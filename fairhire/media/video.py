"""Reads recordings of people: pictures at the times that are wanted, and sound, in pieces that fit into any memory.

Nobody vouches for a recording. Whatever can be read is read: a damaged part is left out and counted, and a recording
that ends too early says where. Times are seconds since the beginning of the recording, which is when its first picture
or its first sound begins, whichever is earlier. Nothing but the file itself is opened: formats that send a reader to
other files or to the network (playlists) are refused.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from fairhire.errors import DataError

__all__ = [
    "LONGEST",
    "RATE",
    "Contents",
    "Picture",
    "Pictures",
    "Sound",
    "frame_at",
    "look_into",
    "pictures",
    "sound",
]

_Thing = TypeVar("_Thing")
_AnyStream = TypeVar("_AnyStream", VideoStream, AudioStream)

RATE = 16_000
"""Samples a second of :func:`sound`: what speech is described at, whatever it was recorded at."""

LONGEST = 4 * 3600.0
"""Seconds of a recording that are read at most; a time beyond that is taken for damage."""

_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts,ogg,flv,live_flv,asf,wav,w64,mp3,flac,aac,ac3,"
    "eac3,aiff,au,caf,amr,amrnb,amrwb,opus,dv,mxf,gxf,nut,ivf,rm,wv,ape,tta,h264,hevc,av1,obu,m4v,mjpeg,yuv4mpegpipe,nsv"
)
"""Files that hold their own pictures and sound. A playlist would send the reader to other files, or to the network."""

_MAX_PIXELS = 64 * 2**20
_LINGERS = 1.0  # seconds for which a player goes on showing the last picture; features often end a little later
_GAP = 0.1  # seconds by which sound may stray from its own clock before silence is put in or a repetition left out
_SET_BACK = 1.0  # seconds by which a clock that goes back was set back: another recording was put behind, say
_STEPS = (0.0, 10.0)  # seconds before the wanted time from which is read, should the file not find a nearer key frame
_FAR = 10.0  # seconds by which a time may lie ahead before the next one is asked whether that is true
_LONG = 10.0  # seconds for which the last picture is shown at most, whatever the file says of its rate
_SHORT = 1.0  # seconds that may be missing from what a file says of its length before that is worth saying
_BLOCK = RATE  # samples handed over at a time
_SAME = 1e-6  # seconds: two times nearer than that are the same
_FAILURES = (av.FFmpegError, ValueError, OverflowError, MemoryError)
"""What PyAV raises for damaged content; some of it as Python's own errors, and end-of-file among them."""


@dataclass(frozen=True)
class Contents:
    """What a recording holds.

    ``pictures`` and ``tracks``: whether it has pictures, and the number of its tracks of sound; ``track`` is the one
    that is read. ``declared`` is the length in seconds that the file states, or None.
    """

    pictures: bool
    tracks: int
    track: int
    declared: float | None


@dataclass(frozen=True)
class Picture:
    """One picture of a recording, decoded but not yet turned into colours: that is done when it is asked for.

    ``seconds`` is the time at which it is shown first; ``width`` and ``height`` are those of the upright picture with
    square pixels.
    """

    seconds: float
    width: int
    height: int
    _frame: VideoFrame
    _turns: int
    _mirrored: bool

    def rgb(self, longest: int | None = None) -> NDArray[np.uint8]:
        """Return the upright picture (h, w, 3) uint8 RGB, made smaller where a side is above ``longest`` pixels.

        Raises :class:`DataError` for pixels that cannot be converted.
        """
        scale = 1.0 if longest is None else min(1.0, longest / max(self.width, self.height))
        width, height = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        if self._turns % 2:
            width, height = height, width
        try:
            pixels = self._frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
            return np.ascontiguousarray(np.rot90(np.fliplr(pixels) if self._mirrored else pixels, self._turns))
        except _FAILURES as error:
            raise DataError(f"a picture: expected pixels that can be converted, got: {_why(error)}") from None


@dataclass
class _Reading:
    """How far a pass through a recording came: ``end`` in seconds, ``damaged`` parts left out, ``remarks``.

    ``flawed`` counts what was kept though the decoder says that a part of it is wrong, ``set_back`` how often the
    recording's clock went back, as where one recording was put behind another, ``misplaced`` what was put behind what
    came before, because its own time cannot be true; ``beyond`` says that there is more than is read.
    """

    path: Path
    end: float = 0.0
    damaged: int = 0
    flawed: int = 0
    set_back: int = 0
    misplaced: int = 0
    beyond: bool = False
    remarks: list[str] = field(default_factory=list)

    def _finish(self, kind: str, broken: str | None, declared: float | None) -> None:
        if self.damaged:
            self.remarks.append(f"{self.damaged} damaged pieces of {kind} left out")
        if self.flawed:
            self.remarks.append(f"{self.flawed} pieces of {kind} are damaged in part")
        if self.set_back:
            self.remarks.append(f"the clock of {kind} was set back {self.set_back} times; what follows was put behind")
        if self.misplaced:
            self.remarks.append(f"{self.misplaced} pieces of {kind} have times that cannot be true")
        if self.beyond:
            self.remarks.append(f"what of {kind} lies behind {LONGEST / 3600:g} hours was left out")
        if broken is not None:
            self.remarks.append(f"{kind} could be read up to {self.end:.1f} s only: {broken}")
        elif declared is not None and declared - self.end > _SHORT and declared <= LONGEST:
            self.remarks.append(f"{kind} ends at {self.end:.1f} s, the file says {declared:.1f} s")


class Pictures(_Reading):
    """The pictures of a recording at regular times, as an iterator; afterwards ``end`` and ``remarks`` are known."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        super().__init__(path)
        self.rate_hz = rate_hz
        self._times = array("d")

    @property
    def times(self) -> NDArray[np.float64]:
        """When each picture of the recording is shown, wanted or not (pictures,), in seconds; known afterwards."""
        return np.array(self._times)

    def __iter__(self) -> Iterator[Picture]:
        """Yield the picture shown at 0, 1/rate, 2/rate … seconds, each picture once, in order of time.

        A picture that is shown for long (a variable frame rate, a frozen camera) comes once; a recording that shows
        none at those times gives its last one. Raises :class:`DataError` where no picture at all can be read.
        """
        with _opened(self.path) as container:
            stream = _video(container)
            if stream is None:
                raise DataError(f"{self.path}: expected a recording with pictures, got one without")
            _check_pictures(stream, self.path)
            found = False
            for picture in self._wanted(container, stream):
                found = True
                yield picture
        if not found:
            why = f": {self.remarks[-1]}" if self.remarks else ""
            raise DataError(f"{self.path}: expected at least one picture that can be read, got none{why}")

    def _wanted(self, container: InputContainer, stream: VideoStream) -> Iterator[Picture]:
        shown: Picture | None = None
        mirrors: dict[int, bool] = {}
        wanted = given = 0  # the first time, counted in 1/rate, for which no picture was found yet; pictures yielded
        decoding = _Decoding(container, stream, self)
        clock, lasts = _Clock(_begin(container), self), _lasts(stream) or 0.04
        last = 0.0
        for frame, time in _believed(((frame, frame.time) for frame in decoding), self):
            assert isinstance(frame, VideoFrame)
            seconds = clock.place(time, self.end)
            if seconds > LONGEST:
                self.beyond = True
                break
            if seconds < last or frame.width * frame.height > _MAX_PIXELS:
                self.damaged += 1
                continue
            self._times.append(seconds)
            if shown is not None and wanted / self.rate_hz < seconds - _SAME:
                yield shown
                given += 1
            wanted = max(wanted, math.ceil((seconds - _SAME) * self.rate_hz))
            shown, last = _picture(frame, seconds, stream, mirrors), seconds
            self.end = seconds + lasts
        if shown is not None and (wanted / self.rate_hz < self.end - _SAME or not given):
            yield shown
        self._finish("the picture", decoding.broken, _declared(container, stream))


class Sound(_Reading):
    """The sound of a recording as blocks of about a second, as an iterator; afterwards ``end`` is known."""

    def __init__(self, path: Path, track: int | None) -> None:
        super().__init__(path)
        self.track = track

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """Yield mono samples (n,) float32 from -1 to 1, 16,000 a second, without gaps from second 0 on.

        Where the recording's own clock leaves a gap, silence is put in, and a repetition is left out, so that the
        place of a sample tells its time. Raises :class:`DataError` where there is no sound or none can be read.
        """
        with _opened(self.path) as container:
            stream = _audio(container, self.track, self.path)
            if stream is None:
                raise DataError(f"{self.path}: expected a recording with sound, got one without")
            decoding = _Decoding(container, stream, self)
            blocks, clock = _Blocks(), _Clock(_begin(container), self)
            for samples, time in _believed(_resampled(decoding, self), self):
                at = clock.place(time, self.end)
                if at > LONGEST:
                    self.beyond = True
                    break
                stray = round(at * RATE) - blocks.length
                tolerated = _GAP * RATE if blocks.length else 0.0  # where the sound begins must be right
                if stray > tolerated:
                    yield from blocks.silence(stray)
                yield from blocks.add(samples[-stray:] if stray < -tolerated else samples)
                self.end = blocks.length / RATE
            yield from blocks.rest()
            if blocks.silent > RATE:
                self.remarks.append(f"{blocks.silent / RATE:.1f} s of silence put where the sound has gaps")
            self._finish("the sound", decoding.broken, _declared(container, stream))
        if not self.end:
            why = f": {self.remarks[-1]}" if self.remarks else ""
            raise DataError(f"{self.path}: expected sound that can be read, got none{why}")


class _Clock:
    """Turns a stream's own times into times of the recording, which may go back a little, but not far."""

    def __init__(self, begin: float, reading: _Reading) -> None:
        self._begin, self._reading = begin, reading

    def place(self, time: float | None, expected: float) -> float:
        """Return when, in seconds of the recording, a frame begins that the file places at ``time``.

        What has no time of its own, or lies far before the ``expected`` end of what was read, follows that.
        """
        if time is None:
            return expected
        if time - self._begin < expected - _SET_BACK:
            self._begin = time - expected
            self._reading.set_back += 1
        return max(0.0, time - self._begin)


def _believed(timed: Iterable[tuple[_Thing, float | None]], reading: _Reading) -> Iterator[tuple[_Thing, float | None]]:
    """Yield what comes, with its time, or None where that cannot be true.

    A time that lies far ahead of the one before is believed if the next one does not go back: one damaged time must
    not move all that follows.
    """
    before: float | None = None
    held: tuple[_Thing, float] | None = None
    for thing, time in timed:
        if held is not None:
            if time is None or time >= held[1] - _SET_BACK:
                yield held
                before = held[1]
            else:
                reading.misplaced += 1
                yield held[0], None
            held = None
        if time is not None and before is not None and time - before > _FAR:
            held = thing, time
            continue
        yield thing, time
        before = before if time is None else time
    if held is not None:
        reading.misplaced += 1
        yield held[0], None


class _Blocks:
    """Cuts what comes in any portions into blocks of one length; ``length`` samples have come, ``silent`` unheard."""

    def __init__(self) -> None:
        self.length = self.silent = 0
        self._held: list[NDArray[np.float32]] = []
        self._waiting = 0

    def add(self, samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        self.length += len(samples)
        self._waiting += len(samples)
        self._held.append(samples)
        if self._waiting >= _BLOCK:
            joined = np.concatenate(self._held)
            whole = len(joined) - len(joined) % _BLOCK
            for first in range(0, whole, _BLOCK):
                yield _finite(joined[first : first + _BLOCK])
            self._held, self._waiting = [joined[whole:]], len(joined) - whole

    def silence(self, samples: int) -> Iterator[NDArray[np.float32]]:
        """Add that many zeros, a block at a time: hours of silence must not lie in memory at once."""
        self.silent += samples
        for first in range(0, samples, _BLOCK):
            yield from self.add(np.zeros(min(_BLOCK, samples - first), np.float32))

    def rest(self) -> Iterator[NDArray[np.float32]]:
        if self._waiting:
            yield _finite(np.concatenate(self._held))


def look_into(path: Path, *, track: int | None = None) -> Contents:
    """Return what the recording ``path`` holds; ``track`` counts from 0 and asks for that track of sound.

    Without ``track`` the one that the file calls its default is read, else the first. Raises :class:`DataError` for a
    file that is no recording, holds neither pictures nor sound, or has no such track.
    """
    with _opened(path) as container:
        video, sounds = _video(container), container.streams.audio
        chosen = _audio(container, track, path)
        if video is None and not sounds:
            raise DataError(f"{path}: expected a recording with pictures or sound, got one with neither")
        declared = None if container.duration is None else container.duration / av.time_base
        place = 0 if chosen is None else [one.index for one in sounds].index(chosen.index)
        return Contents(video is not None, len(sounds), place, declared)


def pictures(path: Path, rate_hz: float) -> Pictures:
    """Return the pictures of ``path`` at ``rate_hz`` times a second; every frame is decoded, few are converted."""
    return Pictures(path, rate_hz)


def sound(path: Path, *, track: int | None = None) -> Sound:
    """Return the sound of ``path`` (:class:`Sound`), of the track that :func:`look_into` chooses."""
    return Sound(path, track)


def frame_at(path: Path, seconds: float) -> NDArray[np.uint8]:
    """Return the picture (h, w, 3) uint8 RGB that ``path`` shows ``seconds`` after its beginning, turned upright.

    The file is read from the key frame before that time on, one picture in memory at a time. Before the first picture
    the first one is returned, and up to a second after the end the last one. Raises :class:`DataError` for a file that
    is no recording with pictures, is damaged there, is larger than 64 million pixels a picture, or ends too early.
    """
    shown: Picture | None = None
    for back in (*_STEPS, None):
        with _opened(path) as container:
            stream = _video(container)
            if stream is None:
                raise DataError(f"{path}: expected a recording with pictures, got one without")
            _check_pictures(stream, path)
            start = None if back is None or seconds <= back else seconds - back
            shown, end = _shown(container, stream, seconds, start)
            if shown is None or (shown.seconds > seconds and start is not None):
                continue  # the file led to a place after the wanted one
            if seconds > end + _LINGERS:
                raise DataError(f"{path}: expected a recording of {seconds:.1f} s or more, got one of {end:.1f} s")
            return shown.rgb()
    raise DataError(f"{path}: expected a picture at {seconds:.1f} s, found none")


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """Open ``path``; whatever damage is met inside the block ends in one line."""
    if not path.is_file():
        raise DataError(f"{path}: expected a recording, found no such file")
    try:
        with av.open(
            str(path),
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        ) as container:
            yield container
    except _FAILURES as error:
        raise DataError(f"{path}: expected a readable recording, got: {_why(error)}") from None


def _why(error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words).splitlines()[0]


def _video(container: InputContainer) -> VideoStream | None:
    """Return the moving pictures: a cover picture of a piece of music is none."""
    moving = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    return _default(moving)


def _audio(container: InputContainer, track: int | None, path: Path) -> AudioStream | None:
    sounds = list(container.streams.audio)
    if track is not None and not 0 <= track < len(sounds):
        raise DataError(f"{path}: expected {track + 1} or more tracks of sound, got {len(sounds)}")
    if track is not None:
        return sounds[track]
    told = [one for one in sounds if one.codec_context is not None and one.codec_context.sample_rate]
    return _default(told or sounds)  # damage may add a track that says nothing of itself


def _default(streams: list[_AnyStream]) -> _AnyStream | None:
    return next((one for one in streams if one.disposition & Disposition.default), streams[0] if streams else None)


def _begin(container: InputContainer) -> float:
    """Return the time, on the file's own clock, at which its first picture or sound begins."""
    moving = _video(container)
    streams = [*([moving] if moving is not None else []), *container.streams.audio]
    begins = [float(one.start_time * one.time_base) for one in streams if one.start_time is not None and one.time_base]
    return min(begins, default=0.0)


def _declared(container: InputContainer, stream: VideoStream | AudioStream) -> float | None:
    """Return until when the file says that ``stream`` goes on, in seconds of the recording; None where it does not."""
    if stream.duration is not None and stream.time_base:
        start = float((stream.start_time or 0) * stream.time_base)
        return float(stream.duration * stream.time_base) + start - _begin(container)
    return None if container.duration is None else container.duration / av.time_base


class _Decoding:
    """The frames of a stream, damaged packets left out; ``broken`` says why the file could not be read to its end."""

    def __init__(self, container: InputContainer, stream: VideoStream | AudioStream, reading: _Reading) -> None:
        self.container, self.stream, self.reading = container, stream, reading
        self.broken: str | None = None

    def __iter__(self) -> Iterator[VideoFrame | av.AudioFrame]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.EOFError:
                return
            except _FAILURES as error:
                self.broken = _why(error)
                packet = None
            yield from self._frames(packet)
            if packet is None:
                return

    def _frames(self, packet: Any) -> list[VideoFrame | av.AudioFrame]:
        """Return what a packet of the stream (None: the decoder's rest) holds; nothing where it is damaged."""
        try:
            frames = self.stream.decode(packet)
        except av.EOFError:
            return []
        except _FAILURES:
            self.reading.damaged += 1
            return []
        self.reading.flawed += sum(frame.is_corrupt for frame in frames)
        return [frame for frame in frames if isinstance(frame, VideoFrame | av.AudioFrame)]


def _resampled(decoding: _Decoding, reading: Sound) -> Iterator[tuple[NDArray[np.float32], float | None]]:
    """Yield samples (n,) of the frames, and when the frame's sound begins by the file's clock, None where unknown.

    What the resampler holds back is less than a hundredth of a second; it is handed over with the next frame.
    """
    resampler = _resampler()
    for frame in decoding:
        assert isinstance(frame, av.AudioFrame)
        time, frame.pts = frame.time, None  # the resampler would fill gaps of its own accord, however long
        try:
            try:
                pieces = resampler.resample(frame)
            except ValueError:  # rate or channels changed on the way
                resampler = _resampler()
                pieces = resampler.resample(frame)
        except _FAILURES:
            reading.damaged += 1
            continue
        if (samples := _mono(pieces)).size:
            yield samples, time
    try:
        rest = _mono(resampler.resample(None))
    except _FAILURES:
        return
    if rest.size:
        yield rest, None


def _resampler() -> av.AudioResampler:
    # Channels side by side: of more than eight in arrays of their own, PyAV reads beyond FFmpeg's list of arrays.
    return av.AudioResampler(format="flt", rate=RATE)


def _mono(pieces: list[av.AudioFrame]) -> NDArray[np.float32]:
    """Return the mean of the channels: FFmpeg's own way makes stereo 3 dB louder than mono, beyond what fits."""
    means: list[NDArray[np.float32]] = []
    for piece in pieces:
        channels = piece.layout.nb_channels
        samples = np.frombuffer(memoryview(piece.planes[0]), np.float32, piece.samples * channels)
        means.append(samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1, dtype=np.float32))
    return means[0] if len(means) == 1 else np.concatenate(means) if means else np.zeros(0, np.float32)


def _finite(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a player can play of ``samples``: damaged ones may be infinite or no numbers at all."""
    finite: NDArray[np.float32] = np.nan_to_num(samples, posinf=1.0, neginf=-1.0).astype(np.float32)
    return np.clip(finite, -1.0, 1.0)


def _picture(frame: VideoFrame, seconds: float, stream: VideoStream, mirrors: dict[int, bool]) -> Picture:
    """Return ``frame`` as a picture; ``mirrors`` keeps whether frames of an angle are mirrored.

    A frame that is asked for its side data is in a cycle with them, and stays in memory until Python looks for cycles:
    hundreds of large pictures, were all of them asked.
    """
    angle = frame.rotation
    if angle not in mirrors:
        mirrors[angle] = _is_mirrored(frame)
    turns, mirrored = round(angle / 90) % 4, mirrors[angle]
    aspect = stream.sample_aspect_ratio
    stretch = float(aspect) if aspect is not None and 0.25 <= aspect <= 4 else 1.0
    width, height = max(1, round(frame.width * stretch)), frame.height
    if turns % 2:
        width, height = height, width
    # A mirrored picture's angle is measured along its mirrored side: half a turn from that of the picture as it is.
    return Picture(seconds, width, height, frame, (turns + 2) % 4 if mirrored else turns, mirrored)


def _is_mirrored(frame: VideoFrame) -> bool:
    """Say whether a player shows the picture as a mirror does, as phones' front cameras ask for."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False
    (a, b), (c, d) = np.frombuffer(bytes(matrix), np.int32).reshape(3, 3)[:2, :2].astype(np.float64)
    return bool(a * d - b * c < 0)


def _check_pictures(stream: VideoStream, path: Path) -> None:
    if stream.codec_context is None:
        raise DataError(f"{path}: expected pictures of a known encoding, got an unknown one")
    if stream.width * stream.height > _MAX_PIXELS:
        size = f"{stream.width} x {stream.height}"
        raise DataError(f"{path}: expected at most {_MAX_PIXELS} pixels a picture, got {size}")


def _shown(
    container: InputContainer, stream: VideoStream, seconds: float, start: float | None
) -> tuple[Picture | None, float]:
    """Return the last picture that begins by ``seconds``, and when it ends: for the last one, the recording's end.

    The file is read from the key frame before ``start`` on, from its beginning for None. What comes first is returned
    where nothing begins by ``seconds``.
    """
    base = stream.time_base or Fraction(1, av.time_base)
    begin = _begin(container)
    if start is not None:
        try:
            container.seek(int((begin + start) / base), stream=stream, backward=True)
        except av.FFmpegError:  # a file without an index
            return None, 0.0
    shown: VideoFrame | None = None
    at = 0.0
    for frame in container.decode(stream):
        if frame.time is None:
            continue
        if shown is not None and frame.time - begin > seconds:
            return _picture(shown, at, stream, {}), seconds
        shown, at = frame, frame.time - begin
    return (None, 0.0) if shown is None else (_picture(shown, at, stream, {}), at + _lasts(stream))


def _lasts(stream: VideoStream) -> float:
    """Return for how long a picture of ``stream`` is shown, in seconds."""
    return min(float(1 / stream.average_rate), _LONG) if stream.average_rate else 0.0
