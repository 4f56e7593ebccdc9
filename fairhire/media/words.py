"""Reads the words that were said in a recording, and when, out of the transcript that lies beside it.

Four kinds of files are read: WebVTT, SRT, the JSON of Whisper and its relatives, and plain text. Every one becomes a
:class:`Transcript`: pieces of text in the order they were spoken, each with its seconds or with none. Nothing is
guessed: a time that cannot be is taken as unknown, and what was repaired or left out is counted in ``remarks``.

Times that are stated for a whole cue are spread over its words by their letters, and the transcript says so.

Rolling captions (live captioning, YouTube) show a line again while the next one grows below it. A cue repeats if it
touches the cue before (it begins at most 0.1 s after that one's end) and begins with that one's last one to four lines,
word for word. A file is rolling if half of its touching cues or more repeat, three words or more in all, and at least
one of them brings new words below the old, or lasts less than the 0.1 s in which nobody says a line again. Only in
such a file are the repeated words left out: elsewhere somebody did say "yes" twice. These numbers are ours.
"""

from __future__ import annotations

import codecs
import html
import io
import json
import math
import os
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

from webvtt import WebVTT
from webvtt.errors import MalformedCaptionError, MalformedFileError

from fairhire.errors import DataError

__all__ = ["Spoken", "Transcript", "find_transcript", "other_transcripts", "read_transcript", "transcript_of"]

_LARGEST = 64 * 2**20  # bytes
_LONGEST = 1_000_000  # words; nobody speaks for 100 hours
_SUFFIXES = (".json", ".vtt", ".srt", ".txt")  # the earlier, the better they know the times
_LANGUAGE = re.compile(r"\.[a-z]{2,3}(-[a-z0-9]{1,8})*", re.IGNORECASE)  # RFC 5646, without its rarer forms

_PIECE = re.compile(r"(?:\[[^\]]{0,60}\]|<[^<>]{0,60}>|[^\s\[<]+|[\[<])+")
"""A word; or a remark of the transcriber with all its words, because it is told apart only as a whole."""

_LABEL = re.compile(r"\s*(?:-\s*)?([^\W\d_][\w .'’-]{0,30}?)\s*:\s+(?=\S)")
"""A name before what is said: at most 31 letters up to a colon and a blank."""

_TIME = r"(?:[0-9]+:)?[0-5]?[0-9]:[0-5]?[0-9][.,][0-9]"
_TIMING = re.compile(rf"\s*{_TIME}+\s*-->\s*{_TIME}")

_TAG = re.compile(
    r"<(?P<time>(?:[0-9]{1,10}:)?[0-9]{1,2}:[0-9]{1,2}\.[0-9]{3})>"
    r"|<v(?:\.[^\s<>]*)?\s+(?P<voice>[^<>]+)>|(?P<silence></v>)"
    r"|</?(?:v|c|i|b|u|s|ruby|rt|lang|font)(?:[.\s][^<>]*)?>"
    r"|\{\\[^{}]*\}",  # SRT files inherit {\an8} from SubStation Alpha
    re.IGNORECASE,
)
"""What stands in a cue's text and is not spoken (WebVTT, 3.4); other words in angle brackets are remarks, and stay."""

_HALF = re.compile("[\ud800-\udfff]")

_TOUCHING = 0.1  # seconds
_LINES = 4  # roll-up captions show two to four (CEA-608)
_SURELY = 3  # repeated words in all; fewer may have been said twice


