"""Recurrent encoders over sequences of unequal length, in which padding can never be seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fairhire.model.ragged import run_ragged

__all__ = ["BidirectionalGRU", "LastState", "reversal_index", "run_packed", "valid_steps"]


def valid_steps(lengths: Tensor, steps: int) -> Tensor:
    """Return (N, T) True for the first ``lengths`` (N,) of ``steps`` = T steps."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def reversal_index(lengths: Tensor, steps: int) -> Tensor:
    """Return (N * T,) places that turn each flattened sequence around within its own length, padding left in place."""
    time = torch.arange(steps, device=lengths.device).expand(len(lengths), -1)
    mirrored = torch.where(time < lengths[:, None], lengths[:, None] - 1 - time, time)
    rows = torch.arange(len(lengths), device=lengths.device)[:, None] * steps
    return (rows + mirrored).reshape(-1)


class BidirectionalGRU(nn.Module):
    """A GRU forwards and a GRU backwards, their states side by side (papers section 1.1, low- and high-level encoder).

    ``nn.GRU`` over a packed sequence suits CUDA; on CPU it was 10 to 20 times slower than over padded input, and
    :func:`~fairhire.model.ragged.run_ragged` is faster than both. All are the same numbers. States beyond a
    sequence's length are zero.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.forwards = nn.GRU(width, hidden, batch_first=True)
        self.backwards = nn.GRU(width, hidden, batch_first=True)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Return the states (N, T, 2 hidden) over ``values`` (N, T, D); ``lengths`` (N,) are 1 to T."""
        run = run_packed if values.is_cuda else run_ragged
        return run(self.forwards, self.backwards, values, lengths)

    def last(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return the last forward and the last backward state (N, 2 hidden) of what :meth:`forward` returned."""
        half = states.shape[2] // 2
        ends = states[torch.arange(len(lengths), device=states.device), lengths - 1, :half]
        return torch.cat([ends, states[:, 0, half:]], dim=1)


class LastState(nn.Module):
    """The last state of a forward GRU over a short text: a question or a job title (papers section 1.1).

    A text without words gives a vector of its own, learned like everything else.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.nothing = nn.Parameter(torch.zeros(hidden))

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Return (P, hidden) for embedded words (P, L, D) of which the first ``lengths`` (P,), from 0, are valid."""
        states: Tensor = self.gru(words)[0]
        last = states[torch.arange(len(lengths), device=states.device), (lengths - 1).clamp(min=0)]
        return torch.where(lengths[:, None] > 0, last, self.nothing.to(last.dtype))


def run_packed(forwards: nn.GRU, backwards: nn.GRU, values: Tensor, lengths: Tensor) -> Tensor:
    """Return the states (N, T, 2 hidden) of both GRUs over ``values`` (N, T, D), zero beyond ``lengths`` (N,)."""
    turn = reversal_index(lengths, values.shape[1])
    ahead = _packed(forwards, values, lengths)
    back = _packed(backwards, _turned(values, turn), lengths)
    return torch.cat([ahead, _turned(back, turn)], dim=2)


def _packed(gru: nn.GRU, values: Tensor, lengths: Tensor) -> Tensor:
    packed = pack_padded_sequence(values, lengths.cpu(), batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=values.shape[1])[0]


def _turned(values: Tensor, turn: Tensor) -> Tensor:
    return values.reshape(-1, values.shape[2]).index_select(0, turn).view_as(values)
