"""HireNet and its ablations, slowly and obviously: one interview, one answer, one frame, one equation at a time.

Papers section 1.1, line by line, with the weights of the model that is being checked. No batch, no padding, no mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairhire.interview import TEXT
from fairhire.model import HireNetModel


@dataclass(frozen=True)
class SlowOutput:
    """One interview, judged; ``heads`` are the logits that are trained and exist, of one answer after another."""

    logit: Tensor
    representation: Tensor
    vectors: dict[str, Tensor]
    heads: list[Tensor]


def gru_step(gru: nn.GRU, x: Tensor, h: Tensor) -> Tensor:
    w_ir, w_iz, w_in = gru.weight_ih_l0.chunk(3)
    w_hr, w_hz, w_hn = gru.weight_hh_l0.chunk(3)
    b_ir, b_iz, b_in = gru.bias_ih_l0.chunk(3)
    b_hr, b_hz, b_hn = gru.bias_hh_l0.chunk(3)
    r = torch.sigmoid(w_ir @ x + b_ir + w_hr @ h + b_hr)
    z = torch.sigmoid(w_iz @ x + b_iz + w_hz @ h + b_hz)
    n = torch.tanh(w_in @ x + b_in + r * (w_hn @ h + b_hn))
    return (1 - z) * n + z * h


def gru_states(gru: nn.GRU, frames: Sequence[Tensor]) -> list[Tensor]:
    h = torch.zeros(gru.hidden_size, dtype=gru.weight_hh_l0.dtype)
    states = []
    for x in frames:
        h = gru_step(gru, x, h)
        states.append(h)
    return states


def bidirectional(encoder: nn.Module, frames: Sequence[Tensor]) -> list[Tensor]:
    ahead = gru_states(encoder.forwards, frames)
    back = gru_states(encoder.backwards, frames[::-1])[::-1]
    return [torch.cat([f, b]) for f, b in zip(ahead, back, strict=True)]


def last_state(encoder: nn.Module, model: HireNetModel, text: Sequence[int]) -> Tensor:
    if not text:
        return encoder.nothing
    return gru_states(encoder.gru, [model.words.weight[word] for word in text])[-1]


def attention(pooling: nn.Module, states: Sequence[Tensor], context: Tensor) -> list[Tensor]:
    """Return the weights of one sequence, by what the pooling's class says."""
    kind = type(pooling).__name__
    if kind == "MeanPooling":
        return [torch.tensor(1 / len(states), dtype=torch.float64)] * len(states)
    scores = []
    for h in states:
        inner = pooling.of_states.weight @ h
        if kind == "ContextAttention":
            inner = inner + pooling.of_context.weight @ context + pooling.of_context.bias
        else:
            inner = inner + pooling.of_states.bias
        scores.append(pooling.score.weight[0] @ torch.tanh(inner))
    total = sum(torch.exp(score) for score in scores)
    return [torch.exp(score) / total for score in scores]


def layer_norm(v: Tensor) -> Tensor:
    centred = v - v.sum() / len(v)
    return centred / torch.sqrt((centred**2).sum() / len(v) + 1e-5)


def read(model: HireNetModel, name: str, recording: Tensor) -> list[Tensor]:
    """Return an answer's frames as the tower reads them."""
    if name == TEXT:
        return [model.words.weight[int(word)] for word in recording]
    scale = model.scale(name)
    return [(x - scale.mean) / scale.deviation for x in recording]


def interview_vector(model: HireNetModel, name: str, talk) -> Tensor | None:
    """Return v of one modality, normed; None where no answer has it."""
    tower = model.tower(name)
    pairs = []
    for reply in talk.replies:
        if name in reply.recorded:
            q = last_state(model.question_encoder, model, reply.question)
            states = bidirectional(tower.frame_encoder, read(model, name, reply.recorded[name]))
            weights = attention(tower.frame_pooling, states, q)
            c = sum(a * h for a, h in zip(weights, states, strict=True))
            pairs.append(torch.cat([q, c]))
    if not pairs:
        return None
    states = bidirectional(tower.answer_encoder, pairs)
    j = last_state(model.title_encoder, model, talk.title)
    weights = attention(tower.answer_pooling, states, j)
    return layer_norm(sum(b * g for b, g in zip(weights, states, strict=True)))


