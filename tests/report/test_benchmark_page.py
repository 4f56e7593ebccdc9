"""The bench's page says what its record says, in the same bytes each time, whatever the names in it."""

import copy
import re

import pytest

from fairhire.report.benchmark import benchmark_document, draw_benchmark, render_benchmark
from fairhire.report.document import Notice, Table


def estimate(value, n=40):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "level": 0.95, "n": n}


FIGURES = {
    name: estimate(value)
    for name, value in (("precision", 0.6), ("recall", 0.7), ("f1", 0.65), ("average_precision", 0.66), ("auc", 0.7))
}


def step(hypothesis, group, stronger, weaker, decided, value):
    return {
        "hypothesis": hypothesis, "group": group, "stronger": stronger, "weaker": weaker, "n": 40, "decided": decided,
        "difference": estimate(value), "auc_difference": estimate(value), "p": 0.01, "p_holm": 0.02,
    }  # fmt: skip


@pytest.fixture
def record():
    kept = {
        "round": "seed0",
        "kept": "ridge, alpha 1.0",
        "validation_f1": 0.6,
        "tried": 9,
        "one_sided": 2,
        "seconds": 3,
    }
    return {
        "corpus": {"name": "interviews", "interviews": 60, "candidates": 50, "positions": 4, "questions": 5,
                   "job_titles": 3, "modalities": {"audio": 100}},
        "protocol": {"seeds": [0], "folds": None, "split": "candidate", "fractions": [0.8, 0.1, 0.1], "tested": 40,
                     "people": 38, "hirable": 0.5, "replicates": 100, "draws": 1000,
                     "training": {"hidden": 8, "attention": 8, "epochs": 2, "patience": 3, "learning_rate": 0.003,
                                  "select_by": "auc", "longest": 512}},
        "systems": [
            {"group": "votes", "system": "random", "note": "mean of 1000 draws",
             "figures": {**FIGURES, "auc": {"undefined": "a vote ranks nobody", "n": 38}}},
            {"group": "votes", "system": "everybody", "figures": {**FIGURES, "f1": estimate(0.667)}, "note": "all"},
            {"group": "audio", "system": "hirenet", "figures": FIGURES, "scored": 39, "kept": [kept],
             "positions": {"positions": 3, "left_out": 1, "median": 0.6, "low": 0.5, "high": 0.8, "deviation": 0.1}},
            {"group": "fusion", "system": "gated", "figures": FIGURES, "scored": 39, "kept": [],
             "positions": {"undefined": "too few", "n": 38}},
        ],
        "tests": [step("H4", "audio", "hirenet", "hn-satt", "yes", 0.2),
                  step(None, "fusion", "gated", "late", "undecided", 0.05)],
        "answers": [{"hypothesis": "H4", "claim": "context matters", "words": "audio: yes"}],
        "ratings": [], "identity": None, "failed": [],
        "left_out": [{"what": "positions", "n": 2, "why": "one tested interview"}],
        "verdict": "For audio 1 of 4 steps are decided that way.",
    }  # fmt: skip


def test_the_page_says_the_figures_the_steps_and_what_was_left_out(record):
    page, markdown = render_benchmark(record)
    plain = markdown.replace("\\", "")  # brackets are escaped there
    for words in (
        "0.650 [0.550, 0.750]", "a vote ranks nobody", "HireNet - HN_SATT", "ridge, alpha 1.0", "undecided",
        "calling everybody hirable has an F1 of 0.667", "H4, context matters: audio: yes.", "one tested interview",
    ):  # fmt: skip
        assert words in plain, words
    assert record["verdict"] in page
    assert (page, markdown) == render_benchmark(record)
    assert not re.search(r"<script|https?://", page.replace("http://www.w3.org", ""))


def test_a_leak_and_failures_are_not_overlooked(record):
    assert not [block for block in benchmark_document(record).blocks if isinstance(block, Notice)]
    record["identity"] = {
        "known_interviews": 30, "known_people": 28, "people": 38, "f1": estimate(0.8),
        "ratings": {"interview": {"one_minus_mae": estimate(0.91), "r2": estimate(0.4), "r": estimate(0.6)}},
    }  # fmt: skip
    record["failed"] = [{"system": "audio: bigru", "round": "seed0", "why": "no memory"}]
    for system in record["systems"]:
        system["new_people"] = FIGURES
    markdown = render_benchmark(record)[1].replace("\\", "")
    assert "Identity leak: 28 of 38 tested people" in markdown
    assert "on interview a 1-MAE of 0.910 [0.810, 1.010]" in markdown
    assert "1 jobs failed" in markdown
    assert "no memory" in markdown
    assert "People who stand in no other part" in markdown


def test_where_everybody_has_no_f1_the_page_does_without(record, tmp_path):
    record["systems"][1]["figures"]["f1"] = {"undefined": "nobody is positive", "n": 38}
    page, markdown = render_benchmark(record)
    assert "calling everybody hirable has an F1" not in page + markdown
    draw_benchmark(record, tmp_path / "x.png")


def test_ratings_stand_in_a_table_of_their_own(record):
    figures = {
        "one_minus_mae": estimate(0.9),
        "r2": estimate(0.3),
        "r": {"undefined": "the prediction is constant", "n": 5},
    }
    systems = [{"group": "votes", "system": "constant", "figures": figures},
               {"group": "audio", "system": "hirenet", "figures": figures, "new_people": figures}]  # fmt: skip
    record["ratings"] = [{"rating": "warmth", "rated": 40, "systems": systems}]
    tables = [b for b in benchmark_document(record).blocks if isinstance(b, Table) and "warmth" in b.caption]
    assert tables[0].header[-1] == "r, new people"
    assert "the prediction is constant" in render_benchmark(record)[1]


def test_no_name_can_write_on_the_page(record, tmp_path):
    hostile = copy.deepcopy(record)
    bad = "<script>alert(1)</script>|`x`\u202e"
    hostile["corpus"]["name"] = bad
    for system in hostile["systems"][2:]:
        system["group"] = system["system"] = bad
    hostile["tests"][0]["group"] = bad
    hostile["answers"][0]["words"] = bad
    page, markdown = render_benchmark(hostile)
    assert "<script" not in page
    assert "\u202e" not in page + markdown
    draw_benchmark(hostile, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
