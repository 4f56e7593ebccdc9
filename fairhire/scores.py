"""What a model said about people: one row per interview, the only thing the training wing hands to the audit."""

from __future__ import annotations

import csv
import tokenize
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairhire.atomic import new_file
from fairhire.errors import DataError

__all__ = ["Scores", "read_scores", "write_frame"]

_BINARY = {"": -1, "1": 1, "true": 1, "yes": 1, "1.0": 1, "0": 0, "false": 0, "no": 0, "0.0": 0}


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
            raise DataError(f"scores, interview: expected every id once, got {str(names[counts > 1][0])!r} twice")
        outside = (self.score < 0) | (self.score > 1)
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise DataError(f"scores, score: expected values in [0, 1], got {self.score[row]} in row {row + 1}")

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

    def write(self, path: Path | str) -> None:
        """Write the table atomically, as CSV where ``path`` ends in .csv, else as Parquet."""
        write_frame(self.to_frame(), Path(path))


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table atomically, as CSV where ``path`` ends in .csv, else as Parquet, without an index."""
    with new_file(path) as temporary:
        if path.suffix == ".csv":
            frame.to_csv(temporary, index=False, lineterminator="\n")
        else:
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(), temporary)


def read_scores(
    path: Path | str,
    *,
    representation: Path | None = None,
    columns: Mapping[str, str] = MappingProxyType({}),
    score_range: tuple[float, float] = (0.0, 1.0),
) -> Scores:
    """Read a scores table (CSV or Parquet), ours or a vendor's.

    Needs ``interview`` and/or ``candidate``, and ``score`` and/or ``decision`` (0/1, true/false, yes/no); a missing
    ``interview`` is taken from ``candidate`` and the other way round, a missing score from the decision, a missing
    decision from a score of 0.5 or more. ``label``, ``position``, ``split`` are optional. ``columns`` maps our names to
    the table's, ``score_range`` is the scale of its scores, mapped to [0, 1]. ``representation`` is a .npy file (N, H),
    row by row. Raises :class:`DataError` naming file, column and row (from 1, below the header).
    """
    path = Path(path)
    frame = _rename(_read_frame(path), columns, path)
    if "interview" not in frame and "candidate" not in frame:
        raise DataError(f"{path}: expected a column interview or candidate, got {list(frame.columns)}")
    if "score" not in frame and "decision" not in frame:
        raise DataError(f"{path}: expected a column score or decision, got {list(frame.columns)}")
    ids = _interviews(frame, path)
    candidates = _names(frame["candidate" if "candidate" in frame else "interview"], path)
    decision = _binary(frame["decision"], path) if "decision" in frame else None
    if "score" in frame:
        score = _numbers(frame["score"], path, score_range)
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
        representation=None if representation is None else _read_vectors(representation, len(frame)),
    )


def _interviews(frame: pd.DataFrame, path: Path) -> NDArray[np.str_]:
    """Return distinct ids of the rows: the interviews, or else the candidates, each of them once for a position."""
    if "interview" in frame:
        return _names(frame["interview"], path, distinct=True)
    if "position" not in frame:
        return _names(frame["candidate"], path, distinct=True)
    candidates, positions = _names(frame["candidate"], path), frame["position"].fillna("").astype(str)
    if len(set(candidates.tolist())) == len(frame):
        return candidates
    both = pd.Series([f"{name} / {position}" for name, position in zip(candidates, positions, strict=True)])
    return _names(both.rename("candidate and position"), path, distinct=True)


def _rename(frame: pd.DataFrame, columns: Mapping[str, str], path: Path) -> pd.DataFrame:
    """Return the table under our names; a column of ours that stands for something else there is left aside."""
    for theirs in columns.values():
        if theirs not in frame:
            raise DataError(f"{path}: expected a column {theirs!r}, got {list(frame.columns)}")
    taken = [ours for ours, theirs in columns.items() if ours != theirs and ours in frame]
    return frame.drop(columns=taken).rename(columns={theirs: ours for ours, theirs in columns.items()})


def _read_vectors(path: Path, rows: int) -> NDArray[np.float32]:
    """Read a .npy file of ``rows`` vectors as (rows, H) float32, without unpickling anything."""
    try:
        with path.open("rb") as file:
            vectors = np.lib.format.read_array(file, allow_pickle=False)
    except (
        *(OSError, EOFError, ValueError, SyntaxError),  # unreadable, cut short, or with a header that is none
        *(OverflowError, MemoryError, tokenize.TokenError),  # a header of nonsense
    ) as error:
        raise DataError(f"{path}: expected a .npy file of numbers, got {_first_line(error)}") from None
    if vectors.dtype.kind not in "fiu" or vectors.ndim != 2 or len(vectors) != rows:
        raise DataError(f"{path}: expected {rows} rows of numbers, got {vectors.dtype} of shape {vectors.shape}")
    return vectors.astype(np.float32, copy=False)


def _read_frame(path: Path) -> pd.DataFrame:
    """Return the table: texts from CSV, whatever types it has from Parquet."""
    try:
        frame = _read_parquet(path) if path.suffix in (".parquet", ".pq") else _read_csv(path)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a scores table, found no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a readable CSV or Parquet table, got {_first_line(error)}") from None
    if len(frame) == 0:
        raise DataError(f"{path}: expected at least one row, got none")
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    # Not pandas' own reader: it fills short rows, and shifts every column where the rows are one cell longer.
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.reader(file, strict=True) if line]
    header = [name.strip() for name in lines[0]] if lines else []
    _check_header(header, path)
    for row, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            raise DataError(f"{path}, row {row}: expected {len(header)} cells, got {len(line)}")
    return pd.DataFrame(lines[1:], columns=header, dtype=object)


def _read_parquet(path: Path) -> pd.DataFrame:
    with pq.ParquetFile(path) as file:  # not read_table, which adds columns that the path seems to name
        table = file.read()
    table.validate(full=True)
    _check_header(table.column_names, path)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _check_header(header: Sequence[str], path: Path) -> None:
    for name, times in Counter(header).items():
        if times > 1:
            raise DataError(f"{path}: expected every column once, got {name!r} {times} times")


def _names(column: pd.Series, path: Path, *, distinct: bool = False) -> NDArray[np.str_]:
    """Return ids as texts; a whole number is written without a point, as in a CSV."""
    missing = column.isna().to_numpy()
    names = [_name(cell) for cell in column.tolist()]
    seen: set[str] = set()
    for row, (name, gone) in enumerate(zip(names, missing, strict=True), start=1):
        if gone or not name.strip():
            raise DataError(f"{path}, {column.name}, row {row}: expected an id, got an empty cell")
        if distinct and name in seen:
            raise DataError(f"{path}, {column.name}, row {row}: expected every id once, got {name!r} again")
        seen.add(name)
    return np.asarray(names, dtype=str)


def _name(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _numbers(column: pd.Series, path: Path, score_range: tuple[float, float]) -> NDArray[np.float64]:
    """Return scores on [0, 1], NaN where a cell is empty."""
    low, high = score_range
    values = np.full(len(column), np.nan)
    missing = column.isna().to_numpy()
    for row, cell in enumerate(column.tolist()):
        if missing[row] or (isinstance(cell, str) and not cell.strip()):
            continue
        try:
            values[row] = float(cell)
        except (TypeError, ValueError):
            raise DataError(f"{path}, {column.name}, row {row + 1}: expected a number, got {cell!r}") from None
        if not low <= values[row] <= high:
            raise DataError(
                f"{path}, {column.name}, row {row + 1}: expected a number in [{low:g}, {high:g}], got {cell!r}"
            )
    return (values - low) / (high - low)


def _binary(column: pd.Series, path: Path) -> NDArray[np.int64]:
    """Return 1 for yes, 0 for no, -1 where a cell is empty."""
    result = np.full(len(column), -1, dtype=np.int64)
    missing = column.isna().to_numpy()
    for row, cell in enumerate(column.tolist()):
        if missing[row]:
            continue
        word = str(cell).strip().lower()
        if word not in _BINARY:
            raise DataError(f"{path}, {column.name}, row {row + 1}: expected 0/1, true/false or yes/no, got {cell!r}")
        result[row] = _BINARY[word]
    return result


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
