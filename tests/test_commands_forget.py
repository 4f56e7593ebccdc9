"""The command: the proof's path on stdout, counts on stderr, never an id, and one line for every mistake."""

from __future__ import annotations

import shutil

import pytest
from commandline import fairhire, refused
from forgotten import candidate, interviews, snapshot, write_people
from small_run import one_thread, small_run

from fairhire.data.corpus import Corpus
from fairhire.forget import read_proof


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands-forget")
    corpus = write_people(folder / "talks")
    rows = "".join(f"{candidate(person)},f\n" for person in range(24))
    (folder / "talks.people.csv").write_text(f"candidate,sex\n{rows}")
    with one_thread():
        small_run(corpus, folder / "runs" / "one", fractions=(0.5, 0.25, 0.25), seed=1)
    return folder


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made, tmp_path / "place")
    return tmp_path / "place"


def test_a_candidate_goes_and_the_proof_is_named(place):
    who, talk = candidate(1), interviews(1)[0]
    said = fairhire("forget", place / "talks", "--candidate", who, "--run", place / "runs")
    assert (said.code, said.out) == (0, f"{place / 'talks.forgotten.jsonl'}\n")
    assert "0 deleted; rows and interviews gone: 3" in said.err
    assert "remains: weights, runs/one: they were among the people that it was trained on" in said.err
    assert who not in said.err
    assert talk not in said.err
    assert who not in (place / "talks.people.csv").read_text()
    assert who not in set(Corpus(place / "talks").interviews["candidate"])
    check = ("forget", place / "talks", "--run", place / "runs", "--verify")
    said = fairhire(*check, "--candidate", who)
    assert (said.code, said.out) == (0, f"{place / 'talks.forgotten.jsonl'}\n")
    assert said.err == "1 requests; the chain holds; nothing was found\n"
    assert fairhire(*check).err == "1 requests; the chain holds\n"
    refused(5, "expected a line about every candidate, found none about 1", *check, "--candidate", candidate(2))
    (place / "runs" / "note.txt").write_text(f"{who} again")
    refused(5, r"found 1 files that we leave alone: runs/note.txt", *check, "--candidate", who)


def test_what_is_left_ends_with_code_5_after_all_else_is_gone(place):
    who = candidate(1)
    (place / f"call-{who}.txt").write_text("")
    (place / "note.md").write_text(who)
    said = fairhire("forget", place, "--candidate", who)
    assert (said.code, said.out) == (5, f"{place}.forgotten.jsonl\n")
    assert "found 2 files that we leave alone: place/call-[id].txt, place/note.md" in said.err
    assert who not in said.err
    assert who not in set(Corpus(place / "talks").interviews["candidate"])
    (place / "note.md").unlink()
    (place / f"call-{who}.txt").unlink()
    assert fairhire("forget", place, "--candidate", who).code == 0
    assert len(read_proof(f"{place}.forgotten.jsonl")) == 2


def test_a_dry_run_lists_and_changes_nothing(place):
    before = snapshot(place)
    said = fairhire("forget", place, "--candidate", candidate(1), "--dry-run")
    assert said.code == 0
    assert "rewritten: place/talks/corpus.json\n" in said.out
    assert "rows removed: place/talks.people.csv\n" in said.out
    assert "files would be rewritten, 0 would be deleted" in said.err
    assert snapshot(place) == before


def test_biometrics_go_and_the_corpus_is_sound(place):
    said = fairhire("forget", place / "talks", "--biometrics")
    assert (said.code, said.out) == (0, f"{place / 'talks.forgotten.jsonl'}\n")
    assert "0 files rewritten, 5 deleted" in said.err
    assert fairhire("corpus", "check", place / "talks").code == 0
    assert not (place / "talks" / "biometrics").exists()


def test_what_is_asked_wrongly_ends_in_one_line(place):
    before = snapshot(place)
    ours = ("forget", place / "talks")
    refused(2, "--candidate, --biometrics: expected one of them, got neither", *ours)
    refused(2, "expected one of them, got both", *ours, "--biometrics", "--candidate", "c")
    refused(2, "--verify: expected neither", *ours, "--verify", "--biometrics")
    refused(4, "talks: expected something of the candidate, found none", *ours, "--candidate", "nobody-1")
    refused(
        4, "expected a corpus, a run, a table or a folder of such, found none", "forget", place / "x", "--biometrics"
    )
    refused(4, "expected a proof of deletion", *ours, "--verify")
    refused(2, "Missing argument", "forget")
    assert snapshot(place) == before


def test_a_changed_proof_ends_with_code_5(place):
    assert fairhire("forget", place / "talks", "--candidate", candidate(1)).code == 0
    proof = place / "talks.forgotten.jsonl"
    proof.write_text(proof.read_text().replace('"rows":1', '"rows":3', 1))
    refused(5, "line 1: expected the content that its SHA-256 is of", "forget", place / "talks", "--verify")
    refused(5, "line 1: expected the content", "forget", place / "talks", "--candidate", candidate(2))


def test_the_help_reads_well():
    said = fairhire("forget", "--help")
    assert said.code == 0
    assert "Delete a candidate, or everybody's biometrics, and prove it in a log." in said.words
