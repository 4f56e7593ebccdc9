"""No byte of a person is left, everybody else is as they were, a killed request is finished, and a log proves it."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from forgotten import (
    HEARD,
    LOST,
    PEOPLE,
    call,
    candidate,
    file_name,
    files_with,
    fill,
    interviews,
    rare,
    snapshot,
    write_people,
)
from small_run import one_thread

import fairhire.forget.request
from fairhire.atomic import sha256
from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.data.vocabulary import read_vocabulary, tokenise
from fairhire.errors import DataError, UsageError, VerificationError
from fairhire.forget import (
    forget_biometrics,
    forget_candidates,
    proof_path,
    read_proof,
    search_again,
    was_forgotten,
)
from fairhire.interview import Answer, Interview
from fairhire.runs import Run
from fairhire.training.predict import predict


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forget")
    fill(folder)
    return folder / "data"


@pytest.fixture
def data(filled, tmp_path):
    shutil.copytree(filled, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def corpora(filled, tmp_path):
    """Return a folder of the two corpora and what lies beside them, and of nothing else."""
    (tmp_path / "data").mkdir()
    for path in filled.iterdir():
        if path.name.startswith(("talks", "heard")):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / "data" / path.name)
    return tmp_path / "data"


@pytest.fixture(scope="module")
def learned(filled):
    """Return somebody with two interviews from whom the run learned their own word."""
    scores = Run(filled / "runs" / "one").scores
    known = (filled / "runs" / "one" / "model" / "words.txt").read_text().split("\n")
    trained = set(scores.candidates[scores.split == "train"].tolist())
    return next(p for p in range(0, PEOPLE, 5) if candidate(p) in trained and rare(p) in known)


def equal(one: Interview, other: Interview) -> bool:
    def plain(value):
        if isinstance(value, np.ndarray):
            return value.dtype.str, value.shape, value.tobytes()
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return value

    return plain(asdict(one)) == plain(asdict(other))


def test_no_byte_of_a_person_is_left_and_the_words_only_they_said_are_gone(data, learned):
    gone = [candidate(learned), *interviews(learned), rare(learned), call(learned), file_name(learned)]
    assert all(len(files_with(data, word)) >= 3 for word in gone[:-1])
    assert files_with(data, file_name(learned))
    forgotten = forget_candidates([data], [candidate(learned)])
    assert forgotten.left == []
    for word in gone:
        assert files_with(data.parent, word) == []
    assert [path.name for path in data.parent.iterdir() if path != data] == ["data.forgotten.jsonl"]
    assert not list(data.rglob(".*"))


def test_others_are_exactly_as_they_were(data, learned):
    before = Corpus(data / "talks")
    kept = [one for one in before if one.candidate != candidate(learned)]
    columns = before.interviews[before.interviews["candidate"] != candidate(learned)]
    tables = {name: (data / name).read_bytes() for name in ("talks.people.csv", "talks.truth.csv", "said/scores.csv")}
    vectors, scores = np.load(data / "said" / "vectors.npy"), Run(data / "runs" / "one").scores
    forget_candidates([data], [candidate(learned)])

    after = Corpus(data / "talks")
    assert len(after) == len(kept) == len(before) - 2
    assert all(equal(one, other) for one, other in zip(after, kept, strict=True))
    added = ["first_answer"]
    pd.testing.assert_frame_equal(
        after.interviews.drop(columns=added), columns.drop(columns=added).reset_index(drop=True)
    )
    assert after.modalities == before.modalities
    assert after.record["provenance"]["source"] == "x"
    assert after.record["provenance"]["forgotten"][0]["interviews"] == 2
    assert after.check() is not None
    assert rare(learned) not in after.words

    theirs = [candidate(learned), *interviews(learned)]
    for name, content in tables.items():
        records = content.splitlines(keepends=True)
        if "people" in name:  # a record is two lines, and a cell has a line end of its own
            records = [records[0], *(b"".join(pair) for pair in zip(records[1::2], records[2::2], strict=True))]
        left = [line for line in records if not any(one.encode() in line for one in theirs)]
        assert (data / name).read_bytes() == b"".join(left)
        assert len(left) < len(records)

    run, stay = Run(data / "runs" / "one"), scores.candidates != candidate(learned)
    assert run.scores.ids.tolist() == scores.ids[stay].tolist() == after.interviews["id"].tolist()
    assert np.array_equal(run.scores.representation, scores.representation[stay])
    assert np.array_equal(np.load(data / "said" / "vectors.npy"), vectors[stay])
    assert all(len(layer) == len(run.scores) for layer in run.layers.values())
    assert len(run.ratings) == len(run.scores)
    (table,) = (data / "bench" / "predictions").glob("*.parquet")
    assert pd.read_parquet(table)["interview"].tolist() == after.interviews["id"].tolist()


def test_a_run_opens_verifies_and_predicts_the_same_of_others(data, learned):
    before = Run(data / "runs" / "one")
    weights, scores = before.provenance["files"]["model/weights.safetensors"], before.scores
    words = (data / "runs" / "one" / "model" / "words.txt").read_text().split("\n")
    forget_candidates([data], [candidate(learned)])
    run = Run(data / "runs" / "one")
    named = run.provenance["files"]
    assert {name: sha256(run.path / name) for name in named} == named
    assert named["model/weights.safetensors"] == weights
    assert run.provenance["corpus"] == before.provenance["corpus"]
    assert run.provenance["candidates"] == before.provenance["candidates"]
    (entry,) = run.provenance["forgotten"]
    assert (entry["interviews"], entry["words"]) == (2, 1)
    with one_thread():
        told = predict(run, Corpus(data / "talks")).score
    assert np.allclose(told, run.scores.score, atol=1e-6)  # other batches
    assert np.array_equal(run.scores.score, scores.score[scores.candidates != candidate(learned)])

    replaced = read_vocabulary(run.model / "words.txt", len(words) + 1)
    (place,) = [place for place, word in enumerate(words) if word == rare(learned)]
    assert [*replaced.words[:place], *replaced.words[place + 1 :]] == words[:place] + words[place + 1 : -1]
    assert tokenise(replaced.words[place]) != (replaced.words[place],)
    assert " ".join(replaced.words[place].split()) != replaced.words[place]  # nor does a corpus keep such a word


def test_explanations_of_them_go_and_those_of_others_stay(data):
    first, second = interviews(0)
    forget_candidates([data], [candidate(1)])
    out = data / "explained"
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["alone_0", f"one-interview-{first}", f"one-interview-{second}", "shop"]  # the corpus's told a word of theirs
    )
    (out / f"one-interview-{first}" / "mine.txt").write_text("a note of my own")
    forgotten = forget_candidates([data], [candidate(0)])
    assert sorted(path.name for path in out.iterdir()) == [f"one-interview-{first}", "shop"]
    assert [path.name for path in (out / f"one-interview-{first}").iterdir()] == ["mine.txt"]
    assert forgotten.left == [{"file": "data/explained/one-interview-[id]", "where": "name"}]


def test_what_we_do_not_understand_is_listed_and_left_alone(data):
    name, (talk, *_) = candidate(7), interviews(7)
    (data / "notes.txt").write_text(f"call {talk} back, not {name}4 nor {interviews(7)[0]}9")
    (data / "harmless.txt").write_text(f"{name}4, x{name}, {talk}55")
    (data / "dump.bin").write_bytes(b"\x00\x01" + name.encode() + b"\x00")
    (data / "wide.bin").write_bytes(name.encode("utf-16"))
    (data / f"2026_{talk}_q1.mp4").write_bytes(b"\x00")
    (data / "page.html").write_text(f"<td>{name}</td>")
    (data / "who.json").write_text(json.dumps({name: "f"}))
    (data / "letter.pdf").write_bytes(b"%PDF-1.4 " + name.encode())
    (data / "link").symlink_to(data / "notes.txt")
    (data / ".other.abcdefgh" / "features").mkdir(parents=True)
    before = snapshot(data)
    forgotten = forget_candidates([data], [name])
    assert {(entry["file"], entry["where"][:10]) for entry in forgotten.left} == {
        ("data/notes.txt", "content"), ("data/dump.bin", "content"), ("data/wide.bin", "content"),
        ("data/2026_[id]_q1.mp4", "name"), ("data/page.html", "content"), ("data/who.json", "content"),
        ("data/.other.abcdefgh", "an unfinis"),
    }  # fmt: skip
    assert forgotten.record["searched"]["not_searched"] == {"PDFs": 1, "links": 1}
    for path in ("notes.txt", "dump.bin", "page.html", "who.json", "letter.pdf"):
        assert (data / path).read_bytes() == before[path]
    assert name not in (data.parent / "data.forgotten.jsonl").read_text()
    assert len(search_again([data], [name])) == 5  # the interviews' ids are not known any more


def test_the_proof_says_what_was_done_and_not_to_whom(data, learned):
    who = candidate(learned)
    before = {path: sha256(data / path) for path in ("talks/corpus.json", "talks.people.csv", "calls.jsonl")}
    forgotten = forget_candidates([data], [who])
    text = proof_path(data).read_text()
    assert not any(word in text for word in (who, *interviews(learned), rare(learned)))
    (line,) = read_proof(proof_path(data))
    assert (line["what"], line["previous"], line["fairhire"]) == ("candidate", None, "0.1.0")
    files = {entry["file"]: entry for entry in line["files"]}
    for path, value in before.items():
        entry = files[f"data/{path}"]
        assert (entry["sha256_before"], entry["sha256_after"]) == (value, sha256(data / path))
    assert files["data/talks/corpus.json"]["rows"] == 2
    assert files["data/talks.people.csv"] == {**files["data/talks.people.csv"], "action": "rows removed", "rows": 1}
    assert files["data/runs/one/provenance.json"]["action"] == "rewritten"
    assert sum(entry["action"] == "deleted" for entry in files.values()) > 5
    remains = {(entry["what"], entry["where"]) for entry in line["remains"]}
    assert remains >= {("weights", "data/runs/one"), ("aggregates", "data/bench/BENCHMARK.json")}
    assert was_forgotten(proof_path(data), who)
    assert not was_forgotten(proof_path(data), candidate(learned + 1))
    assert forgotten.record["request"] == line["request"]


def test_a_proof_that_was_changed_does_not_hold(corpora):
    for person in (1, 2, 3):
        forget_candidates([corpora], [candidate(person)])
    path = proof_path(corpora)
    assert [line["previous"] is None for line in read_proof(path)] == [True, False, False]
    lines = path.read_text().splitlines(keepends=True)
    for changed in (
        lines[0].replace('"rows":1', '"rows":2', 1) + lines[1] + lines[2],
        lines[0] + lines[2],
        lines[1] + lines[0] + lines[2],
        "".join(lines) + "{}\n",
        "".join(lines)[:-9],
        "".join(lines).replace(",", ", ", 1),
        "nonsense\n",
    ):
        path.write_text(changed)
        with pytest.raises(VerificationError, match=r"data.forgotten.jsonl, line \d: expected"):
            read_proof(path)
        before = snapshot(corpora)
        with pytest.raises(VerificationError):
            forget_candidates([corpora], [candidate(5)])
        assert snapshot(corpora) == before
    path.write_text("")
    with pytest.raises(DataError, match="got no line"):
        read_proof(path)
    with pytest.raises(DataError, match="expected a proof of deletion"):
        read_proof(corpora / "nowhere")


def test_biometrics_of_everybody_go_and_nothing_else(data):
    before = snapshot(data)
    forgotten = forget_biometrics([data / "talks"])
    corpus = Corpus(data / "talks")
    assert not corpus.has_faces
    assert not corpus.has_voices
    assert corpus.check() is not None
    after = snapshot(data)
    gone = set(before) - set(after)
    assert gone == {name for name in before if name.startswith("talks/biometrics/")}
    assert after == {name: content for name, content in before.items() if name in after} | {
        "talks.forgotten.jsonl": after["talks.forgotten.jsonl"]
    }
    (line,) = read_proof(data / "talks.forgotten.jsonl")
    assert (line["what"], line["who"], len(line["files"])) == ("biometrics", [], len(gone))
    assert forgotten.left == []
    assert forget_biometrics([data / "talks"]).record["files"] == []
    with pytest.raises(DataError, match="expected face or voice embeddings, found none"):
        forget_biometrics([data / "bench"])


def places_to_die(kinds):
    """Return after how many steps to die: before the first of each kind, before the one in the middle, and the last."""
    return sorted({*map(kinds.index, kinds), len(kinds) // 2, len(kinds) - 1})


@pytest.mark.parametrize("request_of", ["candidate", "biometrics"])
def test_a_request_that_was_interrupted_is_finished(data, learned, monkeypatch, request_of):
    def ask():
        if request_of == "biometrics":
            return forget_biometrics([data])
        return forget_candidates([data], [candidate(learned)])

    do = fairhire.forget.request.carry_out
    (data / ".heard.abcdefgh" / "features").mkdir(parents=True)
    (data / ".heard.abcdefgh" / "features" / "words.txt").write_text(rare(learned))
    shutil.copytree(data, data.parent / "whole")
    journal = data.parent / "data.forgetting.json"
    places = [0]
    for number in range(20):
        allowed = places[number]

        def dies(step, person):
            nonlocal allowed
            allowed -= 1
            if allowed < 0:
                raise KeyboardInterrupt
            do(step, person)

        monkeypatch.setattr(fairhire.forget.request, "carry_out", dies)
        with pytest.raises(KeyboardInterrupt):
            ask()
        assert journal.stat().st_mode & 0o777 == 0o600
        with pytest.raises(UsageError, match="a request that was interrupted"):
            forget_candidates([data], [candidate(learned)], dry_run=True)
        places = places_to_die([step["kind"] for step in json.loads(journal.read_text())["steps"]])
        monkeypatch.setattr(fairhire.forget.request, "carry_out", do)
        finished = ask()
        assert not journal.exists()
        assert finished.left == []
        told = {(e["file"], e["action"], e["sha256_before"], e["rows"]) for e in finished.record["files"]}
        if number == 0:
            expected, after = told, set(snapshot(data))
        assert told == expected
        assert set(snapshot(data)) == after
        assert len(read_proof(proof_path(data))) == 1
        if request_of == "candidate":
            assert all(files_with(data, one) == [] for one in (rare(learned), *interviews(learned)))
            assert len(Run(data / "runs" / "one").scores) == len(Corpus(data / "talks"))
        if number == len(places) - 1:
            break
        shutil.rmtree(data)
        proof_path(data).unlink()
        shutil.copytree(data.parent / "whole", data)
    assert len(places) >= (8 if request_of == "candidate" else 3)


def test_another_request_finishes_the_one_that_was_interrupted(corpora, monkeypatch):
    def dies(step, person):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fairhire.forget.request, "carry_out", dies)
        with pytest.raises(KeyboardInterrupt):
            forget_candidates([corpora], [candidate(3)])
    (corpora / "notes.txt").write_text(f"call {candidate(3)} back")
    now = forget_candidates([corpora], [candidate(4)])
    assert now.left == []
    assert [entry["file"] for entry in now.earlier.left] == [f"{corpora.name}/notes.txt"]  # told to whoever came next
    (corpora / "notes.txt").unlink()
    proof = proof_path(corpora)
    assert len(read_proof(proof)) == 2
    assert was_forgotten(proof, candidate(3))
    assert was_forgotten(proof, candidate(4))
    assert files_with(corpora, candidate(3)) == []


_DIE = """
import json, os, sys
from pathlib import Path
from fairhire import atomic
from fairhire.forget import forget_candidates

