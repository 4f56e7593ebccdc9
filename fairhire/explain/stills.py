"""Small pictures out of a candidate's recording, at the moments that a model looked at."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from fairhire.media.video import frame_at

__all__ = ["still_at"]

_SIDE = 240  # pixels: enough to see what somebody does (ours)
_QUALITY = 80


def still_at(recording: Path, seconds: float) -> str:
    """Return the picture shown at a time as a JPEG of at most 240 pixels a side, in a data URI.

    Raises :class:`~fairhire.errors.DataError` as :func:`~fairhire.media.video.frame_at` does.
    """
    picture = Image.fromarray(frame_at(recording, seconds))
    picture.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
