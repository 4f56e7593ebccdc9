"""What is said to matter in an interview, frame by frame: by attention, and by the gradient of the score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairhire.interview import AnswerFrames, InterviewBatch
from fairhire.model import HireNetModel

__all__ = ["ATTENTION", "GRADIENT", "Ranker", "by_attention", "by_gradient", "ranks_of"]

ATTENTION, GRADIENT = "attention", "gradient"
"""The names of the two rankers below."""

Ranker = Callable[[HireNetModel, InterviewBatch], Mapping[str, Tensor]]
"""Says of every frame of a batch how much it matters: (N, T) a modality, meaningless beyond an answer's length."""


def by_attention(model: HireNetModel, batch: InterviewBatch) -> dict[str, Tensor]:
    """Return the attention values (N, T) by modality: frame attention x frames x question attention x answers."""
    with torch.no_grad():
        output = model(batch)
    found = {}
    for name, frames in batch.features.items():
        answers = torch.bincount(frames.interview, minlength=len(batch))[frames.interview]
        of_answers = output.answer_attention[name][frames.interview, frames.slot] * answers
        found[name] = output.frame_attention[name] * (frames.lengths * of_answers)[:, None]
    return found


def by_gradient(model: HireNetModel, batch: InterviewBatch) -> dict[str, Tensor]:
    """Return ``|sum_d x_d dlogit/dx_d|`` (N, T) by modality, x being what a tower reads: embedded or standardised.

    Gradient times input (Shrikumar et al. 2016), without its sign since attention has none either.
    """
    with torch.enable_grad(), _inputs_watched(model, list(batch.features)) as inputs:
        logits = model(batch).logits
        # Interviews do not see each other: the sum's gradient holds each interview's own.
        gradients = torch.autograd.grad(logits.sum(), list(inputs.values()))
    return {
        name: (values.detach() * gradient).sum(dim=2).abs()
        for (name, values), gradient in zip(inputs.items(), gradients, strict=True)
    }


@contextmanager
def _inputs_watched(model: HireNetModel, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Yield the inputs of the towers of ``names``, filled in when the model runs, each a leaf with a gradient.

    Words are cut off from their embedding there: questions and job titles share it, and are not what is asked about.
    """
    inputs: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
        def take(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            inputs[name] = arguments[0].detach().requires_grad_(True)
            return (inputs[name], *arguments[1:])

        return take

    hooks = [model.tower(name).register_forward_pre_hook(watch(name)) for name in names]
    try:
        yield inputs
    finally:
        for hook in hooks:
            hook.remove()


def ranks_of(
    importance: Tensor, frames: AnswerFrames, generators: Sequence[np.random.Generator]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rank of every frame within its interview (N, T), 0 the most important, and how many there are (B,).

    Frames of equal ``importance`` (N, T) are put in random order by their interview's own generator (B,): a fixed one
    would favour the beginning. Frames beyond an answer's length have the rank -1.
    """
    values = importance.detach().double().numpy()
    interview, lengths = frames.interview.numpy(), frames.lengths.numpy()
    valid = np.arange(values.shape[1]) < lengths[:, None]
    ranks = np.full(values.shape, -1, dtype=np.int64)
    counts = np.zeros(len(generators), dtype=np.int64)
    for row in np.unique(interview):
        mine = valid & (interview == row)[:, None]
        found = values[mine]
        order = np.lexsort((generators[row].permutation(len(found)), -found))
        own = np.empty(len(found), dtype=np.int64)
        own[order] = np.arange(len(found))
        ranks[mine] = own
        counts[row] = len(found)
    return ranks, counts
