"""An explanation is its owner's alone, whole or not there, and replaces nothing but an explanation."""

from __future__ import annotations

import csv
import json
import stat

import pytest

from fairhire.errors import UsageError
from fairhire.explain import check_folder, default_folder, explain_corpus, explain_interview, write_explanation


def test_what_lies_in_the_folder(runs, corpus, tmp_path):
    record = explain_corpus(runs["both"], corpus, least=30, sample=6)
    out = tmp_path / "e"
    write_explanation(record, out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    names = {path.name for path in out.iterdir()}
    assert names >= {"EXPLANATION.json", "explanation.html", "words.csv", "figure-1.png"}
    assert json.loads((out / "EXPLANATION.json").read_text()) == json.loads(json.dumps(record))
    with (out / "words.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["word"] for row in rows if row["too_rare"] == "true"] == ["gladly"]
    assert all(float(row["low"]) <= float(row["mean_value"]) <= float(row["high"]) for row in rows[:-1])
    assert (out / "figure-1.png").read_bytes().startswith(b"\x89PNG")


def test_an_older_explanation_is_replaced_whole(runs, corpus, tmp_path):
    out = tmp_path / "e"
    write_explanation(explain_corpus(runs["both"], corpus, sample=4), out)
    write_explanation(explain_interview(runs["text"], corpus, "i001", sample=4), out)
    assert not (out / "words.csv").exists()
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_other_files_are_not_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(UsageError, match="expected a new folder or an explanation to replace"):
            check_folder(path)
    (tmp_path / "empty").mkdir()
    check_folder(tmp_path / "empty")


def test_where_it_goes_unless_told(tmp_path):
    run = tmp_path / "runs" / "face"
    place = tmp_path / "runs" / "explained"
    assert default_folder(run, "corpus", "") == place / "face-corpus"
    assert default_folder(run, "interview", "i-1") == place / "face-interview-i-1"
    first, second = (default_folder(run, "interview", name).name for name in ("../a", "/./a"))
    assert first != second
    assert "/" not in first
    assert len(default_folder(run, "position", "x" * 500).name) < 120
