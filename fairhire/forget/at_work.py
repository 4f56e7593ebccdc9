"""Keeps extractions from working where somebody is being forgotten: both hold the lock in ``OUT.work``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fairhire.errors import UsageError

__all__ = ["nobody_at_work"]


@contextmanager
def nobody_at_work(files: Iterable[Path]) -> Iterator[None]:
    """Hold the locks of extractions that are among ``files``; raises :class:`UsageError` where one is at work."""
    if sys.platform == "win32":  # extractions do not run there
        yield
        return
    import fcntl

    with ExitStack() as stack:
        for path in files:
            if path.name == "lock" and path.parent.suffix == ".work":
                lock = stack.enter_context(path.open("rb"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise UsageError(f"{path.parent}: expected no extraction at work there, found one") from None
        yield