@dataclass(frozen=True)
class Spoken:
    """A piece of text, and when it was spoken, in seconds since the beginning of the recording; None is unknown."""

    text: str
    start: float | None
    end: float | None


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording.

    ``pieces`` are words, or remarks of the transcriber in brackets, in the order they were spoken. ``source`` is the
    kind of file or program they come from: "webvtt", "srt", "whisper-json", "plain" or "faster-whisper". ``times`` is
    "of words" if every time was stated for its piece alone, "spread over cues" if some were stated for several
    together, "none" if no piece has a time. ``remarks`` say, with counts, what was repaired or left out.
    """

    pieces: tuple[Spoken, ...]
    source: str
    times: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Cue:
    """Text that was shown or recognised together.

    ``parts`` are what has one time each; read one after the other they are the text, blanks included. ``voices`` says
    from which character on who speaks. The first ``skip`` characters were shown before and do not count.
    """

    parts: tuple[Spoken, ...]
    voices: tuple[tuple[int, str | None], ...] = ()
    skip: int = 0

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)

    @property
    def start(self) -> float | None:
        return next((part.start for part in self.parts if part.start is not None), None)

    @property
    def end(self) -> float | None:
        return next((part.end for part in reversed(self.parts) if part.end is not None), None)


@dataclass(frozen=True)
class _Heard:
    """A piece, whose voice it is, and whether its time was stated for it alone."""

    spoken: Spoken
    voice: str | None
    alone: bool


def find_transcript(recording: Path) -> Path | None:
    """Return the transcript beside ``recording``, or None if there is none.

    It has the recording's name with the suffix .json, .vtt, .srt or .txt in upper or lower case; of several, the first
    in this order. Failing that, a language may stand before the suffix (``a.en.vtt``), if it is the only language.
    Raises :class:`DataError` for several languages, for suffixes that differ in case only, and for a folder that cannot
    be read.
    """
    try:
        with os.scandir(recording.parent) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(f"{recording.stem}.") and entry.is_file()]
    except OSError as error:
        raise DataError(f"{recording}: expected a folder that can be read, got: {error.strerror}") from None
    stems = {name: Path(name).stem for name in names if Path(name).suffix.lower() in _SUFFIXES}
    exact = [name for name, stem in stems.items() if stem == recording.stem]
    if exact:
        return _first(recording, exact)
    owned = {Path(name).stem for name in names if name not in stems}  # a.en.vtt belongs to a.en.mp4 where there is one
    tagged = [
        name
        for name, stem in stems.items()
        if _LANGUAGE.fullmatch(stem.removeprefix(recording.stem)) and stem not in owned
    ]
    if len({stems[name] for name in tagged}) > 1:
        raise _ambiguous(recording, tagged)
    return _first(recording, tagged) if tagged else None


def other_transcripts(recording: Path, chosen: Path) -> list[Path]:
    """Return the files of ``recording``'s very name that may hold its words, too, the most telling first."""
    beside = [recording.with_suffix(suffix) for suffix in _SUFFIXES]
    return [path for path in beside if path.is_file() and path != chosen]


def _first(recording: Path, names: Sequence[str]) -> Path:
    """Return the one of ``names`` whose suffix comes first."""
    rank = {name: _SUFFIXES.index(Path(name).suffix.lower()) for name in names}
    best = [name for name in names if rank[name] == min(rank.values())]
    if len(best) > 1:
        raise _ambiguous(recording, best)
    return recording.parent / best[0]


def _ambiguous(recording: Path, names: Iterable[str]) -> DataError:
    suffixes = ", ".join(sorted(name[len(recording.stem) :] for name in names))
    return DataError(f"{recording}, transcript: expected one beside it, got several: {suffixes}")


