"""What removal costs: training with all defaults beside the same training undefended, and the closed forms alone.

``python -m benchmarks.removal``. Both trainings take the same number of epochs over the same interviews of random
numbers, on one thread, in turn; the defended one holds adversary, offset, averaging, the choice of weights by a fresh
face probe after every epoch, and the cut. How long the model's own step takes decides the share: answers of a single
frame are the worst case, answers of a minute the usual one. face-LEACE is fitted to vectors of random numbers.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.synthetic import write_corpus
from benchmarks.timing import interleave
from fairhire.data.corpus import Corpus
from fairhire.erasure import FaceLeace, SpectralCut, Witnesses
from fairhire.training import TrainConfig, train

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Time both trainings at three lengths of answers, and both erasers, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.removal", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="sizes so small that only whether it runs is seen")
    options = parser.parse_args(arguments)
    sizes = [(150, (2, 4))] if options.quick else [(2000, (1, 1)), (1000, (30, 60)), (600, (120, 240))]
    config = TrainConfig(adversary="face", epochs=6 if options.quick else 12, patience=60, device="cpu")
    config = replace(config, hidden=4) if options.quick else config
    print(f"{config.epochs} epochs, defaults, one thread: defended by undefended time (clock, processor)")
    with threadpool_limits(1):
        torch.set_num_threads(1)
        for interviews, frames in sizes:
            with tempfile.TemporaryDirectory() as folder:
                corpus = write_corpus(Path(folder) / "corpus", interviews, frames, 32, face_width=128)
                _compare(corpus, config, Path(folder), frames, rounds=1 if options.quick else 2)
    _closed_forms(*((500, 16, 8) if options.quick else (100_000, 256, 128)))


def _compare(corpus: Corpus, config: TrainConfig, folder: Path, frames: tuple[int, int], *, rounds: int) -> None:
    done: list[int] = []

    def run(settings: TrainConfig) -> None:
        done.append(len(done))
        train(corpus, settings, folder / f"run{len(done)}")

    contenders = {"defended": lambda: run(config), "undefended": lambda: run(replace(config, adversary="none"))}
    timings = interleave(contenders, dict.fromkeys(contenders, rounds))
    clock, processor = timings["defended"].ratio(timings["undefended"])
    seconds = statistics.median(timings["undefended"].wall)
    print(
        f"{len(corpus)} interviews of 5 answers of {frames[0]} to {frames[1]} frames: {clock:.2f}, {processor:.2f} "
        f"(undefended {seconds:.1f} s)"
    )


def _closed_forms(people: int, width: int, face_width: int) -> None:
    rng = np.random.default_rng(0)
    faces = rng.standard_normal((people, face_width))
    vectors = rng.standard_normal((people, width)) + np.tanh(faces @ rng.standard_normal((face_width, width)) / 10)
    known = Witnesses(people=np.arange(people).astype(str), faces=faces)
    for name, eraser in (("face-leace", FaceLeace()), ("cut", SpectralCut(0.99))):
        begun = time.perf_counter()
        erasure = eraser.fit(vectors, known)
        seconds = time.perf_counter() - begun
        print(f"{name} on {people} people x {width}: {seconds:.2f} s, {erasure.rank_after} directions left")


if __name__ == "__main__":
    main()
