"""Further judgements read from the same vector as the score: a trait, a skill, an overall rating, one number each.

Multi-task learning with a head a task over what they share (Caruana 1997). The heads stand on the representation that
the model emits, so that they are straight-line readings of it: what a guard keeps back, no rating can say.
Letters: B interviews, K ratings, H width of the representation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairhire.model.guard import Guard

__all__ = ["BINARY", "CONTINUOUS", "RATING_KINDS", "RatingHead"]

CONTINUOUS = "continuous"
"""A rating on a scale: squared error in standard deviations of training people, prediction in the scale's units."""

BINARY = "binary"
"""A rating that is 0 or 1: cross-entropy, prediction a probability."""

RATING_KINDS = (CONTINUOUS, BINARY)


class RatingHead(nn.Module):
    """One linear reading a rating, in the units of training people.

    A reading of 0 is what one would say without any input: ``mean`` (K,) holds the training people's mean, or of a
    binary rating the log-odds of their share of ones; ``deviation`` (K,) their standard deviation, 1 for a binary one.
    Weights begin at zero, so that the head says no more than that at first, and nothing random is drawn for it: the
    rest of the model begins as it would without ratings.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, kinds: Sequence[str], dropout: float) -> None:
        super().__init__()
        self.binary = [kind == BINARY for kind in kinds]
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(torch.zeros(len(kinds), width))
        self.bias = nn.Parameter(torch.zeros(len(kinds)))
        self.register_buffer("mean", torch.zeros(len(kinds)))
        self.register_buffer("deviation", torch.ones(len(kinds)))

    def forward(self, representation: Tensor) -> Tensor:
        """Return the readings (B, K) of representations (B, H)."""
        return F.linear(self.dropout(representation), self.weight, self.bias)

    def in_units(self, readings: Tensor) -> Tensor:
        """Return readings (B, K) as ratings: in the corpus's units, of a binary rating the probability of 1."""
        readings = readings.to(torch.promote_types(readings.dtype, torch.float32))
        values = readings * self.deviation + self.mean
        return torch.where(self._is_binary(values), torch.sigmoid(values), values)

    def losses(self, readings: Tensor, truth: Tensor) -> Tensor:
        """Return what each reading (B, K) costs where the rating is ``truth`` (B, K), in the corpus's units."""
        readings = readings.to(torch.promote_types(readings.dtype, torch.float32))  # as the task's loss
        truth = truth.to(readings.dtype)
        squared = (readings - (truth - self.mean) / self.deviation) ** 2
        yes_or_no = F.binary_cross_entropy_with_logits(readings + self.mean, truth, reduction="none")
        return torch.where(self._is_binary(readings), yes_or_no, squared)

    def set_scale(self, mean: Tensor, deviation: Tensor) -> None:
        """Take the training people's ``mean`` (K,) and ``deviation`` (K,), as the class describes them."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def set_reading(self, weight: Tensor, bias: Tensor) -> None:
        """Read from now on ``weight`` (K, H) and ``bias`` (K,), in standardised units."""
        with torch.no_grad():
            self.weight.copy_(weight)
            self.bias.copy_(bias)

    def behind(self, guard: Guard, start: int) -> RatingHead:
        """Return the head that reads what ``guard`` emits in the place of the numbers from ``start``, to equal effect.

        That is: as this head would read what the guard restores, where there is anything to restore; of a modality
        that is absent neither says anything, but the shift of the guard is then in the bias all the same.
        """
        end = start + len(guard.encode)
        block = self.weight.detach()[:, start:end].double()
        weight = torch.cat(
            [self.weight.detach()[:, :start].double(), block @ guard.decode.T, self.weight.detach()[:, end:].double()],
            dim=1,
        )
        kinds = [BINARY if one else CONTINUOUS for one in self.binary]
        head = RatingHead(weight.shape[1], kinds, self.dropout.p).to(self.weight)
        head.set_scale(self.mean, self.deviation)
        head.set_reading(weight, self.bias.detach().double() + block @ guard.shift)
        return head.train(self.training)

    def _is_binary(self, like: Tensor) -> Tensor:
        return torch.tensor(self.binary, dtype=torch.bool, device=like.device)
