"""One modality's way from frames to a vector: an encoder over frames, and an encoder over answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairhire.interview import AnswerFrames
from fairhire.model.attention import Pooling
from fairhire.model.guard import Guard, guarded
from fairhire.model.recurrent import BidirectionalGRU, valid_steps

__all__ = ["AnswerTower", "InterviewTower", "Standardise", "TowerOutput"]


@dataclass(frozen=True)
class TowerOutput:
    """One modality's part of a batch: vectors (B, H), present (B,), and where it looked; see ``HireNetOutput``.

    For the answer-wise tower ``vectors`` are (B, Q, H) and ``present`` is (B, Q).
    """

    vectors: Tensor
    present: Tensor
    answer_vectors: Tensor
    frame_attention: Tensor
    answer_attention: Tensor


class Standardise(nn.Module):
    """Brings numeric frames to the mean 0 and deviation 1 that they had among training people."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def set(self, mean: Tensor, deviation: Tensor) -> None:
        """Take the training people's mean and deviation (D,); a feature that never varies keeps its scale."""
        self.mean.copy_(mean)
        rounding = torch.finfo(torch.float32).eps * mean.abs()  # a constant's deviation may come out a little above 0
        self.deviation.copy_(torch.where(deviation > rounding, deviation, 1.0))

    def forward(self, values: Tensor) -> Tensor:
        """Return standardised frames (N, T, D)."""
        return (values.to(self.mean.dtype) - self.mean) / self.deviation


class InterviewTower(nn.Module):
    """Frames to answers to interview, as in papers section 1.1, with the given way of pooling at both levels."""

    def __init__(
        self,
        pooling: type[Pooling],
        width: int,
        *,
        question: int,
        title: int,
        hidden: int,
        attention: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.width = 2 * hidden
        self.frame_encoder = BidirectionalGRU(width, hidden)
        self.frame_pooling = pooling(2 * hidden, question, attention)
        self.answer_encoder = BidirectionalGRU(question + 2 * hidden, hidden)
        self.answer_pooling = pooling(2 * hidden, title, attention)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        values: Tensor,
        frames: AnswerFrames,
        question: Tensor,
        title: Tensor,
        slots: int,
        guard: Guard | None = None,
    ) -> TowerOutput:
        """Return the interview vectors of embedded or standardised ``values`` (N, T, D).

        ``question`` (N, C) is the vector of each answer's question, ``title`` (B, J) of each interview's job title,
        ``slots`` is Q. The answers that have this modality are closed up, in order; missing ones leave no trace.
        ``guard`` stands between the answers and everything that reads them.
        """
        states = self.frame_encoder(values, frames.lengths)
        answers, frame_attention = self.frame_pooling(states, frames.lengths, question)
        answers, emitted = guarded(guard, answers)
        pairs = torch.cat([question.to(answers.dtype), self.dropout(answers)], dim=1)
        size = len(title)
        counts = torch.bincount(frames.interview, minlength=size)
        rows = torch.nonzero(counts)[:, 0]
        row_of = torch.cumsum(counts > 0, dim=0) - 1
        place = torch.arange(len(pairs), device=pairs.device) - (torch.cumsum(counts, 0) - counts)[frames.interview]
        grid = pairs.new_zeros(len(rows), int(counts.max()), pairs.shape[1])
        grid = grid.index_put((row_of[frames.interview], place), pairs)
        answer_states = self.answer_encoder(grid, counts[rows])
        summary, weights = self.answer_pooling(answer_states, counts[rows], title[rows])
        summary = F.layer_norm(summary, (self.width,))
        attention = weights.new_zeros(size, slots).index_put(
            (frames.interview, frames.slot), weights[row_of[frames.interview], place]
        )
        return TowerOutput(
            vectors=summary.new_zeros(size, self.width).index_copy(0, rows, summary),
            present=counts > 0,
            answer_vectors=emitted,
            frame_attention=frame_attention,
            answer_attention=attention,
        )


class AnswerTower(nn.Module):
    """Frames to answers and no further: the last states of both directions (Bi-GRU, papers section 1.1)."""

    def __init__(self, width: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.width = 2 * hidden
        self.frame_encoder = BidirectionalGRU(width, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, values: Tensor, frames: AnswerFrames, size: int, slots: int, guard: Guard | None = None
    ) -> TowerOutput:
        """Return the answer vectors of ``values`` (N, T, D) in their places (B, Q, H), zero where there is none."""
        states = self.frame_encoder(values, frames.lengths)
        answers = F.layer_norm(self.dropout(self.frame_encoder.last(states, frames.lengths)), (self.width,))
        answers, emitted = guarded(guard, answers)
        where = (frames.interview, frames.slot)
        present = torch.zeros(size, slots, dtype=torch.bool, device=answers.device)
        present = present.index_put(where, torch.ones_like(frames.slot, dtype=torch.bool))
        valid = valid_steps(frames.lengths, values.shape[1]).to(answers.dtype)
        return TowerOutput(
            vectors=answers.new_zeros(size, slots, self.width).index_put(where, answers),
            present=present,
            answer_vectors=emitted,
            frame_attention=valid / frames.lengths[:, None],
            answer_attention=present.to(answers.dtype) / present.sum(dim=1, keepdim=True).clamp(min=1),
        )
