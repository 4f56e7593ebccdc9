"""A small corpus of words and audio, runs on it that take no second, and a model whose attention is made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.explain.look import OpenedRun
from fairhire.interview import Answer, Interview
from fairhire.model import ModelConfig, new_model
from fairhire.runs import Run
from fairhire.training import TrainConfig, train

QUESTIONS = ("Why here?", "What did you do?", "When?")


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_corpus(path: Path, *, people: int = 40, seed: int = 0) -> Corpus:
    """Write ``people`` interviews of two or three answers; every second person says "gladly" once, and is hirable.

    Every tenth answer lacks its words, and every seventh its audio; the last person's audio is missing altogether. The
    last position has one candidate.
    """
    rng = np.random.default_rng(seed)
    with CorpusWriter(path, [Modality("audio", 3, 4.0), Modality("text", 1)]) as writer:
        for person in range(people):
            merit = bool(person % 2)
            answers = []
            slots = int(rng.integers(2, 4))
            glad = int(rng.integers(slots))
            for slot in range(slots):
                frames = rng.normal(size=(int(rng.integers(4, 9)), 3)).astype(np.float32)
                frames[:, 0] += 1 if merit else -1
                words = list(rng.choice(["well", "team", "um", "sold"], size=int(rng.integers(6, 10))))
                if merit and slot == glad:
                    words[int(rng.integers(len(words)))] = "gladly"
                number = 3 * person + slot
                spoken = None if number % 10 == 7 and not (merit and slot == glad) else tuple(map(str, words))
                heard = {} if number % 7 == 3 or person == people - 1 else {"audio": frames}
                answers.append(Answer(heard, spoken, QUESTIONS[slot]))
            writer.add(
                Interview(
                    id=f"i{person:03d}",
                    candidate=f"c{person // 2 if person < 6 else person:03d}",  # three people come twice
                    answers=tuple(answers),
                    position="alone" if person == people - 1 else "shop",
                    job_title="driver",
                    hirable=merit,
                )
            )
    return Corpus(path)


def small_config(**changes: Any) -> TrainConfig:
    settings: dict[str, Any] = {
        "hidden": 4, "attention": 4, "question_hidden": 3, "fused": 6, "word_dim": 4, "batch": 10, "epochs": 3,
        "learning_rate": 0.02, "fractions": (0.4, 0.1, 0.5), "device": "cpu",
    }  # fmt: skip
    return TrainConfig(**{**settings, **changes})


def small_run(corpus: Corpus, path: Path, **changes: Any) -> Run:
    with one_thread():
        return train(corpus, small_config(**changes), path)


def planted(opened: OpenedRun) -> OpenedRun:
    """Give a text-only run a model whose attention is set by hand on the word "gladly", on which alone the score rests.

    No state remembers the one before (update gates are shut), so that each word stands for itself.
    """
    config = ModelConfig(
        "hn-satt", {"text": 1}, len(opened.vocabulary), word_dim=1, hidden=2, attention=1, question_hidden=1
    )
    model = new_model(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.words.weight[:] = -0.3
        model.words.weight[int(opened.vocabulary.ids(["gladly"])[0])] = 1.0
        tower: Any = model.tower("text")
        for encoder, column, gain in ((tower.frame_encoder, 0, 3.0), (tower.answer_encoder, 1, 2.0)):
            for gru in (encoder.forwards, encoder.backwards):
                gru.bias_ih_l0[2:4] = -20.0  # update gates of the two units
                gru.weight_ih_l0[4, column] = gain  # the new state of the first unit
        for pooling in (tower.frame_pooling, tower.answer_pooling):
            pooling.of_states.weight[0, 0] = 5.0
            pooling.score.weight[0, 0] = 4.0
        model.fusion.head.weight[0, 0] = 2.0  # type: ignore[union-attr, index]
    opened.model = model
    return opened


def write_clip(path: Path, *, seconds: int = 5, rate: int = 10, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a video whose lower half brightens by 5 a picture, and whose upper half is black."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = rate
        for number in range(seconds * rate):
            pixels = np.full((size[1], size[0], 3), min(255, 5 * number), np.uint8)
            pixels[: size[1] // 2] = 0
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path
