"""FairCVtest, gender half: does the face adversary give merit back? ``python -m benchmarks.faircvtest DATA OUT``.

DATA is the folder with ``faircvtest_gender.csv.gz``. Merits are one modality, the face embedding is the video modality
and the adversary's target; the label is the biased score above its median; people are split 70/30 (of the 70, 10 choose
the weights). Merit is judged against the unbiased label, which no run has seen.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.real_data import (
    beside,
    disagreement,
    impact_ratio,
    of_probe,
    pair,
    people_of,
    shown,
    stronger,
    table,
    task_auc,
    value,
)
from fairhire import Corpus, TrainConfig
from fairhire.data import DATASETS
from fairhire.data.imported import write_imported

PROBES = ("linear", "mlp", "kernel")


def main() -> None:
    """Train five seeds, undefended and defended, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--adversary", default="face")
    options = parser.parse_args()
    place = options.out / "corpus"
    if not place.exists():
        write_imported(DATASETS["faircvtest"](options.data), place)
    corpus, people = Corpus(place), people_of(place)
    truth = pd.read_csv(options.out / "corpus.truth.csv")["hirable_unbiased"]
    rows, sentences, worse = [], [], 0
    for seed in range(options.seeds):
        config = TrainConfig(adversary=options.adversary, fractions=(0.6, 0.1, 0.3), seed=seed)
        undefended, defended = pair(corpus, config, options.out, f"seed{seed}")
        result = beside(corpus, undefended, defended, people, ["gender"])
        ends = {}
        for name, run in (("undefended", undefended), ("defended", defended)):
            ends[name] = max(value(of_probe(result, name, "representation", "gender", p)) for p in ("linear", "mlp"))
            rows.append(
                [
                    str(seed),
                    name,
                    *(shown(of_probe(result, name, "representation", "gender", probe)) for probe in PROBES),
                    shown(stronger(result, name, "score", "gender")),
                    shown(task_auc(run, truth)),
                    shown(task_auc(run)),
                    shown(impact_ratio(run, people, "gender")),
                    shown(impact_ratio(run, people, "gender", truth)),
                    shown(stronger(result, name, "representation", "face", "recall@10")),
                ]
            )
        worse += ends["defended"] > ends["undefended"]
        sentences.append(f"seed {seed}: {disagreement(defended, result)}")
    columns = ["seed", "run", "gender: linear", "gender: MLP", "gender: kernel", "gender from score"]
    columns += ["merit AUC", "biased-label AUC", "impact ratio at the median"]
    columns += ["unbiased label's own ratio", "face retrieval @10"]
    sys.stdout.write(f"{table(columns, rows)}\n\n")
    for name in ("undefended", "defended"):
        figures = np.array([[float(cell.split(" ")[0]) for cell in row[2:]] for row in rows if row[1] == name])
        named = zip(columns[2:], figures.mean(axis=0), strict=True)
        sys.stdout.write(f"mean over seeds, {name}: {', '.join(f'{column} {mean:.3f}' for column, mean in named)}\n")
    sys.stdout.write(f"seeds whose stronger probe (linear, MLP) ends above the undefended one: {worse}\n")
    sys.stdout.write("\n".join(sentences) + "\n")


if __name__ == "__main__":
    main()
