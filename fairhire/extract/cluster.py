"""Does jobs on the nodes of a Ray cluster, so that a node that is lost takes no job with it."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, TypeVar

from fairhire.errors import UsageError
from fairhire.extract.processes import Crew, Ended, Task, unexpected

__all__ = ["work_on_cluster"]

J = TypeVar("J", bound=Hashable)

_Outcome = tuple[bytes | None, str | None]

_EVERY = 1.0  # seconds between two questions how many CPUs there are: nodes join and leave
_TRIES = 3  # of a job whose node or Ray worker was lost, which is hardly the job's fault
_REACH = 30.0  # seconds for a cluster to answer; a look at one that is there takes about two
_START = 120.0  # seconds in which any node has started Python twice
_GONE = 10.0  # seconds for cancelled jobs to end

_KNOCK = """
import logging, sys
import ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level=logging.CRITICAL)
except Exception as error:
    print((str(error).strip() or type(error).__name__).splitlines()[0])
    sys.exit(1)
"""


def work_on_cluster(task: Task[J], jobs: Sequence[J], ended: Ended[J], *, address: str, time_limit: float) -> None:
    """Do ``task`` with each of ``jobs`` on a running Ray cluster, one job for each CPU, and tell ``ended`` of each job.

    ``address`` is what ``ray.init`` takes: ``auto`` on a node of the cluster, ``HOST:PORT``, or ``ray://HOST:PORT``.
    A caller who has called ``ray.init`` keeps that connection: it is used, whatever the address, and left open.

    All nodes need the same Python, the same packages, and the files that jobs name under the same paths. Results come
    back through Ray's object store, so what ``ended`` writes may lie on the caller's own disk; a node whose store is
    full keeps results in its temporary folder until they are fetched.

    A job fails as in :func:`fairhire.extract.processes.work`: on its node, a process beside the Ray worker does it,
    is tried twice and is stopped after ``time_limit`` seconds. A job whose node or Ray worker is lost is sent out
    again, up to three times in all. A cluster whose head node is lost is lost for good: after a minute Ray ends the
    calling process with exit code 1, and whoever starts it again asks for the jobs that are left.

    Raises :class:`UsageError` if Ray is not installed, or if no cluster answers at ``address`` within half a minute.
    No job goes on when this returns or raises what ``ended`` raised.
    """
    with _connected(address) as ray:
        under_way: dict[Any, J] = {}
        try:
            _send_and_gather(ray, task, jobs, ended, under_way, time_limit)
        finally:
            _cancel(ray, list(under_way))


def _send_and_gather(
    ray: Any, task: Task[J], jobs: Sequence[J], ended: Ended[J], under_way: dict[Any, J], time_limit: float
) -> None:
    """Keep two jobs for each CPU under way until all have ended; one of the two waits there for its turn."""
    send = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(_carry_out).remote
    waiting = list(reversed(jobs))
    losses: Counter[J] = Counter()
    cpus = _cpus(ray)
    while waiting or under_way:
        while waiting and len(under_way) < 2 * cpus():
            job = waiting.pop()
            under_way[send(task, job, time_limit)] = job
        for answer in ray.wait(list(under_way), num_returns=1, timeout=_EVERY)[0]:
            job = under_way.pop(answer)
            try:
                result, why = ray.get(answer)
            except ray.exceptions.RayTaskError as error:
                result, why = None, unexpected(error.cause)
            except ray.exceptions.RayError as error:
                losses[job] += 1
                if losses[job] < _TRIES:
                    waiting.append(job)
                    continue
                result, why = None, f"its node or Ray worker was lost {_TRIES} times, last: {type(error).__name__}"
            ended(job, result, why)


def _cpus(ray: Any) -> Callable[[], int]:
    """Return a function that tells how many CPUs the cluster has now, or had a moment ago."""
    known, asked = 1, float("-inf")

    def count() -> int:
        nonlocal known, asked
        if time.monotonic() - asked >= _EVERY:
            known, asked = max(1, int(ray.cluster_resources().get("CPU", 0))), time.monotonic()
        return known

    return count


def _cancel(ray: Any, answers: list[Any]) -> None:
    """Kill the workers of jobs that have not ended, and see to it that they are gone."""
    for answer in answers:
        ray.cancel(answer, force=True)
    if answers:
        ray.wait(answers, num_returns=len(answers), timeout=_GONE)


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Give the ``ray`` module, connected to the cluster at ``address`` unless it is connected already."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that we use it
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # or Ray prints the last words of lost nodes to stdout
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # and the errors of jobs that were cancelled
    try:
        import ray
    except ModuleNotFoundError:
        raise UsageError("a cluster: expected Ray, found none; install it with: pip install 'fairhire[ray]'") from None
    if ray.is_initialized():
        yield ray
        return
    _knock(address)
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Connect to the cluster from another process: Ray tries again for ever where none answers."""
    expected = f"{address}: expected the address of a running Ray cluster"
    try:
        knock = subprocess.run(
            [sys.executable, "-c", _KNOCK, address], capture_output=True, text=True, timeout=_REACH, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{expected}, got no answer within {_REACH:g} s") from None
    if knock.returncode:
        raise UsageError(f"{expected}, got: {(knock.stdout.splitlines() or ['no answer'])[-1]}")


@functools.cache
def _crew() -> Crew:
    """Return the process that does the jobs of this Ray worker, and ends with it."""
    return Crew(1)


def _carry_out(task: Task[J], job: J, time_limit: float) -> _Outcome:
    """Do a job, in a Ray worker.

    The kernel ends the worker if it is stuck, as a process is that waits for a network disk and cannot be killed.
    """
    outcomes: list[_Outcome] = []
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 2 * time_limit + _START)
    try:
        _crew().work(task, [job], lambda _, result, why: outcomes.append((result, why)), time_limit=time_limit)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    (outcome,) = outcomes
    return outcome
