"""What a killed run needs to go on as if nothing had happened: one safetensors file, replaced atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from fairhire.atomic import new_file
from fairhire.errors import DataError

__all__ = ["load_state", "load_weights", "read_record", "save_state", "save_weights"]


def save_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    record: Mapping[str, Any],
) -> None:
    """Write weights, optimiser moments and ``record`` (JSON) to ``path``; no face, no label is among them."""
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"{name}/{key}": value for key, value in module.state_dict().items()}
    for name, optimiser in optimisers.items():
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}.optimiser/{number}/{key}": value for key, value in state.items()}
    with new_file(path) as temporary:
        temporary.write_bytes(save(_detached(tensors), metadata={"record": json.dumps(record, allow_nan=False)}))


def load_state(path: Path, modules: Mapping[str, nn.Module], optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
    """Put back what :func:`save_state` wrote; :class:`DataError` for a file that does not fit."""
    try:
        tensors = load_file(path)
        for name, module in modules.items():
            module.load_state_dict(_below(tensors, f"{name}/"))
        for name, optimiser in optimisers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _below(tensors, f"{name}.optimiser/").items():
                number, field = key.split("/")
                state.setdefault(int(number), {})[field] = value
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise _not_a_state(path, error) from None


def read_record(path: Path) -> dict[str, Any]:
    """Return the record that :func:`save_state` wrote; :class:`DataError` for a file that has none."""
    try:
        with safe_open(path, framework="pt") as file:
            record: dict[str, Any] = json.loads((file.metadata() or {})["record"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise _not_a_state(path, error) from None
    return record


def _not_a_state(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{path}: expected the state of an unfinished run, got {reason}")


def save_weights(path: Path, module: nn.Module) -> None:
    """Write a module's weights to ``path``, atomically."""
    with new_file(path) as temporary:
        temporary.write_bytes(
            save({key: value.detach().cpu().contiguous().clone() for key, value in module.state_dict().items()})
        )


def load_weights(path: Path, module: nn.Module) -> None:
    """Put back what :func:`save_weights` wrote; :class:`DataError` for a file that does not fit."""
    try:
        module.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{path}: expected weights of this model, got {str(error).splitlines()[0]}") from None


def _detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies that share no memory, as safetensors wants them."""
    return {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