def read_transcript(path: Path, *, speaker: str | None = None) -> Transcript:
    """Read the transcript in ``path``; its suffix (.vtt, .srt, .json or .txt) says what it is.

    - WebVTT as the W3C describes it; inline times are times of words, and voices are known.
    - SRT, with the tags people write there, and commas or dots before the milliseconds.
    - JSON of openai-whisper, faster-whisper and WhisperX (``segments``, ``words`` with or without times, ``speaker``)
      and of whisper.cpp (``transcription``, in milliseconds).
    - Plain text, without times.

    Files are UTF-8, or UTF-16 with a byte order mark, of at most 64 MiB and a million words. If the file names voices
    and ``speaker`` is one of them (whatever the case), only that one's words are returned; otherwise everybody's.
    Nobody saying anything is a transcript without pieces. Raises :class:`DataError` for a file that cannot be read or
    is not what its suffix says.
    """
    readers: dict[str, Callable[[Path, str], _Read]] = {
        ".vtt": _read_webvtt,
        ".srt": _read_srt,
        ".json": _read_json,
        ".txt": _read_plain,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: expected a transcript (.json, .vtt, .srt or .txt), got {path.suffix!r}")
    text, decoding = _decoded(path)
    read = reader(path, text)
    pieces = chain.from_iterable(_PIECE.finditer(cue.text) for cue in read.cues)
    if sum(1 for _ in islice(pieces, _LONGEST + 1)) > _LONGEST:
        raise DataError(f"{path}: expected a transcript of at most {_LONGEST} words, got a longer one")
    return _assembled(read.cues, source=read.source, speaker=speaker, remarks=[*decoding, *read.remarks])


def transcript_of(segments: Iterable[Sequence[Spoken]], *, source: str, remarks: Sequence[str] = ()) -> Transcript:
    """Return what a recogniser heard: ``segments`` of one or more texts, each with its time.

    The texts of a segment are read one after the other, as they stand, so that " well" and "-known" become one word;
    words that share a time have it spread over them. Times that cannot be are taken as unknown and counted.
    """
    times = _Times()
    cues = [_Cue(tuple(Spoken(part.text, *times.of(part.start, part.end)) for part in segment)) for segment in segments]
    cues, late = _in_order(cues)
    said = [*remarks, *times.remarks(), *_late(late, cues, "segment")]
    return _assembled(cues, source=source, speaker=None, remarks=said)


# ------------------------------------------------------------------------------------------------------------- files


@dataclass(frozen=True)
class _Read:
    """What a file holds: which kind it is, its cues, and remarks."""

    source: str
    cues: list[_Cue]
    remarks: list[str]


def _decoded(path: Path) -> tuple[str, list[str]]:
    """Return the text of a file with plain line ends, and what there is to say about its encoding."""
    if not path.is_file():
        raise DataError(f"{path}: expected a transcript, found no such file")
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, got: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise DataError(f"{path}: expected a transcript of at most {_LARGEST // 2**20} MiB, got a larger file")
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected text in UTF-8 (or UTF-16 with its mark), got byte 0x{content[error.start]:02x} "
            f"at {error.start}, {error.reason}"
        ) from None
    if "\0" in text:
        raise DataError(f"{path}: expected text, got a NUL at character {text.index(chr(0))}")
    remarks = ["decoded from UTF-16"] if wide else []
    if not text.strip():
        remarks.append("an empty file")
    return text.replace("\r\n", "\n").replace("\r", "\n"), remarks


def _read_plain(path: Path, text: str) -> _Read:  # noqa: ARG001 - as all readers
    lines = _labelled([_Cue((Spoken(f"{line}\n", None, None),)) for line in text.split("\n")])
    if any(line.voices for line in lines):
        return _Read("plain", lines, [])
    return _Read("plain", [_Cue((Spoken(text, None, None),))], [])  # a remark may go over a line's end


def _read_webvtt(path: Path, text: str) -> _Read:
    try:
        return _read_captions("webvtt", WebVTT.from_string(text), text, unescape=html.unescape)
    except (MalformedFileError, MalformedCaptionError, ValueError) as error:
        raise DataError(f"{path}: expected WebVTT, got: {_one_line(error)}") from None


def _read_srt(path: Path, text: str) -> _Read:
    if not text.strip():  # Whisper writes this where nobody spoke
        return _Read("srt", [], [])
    try:
        captions = WebVTT.from_buffer(io.StringIO(_numbered(text)), format="srt")
        return _read_captions("srt", captions, text, unescape=str)
    except (MalformedFileError, MalformedCaptionError, ValueError) as error:
        raise DataError(f"{path}: expected SRT, got: {_one_line(error)}") from None


