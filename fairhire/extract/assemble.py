"""Puts the parts together: one corpus out of what every recording gave, and a table that tells how each fared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairhire.data.corpus import Modality
from fairhire.data.imported import Imported, ImportedInterview
from fairhire.data.table import GIVEN
from fairhire.errors import DataError
from fairhire.extract.part import Part, array_of, facts_of, read_part
from fairhire.extract.recordings import InterviewFacts, Recording, Recordings, plain
from fairhire.extract.settings import NONE, ExtractConfig
from fairhire.interview import TEXT, Answer, Interview
from fairhire.left_out import LeftOut, counted
from fairhire.media.faces import Eigenfaces, FittedFaceEncoder, PersonEmbedding, person_embedding
from fairhire.media.gestures import GESTURES
from fairhire.media.speech import EGEMAPS_CHANNELS, FRAME, VoiceDescriber, join_functionals
from fairhire.media.voices import Eigenvoices

__all__ = ["Assembly", "assemble", "recordings_table"]

Floats = NDArray[np.float32]

_FITTED = 20_000  # crops that eigenfaces are fitted on at most, so that memory does not grow with the corpus
_SEED = 0  # of which crops those are


@dataclass(frozen=True)
class Assembly:
    """What :func:`assemble` makes.

    ``imported`` is ready to be written as a corpus, or None where no words, voice or gestures were read;
    ``functionals`` (interviews, 1 + 88) is the summary of every interview's voice or None, and ``table`` has one row a
    recording.
    """

    imported: Imported | None
    functionals: pd.DataFrame | None
    table: pd.DataFrame


def assemble(
    recordings: Recordings,
    part_of: Callable[[Recording], Path],
    failed: Mapping[str, str],
    config: ExtractConfig,
    *,
    provenance: Mapping[str, Any],
) -> Assembly:
    """Return the corpus of ``recordings``, whose parts lie at ``part_of`` them.

    ``failed`` says why a recording, by its key, has no part. An interview without any part is left out and counted; an
    answer whose recording failed stays in its place, empty. Frames are read when the interviews are walked. What is
    returned has no ``imported`` where there is nothing to make a corpus of. Raises :class:`DataError` where parts do
    not fit together.
    """
    groups: dict[str, list[Recording]] = {}
    for one in recordings.recordings:
        groups.setdefault(one.interview, []).append(one)
    kept = {name: group for name, group in groups.items() if any(one.key not in failed for one in group)}
    records = {one.key: _told(part_of(one)) for one in recordings.recordings if one.key not in failed}
    people = _People(kept, part_of, records, config)
    faces = people.faces()
    voices, functionals = people.voices()
    agreement = {name: one.agreement for name, one in faces.items() if isinstance(one.agreement, float)}
    table = recordings_table(recordings.recordings, records, failed, agreement, people.fits)
    modalities = _modalities(records, kept, part_of, config)
    if not modalities:
        return Assembly(None, None, table)
    left_out = counted(
        LeftOut("interviews", len(groups) - len(kept), "none of their recordings could be read"),
        LeftOut("answers", sum(one.key in failed for group in kept.values() for one in group), "kept empty: not read"),
        LeftOut("files", recordings.passed_over, "no recordings by their names"),
    )
    imported = Imported(
        modalities=modalities,
        interviews=_walk(kept, recordings, part_of, failed, {name: one.vector for name, one in faces.items()}, voices),
        people=pd.DataFrame({"candidate": sorted({recordings.facts[name].candidate for name in kept})}),
        splits=recordings.splits,
        targets=recordings.targets,
        left_out=left_out,
        provenance={
            **provenance,
            "recordings": len(recordings.recordings),
            "digest": recordings.digest,
            **(
                {} if recordings.ties is None else {"hirable": f"majority of votes; {recordings.ties} ties are hirable"}
            ),
            **({"face": people.encoder} if people.encoder else {}),
            **({"voice": people.voice_encoder} if people.voice_encoder else {}),
        },
    )
    return Assembly(imported, functionals, table)


def _told(path: Path) -> dict[str, Any]:
    """Return what a part's record says, but for its words: those of all recordings must not lie in memory at once."""
    record = facts_of(path)
    return {name: record[name] for name in ("facts", "remarks", "channels", "binary")}


