"""HireNet (arXiv 1907.11062) and its ablations: interviews read as questions and answers, steered by the job.

Equations: papers section 1.1 (reconstructed; see ``docs/model.md``). Our additions, both from papers section 2.3: the
interview vector of every modality passes a LayerNorm without parameters, so that an encoder cannot escape an adversary
by rescaling, and several modalities have a tower each.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairhire.interview import TEXT, InterviewBatch
from fairhire.model.attention import ContextAttention, MeanPooling, Pooling, SelfAttention
from fairhire.model.config import FUSED, ModelConfig, answers_of, guard_sites
from fairhire.model.fusion import FUSIONS
from fairhire.model.guard import Guard, guarded
from fairhire.model.output import HireNetOutput
from fairhire.model.ratings import RatingHead
from fairhire.model.recurrent import LastState
from fairhire.model.tower import AnswerTower, InterviewTower, Standardise, TowerOutput

__all__ = ["BiGRU", "HireNet", "HireNetAverage", "HireNetModel", "HireNetSelfAttention"]


class HireNetModel(nn.Module, ABC):
    """What all models share: words, scales, a tower for every modality, and how heads become a score and a loss."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocabulary_size, config.word_dim, padding_idx=0)
        # A list in the order of the modalities: a dictionary of modules cannot hold a modality called "keys".
        self.scales = nn.ModuleList(
            nn.Identity() if name == TEXT else Standardise(width) for name, width in config.modalities.items()
        )
        self.towers = nn.ModuleList(self.new_tower(self.input_width(name)) for name in config.modalities)
        widths = [2 * config.hidden] * len(config.modalities)
        self.fusion = FUSIONS[config.fusion](widths, hidden=config.fused, dropout=config.dropout)
        self.guards = nn.ModuleList(
            Guard(self.fusion.width if site == FUSED else 2 * config.hidden, config.guards[site])
            for site in self.guarded_sites
        )
        self.rating_head = (
            RatingHead(self.representation_width, list(config.ratings.values()), config.dropout)
            if config.ratings
            else None
        )

    @abstractmethod
    def new_tower(self, width: int) -> nn.Module:
        """Return an untrained tower for frames of ``width``."""

    @abstractmethod
    def forward(self, batch: InterviewBatch) -> HireNetOutput:
        """Return what the model says of ``batch``."""

    def input_width(self, modality: str) -> int:
        """Return the width D of what a modality's tower reads."""
        return self.config.word_dim if modality == TEXT else self.config.modalities[modality]

    @property
    def representation_width(self) -> int:
        """H: the width of the representation, less what a guard keeps back."""
        if self.fusion.transparent:
            return sum(self.layer_width(name) for name in self.config.modalities)
        return self.config.guards.get(FUSED, self.fusion.width)

    def layer_width(self, site: str) -> int:
        """Return the width of a modality's vectors (or answer vectors, by the name of their site) as emitted."""
        return self.config.guards.get(site, 2 * self.config.hidden)

    @property
    def guarded_sites(self) -> list[str]:
        """The sites that have a guard, from the input to the score."""
        return [site for site in guard_sites(self.config.modalities) if site in self.config.guards]

    def guard(self, site: str) -> Guard | None:
        """Return the guard of a site (``fused``, a modality, ``NAME answers``), or None."""
        if site not in self.config.guards:
            return None
        found = self.guards[self.guarded_sites.index(site)]
        assert isinstance(found, Guard)
        return found

    def with_guards(self, guards: Mapping[str, Guard]) -> HireNetModel:
        """Return the same model with ``guards`` added to those it has; this one stays as it is."""
        kept = {site: found for site in self.guarded_sites if (found := self.guard(site)) is not None}
        everyone = kept | dict(guards)
        model = copy.deepcopy(self)
        model.config = replace(self.config, guards={site: guard.rank for site, guard in everyone.items()})
        model.guards = nn.ModuleList(copy.deepcopy(everyone[site]) for site in model.guarded_sites)
        model.rating_head = self._rating_head_behind(guards)
        return model.to(self.words.weight.device)

    def _rating_head_behind(self, guards: Mapping[str, Guard]) -> RatingHead | None:
        """Return the head that reads what ``guards`` emit, as this model's reads what they restore."""
        head = copy.deepcopy(self.rating_head)
        if head is None:
            return None
        assert not set(guards) & set(self.guarded_sites), "a guard was exchanged below a rating head"
        if not self.fusion.transparent:
            return head.behind(guards[FUSED], 0) if FUSED in guards else head
        start = 0
        for name in self.config.modalities:
            if name in guards:
                head = head.behind(guards[name], start)
            start += guards[name].rank if name in guards else self.layer_width(name)
        return head

    def scale(self, modality: str) -> nn.Module:
        """Return what brings a modality's frames to the training people's scale (words pass as they are)."""
        return self.scales[list(self.config.modalities).index(modality)]

    def tower(self, modality: str) -> nn.Module:
        """Return a modality's tower."""
        return self.towers[list(self.config.modalities).index(modality)]

    def set_standardisation(self, means: Mapping[str, Tensor], deviations: Mapping[str, Tensor]) -> None:
        """Take every numeric modality's mean and deviation (D,) among training people."""
        for name, scale in zip(self.config.modalities, self.scales, strict=True):
            if isinstance(scale, Standardise):
                scale.set(means[name], deviations[name])

    def set_rating_scale(self, mean: Tensor, deviation: Tensor) -> None:
        """Take the ratings' mean and deviation (K,) among training people, as :class:`RatingHead` describes them."""
        if self.rating_head is not None:
            self.rating_head.set_scale(mean, deviation)

    def set_word_vectors(self, vectors: Tensor) -> None:
        """Begin from given word vectors (vocabulary, word_dim); words whose vector is zero keep their random one."""
        known = vectors.abs().sum(dim=1) > 0
        with torch.no_grad():
            self.words.weight[known] = vectors[known].to(self.words.weight.dtype)

    def task_loss(self, output: HireNetOutput, batch: InterviewBatch, offset: Tensor | None = None) -> Tensor:
        """Return the binary cross-entropy () over labelled interviews, each weighing the same, and their heads.

        Interviews of which nothing was recorded in the model's modalities take no part; 0 if none is left. ``offset``
        (B,) is added to every logit first: what explains the label in the model's stead.
        """
        mask = output.head_mask.flatten(1) & batch.label_mask[:, None]
        logits = output.head_logits.flatten(1)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # a loss in bfloat16 would hardly move
        if offset is not None:
            logits = logits + offset[:, None]
        truth = batch.hirable[:, None].expand_as(logits).to(logits.dtype)
        losses = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        heads = mask.sum(dim=1)
        per_interview = (losses * mask).sum(dim=1) / heads.clamp(min=1)
        return per_interview.sum() / (heads > 0).sum().clamp(min=1)

    def rating_loss(self, output: HireNetOutput, batch: InterviewBatch) -> Tensor:
        """Return the mean () over ratings of the mean loss over those interviews of ``batch`` that have the rating.

        Interviews of which nothing was recorded take no part; a rating that nobody in the batch has counts as 0.
        """
        assert self.rating_head is not None
        assert batch.ratings is not None
        assert batch.rating_mask is not None
        seen = torch.stack(list(output.present.values()), dim=1).any(dim=1, keepdim=True)
        mask = batch.rating_mask & seen
        losses = self.rating_head.losses(output.rating_readings, batch.ratings)
        return ((losses * mask).sum(dim=0) / mask.sum(dim=0).clamp(min=1)).mean()

    def inputs(self, batch: InterviewBatch, modality: str) -> Tensor:
        """Return a modality's values as its tower reads them: embedded words or standardised frames (N, T, D)."""
        values = batch.features[modality].values
        read: Tensor = self.words(values) if modality == TEXT else self.scale(modality)(values)
        return read

    def assemble(
        self,
        outputs: Mapping[str, TowerOutput],
        vectors: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        representation: Tensor,
        heads: tuple[Tensor, Tensor],
        aside: tuple[Tensor, Tensor],
    ) -> HireNetOutput:
        """Return the output record from the parts that the models compute in their own ways.

        ``heads`` make the score, ``aside`` are trained beside them: logits (..., K) and which of them exist.
        """
        if self.rating_head is None:
            readings = ratings = representation.new_zeros(len(representation), 0)
        else:
            readings = self.rating_head(representation)
            ratings = self.rating_head.in_units(readings)
        return HireNetOutput(
            logits=_mean_logit(heads[0].flatten(1), heads[1].flatten(1)),
            representation=representation,
            vectors=vectors,
            present=present,
            answer_vectors={name: output.answer_vectors for name, output in outputs.items()},
            frame_attention={name: output.frame_attention for name, output in outputs.items()},
            answer_attention={name: output.answer_attention for name, output in outputs.items()},
            head_logits=torch.cat([heads[0], aside[0]], dim=-1),
            head_mask=torch.cat([heads[1], aside[1]], dim=-1),
            ratings=ratings,
            rating_readings=readings,
        )

    def pass_guard(self, name: str, vectors: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the rest of the model reads of a modality's ``vectors`` (..., H), and what is emitted (..., k).

        Where the modality is not ``present`` (...,), both stay zero: a guard must not make a pattern out of nothing.
        """
        guard = self.guard(name)
        if guard is None:
            return vectors, vectors
        read, emitted = guarded(guard, vectors)
        return read * present[..., None], emitted * present[..., None]

    def fuse(
        self, read: Sequence[Tensor], emitted: Sequence[Tensor], present: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return what is scored (R, H) and what is emitted as the representation (R, k)."""
        scored = self.fusion.represent(read, present)
        if self.fusion.transparent:
            return scored, torch.cat(list(emitted), dim=1)
        return guarded(self.guard(FUSED), scored)

    def absent(self, batch: InterviewBatch, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return the vectors and the presence of a modality that the whole batch lacks."""
        weight = self.words.weight
        vectors = weight.new_zeros(*shape, 2 * self.config.hidden)
        return vectors, torch.zeros(*shape, dtype=torch.bool, device=batch.hirable.device)


class _Hierarchical(HireNetModel):
    """A model over questions and answers: two levels, pooled in the way that the child names."""

    pooling: type[Pooling]

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.question_encoder = LastState(config.word_dim, config.question_hidden)
        self.title_encoder = LastState(config.word_dim, config.question_hidden)

    def new_tower(self, width: int) -> nn.Module:
        """Return an untrained tower over two levels."""
        config = self.config
        return InterviewTower(
            self.pooling,
            width,
            question=config.question_hidden,
            title=config.question_hidden,
            hidden=config.hidden,
            attention=config.attention,
            dropout=config.dropout,
        )

    def forward(self, batch: InterviewBatch) -> HireNetOutput:
        """Return what the model says of ``batch``."""
        questions = self.question_encoder(self.words(batch.questions.ids), batch.questions.lengths)
        titles = self.title_encoder(self.words(batch.job_titles.ids), batch.job_titles.lengths)[batch.job_title_of]
        size, slots = batch.question_of.shape
        outputs: dict[str, TowerOutput] = {}
        for name in self.config.modalities:
            if name in batch.features:
                frames = batch.features[name]
                question = questions[batch.question_of[frames.interview, frames.slot]]
                guard = self.guard(answers_of(name))
                outputs[name] = self.tower(name)(self.inputs(batch, name), frames, question, titles, slots, guard)
        read, vectors, present = [], {}, {}
        for name in self.config.modalities:
            if name in outputs:
                whole, present[name] = outputs[name].vectors, outputs[name].present
            else:
                whole, present[name] = self.absent(batch, (size,))
            for_the_rest, vectors[name] = self.pass_guard(name, whole, present[name])
            read.append(for_the_rest)
        scored, representation = self.fuse(read, list(vectors.values()), list(present.values()))
        heads = self.fusion.score(scored, list(present.values()))
        aside = self.fusion.aside(read, list(present.values()))
        # Nothing seen, nothing said: the layers of a fusion must not make a pattern of their own out of zeros.
        seen = torch.stack(list(present.values()), dim=1).any(dim=1, keepdim=True)
        return self.assemble(outputs, vectors, present, representation * seen, heads, aside)


class HireNet(_Hierarchical):
    """The whole model: the question leads attention over frames, the job title over answers."""

    pooling = ContextAttention


class HireNetSelfAttention(_Hierarchical):
    """HN_SATT: attention without question and job title."""

    pooling = SelfAttention


class HireNetAverage(_Hierarchical):
    """HN_AVG: the mean over frames and over answers."""

    pooling = MeanPooling


class BiGRU(HireNetModel):
    """No hierarchy: every answer is scored by itself, the candidate's score is the mean of the probabilities."""

    def new_tower(self, width: int) -> nn.Module:
        """Return an untrained tower over frames alone."""
        return AnswerTower(width, hidden=self.config.hidden, dropout=self.config.dropout)

    def forward(self, batch: InterviewBatch) -> HireNetOutput:
        """Return what the model says of ``batch``; ``vectors`` are means over an interview's answers."""
        size, slots = batch.question_of.shape
        outputs: dict[str, TowerOutput] = {}
        for name in self.config.modalities:
            if name in batch.features:
                guard = self.guard(answers_of(name))
                outputs[name] = self.tower(name)(self.inputs(batch, name), batch.features[name], size, slots, guard)
        read, emitted, places, vectors, present = [], [], [], {}, {}
        for name in self.config.modalities:
            grid, place = (
                (outputs[name].vectors, outputs[name].present) if name in outputs else self.absent(batch, (size, slots))
            )
            for_the_rest, grid = self.pass_guard(name, grid, place)
            read.append(for_the_rest.flatten(0, 1))
            emitted.append(grid.flatten(0, 1))
            places.append(place.flatten())
            vectors[name] = grid.sum(dim=1) / place.sum(dim=1, keepdim=True).clamp(min=1)
            present[name] = place.any(dim=1)
        scored, fused = self.fuse(read, emitted, places)
        logits, mask = self.fusion.score(scored, places)
        heads = logits.view(size, slots, -1), mask.view(size, slots, -1)
        aside = tuple(part.view(size, slots, -1) for part in self.fusion.aside(read, places))
        seen = heads[1].any(dim=2)
        representation = (fused.view(size, slots, -1) * seen[:, :, None]).sum(dim=1)
        representation = representation / seen.sum(dim=1, keepdim=True).clamp(min=1)
        return self.assemble(outputs, vectors, present, representation, heads, (aside[0], aside[1]))


def _mean_logit(logits: Tensor, mask: Tensor) -> Tensor:
    """Return the logit (B,) of the mean of the probabilities that exist (B, K), computed without leaving logarithms."""
    if logits.shape[1] == 1:
        return logits[:, 0]
    nothing = ~mask.any(dim=1, keepdim=True)
    kept = mask | nothing
    yes = F.logsigmoid(logits).masked_fill(~kept, -torch.inf)
    no = F.logsigmoid(-logits).masked_fill(~kept, -torch.inf)
    return torch.logsumexp(yes, dim=1) - torch.logsumexp(no, dim=1)