def _numbered(text: str) -> str:
    """Return SRT with a number before every time, as webvtt-py wants it: without one it drops the cue and its words."""
    lines: list[str] = []
    for line in text.strip().split("\n"):
        if "-->" in line:
            number = lines.pop().strip() if lines and lines[-1].strip().isdigit() else "0"
            lines.append(number)
        lines.append(line)
    return "\n".join([*lines, "", ""])  # so that a cue without words is one even at the end


# ---------------------------------------------------------------------------------------------------------- captions


def _read_captions(source: str, captions: WebVTT, text: str, *, unescape: Callable[[str], str]) -> _Read:
    """Return the cues of ``captions``, which were read from ``text``; raises ``ValueError`` if none could be read."""
    arrows = [line for line in text.split("\n") if "-->" in line and not line.startswith("NOTE")]
    lost = max(0, len(arrows) - len(captions))
    unread = min(lost, sum(not _TIMING.match(line) for line in arrows))
    if unread and unread == len(arrows):
        raise ValueError(f"{_count(unread, 'cue')} without readable times")
    times, strays = _Times(), 0
    cues = []
    for caption in captions.captions:
        start, end = times.of(_seconds(caption.start), _seconds(caption.end))
        cue, ignored = _cue(caption.raw_text, start, end, unescape=unescape)
        cues.append(cue)
        strays += ignored
    silent = lost - unread + sum(not _PIECE.search(cue.text) for cue in cues)
    remarks = [
        *_remark(unread, "cue", "could not be read"),
        *_remark(silent, "cue", "without words"),
        *_remark(strays, "inline time", "outside of its cue or going back, ignored"),
        *times.remarks(),
    ]
    cues, late = _in_order(cues)
    cues, rolled = _unrolled(_labelled(cues))
    remarks += _late(late, cues, "cue")
    remarks += _remark(rolled, "cue", f"of {len(cues)} repeated words of the cue before, which count once")
    return _Read(source, cues, remarks)


def _labelled(cues: list[_Cue]) -> list[_Cue]:
    """Return cues that begin with who speaks ("ANNA: hello") as of that voice, without the name.

    Where half of the cues or more begin so and a name comes twice, names are meant; a cue without one goes on in the
    voice before.
    """
    found = [None if cue.voices else _LABEL.match(cue.text) for cue in cues]
    names = Counter(match[1] for match in found if match is not None)
    spoken = sum(bool(_PIECE.search(cue.text)) for cue in cues)
    if 2 * names.total() < spoken or max(names.values(), default=0) < 2:
        return cues
    voice: str | None = None
    told = []
    for cue, match in zip(cues, found, strict=True):
        voice = voice if match is None else match[1]
        if cue.voices or voice is None:
            told.append(cue)
        else:
            begin = 0 if match is None else match.end()
            told.append(replace(cue, voices=((begin, voice),), skip=max(cue.skip, begin)))
    return told


def _seconds(time: str) -> float:
    """Return the seconds of ``[hours:]minutes:seconds.milliseconds``."""
    total = 0
    whole, milliseconds = time.split(".")
    for field in whole.split(":"):
        total = 60 * total + int(field)
    return (1000 * total + int(milliseconds)) / 1000


def _cue(raw: str, start: float | None, end: float | None, *, unescape: Callable[[str], str]) -> tuple[_Cue, int]:
    """Return a cue from its text with tags, and how many inline times had to be ignored."""
    texts, begins = [""], [start]
    voices: list[tuple[int, str | None]] = []
    length = strays = place = 0
    for tag in _TAG.finditer(raw):
        text = unescape(raw[place : tag.start()])
        texts[-1] += text
        length += len(text)
        place = tag.end()
        if tag["voice"]:
            voices.append((length, unescape(tag["voice"])))
        elif tag["silence"]:
            voices.append((length, None))
        elif tag["time"]:
            time = _seconds(tag["time"])
            if start is None or end is None or not (begins[-1] or 0.0) <= time <= end:
                strays += 1
            else:
                texts.append("")
                begins.append(time)
    texts[-1] += unescape(raw[place:])
    parts = tuple(Spoken(*part) for part in zip(texts, begins, [*begins[1:], end], strict=True))
    return _Cue(parts, tuple(voices)), strays


