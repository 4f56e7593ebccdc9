"""Opens NumPy's ``.npy`` files without trusting them: nothing is unpickled, and frames stay on disk until asked for."""

from __future__ import annotations

import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError

__all__ = ["open_npy"]

_SMALL = 4096  # bytes; a file that short is read at once, since an array without frames cannot be mapped


def open_npy(path: Path) -> NDArray[Any]:
    """Return the array of a ``.npy`` file, memory-mapped for reading; raises :class:`DataError` for any other file."""
    try:
        small = path.stat().st_size <= _SMALL
        array = np.load(path, mmap_mode=None if small else "r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a .npy file, found none") from None
    except (
        *(OSError, EOFError, ValueError, SyntaxError),  # unreadable, cut short, no header, a header that is no header
        *(OverflowError, MemoryError, tokenize.TokenError, zipfile.BadZipFile),  # a header of nonsense, or a bad .npz
    ) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: expected a whole .npy file of numbers, got {why}") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise DataError(f"{path}: expected a .npy file of one array, got an archive of several")
    return array
