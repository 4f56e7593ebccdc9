from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import typer
from commandline import Said, fairhire, refused

from fairhire import __version__, commands, errors
from fairhire.atomic import sha256
from fairhire.auditing.leakage import PROBES, measure_run
from fairhire.data.corpus import Corpus
from fairhire.data.simulated import SimulationConfig
from fairhire.errors import FairhireError
from fairhire.runs import Run
from fairhire.scores import read_scores
from fairhire.training import TrainConfig

CHECKOUT = Path(__file__).parents[1]
SMALL = ("--hidden", 4, "--modality", "text", "--fractions", "0.5/0.2/0.3", "--device", "cpu")


# A program started by a shell in the background inherits a SIGINT that is ignored; the tests want it heard.
HEAR_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def program(*words: object, **settings: Any) -> subprocess.Popen[str]:
    """Start a command as a program of its own."""
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings}
    code = f"{HEAR_INTERRUPTS}from fairhire.commands import main; main()"
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], **settings)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a corpus and three tiny runs, by the commands themselves."""
    path = tmp_path_factory.mktemp("commands")
    assert fairhire("corpus", "simulate", path / "corpus", "--interviews", 90, "--seed", 1, "--quiet").code == 0
    people = pd.read_csv(path / "corpus.people.csv")
    people[["candidate", "gender"]].to_csv(path / "people.csv", index=False)
    for name, words in {
        "undefended": ("--epochs", 2),
        "defended": ("--epochs", 11, "--adversary", "face"),
    }.items():
        said = fairhire("train", path / "corpus", *SMALL, *words, "--out", path / name)
        assert said.code == 0, said
        (path / f"{name}.out").write_text(said.out)
        (path / f"{name}.err").write_text(said.err)
    return path


@pytest.fixture
def quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit the linear probe alone; what the probes find is tested with them."""
    quick = partial(measure_run, probes={"linear": PROBES["linear"]})
    monkeypatch.setattr("fairhire.auditing.leakage.measure_run", quick)


# --- the door -------------------------------------------------------------------------------------------------------


def every_command() -> dict[tuple[str, ...], Any]:
    """Return every command and group of commands by its words."""
    found: dict[tuple[str, ...], Any] = {(): typer.main.get_command(commands.app)}
    for words, command in list(found.items()):
        for name, below in command.commands.items():
            found[*words, name] = below
            found |= {(*words, name, deeper): one for deeper, one in getattr(below, "commands", {}).items()}
    return found


def test_the_commands_are_those_of_the_interface() -> None:
    assert set(every_command()) >= {
        (),
        ("demo",),
        ("corpus",),
        *[("corpus", name) for name in ("simulate", "import", "info", "check")],
        ("train",),
        ("predict",),
        ("leakage",),
    }


@pytest.mark.parametrize("words", list(every_command()))
def test_help_names_the_exit_codes_and_the_defaults(words: tuple[str, ...]) -> None:
    said = fairhire(*words, "--help")
    assert said.code == 0
    assert said.err == ""
    assert (
        "Exit codes: 0 fine; 1 a gate of the plan failed; 2 wrong use or configuration; 3 undecided or not computable; "
        "4 unreadable or invalid data; 5 verification failed." in said.words
    )
    nothing = ("people", "baseline", "representation", "label_table", "label_attribute", "version", "quiet")
    for parameter in every_command()[words].params:
        text = f"{parameter.help} "
        assert len(text) > 8, parameter.name
        if parameter.param_type_name == "argument" or parameter.required or parameter.name in nothing:
            continue
        if parameter.default is False:
            continue  # a flag that is not given is off
        if parameter.default is None:
            assert "default" in text or (words, parameter.name) == (("leakage",), "out"), parameter.name
        else:
            assert f"default: {parameter.default}" in said.words.replace("demo- ", "demo-"), parameter.name


def test_the_defaults_in_help_are_those_of_the_package() -> None:
    def defaults(*words: str) -> dict[str, Any]:
        return {parameter.name: parameter.default for parameter in every_command()[words].params}

    config, shown = TrainConfig(), defaults("train")
    names = {field.name for field in fields(TrainConfig)} & set(shown)
    assert len(names) >= 15
    shown["fractions"] = tuple(map(float, shown["fractions"].split("/")))
    for name in names:
        assert shown[name] == getattr(config, name), name
    assert (float(shown["strength"]),) == config.strengths
    simulated, world = defaults("corpus", "simulate"), SimulationConfig()
    simulated["frames"] = tuple(map(int, simulated["frames"].split("-")))
    for name in {field.name for field in fields(SimulationConfig)} & set(simulated):
        assert simulated[name] == getattr(world, name), name


