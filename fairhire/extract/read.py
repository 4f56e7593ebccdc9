"""Reads one recording: its words, its voice, the gestures and the face of the candidate, in one go and little memory.

Runs in a process of its own, which keeps what is slow to load from one recording to the next.
"""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fairhire.data.transcript import remarks as asides
from fairhire.data.transcript import spoken_words
from fairhire.errors import DataError
from fairhire.extract.part import Part
from fairhire.extract.recordings import Recording
from fairhire.extract.settings import NONE, ExtractConfig
from fairhire.media.faces import (
    Eigenfaces,
    FaceDetector,
    Facenet,
    LoadedFacenet,
    person_embedding,
)
from fairhire.media.following import Followed, Follower, Shown
from fairhire.media.gestures import Channel, Gestures, box_gestures, smooth
from fairhire.media.landmarker import MEDIAPIPE_CHANNELS, LandmarkedFace, Landmarker, nearest_face
from fairhire.media.openface import openface_on_path, read_openface, run_openface
from fairhire.media.photograph import STILLS, Photograph, read_photograph
from fairhire.media.recognition import LoadedRecogniser, Recogniser
from fairhire.media.speech import Voice, VoiceDescriber
from fairhire.media.video import Contents, look_into, pictures, sound
from fairhire.media.words import Transcript, other_transcripts, read_transcript

__all__ = ["UNREADABLE", "Tools", "read_recording", "tools_of"]

UNREADABLE = "unreadable"
"""What the table says of a transcript that could not be read."""

_LONGEST = 480  # pixels of the longer side of a picture in which faces are looked for
_LATE = 2.0  # seconds behind the end at which a word may still be noted
_BATCH = 8  # pictures looked at together; more would hold more of a large video in memory


@dataclass
class Tools:
    """What is slow to load, loaded once a process; None where the settings do not ask for it."""

    describer: VoiceDescriber | None
    detector: FaceDetector | None
    facenet: LoadedFacenet | None
    landmarker: Landmarker | None
    recogniser: LoadedRecogniser | None

    def describe(self) -> dict[str, Any]:
        """Say what the tools are, for the provenance of what they make; nobody's path is among it."""
        landmarker = None
        if self.landmarker is not None:
            with self.landmarker.load() as looking:
                landmarker = looking.describe()
        found = {
            "voice": None if self.describer is None else self.describer.provenance(),
            "face_detector": None if self.detector is None else self.detector.describe(),
            "face": None if self.facenet is None else self.facenet.describe(),
            "gestures": landmarker,
            "words": None if self.recogniser is None else self.recogniser.describe(),
        }
        return {name: what for name, what in found.items() if what is not None}


@lru_cache(maxsize=1)
def tools_of(config: ExtractConfig) -> Tools:
    """Load what ``config`` asks for; raises what loading it raises, such as :class:`UsageError` for a missing model."""
    describer = VoiceDescriber(
        None if config.voice == "raw" else config.windows,
        functionals=config.functionals or config.voices != NONE,
    )
    blank = np.zeros((0, Facenet.side, Facenet.side, 3), np.uint8)
    return Tools(
        describer=describer if config.listens else None,
        detector=FaceDetector() if config.looks else None,
        facenet=Facenet(config.face_weights).fit(blank) if config.faces == "facenet" else None,
        landmarker=Landmarker(_given(config.landmark_model)) if config.gestures == "mediapipe" else None,
        recogniser=None
        if config.speech_model is None or config.words == NONE
        else Recogniser(config.speech_model, language=config.language).load(),
    )


