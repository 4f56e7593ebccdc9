"""What the tests of explanations share: one corpus, and runs of every kind on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_run import one_thread, small_run, write_corpus

from fairhire.data.corpus import Corpus
from fairhire.explain.look import OpenedRun
from fairhire.runs import Run


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("corpora") / "small")


@pytest.fixture(scope="session")
def runs(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Return a run of two modalities, one of words alone, and one without attention."""
    place = tmp_path_factory.mktemp("runs")
    text = {"modalities": ("text",), "fusion": "none"}
    return {
        "both": small_run(corpus, place / "both"),
        "other": small_run(corpus, place / "other", seed=3, model="hn-satt"),
        "text": small_run(corpus, place / "text", **text),
        "even": small_run(corpus, place / "even", model="hn-avg", **text),
        "bigru": small_run(corpus, place / "bigru", model="bigru", **text),
    }


@pytest.fixture
def opened(runs: dict[str, Run], corpus: Corpus) -> OpenedRun:
    return OpenedRun(runs["both"], corpus)
