"""The two GRUs of an encoder, run on CPU over sequences of unequal length so that no step of padding is computed.

The same numbers as ``nn.GRU`` (tested), sooner and in less memory: the steps that exist are worked off time by time,
longest sequences first, so that a step is a product over the sequences still running; both directions share it; and
the gradients of the weights are a few large products instead of one small one a step. What was measured:
``python -m benchmarks.training_step``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["run_ragged"]

_PIECE = 768  # rows worked on at once: what is computed for them stays in the cache; 512 to 1024 were equally fast

Piece = list[tuple[int, int]]
"""A run of time steps, each as its first and its last row (exclusive)."""


def run_ragged(forwards: nn.GRU, backwards: nn.GRU, values: Tensor, lengths: Tensor) -> Tensor:
    """Return the states (N, T, 2 hidden) of both GRUs over ``values`` (N, T, D), zero beyond ``lengths`` (N,)."""
    weights = [
        torch.stack([getattr(forwards, name), getattr(backwards, name)])
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    ]
    states: Tensor = _Ragged.apply(values, *weights, _lay_out(lengths, values.shape[1]))
    return states


@dataclass(frozen=True)
class _Layout:
    """The P steps that exist in N sequences, as rows: time by time, and within a time the longest sequence first.

    ``places`` (2, P) says where a row's frame stands among the N * T, for the GRU that begins at the start and for
    the one that begins at the end; ``before`` (P,) is the row of the same sequence one step earlier.
    """

    places: Tensor
    before: Tensor
    pieces: list[Piece]


def _lay_out(lengths: Tensor, steps: int) -> _Layout:
    order = torch.argsort(lengths, descending=True, stable=True)
    ends = lengths[order]
    time = torch.arange(int(ends[0]), device=lengths.device)[:, None]
    valid = time < ends
    ahead, back = (order * steps + time)[valid], (order * steps + ends - 1 - time)[valid]
    running = valid.sum(dim=1)
    before = torch.arange(len(ahead), device=lengths.device)
    before = before - torch.repeat_interleave(torch.cat([running[:1], running[:-1]]), running)
    return _Layout(torch.stack([ahead, back]), before.clamp(min=0), list(_pieces(running.tolist())))


def _pieces(running: list[int]) -> Iterator[Piece]:
    piece: Piece = []
    start = 0
    for rows in running:
        piece.append((start, start + rows))
        start += rows
        if start - piece[0][0] >= _PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


class _Ragged(torch.autograd.Function):
    """Forward and backward of both GRUs, their weights stacked (2, 3 hidden, …), gates in the order of ``nn.GRU``.

    With x a frame, h the state before, h' the one after and * element by element::

        reset   r  = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
        update  z  = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        new     n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))
        state   h' = n + z * (h - n)

    Under autocast it computes in float32, so that rounding cannot add up over hundreds of steps.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(
        ctx: Any, values: Tensor, w_in: Tensor, w_state: Tensor, b_in: Tensor, b_state: Tensor, layout: _Layout
    ) -> Tensor:
        hidden, rows, most = w_state.shape[2], layout.places.shape[1], layout.pieces[0][0][1]
        frames = values.reshape(-1, values.shape[2])
        gates = frames.new_empty(2, rows, 3 * hidden)
        states = frames.new_empty(2, rows, hidden)
        to_gates = w_state.transpose(1, 2).contiguous()
        bias = b_in + torch.cat([b_state[:, : 2 * hidden], torch.zeros_like(b_state[:, 2 * hidden :])], dim=1)
        new_bias = b_state[:, None, 2 * hidden :]
        state = frames.new_zeros(2, most, hidden)
        room = frames.new_empty(2, most, 3 * hidden)
        for piece in layout.pieces:
            begin, end = piece[0][0], piece[-1][1]
            inputs = _rows(frames, layout.places[:, begin:end])
            torch.baddbmm(bias[:, None], inputs, w_in.transpose(1, 2), out=gates[:, begin:end])
            for first, last in piece:
                state = state[:, : last - first]
                pushed = torch.bmm(state, to_gates, out=room[:, : last - first])
                gate = gates[:, first:last]
                opened = gate[..., : 2 * hidden].add_(pushed[..., : 2 * hidden]).sigmoid_()
                reset, update = opened[..., :hidden], opened[..., hidden:]
                new = gate[..., 2 * hidden :].addcmul_(reset, pushed[..., 2 * hidden :].add_(new_bias)).tanh_()
                state = torch.lerp(new, state, update, out=states[:, first:last])
        result = frames.new_zeros(len(frames), 2 * hidden)
        for columns, places, found in zip(_halves(hidden), layout.places, states, strict=True):
            result[:, columns].index_copy_(0, places, found)
        ctx.save_for_backward(values, w_in, w_state, b_state, gates, states)
        ctx.layout = layout
        return result.view(*values.shape[:2], 2 * hidden)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        values, w_in, w_state, b_state, gates, states = ctx.saved_tensors
        layout, hidden = ctx.layout, w_state.shape[2]
        frames, above = values.reshape(-1, values.shape[2]), above.reshape(-1, 2 * hidden)
        d_frames = torch.zeros_like(frames) if ctx.needs_input_grad[0] else None
        d_in, d_state = torch.zeros_like(w_in), torch.zeros_like(w_state)
        d_bias_in, d_bias_state = torch.zeros_like(b_state), torch.zeros_like(b_state)
        carried = above.new_zeros(2, 0, hidden)
        for piece in reversed(layout.pieces):
            begin, end = piece[0][0], piece[-1][1]
            places = layout.places[:, begin:end]
            before = states.index_select(1, layout.before[begin:end])
            if begin == 0:
                before[:, : piece[0][1]] = 0
            d_out = torch.stack(
                [above[:, columns].index_select(0, p) for columns, p in zip(_halves(hidden), places, strict=True)]
            )
            slopes, new_slope = _slopes(gates[:, begin:end], before, w_state, b_state)
            keep = gates[:, begin:end, hidden : 2 * hidden]
            d_gates = slopes.view(2, -1, 3 * hidden)
            for first, last in ((first - begin, last - begin) for first, last in reversed(piece)):
                d_now = d_out[:, first:last]
                d_now[:, : carried.shape[1]].add_(carried)
                slopes[:, first:last].mul_(d_now[:, :, None])
                carried = torch.baddbmm(d_now * keep[:, first:last], d_gates[:, first:last], w_state)
            d_state.baddbmm_(d_gates.transpose(1, 2), before)
            d_bias_state += d_gates.sum(dim=1)
            torch.mul(d_out, new_slope, out=slopes[:, :, 2])  # the new gate's input passes by the reset gate
            d_in.baddbmm_(d_gates.transpose(1, 2), _rows(frames, places))
            d_bias_in += d_gates.sum(dim=1)
            if d_frames is not None:
                for direction, d_rows in enumerate(torch.bmm(d_gates, w_in)):
                    d_frames.index_add_(0, places[direction], d_rows)
        return None if d_frames is None else d_frames.view_as(values), d_in, d_state, d_bias_in, d_bias_state, None


