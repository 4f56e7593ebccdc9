"""What a model said of people beside the score: ratings such as traits or skills, one row per interview.

On disk a table (Parquet or CSV): interview, candidate, split, then for every rating NAME the columns ``NAME:predicted``
and ``NAME:annotated``, the first empty where the model saw nothing, the second where nobody rated. The colon keeps a
rating that is itself called ``interview``, as in First Impressions V2, apart from the column of that name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairhire.errors import DataError
from fairhire.scores import write_frame

__all__ = ["Ratings", "read_ratings"]

_KEYS = ("interview", "candidate", "split")
_PREDICTED, _ANNOTATED = ":predicted", ":annotated"


@dataclass(frozen=True)
class Ratings:
    """K ratings of N interviews, predicted and annotated.

    ``ids``, ``candidates`` and ``split`` (N,) as in :class:`~fairhire.scores.Scores`; ``predicted`` (N, K) in the
    corpus's units, or the probability of 1 where a rating is binary, NaN where the model saw nothing; ``annotated``
    (N, K) what people said, NaN where nobody did. Raises :class:`DataError` for shapes that do not fit.
    """

    names: tuple[str, ...]
    ids: NDArray[np.str_]
    candidates: NDArray[np.str_]
    split: NDArray[np.str_]
    predicted: NDArray[np.float64]
    annotated: NDArray[np.float64]

    def __post_init__(self) -> None:
        size = len(self.ids)
        for name in ("candidates", "split"):
            if getattr(self, name).shape != (size,):
                raise DataError(f"ratings, {name}: expected shape ({size},), got {getattr(self, name).shape}")
        for name in ("predicted", "annotated"):
            if (shape := getattr(self, name).shape) != (size, len(self.names)):
                raise DataError(f"ratings, {name}: expected shape ({size}, {len(self.names)}), got {shape}")

    def __len__(self) -> int:
        return len(self.ids)

    def to_frame(self) -> pd.DataFrame:
        """Return the table that the module describes."""
        columns: dict[str, Any] = {
            "interview": self.ids.astype(object),
            "candidate": self.candidates.astype(object),
            "split": self.split.astype(object),
        }
        for place, name in enumerate(self.names):
            for end, values in ((_PREDICTED, self.predicted[:, place]), (_ANNOTATED, self.annotated[:, place])):
                columns[f"{name}{end}"] = pd.arrays.FloatingArray(values, np.isnan(values))
        return pd.DataFrame(columns)

    def write(self, path: Path | str) -> None:
        """Write the table atomically, as CSV where ``path`` ends in .csv, else as Parquet."""
        write_frame(self.to_frame(), Path(path))


def read_ratings(path: Path | str) -> Ratings:
    """Return the ratings that :meth:`Ratings.write` wrote as Parquet.

    Raises :class:`DataError` naming the file for one that is missing, damaged or another table.
    """
    path = Path(path)
    try:
        with pq.ParquetFile(path) as file:  # not read_table, which adds columns that the path seems to name
            frame: pd.DataFrame = file.read().to_pandas()
    except (OSError, pa.ArrowException) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path}: expected a table of ratings, got {reason}") from None
    columns = [str(name) for name in frame.columns]
    names = tuple(name.removesuffix(_PREDICTED) for name in columns if name.endswith(_PREDICTED))
    expected = [*_KEYS, *(f"{name}{end}" for name in names for end in (_PREDICTED, _ANNOTATED))]
    if columns != expected or not names:
        raise DataError(f"{path}: expected the columns of ratings, got {', '.join(columns)}")
    try:
        values = frame[expected[len(_KEYS) :]].to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: expected numbers, got {str(error).splitlines()[0]}") from None
    ids, candidates, split = (frame[name].to_numpy(dtype=str) for name in _KEYS)
    return Ratings(names, ids, candidates, split, predicted=values[:, ::2], annotated=values[:, 1::2])