def test_version() -> None:
    assert fairhire("--version") == Said(0, f"fairhire {__version__}\n", "")


@pytest.mark.parametrize("words", [(), ("corpus",), ("--quiet",)])
def test_without_a_command_the_help_is_shown_as_it_is(words: tuple[str, ...]) -> None:
    said = fairhire(*words)
    assert said.code == 2
    assert said.out == ""
    assert re.match(r"Usage: .*fairhire.* COMMAND", said.err)
    assert "\n\nCommands:\n" in said.err


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("corpus", "nonsense"), "No such command 'nonsense'"),
        (("train", "--nonsense"), "No such option: --nonsense"),
        (("--nonsense",), "No such option: --nonsense"),
        (("predict",), "Missing argument 'RUN'"),
        (("predict", "run"), "Missing argument 'CORPUS'"),
        (("predict", "run", "corpus"), "Missing option '--out'"),
        (("corpus", "info"), "Missing argument 'PATH'"),
        (("corpus", "info", "one", "two"), "unexpected extra argument"),
        (("train", "--epochs", "many"), "Invalid value for '--epochs'.*integer"),
        (("train", "--epochs"), "Option '--epochs' requires an argument"),
        (("leakage", "run", "--controls", "-1"), "Invalid value for '--controls'"),
        (("leakage", "run", "--seed", "-1"), "Invalid value for '--seed'"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(words: tuple[str, ...], match: str) -> None:
    refused(2, match, *words)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.GateFailed, 1),
        (errors.UsageError, 2),
        (errors.NotComputableError, 3),
        (errors.DataError, 4),
        (errors.StorageError, 4),
        (errors.VerificationError, 5),
    ],
)
def test_every_mistake_is_one_line_and_its_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[FairhireError], code: int
) -> None:
    def fail(_: Corpus) -> None:
        raise kind("expected one thing,\n got another")

    monkeypatch.setattr(Corpus, "check", fail)
    said = fairhire("corpus", "check", folder / "corpus")
    assert said == Said(code, "", "fairhire: expected one thing, got another\n")


def test_an_interruption_is_one_line_and_code_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Corpus) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Corpus, "check", interrupt)
    said = fairhire("corpus", "check", folder / "corpus")
    assert said == Said(130, "", "fairhire: interrupted; what was finished is kept\n")


def test_an_unforeseen_refusal_of_the_system_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Corpus) -> None:
        raise PermissionError(13, "Permission denied", "some/file")

    monkeypatch.setattr(Corpus, "check", refuse)
    assert fairhire("corpus", "check", folder / "corpus") == Said(4, "", "fairhire: some/file: Permission denied\n")


@pytest.mark.parametrize("kind", [ZeroDivisionError, RuntimeError])
def test_a_bug_of_ours_is_not_hidden(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    def bug(_: Corpus) -> None:
        raise kind("a bug")

    monkeypatch.setattr(Corpus, "check", bug)
    monkeypatch.setattr(sys, "argv", ["fairhire", "corpus", "check", str(folder / "corpus")])
    with pytest.raises(kind, match="a bug"):
        commands.main()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you"),
    ],
)
def test_a_model_larger_than_memory_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_: Corpus) -> None:
        raise error

    monkeypatch.setattr(Corpus, "check", fail)
    refused(2, "out of memory: take a smaller --batch or --hidden", "corpus", "check", folder / "corpus")


# --- corpora --------------------------------------------------------------------------------------------------------