def recordings_table(
    recordings: Sequence[Recording],
    records: Mapping[str, Mapping[str, Any]],
    failed: Mapping[str, str],
    agreement: Mapping[str, float],
    fits: Mapping[str, float],
) -> pd.DataFrame:
    """Return one row a recording: whose it is, whether it was read or why not, and what was found in it.

    ``face_agreement`` is the mean cosine between two pictures of the interview, ``face_fit`` the cosine of this
    recording's face with the mean of the interview's other recordings: a low one says that somebody else is in it.
    """
    rows = []
    for one in recordings:
        record = records.get(one.key, {})
        facts = dict(record.get("facts", {}))
        rows.append(
            {
                "interview": one.interview,
                "candidate": one.candidate,
                "slot": one.slot,
                "recording": plain(str(one.path)),
                "state": "failed" if one.key in failed else "read",
                "reason": failed.get(one.key, ""),
                **{name: facts.get(name) for name in _FACTS},
                "face_agreement": agreement.get(one.interview),
                "face_fit": fits.get(one.key),
                "remarks": "; ".join(record.get("remarks", ())),
            }
        )
    table = pd.DataFrame(rows)
    for name in _WHOLE:
        table[name] = table[name].astype("Int64")
    for name in ("face_agreement", "face_fit"):
        table[name] = table[name].astype(float).round(4)
    return table


_FACTS = (
    *(
        "seconds",
        "sound_seconds",
        "picture_seconds",
        "words",
        "words_from",
        "word_times",
        "audio_frames",
        "gestures",
        "gestures_seen",
        "pictures",
    ),
    *("face_seen", "face_probability", "face_height", "face_sharpness", "face_frames", "others_seen"),
)
_WHOLE = ("words", "audio_frames", "pictures", "face_seen", "face_frames", "others_seen")


class _People:
    """Who the candidates are to the eye and to the ear: embeddings of their faces and voices, by interview."""

    def __init__(
        self,
        kept: Mapping[str, Sequence[Recording]],
        part_of: Callable[[Recording], Path],
        records: Mapping[str, Mapping[str, Any]],
        config: ExtractConfig,
    ) -> None:
        self._parts = {
            name: [(one.key, part_of(one)) for one in group if one.key in records] for name, group in kept.items()
        }
        self._facts = {key: record["facts"] for key, record in records.items()}
        self._config = config
        self.encoder: dict[str, Any] = {}
        self.voice_encoder: dict[str, Any] = {}
        self.fits: dict[str, float] = {}

    def faces(self) -> dict[str, PersonEmbedding]:
        """Return every interview's face; interviews without one are absent."""
        if self._config.faces == NONE:
            return {}
        fitted = self._fitted() if self._config.faces == "eigenfaces" else None
        if fitted is None and self._config.faces == "eigenfaces":
            return {}
        found: dict[str, PersonEmbedding] = {}
        for name, parts in self._parts.items():
            embedded = ((key, self._embedded(path, fitted)) for key, path in parts)
            frames = {key: rows for key, rows in embedded if rows is not None and len(rows)}
            if not frames:
                continue
            if (person := person_embedding(np.concatenate(list(frames.values())))) is not None:
                found[name] = person
            self._compare(frames)
        return found

    def _fitted(self) -> FittedFaceEncoder | None:
        """Fit eigenfaces on the crops of all people, or on some where there are very many."""
        seen = [
            (path, int(n))
            for parts in self._parts.values()
            for key, path in parts
            if (n := self._facts[key].get("face_frames"))
        ]
        share = min(1.0, _FITTED / max(1, sum(n for _, n in seen)))
        drawn = np.random.default_rng(_SEED).random(len(seen)) < share  # recordings, before any of them is read
        crops = [array_of(path, "crops") for (path, _), wanted in zip(seen, drawn, strict=True) if wanted]
        several = [one for one in crops if one is not None]
        if sum(map(len, several)) < 2:
            return None
        try:
            fitted = Eigenfaces().fit(np.concatenate(several))
        except DataError:  # nobody is seen in any of them, or all are one picture
            return None
        self.encoder = dict(fitted.describe())
        return fitted

    def _embedded(self, path: Path, fitted: FittedFaceEncoder | None) -> Floats | None:
        if fitted is None:
            rows = array_of(path, "faces")
            return None if rows is None else rows.astype(np.float32)
        crops = array_of(path, "crops")
        return None if crops is None else fitted.embed(crops)

    def _compare(self, frames: Mapping[str, Floats]) -> None:
        """Note how each recording's face fits the interview's other recordings."""
        sums = {key: rows.sum(axis=0) for key, rows in frames.items()}
        total = np.sum(list(sums.values()), axis=0)
        for key, own in sums.items():
            lengths = float(np.linalg.norm(own)), float(np.linalg.norm(total - own))
            if len(sums) > 1 and min(lengths) > 0:
                self.fits[key] = float(own @ (total - own)) / (lengths[0] * lengths[1])

    def voices(self) -> tuple[dict[str, Floats], pd.DataFrame | None]:
        """Return every interview's voice embedding, and the table of functionals where it was asked for."""
        if self._config.voices == NONE and not self._config.functionals:
            return {}, None
        means: dict[str, Floats] = {}
        columns = VoiceDescriber(functionals=True).functional_names
        for name, parts in self._parts.items():
            rows = {key: row for key, path in parts if (row := array_of(path, "voice")) is not None}
            if rows:
                seconds, voiced = (
                    np.array([self._facts[key][f"{what}_seconds"] for key in rows]) for what in ("voice", "voiced")
                )
                means[name] = join_functionals(columns, np.stack(list(rows.values())), seconds, voiced)
        table = None
        if self._config.functionals and means:
            table = pd.DataFrame(np.stack(list(means.values())), columns=list(columns))
            table.insert(0, "interview", list(means))
        if self._config.voices == NONE or len(means) < 2:
            return {}, table
        fitted = Eigenvoices().fit(np.stack(list(means.values())))
        self.voice_encoder = dict(fitted.describe())
        vectors = fitted.embed(np.stack(list(means.values())))
        return dict(zip(means, vectors, strict=True)), table


