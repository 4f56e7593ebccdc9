"""How fast people become counts, and counts become intervals: beside fairlearn, and beside the database's bare query.

``python -m benchmarks.counting`` makes its own rows. First a million rows with two attributes: four metrics by group,
their points compared with ``fairlearn.metrics.MetricFrame`` and the time of a bootstrap replicate with its ``n_boot``.
Then Parquet rows in several files (``--rows``, 100,000,000): what ``count_tables`` takes, all its checks and the hash
of the files included, beside DuckDB's own ``GROUP BY`` of the same columns of the same files, each in a fresh process.
``--ids`` adds a column of ids and ``--people`` a people table of as many rows; the bare query then counts the distinct
ids, and joins, too. Files were written a moment ago: the cache is warm.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.timing import in_fresh_process, peak_megabytes

__all__ = ["main"]

SEX = ("Female", "Male", "unknown")
RACE = ("Asian", "Black", "Hispanic", "Native", "Pacific", "Two or more", "White")
ATTRIBUTES = ("race", "sex")
METRICS = ("selection_rate", "tpr", "fpr", "accuracy")
_PIECE = 1_000_000
_FILES = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both comparisons and print what they took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="so few rows that only whether it runs is seen")
    parser.add_argument("--only", choices=("bootstrap", "rows"), help="one of the two comparisons")
    parser.add_argument("--rows", type=int, default=100_000_000, help="rows of the second (default %(default)s)")
    parser.add_argument("--ids", action="store_true", help="with an id in every row, checked to be the only one")
    parser.add_argument("--people", action="store_true", help="with the attributes in a people table of as many rows")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of the second (default %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "rows":
            compare_bootstrap(Path(folder), rows=20_000 if options.quick else 1_000_000)
        if options.only != "bootstrap":
            rows = 20_000 if options.quick else options.rows
            rounds = 0 if options.quick else options.rounds
            compare_counting(Path(folder), rows, ids=options.ids, people=options.people, rounds=rounds)


def compare_bootstrap(folder: Path, *, rows: int, draws: int = 2000) -> None:
    """Print how long a replicate takes from counts and in fairlearn, and how far their points lie apart."""
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score

    from fairhire.auditing.intake import count_tables
    from fairhire.auditing.resample import bootstrap_metrics

    table = _rows(0, rows, ids=False, seed=1, sexes=SEX[:2]).drop_columns(["position"])
    pq.write_table(table, folder / "million.parquet")
    start = time.perf_counter()
    tally = count_tables(folder / "million.parquet", None, attributes=ATTRIBUTES)
    counted = time.perf_counter() - start
    start = time.perf_counter()
    found = bootstrap_metrics(tally, ATTRIBUTES, draws=draws)
    ours = (time.perf_counter() - start) / draws
    frame = table.to_pandas()
    metrics = dict(zip(METRICS, (selection_rate, true_positive_rate, false_positive_rate, accuracy_score), strict=True))
    features = frame[list(ATTRIBUTES)].astype(str)

    def theirs(**boot: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return MetricFrame(
                metrics=metrics,
                y_true=frame["label"].astype(int),
                y_pred=frame["decision"].astype(int),
                sensitive_features=features,
                **boot,
            )

    start = time.perf_counter()
    points = theirs().by_group
    alone = time.perf_counter() - start
    start = time.perf_counter()
    theirs(n_boot=2, ci_quantiles=[0.025, 0.975], random_state=0)
    replicate = max(time.perf_counter() - start - alone, 0.0) / 2
    apart = max(
        abs(found[metric][tuple(category)].value - points.loc[category, metric])  # type: ignore[union-attr]
        for metric in METRICS
        for category in points.index
    )
    print(f"{len(frame):,} rows, {len(points)} groups of {' x '.join(ATTRIBUTES)}, {len(METRICS)} metrics")
    print(f"counted in {counted:.2f} s; fairlearn's points took {alone:.2f} s; they lie at most {apart:.1e} apart")
    print(f"a replicate takes {ours * 1e6:.1f} µs from counts ({draws} of them) and {replicate:.2f} s in fairlearn:")
    print(f"{replicate / ours:,.0f} times as long")


def compare_counting(folder: Path, rows: int, *, ids: bool, people: bool, rounds: int) -> None:
    """Print how long counting takes beside the bare query, and the most memory each ever had."""
    start = time.perf_counter()
    scores, listed = folder / "scores", folder / "people" if people else None
    written = in_fresh_process(_write, scores, listed, rows, ids=ids or people)
    seconds = time.perf_counter() - start
    print(f"{rows:,} rows in {_FILES} Parquet files, {written / 1e6:,.0f} MB, written in {seconds:.0f} s")
    jobs: dict[str, Callable[..., tuple[float, float, int]]] = {"bare GROUP BY": _bare, "count_tables": _counted}
    taken: dict[str, list[tuple[float, float, int]]] = {name: [] for name in jobs}
    for number in range(1 + rounds):  # the first of several rounds only warms the cache
        for name, job in jobs.items():
            result = in_fresh_process(job, scores, listed, ids=ids or people)
            if number or not rounds:
                taken[name].append(result)
    cells = {result[2] for results in taken.values() for result in results}
    assert len(cells) == 1, f"both must count the same rows, got {cells}"
    for name, results in taken.items():
        taking, megabytes = (np.median([result[place] for result in results]) for place in (0, 1))
        print(f"{name:16}{taking:8.2f} s{megabytes:10.0f} MB at most")
    pairs = zip(taken["count_tables"], taken["bare GROUP BY"], strict=True)
    print(f"count_tables takes {np.median([one[0] / other[0] for one, other in pairs]):.2f} times as long")


def _counted(scores: Path, people: Path | None, *, ids: bool) -> tuple[float, float, int]:
    """Return seconds, megabytes and rows of our own counting; without ids a row is a person."""
    from fairhire.auditing.intake import Intake, count_tables

    del ids
    start = time.perf_counter()
    tally = count_tables(scores, people, attributes=ATTRIBUTES, intake=Intake())
    return time.perf_counter() - start, peak_megabytes(), tally.rows


def _bare(scores: Path, people: Path | None, *, ids: bool) -> tuple[float, float, int]:
    """Return the same of the least that the database could do for the same counts."""
    import duckdb

    start = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(config={"memory_limit": "512MB", "temp_directory": spill}) as connection,
    ):
        source = f"read_parquet('{scores}/*.parquet') s"
        if people is not None:
            source += f" LEFT JOIN read_parquet('{people}/*.parquet') p USING (candidate)"
        query = f"SELECT race, sex, position, label, decision, count(*) FROM {source} GROUP BY ALL"
        counted = connection.execute(query).fetchall()
        if ids:
            connection.execute(
                f"SELECT max(n) FROM (SELECT count(*) n FROM read_parquet('{scores}/*.parquet') GROUP BY candidate)"
            ).fetchall()
    return time.perf_counter() - start, peak_megabytes(), sum(row[-1] for row in counted)


def _write(scores: Path, people: Path | None, rows: int, *, ids: bool) -> int:
    """Write the tables in pieces and return their bytes."""
    for folder in (scores, people):
        if folder is not None:
            folder.mkdir()
    starts = np.linspace(0, rows, _FILES + 1).astype(int).tolist()
    for file, (first, last) in enumerate(pairwise(starts)):
        writers: dict[Path, pq.ParquetWriter] = {}
        for start in range(first, last, _PIECE):
            piece = _rows(start, min(start + _PIECE, last), ids=ids, seed=start)
            parts = {scores: piece}
            if people is not None:
                parts = {scores: piece.drop_columns([*ATTRIBUTES]), people: piece.select(["candidate", *ATTRIBUTES])}
            for folder, part in parts.items():
                if folder not in writers:
                    writers[folder] = pq.ParquetWriter(folder / f"part-{file}.parquet", part.schema)
                writers[folder].write_table(part)
        for writer in writers.values():
            writer.close()
    return sum(file.stat().st_size for folder in (scores, people) if folder for file in folder.iterdir())


def _rows(first: int, last: int, *, ids: bool, seed: int, sexes: Sequence[str] = SEX) -> pa.Table:
    """Return made-up rows with a little unfairness; ids come in no order."""
    rng = np.random.default_rng(seed)
    n = last - first
    sex, race = rng.integers(0, len(sexes), n), rng.integers(0, len(RACE), n)
    label = rng.integers(0, 2, n)
    columns: dict[str, Any] = {
        "race": pa.DictionaryArray.from_arrays(pa.array(race, pa.int8()), pa.array(RACE)),
        "sex": pa.DictionaryArray.from_arrays(pa.array(sex, pa.int8()), pa.array(sexes)),
        "position": pa.DictionaryArray.from_arrays(
            pa.array(rng.integers(0, 20, n), pa.int8()), pa.array([f"position {number}" for number in range(20)])
        ),
        "label": pa.array(label, pa.int8()),
        "decision": pa.array(rng.random(n) < 0.2 + 0.4 * label + 0.02 * race),
    }
    if ids:
        columns["candidate"] = pa.array((np.arange(first, last) * 2654435761 + 12345) % 2**61)
    return pa.table(columns)


if __name__ == "__main__":
    main()