def test_simulate_says_the_corpus_on_stdout_and_the_rest_on_stderr(tmp_path: Path) -> None:
    said = fairhire("corpus", "simulate", tmp_path / "c", "--interviews", 5, "--seed", 3)
    assert said.code == 0
    assert said.out == f"{tmp_path / 'c'}\n"
    assert said.err == f"5 interviews; kept apart from them: {tmp_path}/c.people.csv and {tmp_path}/c.truth.csv\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "c.people.csv", "c.truth.csv"]
    small = ("--interviews", 3, "--frames", "7-9", "--questions", 2, "--modality", "audio", "--missing", 0)
    assert fairhire("corpus", "simulate", tmp_path / "small", *small).code == 0
    lengths = Corpus(tmp_path / "small").length("audio")
    assert len(lengths) == 6
    assert 7 <= lengths.min() <= lengths.max() <= 9
    refused(2, "--frames: expected LOW-HIGH such as 30-60", "corpus", "simulate", tmp_path / "x", "--frames", "many")
    again = fairhire("corpus", "simulate", tmp_path / "again", "--interviews", 5, "--seed", 3, "--quiet")
    assert again == Said(0, f"{tmp_path / 'again'}\n", "")
    for name in ("interviews.parquet", "features/audio.npy"):
        assert sha256(tmp_path / "c" / name) == sha256(tmp_path / "again" / name)


@pytest.mark.parametrize("words", [("--quiet", "corpus", "check"), ("corpus", "--quiet", "check")])
def test_quiet_may_stand_anywhere(folder: Path, words: tuple[str, ...]) -> None:
    assert fairhire(*words, folder / "corpus").err == ""


def test_info_prints_what_a_corpus_holds(folder: Path) -> None:
    said = fairhire("corpus", "info", folder / "corpus")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == str(folder / "corpus")
    corpus = Corpus(folder / "corpus")
    assert re.search(r"interviews\W+90 ", said.out)
    assert re.search(rf"candidates\W+{corpus.interviews['candidate'].nunique()} ", said.out)
    assert re.search(rf"faces\W+{len(corpus.faces)} ", said.out)
    for name in corpus.modalities:
        assert re.search(rf"{name}\W+\d+ answers, {int(corpus.length(name).sum())} frames of width", said.out)


def test_check_says_sound_with_remarks(folder: Path) -> None:
    said = fairhire("corpus", "check", folder / "corpus")
    assert (said.code, said.err) == (0, "")
    *remarks, last = said.out.splitlines()
    assert last == f"{folder / 'corpus'}: sound"
    assert all(remark.startswith("note: ") for remark in remarks)


def test_a_damaged_corpus_is_one_line_and_code_4(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "corpus", tmp_path / "c")
    with (tmp_path / "c" / "features" / "audio.npy").open("r+b") as file:
        file.seek(500)
        file.write(b"damaged")
    refused(4, r"features/audio\.npy: expected SHA-256 ", "corpus", "check", tmp_path / "c")
    os.truncate(tmp_path / "c" / "features" / "audio.npy", 2000)
    for words in (("corpus", "info"), ("corpus", "check"), ("train",)):
        refused(4, r"features/audio\.npy: expected a whole \.npy file", *words, tmp_path / "c")
    (tmp_path / "c" / "corpus.json").write_text('{"schema": 99}')
    refused(4, "expected schema 1, got 99", "corpus", "info", tmp_path / "c")
    refused(4, "none: expected a corpus with corpus.json, found no such file", "corpus", "info", tmp_path / "none")


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (("simulate", "{}/c", "--interviews", "0"), 2, "interviews: expected 1 or more, got 0"),
        (("simulate", "{}/c", "--bias", "nan"), 2, "bias: expected a number, 0 or more, got nan"),
        (("simulate", "{}/c", "--seed", "-1"), 2, "seed: expected 0 or more, got -1"),
        (("simulate", "{}"), 2, "expected a new folder or a corpus to replace, found other files"),
        (("simulate", "{}/file/c"), 4, "cannot write .*file/c: "),
        (("import", "nonsense", "{}", "{}/c"), 2, "data set: expected one of first-impressions, .*, got 'nonsense'"),
        (("import", "table", "{}/none", "{}/c"), 4, "none: expected a file interviews.csv or"),
        (("import", "table", "{}", "{}/c", "--cut", "0.5"), 2, "--cut: table takes no options"),
        (("import", "faircvtest", "{}", "{}/c", "--clips", "all"), 2, "--clips: faircvtest takes --label, --faces"),
        (("import", "faircvtest", "{}", "{}/c", "--label", "other"), 2, "label: expected biased or blind, got 'other'"),
        (
            ("import", "first-impressions", "{}", "{}/c", "--face-encoder", "other"),
            2,
            "--face-encoder: expected one of eigenfaces, facenet, got 'other'",
        ),
    ],
)
def test_a_corpus_that_cannot_be_made_is_one_line(
    tmp_path: Path, words: tuple[str, ...], code: int, match: str
) -> None:
    (tmp_path / "file").write_text("kept")
    refused(code, match, "corpus", *(word.format(tmp_path) for word in words))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_table_is_imported_with_its_people_beside_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "interviews.csv").write_text("interview,candidate,hirable\ni1,kim,1\ni2,lee,0\n")
    (source / "answers.csv").write_text("interview,slot,transcript\ni1,0,I [cough] sell\ni2,0,why\n")
    (source / "people.csv").write_text("candidate,gender\nkim,woman\nlee,man\nmo,man\n")
    said = fairhire("corpus", "import", "table", source, tmp_path / "c")
    assert (said.code, said.out) == (0, f"{tmp_path / 'c'}\n")
    assert "left out: 1 people without an interview: not candidates of this corpus\n" in said.err
    assert (tmp_path / "c.people.csv").read_text() == "candidate,gender\nkim,woman\nlee,man\n"
    assert len(Corpus(tmp_path / "c")) == 2


