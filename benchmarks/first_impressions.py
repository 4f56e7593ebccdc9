"""First Impressions V2, the 2,000 test clips with faces: ``python -m benchmarks.first_impressions DATA OUT``.

DATA is the folder with the organisers' files. Text and face-crop video, split by source video (60/10/30), undefended
and defended against ``eigenfaces``. Clips have no question and no job title: HireNet without context.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.real_data import (
    beside,
    disagreement,
    impact_ratio,
    pair,
    pairs_of,
    people_of,
    shown,
    stronger,
    table,
    task_auc,
    train_all,
)
from fairhire import Corpus, TrainConfig
from fairhire.data import DATASETS
from fairhire.data.imported import write_imported
from fairhire.media import FACE_ENCODERS

ATTRIBUTES = ("gender", "ethnicity", "age_group")


def main() -> None:
    """Train the seeds, undefended and defended, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    place = options.out / "corpus"
    if not place.exists():
        encoder = FACE_ENCODERS["eigenfaces"]()
        write_imported(DATASETS["first-impressions"](options.data, clips="with-faces", face_encoder=encoder), place)
    corpus, people = Corpus(place), people_of(place)
    rows, sentences = [], []
    configs = {
        seed: TrainConfig(
            adversary="face", modalities=("text", "video"), fractions=(0.6, 0.1, 0.3), seed=seed, hidden=32
        )
        for seed in range(options.seeds)
    }
    train_all(place, pairs_of(configs), options.out, workers=options.workers)
    for seed, config in configs.items():
        undefended, defended = pair(corpus, config, options.out, f"seed{seed}")
        result = beside(corpus, undefended, defended, people, ATTRIBUTES)
        for name, run in (("undefended", undefended), ("defended", defended)):
            row = [str(seed), name, shown(task_auc(run))]
            row += [shown(stronger(result, name, "representation", attribute)) for attribute in ATTRIBUTES]
            row += [shown(stronger(result, name, "score", attribute)) for attribute in ("gender", "ethnicity")]
            row += [shown(impact_ratio(run, people, attribute)) for attribute in ("gender", "ethnicity")]
            row += [shown(stronger(result, name, "representation", "face", f"recall@{k}")) for k in (1, 10)]
            rows.append(row)
        sentences.append(f"seed {seed}: {disagreement(defended, result)}")
    columns = ["seed", "run", "interview AUC", *(f"{attribute} from vector" for attribute in ATTRIBUTES)]
    columns += ["gender from score", "ethnicity from score", "gender ratio", "ethnicity ratio", "face @1", "face @10"]
    sys.stdout.write(f"{table(columns, rows)}\n\n" + "\n".join(sentences) + "\n")


if __name__ == "__main__":
    main()
