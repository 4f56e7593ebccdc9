"""The command: three ways to ask, one summary without a word of a transcript, and one line for every mistake."""

from __future__ import annotations

import json
import stat

import pytest
from commandline import fairhire, refused
from small_run import one_thread, small_run, write_clip, write_corpus

from fairhire.data.corpus import CorpusWriter, Modality
from fairhire.interview import Answer, Interview


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a corpus and two runs."""
    folder = tmp_path_factory.mktemp("explain")
    corpus = write_corpus(folder / "corpus")
    small_run(corpus, folder / "runs" / "one")
    small_run(corpus, folder / "runs" / "two", seed=1)
    return folder


def test_an_interview_beside_another_run(place, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4")
    said = fairhire(
        "explain", place / "runs" / "one", place / "corpus", "--interview", "i002", "--beside", place / "runs" / "two",
        "--recording", f"1={clip}", "--sample", 6,
    )  # fmt: skip
    assert said.code == 0, said
    out = place / "runs" / "explained" / "one-interview-i002"
    assert said.out.splitlines()[-1] == str(out / "explanation.html")
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert said.words.startswith("Score 0.")
    assert "All together: " in said.words
    assert "two would have to move" in said.words
    record = json.loads((out / "EXPLANATION.json").read_text())
    assert record["kind"] == "interview"
    for word in ("gladly", "team", "sold"):
        assert word not in said.out + said.err
    assert "data:image/jpeg" in (out / "explanation.html").read_text()


def test_a_position_and_the_whole_corpus(place, tmp_path):
    arguments = ("explain", place / "runs" / "one", place / "corpus", "--sample", 4)
    said = fairhire(*arguments, "--position", "shop", "--out", tmp_path / "p")
    assert (said.code, said.words[:32]) == (0, "39 interviews of 36 candidates. ")
    said = fairhire(*arguments, "--least", 1, "--out", tmp_path / "c")
    assert said.code == 0
    assert (tmp_path / "c" / "words.csv").exists()
    assert not (tmp_path / "p" / "words.csv").exists()


def test_what_is_asked_wrongly_ends_in_one_line(place, tmp_path):
    ours = ("explain", place / "runs" / "one", place / "corpus")
    refused(2, "interview: expected one of the 40 of .*, got 'nobody'", *ours, "--interview", "nobody")
    refused(2, "position: expected one of the 2 of .*, got 'moon'", *ours, "--position", "moon")
    refused(2, "expected one of them at most, got both", *ours, "--position", "shop", "--interview", "i001")
    refused(2, "--recording: expected only with --interview", *ours, "--recording", "1=a.mp4")
    for odd in ("a.mp4", "x=a.mp4", "1="):
        refused(2, "--recording: expected ANSWER=FILE", *ours, "--interview", "i001", "--recording", odd)
    twice = ("--recording", "1=a.mp4", "--recording", "1=b.mp4")
    refused(2, "every answer once, got 1 twice", *ours, "--interview", "i001", *twice)
    refused(4, "expected a recording, found no such file", *ours, "--interview", "i002", "--recording", "1=a.mp4")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    refused(2, "expected a new folder or an explanation to replace", *ours, "--out", tmp_path / "mine")
    refused(4, "expected a finished run", "explain", tmp_path / "no-run", place / "corpus")
    assert not (place / "runs" / "explained" / "one-interview-nobody").exists()


def test_a_corpus_without_the_modality_is_invalid_data(place, tmp_path):
    with CorpusWriter(tmp_path / "text", [Modality("text", 1)]) as writer:
        writer.add(Interview("a", "b", (Answer({}, ("well",)),)))
    refused(4, "expected modality 'audio', got text", "explain", place / "runs" / "one", tmp_path / "text")


def test_the_help_reads_well():
    said = fairhire("explain", "--help")
    assert said.code == 0
    assert "Show which moments a model looked at, and whether they are what its score rests on." in said.words
