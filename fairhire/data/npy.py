"""Opens NumPy's ``.npy`` files without trusting them: nothing is unpickled, and frames stay on disk until asked for."""

from __future__ import annotations

import tokenize
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
        with path.open("rb") as file:
            magic = file.read(len(np.lib.format.MAGIC_PREFIX))
        if magic != np.lib.format.MAGIC_PREFIX:  # np.load would also take an archive of arrays, or a pickle
            raise ValueError(f"a file that begins with {magic!r}")
        small = path.stat().st_size <= _SMALL
        array: NDArray[Any] = np.load(path, mmap_mode=None if small else "r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a .npy file, found none") from None
    except (
        *(OSError, EOFError, ValueError, SyntaxError),  # unreadable, cut short, or with a header that is none
        *(OverflowError, MemoryError, tokenize.TokenError),  # a header of nonsense
    ) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: expected a whole .npy file of numbers, got {why}") from None
    return array
