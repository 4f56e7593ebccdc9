"""The demo from end to end, tiny: it tells the whole story, goes on where it was, and touches nothing foreign."""

import json
from pathlib import Path

import pytest

import fairhire.demo
from fairhire.data.corpus import Corpus
from fairhire.demo import run_demo
from fairhire.errors import DataError, UsageError
from fairhire.runs import Run
from fairhire.training import TrainConfig

TINY = TrainConfig(
    hidden=8,
    attention=8,
    question_hidden=8,
    fused=8,
    word_dim=8,
    epochs=3,
    head_start=1,
    warm_up=1,
    restarts=0,
    batch=32,
    fractions=(0.5, 0.2, 0.3),
    device="cpu",
)
SETTINGS = {"interviews": 120, "seed": 3, "training": TINY, "quiet": True}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "report"
    assert run_demo(folder, **SETTINGS) == folder / "report.html"
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_demo_leaves_corpus_runs_readings_and_page(out: Path) -> None:
    assert len(Corpus(out / "corpus")) == 120
    undefended, defended = Run(out / "undefended"), Run(out / "defended")
    differing = {key for key, value in undefended.config.items() if defended.config[key] != value}
    assert differing == {"adversary"}
    assert undefended.config["seed"] == 3
    assert not defended.provenance["sensitive_labels_read"]
    html = (out / "report.html").read_text(encoding="utf-8")
    assert html.count("<svg ") == 3
    assert defended.provenance["files"]["model/weights.safetensors"] in html
    assert "<script" not in html


def test_the_readings_pair_both_runs_and_are_strict_json(out: Path) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    record = json.loads((out / "leakage.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert {row["subject"] for row in record["leakage"]} == {"undefended", "defended"}
    assert {row["source"] for row in record["leakage"]} == {"representation", "score"}
    assert {"gender", "face"} <= {row["target"] for row in record["leakage"]}
    assert {row["against"] for row in record["compare"]} == {"undefended"}
    assert 0 <= record["adversary"]["accuracy"] <= 1
    assert 0 < record["adversary"]["chance"] < 1
    assert "disagreement" in record


def test_it_measures_test_people_alone(out: Path) -> None:
    test = Run(out / "defended").provenance["candidates"]["test"]
    record = json.loads((out / "leakage.json").read_text(encoding="utf-8"))
    assert all(row["n_test"] <= test for row in record["leakage"])
    assert f"figures on the {test} test people" in (out / "report.html").read_text(encoding="utf-8")


def test_again_with_the_same_settings_it_keeps_the_runs_and_writes_the_same_page(out: Path) -> None:
    before = bytes_of(out)
    written = (out / "defended" / "provenance.json").stat().st_mtime_ns
    run_demo(out, **SETTINGS)
    assert bytes_of(out) == before
    assert (out / "defended" / "provenance.json").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"interviews": 130}, "simulation interviews 120"), ({"seed": 4}, "seed 3")],
)
def test_a_demo_of_other_settings_is_refused_and_left_alone(out: Path, changes: dict[str, int], named: str) -> None:
    before = bytes_of(out)
    with pytest.raises(UsageError, match=named):
        run_demo(out, **{**SETTINGS, **changes})
    assert bytes_of(out) == before


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="expected a new or empty folder, or an earlier demo"):
        run_demo(tmp_path, **SETTINGS)
    with pytest.raises(UsageError, match="expected a new or empty folder"):
        run_demo(tmp_path / "thesis.txt", **SETTINGS)
    assert bytes_of(tmp_path) == {"thesis.txt": b"mine"}


@pytest.mark.parametrize("words", ["", "[]", "{"])
def test_a_damaged_marker_is_one_line(tmp_path: Path, words: str) -> None:
    (tmp_path / "demo.json").write_text(words, encoding="utf-8")
    with pytest.raises(DataError, match=r"demo\.json: expected the settings of a demo"):
        run_demo(tmp_path, **SETTINGS)


def test_interrupted_it_goes_on_with_what_was_finished(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train = fairhire.demo.train

    def interrupted(corpus, config, path, *, advance):
        def stop(steps: int = 1, facts: str = "") -> None:
            if config.adversary == "face" and facts.startswith("epoch 2"):
                raise KeyboardInterrupt

        return train(corpus, config, path, advance=stop)

    monkeypatch.setattr(fairhire.demo, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_demo(tmp_path / "again", **SETTINGS)
    monkeypatch.undo()
    assert (tmp_path / "again" / "undefended" / "provenance.json").is_file()
    assert (tmp_path / "again" / "defended" / "training").is_dir()
    run_demo(tmp_path / "again", **{**SETTINGS, "quiet": False})
    assert bytes_of(tmp_path / "again") == bytes_of(out)
    said = capsys.readouterr()
    assert said.out == ""
    assert [line[:3] for line in said.err.splitlines()] == ["1/4", "2/4", "3/4", "4/4"]