def die(data, folder, when, who):
    take_place, rename = atomic._take_place, Path.replace

    def dies(new, path):
        def once(self, target):
            if self == new:
                os._exit(9)
            return rename(self, target)

        if path.name == folder:
            if when == "before":
                os._exit(9)
            if when == "between":
                Path.replace = once
            if when == "after":
                atomic.shutil.rmtree = lambda *given, **more: os._exit(9)
        take_place(new, path)

    atomic._take_place = dies
    forget_candidates([data], [who])
    os._exit(0)

for case in json.loads(sys.argv[1]):
    child = os.fork()  # nothing was done here yet: no thread runs
    if not child:
        die(*case)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
DEATHS = [(folder, when) for folder in ("talks", "one") for when in ("before", "between", "after")]


@pytest.fixture(scope="module")
def died(filled, learned, tmp_path_factory):
    """Return for each of ``DEATHS`` the data of a process that died there, all out of one interpreter."""
    places = {death: tmp_path_factory.mktemp("-".join(death)) / "data" for death in DEATHS}
    for place in places.values():
        shutil.copytree(filled, place)
    cases = [(str(place), *death, candidate(learned)) for death, place in places.items()]
    command = [sys.executable, "-c", _DIE, json.dumps(cases)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert said.split() == ["9"] * len(cases)
    return places


@pytest.mark.parametrize(("folder", "when"), DEATHS)
def test_a_process_that_dies_in_the_middle_of_a_folder_leaves_the_old_or_the_new(died, learned, folder, when):
    data = died[folder, when]
    assert (data.parent / "data.forgetting.json").exists()
    assert not proof_path(data).exists()
    forgotten = forget_candidates([data], [candidate(learned)])
    assert forgotten.left == []
    for word in (candidate(learned), *interviews(learned), rare(learned)):
        assert files_with(data.parent, word) == []
    assert not list(data.parent.rglob(".*"))
    assert len(Run(data / "runs" / "one").scores) == len(Corpus(data / "talks")) == 27


def test_a_dry_run_changes_nothing_and_says_what_would_be(data, learned):
    before = snapshot(data.parent)
    forgotten = forget_candidates([data], [candidate(learned)], dry_run=True)
    assert not forgotten.done
    assert snapshot(data.parent) == before
    done = forget_candidates([data], [candidate(learned)])
    told = {entry["file"] for entry in forgotten.record["files"]}
    assert told >= {entry["file"] for entry in done.record["files"]}


def test_somebody_who_is_nowhere_changes_nothing(corpora):
    before = snapshot(corpora.parent)
    for who, got in (([" nobody-1 "], "the candidate, found none"), (["nobody-1", candidate(1)], "found nothing of 1")):
        with pytest.raises(DataError, match=f"^data: expected something of .*{got}"):
            forget_candidates([corpora], who)
        assert snapshot(corpora.parent) == before
    with pytest.raises(DataError, match="expected a corpus, a run, a table or a folder of such, found none"):
        forget_candidates([corpora / "nowhere"], ["x-1"])
    with pytest.raises(UsageError, match="at least one"):
        forget_candidates([corpora], [" "])
    with pytest.raises(UsageError, match="PATH: expected at least one"):
        forget_candidates([], ["x-1"])


def test_a_request_that_comes_again_is_answered_by_another_search(corpora):
    forget_candidates([corpora], [candidate(2)])
    again = forget_candidates([corpora], [candidate(2)])
    assert again.record["files"] == []
    assert len(read_proof(proof_path(corpora))) == 2


def test_several_people_go_at_once(data):
    forget_candidates([data / "talks", data / "runs"], [candidate(1), candidate(5)])
    for person in (1, 5):
        for word in (candidate(person), *interviews(person)):
            assert not [name for name in files_with(data, word) if name.startswith(("talks", "runs"))]
        assert was_forgotten(data / "talks.forgotten.jsonl", candidate(person))
    assert rare(1) in (data / "explained" / "one-corpus" / "words.csv").read_text()  # was not among the paths


def test_the_only_person_of_a_corpus_takes_it_along(tmp_path):
    write_people(tmp_path / "talks", people=1)
    (tmp_path / "talks.people.csv").write_text(f"candidate,sex\n{candidate(0)},f\n")
    (tmp_path / "talks" / "readme.md").write_text("mine")
    forget_candidates([tmp_path / "talks"], [candidate(0)])
    assert sorted(snapshot(tmp_path)) == ["talks.forgotten.jsonl", "talks.people.csv", "talks/readme.md"]
    assert (tmp_path / "talks.people.csv").read_text() == "candidate,sex\n"
    assert forget_candidates([tmp_path / "talks"], [candidate(0)]).left == []


def test_files_of_others_in_the_folders_of_ours_stay(data, learned):
    (data / "talks" / "notes").mkdir()
    (data / "talks" / "notes" / "a.txt").write_text("mine")
    (data / "talks" / "biometrics").chmod(0o700)
    (data / "runs" / "one" / "b.txt").write_text("mine")
    (data / "runs" / "one").chmod(0o700)
    (data / "talks.people.csv").chmod(0o600)
    forget_candidates([data], [candidate(learned)])
    assert (data / "talks" / "notes" / "a.txt").read_text() == (data / "runs" / "one" / "b.txt").read_text() == "mine"
    for path in (data / "talks" / "biometrics", data / "runs" / "one"):
        assert path.stat().st_mode & 0o777 == 0o700
    assert (data / "talks.people.csv").stat().st_mode & 0o777 == 0o600


def test_words_go_only_from_runs_of_their_corpus_and_after_others_were_forgotten_too(data, learned):
    shutil.copytree(data / "runs" / "one", data / "runs" / "two")
    record = json.loads((data / "runs" / "two" / "provenance.json").read_text())
    record["corpus"]["corpus_sha256"] = "0" * 64
    (data / "runs" / "two" / "provenance.json").write_text(json.dumps(record))
    forget_candidates([data], [candidate(1)])
    forgotten = forget_candidates([data], [candidate(learned)])
    assert rare(learned) not in (data / "runs" / "one" / "model" / "words.txt").read_text()
    assert rare(learned) in (data / "runs" / "two" / "model" / "words.txt").read_text()
    assert {"words"} == {e["what"] for e in forgotten.record["remains"] if e["where"] == "data/runs/two"} - {"weights"}


def test_the_same_interview_id_for_two_people_is_refused(tmp_path):
    for name, who in (("a", "p-01"), ("b", "p-02")):
        with CorpusWriter(tmp_path / "d" / name, [Modality("text", 1)]) as out:
            out.add(Interview("i-1", who, (Answer({}, ("hi",)),)))
    with pytest.raises(DataError, match="got 1 that are somebody else's too"):
        forget_candidates([tmp_path / "d"], ["p-01"])
    forget_candidates([tmp_path / "d" / "a"], ["p-01"])


def test_numbers_as_ids_are_looked_for_where_ids_stand(tmp_path):
    folder = tmp_path / "d"
    with CorpusWriter(folder / "c", [Modality("audio", 1)]) as out:
        for number in range(10, 14):
            frames = np.full((12, 1), number, np.float32)
            out.add(Interview(f"{number}0", str(number), (Answer({"audio": frames}, None, "why 12"),)))
    pd.DataFrame({"candidate": [10, 11, 12, 13], "age": [12, 30, 12, 12]}).to_parquet(folder / "people.parquet")
    (folder / "page.md").write_text("12 of 120 people")
    (folder / "by.json").write_text('{"n": 12, "of": {"12": "f"}}')
    (folder / "12.mp4").write_bytes(b"\x0012\x00")
    forgotten = forget_candidates([folder], ["12"])
    assert pd.read_parquet(folder / "people.parquet")["candidate"].tolist() == [10, 11, 13]
    assert [one.id for one in Corpus(folder / "c")] == ["100", "110", "130"]
    left = {(entry["file"], entry["where"]) for entry in forgotten.left}
    assert left == {("d/by.json", "content"), ("d/[id].mp4", "name")}
    assert "page.md" not in str(forgotten.record)
    assert sum(forgotten.record["searched"]["not_searched"].values()) >= 2


def test_an_id_that_is_a_piece_of_anothers_is_not_theirs(tmp_path):
    with CorpusWriter(tmp_path / "d" / "c", [Modality("text", 1)]) as out:
        for who in ("anna", "anna-2", "x.anna"):
            out.add(Interview(f"{who}/q", who, (Answer({}, ("hi",)),)))
    (tmp_path / "d" / "t.txt").write_text("anna-2, x.anna.")
    assert forget_candidates([tmp_path / "d"], ["anna"]).left == []
    (tmp_path / "d" / "t.txt").write_text("anna-2, anna.")
    assert len(forget_candidates([tmp_path / "d"], ["anna"]).left) == 1


def test_a_path_named_like_the_candidate_is_refused(corpora):
    shutil.copytree(corpora / "talks", corpora.parent / f"of-{candidate(1)}")
    with pytest.raises(UsageError, match="PATH: expected a name without the candidate's id"):
        forget_candidates([corpora.parent / f"of-{candidate(1)}"], [candidate(1)])


def test_parquet_keeps_schema_metadata_and_row_groups(corpora, learned):
    path = corpora / "talks.pitch.parquet"
    table = pq.read_table(path)
    pq.write_table(table, path, row_group_size=5, compression="zstd")
    forget_candidates([path, corpora / "talks"], [candidate(learned)])
    with pq.ParquetFile(path) as file:
        assert file.schema_arrow.equals(table.schema, check_metadata=True)
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"
        assert file.metadata.num_rows == len(table) - 2
        assert file.metadata.num_row_groups == 6


def test_a_run_whose_arrays_do_not_fit_is_left_alone(data):
    np.save(data / "runs" / "one" / "representation.npy", np.zeros((3, 6), np.float32))
    before = snapshot(data.parent)
    with pytest.raises(DataError, match=r"representation.npy: expected 29 rows as in scores.parquet, got 3"):
        forget_candidates([data], [candidate(1)])
    assert snapshot(data.parent) == before


def others_in(path, person):
    return [one for one in Corpus(path) if one.candidate != candidate(person)]


def holds(path, kept):
    after = Corpus(path)
    return len(after) == len(kept) and all(equal(one, other) for one, other in zip(after, kept, strict=True))


@pytest.mark.parametrize("person", [HEARD[0], HEARD[2], LOST])
def test_nothing_of_somebody_is_left_around_an_extraction(corpora, person):
    out = corpora / "heard"
    others, rows = others_in(out, person), pd.read_csv(corpora / "heard.recordings.csv")
    voices = pd.read_parquet(corpora / "heard.functionals.parquet")
    work = set(snapshot(corpora / "heard.work")) - set(files_with(corpora / "heard.work", candidate(person)))
    planted = corpora / ".heard.abcdefgh"
    (planted / "features").mkdir(parents=True)
    (planted / "features" / "words.txt").write_text(f"{candidate(person)} {rare(person % PEOPLE)}")
    (corpora / f".heard.recordings.csv.{'q' * 8}.csv").write_text(file_name(person))
    (corpora / "heard.work" / "parts" / f".key.safetensors.{'q' * 8}.safetensors").write_text(call(person))
    forgotten = forget_candidates([out], [candidate(person)])
    assert forgotten.left == []
    around = "heard", ".heard"
    for word in (candidate(person), call(person), file_name(person), *([] if person == LOST else [rare(person)])):
        assert [name for name in files_with(corpora, word) if name.startswith(around)] == []
    assert not [path.name for path in corpora.rglob(".*")]
    assert holds(out, others)
    assert Corpus(out).check() is not None
    left = rows[rows["candidate"] != candidate(person)].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(corpora / "heard.recordings.csv"), left)
    left = voices[voices["interview"] != call(person)].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_parquet(corpora / "heard.functionals.parquet"), left)
    assert set(snapshot(corpora / "heard.work")) == work
    assert len([name for name in work if name.startswith("parts/")]) == len(HEARD) - (person != LOST)
    assert len([name for name in work if name.startswith("failed/")]) == 2 - (person != HEARD[2])


