"""A trained model on disk: its shape as JSON, its weights as safetensors; nothing in it can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from fairhire.errors import DataError, UsageError
from fairhire.model.config import ModelConfig
from fairhire.model.hirenet import BiGRU, HireNet, HireNetAverage, HireNetModel, HireNetSelfAttention

__all__ = ["MODELS", "load_model", "new_model", "save_model"]

MODELS: dict[str, type[HireNetModel]] = {
    "hirenet": HireNet,
    "hn-satt": HireNetSelfAttention,
    "hn-avg": HireNetAverage,
    "bigru": BiGRU,
}
"""Every model by the name it has on the command line."""


def new_model(config: ModelConfig) -> HireNetModel:
    """Return an untrained model of the given shape; :class:`UsageError` for an unknown name."""
    if config.name not in MODELS:
        raise UsageError(f"model: expected one of {', '.join(MODELS)}, got {config.name!r}")
    return MODELS[config.name](config)


def save_model(model: HireNetModel, folder: Path) -> None:
    """Write ``config.json`` and ``weights.safetensors`` into an existing folder."""
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=2) + "\n", encoding="utf-8")
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    (folder / "weights.safetensors").write_bytes(save(weights))


def load_model(folder: Path) -> HireNetModel:
    """Return the model in ``folder``, ready to predict; :class:`DataError` for files missing, damaged or unfitting."""
    try:
        record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        model = new_model(ModelConfig.from_dict(record))
    except (OSError, ValueError, TypeError, UsageError) as error:
        raise DataError(
            f"{folder / 'config.json'}: expected a model's configuration, got {_first_line(error)}"
        ) from None
    path = folder / "weights.safetensors"
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: expected the weights of this model, got {_first_line(error)}") from None
    _check_fit(path, weights, model.state_dict())
    model.load_state_dict(weights)
    return model.eval()


def _check_fit(path: Path, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    if odd := sorted(weights.keys() ^ expected.keys()):
        raise DataError(f"{path}: expected the weights of this model, got {odd[0]!r} unknown or missing")
    for name, value in expected.items():
        if weights[name].shape != value.shape:
            shapes = f"{tuple(value.shape)}, got {tuple(weights[name].shape)}"
            raise DataError(f"{path}: expected {name!r} of shape {shapes}")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
