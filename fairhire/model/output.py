"""What a model says of a batch of interviews, and everything it says it from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

__all__ = ["HireNetOutput"]


@dataclass(frozen=True)
class HireNetOutput:
    """B interviews, judged. Letters as in :mod:`fairhire.interview`; K heads (1, or one a modality in late fusion), R
    ratings.

    ``logits`` (B,): the score is their sigmoid. ``representation`` (B, H): all that the score is computed from (the one
    modality's vector, or what the fusion makes of several; zero where nothing was seen); adversaries act on it and
    probes read it. ``vectors[m]`` (B, H_m), zero where the
    interview lacks the modality (``present[m]`` (B,)). ``answer_vectors[m]`` (N, H_m); ``frame_attention[m]`` (N, T)
    sums to 1 over an answer's frames; ``answer_attention[m]`` (B, Q) sums to 1 over the answers that have the
    modality and is 0 elsewhere. A modality that the whole batch lacks is in ``vectors`` and ``present`` only.
    ``head_logits`` and ``head_mask`` are what is trained: (B, K), or (B, Q, K) where answers are scored one by one.
    ``ratings`` (B, R) are further judgements, in the corpus's units or, of a binary one, the probability of 1; a linear
    reading of ``representation``, meaningless where nothing was seen. ``rating_readings`` (B, R) are what is trained.
    """

    logits: Tensor
    representation: Tensor
    vectors: Mapping[str, Tensor]
    present: Mapping[str, Tensor]
    answer_vectors: Mapping[str, Tensor]
    frame_attention: Mapping[str, Tensor]
    answer_attention: Mapping[str, Tensor]
    head_logits: Tensor
    head_mask: Tensor
    ratings: Tensor
    rating_readings: Tensor
