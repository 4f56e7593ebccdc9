"""Reads ChaLearn First Impressions V2: 15-second clips, six scores by strangers, transcripts, perceived demographics.

Source: Ponce-Lopez et al., ECCVW 2016; Escalante et al., IEEE TAC 2020; 10,000 clips of some 3,000 source videos, to
be used for non-commercial research only. Read from the *original* files, in ``SRC/original`` or ``SRC``::

    annotation_{training,validation,test}.pkl      six scores in [0, 1] per clip (Python 2 pickles, never executed)
    transcription_{training,validation,test}.pkl   what was said
    eth_gender_annotations_{dev,test}.csv          the official labels, separated by ``;`` (either may be missing)

and, where present in ``SRC``, ``audio_librosa26.csv.gz`` (26 clip means), ``faces_*.zip`` or a folder ``faces*`` of
``<clip>.jpg``, and ``clips.csv.gz`` (age groups, and labels inferred by others). Everything is joined by clip name.

A clip is an interview of one answer, without question or job title; on such data HireNet has no context to use. The
candidate is the source video: nearer to a person than the clip is, but one person may own several videos. The official
split has most test videos in training as well. ``neuroticism`` keeps the source's name, but measures emotional
*stability*: higher is calmer. ``video`` describes one still per clip, so there is no motion in it.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from fairhire.atomic import sha256
from fairhire.data.corpus import Modality
from fairhire.data.imported import Imported, ImportedInterview
from fairhire.data.source import find_file, read_table, reading
from fairhire.data.transcript import remarks, spoken_words
from fairhire.data.unpickle import read_plain_pickle
from fairhire.errors import DataError, UsageError
from fairhire.interview import TEXT, Answer, Interview
from fairhire.left_out import LeftOut, counted

__all__ = ["CROP", "SCORES", "CropEncoder", "FittedCropEncoder", "describe_crops", "read"]

SCORES = ("extraversion", "neuroticism", "agreeableness", "conscientiousness", "openness", "interview")
"""The six scores, by the source's own names; ``interview`` is "would you invite this person to a job interview?"."""

CROP = 64
"""The side of a face crop in pixels; crops of another size are scaled to it."""

_PARTS = {"training": "train", "validation": "validation", "test": "test"}
_CLIP = re.compile(r"(?P<video>[\w-]{11})\.\d{3}\.mp4")
_AUDIO = "audio_librosa26.csv"
_CLIPS = "clips.csv"
_GENDERS = {"1": "male", "2": "female"}
_ETHNICITIES = {"1": "Asian", "2": "Caucasian", "3": "African-American"}
_AGES = {"1": "0-6", "2": "7-13", "3": "14-18", "4": "19-24", "5": "25-32", "6": "33-45", "7": "46-60", "8": "61+"}
_UNKNOWN = "unknown"
_LARGEST_CROP = 1 << 20  # bytes of one face file, and
_LARGEST_SIDE = 1024  # its side in pixels: no crop has more, a decompression bomb has
_CELLS, _ORIENTATIONS, _BLOCKS = 4, 8, 16
_VIDEO_WIDTH = _CELLS * _ORIENTATIONS + _BLOCKS * _BLOCKS // _CELLS

Crops = NDArray[np.uint8]


class FittedCropEncoder(Protocol):
    """What turns aligned face crops into vectors."""

    def embed(self, crops: Crops) -> NDArray[np.float32]:
        """Return a vector (N, d) for each of the crops (N, h, w, 3) uint8 RGB, zero where a crop shows no face."""

    def describe(self) -> Mapping[str, object]:
        """Say what this is, for the provenance."""


class CropEncoder(Protocol):
    """What can become a :class:`FittedCropEncoder`; the encoders of :mod:`fairhire.media` can."""

    def fit(self, crops: Crops) -> FittedCropEncoder:
        """Learn from crops (N, h, w, 3) uint8 RGB, without any label, what faces look like."""