# --- training and prediction ----------------------------------------------------------------------------------------


def test_train_prints_the_task_and_the_run(folder: Path) -> None:
    said = (folder / "undefended.out").read_text()
    assert said.splitlines()[0].startswith(f"{folder / 'undefended'}: ")
    assert said.splitlines()[-1] == str(folder / "undefended")
    for name in ("auc", "f1", "precision", "recall"):
        assert re.search(rf"│ {name} +│ (undefined: |[01]\.\d+ \[)", said)
    assert "adversary" not in said
    assert Run(folder / "undefended").config["hidden"] == 4


def test_an_adversary_says_its_accuracy_beside_chance_and_that_it_is_no_leakage(folder: Path) -> None:
    said = (folder / "defended.out").read_text()
    chosen = Run(folder / "defended").chosen
    assert f"adversary accuracy {chosen['adversary_accuracy']:.4f}, chance {chosen['adversary_chance']:.4f}" in said
    assert "This is not leakage" in said
    assert "training interviews have no face: they teach the task only" in (folder / "defended.err").read_text()


def test_without_a_corpus_one_is_simulated_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(SimulationConfig, interviews=60)
    monkeypatch.setattr("fairhire.data.simulated.SimulationConfig", few)
    for number, words in enumerate(("simulating one, with known bias, at", "using the simulated one at")):
        said = fairhire("train", *SMALL, "--epochs", 1, "--out", tmp_path / "run")
        assert said.code == 0, said
        assert f"no corpus given: {words} {tmp_path}/run.corpus\n" in said.err
        assert said.out.splitlines()[-1] == str(tmp_path / "run")
        assert len(Corpus(tmp_path / "run.corpus")) == 60
        if number == 0:
            shutil.rmtree(tmp_path / "run")


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (("--adversary", "other"), 2, "adversary: expected none or some of face, .*, label, each once.*got 'other'"),
        (("--offset", "label"), 2, "offset: expected none or some of face, voice, each once, got 'label'"),
        (("--model", "other"), 2, "model: expected one of hirenet, "),
        (("--modality", "smell"), 2, "modality: expected one of text, audio, video .*, got 'smell'"),
        (("--modality", "text", "--modality", "text"), 2, "modality: expected every name once, got text, text"),
        (("--strength", "much"), 2, "--strength: expected numbers separated by ',', got 'much'"),
        (("--strength", "-1"), 2, "strength: expected numbers above 0"),
        (("--fractions", "0.5/0.5"), 2, "--fractions: expected three numbers such as 0.8/0.1/0.1, got '0.5/0.5'"),
        (("--fractions", "0.5/0.5/nan"), 2, "fractions: expected three .*nan"),
        (("--split", "other"), 2, "split: expected one of candidate, fold:i/k, got 'other'"),
        (("--split", "fold:6/5"), 2, "fold: expected 1/k to k/k with k of 2 or more, got 6/5"),
        (("--adversary", "face", "--epochs", "4"), 2, "epochs: expected more than head start"),
        (("--word-vectors", "none.vec"), 4, r"none\.vec: expected a file of word vectors, found none"),
        (("--label-table", "p.csv"), 2, "--label-table, --label-attribute: expected only with --adversary label"),
        (("--adversary", "face", "--label-attribute", "gender"), 2, "only with --adversary label .*got .*face"),
        (("--adversary", "label"), 2, "--adversary label: expected --label-table FILE and --label-attribute COLUMN"),
        (("--adversary", "label", "--label-table", "p.csv"), 2, "expected --label-table FILE and --label-attribute"),
        (
            ("--adversary", "label", "--label-table", "none.csv", "--label-attribute", "gender"),
            4,
            r"none\.csv: expected a people table, found no such file",
        ),
    ],
)
def test_a_run_that_cannot_be_trained_is_one_line(
    folder: Path, tmp_path: Path, words: tuple[str, ...], code: int, match: str
) -> None:
    refused(code, match, "train", folder / "corpus", *words, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_written_over_something_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("kept")
    train = ("train", folder / "corpus", *SMALL, "--epochs", 1, "--out")
    refused(2, "expected a new folder for the run, found other files; choose another --out", *train, tmp_path)
    refused(2, "found a finished run; choose another --out", *train, folder / "undefended")
    refused(2, "file: expected a new folder for the run, found a file", *train, tmp_path / "file" / "run")
    monkeypatch.chdir(tmp_path)
    refused(2, r"--out: expected the name of a new folder, got \.", "train", "--out", ".")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_without_faces_there_is_no_face_adversary(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "corpus", tmp_path / "c")
    shutil.rmtree(tmp_path / "c" / "biometrics")
    words = ("train", tmp_path / "c", *SMALL, "--adversary", "face", "--out", tmp_path / "run")
    refused(4, "expected face embeddings in biometrics/ for --adversary face, found none", *words)


def test_the_label_adversary_reads_labels_from_its_own_option_and_says_so(folder: Path, tmp_path: Path) -> None:
    words = ("--adversary", "label", "--label-table", folder / "people.csv", "--label-attribute", "gender")
    said = fairhire("train", folder / "corpus", *SMALL, *words, "--epochs", 11, "--out", tmp_path / "run")
    assert said.code == 0, said
    assert "WARNING: a labelled baseline reads gender of 90 interviews" in said.err
    assert "READS SENSITIVE LABELS (man, woman)" in said.err
    assert Run(tmp_path / "run").provenance["sensitive_labels_read"] is True
    assert Run(folder / "defended").provenance["sensitive_labels_read"] is False
    refused(4, "expected a column 'age', got gender", "train", folder / "corpus", *words[:-1], "age", "--out", tmp_path)


def test_of_several_processes_the_first_alone_speaks(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairhire.training.train", lambda *_, **__: Run(folder / "defended"))
    for rank, lines in (("0", True), ("1", False)):
        monkeypatch.setenv("LOCAL_RANK", rank)
        said = fairhire("train", folder / "corpus", "--out", tmp_path / "run")
        assert said.code == 0
        assert bool(said.out) == bool(said.err) == lines


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_predict_writes_the_rows_of_the_corpus_in_its_order(folder: Path, tmp_path: Path, name: str) -> None:
    words = ("--out", tmp_path / name, "--representation", tmp_path / "v.npy")
    said = fairhire("predict", folder / "defended", folder / "corpus", *words)
    assert (said.code, said.out) == (0, f"{tmp_path / name}\n")
    assert said.err == "90 interviews scored, 0 without anything the model reads (score left empty)\n"
    run, corpus = Run(folder / "defended"), Corpus(folder / "corpus")
    found = read_scores(tmp_path / name, representation=tmp_path / "v.npy")
    assert found.ids.tolist() == corpus.interviews["id"].tolist()
    assert found.candidates.tolist() == corpus.interviews["candidate"].tolist()
    assert set(found.split) == {""}
    np.testing.assert_array_equal(found.score, run.scores.score)
    np.testing.assert_array_equal(found.decision, run.scores.decision)
    assert found.representation is not None
    assert run.scores.representation is not None
    np.testing.assert_array_equal(found.representation, run.scores.representation)


def test_predict_leaves_the_score_empty_where_nothing_is_read(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "corpus", tmp_path / "c")
    answers = pd.read_parquet(tmp_path / "c" / "answers.parquet")
    answers.loc[answers["interview"] == 2, "text:length"] = 0
    answers.to_parquet(tmp_path / "c" / "answers.parquet", index=False)
    said = fairhire("predict", folder / "undefended", tmp_path / "c", "--out", tmp_path / "s.csv")
    assert said.err == "89 interviews scored, 1 without anything the model reads (score left empty)\n"
    row = pd.read_csv(tmp_path / "s.csv").iloc[2]
    assert pd.isna(row["score"])
    assert pd.isna(row["decision"])
    assert row["interview"] == "i000002"


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (("{0}/undefended", "{0}/corpus", "--out", "{1}/s.txt"), 2, "--out: expected a name ending in .parquet or"),
        (
            ("{0}/undefended", "{0}/corpus", "--out", "{1}/s.csv", "--representation", "{1}/v.csv"),
            2,
            r"--representation: expected a name ending in \.npy",
        ),
        (
            ("{0}/undefended", "{0}/corpus", "--out", "{1}/s.csv", "--device", "tpu"),
            2,
            "expected cpu or cuda, got 'tpu'",
        ),
        (("{0}/undefended", "{0}/corpus", "--out", "{1}/file/s.csv"), 4, "cannot write .*/file/s.csv: "),
        (("{0}/undefended", "{1}/none", "--out", "{1}/s.csv"), 4, "none: expected a corpus"),
        (("{0}/corpus", "{0}/corpus", "--out", "{1}/s.csv"), 4, "corpus: expected a finished run"),
        (("{1}/none", "{0}/corpus", "--out", "{1}/s.csv"), 4, "none: expected a finished run"),
    ],
)
def test_a_prediction_that_cannot_be_made_is_one_line(
    folder: Path, tmp_path: Path, words: tuple[str, ...], code: int, match: str
) -> None:
    (tmp_path / "file").write_text("kept")
    refused(code, match, "predict", *(word.format(folder, tmp_path) for word in words))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_gpu_that_is_not_there_is_one_line(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = ("--out", tmp_path / "out.csv", "--device", "cuda")
    refused(2, "expected a machine with CUDA", "predict", folder / "undefended", folder / "corpus", *words)
    refused(2, "expected a machine with CUDA", "train", folder / "corpus", *words)


def test_a_corpus_without_the_models_modality_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "interviews.csv").write_text("interview,candidate\ni1,kim\n")
    (tmp_path / "answers.csv").write_text("interview,slot,audio.pitch\ni1,0,0.5\n")
    assert fairhire("corpus", "import", "table", tmp_path, tmp_path / "c").code == 0
    refused(
        *(4, "c: expected modality 'text', got audio"),
        *("predict", folder / "undefended", tmp_path / "c", "--out", tmp_path / "s.csv"),
    )


