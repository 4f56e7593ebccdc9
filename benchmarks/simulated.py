"""The simulated corpus at three levels of leakage: does the default hold where it was not chosen?

``python -m benchmarks.simulated OUT``. Words, voice and picture show more or less of who the candidate is, recruiters'
verdicts lean on it; merit is judged against the unbiased label, which no run has seen.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from benchmarks.real_data import (
    beside,
    impact_ratio,
    pair,
    pairs_of,
    people_of,
    shown,
    stronger,
    table,
    task_auc,
    train_all,
    value,
)
from fairhire import Corpus, TrainConfig
from fairhire.data.imported import write_imported
from fairhire.data.simulated import SimulationConfig, simulate


def main() -> None:
    """Simulate, train the seeds undefended and defended at every level, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--leaks", type=float, nargs="+", default=[0.5, 1.0, 2.0])
    parser.add_argument("--interviews", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rows, worse, pairs = [], 0, 0
    for leak in options.leaks:
        place = options.out / f"leak{leak:g}" / "corpus"
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            write_imported(simulate(SimulationConfig(interviews=options.interviews, leak=leak)), place)
        configs = {
            seed: TrainConfig(adversary="face", fractions=(0.6, 0.1, 0.3), seed=seed) for seed in range(options.seeds)
        }
        train_all(place, pairs_of(configs), place.parent, workers=options.workers)
        corpus, people = Corpus(place), people_of(place)
        truth = pd.read_csv(place.with_name("corpus.truth.csv"))["hirable_unbiased"]
        for seed, config in configs.items():
            undefended, defended = pair(corpus, config, place.parent, f"seed{seed}")
            result = beside(corpus, undefended, defended, people, list(people.attributes))
            ends = {}
            for name, run in (("undefended", undefended), ("defended", defended)):
                vectors = {a: stronger(result, name, "representation", a) for a in people.attributes}
                ends[name] = vectors
                row = [f"{leak:g}", str(seed), name, shown(task_auc(run, truth)), shown(task_auc(run))]
                row += [shown(measured) for measured in vectors.values()]
                row += [shown(stronger(result, name, "score", "gender"))]
                row += [shown(stronger(result, name, "representation", "face", "recall@10"))]
                row += [shown(impact_ratio(run, people, "gender")), shown(impact_ratio(run, people, "gender", truth))]
                rows.append(row)
            for attribute in people.attributes:
                worse += value(ends["defended"][attribute]) > value(ends["undefended"][attribute])
                pairs += 1
    columns = ["leak", "seed", "run", "merit AUC", "biased-label AUC"]
    columns += [f"{attribute} from vector" for attribute in people.attributes]
    columns += ["gender from score", "face @10", "gender ratio", "unbiased label's own ratio"]
    sys.stdout.write(f"{table(columns, rows)}\n\n")
    sys.stdout.write(f"attributes whose strongest probe ends above the undefended one: {worse} of {pairs}\n")


if __name__ == "__main__":
    main()
