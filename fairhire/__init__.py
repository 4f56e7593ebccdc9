"""Hiring models that do not judge by the face, and audits that can prove it.

The names below are the public ones; they are loaded when first used, so that an audit never waits for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairhire.auditing.demographics import read_demographics
    from fairhire.auditing.intake import Intake
    from fairhire.auditing.leakage import leakage
    from fairhire.auditing.plan import AuditPlan, read_plan
    from fairhire.bench import BenchConfig, run_benchmark
    from fairhire.data.corpus import Corpus, CorpusWriter, Modality
    from fairhire.interview import Answer, Interview
    from fairhire.model import HireNet, ModelConfig
    from fairhire.perform import audit
    from fairhire.report.result import AuditResult
    from fairhire.runs import Run
    from fairhire.scores import Scores, read_scores
    from fairhire.training import TrainConfig, predict, train

__version__ = "0.1.0"

_HOMES = {
    "Answer": "fairhire.interview",
    "AuditPlan": "fairhire.auditing.plan",
    "AuditResult": "fairhire.report.result",
    "BenchConfig": "fairhire.bench",
    "Corpus": "fairhire.data.corpus",
    "CorpusWriter": "fairhire.data.corpus",
    "HireNet": "fairhire.model",
    "Intake": "fairhire.auditing.intake",
    "Interview": "fairhire.interview",
    "Modality": "fairhire.data.corpus",
    "ModelConfig": "fairhire.model",
    "Run": "fairhire.runs",
    "Scores": "fairhire.scores",
    "TrainConfig": "fairhire.training",
    "audit": "fairhire.perform",
    "leakage": "fairhire.auditing.leakage",
    "predict": "fairhire.training",
    "read_demographics": "fairhire.auditing.demographics",
    "read_plan": "fairhire.auditing.plan",
    "read_scores": "fairhire.scores",
    "run_benchmark": "fairhire.bench",
    "train": "fairhire.training",
}

__all__ = [
    "Answer",
    "AuditPlan",
    "AuditResult",
    "BenchConfig",
    "Corpus",
    "CorpusWriter",
    "HireNet",
    "Intake",
    "Interview",
    "Modality",
    "ModelConfig",
    "Run",
    "Scores",
    "TrainConfig",
    "audit",
    "leakage",
    "predict",
    "read_demographics",
    "read_plan",
    "read_scores",
    "run_benchmark",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"fairhire has no {name!r}; its public names are {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
