"""Does jobs in worker processes, so that a job that crashes, hangs or takes too long harms no other."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from fairhire.errors import FairhireError, UsageError
from fairhire.leash import end_with_parent

__all__ = ["Crew", "Ended", "Task", "unexpected", "work"]

J = TypeVar("J", bound=Hashable)

Task = Callable[[J], bytes]
"""What is done with a job in another process: a module-level function or a partial of one, small when pickled."""

Ended = Callable[[J, bytes | None, str | None], None]
"""Told of each job once, in the calling process: the job, and its result or in one line why it failed."""

_Outcome = tuple[bytes | None, str | None]

_THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_START = 120.0  # seconds within which a process of a busy machine has started
_EVERY = 0.5  # seconds between two looks for a pool that broke without a word
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG in linux/prctl.h


def work(task: Task[J], jobs: Sequence[J], ended: Ended[J], *, workers: int, time_limit: float) -> None:
    """Do ``task`` with each of ``jobs`` in ``workers`` processes of one thread each, and tell ``ended`` of each job.

    A job fails when its task raises an error, when it takes longer than ``time_limit`` seconds, or when its process
    dies twice: the second try is made after all other jobs, alone, so that it has the machine's whole memory. Jobs
    end in any order; at most two results for each worker wait in memory. Processes are reused, so a task may keep
    models in its module's globals. What they print is dropped, as native libraries name files, and so is the core
    dump of a crash, which would hold pictures of people.

    No process is left when this returns or raises what ``ended`` raised, and none outlives the caller.
    """
    with contextlib.closing(Crew(workers)) as crew:
        crew.check()
        crew.work(task, jobs, ended, time_limit=time_limit)


def unexpected(error: BaseException) -> str:
    """Say that a job met a defect of ours; the error's own words stay out, they may hold names or paths."""
    return f"an unexpected error: {type(error).__name__}"


class Crew:
    """Worker processes that stay between one call of :meth:`work` and the next; end them with :meth:`close`."""

    def __init__(self, workers: int) -> None:
        assert workers > 0, "without workers no job would ever end"
        self._workers = [_Worker() for _ in range(workers)]

    def close(self) -> None:
        """Kill all processes, whatever they are doing."""
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.join()

    def check(self) -> None:
        """Raise :class:`UsageError` where processes end as soon as they start: that is no job's fault."""
        for _ in range(2):
            worker = self._workers[0]
            future = worker.begin(_ready, "", _START)
            while not (future.done() or worker.broken):
                wait([future], timeout=_EVERY)
            if worker.outcome(future, _START) is not None:
                return
        raise UsageError(
            "worker processes end as soon as they start; a script that starts them does so below "
            "`if __name__ == '__main__':`"
        )

    def work(self, task: Task[J], jobs: Sequence[J], ended: Ended[J], *, time_limit: float) -> None:
        """Do ``task`` with each of ``jobs`` and tell ``ended`` of each, as :func:`work` does."""
        again: list[J] = []
        _do(self._workers, task, jobs, ended, again.append, time_limit)
        _do(self._workers[:1], task, again, ended, lambda job: ended(job, None, "its process died, twice"), time_limit)


def _do(
    workers: Sequence[_Worker],
    task: Task[J],
    jobs: Sequence[J],
    ended: Ended[J],
    died: Callable[[J], None],
    time_limit: float,
) -> None:
    """Do ``jobs``, each once: tell ``ended`` of those that came to an end, ``died`` of those whose process died."""
    waiting = iter(jobs)
    busy: dict[Future[_Outcome], tuple[_Worker, J]] = {}

    def begin(worker: _Worker) -> None:
        for job in islice(waiting, 1):
            busy[worker.begin(task, job, time_limit)] = worker, job

    for worker in workers:
        begin(worker)
    while busy:
        wait(busy, timeout=_EVERY, return_when=FIRST_COMPLETED)
        for future in [future for future, (worker, _) in busy.items() if future.done() or worker.broken]:
            worker, job = busy.pop(future)
            outcome = worker.outcome(future, time_limit)
            begin(worker)  # before the caller is told: writing a result takes a while
            if outcome is None:
                died(job)
            else:
                ended(job, *outcome)


class _Worker:
    """One process at a time, in a pool of its own: in a shared pool, a process that dies takes the locks along."""

    def __init__(self) -> None:
        self._pool = _pool_of_one()

    @property
    def broken(self) -> bool:
        return not self._pool.active

    def begin(self, task: Task[J], job: J, time_limit: float) -> Future[_Outcome]:
        """Hand the process a job; the time runs from when the job, and with it its module, is loaded there."""
        with _one_thread():
            try:
                return self._schedule(task, job, time_limit)
            except RuntimeError:  # the process ended between two jobs
                self._renew()
                return self._schedule(task, job, time_limit)

    def outcome(self, future: Future[_Outcome], time_limit: float) -> _Outcome | None:
        """Return how the job ended, or None if the process died; the next job finds a process in either case."""
        try:
            if future.done():
                return future.result()
        except TimeoutError:
            self._renew()
            return None, f"took longer than {time_limit:g} s"
        except (ProcessExpired, BrokenProcessPool):
            pass
        except Exception as error:  # the job could not be pickled
            return None, unexpected(error)
        self._renew()
        return None

    def stop(self) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]

    def join(self) -> None:
        self._pool.join()

    def _renew(self) -> None:
        self.stop()
        self.join()
        self._pool = _pool_of_one()

    def _schedule(self, task: Task[J], job: J, time_limit: float) -> Future[_Outcome]:
        future: Future[_Outcome] = self._pool.schedule(_attempt, args=(task, job), timeout=time_limit)
        return future


class _OneLife:
    """An argument that reaches one process only: the pool breaks when that process ends, for whatever reason.

    Pebble would start another one in its place, and if the first had ended with exit code 0 wait for its result.
    """

    def __init__(self) -> None:
        self._spent = False

    def __reduce__(self) -> tuple[type[_OneLife], tuple[()]]:
        if self._spent:
            raise OSError("a process has been started already")
        self._spent = True
        return _OneLife, ()


def _pool_of_one() -> ProcessPool:
    """Return a pool that starts a process when it gets its first job, and is broken when that process ends."""
    context = multiprocessing.get_context("spawn")  # a forked copy of a process with threads may hang
    return ProcessPool(1, initializer=_settle, initargs=(os.getpid(), _OneLife()), context=context)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started meanwhile compute with one thread; numpy and torch look when they are loaded."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _settle(parent: int, life: _OneLife) -> None:  # noqa: ARG001 - a life is spent by handing it over
    """Make a fresh process quiet, easy to kill, and unable to outlive ``parent``."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler in Python would wait for the end of a call into C
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    if sys.platform == "linux":  # the leash is a thread, which cannot run while a call into C holds the lock
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    end_with_parent(parent)


def _ready(_job: str) -> bytes:
    """Do nothing, in a process that could be started."""
    return b""


def _attempt(task: Task[J], job: J) -> _Outcome:
    """Do a job, in the worker process."""
    try:
        return task(job), None
    except FairhireError as error:
        return None, " ".join(str(error).splitlines())
    except BaseException as error:  # SystemExit is no way for a task to end either
        return None, unexpected(error)