# --- leakage --------------------------------------------------------------------------------------------------------


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} in JSON")


@pytest.mark.usefixtures("quick_probes")
def test_leakage_stands_beside_the_baseline_and_goes_to_json(folder: Path, tmp_path: Path) -> None:
    people, out = folder / "people.csv", tmp_path / "leakage.json"
    words = ("--people", people, "--baseline", folder / "undefended", "--out", out, "--controls", 2, "--seed", 5)
    said = fairhire("leakage", folder / "defended", folder / "corpus", *words)
    assert said.code == 0, said
    assert said.out.splitlines()[0].startswith("defended: leakage to fresh probes")
    assert re.search(r"┃ undefended +┃ difference +┃", said.out)
    assert re.search(r"│ representation │ gender +│ linear +│ auc ", said.out)
    assert re.search(r"│ representation │ face +│ \w+ +│ recall@1 ", said.out)
    assert said.out.splitlines()[-1] == str(out)
    assert "left out: " in said.err
    record = json.loads(out.read_text(), parse_constant=no_constant)
    assert (record["schema"], record["seed"]) == (1, 5)
    for row in record["leakage"]:
        assert set(row) >= {"subject", "source", "target", "probe", "metric", "estimate", "chance", "n_fit", "n_test"}
        assert set(row["estimate"]) in ({"value", "low", "high", "level", "n"}, {"undefined", "n"})
        floor = -1 if row["metric"] == "codelength" else 0  # a code may be longer than that of the marginals
        assert floor <= row["estimate"].get("low", 0) <= row["estimate"].get("high", 1) <= 1
    assert {row["subject"] for row in record["leakage"]} == {"defended", "undefended (baseline)"}
    assert {row["target"] for row in record["leakage"]} == {"gender", "face"}
    assert all(set(item) == {"what", "n", "why"} for item in record["left_out"])
    assert record["inputs"] == [
        {"name": "people.csv", "sha256": sha256(people), "rows": len(pd.read_csv(people))},
        *[
            {"name": name, "sha256": sha256(folder / name / file), "rows": 90}
            for name, file in (
                ("defended", "provenance.json"),
                ("undefended", "provenance.json"),
                ("corpus", "corpus.json"),
            )
        ],
    ]
    assert set(record["versions"]) == {"fairhire", "numpy", "scikit-learn"}
    assert record["adversary"]["accuracy"] == Run(folder / "defended").chosen["adversary_accuracy"]


