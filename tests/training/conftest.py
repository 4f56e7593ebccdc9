"""What the tests of training need: tiny corpora with a learnable task and a face that leaks, and tiny settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.interview import Answer, Interview
from fairhire.runs import Run
from fairhire.training import TrainConfig, train

MakeCorpus = Callable[..., Corpus]
Tiny = Callable[..., TrainConfig]


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: bit-identity is promised for one number of them, and models this small are fastest so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: a killed process does not need it, and a power cut cannot be tested here."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


def write_corpus(
    path: Path,
    *,
    people: int = 30,
    seed: int = 0,
    width: int = 3,
    faces: Callable[[int], bool] = lambda person: True,
    hirable: Callable[[int, bool], bool | None] = lambda person, merit: merit,
    recorded: Callable[[int], bool] = lambda person: True,
    splits: Callable[[int], str] | None = None,
    extra_word: str = "",
    rated: Callable[[int, bool], dict[str, float]] | None = None,
) -> Corpus:
    """Write a corpus in which merit shifts the audio and the words, and the face shifts the audio too.

    Every third person has two interviews. ``faces``, ``hirable``, ``recorded`` and ``splits`` decide by a person's
    number who has a face, what the verdict is given the merit, whether anything was recorded beside the question, and
    the part of the split ``own`` (by interview number when it comes to that: people with two get both asked). ``rated``
    gives the targets by interview number and merit, NaN where nobody rated.
    """
    rng = np.random.default_rng(seed)
    named = () if splits is None else ("own",)
    targets = () if rated is None else tuple(rated(0, True))
    modalities = [Modality("audio", width, 10.0), Modality("text", 1)]
    with CorpusWriter(path, modalities, splits=named, targets=targets) as writer:
        number = 0
        for person in range(people):
            merit = bool(person % 2)
            face = rng.normal(size=6).astype(np.float32)
            for _ in range(2 if person % 3 == 0 else 1):
                interview = Interview(
                    id=f"i{number:03d}",
                    candidate=f"c{person:03d}",
                    answers=_answers(rng, merit, face, width, recorded(person), extra_word),
                    position="shop",
                    job_title="shop assistant" if person % 5 else "driver",
                    hirable=hirable(person, merit),
                    face=(face + rng.normal(size=6) / 10).astype(np.float32) if faces(person) else None,
                )
                writer.add(
                    interview,
                    splits={} if splits is None else {"own": splits(number)},
                    targets=None if rated is None else rated(number, merit),
                )
                number += 1
    return Corpus(path)


def _answers(
    rng: np.random.Generator, merit: bool, face: np.ndarray, width: int, recorded: bool, extra_word: str
) -> tuple[Answer, ...]:
    answers = []
    for slot in range(int(rng.integers(1, 4))):
        frames = rng.normal(size=(int(rng.integers(2, 6)), width)).astype(np.float32)
        frames[:, 0] += 1.5 if merit else -1.5
        frames[:, 1:] += face[: width - 1] * 2
        words = tuple(rng.choice(["well", "team", "um", "sold"], size=int(rng.integers(1, 5))))
        words += ("gladly",) if merit else ("perhaps",)
        words += (extra_word,) if extra_word else ()
        question = ("Why here?", "What did you do?", "When?")[slot]
        answers.append(Answer({"audio": frames}, words, question) if recorded else Answer({}, None, question))
    return tuple(answers)


@pytest.fixture(scope="session")
def make_corpus() -> MakeCorpus:
    """Return the function that writes a tiny corpus."""
    return write_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a corpus of 30 people, 40 interviews, all with faces and labels; nobody changes it."""
    return write_corpus(tmp_path_factory.mktemp("corpora") / "tiny")


def tiny_config(**changes: Any) -> TrainConfig:
    """Return settings under which a run takes a fraction of a second."""
    settings: dict[str, Any] = {
        "hidden": 4,
        "attention": 4,
        "question_hidden": 3,
        "fused": 6,
        "word_dim": 4,
        "face_width": 4,
        "batch": 10,
        "epochs": 4,
        "head_start": 1,
        "warm_up": 1,
        "restarts": 1,
        "ramp": 0.5,
        "adversary_steps": 2,
        "learning_rate": 0.01,
        "fractions": (0.6, 0.2, 0.2),
        "device": "cpu",
    }
    return TrainConfig(**{**settings, **changes})


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    """Return the function that makes tiny settings."""
    return tiny_config


@pytest.fixture(scope="session")
def undefended(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a finished run without an adversary on ``corpus``; nobody changes it."""
    with one_thread():
        return train(corpus, tiny_config(), tmp_path_factory.mktemp("runs") / "none")


@pytest.fixture(scope="session")
def defended(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a finished run with the face adversary on ``corpus``; nobody changes it."""
    with one_thread():
        return train(corpus, tiny_config(adversary="face"), tmp_path_factory.mktemp("runs") / "face")


Files = dict[str, bytes]


def deployed_files(run: Run | Path) -> Files:
    """Return the bytes of everything that a finished run must reproduce; its provenance tells devices and versions."""
    out = run.path if isinstance(run, Run) else run
    assert (out / "provenance.json").exists()
    names = ("config.json", "history.jsonl", "scores.parquet", "representation.npy")
    model = ("model/weights.safetensors", "model/config.json", "model/words.txt")
    return {name: (out / name).read_bytes() for name in (*names, *model)}


@pytest.fixture(scope="session")
def files_of() -> Callable[[Run | Path], Files]:
    """Return the function that reads what a finished run must reproduce, bit for bit."""
    return deployed_files
