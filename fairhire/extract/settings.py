"""What is to be read from recordings, and how: every choice of an extraction, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairhire.errors import UsageError
from fairhire.media import FACE_ENCODERS
from fairhire.media.gestures import GESTURES
from fairhire.media.windows import Windows

__all__ = ["NONE", "VOICES", "ExtractConfig"]

NONE = "none"
"""What to ask for where something is not to be read."""

VOICES = ("smoothed", "raw")
"""How often a voice is described: by the windows, or a hundred times a second."""


@dataclass(frozen=True)
class ExtractConfig:
    """What is read from every recording.

    ``faces`` names the face encoder (or ``none``), ``face_weights`` the file of facenet's weights where it is not in
    the cache, and ``face_frames`` how many pictures of a recording are embedded. ``rate_hz`` pictures a second are
    looked at. ``gestures`` is a source of :data:`~fairhire.media.gestures.GESTURES`, ``none``, or ``auto``: OpenFace
    where its tables lie beside all recordings, else MediaPipe where ``landmark_model`` is given, else the small set
    from the face detector; OpenFace's program, which has a licence of its own, runs only where ``openface`` is asked
    for. ``voice`` is ``smoothed``, ``raw`` or ``none``; ``windows`` smooth voice and gestures. ``voices`` is
    ``eigenvoices`` where voices are to be embedded as a
    target of an adversary. ``functionals`` asks for the 88 functionals of eGeMAPS of every interview, for baselines.
    ``words`` is ``auto`` (a transcript beside the recording, else speech recognition where ``speech_model`` is given)
    or ``none``; ``language`` is that of the recogniser, None: it finds out. ``track`` counts tracks of sound from 0,
    None: the recording's default. ``time_limit`` is in seconds for each recording.

    Defaults of ours, but for the windows (the paper's smoothing, papers section 1.2). Raises :class:`UsageError` for a
    setting that cannot be used.
    """

    faces: str = "eigenfaces"
    face_weights: Path | None = None
    face_frames: int = 5
    rate_hz: float = 4.0
    gestures: str = "auto"
    landmark_model: Path | None = None
    voice: str = "smoothed"
    windows: Windows = field(default_factory=Windows)
    voices: str = NONE
    functionals: bool = False
    words: str = "auto"
    speech_model: Path | None = None
    language: str | None = None
    track: int | None = None
    time_limit: float = 1800.0

    def __post_init__(self) -> None:
        for name, known in (
            ("faces", (NONE, *FACE_ENCODERS)),
            ("gestures", ("auto", NONE, *GESTURES)),
            ("voice", (NONE, *VOICES)),
            ("voices", (NONE, "eigenvoices")),
            ("words", (NONE, "auto")),
        ):
            if (value := getattr(self, name)) not in known:
                raise UsageError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
        if not 1 <= self.face_frames <= 32:
            raise UsageError(f"face frames: expected 1 to 32 pictures of a recording, got {self.face_frames}")
        if not 0.1 <= self.rate_hz <= 60:
            raise UsageError(f"rate: expected 0.1 to 60 pictures a second, got {self.rate_hz}")
        if not 1 <= self.time_limit <= 86400:
            raise UsageError(f"time limit: expected 1 to 86400 seconds for a recording, got {self.time_limit}")
        if self.track is not None and self.track < 0:
            raise UsageError(f"track: expected a number from 0, got {self.track}")
        for name, needs in (("face_weights", "facenet"), ("landmark_model", "mediapipe")):
            chosen = self.faces if name == "face_weights" else self.gestures
            if getattr(self, name) is not None and chosen not in (needs, "auto"):
                raise UsageError(f"{name.replace('_', ' ')}: of use with {needs} only, got it with {chosen!r}")
        if self.gestures == "mediapipe" and self.landmark_model is None:
            raise UsageError("gestures: expected a model file for mediapipe (its face_landmarker.task), got none")
        if self.voice == self.gestures == self.words == NONE:
            raise UsageError("voice, gestures, words: expected at least one of them, got none of all three")
        if self.language is not None and self.speech_model is None:
            raise UsageError("language: of use with a model for speech recognition only, got it without")

    @property
    def templates(self) -> tuple[str, ...]:
        """Which biometric templates are made: of faces, of voices (as the functionals of one are, too), or none."""
        faces, voices = self.faces != NONE, self.voices != NONE or self.functionals
        return tuple(kind for kind, made in (("face", faces), ("voice", voices)) if made)

    @property
    def looks(self) -> bool:
        """Whether faces are to be looked for in the pictures."""
        return self.faces != NONE or self.gestures in ("boxes", "mediapipe")

    @property
    def listens(self) -> bool:
        """Whether the sound is to be described."""
        return self.voice != NONE or self.functionals or self.voices != NONE

    def to_dict(self) -> dict[str, Any]:
        """Return the settings that decide what comes out, as JSON values; no path is among them."""
        return {
            "faces": self.faces,
            "face_frames": self.face_frames,
            "rate_hz": self.rate_hz,
            "gestures": self.gestures,
            "voice": self.voice,
            "windows": {"seconds": self.windows.seconds, "step": self.windows.step},
            "voices": self.voices,
            "functionals": self.functionals,
            "words": self.words,
            "speech_model": None if self.speech_model is None else self.speech_model.name,
            "language": self.language,
            "track": self.track,
        }
