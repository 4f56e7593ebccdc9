"""The paper's bench on any corpus: every baseline, every modality, every fusion, one table, resumable.

::

    OUT/
      bench.json             what this bench is: its settings; without it nothing in OUT is touched
      runs/…                 one finished run a network and round; an unfinished one is resumed
      predictions/…          what every system said of every interview in every round
      BENCHMARK.json         everything in numbers; benchmark.csv, .md, .html and .png say the same

Called again with the same settings it goes on where it was; more seeds may be asked for. A job that fails is told in
the record and stops no other; a process that dies takes nothing but its own job along.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from fairhire.atomic import sha256, write_json, write_text
from fairhire.bench.jobs import divide, do_job
from fairhire.bench.predictions import is_done
from fairhire.bench.record import bench_record, bench_table
from fairhire.bench.systems import BenchConfig, Job, jobs_of, modalities_of
from fairhire.data.corpus import Corpus
from fairhire.errors import DataError, NotComputableError, UsageError
from fairhire.leash import end_with_parent
from fairhire.progress import Advance, silent
from fairhire.report.benchmark import draw_benchmark, render_benchmark
from fairhire.sweep import claim_folder

__all__ = ["run_benchmark"]

BENCH_SCHEMA = 1

Watch = Callable[[str, int], AbstractContextManager[Advance]]


def run_benchmark(
    corpus: Corpus,
    out: Path | str,
    config: BenchConfig | None = None,
    *,
    workers: int = 1,
    watch: Watch = lambda _what, _total: nullcontext(silent),
) -> dict[str, Any]:
    """Do all that is not done and return the record that stands in ``OUT/BENCHMARK.json`` (``docs/benchmark.md``).

    ``workers`` processes work at the same time, one thread each. Raises :class:`UsageError` for a folder of other
    settings or a modality that there is not, :class:`DataError` for a corpus without labels,
    :class:`NotComputableError` when every job failed.
    """
    out, config = Path(out), config or BenchConfig()
    _check(corpus, config)
    _claim(out, corpus, config)
    jobs = jobs_of(corpus, config)
    left = [job for job in jobs if not is_done(out, job)]
    failed: dict[Job, str] = {}
    with watch("working", len(left)) as advance:
        for pressing in ([j for j in left if not j.after_others], [j for j in left if j.after_others]):
            failed |= _do_all(corpus, out, config, pressing, workers, advance)
    finished = [job for job in jobs if job not in failed]
    if not finished:
        raise NotComputableError(f"{out}: every job failed, the first so: {next(iter(failed.values()))}")
    with watch("measuring", len({(job.group, job.system) for job in finished})) as advance:
        record = bench_record(corpus, out, config, finished, failed, advance=advance)
    write_json(out / "BENCHMARK.json", record)
    page, markdown = render_benchmark(record)
    write_text(out / "benchmark.html", page)
    write_text(out / "benchmark.md", markdown)
    write_text(out / "benchmark.csv", bench_table(record).to_csv(index=False))
    draw_benchmark(record, out / "benchmark.png")
    return record


def _check(corpus: Corpus, config: BenchConfig) -> None:
    modalities_of(corpus, config)
    if not corpus.interviews["hirable"].notna().any():
        raise DataError(f"{corpus.path}: expected interviews with a hirable label, got none")
    for name in config.training.ratings:
        if name not in corpus.targets:
            known = ", ".join(corpus.targets) or "none"
            raise UsageError(f"rating: expected one of the corpus's targets ({known}), got {name!r}")
    for name, path in [*config.features.items(), *((name, other.path) for name, other in config.others.items())]:
        if not path.is_file():
            raise DataError(f"{name}={path}: expected a table, found none")
    for name, other in config.others.items():
        if other.rating is not None and other.rating not in config.training.ratings:
            raise UsageError(f"{name}: expected a rating that is asked for, got {other.rating!r}")
    for one in config.rounds():
        if not len(divide(corpus, config.of_round(one)).test):
            raise DataError(f"{corpus.path}, split {one.split!r}: expected labelled interviews to test, got none")


def _claim(out: Path, corpus: Corpus, config: BenchConfig) -> None:
    """Make ``out`` this bench's folder, or check that it is one of the same corpus and settings."""
    marker = "bench.json"
    tables = {f"features/{name}": sha256(path) for name, path in config.features.items()}
    tables |= {
        f"others/{name}": f"{sha256(other.path)} {other.column} {other.rating or ''}"
        for name, other in config.others.items()
    }
    settings: dict[str, Any] = {
        "schema": BENCH_SCHEMA,
        "corpus_sha256": sha256(corpus.path / "corpus.json"),
        "training": config.training.to_dict(),
        "folds": config.folds,
    }
    earlier = (claim_folder(out, marker, settings, what="benchmark") or {}).get("tables", {})
    changed = next((name for name in tables if earlier.get(name, tables[name]) != tables[name]), None)
    if changed is not None:  # others may be added, none may change
        raise UsageError(f"{out}: holds a benchmark with another table {changed!r}; choose another --out")
    write_json(out / marker, {**settings, "tables": {**earlier, **tables}})


def _do_all(
    corpus: Corpus, out: Path, config: BenchConfig, jobs: Sequence[Job], workers: int, advance: Advance
) -> dict[Job, str]:
    """Do ``jobs``, several at a time; return why those that failed did."""
    task = partial(do_job, corpus.path, out, config)
    failed: dict[Job, str] = {}

    def ended(job: Job, why: str | None) -> None:
        if why is not None:
            failed[job] = why
        advance(1, job.name)

    if workers == 1:
        for job in jobs:
            ended(job, task(job))
        return failed
    waiting = list(jobs)  # in the order in which they start
    while waiting:
        waiting = _while_it_lives(task, waiting, workers, ended)
        # Jobs start in their order: one of the first that are left took the processes along. Alone, each shows itself.
        for suspect in waiting[:workers]:
            if _while_it_lives(task, [suspect], 1, ended):
                ended(suspect, "its process died, twice; is there enough memory?")
        waiting = waiting[workers:]
    return failed


def _while_it_lives(
    task: Callable[[Job], str | None], jobs: Sequence[Job], workers: int, ended: Callable[[Job, str | None], None]
) -> list[Job]:
    """Do ``jobs`` in processes of their own; return those that are left because a process died."""
    left = dict.fromkeys(jobs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent, initargs=(os.getpid(),)) as pool:
        running = {pool.submit(task, job): job for job in jobs}
        for future in as_completed(running):
            error = future.exception()
            if error is None:
                ended(running[future], future.result())
                del left[running[future]]
            elif not isinstance(error, BrokenProcessPool):
                pool.shutdown(wait=False, cancel_futures=True)  # a defect of ours: say so now, not after all the rest
                raise error
    return list(left)