@pytest.mark.usefixtures("quick_probes")
def test_without_a_corpus_face_retrieval_is_left_out_and_it_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "defended")  # a run that is called "." has a name all the same
    words = ("--people", folder / "people.csv", "--controls", 0, "--out", tmp_path / "l.json")
    said = fairhire("leakage", ".", *words)
    assert said.code == 0, said
    assert said.out.startswith("defended: leakage")
    assert " face " not in said.out
    assert "left out: 90 interviews in face retrieval: no corpus with faces was given\n" in said.err
    record = json.loads((tmp_path / "l.json").read_text())
    assert {row["target"] for row in record["leakage"]} == {"gender"}
    assert any(item["what"] == "interviews in face retrieval" for item in record["left_out"])
    assert fairhire("leakage", ".", *words, "--quiet").err == ""


@pytest.mark.usefixtures("quick_probes")
def test_nothing_to_measure_is_one_line_and_code_3(folder: Path, tmp_path: Path) -> None:
    people, scores = pd.read_csv(folder / "people.csv"), Run(folder / "undefended").scores
    few = [name for part in ("train", "test") for name in sorted(set(scores.candidates[scores.split == part]))[:2]]
    people["gender"] = np.where(people["candidate"].isin(few), "woman", "man")
    for rows, why in ((people, "fewer than 10 people"), (people.assign(gender="unknown"), "leaves nothing to ask for")):
        rows.to_csv(tmp_path / "people.csv", index=False)
        said = fairhire("leakage", folder / "undefended", "--people", tmp_path / "people.csv", "--quiet")
        assert said.code == 3, said
        assert re.fullmatch(rf"fairhire: leakage of [^\n]+: nothing could be measured: [^\n]*{why}[^\n]*\n", said.err)


