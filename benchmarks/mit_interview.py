"""MIT Interview, HireNet beside its ablations: ``python -m benchmarks.mit_interview DATA OUT``.

DATA is the folder with ``transcripts.csv.gz`` and the rest. 138 interviews of 69 people, real questions; words and
prosody; five folds by person, every person tested once; the folds' scores are pooled for one AUC with an interval by
person. Small data: intervals are wide, and the table says so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_data import shown, table, trained
from fairhire import Corpus, TrainConfig
from fairhire.data import DATASETS
from fairhire.data.imported import write_imported
from fairhire.estimate import auc_of, bootstrap_by_person, bootstrap_difference, f1_of

FOLDS = 5


def main() -> None:
    """Cross-validate every model and print AUC, F1 and the paired difference from HireNet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    place = options.out / "corpus"
    if not place.exists():
        write_imported(DATASETS["mit-interview"](options.data), place)
    corpus = Corpus(place)
    persons = corpus.interviews["candidate"].to_numpy(dtype=str)
    hirable = corpus.interviews["hirable"].to_numpy(dtype=bool)
    score: dict[str, NDArray[np.float64]] = {}
    for model in ("hirenet", "hn-satt", "hn-avg", "bigru"):
        score[model] = np.zeros(len(corpus))
        for seed in range(options.seeds):
            for fold in range(1, FOLDS + 1):
                config = TrainConfig(
                    model=model, split=f"fold:{fold}/{FOLDS}", seed=seed, hidden=16, attention=16, question_hidden=16,
                    word_dim=32, batch=16, epochs=20, longest=200,
                )  # fmt: skip
                run = trained(corpus, config, options.out / f"{model}-seed{seed}-fold{fold}")
                test = run.scores.split == "test"
                score[model][test] += run.scores.score[test] / options.seeds
    rows = []
    for model, values in score.items():
        figures = bootstrap_by_person({"auc": auc_of(hirable, values), "f1": f1_of(hirable, values >= 0.5)}, persons)
        difference = bootstrap_difference(auc_of(hirable, score["hirenet"]), auc_of(hirable, values), persons)
        rows.append([model, shown(figures["auc"]), shown(figures["f1"]), shown(difference)])
    sys.stdout.write(table(["model", "AUC", "F1 at 0.5", "HireNet's AUC minus this one's"], rows) + "\n")


if __name__ == "__main__":
    main()
