"""Where a model looked, as a few numbers an interview, so that a probe can ask whether attention gives people away.

Letters: B interviews, N answers of a modality, T frames, Q places of answers in an interview, M modalities.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fairhire.interview import InterviewBatch
from fairhire.model import HireNetOutput

__all__ = ["PLACES", "attention_summary", "attention_width"]

PLACES = 8
"""Answers of an interview whose weights are kept; later ones are looked at by hardly anybody (ours)."""

_OF_FRAMES = 3


def attention_width(modalities: int) -> int:
    """Return how many numbers :func:`attention_summary` says of an interview with so many modalities."""
    return modalities * (PLACES + _OF_FRAMES)


def attention_summary(output: HireNetOutput, batch: InterviewBatch) -> Tensor:
    """Return (B, M x 11): of each modality the weights of the first 8 answers and three means over its answers.

    The three describe how frames are weighed: where attention lies on average (0 the first frame, 1 the last), how even
    it is (entropy by that of equal weights), and the heaviest frame's weight times the frames (the paper's scaling).
    Zero for a modality that the interview lacks.
    """
    size = len(batch)
    found = []
    for name in output.vectors:
        numbers = output.representation.new_zeros(size, PLACES + _OF_FRAMES, dtype=torch.float32)
        if name in output.answer_attention:
            places = output.answer_attention[name][:, :PLACES]
            numbers[:, : places.shape[1]] = places.float()
            frames = batch.features[name]
            answers = torch.bincount(frames.interview, minlength=size).clamp(min=1)[:, None]
            of_frames = _of_frames(output.frame_attention[name].float(), frames.lengths)
            numbers[:, PLACES:] = numbers[:, PLACES:].index_add(0, frames.interview, of_frames) / answers
        found.append(numbers)
    return torch.cat(found, dim=1)


def _of_frames(weights: Tensor, lengths: Tensor) -> Tensor:
    """Return (N, 3) of the weights (N, T), which are zero beyond each answer's length (N,)."""
    place = torch.arange(weights.shape[1], device=weights.device) / (lengths[:, None] - 1).clamp(min=1)
    centre = (weights * place).sum(dim=1)
    entropy = -torch.special.xlogy(weights, weights).sum(dim=1) / lengths.clamp(min=2).log()
    return torch.stack([centre, entropy, weights.max(dim=1).values * lengths], dim=1)
