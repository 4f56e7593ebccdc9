"""The paper's bench: every baseline, every modality and every fusion on one corpus, with paired tests between them."""

from __future__ import annotations

from fairhire.bench.run import run_benchmark
from fairhire.bench.systems import BenchConfig, OtherScores

__all__ = ["BenchConfig", "OtherScores", "run_benchmark"]
