"""Gradient reversal: the identity going forward, minus the strength going back, and the only minus sign there is."""

from __future__ import annotations

from math import exp
from typing import Any

import torch
from torch import Tensor

__all__ = ["ramp", "reverse_gradient"]


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, representation: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return representation.view_as(representation)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse_gradient(representation: Tensor, strength: float) -> Tensor:
    """Return ``representation`` (B, H) unchanged; its gradient comes back multiplied by ``-strength``.

    Source: Ganin and Lempitsky 2015, as used by arXiv 2110.09424 (papers section 2.1).
    """
    result: Tensor = _Reversal.apply(representation, strength)
    return result


def ramp(progress: float) -> float:
    """Return the share of the full strength at ``progress`` in [0, 1] through the ramp: 0 at 0, 0.9999 at 1.

    ``2 / (1 + exp(-10 p)) - 1``, the schedule of Ganin et al. (papers section 2.3); 1 from the ramp's end on.
    """
    return 1.0 if progress >= 1 else 2.0 / (1.0 + exp(-10.0 * max(progress, 0.0))) - 1.0