def read(
    source: Path,
    *,
    cut: float = 0.5,
    clips: Literal["all", "with-faces"] = "all",
    demographics: Literal["official", "inferred"] = "official",
    face_encoder: CropEncoder | None = None,
) -> Imported:
    """Read the folder ``source``.

    A clip is hirable if its ``interview`` score is at least ``cut`` (0.5, the middle of the scale: our choice, the
    source has no such label). ``clips`` keeps all, or only those with a face crop. ``face_encoder`` turns the crops
    into :attr:`Interview.face <fairhire.interview.Interview.face>`; it is fitted on all crops that are kept, without
    labels. Without it the crops still give the ``video`` modality, and no faces are stored.

    ``demographics`` says where the people table's gender and ethnicity come from: ``official`` annotations only, or
    also those ``inferred`` in ``clips.csv.gz`` for videos without an official one. A video whose clips disagree is
    unknown. Age groups come from ``clips.csv.gz``: the video's most frequent one, a tie is unknown.

    Raises :class:`UsageError` for unusable options, :class:`DataError` for missing, damaged or contradictory files.
    """
    if not 0 <= cut <= 1:
        raise UsageError(f"cut: expected a score from 0 to 1, got {cut}")
    if clips not in ("all", "with-faces"):
        raise UsageError(f"clips: expected all or with-faces, got {clips!r}")
    if demographics not in ("official", "inferred"):
        raise UsageError(f"demographics: expected official or inferred, got {demographics!r}")
    reader = _Reader(source)
    scores, part_of, transcripts = reader.annotations()
    left_out = [
        LeftOut("transcripts of clips without scores", len(set(transcripts) - set(scores)), "nothing to learn from")
    ]
    crops = reader.crops()
    left_out.append(LeftOut("face crops of clips without scores", len(set(crops) - set(scores)), "no such interview"))
    kept = sorted(scores)
    if clips == "with-faces":
        if not (kept := [clip for clip in kept if clip in crops]):
            raise DataError(f"{source}: expected face crops (faces_*.zip or faces*/) of scored clips, found none")
        left_out.append(
            LeftOut("clips without a face crop", len(scores) - len(kept), "clips: with-faces was asked for")
        )
    audio, audio_names = reader.audio()
    left_out.append(
        LeftOut("audio rows of clips without scores", len(set(audio) - set(scores)), "nothing to learn from")
    )
    people, unknown = reader.people(kept, inferred=demographics == "inferred")
    left_out += unknown
    marked = sum(remarks(transcripts.get(clip, "")) for clip in kept)
    left_out.append(LeftOut("transcriber's remarks", marked, "[inaudible 00:00:14] and the like were not said"))
    words = {clip: spoken_words(transcripts.get(clip, "")) for clip in kept}

    seen = [clip for clip in kept if clip in crops]
    stack = np.stack([crops[clip] for clip in seen]) if seen else np.empty((0, CROP, CROP, 3), np.uint8)
    video = dict(zip(seen, describe_crops(stack), strict=True))
    fitted = face_encoder.fit(stack) if face_encoder and seen else None
    vectors = zip(seen, fitted.embed(stack), strict=True) if fitted else ()
    faces = {clip: vector for clip, vector in vectors if vector.any()}
    if fitted:
        left_out.append(
            LeftOut("face crops that show no face", len(seen) - len(faces), "the encoder found nothing in them")
        )
    features: dict[str, Mapping[str, NDArray[np.float32]]] = {"audio": audio, "video": video}
    features = {name: values for name, values in features.items() if any(clip in values for clip in kept)}
    return Imported(
        modalities=tuple(_modalities(features, audio_names)),
        interviews=[
            ImportedInterview(
                Interview(
                    id=clip,
                    candidate=_video(clip),
                    answers=(
                        Answer(
                            {m: values[clip] for m, values in features.items() if clip in values}, words[clip] or None
                        ),
                    ),
                    hirable=None if math.isnan(scores[clip]["interview"]) else scores[clip]["interview"] >= cut,
                    face=faces.get(clip),
                ),
                splits={"official": part_of[clip]},
                targets=scores[clip],
            )
            for clip in kept
        ],
        people=people,
        splits=("official",),
        targets=SCORES,
        left_out=counted(*left_out),
        provenance={
            "source": "ChaLearn First Impressions V2 (Ponce-Lopez et al., ECCVW 2016; Escalante et al., IEEE TAC 2020)",
            "terms": "non-commercial research only (CC BY-NC 4.0); not for decisions about people",
            "files": {name: sha256(path) for name, path in sorted(reader.read_files.items())},
            "hirable": f"interview score of {cut:g} or more",
            "clips": clips,
            "demographics": demographics,
            "face_encoder": dict(fitted.describe()) if fitted else None,
            "notes": _notes(kept, scores, part_of, transcripts, words),
        },
    )


