"""Three ways to sum up a sequence: attention led by a context, attention by itself, and the plain mean."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from fairhire.model.recurrent import valid_steps

__all__ = ["ContextAttention", "MeanPooling", "Pooling", "SelfAttention"]


class Pooling(nn.Module, ABC):
    """Sums up states (N, T, H) as a weighted mean over their valid steps."""

    @abstractmethod
    def __init__(self, width: int, context: int, hidden: int) -> None:
        """Build for states of ``width``, a context of width ``context`` and ``hidden`` attention units."""
        super().__init__()

    @abstractmethod
    def weights(self, states: Tensor, valid: Tensor, context: Tensor) -> Tensor:
        """Return the weights (N, T), summing to 1 over ``valid`` (N, T) and 0 elsewhere."""

    def forward(self, states: Tensor, lengths: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summary (N, H) of ``states`` (N, T, H) given ``context`` (N, C), and the weights (N, T)."""
        weights = self.weights(states, valid_steps(lengths, states.shape[1]), context)
        return torch.bmm(weights[:, None, :], states)[:, 0], weights


class ContextAttention(Pooling):
    """``softmax_t(u^T tanh(W h_t + W_q q + b))``: the question or the job title leads (papers section 1.1)."""

    def __init__(self, width: int, context: int, hidden: int) -> None:
        super().__init__(width, context, hidden)
        self.of_states = nn.Linear(width, hidden, bias=False)
        self.of_context = nn.Linear(context, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def weights(self, states: Tensor, valid: Tensor, context: Tensor) -> Tensor:
        """Return the weights (N, T)."""
        # In place: these are the largest arrays beside the states, and nothing else needs them.
        hidden = self.of_states(states).add_(self.of_context(context)[:, None, :]).tanh_()
        return _softmax(self.score(hidden)[:, :, 0], valid)


class SelfAttention(Pooling):
    """``softmax_t(u^T tanh(W h_t + b))``: the same without a context, the ablation HN_SATT (papers section 1.1)."""

    def __init__(self, width: int, context: int, hidden: int) -> None:
        super().__init__(width, context, hidden)
        self.of_states = nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def weights(self, states: Tensor, valid: Tensor, context: Tensor) -> Tensor:  # noqa: ARG002 - that is the point
        """Return the weights (N, T)."""
        return _softmax(self.score(self.of_states(states).tanh_())[:, :, 0], valid)


class MeanPooling(Pooling):
    """The mean over valid steps, the ablation HN_AVG (papers section 1.1)."""

    def __init__(self, width: int, context: int, hidden: int) -> None:
        super().__init__(width, context, hidden)

    def weights(self, states: Tensor, valid: Tensor, context: Tensor) -> Tensor:  # noqa: ARG002 - that is the point
        """Return the weights (N, T)."""
        return valid.to(states.dtype) / valid.sum(dim=1, keepdim=True)


def _softmax(scores: Tensor, valid: Tensor) -> Tensor:
    return torch.softmax(scores.masked_fill(~valid, -torch.inf), dim=1)