def _in_order(cues: list[_Cue]) -> tuple[list[_Cue], int]:
    """Return the cues by the time they begin, and how many began before an earlier one.

    A cue of unknown time stays behind the one it followed.
    """
    begins: list[float] = []
    late, latest = 0, 0.0
    for cue in cues:
        if cue.start is None:
            begins.append(begins[-1] if begins else 0.0)
            continue
        begins.append(cue.start)
        late += cue.start < latest
        latest = max(latest, cue.start)
    return [cues[place] for place in sorted(range(len(cues)), key=begins.__getitem__)], late


def _late(late: int, cues: Sequence[_Cue], noun: str) -> list[str]:
    return _remark(late, noun, f"of {len(cues)} out of order, put in order")


def _unrolled(cues: list[_Cue]) -> tuple[list[_Cue], int]:
    """Return the cues of rolling captions without what they repeat (see above), and how many repeated something."""
    shown = [_shown(cue.text) for cue in cues]
    repeats, touching, sure = {}, 0, False
    for place, (before, cue) in enumerate(pairwise(cues), start=1):
        if before.end is None or cue.start is None or cue.end is None or cue.start - before.end > _TOUCHING:
            continue
        touching += 1
        repeated = _repeated(shown[place - 1], shown[place])
        if repeated:
            repeats[place] = repeated
            sure = sure or repeated < len(shown[place]) or cue.end - cue.start < _TOUCHING
    if not sure or 2 * len(repeats) < touching or sum(repeats.values()) < _SURELY:
        return cues, 0
    return [
        replace(cue, skip=shown[place][repeats[place] - 1].end) if place in repeats else cue
        for place, cue in enumerate(cues)
    ], len(repeats)


@dataclass(frozen=True)
class _Shown:
    """A piece as it is shown in a cue: where it ends in the cue's text, and whether it begins a line."""

    text: str
    end: int
    begins_line: bool


def _shown(text: str) -> list[_Shown]:
    pieces: list[_Shown] = []
    place = 0
    for piece in _PIECE.finditer(text):
        begins_line = not pieces or "\n" in text[place : piece.start()]
        pieces.append(_Shown(piece.group(), piece.end(), begins_line))
        place = piece.end()
    return pieces


def _repeated(before: Sequence[_Shown], now: Sequence[_Shown]) -> int:
    """Return how many pieces ``now`` begins with that are the last lines, as many as possible, of ``before``."""
    lines = [place for place, piece in enumerate(before) if piece.begins_line]
    for place in lines[-_LINES:]:
        last = [piece.text for piece in before[place:]]
        if last == [piece.text for piece in now[: len(last)]]:
            return len(last)
    return 0


# -------------------------------------------------------------------------------------------------------------- JSON


def _read_json(path: Path, text: str) -> _Read:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON, got: {_one_line(error)}") from None
    times = _Times()
    if isinstance(document, dict) and "segments" in document:
        entries = _objects(document, "segments", f"{path}")
        cues = [_segment(entry, f"{path}, segments[{n}]", times) for n, entry in enumerate(entries)]
    elif isinstance(document, dict) and "transcription" in document:
        entries = _objects(document, "transcription", f"{path}")
        cues = [_offset_segment(entry, f"{path}, transcription[{n}]", times) for n, entry in enumerate(entries)]
    else:
        raise DataError(f"{path}: expected JSON of Whisper, with 'segments' or 'transcription', got another")
    silent = sum(not _PIECE.search(cue.text) for cue in cues)
    cues, late = _in_order(cues)
    remarks = [
        *_remark(silent, "segment", "without words"),
        *times.remarks(),
        *_late(late, cues, "segment"),
    ]
    return _Read("whisper-json", cues, remarks)