def _of_clip(features: Mapping[str, Mapping[str, NDArray[np.float32]]], clip: str) -> dict[str, NDArray[np.float32]]:
    return {name: values[clip] for name, values in features.items() if clip in values}


def describe_crops(crops: Crops) -> NDArray[np.float32]:
    """Describe face crops (N, 64, 64, 3) by four frames each, from forehead to chin: (N, 4, 96) float32.

    Our own descriptor, not from a paper: a frame is a quarter of the crop's height and holds, for each of its four
    cells of 16 x 16 pixels, how strong edges of eight orientations are (the 32 numbers scaled to length 1), then its 4
    x 16 mean grey levels (standardised over the crop, so that exposure does not count). It knows nothing of a face
    encoder, so that what a model sees and what its adversary looks for are not the same numbers.
    """
    grey = crops.astype(np.float64) @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    down, across = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, across)
    bins = np.floor(np.mod(np.arctan2(down, across), np.pi) / np.pi * _ORIENTATIONS).astype(int) % _ORIENTATIONS
    cell = CROP // _CELLS
    edges = np.stack(
        [
            np.where(bins == one, strength, 0).reshape(-1, _CELLS, cell, _CELLS, cell).sum(axis=(2, 4))
            for one in range(_ORIENTATIONS)
        ],
        axis=-1,
    ).reshape(-1, _CELLS, _CELLS * _ORIENTATIONS)
    edges /= np.maximum(np.linalg.norm(edges, axis=-1, keepdims=True), 1e-6)
    block = CROP // _BLOCKS
    levels = grey.reshape(-1, _BLOCKS, block, _BLOCKS, block).mean(axis=(2, 4))
    levels -= levels.mean(axis=(1, 2), keepdims=True)
    levels /= np.maximum(levels.std(axis=(1, 2), keepdims=True), 1e-6)
    return np.concatenate([edges, levels.reshape(-1, _CELLS, _BLOCKS * _BLOCKS // _CELLS)], axis=-1, dtype=np.float32)


class _Reader:
    """The files of one source; remembers which it read, for the provenance."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.original = source / "original" if (source / "original").is_dir() else source
        self.read_files: dict[str, Path] = {}

    def annotations(self) -> tuple[dict[str, dict[str, float]], dict[str, str], dict[str, str]]:
        """Return for every scored clip its six scores (NaN: not rated), its part, and for any clip its transcript."""
        scores: dict[str, dict[str, float]] = {}
        part_of: dict[str, str] = {}
        transcripts: dict[str, str] = {}
        for part, name in _PARTS.items():
            path = self._take(find_file(self.original, f"annotation_{part}.pkl"))
            for clip, values in _scores(path).items():
                if clip in scores:
                    raise DataError(f"{path}: expected every clip in one part, got {clip} in {part_of[clip]} as well")
                scores[clip], part_of[clip] = values, name
            path = self._take(find_file(self.original, f"transcription_{part}.pkl"))
            transcripts |= _texts(path)
        return scores, part_of, transcripts

    def audio(self) -> tuple[dict[str, NDArray[np.float32]], tuple[str, ...]]:
        """Return for every clip of the audio table its numbers (1, D), and what they are."""
        path = self._optional(_AUDIO)
        if path is None:
            return {}, ()
        table = read_table(path)
        names = tuple(name for name in table.columns if name != "clip")
        values = table.numbers(names).astype(np.float32)
        return {clip: values[row : row + 1] for row, clip in enumerate(table.distinct("clip"))}, names

    def crops(self) -> dict[str, Crops]:
        """Return every face crop (64, 64, 3) by clip, from all archives and folders ``faces*``."""
        crops: dict[str, Crops] = {}
        for path in sorted(self.source.glob("faces*")):
            if path.suffix == ".zip":
                members = _archived(self._take(path))
            elif path.is_dir():
                members = _loose(path)
            else:
                continue
            for clip, where, data in members:
                if clip in crops:
                    raise DataError(f"{where}: expected one face crop per clip, got a second of {clip}")
                crops[clip] = _decode(data, where)
        return crops

    def people(self, clips: Sequence[str], *, inferred: bool) -> tuple[pd.DataFrame, list[LeftOut]]:
        """Return the people table of the candidates of ``clips``, and what of it is unknown."""
        official = self._official()
        others, ages = self._clip_table(needed=inferred)
        candidates = sorted({_video(clip) for clip in clips})
        table: dict[str, list[str]] = {"candidate": candidates}
        left_out = []
        for attribute in ("gender", "ethnicity"):
            known = dict(others[attribute]) if inferred else {}
            known |= official[attribute]
            column = [_agreed(known.get(candidate, Counter())) for candidate in candidates]
            conflicts = sum(len(known.get(candidate, ())) > 1 for candidate in candidates)
            left_out.append(LeftOut(f"{attribute} of candidates", conflicts, "clips of one video disagree: unknown"))
            left_out.append(
                LeftOut(f"{attribute} of candidates", column.count(_UNKNOWN) - conflicts, "no label: unknown")
            )
            table[attribute] = column
        table["age_group"] = [_most_frequent(ages.get(candidate, Counter())) for candidate in candidates]
        tied = sum(bool(ages.get(candidate)) for candidate in candidates) - sum(
            age != _UNKNOWN for age in table["age_group"]
        )
        left_out.append(LeftOut("age_group of candidates", tied, "two groups equally frequent in one video: unknown"))
        return pd.DataFrame(table), left_out

    def _official(self) -> dict[str, dict[str, Counter[str]]]:
        labels: dict[str, dict[str, Counter[str]]] = {"gender": defaultdict(Counter), "ethnicity": defaultdict(Counter)}
        for part in ("dev", "test"):
            path = self.original / f"eth_gender_annotations_{part}.csv"
            if not path.is_file():
                continue
            table = read_table(self._take(path), separator=";")
            genders = table.coded("Gender", _GENDERS)
            ethnicities = table.coded("Ethnicity", _ETHNICITIES)
            videos = table["YouTubeID"]
            for row, clip in enumerate(table.distinct("VideoName")):
                if _video(clip, path) != videos[row]:
                    raise table.bad(row, "YouTubeID", "the beginning of the clip's name")
                labels["gender"][videos[row]][genders[row]] += 1
                labels["ethnicity"][videos[row]][ethnicities[row]] += 1
        return labels

    def _clip_table(self, *, needed: bool) -> tuple[dict[str, dict[str, Counter[str]]], dict[str, Counter[str]]]:
        labels: dict[str, dict[str, Counter[str]]] = {"gender": defaultdict(Counter), "ethnicity": defaultdict(Counter)}
        ages: dict[str, Counter[str]] = defaultdict(Counter)
        path = self._optional(_CLIPS)
        if path is None:
            if needed:
                raise DataError(f"{self.source}: expected {_CLIPS}.gz for inferred demographics, found none")
            return labels, ages
        table = read_table(path)
        columns = {
            "gender": table.coded("gender", {"": "", **_GENDERS}),
            "ethnicity": table.coded("ethnicity", {"": "", **_ETHNICITIES}),
            "age_group": table.coded("age_group", {"": "", **_AGES}),
        }
        for row, clip in enumerate(table.distinct("clip")):
            video = _video(clip, path)
            for attribute, counts in (*labels.items(), ("age_group", ages)):
                if word := columns[attribute][row]:
                    counts[video][word] += 1
        return labels, ages

    def _take(self, path: Path) -> Path:
        self.read_files[path.relative_to(self.source).as_posix()] = path
        return path

    def _optional(self, name: str) -> Path | None:
        return next(
            (self._take(path) for path in (self.source / f"{name}.gz", self.source / name) if path.is_file()), None
        )


def _video(clip: str, where: Path | None = None) -> str:
    """Return the source video of a clip; raises :class:`DataError` for a name that is no clip."""
    match = _CLIP.fullmatch(clip)
    if match is None:
        at = f"{where}: " if where else ""
        raise DataError(f"{at}expected clip names like <11 characters>.<3 digits>.mp4, got {clip!r}")
    return match["video"]


def _scores(path: Path) -> dict[str, dict[str, float]]:
    """Return the six scores of every clip of an annotation file, NaN where a score is missing."""
    table = _dictionary(read_plain_pickle(path), path)
    if set(table) != set(SCORES):
        raise DataError(f"{path}: expected the scores {', '.join(SCORES)}, got {', '.join(sorted(table))}")
    result: dict[str, dict[str, float]] = {}
    for name in SCORES:
        for clip, value in _dictionary(table[name], path).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise DataError(f"{path}: expected a {name} score from 0 to 1 for {clip!r}, got {value!r:.40}")
            _video(clip, path)
            result.setdefault(clip, dict.fromkeys(SCORES, math.nan))[name] = float(value)
    return result


def _texts(path: Path) -> dict[str, str]:
    result = {}
    for clip, text in _dictionary(read_plain_pickle(path), path).items():
        if not isinstance(text, str):
            raise DataError(f"{path}: expected a transcript for {clip!r}, got {type(text).__name__}")
        result[clip] = text
    return result


def _dictionary(value: object, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a dictionary, got {type(value).__name__}")
    return value


def _archived(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield clip, place and bytes of every face in an archive; nothing is written to disk, so names cannot escape."""
    with reading(path), zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.rsplit("/", 1)[-1]
            if member.is_dir() or not name.endswith(".jpg"):
                continue
            if member.file_size > _LARGEST_CROP:
                raise DataError(
                    f"{path}, {name}: expected a face crop of at most {_LARGEST_CROP} bytes, got {member.file_size}"
                )
            try:
                data = archive.read(member)
            except (RuntimeError, NotImplementedError) as error:  # encrypted, or an unknown compression
                raise DataError(f"{path}, {name}: expected a readable member, got {error}") from None
            yield name.removesuffix(".jpg"), f"{path}, {name}", data


def _loose(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    for path in sorted(folder.glob("*.jpg")):
        with reading(path), path.open("rb") as file:
            data = file.read(_LARGEST_CROP + 1)
        if len(data) > _LARGEST_CROP:
            raise DataError(f"{path}: expected a face crop of at most {_LARGEST_CROP} bytes, got more")
        yield path.name.removesuffix(".jpg"), str(path), data


def _decode(data: bytes, where: str) -> Crops:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            if max(image.size) > _LARGEST_SIDE:
                raise DataError(f"{where}: expected a crop of at most {_LARGEST_SIDE} pixels, got {image.size}")
            crop = image.convert("RGB")
            if crop.size != (CROP, CROP):
                crop = crop.resize((CROP, CROP), Image.Resampling.BILINEAR)
            return np.array(crop)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{where}: expected a whole JPEG image, got {why}") from None


def _modalities(features: Mapping[str, object], audio_names: Sequence[str]) -> Iterator[Modality]:
    yield Modality(TEXT, 1, units="words of the transcript")
    if "audio" in features:
        yield Modality("audio", len(audio_names), units=f"clip means by librosa: {', '.join(audio_names)}")
    if "video" in features:
        yield Modality(
            "video", _VIDEO_WIDTH, units="edges and grey levels of one face crop, a quarter of its height per frame"
        )


def _agreed(counts: Counter[str]) -> str:
    return next(iter(counts)) if len(counts) == 1 else _UNKNOWN


def _most_frequent(counts: Counter[str]) -> str:
    ranked = counts.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return _UNKNOWN
    return ranked[0][0]


def _notes(
    clips: Sequence[str],
    scores: Mapping[str, Mapping[str, float]],
    part_of: Mapping[str, str],
    transcripts: Mapping[str, str],
    words: Mapping[str, tuple[str, ...]],
) -> list[str]:
    """Say what is odd about the clips that were kept, each sentence with its count."""
    unrated = sum(any(math.isnan(value) for value in scores[clip].values()) for clip in clips)
    untranscribed = sum(clip not in transcripts for clip in clips)
    empty = sum(clip in transcripts and not transcripts[clip].strip() for clip in clips)
    wordless = sum(not words[clip] for clip in clips) - untranscribed - empty
    texts = [transcripts[clip] for clip in clips if transcripts.get(clip, "").strip()]
    parts: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        parts[_video(clip)].add(part_of[clip])
    leaking = sum("test" in found and len(found) > 1 for found in parts.values())
    return [
        f"{unrated} clips lack one of the six scores",
        f"{untranscribed} clips have no transcript, {empty} an empty one, {wordless} one without words",
        f"{len(texts) - len(set(texts))} transcripts repeat another clip's, some by an error of the release; kept",
        f"official split: {leaking} of {sum('test' in found for found in parts.values())} test videos also have clips "
        "in training or validation (an identity leak)",
        "neuroticism measures emotional stability: higher is calmer",
        "video is one still per clip: no motion",
    ]