def _modalities(
    records: Mapping[str, Mapping[str, Any]],
    kept: Mapping[str, Sequence[Recording]],
    part_of: Callable[[Recording], Path],
    config: ExtractConfig,
) -> tuple[Modality, ...]:
    """Return the modalities of which at least one recording has something."""
    found: list[Modality] = []
    if any(record["facts"].get("words") for record in records.values()):
        found.append(Modality(TEXT, 1, units="words of the transcript"))
    if any(record["facts"].get("audio_frames") for record in records.values()):
        raw = config.voice == "raw"
        units = "eGeMAPS low-level descriptors" + ("" if raw else _smoothed(config))
        rate = 1 / FRAME if raw else config.windows.rate_hz
        found.append(Modality("audio", len(EGEMAPS_CHANNELS), rate, units, EGEMAPS_CHANNELS))
    described = next((record for record in records.values() if record["channels"]), None)
    if described is not None:
        channels, binary = tuple(described["channels"]), tuple(described["binary"])
        for group in kept.values():
            for one in group:
                other = records.get(one.key)
                if other is not None and other["channels"] and tuple(other["channels"]) != channels:
                    raise DataError(f"{part_of(one)}: expected the gestures of the other recordings, got others")
        units = f"gestures: {GESTURES[config.gestures]}{_smoothed(config)}"
        found.append(Modality("video", len(channels), config.windows.rate_hz, units, channels, binary))
    return tuple(found)


def _smoothed(config: ExtractConfig) -> str:
    return f", means of {config.windows.seconds:g} s every {config.windows.step:g} s"


def _walk(
    kept: Mapping[str, Sequence[Recording]],
    recordings: Recordings,
    part_of: Callable[[Recording], Path],
    failed: Mapping[str, str],
    faces: Mapping[str, Floats],
    voices: Mapping[str, Floats],
) -> Iterator[ImportedInterview]:
    for name, group in kept.items():
        facts: InterviewFacts = recordings.facts[name]
        answers = [
            Answer(question=one.question) if one.key in failed else _answer(read_part(part_of(one)), one.question)
            for one in group
        ]
        yield ImportedInterview(
            Interview(
                id=name,
                candidate=facts.candidate,
                answers=tuple(answers),
                position=facts.position,
                job_title=facts.job_title,
                hirable=facts.hirable,
                face=faces.get(name),
                voice=voices.get(name),
            ),
            splits={} if facts.split is None else {GIVEN: facts.split},
            targets=dict(zip(recordings.targets, facts.targets, strict=True)),
        )


def _answer(part: Part, question: str) -> Answer:
    features = {name: part.arrays[name] for name in ("audio", "video") if name in part.arrays}
    return Answer(features, part.words or None, question, part.arrays.get("word_times") if part.words else None)
