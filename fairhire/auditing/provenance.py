"""Where an audit comes from: its inputs by hash, the run's model, the code and the libraries that computed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fairhire.atomic import sha256
from fairhire.auditing.tally import Source
from fairhire.errors import DataError, UsageError
from fairhire.runs import Run

__all__ = ["describe_code", "describe_file", "describe_model", "describe_versions", "model_features", "run_began"]


def describe_versions(*more: str) -> dict[str, str]:
    """Return the versions of fairhire and of the libraries that count and compute, with ``more`` of them."""
    libraries = {"fairhire", "duckdb", "ibis-framework", "numpy", "pandas", "pyarrow", "scipy", *more}
    return {name: version(name) for name in sorted(libraries)}


def describe_file(path: Path, *, rows: int) -> Source:
    """Return a file (or of a folder the record that pins its content) as an input of the audit."""
    for pin in ("provenance.json", "corpus.json"):
        if (path / pin).is_file():
            return Source(path.resolve().name, sha256(path / pin), rows)
    return Source(path.resolve().name, sha256(path), rows)


def describe_code() -> dict[str, Any]:
    """Return one hash over the package's own source files, which a wheel and a checkout have in common."""
    package = Path(__file__).parents[1]
    files = sorted(path for path in package.rglob("*.py") if "__pycache__" not in path.parts)
    lines = [f"{path.relative_to(package).as_posix()} {sha256(path)}\n" for path in files]
    return {"sha256": hashlib.sha256("".join(lines).encode()).hexdigest(), "files": len(files)}


def describe_model(run: Run) -> dict[str, Any]:
    """Return what made the scores of a run: model, adversary, seeds and the hashes of configuration and weights."""
    config, provenance = run.config, run.provenance
    return {
        "name": run.path.resolve().name,
        "model": config.get("model"),
        "fusion": config.get("fusion"),
        "modalities": model_features(run),
        "adversary": config.get("adversary"),
        "strength": provenance.get("chosen_strength"),
        "seed": provenance.get("seed"),
        "config_sha256": sha256(run.path / "config.json"),
        "weights_sha256": provenance.get("files", {}).get("model/weights.safetensors"),
        "corpus": provenance.get("corpus"),
        "began": provenance.get("began"),
    }


def model_features(run: Run | None) -> list[str]:
    """Return the modalities that a run's model reads, by the names they have in its corpus; none without a run.

    Raises :class:`DataError` for a model folder without them.
    """
    if run is None:
        return []
    try:
        config = json.loads((run.model / "config.json").read_text(encoding="utf-8"))
        return [str(name) for name in config["modalities"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{run.model}/config.json: expected the model's modalities, got {error}") from None


def run_began(run: Run | None, facts: Mapping[str, str]) -> date | None:
    """Return the day on which what is audited began: a run knows it, of a vendor's scores the auditor says it."""
    said = facts.get("run_began") if run is None else run.provenance.get("began")
    if not said:
        return None
    try:
        return date.fromisoformat(str(said)[:10])
    except ValueError:
        raise UsageError(f"run_began: expected a date such as 2026-11-22, got {said!r}") from None
