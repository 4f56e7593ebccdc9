"""Where an unfinished run stands: kept on disk so that a killed one goes on, and turned into a finished run."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fairhire.atomic import storage_errors, write_json
from fairhire.errors import DataError, UsageError
from fairhire.training.config import TrainConfig
from fairhire.training.selection import Checkpoint, undominated

__all__ = ["Journal", "close_folder", "drop_unchosen", "open_folder", "sweep_folder", "weights_file"]


@dataclass
class Journal:
    """The position of a run, saved with its weights; everything in it is JSON.

    ``attempt`` counts the strengths tried, from 0; ``epoch`` is the one under way, from 1, ``batch`` the batches of
    it that are done, ``step`` all steps of the run; ``sums`` adds up the epoch's figures. ``checkpoints`` are the
    weights that may still be chosen; ``stale`` counts epochs without a new one.
    """

    attempt: int = 0
    epoch: int = 1
    batch: int = 0
    step: int = 0
    stale: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)

    def add(self, name: str, value: float) -> None:
        """Add to one of the epoch's sums."""
        self.sums[name] = self.sums.get(name, 0.0) + value

    def offer(self, checkpoint: Checkpoint) -> bool:
        """Consider new weights; return whether they are worth keeping, and forget those they outdo."""
        kept = undominated([*self.checkpoints, checkpoint])
        worth = checkpoint in kept
        self.checkpoints = kept
        self.stale = 0 if worth else self.stale + 1
        return worth

    def next_epoch(self, record: dict[str, Any]) -> None:
        """Close the epoch with its line of history."""
        self.history.append(record)
        self.epoch, self.batch, self.sums = self.epoch + 1, 0, {}

    def next_attempt(self) -> None:
        """Begin the next strength from the first epoch."""
        self.attempt, self.epoch, self.batch, self.stale, self.sums = self.attempt + 1, 1, 0, 0, {}

    def to_dict(self) -> dict[str, Any]:
        """Return the journal as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Journal:
        """Return the journal that :meth:`to_dict` wrote."""
        return cls(**{**record, "checkpoints": [Checkpoint(**one) for one in record["checkpoints"]]})


def weights_file(folder: Path, checkpoint: Checkpoint, strengths: tuple[float, ...]) -> Path:
    """Return where a checkpoint's weights are kept while the run is unfinished."""
    return folder / f"weights-{strengths.index(checkpoint.strength)}-{checkpoint.epoch}.safetensors"


def open_folder(out: Path, config: TrainConfig, fingerprint: dict[str, Any]) -> Path:
    """Return the ``training/`` folder of ``out``, new or of the same unfinished run.

    Raises :class:`UsageError` when ``out`` holds a finished run, something else, or an unfinished run of another
    configuration or corpus (the first setting that differs is named), :class:`DataError` when its record is damaged.
    """
    folder = out / "training"
    path = folder / "run.json"
    record = {"config": config.to_dict(), **fingerprint}
    if path.exists():
        before = _flat(_read(path))
        for key, value in _flat(record).items():
            if (old := before.get(key)) != value:
                raise UsageError(
                    f"{out}: expected a new folder, found an unfinished run with {key} {old!r} where this one has "
                    f"{value!r}; choose another --out"
                )
        return folder
    if (out / "provenance.json").exists():
        raise UsageError(f"{out}: expected a new folder for the run, found a finished run; choose another --out")
    for place in (out, *out.parents):
        if place.exists() and not place.is_dir():
            raise UsageError(f"{place}: expected a new folder for the run, found a file; choose another --out")
    if out.exists() and any(entry.name != "training" for entry in out.iterdir()):
        raise UsageError(f"{out}: expected a new folder for the run, found other files; choose another --out")
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # The day, for whoever asks whether a gate was written before; resumed or not, it is that of the first start.
    write_json(path, {**record, "began": datetime.now(UTC).date().isoformat()})
    return folder


def drop_unchosen(folder: Path, journal: Journal, strengths: tuple[float, ...]) -> None:
    """Delete weights that can no longer be chosen."""
    kept = {weights_file(folder, checkpoint, strengths) for checkpoint in journal.checkpoints}
    for path in folder.glob("weights-*.safetensors"):
        if path not in kept:
            path.unlink(missing_ok=True)


def sweep_folder(out: Path) -> None:
    """Delete what a finishing that was killed left half-written in ``out`` (the temporary names of ``atomic.py``)."""
    for name in (
        *("model", "layers", "scores.parquet", "representation.npy", "ratings.parquet"),
        *("history.jsonl", "config.json", "provenance.json"),
    ):
        for path in out.glob(f".{name}.*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def close_folder(folder: Path) -> None:
    """Delete what only an unfinished run needs, the adversary among it; what says "unfinished" goes last."""
    for path in folder.iterdir():
        if path.name != "run.json":
            path.unlink()
    shutil.rmtree(folder)


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected the settings of an unfinished run, got {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get("config"), dict):
        raise DataError(f"{path}: expected the settings of an unfinished run, got no configuration")
    return record


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    return {**record["config"], **{key: value for key, value in record.items() if key != "config"}}
