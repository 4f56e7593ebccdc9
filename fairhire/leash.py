"""Ends a worker process soon after the process that started it is gone, so that nobody works on what was taken over.

A sweep that is killed and started again resumes its unfinished runs; a worker of the killed one, still at it, would
write into the same folders.
"""

from __future__ import annotations

import os
import threading
import time

__all__ = ["end_with_parent"]

_EVERY = 0.5  # seconds between two looks


def end_with_parent(parent: int) -> None:
    """Watch from a thread whether ``parent`` is still this process's parent, and end the process when it is not.

    To be called in the worker, as a pool does with ``initializer=end_with_parent, initargs=(os.getpid(),)``.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_EVERY)
        os._exit(1)  # not sys.exit: a thread's exception ends the thread alone

    threading.Thread(target=watch, daemon=True).start()
