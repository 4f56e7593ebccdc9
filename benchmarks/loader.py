"""How fast interviews come from disk: batches of a corpus, beside a bare copy of the same bytes from the same file.

``python -m benchmarks.loader`` writes a corpus of random frames to a temporary folder and reads all of it in shuffled
batches, as training does. The file was written a moment ago, so the cache is **warm**: this measures the loader, not
the disk. The copy reads, in the same order, exactly the frames of each batch from a ``numpy.memmap`` of the file, an
interview at a time, and does nothing else: no padding, no words, no labels.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.synthetic import MODALITY, write_corpus
from benchmarks.timing import interleave
from fairhire.data.collate import BatchReader, batch_rows, corpus_vocabulary
from fairhire.data.corpus import Corpus

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the corpus, read it both ways, print the throughput."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loader", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a corpus so small that only whether it runs is seen")
    parser.add_argument("--threads", type=int, default=1, help="processor threads of torch (default %(default)s)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    interviews, frames, width, rounds = (20, (6, 12), 4, 1) if options.quick else (1000, (120, 240), 32, 9)
    with tempfile.TemporaryDirectory() as folder:
        corpus = write_corpus(Path(folder) / "corpus", interviews, frames, width)
        _compare(corpus, rounds, batch=8 if options.quick else 64)


def _compare(corpus: Corpus, rounds: int, *, batch: int) -> None:
    reader = BatchReader(corpus, corpus_vocabulary(corpus, np.arange(len(corpus))), [MODALITY])
    rng = np.random.default_rng(0)
    batches = list(batch_rows(np.arange(len(corpus)), reader.lengths(), batch, rng=rng))

    def read() -> None:
        for rows in batches:
            reader.read(rows)

    names = {"loader": f"BatchReader, batches of {batch}", "copy": "bare copy from a numpy.memmap"}
    contenders: dict[str, Callable[[], object]] = {"loader": read, "copy": _bare_copy(corpus, batches)}
    timings = interleave(contenders, dict.fromkeys(contenders, rounds))
    frames = int(corpus.length(MODALITY).sum())
    size = frames * corpus.modalities[MODALITY].width * 4 / 1e6
    print(f"{len(corpus)} interviews, {frames} frames, {size:.0f} MB; warm cache; medians of {rounds} passes")
    print(f"{'':32}{'interviews/s':>14}{'MB/s':>10}")
    for name, timing in timings.items():
        seconds = statistics.median(timing.wall)
        print(f"{names[name]:32}{len(corpus) / seconds:>14.0f}{size / seconds:>10.0f}")
    wall, processor = timings["loader"].ratio(timings["copy"])
    print(f"the loader takes {wall:.2f} times as long as the copy ({processor:.2f} by processor time)")


def _bare_copy(corpus: Corpus, batches: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]]) -> Callable[[], object]:
    frames = np.load(corpus.path / "features" / f"{MODALITY}.npy", mmap_mode="r")
    start, length = corpus.start(MODALITY), corpus.length(MODALITY)
    spans = []
    for rows in batches:
        answers = [corpus.answer_rows(int(row)) for row in rows]
        spans.append([(int(start[a[0]]), int(start[a[-1]] + length[a[-1]])) for a in answers])

    def copy() -> None:
        for batch in spans:
            taken = [np.array(frames[first:last]) for first, last in batch]
            del taken

    return copy


if __name__ == "__main__":
    main()