def test_an_older_failure_that_does_not_say_whose_it_is_is_listed(corpora):
    older = corpora / "heard.work" / "failed" / f"{'0' * 64}.json"
    older.write_text(json.dumps({"why": f"/there/{candidate(5)}_2.mp4: expected a recording"}))
    forgotten = forget_candidates([corpora / "heard"], [candidate(5)])
    assert forgotten.left == [{"file": f"heard.work/failed/{'0' * 64}.json", "where": "content"}]


def test_no_voice_or_face_is_left_of_an_extraction(corpora):
    before = Corpus(corpora / "heard")
    assert before.has_voices
    (corpora / ".heard.old.abcdefgh").mkdir()
    shutil.copytree(corpora / "heard", corpora / ".heard.old.abcdefgh" / "heard")
    shutil.copy(corpora / "heard.functionals.parquet", corpora / f".heard.functionals.parquet.{'q' * 8}.parquet")
    line = forget_biometrics([corpora / "heard"]).record
    deleted = {entry["file"] for entry in line["files"] if entry["action"] == "deleted"}
    assert len(deleted) == len(line["files"])
    rows = {entry["file"]: entry["rows"] for entry in line["files"]}
    assert rows["heard.functionals.parquet"] == len(HEARD)
    assert f".heard.functionals.parquet.{'q' * 8}.parquet" in deleted
    left = {path.name for path in corpora.iterdir() if "heard" in path.name}
    assert left == {"heard", "heard.people.csv", "heard.recordings.csv", "heard.work", "heard.forgotten.jsonl"}
    assert not (corpora / "heard" / "biometrics").exists()
    assert list((corpora / "heard.work" / "parts").iterdir()) == []
    after = Corpus(corpora / "heard")
    assert after.check() is not None
    assert [one.answers[0].words for one in after] == [one.answers[0].words for one in before]