def read_recording(config: ExtractConfig, recording: Recording) -> bytes:
    """Return what ``recording`` gives, as :meth:`Part.to_bytes` writes it.

    Whatever can be read is kept, and what cannot is said in the part's remarks. Raises :class:`DataError` for a file
    that is no recording, or of which nothing can be read.
    """
    notes = _Notes(began=time.monotonic(), remarks=[recording.trouble] if recording.trouble else [])
    contents = _contents(recording.path, config)
    if contents.tracks > 1:
        notes.remark(f"{contents.tracks} tracks of sound, read the one numbered {contents.track}")
    tools = tools_of(config)
    with _tracked(notes):
        notes.hear(contents, recording.path, tools.describer, config)
    with _tracked(notes):
        notes.look(contents, recording, tools, config)
    with _tracked(notes):
        notes.listen_for_words(contents, recording, tools.recogniser, config)
    if notes.read == 0:
        raise DataError(
            f"{recording.path}: expected sound or pictures that can be read, got {'; '.join(notes.remarks)}"
        )
    return notes.part(recording).to_bytes()


def _contents(path: Path, config: ExtractConfig) -> Contents:
    """Return what a recording holds; a photograph is a recording of one picture, without sound."""
    if _is_photograph(path):
        return Contents(pictures=True, tracks=0, track=0, declared=None)
    return look_into(path, track=config.track)


def _is_photograph(path: Path) -> bool:
    return path.suffix.lower() in STILLS


@contextmanager
def _tracked(notes: _Notes) -> Iterator[None]:
    """Go on without a modality that cannot be read, and say so."""
    try:
        yield
    except DataError as error:
        notes.remark(str(error))


