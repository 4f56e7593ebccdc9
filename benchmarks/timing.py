"""How the benchmarks time and weigh things on a busy machine: side by side, repeated, in fresh processes."""

from __future__ import annotations

import multiprocessing
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["Timing", "in_fresh_process", "interleave", "peak_megabytes"]


@dataclass
class Timing:
    """Seconds of every repetition: of the clock, and of all processors together."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def ratio(self, other: Timing) -> tuple[float, float]:
        """Return the median of how many times ``other`` this took, by the clock and by the processors.

        Repetitions are compared with the one of ``other`` that ran beside them, so that neighbours on the machine
        disturb both.
        """
        return _median_ratio(self.wall, other.wall), _median_ratio(self.processor, other.processor)


def _median_ratio(these: Sequence[float], those: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(these, those, strict=False))


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: Mapping[str, int]) -> dict[str, Timing]:
    """Return the timings of all contenders, run in turn for their number of rounds, after one that does not count."""
    timings = {name: Timing() for name in contenders}
    for number in range(1 + max(rounds.values())):
        for name, run in contenders.items():
            if number > rounds[name]:
                continue
            wall, processor = time.perf_counter(), time.process_time()
            run()
            if number > 0:
                timings[name].wall.append(time.perf_counter() - wall)
                timings[name].processor.append(time.process_time() - processor)
    return timings


def in_fresh_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``function`` returns in a new process, whose memory nothing else has touched."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def peak_megabytes() -> float:
    """Return the most memory this process ever had (files it mapped included)."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux getrusage may report the peak of the process that started this one
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if found:
            return int(found[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
