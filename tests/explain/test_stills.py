"""A still is small, a JPEG, and the picture of its time."""

from __future__ import annotations

import base64
import io

from PIL import Image
from small_run import write_clip

from fairhire.explain.stills import still_at
from fairhire.report.document import Still


def test_a_still(tmp_path):
    uri = still_at(write_clip(tmp_path / "clip.mp4", size=(640, 480)), 2.0)
    Still(uri, "a", "b")  # fit for a page
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert image.format == "JPEG"
    assert image.size == (240, 180)
    assert abs(image.getpixel((120, 150))[0] - 100) < 12
    assert image.getpixel((120, 30))[0] < 12
