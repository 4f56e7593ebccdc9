"""Hiring models that do not judge by the face, and audits that can prove it.

The names below are the public ones; they are loaded when first used, so that an audit never waits for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairhire.auditing.demographics import read_demographics
    from fairhire.auditing.leakage import leakage
    from fairhire.data.corpus import Corpus, CorpusWriter, Modality
    from fairhire.interview import Answer, Interview
    from fairhire.model import HireNet, ModelConfig
    from fairhire.runs import Run
    from fairhire.scores import Scores, read_scores
    from fairhire.training import TrainConfig, predict, train

__version__ = "0.1.0"

_HOMES = {
    "Answer": "fairhire.interview",
    "Corpus": "fairhire.data.corpus",
    "CorpusWriter": "fairhire.data.corpus",
    "HireNet": "fairhire.model",
    "Interview": "fairhire.interview",
    "Modality": "fairhire.data.corpus",
    "ModelConfig": "fairhire.model",
    "Run": "fairhire.runs",
    "Scores": "fairhire.scores",
    "TrainConfig": "fairhire.training",
    "leakage": "fairhire.auditing.leakage",
    "predict": "fairhire.training",
    "read_demographics": "fairhire.auditing.demographics",
    "read_scores": "fairhire.scores",
    "train": "fairhire.training",
}

__all__ = [
    "Answer",
    "Corpus",
    "CorpusWriter",
    "HireNet",
    "Interview",
    "Modality",
    "ModelConfig",
    "Run",
    "Scores",
    "TrainConfig",
    "leakage",
    "predict",
    "read_demographics",
    "read_scores",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"fairhire has no {name!r}; its public names are {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