def test_axes_remain_of_what_was_fitted_and_of_nothing_else(corpora):
    def axes(record):
        return {(entry["what"], entry["where"]) for entry in record["remains"] if entry["what"].startswith("axes")}

    assert axes(forget_candidates([corpora], [candidate(3)]).record) == set()  # not among those who were heard
    assert axes(forget_candidates([corpora], [candidate(5)]).record) == {("axes of voices", "data/heard")}
    record = json.loads((corpora / "talks" / "corpus.json").read_text())
    record["provenance"]["face"] = {"encoder": "eigenfaces"}
    record["provenance"]["extraction"] = {"voices": "eigenvoices"}  # asked for; too few to be fitted
    (corpora / "talks" / "corpus.json").write_text(json.dumps(record))
    assert axes(forget_candidates([corpora / "talks"], [candidate(6)]).record) == {("axes of faces", "talks")}
    assert axes(forget_candidates([corpora / "talks"], [candidate(4)]).record) == set()  # whose face was not seen
    forget_biometrics([corpora])
    assert axes(forget_candidates([corpora], [candidate(10)]).record) == set()


@pytest.mark.parametrize("ask", ["candidate", "biometrics"])
@pytest.mark.parametrize("within", [False, True])
def test_leftovers_of_a_killed_process_go_whole(corpora, ask, within):
    (corpora / "talks.work").mkdir()
    path = corpora if within else corpora / "talks"
    names = (".talks.abcdefgh", ".talks.old.abcdefgh", ".talks.qqqqqqq1", f".talks.people.csv.{'q' * 8}.csv")
    (corpora / names[0] / "features").mkdir(parents=True)
    (corpora / names[0] / "features" / "audio.npy").write_bytes(b"frames of anybody")
    (corpora / names[1]).mkdir()
    shutil.copytree(corpora / "talks", corpora / names[1] / "talks")
    shutil.copytree(corpora / "talks", corpora / names[2])
    (corpora / names[2] / "link").symlink_to(corpora / "talks.people.csv")
    (corpora / "talks" / "link").symlink_to(corpora / "talks.people.csv")
    (corpora / names[3]).write_text("candidate\n")
    others = (".other.abcdefgh", ".talks.backup", ".talks.people.csv", ".talks2.people.csv.abcdefgh.csv")
    for name in others:
        (corpora / name).mkdir()
        (corpora / name / "a.txt").write_text("mine")
    mine = corpora / ".talks.backup_1"
    mine.mkdir()
    (mine / "a.txt").write_text("mine")
    forgotten = forget_candidates([path], [candidate(3)]) if ask == "candidate" else forget_biometrics([path])
    assert forgotten.left == []
    assert not any((corpora / name).exists() for name in names)
    assert all((corpora / name / "a.txt").read_text() == "mine" for name in (*others, mine.name))
    told = {entry["file"]: entry["action"] for entry in forgotten.record["files"]}
    prefix = "data/" if within else ""
    for name in (names[0] + "/features/audio.npy", names[1] + "/talks/interviews.parquet", names[3]):
        assert told[prefix + name] == "deleted"
    assert (corpora / "talks.people.csv").exists()
    assert Corpus(corpora / "talks").check() is not None


