"""What worker processes are asked to do in the tests: all that can happen to a job."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

from fairhire.errors import DataError

done_here = 0


def echo(job):
    return f"{job} done".encode()


def pid(job):
    return str(os.getpid()).encode()


def count(job):
    """Say how many jobs this process has done: a task may keep what it has loaded."""
    global done_here
    done_here += 1
    return str(done_here).encode()


def large(job):
    return bytes([job % 256]) * 20_000_000


def sleep(job):
    time.sleep(job)
    return b"slept"


def environment(job):
    return os.environ.get(job, "").encode()


def threads(job):
    import numpy
    from threadpoolctl import threadpool_info

    numpy.ones((2, 2)) @ numpy.ones((2, 2))
    return repr({library["num_threads"] for library in threadpool_info()}).encode()


def loaded_slowly(job):
    import slow_errands

    return slow_errands.work(job)


def say(job):
    print(job, flush=True)
    os.write(1, job.encode())
    os.write(2, job.encode())
    return b"said"


def misbehave(job):
    """End as ``job`` says."""
    match job:
        case "refuse":
            raise DataError("answers/a1.mp4: expected a recording,\ngot a song")
        case "blunder":
            raise ValueError("/home/ada/interviews")
        case "leave":
            raise SystemExit(0)
        case "exit 0":
            os._exit(0)
        case "exit 3":
            os._exit(3)
        case "segfault":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(600)
        case "hang":
            hang(job)
    return f"{job} done".encode()


def hang(job):
    """Wait in C for a signal that never comes, without giving the interpreter's lock back."""
    ctypes.PyDLL(None).pause()
    return b"never"


def tell_and_hang(folder, job):
    (Path(folder) / f"{os.getpid()}.pid").touch()
    return hang(job)


def hang_unless_zero(folder, job):
    return tell_and_hang(folder, job) if job else b"ended"


def tell_and_sleep(folder, job):
    (Path(folder) / f"{os.getpid()}.pid").touch()
    return sleep(600)


def die_at_first(folder, job):
    mark = Path(folder) / f"tried-{job}"
    if mark.exists():
        return f"{job} done".encode()
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return b"never"


def take_turns(folder, job):
    """Leave a mark, work for a while, and say on which node of a Ray cluster that was."""
    (Path(folder) / f"{job}-{os.getpid()}.pid").touch()
    time.sleep(0.5)
    return f"{job} on {os.environ['RAY_RAYLET_PID']}".encode()
