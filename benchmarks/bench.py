"""What the paper's bench costs: classic learners beside their library called directly, and the whole in minutes.

``python -m benchmarks.bench OUT [--whole]``. The first part takes minutes; ``--whole`` simulates 2,000 interviews of
five answers of 240 frames and runs everything, one seed, on ``--workers`` processes.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.real_data import say, table
from fairhire import BenchConfig, Corpus, TrainConfig, run_benchmark
from fairhire.baselines import bag_of_words, fit_classifier, non_sequential, recorded_answers
from fairhire.baselines.learners import trials_of
from fairhire.bench.jobs import divide
from fairhire.data.imported import write_imported
from fairhire.data.simulated import SimulationConfig, simulate

_PEERS = {
    "svm rbf": lambda settings: SVC(kernel="rbf", cache_size=500, **settings),
    "svm linear": lambda settings: LinearSVC(dual="auto", random_state=0, max_iter=5000, **settings),
    "ridge": lambda settings: RidgeClassifier(**settings),
    "forest": lambda settings: RandomForestClassifier(200, random_state=0, n_jobs=1, **settings),
}


def main(words: Sequence[str] | None = None) -> None:
    """Print the ratios, and with ``--whole`` the minutes and the memory of a whole bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--interviews", type=int, default=2000)
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(1):
        classic(options.out, options.interviews)
    if options.whole:
        whole(options.out, options.interviews, options.workers)


def corpus_of(place: Path, interviews: int, frames: tuple[int, int]) -> Corpus:
    """Return the simulated corpus at ``place``, made now unless it is there."""
    if not place.exists():
        write_imported(simulate(SimulationConfig(interviews=interviews, frames=frames, seed=7)), place)
    return Corpus(place)


def classic(out: Path, interviews: int) -> None:
    """Print the time of our search over that of the same fits and decisions written down by hand."""
    corpus = corpus_of(out / "corpus", interviews, (30, 60))
    division = divide(corpus, TrainConfig())
    rows = []
    for name in ("audio", "text"):
        answers = recorded_answers(corpus, name)
        if name == "audio":
            x = non_sequential(corpus, name, answers, division.train)
        else:
            x = bag_of_words(corpus, answers, division.train)
        began = time.perf_counter()
        fit_classifier(x, answers, division.hirable, division.train, division.validation, seed=0)
        ours = time.perf_counter() - began
        fit = answers.of(division.train)
        label = division.hirable[answers.interview[fit]]
        began = time.perf_counter()
        for trial in trials_of(len(fit), x.shape[1]):
            model = _PEERS[trial.learner](dict(trial.settings)).fit(x[fit], label)
            (model.predict_proba if trial.learner == "forest" else model.decision_function)(x)
        theirs = time.perf_counter() - began
        rows.append([f"{name}, {x.shape[1]} numbers", f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}"])
    sys.stdout.write(table(["description", "ours, s", "scikit-learn, s", "ratio"], rows) + "\n")


def whole(out: Path, interviews: int, workers: int) -> None:
    """Run the whole bench and print its minutes and an upper bound of its memory."""
    corpus = corpus_of(out / "long", interviews, (240, 240))
    say("running the whole bench")
    began = time.perf_counter()
    training = TrainConfig(hidden=32, attention=32, epochs=30, patience=8, learning_rate=3e-3)
    record = run_benchmark(corpus, out / "whole", BenchConfig(training=training), workers=workers)
    minutes = (time.perf_counter() - began) / 60
    own, child = (resource.getrusage(who).ru_maxrss / 2**20 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = {
        f"{system['group']} {system['system']}": sum(kept["seconds"] for kept in system.get("kept", ()))
        for system in record["systems"]
    }
    rows = [[name, f"{value:.0f}"] for name, value in sorted(seconds.items(), key=lambda item: -item[1]) if value]
    sys.stdout.write(table(["system", "seconds of one process"], rows) + "\n")
    sys.stdout.write(
        f"{len(corpus)} interviews: {minutes:.1f} minutes on {workers} processes; memory at most "
        f"{own + workers * child:.2f} GiB (main {own:.2f}, the largest of the others {child:.2f} each)\n"
        f"median seconds of a job: {np.median(list(seconds.values())):.0f}\n"
    )


if __name__ == "__main__":
    main()
