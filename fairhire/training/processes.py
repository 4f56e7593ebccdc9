"""Devices, precision and several processes, through lightning-fabric; the only file that knows it."""

from __future__ import annotations

import logging
import os
import warnings

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from fairhire.errors import UsageError
from fairhire.training.config import TrainConfig

__all__ = ["average_gradients", "everyone", "seed_step", "share", "start_fabric"]


def start_fabric(config: TrainConfig) -> Fabric:
    """Return Fabric for the device, precision and number of processes of ``config``, launched.

    With several processes Fabric starts this program again in each; rank 0 alone writes and speaks. Raises
    :class:`UsageError` when a GPU is asked for and none is there.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device: expected a machine with CUDA for --device cuda, got none; use --device cpu")
    cuda = config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Fabric remarks on unused GPUs and the like; what we use is in the run's provenance.
        warnings.simplefilter("ignore")
        fabric = Fabric(
            accelerator="cuda" if cuda else "cpu",
            devices=config.processes,
            strategy="ddp" if config.processes > 1 else "auto",
            precision=config.precision,  # type: ignore[arg-type]
        )
        if config.processes > 1 and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(max(1, (os.cpu_count() or 1) // config.processes))
        fabric.launch()
    return fabric


def seed_step(seed: int, step: int, rank: int) -> None:
    """Give step ``step`` of process ``rank`` its own dropout, whatever came before: a resumed run draws the same."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0]))


def average_gradients(fabric: Fabric, module: nn.Module) -> None:
    """Replace every gradient of ``module`` by its mean over the processes (one exchange for all of them).

    The model is not wrapped for this, since an adversary takes several steps for one of the model's and a batch may
    lack a whole modality: which gradients exist differs from batch to batch.
    """
    if fabric.world_size == 1:
        return
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    flat = torch.cat([_gradient(parameter).reshape(-1) for parameter in parameters])
    mean = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(mean, Tensor)
    start = 0
    for parameter in parameters:
        parameter.grad = mean[start : start + parameter.numel()].view_as(parameter).clone()
        start += parameter.numel()


def everyone(fabric: Fabric, answer: bool) -> bool:
    """Return whether every process says yes: all play a round, or none does."""
    if fabric.world_size == 1:
        return answer
    votes = fabric.all_reduce(torch.tensor(float(answer), device=fabric.device), reduce_op="mean")
    assert isinstance(votes, Tensor)
    return bool(votes > 1 - 1e-6)


def share(rows: NDArray[np.int64], fabric: Fabric) -> NDArray[np.int64]:
    """Return the rows of a batch that fall to this process."""
    return rows[fabric.global_rank :: fabric.world_size]


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
