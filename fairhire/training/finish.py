"""Turns the chosen weights into a finished run: model, scores, representation, history, and where it all comes from."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from json import dumps, loads
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fairhire.adversaries import kind_of
from fairhire.adversaries.label import SensitiveLabels
from fairhire.atomic import canonical_json, new_directory, new_file, sha256, write_json, write_text
from fairhire.data.corpus import Corpus
from fairhire.model import HireNetModel, save_model
from fairhire.runs import RUN_SCHEMA
from fairhire.training.config import TrainConfig
from fairhire.training.journal import Journal, close_folder, sweep_folder
from fairhire.training.predict import ratings_of, run_model, save_words, scores_of
from fairhire.training.prepare import Setting
from fairhire.training.selection import Checkpoint

__all__ = ["fingerprint", "finish_run"]

DEFEATED = 1.2  # adversary loss over that of the mean face: above it the adversary is beaten, not the leak (papers 2.3)


def fingerprint(
    corpus: Corpus, config: TrainConfig, word_vectors: Path | None, sensitive_labels: SensitiveLabels | None
) -> dict[str, str | None]:
    """Return the SHA-256 of everything a run reads; a resumed run must read the same, and no faces if it needs none."""
    embedded = corpus.path / "biometrics" / "biometrics.json" if config.targets & {"face", "voice"} else None
    labels = None if sensitive_labels is None else canonical_json(dict(sensitive_labels.of))
    return {
        "corpus_sha256": sha256(corpus.path / "corpus.json"),
        "faces_sha256": None if embedded is None else sha256(embedded),
        "word_vectors_sha256": None if word_vectors is None else sha256(word_vectors),
        "sensitive_labels": None if labels is None else _digest(labels),
    }


def finish_run(
    out: Path,
    setting: Setting,
    config: TrainConfig,
    model: HireNetModel,
    journal: Journal,
    chosen: Checkpoint,
    erasures: Sequence[Mapping[str, Any]],
    *,
    device: torch.device,
) -> None:
    """Write the finished run at ``out``, provenance last, and delete what only training needed.

    ``erasures`` say what the erasers in ``model`` took out, and where.
    """
    corpus = setting.corpus
    sweep_folder(out)
    with new_directory(out / "model") as folder:
        save_model(model, folder)
        save_words(folder, setting.vocabulary)
    prediction = run_model(model, setting.reader, np.arange(len(corpus)), device=device)
    scores_of(corpus, prediction, setting.parts, config.threshold).write(out / "scores.parquet")
    tables = ["scores.parquet"]
    if setting.ratings:
        ratings_of(corpus, prediction, list(setting.ratings), setting.parts).write(out / "ratings.parquet")
        tables.append("ratings.parquet")
    with new_file(out / "representation.npy") as path, path.open("wb") as file:
        np.save(file, prediction.representation)
    with new_directory(out / "layers") as folder:
        for name, layer in prediction.layers.items():
            np.save(folder / f"{name}.npy", layer)
    write_text(out / "history.jsonl", "".join(f"{dumps(record, allow_nan=False)}\n" for record in journal.history))
    write_json(out / "config.json", config.to_dict())
    names = (
        "model/weights.safetensors",
        "model/config.json",
        "model/words.txt",
        *tables,
        "representation.npy",
        *(f"layers/{name}.npy" for name in prediction.layers),
    )
    parts = {part: int((setting.parts == part).sum()) for part in ("train", "validation", "test")}
    people = corpus.interviews["candidate"].to_numpy(dtype=str)
    unfinished = out / "training"
    inputs = _inputs(unfinished)
    record: dict[str, Any] = {
        "schema": RUN_SCHEMA,
        "chosen_epoch": chosen.epoch,
        "chosen_strength": chosen.strength if config.adversaries else None,
        "chosen_by": _how(config, chosen, journal),
        "removal": {
            "adversary": config.adversary,
            "erase": "+".join(config.erasers) or "none",
            "offset": "+".join(config.offsets) or "none",
            "sites": list(setting.sites) if config.adversaries or config.erasers else [],
        },
        "erasures": [dict(record) for record in erasures],
        "offset": None if setting.offset is None else setting.offset.to_dict(),
        "began": inputs.pop("began", None),
        "seed": config.seed,
        "corpus": {"name": corpus.path.name, "interviews": len(corpus), **inputs},
        "interviews": parts,
        "candidates": {part: len(set(people[setting.parts == part])) for part in parts},
        "trained_on": len(setting.train),
        "ratings": {name: scale.to_dict() for name, scale in setting.ratings.items()},
        "left_out": list(setting.left_out),
        "remarks": [*setting.remarks, *_remarks(config, journal), *_remarks_of_erasers(erasures)],
        "layers": {
            name: {"width": layer.shape[1], "absent": int((~layer.any(axis=1)).sum())}
            for name, layer in prediction.layers.items()
        },
        "sensitive_labels_read": "label" in config.targets,
        "files": {name: sha256(out / name) for name in names},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("fairhire", "torch", "numpy", "safetensors", "lightning-fabric")},
        },
        "device": str(device),
    }
    write_json(out / "provenance.json", record)
    close_folder(unfinished)


def _how(config: TrainConfig, chosen: Checkpoint, journal: Journal) -> dict[str, Any]:
    together = "_with_offset" if config.offsets else ""
    how: dict[str, Any] = {f"validation_{config.select_by}{together}": chosen.task}
    for record in journal.history:
        if record["epoch"] == chosen.epoch and record["strength"] in (None, chosen.strength):
            how |= {name: value for name, value in record.items() if name.endswith("_retrieval_auc")}
    return how


def _remarks(config: TrainConfig, journal: Journal) -> list[str]:
    remarks = []
    skipped = sum(record.get("batches_without_two_people", 0) for record in journal.history)
    if skipped:
        remarks.append(f"{skipped} batches had fewer than two candidates to tell apart: the adversary sat them out")
    for number, name in enumerate(config.adversaries):
        if not name.endswith("-regression"):
            continue
        learning = config.head_start + config.warm_up  # until then the model stands still: nobody is defeated yet
        games = [record for record in journal.history if record["epoch"] > learning]
        losses = [
            value
            for record in games
            for key, value in record.items()
            if key.startswith(f"adversary_loss, {name} at ") or (number == 0 and key == "adversary_loss")
        ]
        worst = max(losses, default=0.0)
        if worst > DEFEATED:
            remarks.append(
                f"the {kind_of(name)} adversary was defeated: its loss reached {worst:.1f} times that of guessing the "
                f"mean {kind_of(name)}. That is not the absence of a leak; see fairhire leakage. More adversary steps "
                "or less strength help"
            )
    return remarks


def _remarks_of_erasers(erasures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what erasers said, and where faces are still found after all that could be cut was cut."""
    remarks = []
    for record in erasures:
        remarks += [f"at {record['site']}: {sentence}" for sentence in record["remarks"]]
        for kind in ("face", "voice"):
            after = record.get(f"{kind}_retrieval_after")
            if after and after["auc"] - 0.5 > 2 * after["standard_error"]:
                remarks.append(
                    f"at {record['site']}: a fresh probe still finds {kind}s of {after['people']} validation people "
                    f"after erasing (mean-rank AUC {after['auc']:.3f}, chance 0.5): what is left gives them away"
                )
    return remarks


def _inputs(unfinished: Path) -> dict[str, Any]:
    record = loads((unfinished / "run.json").read_text(encoding="utf-8"))
    return {key: value for key, value in record.items() if key != "config"}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