def _halves(hidden: int) -> tuple[slice, slice]:
    """Return where each direction's states stand among the 2 * hidden columns."""
    return slice(0, hidden), slice(hidden, 2 * hidden)


def _rows(frames: Tensor, places: Tensor) -> Tensor:
    return frames.index_select(0, places.reshape(-1)).view(2, -1, frames.shape[1])


def _slopes(gates: Tensor, before: Tensor, w_state: Tensor, b_state: Tensor) -> tuple[Tensor, Tensor]:
    """Return how h' follows what the state before sends to each gate (2, R, 3, hidden), and the frame to the new gate.

    With y = W_hn h + b_hn the derivatives are, in the order of the gates, ``(1-z) (1-n^2) y r (1-r)``,
    ``(h-n) z (1-z)`` and ``(1-z) (1-n^2) r``; the other (2, R, hidden) is ``(1-z) (1-n^2)``, since r scales y alone.
    """
    hidden = before.shape[2]
    reset, update, new = gates.chunk(3, dim=2)
    recalled = torch.baddbmm(b_state[:, None, 2 * hidden :], before, w_state[:, 2 * hidden :].transpose(1, 2))
    slopes = before.new_empty(*before.shape[:2], 3, hidden)
    taken = 1 - update
    torch.sub(before, new, out=slopes[:, :, 1]).mul_(update).mul_(taken)
    new_slope = taken.addcmul_(taken * new, new, value=-1)  # (1 - update) (1 - new^2)
    torch.mul(new_slope, reset, out=slopes[:, :, 2])
    torch.mul(slopes[:, :, 2], recalled.mul_(1 - reset), out=slopes[:, :, 0])
    return slopes, new_slope
