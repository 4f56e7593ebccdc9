"""What a system said of every interview in a round, on disk: one Parquet table and how it came about.

::

    predictions/SYSTEM@ROUND.parquet   interview, score (empty where it says nothing), and "rating NAME" columns
    predictions/SYSTEM@ROUND.json      what was chosen and how, seconds, remarks; written last
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from fairhire.atomic import new_file, write_json
from fairhire.bench.systems import Job
from fairhire.errors import DataError

__all__ = ["Predictions", "is_done", "read_predictions", "write_predictions"]


@dataclass(frozen=True)
class Predictions:
    """Scores (N,) of all interviews of the corpus, 0.5 and more is hirable, NaN where a system says nothing.

    ``ratings`` hold predicted ratings (N,) by name; ``about`` says what was chosen.
    """

    score: NDArray[np.float64]
    ratings: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


def is_done(out: Path, job: Job) -> bool:
    """Return whether a job's predictions are there, whole."""
    return (out / "predictions" / f"{job.file}.json").is_file()


def write_predictions(out: Path, job: Job, ids: NDArray[np.str_], predictions: Predictions) -> None:
    """Write both files, the record last: without it the job is done again."""
    folder = out / "predictions"
    columns = {"interview": ids, "score": predictions.score}
    columns |= {f"rating {name}": values for name, values in predictions.ratings.items()}
    with new_file(folder / f"{job.file}.parquet") as path:
        pd.DataFrame(columns).to_parquet(path, index=False)
    write_json(folder / f"{job.file}.json", dict(predictions.about))


def read_predictions(out: Path, job: Job, ids: NDArray[np.str_]) -> Predictions:
    """Return what :func:`write_predictions` wrote; :class:`DataError` for files that are not of this corpus."""
    path = out / "predictions" / f"{job.file}.parquet"
    try:
        table = pd.read_parquet(path)
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a job's predictions, got {str(error).splitlines()[0]}") from None
    if "interview" not in table or table["interview"].tolist() != ids.tolist():
        raise DataError(f"{path}: expected the interviews of the corpus in its order, got others")
    ratings = {
        name.removeprefix("rating "): table[name].to_numpy(np.float64)
        for name in table.columns
        if name.startswith("rating ")
    }
    return Predictions(table["score"].to_numpy(np.float64), ratings, about)
