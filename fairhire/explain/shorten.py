"""Takes frames and words out of interviews, so that one sees what a model says without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from fairhire.interview import AnswerFrames, InterviewBatch

__all__ = ["shorten"]


def shorten(batch: InterviewBatch, kept: Mapping[str, Tensor]) -> InterviewBatch:
    """Return ``batch`` with only the frames that are ``kept`` (N, T), closed up; other modalities stay as they are.

    Sequences really become shorter: nothing stands in the place of what is gone. An answer that loses all frames of a
    modality is missing there, as if it had never been recorded, and so is a modality that loses all of its answers.
    What is kept beyond an answer's length is not looked at.
    """
    features = {name: _cut(frames, kept[name]) if name in kept else frames for name, frames in batch.features.items()}
    return replace(batch, features={name: frames for name, frames in features.items() if len(frames.lengths)})


def _cut(frames: AnswerFrames, kept: Tensor) -> AnswerFrames:
    steps = torch.arange(frames.values.shape[1])
    kept = kept & (steps < frames.lengths[:, None])
    lengths = kept.sum(dim=1)
    left = torch.nonzero(lengths)[:, 0]
    longest = int(lengths.max()) if len(lengths) else 0
    order = torch.argsort((~kept).long(), dim=1, stable=True)[left, :longest]  # what is kept first, in its own order
    values = frames.values[left[:, None], order]
    beyond = torch.arange(longest) >= lengths[left][:, None]
    values = values.masked_fill(beyond if values.dim() == 2 else beyond[:, :, None], 0)
    return AnswerFrames(values, lengths[left], frames.interview[left], frames.slot[left])