def answer_vector(model: HireNetModel, name: str, reply) -> Tensor | None:
    """Return the last states of both directions over an answer, normed; None where it lacks the modality."""
    if name not in reply.recorded:
        return None
    encoder = model.tower(name).frame_encoder
    frames = read(model, name, reply.recorded[name])
    return layer_norm(
        torch.cat([gru_states(encoder.forwards, frames)[-1], gru_states(encoder.backwards, frames[::-1])[-1]])
    )


def fuse(model: HireNetModel, vectors: Sequence[Tensor | None]) -> tuple[Tensor, list[Tensor]]:
    """Return the representation, and the logits of the heads that something was seen for."""
    fusion, width = model.fusion, 2 * model.config.hidden
    filled = [torch.zeros(width, dtype=torch.float64) if v is None else v for v in vectors]
    if model.config.fusion == "late":
        logits = [h.weight[0] @ v + h.bias[0] for h, v in zip(fusion.heads, vectors, strict=True) if v is not None]
        return torch.cat(filled), logits
    representation = filled[0]
    if model.config.fusion == "early":
        representation = layer_norm(torch.tanh(fusion.squeeze.weight @ torch.cat(filled) + fusion.squeeze.bias))
    if model.config.fusion == "gated":
        seen = [
            (says, gate, v) for says, gate, v in zip(fusion.says, fusion.gates, vectors, strict=True) if v is not None
        ]
        gates = [torch.exp(gate.weight @ v + gate.bias) for _, gate, v in seen]
        said = [torch.tanh(says.weight @ v + says.bias) for says, _, v in seen]
        summed = [gate / sum(gates) * one for gate, one in zip(gates, said, strict=True)]
        representation = layer_norm(sum(summed)) if summed else representation
    if all(v is None for v in vectors):
        return torch.zeros(model.representation_width, dtype=torch.float64), []
    return representation, [fusion.head.weight[0] @ representation + fusion.head.bias[0]]


def aside(model: HireNetModel, vectors: Sequence[Tensor | None]) -> list[Tensor]:
    """Return the logits that are trained beside the score: in gated fusion one of each modality that was seen."""
    if model.config.fusion != "gated":
        return []
    return [h.weight[0] @ v + h.bias[0] for h, v in zip(model.fusion.own, vectors, strict=True) if v is not None]


def mean(vectors: Sequence[Tensor], width: int) -> Tensor:
    return sum(vectors) / len(vectors) if vectors else torch.zeros(width, dtype=torch.float64)


def judge(model: HireNetModel, talk) -> SlowOutput:
    """Return what ``model`` must say of ``talk``; the logit is NaN where nothing was recorded."""
    names, width = list(model.config.modalities), 2 * model.config.hidden
    if model.config.name == "bigru":
        seen: dict[str, list[Tensor]] = {name: [] for name in names}
        fused, heads, scored = [], [], []
        for reply in talk.replies:
            parts = [answer_vector(model, name, reply) for name in names]
            for name, part in zip(names, parts, strict=True):
                seen[name] += [] if part is None else [part]
            representation, logits = fuse(model, parts)
            fused += [representation] if logits else []
            scored += logits
            heads += logits + aside(model, parts)
        representation = mean(fused, model.representation_width)
        vectors = {name: mean(parts, width) for name, parts in seen.items()}
    else:
        parts = [interview_vector(model, name, talk) for name in names]
        representation, scored = fuse(model, parts)
        heads = scored + aside(model, parts)
        zero = torch.zeros(width, dtype=torch.float64)
        vectors = {name: zero if v is None else v for name, v in zip(names, parts, strict=True)}
    if not scored:
        return SlowOutput(torch.tensor(torch.nan), representation, vectors, heads)
    probability = sum(torch.sigmoid(logit) for logit in scored) / len(scored)
    return SlowOutput(torch.log(probability / (1 - probability)), representation, vectors, heads)


def loss(model: HireNetModel, talks: Sequence) -> Tensor:
    """Binary cross-entropy over labelled interviews of which something was seen, and over their heads."""
    losses = []
    for talk in talks:
        heads = judge(model, talk).heads
        if talk.hirable is None or not heads:
            continue
        each = []
        for logit in heads:
            p = torch.sigmoid(logit)
            each.append(-torch.log(p) if talk.hirable else -torch.log(1 - p))
        losses.append(sum(each) / len(each))
    return sum(losses) / len(losses)