def _segment(entry: Mapping[str, Any], where: str, times: _Times) -> _Cue:
    """Return a segment of openai-whisper, faster-whisper or WhisperX."""
    voice = _optional_text(entry, "speaker", where)
    words = _objects(entry, "words", where) if entry.get("words") is not None else []
    if not words:
        start, end = times.of(_number(entry, "start", where), _number(entry, "end", where))
        return _Cue((Spoken(_text(entry, "text", where), start, end),), ((0, voice),))
    texts = [_text(word, "word", f"{where}.words[{n}]") for n, word in enumerate(words)]
    # Whisper's words bring the blank before them, and what has none belongs to the word before. WhisperX's bring none.
    blank = "" if any(text[:1].isspace() for text in texts) else " "
    parts, voices, length = [], [], 0
    for n, word in enumerate(words):
        here = f"{where}.words[{n}]"
        start, end = times.of(_number(word, "start", here), _number(word, "end", here))
        voices.append((length, _optional_text(word, "speaker", here) or voice))
        parts.append(Spoken(blank + texts[n], start, end))
        length += len(blank + texts[n])
    return _Cue(tuple(parts), tuple(voices))


def _offset_segment(entry: Mapping[str, Any], where: str, times: _Times) -> _Cue:
    """Return a segment of whisper.cpp."""
    offsets = entry.get("offsets")
    if not isinstance(offsets, dict):
        raise DataError(f"{where}.offsets: expected an object, got {_kind(offsets)}")
    start, end = (_number(offsets, name, f"{where}.offsets") for name in ("from", "to"))
    seconds = times.of(None if start is None else start / 1000, None if end is None else end / 1000)
    return _Cue((Spoken(_text(entry, "text", where), *seconds),))


