"""``fairhire benchmark``: what it prints, what it writes, and what it refuses in one line."""

import json

import pytest
from commandline import fairhire, refused

from fairhire.baselines import learners
from fairhire.data.imported import write_imported
from fairhire.data.simulated import SimulationConfig, simulate

QUICK = ("--modality", "audio", "--epochs", 1, "--hidden", 4, "--fractions", "0.5/0.25/0.25")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("benchmark") / "corpus"
    write_imported(simulate(SimulationConfig(interviews=60, questions=2, frames=(6, 9), positions=3)), path)
    return path


@pytest.fixture(autouse=True)
def _quick_search(monkeypatch):
    monkeypatch.setattr(learners, "_TREES", 5)


def test_it_prints_every_system_the_steps_in_words_and_where_the_page_is(corpus, tmp_path):
    said = fairhire("benchmark", corpus, "--out", tmp_path / "b", "--rating", "all", *QUICK)
    assert said.code == 0, said.err
    for words in ("audio: non-sequential", "audio: hirenet", "votes: everybody", "rating rating:", "R2"):
        assert words in said.words, words
    for step in ("H1, the order", "H2, reading", "H3, attention", "H4, the question"):
        assert step in said.words
    assert said.out.rstrip().endswith("benchmark.html")
    record = json.loads((tmp_path / "b" / "BENCHMARK.json").read_text())
    assert record["verdict"] in said.words
    again = fairhire("benchmark", corpus, "--out", tmp_path / "b", "--rating", "all", *QUICK)
    assert again.out == said.out


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("--modality", "smell"), "modality: expected one of text, audio, video"),
        (("--features", "f.csv"), "--features: expected NAME=FILE, got 'f.csv'"),
        (("--beside", "=f.csv"), r"--beside: expected NAME=FILE\[:COLUMN\[:RATING\]\], got '=f.csv'"),
        (("--features", "a=x", "--features", "a=y"), "--features: expected every name once, got a, a"),
        (("--rating", "charm"), r"rating: expected one of the corpus's targets \(rating\), got 'charm'"),
        (("--folds", "3", "--split", "official"), "folds: expected only with the split candidate"),
        (("--fractions", "1/2"), "expected three numbers"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(corpus, tmp_path, words, match):
    refused(2, match, "benchmark", corpus, "--out", tmp_path / "b", *words)
    assert not (tmp_path / "b").exists()


def test_a_table_that_is_not_there_is_unreadable_data(corpus, tmp_path):
    refused(4, "expected a table, found none", "benchmark", corpus, "--out", tmp_path / "b", "--beside", "x=none.csv:a")
    assert not (tmp_path / "b").exists()
