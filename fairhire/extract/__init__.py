"""From recordings to a corpus: words, voice, gestures and faces out of real videos, each recording once."""

from __future__ import annotations

from fairhire.extract.recordings import read_recordings
from fairhire.extract.run import Extraction, extract
from fairhire.extract.settings import ExtractConfig

__all__ = ["ExtractConfig", "Extraction", "extract", "read_recordings"]
