"""Reads one photograph, upright: an application's picture, where nobody was filmed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fairhire.errors import DataError
from fairhire.media.crops import BROKEN_PICTURE

__all__ = ["STILLS", "Photograph", "read_photograph"]

STILLS = (".jpg", ".jpeg", ".png")
"""The endings of files that are photographs."""

_MAX_BYTES = 128 * 2**20
_MAX_PIXELS = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture that shows somebody at no particular time: ``pixels`` (h, w, 3) uint8 RGB, upright."""

    pixels: NDArray[np.uint8]
    seconds: float = 0.0

    @property
    def width(self) -> int:
        """The width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """The height in pixels."""
        return int(self.pixels.shape[0])

    def rgb(self, longest: int | None = None) -> NDArray[np.uint8]:
        """Return the picture (h, w, 3) uint8 RGB, made smaller where a side is above ``longest`` pixels."""
        scale = 1.0 if longest is None else longest / max(self.width, self.height)
        if scale >= 1:
            return self.pixels
        size = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        return np.asarray(Image.fromarray(self.pixels).resize(size, Image.Resampling.BOX))


def read_photograph(path: Path) -> Photograph:
    """Return a JPEG or PNG, turned as its EXIF note says.

    Raises :class:`DataError` for a file that is absent, damaged, no such picture, above 128 MiB or 64 million pixels.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a photograph, found no such file")
    try:
        if (size := path.stat().st_size) > _MAX_BYTES:
            raise ValueError(f"{size} bytes, more than {_MAX_BYTES}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata, and about sizes, which are checked here
            with Image.open(path, formats=("JPEG", "PNG")) as image:
                width, height = image.size
                if width * height > _MAX_PIXELS:
                    raise ValueError(f"{width} x {height} pixels, more than {_MAX_PIXELS}")
                return Photograph(np.array(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8))
    except BROKEN_PICTURE as error:
        why = str(error).split("\n")[0].replace(str(path), "the file") or type(error).__name__
        raise DataError(f"{path}: expected a readable photograph, got: {why}") from None