def test_a_leftover_alone_is_nothing_of_the_candidate_unless_it_names_them(corpora):
    (corpora / ".talks.old.abcdefgh").mkdir()
    with pytest.raises(DataError, match="expected something of the candidate, found none"):
        forget_candidates([corpora], ["nobody-1"])
    table = corpora / f".talks.people.csv.{'q' * 8}.csv"
    table.write_text("candidate\nnobody-1\n")
    assert forget_candidates([corpora], ["nobody-1"]).left == []
    assert not table.exists()
    assert not (corpora / ".talks.old.abcdefgh").exists()


@pytest.mark.parametrize("name", [".talks.old.abcdefgh/talks", ".talks.abcdefgh"])
@pytest.mark.parametrize("within", [False, True])
def test_the_only_copy_of_a_corpus_is_a_corpus(corpora, name, within):
    (corpora / name).parent.mkdir(exist_ok=True)
    (corpora / "talks").rename(corpora / name)
    others = others_in(corpora / name, 3)
    path = corpora if within else corpora / "talks"
    forgotten = forget_candidates([path], [candidate(3)])
    assert forgotten.left == []
    assert holds(corpora / name, others)
    told = {entry["where"] for entry in forgotten.record["remains"] if entry["what"] == "a corpus out of its place"}
    assert told == {f"data/{name}" if within else name}
    forget_biometrics([path])
    assert not Corpus(corpora / name).has_faces
    (corpora / name).rename(corpora / "talks")
    again = forget_candidates([path], [candidate(4)])
    assert "a corpus out of its place" not in {entry["what"] for entry in again.record["remains"]}