def _objects(entry: Mapping[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    value = entry[name]
    if not isinstance(value, list):
        raise DataError(f"{where}, {name}: expected a list, got {_kind(value)}")
    for place, one in enumerate(value):
        if not isinstance(one, dict):
            raise DataError(f"{where}, {name}[{place}]: expected an object, got {_kind(one)}")
    return value


def _text(entry: Mapping[str, Any], name: str, where: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str):
        raise DataError(f"{where}.{name}: expected text, got {_kind(value)}")
    return value


def _optional_text(entry: Mapping[str, Any], name: str, where: str) -> str | None:
    return None if entry.get(name) is None else _text(entry, name, where)


def _number(entry: Mapping[str, Any], name: str, where: str) -> float | None:
    """Return a number as it stands there, infinite if it is too large for one."""
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where}.{name}: expected a number, got {_kind(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _kind(value: object) -> str:
    """Return what JSON calls this."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "nothing")


# --------------------------------------------------------------------------------------------------- words and times


@dataclass
class _Times:
    """Lets usable times through, and counts the others."""

    unusable: int = 0

    def of(self, start: float | None, end: float | None) -> tuple[float | None, float | None]:
        """Return both times, or neither where one is missing, negative, not finite, or the end before the start."""
        if start is None or end is None:
            return None, None
        if math.isfinite(end) and 0 <= start <= end:
            return abs(start), abs(end)  # no minus zero
        self.unusable += 1
        return None, None

    def remarks(self) -> list[str]:
        return _remark(self.unusable, "time span", "negative, not finite or ending before it starts, taken as unknown")


def _assembled(cues: Iterable[_Cue], *, source: str, speaker: str | None, remarks: Sequence[str]) -> Transcript:
    """Return the transcript of ``cues``: of the voice of ``speaker`` alone, if it is among them."""
    everybody = [one for cue in cues for one in _heard(cue)]
    heard, about_voices = _of_speaker(everybody, speaker)
    timed = sum(one.spoken.start is not None for one in heard)
    shared = sum(one.spoken.start is not None and not one.alone for one in heard)
    broken = sum(_HALF.search(one.spoken.text) is not None for one in heard)
    said = [
        *remarks,
        *about_voices,
        *(
            _remark(shared, "word", f"of {len(heard)} shared a time with others, which was spread")
            if shared < timed
            else ()
        ),
        *(_remark(len(heard) - timed, "word", f"of {len(heard)} without a time") if timed else ()),
        *_remark(broken, "word", "with half a character (a lone surrogate), replaced by U+FFFD"),
    ]
    return Transcript(
        pieces=tuple(replace(one.spoken, text=_HALF.sub("\ufffd", one.spoken.text)) for one in heard),
        source=source,
        times="none" if not timed else "spread over cues" if shared else "of words",
        remarks=tuple(said),
    )


def _of_speaker(heard: list[_Heard], speaker: str | None) -> tuple[list[_Heard], list[str]]:
    """Return what ``speaker`` said if that is a voice here, else everything; and what there is to say about voices."""
    voices = Counter(_folded(one.voice) for one in heard if one.voice is not None)
    remarks = _remark(len(voices), "voice")
    if speaker is None or not voices:
        return heard, remarks
    if _folded(speaker) not in voices and len(voices) == 1:
        return heard, remarks  # nobody else speaks
    if _folded(speaker) not in voices:
        return heard, [*remarks, "none of the voices is the speaker's; all were kept"]
    own = [one for one in heard if one.voice is not None and _folded(one.voice) == _folded(speaker)]
    return own, [*remarks, *_remark(len(heard) - len(own), "word", "not in the speaker's voice, left out")]


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _heard(cue: _Cue) -> list[_Heard]:
    """Return the pieces of a cue with their times: within a part, time runs evenly from letter to letter."""
    text = cue.text
    parts = [part for part in cue.parts if part.text]
    begins = [0, *accumulate(len(part.text) for part in parts)]
    pieces = list(_PIECE.finditer(text, cue.skip))
    fragments = [list(_fragments(piece, begins, text)) for piece in pieces]
    letters, signs = Counter[int](), Counter[int]()
    for place, within in chain.from_iterable(fragments):
        letters[place] += _letters(within)
        signs[place] += len(within)
    heard, passed = [], Counter[int]()
    for piece, within_parts in zip(pieces, fragments, strict=True):
        first, last = within_parts[0][0], within_parts[-1][0]
        since = passed[first]
        weight = 0
        for place, within in within_parts:
            share = _letters(within) if letters[place] else len(within)
            passed[place] += share
            weight += share
        start = _at(parts[first], since, letters[first] or signs[first])
        end = _at(parts[last], passed[last], letters[last] or signs[last])
        whole = since == 0 and passed[last] == (letters[last] or signs[last])
        spoken = Spoken(" ".join(piece.group().split()), start, end)
        heard.append(_Heard(spoken, _voice(cue, piece.start()), alone=whole or weight == 0))
    return heard


def _fragments(piece: re.Match[str], begins: Sequence[int], text: str) -> Iterator[tuple[int, str]]:
    """Yield which parts a piece lies in, nearly always one, and what it has of each."""
    first, last = bisect_right(begins, piece.start()) - 1, bisect_left(begins, piece.end()) - 1
    for place in range(first, last + 1):
        yield place, text[max(begins[place], piece.start()) : min(begins[place + 1], piece.end())]


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _at(part: Spoken, passed: int, total: int) -> float | None:
    """Return the time in ``part`` after ``passed`` of ``total`` letters."""
    if part.start is None or part.end is None or passed >= total:
        return part.end
    return min(part.end, part.start + (part.end - part.start) * passed / total)


def _voice(cue: _Cue, place: int) -> str | None:
    """Return who speaks at a character of a cue's text."""
    number = bisect_right(cue.voices, place, key=itemgetter(0))
    return cue.voices[number - 1][1] if number else None


# ----------------------------------------------------------------------------------------------------------- remarks


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _remark(number: int, noun: str, rest: str = "") -> list[str]:
    """Return one remark, or none if there is nothing to count."""
    return [f"{_count(number, noun)} {rest}".rstrip()] if number else []


def _one_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