@dataclass
class _Notes:
    """Collects what a recording gives, step by step."""

    began: float
    words: tuple[str, ...] = ()
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    read: int = 0  # streams of which something could be read

    def remark(self, words: str) -> None:
        self.remarks.append(words)

    def part(self, recording: Recording) -> Part:
        return Part(
            key=recording.key,
            interview=recording.interview,
            candidate=recording.candidate,
            slot=recording.slot,
            words=self.words,
            arrays=self.arrays,
            channels=tuple(channel.name for channel in self.channels),
            binary=tuple(channel.name for channel in self.channels if channel.binary),
            facts=self.facts,
            remarks=tuple(self.remarks),
        )

    # ------------------------------------------------------------------------------------------------------- sound

    def hear(self, contents: Contents, path: Path, describer: VoiceDescriber | None, config: ExtractConfig) -> None:
        """Describe the voice."""
        if not contents.tracks:
            self.remark("no sound")
            return
        heard = sound(path, track=config.track)
        try:
            if describer is None:
                collections.deque(heard, maxlen=0)  # how much there is to be read is asked of every recording
                voice = Voice(None, None)
            else:
                voice = describer.describe(heard)
        finally:
            self.remarks += heard.remarks
        self.read += 1
        self._lasted("sound", heard.end)
        if describer is None:
            return
        if voice.frames is None:
            self.remark(f"{heard.end:.2f} s of sound, too little to describe a voice")
        elif config.voice != NONE:
            self.arrays["audio"] = voice.frames
            self.facts["audio_frames"] = len(voice.frames)
        if voice.functionals is not None:
            self.arrays["voice"] = voice.functionals
            self.facts |= {"voice_seconds": round(voice.seconds, 3), "voiced_seconds": round(voice.voiced, 3)}

    def listen_for_words(
        self, contents: Contents, recording: Recording, recogniser: LoadedRecogniser | None, config: ExtractConfig
    ) -> None:
        """Take the words of the transcript that belongs to the recording, else those that are recognised."""
        if config.words == NONE:
            return
        if recording.transcript is not None:
            self.facts["words_from"] = UNREADABLE  # until it was read
            self._say(_transcript(recording, self.remarks))
        elif recogniser is not None and contents.tracks:
            self._say(recogniser.words(sound(recording.path, track=config.track)))

    def _say(self, transcript: Transcript) -> None:
        self.remarks += transcript.remarks
        if not transcript.pieces:
            self.remark("a transcript without a word")
        words: list[str] = []
        times: list[float] = []
        for piece in transcript.pieces:
            said = spoken_words(piece.text)
            words += said
            times += [np.nan if piece.start is None else piece.start] * len(said)
        if aside := sum(asides(piece.text) for piece in transcript.pieces):
            self.remark(f"{aside} remarks of the transcriber left out")
        seconds = self.facts.get("seconds")
        if seconds is not None and (late := sum(one > seconds + _LATE for one in times)):
            self.remark(f"{late} of {len(words)} words lie behind the recording's end: is it another's transcript?")
        self.words = tuple(words)
        self.facts |= {"words": len(words), "words_from": transcript.source, "word_times": transcript.times}
        if words and not np.isnan(times).all():
            self.arrays["word_times"] = np.array(times, dtype=np.float32)

    def _lasted(self, what: str, end: float) -> None:
        self.facts[f"{what}_seconds"] = round(end, 3)
        self.facts["seconds"] = round(max(end, self.facts.get("seconds", 0.0)), 3)

    # ---------------------------------------------------------------------------------------------------- pictures

    def look(self, contents: Contents, recording: Recording, tools: Tools, config: ExtractConfig) -> None:
        """Follow the candidate through the pictures, and read gestures and face."""
        if not contents.pictures:
            self.remark("no pictures")
            return
        if _is_photograph(recording.path):
            self._look_at(read_photograph(recording.path), recording, tools, config)
            return
        shown = pictures(recording.path, config.rate_hz)
        follower = Follower()
        seen: list[list[LandmarkedFace]] = []
        try:
            if tools.detector is None:
                collections.deque(shown, maxlen=0)
            else:
                self._follow(iter(shown), tools.detector, tools.landmarker, follower, seen)
        finally:
            self.remarks += shown.remarks
        self._lasted("picture", shown.end)
        self._gather(follower, seen, shown.end, recording, tools, config, shown.times)

    def _look_at(self, photograph: Photograph, recording: Recording, tools: Tools, config: ExtractConfig) -> None:
        """Read what one photograph shows, which lasts as long as one of the pictures that are looked at."""
        follower = Follower()
        seen: list[list[LandmarkedFace]] = []
        if tools.detector is not None:
            self._follow(iter([photograph]), tools.detector, tools.landmarker, follower, seen)
        self._gather(follower, seen, 1 / config.rate_hz, recording, tools, config)

    def _gather(
        self,
        follower: Follower,
        seen: Sequence[Sequence[LandmarkedFace]],
        end: float,
        recording: Recording,
        tools: Tools,
        config: ExtractConfig,
        times: NDArray[np.float64] | None = None,
    ) -> None:
        """Keep what the pictures gave, now that all were seen; ``times`` are those of all pictures of the recording."""
        self.read += 1
        followed = follower.finish(config.face_frames)
        if tools.detector is not None:
            self._tell(followed, follower.samples)
        if config.gestures == "openface":
            gestures = self._openface(recording, config, times)
        else:
            gestures = self._gestures(followed, seen, end, config)
        if gestures is not None:
            self.arrays["video"], self.channels = gestures.values, gestures.channels
            self.facts |= {"gestures": config.gestures, "gestures_seen": round(gestures.seen, 4)}
        if followed is not None and config.faces != NONE:
            self._embed(followed, tools.facenet)

    def _follow(
        self,
        shown: Iterator[Shown],
        detector: FaceDetector,
        landmarker: Landmarker | None,
        follower: Follower,
        seen: list[list[LandmarkedFace]],
    ) -> None:
        looking = None if landmarker is None else landmarker.load()
        try:
            while batch := list(itertools.islice(shown, _BATCH)):
                small = [picture.rgb(_LONGEST) for picture in batch]
                for picture, pixels, faces in zip(batch, small, detector.detect(small), strict=True):
                    width, height = pixels.shape[1], pixels.shape[0]
                    follower.see(picture, faces, (width, height))
                    if looking is not None:
                        seen.append(_at_full_size(looking.look(pixels, picture.seconds), picture.width / width))
        finally:
            if looking is not None:
                looking.close()

    def _tell(self, followed: Followed | None, samples: int) -> None:
        self.facts |= {"pictures": samples, "face_seen": 0}
        if followed is None:
            self.remark("no face in any picture")
            return
        self.facts |= {
            "face_seen": int(followed.seen.sum()),
            "face_probability": round(followed.probability, 4),
            "face_height": round(followed.size, 1),
            "face_sharpness": round(float(np.mean([crop.sharpness for crop in followed.crops])), 2),
            "face_frames": len(followed.crops),
            "others_seen": followed.others,
        }
        if 2 * followed.others >= followed.seen.sum():
            self.remark(f"other people are seen in {followed.others} of {samples} pictures")
        if followed.still:
            self.remark("the face never moves: a photograph?")

    def _gestures(
        self,
        followed: Followed | None,
        seen: Sequence[Sequence[LandmarkedFace]],
        end: float,
        config: ExtractConfig,
    ) -> Gestures | None:
        if followed is None or config.gestures == NONE:
            return None
        if config.gestures == "boxes":
            return box_gestures(
                followed.times, followed.boxes, followed.points, seen=followed.seen, sizes=followed.sizes, end=end,
                windows=config.windows,
            )  # fmt: skip
        chosen = [
            nearest_face(faces, box) if there else None
            for faces, box, there in zip(seen, followed.boxes, followed.seen, strict=True)
        ]
        values = np.array([np.zeros(len(MEDIAPIPE_CHANNELS)) if one is None else one for one in chosen])
        found = np.array([one is not None for one in chosen])
        return smooth(followed.times, values, seen=found, channels=MEDIAPIPE_CHANNELS, end=end, windows=config.windows)

    def _openface(
        self, recording: Recording, config: ExtractConfig, times: NDArray[np.float64] | None
    ) -> Gestures | None:
        if recording.openface is not None:
            reading = read_openface(recording.openface, windows=config.windows, times=times)
        elif (program := openface_on_path()) is not None:
            left = config.time_limit - (time.monotonic() - self.began)
            with run_openface(program, recording.path, time_limit=max(1.0, 0.9 * left)) as table:
                reading = read_openface(table, windows=config.windows, times=times)
        else:
            self.remark("no table of OpenFace, and its program is not on the PATH")
            return None
        self.remarks += reading.remarks
        return reading.gestures

    def _embed(self, followed: Followed, facenet: LoadedFacenet | None) -> None:
        """Keep of the face what is needed and no more: its embeddings, or pixels as few as eigenfaces look at."""
        pixels = np.stack([crop.pixels for crop in followed.crops])
        if facenet is None:
            side = Eigenfaces().side
            small = [Image.fromarray(one).resize((side, side), Image.Resampling.BILINEAR) for one in pixels]
            self.arrays["crops"] = np.stack([np.asarray(one) for one in small])
            return
        faces = facenet.embed(pixels)
        self.arrays["faces"] = faces
        if (person := person_embedding(faces)) is not None and isinstance(person.agreement, float):
            self.facts["face_agreement"] = round(person.agreement, 4)


def _transcript(recording: Recording, remarks: list[str]) -> Transcript:
    """Return the recording's transcript; one that cannot be read is passed over where another lies beside it."""
    assert recording.transcript is not None
    paths = [recording.transcript, *other_transcripts(recording.path, recording.transcript)]
    for path, others in zip(paths, range(len(paths) - 1, -1, -1), strict=True):
        try:
            return read_transcript(path, speaker=recording.speaker)
        except DataError as error:
            if not others:
                raise
            remarks.append(str(error))
    raise AssertionError("the last one returns or raises")


def _given(path: Path | None) -> Path:
    assert path is not None  # the settings were checked
    return path


def _at_full_size(faces: Sequence[LandmarkedFace], scale: float) -> list[LandmarkedFace]:
    """Return the faces in pixels of the whole picture, which is ``scale`` times as large as the one looked at."""
    return [LandmarkedFace(one.centre * scale, one.box * scale, one.values) for one in faces]