def test_what_was_never_finished_and_has_no_corpus_beside_is_listed_unless_it_is_named(corpora):
    half = corpora / ".first.abcdefgh"
    (half / "features").mkdir(parents=True)
    left = forget_candidates([corpora], [candidate(3)]).left
    assert [entry["file"] for entry in left] == ["data/.first.abcdefgh"]
    assert half.exists()
    assert forget_candidates([corpora / "first"], [candidate(3)]).left == []
    assert not half.exists()


def test_nobody_is_forgotten_while_an_extraction_is_at_work(corpora):
    before = snapshot(corpora.parent)
    with (corpora / "heard.work" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match=r"heard.work: expected no extraction at work there, found one"):
            forget_candidates([corpora], [candidate(3)])
        assert snapshot(corpora.parent) == before
    assert forget_candidates([corpora], [candidate(3)]).left == []


def test_a_folder_of_a_name_not_ours_survives_a_recovery(corpora, monkeypatch):
    mine = corpora / ".talks.backup_1"
    mine.mkdir()
    (mine / "a.txt").write_text("mine")

    def dies(step, person):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fairhire.forget.request, "carry_out", dies)
        with pytest.raises(KeyboardInterrupt):
            forget_candidates([corpora], [candidate(3)])
    forget_candidates([corpora], [candidate(3)])
    assert (mine / "a.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("talks/corpus.json", "{", "corpus.json: expected checksums of the files beside it"),
        ("talks/corpus.json", "[]", "corpus.json: expected checksums"),
        ("talks/biometrics/biometrics.json", "{}", "biometrics.json: expected checksums"),
        ("runs/one/provenance.json", "{", "provenance.json: expected readable JSON"),
        ("runs/one/provenance.json", "[]", "provenance.json: expected a JSON object, got list"),
        ("runs/one/scores.parquet", "", "scores.parquet: expected a scores table"),
        ("explained/shop/EXPLANATION.json", '{"position": 3}', "EXPLANATION.json: expected the record"),
        ("../data.forgetting.json", "{}", "data.forgetting.json: expected the journal of an unfinished request"),
    ],
)
def test_a_damaged_file_of_ours_is_said_so_before_anything_is_done(data, name, content, match):
    (data / name).write_text(content)
    before = snapshot(data.parent)
    with pytest.raises(DataError, match=match):
        forget_candidates([data], [candidate(1)])
    assert snapshot(data.parent) == before


def test_odd_files_are_no_stumbling_block(data):
    (data / "deep.json").write_text("[" * 100_000)
    (data / "deeper.json").write_text("[" * 900 + '{"candidate": "x"}' + "]" * 900)
    (data / "list.json").write_text('[{"candidate": ["a"]}, 3, null]')
    (data / "odd.safetensors").write_bytes((9).to_bytes(8, "little") + b'{"a":[]} ')
    (data / "short.safetensors").write_bytes(b"abc")
    (data / "broken.npy").write_bytes(b"\x93NUMPY")
    assert forget_candidates([data], [candidate(1)]).left == []
