"""FairCVtest, gender half: does the face adversary give merit back? ``python -m benchmarks.faircvtest DATA OUT``.

DATA is the folder with ``faircvtest_gender.csv.gz``. Merits are one modality, the face embedding is the video modality
and the adversary's target; the label is the biased score above its median; people are split 70/30 (of the 70, 10 choose
the weights). Merit is judged against the unbiased label, which no run has seen. Beside every pair stands what can be
hoped for: a model of the same people that is given the merits alone.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.real_data import (
    beside,
    disagreement,
    impact_ratio,
    of_probe,
    pair,
    pairs_of,
    people_of,
    shown,
    stronger,
    table,
    task_auc,
    train_all,
    trained,
    value,
)
from fairhire import Corpus, TrainConfig
from fairhire.auditing.leakage import PROBES
from fairhire.data import DATASETS
from fairhire.data.imported import write_imported
from fairhire.erasure import spectrum_of
from fairhire.estimate import Estimate
from fairhire.runs import Run
from fairhire.same_rank import task_at_rank


def main() -> None:
    """Train the seeds, undefended, defended and on merits alone, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--adversary", default="face")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    place = options.out / "corpus"
    if not place.exists():
        write_imported(DATASETS["faircvtest"](options.data), place)
    corpus, people = Corpus(place), people_of(place)
    truth = pd.read_csv(options.out / "corpus.truth.csv")["hirable_unbiased"]
    configs = {
        seed: TrainConfig(adversary=options.adversary, fractions=(0.6, 0.1, 0.3), seed=seed)
        for seed in range(options.seeds)
    }
    jobs = pairs_of(configs)
    for seed, config in configs.items():
        jobs[f"seed{seed}-merits"] = replace(config, adversary="none", modalities=("merits",))
    train_all(place, jobs, options.out, workers=options.workers)
    leaks, tasks, sentences, worse, above, readings = [], [], [], 0, 0, 0
    for seed, config in configs.items():
        undefended, defended = pair(corpus, config, options.out, f"seed{seed}")
        merits = trained(corpus, jobs[f"seed{seed}-merits"], options.out / f"seed{seed}-merits")
        result = beside(corpus, undefended, defended, people, ["gender"])
        ends = {}
        for name in ("undefended", "defended"):
            read = [of_probe(result, name, "representation", "gender", probe) for probe in PROBES]
            ends[name] = max(value(one) for one in read)
            bits = of_probe(result, name, "representation", "gender", "linear", "codelength")
            faces = stronger(result, name, "representation", "face", "recall@10")
            score = stronger(result, name, "score", "gender")
            leaks.append([str(seed), name, *map(shown, read), shown(bits), shown(score), shown(faces)])
            if name == "defended":
                readings += len(read)
                above += sum(not one.low <= 0.5 <= one.high for one in read if isinstance(one, Estimate))
        for name, run in (("undefended", undefended), ("defended", defended), ("merits alone", merits)):
            rank, effective = _ranks(run)
            tasks.append(
                [
                    *(str(seed), name),
                    *(shown(task_auc(run, truth)), shown(task_auc(run))),
                    *(shown(impact_ratio(run, people, "gender")), shown(impact_ratio(run, people, "gender", truth))),
                    f"{rank}, {effective:.1f}",
                    "" if run is merits else shown(task_at_rank(undefended, rank, truth=truth.to_numpy(dtype=bool))),
                ]
            )
        worse += ends["defended"] > ends["undefended"]
        sentences.append(f"seed {seed}: {disagreement(defended, result)}")
    columns = ["seed", "run", *(f"gender: {probe}" for probe in PROBES), "bits saved per label", "gender from score"]
    sys.stdout.write(f"{table([*columns, 'face retrieval @10'], leaks)}\n\n")
    columns = ["seed", "run", "merit AUC", "biased-label AUC", "impact ratio at the median"]
    columns += [
        "unbiased label's own ratio",
        "rank, effective rank",
        "merit AUC of undefended vectors cut to that rank",
    ]
    sys.stdout.write(f"{table(columns, tasks)}\n\n")
    for rows, words in ((leaks, columns_of(PROBES)), (tasks, columns[2:6])):
        for name in dict.fromkeys(row[1] for row in rows):
            figures = [
                [float(cell.split(" ")[0]) for cell in row[2 : 2 + len(words)]] for row in rows if row[1] == name
            ]
            named = zip(words, np.mean(figures, axis=0), strict=True)
            sys.stdout.write(f"mean over seeds, {name}: {', '.join(f'{word} {mean:.3f}' for word, mean in named)}\n")
    sys.stdout.write(f"defended readings of gender whose interval misses .5: {above} of {readings}\n")
    sys.stdout.write(f"seeds whose strongest probe ends above the undefended one: {worse}\n")
    sys.stdout.write("\n".join(sentences) + "\n")


def columns_of(probes: object) -> list[str]:
    """Return what the leakage table's columns are of, from the third on."""
    assert isinstance(probes, dict)
    return [*(f"gender {probe}" for probe in probes), "bits", "gender from score", "face @10"]


def _ranks(run: Run) -> tuple[int, float]:
    """Return rank and effective rank of a run's representation among its training people."""
    scores = run.scores
    assert scores.representation is not None
    spectrum = spectrum_of(scores.representation[scores.split == "train"].astype(np.float64))
    return spectrum.rank, spectrum.effective_rank


if __name__ == "__main__":
    main()
