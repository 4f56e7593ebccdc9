"""Interviews as plain lists, the batch that holds the same, and small models to read them: for tests alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fairhire.interview import TEXT, AnswerFrames, InterviewBatch, Words
from fairhire.model import HireNetModel, ModelConfig, new_model

WIDTHS = {"text": 1, "audio": 3, "video": 2}
VOCABULARY = 12


@dataclass(frozen=True)
class Reply:
    """One answer: its question's word ids and what was recorded, (T, D) numbers or (T,) word ids a modality."""

    question: tuple[int, ...] = ()
    recorded: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Talk:
    """One interview: the job title's word ids, the answers, and the verdict or None."""

    title: tuple[int, ...] = ()
    replies: tuple[Reply, ...] = ()
    hirable: bool | None = None


def make_batch(
    talks: Sequence[Talk], *, longer: int = 0, garbage: float = 0.0, dtype: torch.dtype = torch.float64
) -> InterviewBatch:
    """Return ``talks`` as a batch, with ``longer`` steps of padding too many, and noise in all padding."""
    slots = max(len(talk.replies) for talk in talks)
    questions = sorted({reply.question for talk in talks for reply in talk.replies})
    titles = sorted({talk.title for talk in talks})
    question_of = torch.full((len(talks), slots), -1)
    for row, talk in enumerate(talks):
        for slot, reply in enumerate(talk.replies):
            question_of[row, slot] = questions.index(reply.question)
    names = {name for talk in talks for reply in talk.replies for name in reply.recorded}
    return InterviewBatch(
        ids=tuple(str(row) for row in range(len(talks))),
        person=torch.arange(len(talks)),
        features={name: frames(talks, name, longer, garbage, dtype) for name in sorted(names)},
        questions=words(questions, longer, garbage),
        question_of=question_of,
        job_titles=words(titles, longer, garbage),
        job_title_of=torch.tensor([titles.index(talk.title) for talk in talks]),
        hirable=torch.tensor([float(bool(talk.hirable)) for talk in talks]),
        label_mask=torch.tensor([talk.hirable is not None for talk in talks]),
    )


def words(texts: Sequence[tuple[int, ...]], longer: int, garbage: float) -> Words:
    lengths = torch.tensor([len(text) for text in texts])
    ids = torch.zeros(len(texts), max(1, int(lengths.max())) + longer, dtype=torch.int64)
    if garbage:
        ids = torch.randint(1, VOCABULARY, ids.shape)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text, dtype=torch.int64)
    return Words(ids, lengths)


def frames(talks: Sequence[Talk], name: str, longer: int, garbage: float, dtype: torch.dtype) -> AnswerFrames:
    found = [
        (row, slot, reply.recorded[name])
        for row, talk in enumerate(talks)
        for slot, reply in enumerate(talk.replies)
        if name in reply.recorded
    ]
    lengths = torch.tensor([len(values) for _, _, values in found])
    shape = len(found), int(lengths.max()) + longer
    if name == TEXT:
        padded = torch.randint(1, VOCABULARY, shape) if garbage else torch.zeros(shape, dtype=torch.int64)
    else:
        padded = garbage * torch.randn(*shape, WIDTHS[name], dtype=dtype)
    for place, (_, _, values) in enumerate(found):
        padded[place, : len(values)] = values.to(padded.dtype)
    places = torch.tensor([(row, slot) for row, slot, _ in found])
    return AnswerFrames(padded, lengths, places[:, 0], places[:, 1])


def make_talks(
    size: int = 5,
    *,
    seed: int = 0,
    modalities: Sequence[str] = ("audio",),
    answers: int = 4,
    longest: int = 6,
    missing: float = 0.3,
) -> list[Talk]:
    """Return ``size`` talks of up to ``answers`` answers of up to ``longest`` frames; one at least has them all."""
    generator = torch.Generator().manual_seed(seed)

    def number(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    def text(low: int) -> tuple[int, ...]:
        return tuple(number(1, VOCABULARY - 1) for _ in range(number(low, 4)))

    def recording(name: str) -> Tensor:
        if name == TEXT:
            return torch.randint(1, VOCABULARY, (number(1, longest),), generator=generator)
        return torch.randn(number(1, longest), WIDTHS[name], generator=generator, dtype=torch.float64)

    def reply(*, full: bool) -> Reply:
        there = [name for name in modalities if full or float(torch.rand((), generator=generator)) >= missing]
        return Reply(text(0), {name: recording(name) for name in there})

    talks = []
    for row in range(size):
        replies = tuple(reply(full=row == 0) for _ in range(number(1, answers)))
        talks.append(Talk(text(0), replies, (None, False, True)[number(0, 2)] if row else True))
    return talks


def make_model(
    name: str = "hirenet", *, modalities: Sequence[str] = ("audio",), seed: int = 0, **shape: object
) -> HireNetModel:
    torch.manual_seed(seed)
    small = {"word_dim": 4, "hidden": 3, "attention": 5, "question_hidden": 2, "fused": 4} | shape
    config = ModelConfig(name, {m: WIDTHS[m] for m in modalities}, VOCABULARY, **small)  # type: ignore[arg-type]
    model = new_model(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():  # none may be zero, or a wrong sign or a missing term would not show
            parameter.copy_(torch.randn_like(parameter))
    return model
