"""What a model said about people: one row per interview, the only thing the training wing hands to the audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairhire.atomic import new_file
from fairhire.errors import DataError

__all__ = ["Scores", "read_scores"]

_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no")


@dataclass(frozen=True)
class Scores:
    """N interviews as a model judged them.

    ``score`` (N,) lies in [0, 1], NaN where the model saw nothing of the interview; ``decision`` (N,) 1 selected,
    0 not, -1 where there is no score; ``hirable`` (N,) 1, 0 or -1 (unlabelled), or None without labels;
    ``split`` (N,) train, validation, test, or "" where unknown; ``representation`` (N, H) float32 or None.
    Raises :class:`DataError` for shapes that do not fit, a repeated interview, or scores outside [0, 1].
    """

    ids: NDArray[np.str_]
    candidates: NDArray[np.str_]
    position: NDArray[np.str_]
    split: NDArray[np.str_]
    score: NDArray[np.float64]
    decision: NDArray[np.int64]
    hirable: NDArray[np.int64] | None = None
    representation: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        size = len(self.ids)
        for name in ("candidates", "position", "split", "score", "decision"):
            if getattr(self, name).shape != (size,):
                raise DataError(f"scores, {name}: expected shape ({size},), got {getattr(self, name).shape}")
        if self.hirable is not None and self.hirable.shape != (size,):
            raise DataError(f"scores, label: expected shape ({size},), got {self.hirable.shape}")
        if self.representation is not None and (self.representation.ndim != 2 or len(self.representation) != size):
            raise DataError(f"scores, representation: expected ({size}, H), got {self.representation.shape}")
        if len(np.unique(self.ids)) != size:
            names, counts = np.unique(self.ids, return_counts=True)
            raise DataError(f"scores, interview: expected every id once, got {names[counts > 1][0]!r} twice")
        outside = (self.score < 0) | (self.score > 1)
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise DataError(f"scores, score: expected values in [0, 1], got {self.score[row]} in row {row}")

    def __len__(self) -> int:
        return len(self.ids)

    def to_frame(self) -> pd.DataFrame:
        """Return the scores table of the interface: interview, candidate, position, split, score, decision, label."""
        columns: dict[str, Any] = {
            "interview": self.ids.astype(object),
            "candidate": self.candidates.astype(object),
            "position": self.position.astype(object),
            "split": self.split.astype(object),
            "score": pd.arrays.FloatingArray(self.score, np.isnan(self.score)),
            "decision": pd.arrays.IntegerArray(self.decision, self.decision < 0),
        }
        if self.hirable is not None:
            columns["label"] = pd.arrays.IntegerArray(self.hirable, self.hirable < 0)
        return pd.DataFrame(columns)

    def write(self, path: Path) -> None:
        """Write the table atomically, as CSV where ``path`` ends in .csv, else as Parquet."""
        with new_file(path) as temporary:
            frame = self.to_frame()
            if path.suffix == ".csv":
                frame.to_csv(temporary, index=False, lineterminator="\n")
            else:
                pq.write_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(), temporary)


def read_scores(path: Path, *, representation: Path | None = None) -> Scores:
    """Read a scores table (CSV or Parquet), ours or a vendor's.

    Needs ``interview`` and/or ``candidate``, and ``score`` and/or ``decision`` (0/1, true/false, yes/no); a missing
    ``interview`` is taken from ``candidate`` and the other way round, a missing score from the decision, a missing
    decision from a score of 0.5 or more. ``label``, ``position``, ``split`` are optional. ``representation`` is a
    .npy file (N, H), row by row. Raises :class:`DataError` naming file, column and row.
    """
    frame = _read_frame(path)
    if "interview" not in frame and "candidate" not in frame:
        raise DataError(f"{path}: expected a column interview or candidate, got {list(frame.columns)}")
    if "score" not in frame and "decision" not in frame:
        raise DataError(f"{path}: expected a column score or decision, got {list(frame.columns)}")
    ids = frame["interview" if "interview" in frame else "candidate"].astype(str).to_numpy(dtype=str)
    candidates = frame["candidate" if "candidate" in frame else "interview"].astype(str).to_numpy(dtype=str)
    decision = _binary(frame["decision"], path) if "decision" in frame else None
    if "score" in frame:
        score = _numbers(frame["score"], path)
    else:
        assert decision is not None
        score = np.where(decision < 0, np.nan, decision.astype(np.float64))
    if decision is None:
        decision = np.where(np.isnan(score), -1, score >= 0.5).astype(np.int64)
    empty = pd.Series([""] * len(frame))
    return Scores(
        ids=ids,
        candidates=candidates,
        position=frame.get("position", empty).fillna("").astype(str).to_numpy(dtype=str),
        split=frame.get("split", empty).fillna("").astype(str).to_numpy(dtype=str),
        score=score,
        decision=decision,
        hirable=_binary(frame["label"], path) if "label" in frame else None,
        representation=None if representation is None else read_vectors(representation, len(frame)),
    )


def read_vectors(path: Path, rows: int) -> NDArray[np.float32]:
    """Read a .npy file of ``rows`` vectors as (rows, H) float32, without unpickling anything."""
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: expected a .npy file of numbers, got {error}") from None
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or len(vectors) != rows:
        raise DataError(f"{path}: expected {rows} rows of numbers, got shape {getattr(vectors, 'shape', None)}")
    return vectors.astype(np.float32, copy=False)


def _read_frame(path: Path) -> pd.DataFrame:
    try:
        if path.suffix in (".parquet", ".pq"):
            frame: pd.DataFrame = pq.read_table(path).to_pandas()
        else:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a scores table, found no such file") from None
    except (OSError, pa.ArrowException, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: expected a readable CSV or Parquet table, got {str(error).splitlines()[0]}") from None
    if len(frame) == 0:
        raise DataError(f"{path}: expected at least one row, got none")
    return frame


def _numbers(column: pd.Series, path: Path) -> NDArray[np.float64]:
    text = column.astype(object).where(column.notna() & (column.astype(str) != ""), None)
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.isnan(values) & text.notna().to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"{path}, {column.name}, row {row + 1}: expected a number, got {column.iloc[row]!r}")
    return values


def _binary(column: pd.Series, path: Path) -> NDArray[np.int64]:
    result = np.full(len(column), -1, dtype=np.int64)
    for row, value in enumerate(column):
        word = "" if pd.isna(value) else str(value).strip().lower().removesuffix(".0")
        if word in _TRUE:
            result[row] = 1
        elif word in _FALSE:
            result[row] = 0
        elif word:
            raise DataError(f"{path}, {column.name}, row {row + 1}: expected 0/1, true/false or yes/no, got {value!r}")
    return result