@pytest.mark.usefixtures("quick_probes")
def test_a_disagreement_between_adversary_and_probes_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {**Run(folder / "defended").chosen, "adversary_accuracy": 0.02, "adversary_chance": 0.02}
    vectors = np.load(folder / "defended" / "representation.npy")
    people = pd.read_csv(folder / "people.csv").set_index("candidate")["gender"]
    vectors[:, 0] = people.loc[Run(folder / "defended").scores.candidates] == "man"  # a planted leak
    shutil.copytree(folder / "defended", tmp_path / "run")
    np.save(tmp_path / "run" / "representation.npy", vectors)
    monkeypatch.setattr(Run, "chosen", property(lambda _: chosen))
    words = ("--people", folder / "people.csv", "--controls", 0, "--quiet", "--out", tmp_path / "l.json")
    said = fairhire("leakage", tmp_path / "run", *words)
    sentence = json.loads((tmp_path / "l.json").read_text())["disagreement"]
    assert sentence.startswith("adversary accuracy 0.02 is at chance (0.02), yet a fresh linear probe reads gender")
    assert sentence in said.out


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (("{0}/undefended",), 2, "--people: expected a people table"),
        (("{0}/undefended", "--people", "{1}/none"), 4, "none: expected a people table, found no such file"),
        (("{1}/none", "--people", "{0}/people.csv"), 4, "none: expected a finished run"),
        (
            ("{0}/undefended", "{1}/other", "--people", "{0}/people.csv"),
            4,
            "other: expected the interviews of .*undefended, got others",
        ),
        (
            ("{0}/undefended", "--people", "{0}/people.csv", "--baseline", "{1}/run"),
            4,
            "run: expected the interviews and the split of .*undefended, got others",
        ),
    ],
)
def test_a_leakage_that_cannot_be_measured_is_one_line(
    folder: Path, tmp_path: Path, words: tuple[str, ...], code: int, match: str
) -> None:
    assert fairhire("corpus", "simulate", tmp_path / "other", "--interviews", 6).code == 0
    shutil.copytree(folder / "undefended", tmp_path / "run")
    table = pd.read_parquet(tmp_path / "run" / "scores.parquet")
    table["split"] = table["split"].to_numpy()[::-1]
    table.to_parquet(tmp_path / "run" / "scores.parquet", index=False)
    refused(code, match, "leakage", *(word.format(folder, tmp_path) for word in words))


