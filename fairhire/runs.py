"""A training run on disk: the names of its files, and how to read them without the code that made them.

::

    RUN/
      config.json            every setting of the run
      history.jsonl          one line an epoch: losses, task scores, adversary accuracy beside chance, retrieval
      model/                 what is deployed: config.json, weights.safetensors, words.txt; no adversary, no face
      scores.parquet         what the model says of every interview of its corpus (the scores table)
      representation.npy     the interview vectors (N, H) float32, row by row with the scores
      layers/NAME.npy        the vectors (N, H_m) float32 of modality NAME before fusion, zeros where it is missing;
                             "NAME answers": the mean of its answer vectors; "attention": where the model looked;
                             "ratings": what it says beside the score
      ratings.parquet        only with ratings: predicted and annotated (:mod:`fairhire.ratings`)
      provenance.json        schema number, hashes, versions, seed, counts; written last: without it a run is unfinished
      training/              while unfinished: what a resumed run needs; deleted at the end
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairhire.errors import DataError
from fairhire.ratings import Ratings, read_ratings
from fairhire.scores import Scores, read_scores

__all__ = ["RUN_SCHEMA", "Run"]

RUN_SCHEMA = 1


@dataclass(frozen=True)
class Run:
    """A finished run, opened for reading. Raises :class:`DataError` for a folder that is not one."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))  # a string will do
        if not (self.path / "provenance.json").is_file():
            unfinished = (self.path / "training").is_dir()
            found = "an unfinished one (train again with the same --out to resume it)" if unfinished else "none"
            raise DataError(f"{self.path}: expected a finished run with provenance.json, found {found}")
        if (schema := self.provenance.get("schema")) != RUN_SCHEMA:
            raise DataError(f"{self.path}/provenance.json: expected schema {RUN_SCHEMA}, got {schema}")

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Where the run comes from: hashes, versions, seed, counts."""
        return self._json("provenance.json")

    @cached_property
    def config(self) -> dict[str, Any]:
        """Every setting of the run."""
        return self._json("config.json")

    @property
    def model(self) -> Path:
        """The folder of the deployable model."""
        return self.path / "model"

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """One record an epoch, in order."""
        path = self.path / "history.jsonl"
        try:
            records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: expected one JSON record a line, got {error}") from None
        if strangers := [record for record in records if not isinstance(record, dict)]:
            raise DataError(f"{path}: expected one JSON record a line, got {type(strangers[0]).__name__}")
        return records

    @cached_property
    def chosen(self) -> dict[str, Any]:
        """The history record of the epoch whose weights are deployed."""
        epoch, strength = (self.provenance.get(f"chosen_{name}") for name in ("epoch", "strength"))
        for record in self.history:
            if record.get("epoch") == epoch and record.get("strength") == strength:
                return record
        raise DataError(
            f"{self.path}/history.jsonl: expected a record of epoch {epoch} at strength {strength}, found none"
        )

    @cached_property
    def scores(self) -> Scores:
        """Scores of every interview of the run's corpus, with the representation (N, H)."""
        return read_scores(self.path / "scores.parquet", representation=self.path / "representation.npy")

    @cached_property
    def ratings(self) -> Ratings | None:
        """What the run says of every interview beside the score, row by row with the scores; None without ratings."""
        return read_ratings(self.path / "ratings.parquet") if self.provenance.get("ratings") else None

    @cached_property
    def layers(self) -> dict[str, NDArray[np.float32]]:
        """What the model makes of an interview on its way (N, H_m), by name (see above), row by row with the scores.

        Modalities in the model's order, then their answers, attention, and ratings where there are any. A row of zeros:
        nothing was recorded of the interview in that modality. A run that was trained before layers were kept has none.
        """
        names = self.provenance.get("layers", {})
        if not isinstance(names, dict):
            raise DataError(f"{self.path}/provenance.json, layers: expected an object, got {type(names).__name__}")
        return {name: self._vectors(self.path / "layers" / f"{name}.npy") for name in names}

    def sources(self) -> dict[str, NDArray[Any]]:
        """Return all that somebody who holds the run's outputs could read people from, row by row.

        ``score`` (N,), ``representation`` (N, H), then the layers by the names of their modalities; one that is itself
        called score or representation is found under ``NAME layer``.
        """
        scores = self.scores
        assert scores.representation is not None
        found: dict[str, NDArray[Any]] = {"score": scores.score, "representation": scores.representation}
        return found | {f"{name} layer" if name in found else name: layer for name, layer in self.layers.items()}

    def _vectors(self, path: Path) -> NDArray[np.float32]:
        vectors = read_scores(self.path / "scores.parquet", representation=path).representation
        assert vectors is not None
        if not np.isfinite(vectors).all():
            raise DataError(f"{path}: expected finite numbers, got NaN or infinity")
        return vectors

    def _json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: expected readable JSON, got {error}") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}: expected a JSON object, got {type(record).__name__}")
        return record
