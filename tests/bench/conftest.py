"""A small simulated corpus, and a bench on it that takes seconds; nobody changes either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_bench import quick, small_corpus

from fairhire.baselines import learners
from fairhire.bench import BenchConfig, run_benchmark
from fairhire.data.corpus import Corpus


@pytest.fixture(scope="module")
def quick_search() -> Any:
    """Make every search of a module's tests a matter of a second; the searches themselves are tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learners, "_TREES", 5)
        patch.setattr(learners, "_SVM", {"C": (0.1, 1.0), "class_weight": (None,)})
        patch.setattr(learners, "_LINEAR_SVM", {"C": (0.01,), "class_weight": (None,)})
        yield


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return small_corpus(tmp_path_factory.mktemp("world") / "corpus")


@pytest.fixture(scope="module")
def bench(world: Corpus, quick_search: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder and the record of a whole bench over two seeds, with the rating."""
    out = tmp_path_factory.mktemp("bench") / "out"
    config = BenchConfig(training=quick(ratings=("rating",)), seeds=(0, 1), replicates=100)
    return out, run_benchmark(world, out, config)