# --- a program among others -----------------------------------------------------------------------------------------


def test_help_and_version_do_not_wait_for_torch() -> None:
    line = (
        "import sys, fairhire.commands as c; sys.argv = ['fairhire', 'train', '--help']\n"
        "try: c.main()\n"
        "finally: sys.stderr.write(str(sorted({'torch', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stderr == "[]"
    assert "Exit codes" in done.stdout


def test_the_door_of_the_checkout_is_the_same_program() -> None:
    door = [sys.executable, str(CHECKOUT / "cli.py"), "--version"]
    assert subprocess.run(door, capture_output=True, text=True, check=True).stdout == f"fairhire {__version__}\n"
    with program("nonsense") as other:
        assert other.communicate() == ("", "fairhire: No such command 'nonsense'.\n")
    assert other.returncode == 2


def test_a_reader_who_leaves_is_no_mistake(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe, program("corpus", "info", folder / "corpus", stdout=pipe) as said:
        assert said.communicate()[1] == ""
    assert said.returncode == 141


def test_results_for_which_there_is_no_room_are_one_line(folder: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with Path("/dev/full").open("w") as full, program("corpus", "info", folder / "corpus", stdout=full) as said:
        assert said.communicate()[1] == "fairhire: writing the results: No space left on device\n"
    assert said.returncode == 4


def test_names_that_the_terminal_cannot_write_are_no_mistake(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "corpus", tmp_path / "größe")
    settings = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with program("corpus", "info", tmp_path / "größe", env=settings) as said:
        out, err = said.communicate()
    assert (said.returncode, err) == (0, "")
    assert "gr\\xf6\\xdfe\n" in out
    assert "90" in out


def test_a_real_interruption_leaves_nothing_half_written(tmp_path: Path) -> None:
    with program("corpus", "simulate", tmp_path / "c", "--interviews", 30_000) as said:
        limit = time.monotonic() + 60
        while not any(tmp_path.glob(".c.*/features/audio.npy")) and time.monotonic() < limit:
            time.sleep(0.05)
        assert any(tmp_path.glob(".c.*"))
        said.send_signal(signal.SIGINT)
        assert said.communicate() == ("", "fairhire: interrupted; what was finished is kept\n")
    assert said.returncode == 130
    assert list(tmp_path.iterdir()) == []


def on_a_terminal(*words: object) -> tuple[str, str]:
    """Run a command whose standard error is a terminal; return what it wrote to standard output and to that."""
    screen, keyboard = pty.openpty()
    shown = b""
    with program(*words, stderr=keyboard, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"}) as said:
        os.close(keyboard)
        with contextlib.suppress(OSError):  # as Linux says that the other side is closed
            while data := os.read(screen, 1 << 16):
                shown += data
        out = said.communicate()[0]
    os.close(screen)
    assert said.returncode == 0
    return out, shown.decode()


def test_progress_is_shown_on_a_terminal_alone(tmp_path: Path) -> None:
    out, shown = on_a_terminal("corpus", "simulate", tmp_path / "c", "--interviews", 20)
    assert out == f"{tmp_path / 'c'}\n"
    assert "writing interviews" in shown
    assert "20/20" in shown
    assert "kept apart from them" in shown
    out, shown = on_a_terminal("corpus", "simulate", tmp_path / "d", "--interviews", 20, "--quiet")
    assert (out, shown) == (f"{tmp_path / 'd'}\n", "")
    assert "writing" not in fairhire("corpus", "simulate", tmp_path / "e", "--interviews", 20).err
