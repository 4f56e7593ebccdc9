"""The frontier: what is picked follows from the rule, what was done is kept, and what fails stops nothing else."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from commandline import fairhire, refused

from fairhire import frontier
from fairhire.auditing.demographics import read_demographics
from fairhire.auditing.leakage import PROBES
from fairhire.data.corpus import Corpus
from fairhire.data.imported import write_imported
from fairhire.data.simulated import SimulationConfig, simulate
from fairhire.errors import DataError, NotComputableError, UsageError
from fairhire.estimate import Estimate, Undefined
from fairhire.frontier import Point, area_under, over_seeds, parse_point, run_frontier
from fairhire.training import TrainConfig

TRAINING = TrainConfig(
    modalities=("audio",), hidden=6, attention=4, question_hidden=2, epochs=6, head_start=1, warm_up=1,
    fractions=(0.6, 0.15, 0.25), device="cpu",
)  # fmt: skip
QUICK = {"linear": PROBES["linear"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return the folder of a small corpus; its people table is beside it."""
    path = tmp_path_factory.mktemp("frontier") / "corpus"
    world = SimulationConfig(
        interviews=260, questions=2, words=(16, 20), frames=(8, 10), modalities=("audio",), leak=2.0
    )
    write_imported(simulate(world), path)
    return path


def sweep(place, out, *names, seeds=(0,), people=False, training=TRAINING, **more):
    table = place.with_name("corpus.people.csv")
    return run_frontier(
        Corpus(place),
        out,
        points=[parse_point(name) for name in names],
        seeds=list(seeds),
        training=training,
        people=read_demographics(table) if people else None,
        people_sha256="1" if people else None,
        probes=QUICK,
        **more,
    )


@pytest.mark.parametrize(
    ("words", "point"),
    [
        ("none", Point("none", "none", None, "none", "none")),
        ("face", Point("face", "face", None, None, None)),
        ("face:0.3/cut", Point("face:0.3/cut", "face", 0.3, "cut", None)),
        ("none/face-leace+cut", Point("none/face-leace+cut", "none", None, "face-leace+cut", "none")),
        ("none/none/face", Point("none/none/face", "none", None, "none", "face")),
        ("face:1/none/none", Point("face:1/none/none", "face", 1.0, "none", "none")),
        ("face+voice:2/none", Point("face+voice:2/none", "face+voice", 2.0, "none", None)),
    ],
)
def test_a_point_is_what_its_words_say(words, point):
    assert parse_point(words) == point
    assert point.config(TRAINING, 3).seed == 3


@pytest.mark.parametrize("words", ["", "smile", "face:x", "face:-1", "face/shave", "face:0", "face:nan"])
def test_words_that_name_no_point_are_refused_in_one_line(words):
    with pytest.raises(UsageError, match=r"^point") as caught:
        parse_point(words)
    assert "\n" not in str(caught.value)


def test_every_default_point_is_one():
    points = [parse_point(words) for words in frontier.POINTS]
    assert not any(point.reads_labels for point in points)
    assert len({point.folder for point in points}) == len(points)


def test_a_sweep_says_everything_and_a_second_call_trains_and_measures_nothing(place, tmp_path, monkeypatch):
    record = sweep(place, tmp_path / "f", "face:3/cut", "none/face-leace", seeds=(0, 1), people=True)
    assert [point["name"] for point in record["points"]] == ["none", "face:3/cut", "none/face-leace"]
    assert record["attributes"] == ["gender", "ethnicity", "age_group"]
    assert all(len(point["runs"]) == 2 for point in record["points"])
    for point in record["points"]:
        assert set(point["mean"]["leak"]) == {"face", "gender", "ethnicity", "age_group"}
        assert point["mean"]["leak"]["gender"]["value"] == pytest.approx(
            np.mean([run["leak"]["gender"]["value"] for run in point["runs"]])
        )
        assert (point["runs"][0]["same_rank_task"] is None) == (point["name"] == "none")
    assert {oracle["attribute"] for oracle in record["choice"]["oracles"]} == set(record["attributes"])
    for name in ("FRONTIER.json", "frontier.csv", "frontier.md", "frontier.html"):
        assert (tmp_path / "f" / name).stat().st_size > 500
    assert json.loads((tmp_path / "f" / "FRONTIER.json").read_text()) == json.loads(json.dumps(record))
    monkeypatch.setattr(frontier, "train", None)
    monkeypatch.setattr(frontier, "_measure", None)
    assert sweep(place, tmp_path / "f", "face:3/cut", "none/face-leace", seeds=(0, 1), people=True) == record


def test_a_killed_sweep_goes_on_and_ends_the_same(place, tmp_path, monkeypatch):
    whole = sweep(place, tmp_path / "whole", "face:1/none")
    real, calls = frontier.train, []

    def dies(*given, **more):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given, **more)

    monkeypatch.setattr(frontier, "train", dies)
    with pytest.raises(KeyboardInterrupt):
        sweep(place, tmp_path / "f", "face:1/none")
    assert not (tmp_path / "f" / "FRONTIER.json").exists()
    monkeypatch.setattr(frontier, "train", real)
    assert sweep(place, tmp_path / "f", "face:1/none") == whole


def test_two_processes_end_as_one(place, tmp_path):
    assert sweep(place, tmp_path / "two", "none/cut", workers=2) == sweep(place, tmp_path / "one", "none/cut")


def test_a_training_that_fails_is_told_and_stops_no_other(place, tmp_path, monkeypatch):
    real = frontier.train

    def some(corpus, config, out, **more):
        if config.adversary == "face" and config.seed == 1:
            raise NotComputableError("training diverged in epoch 3")
        return real(corpus, config, out, **more)

    monkeypatch.setattr(frontier, "train", some)
    record = sweep(place, tmp_path / "f", "face:1/none", seeds=(0, 1))
    assert record["failed"] == [{"point": "face:1/none", "seed": 1, "why": "training diverged in epoch 3"}]
    assert [len(point["runs"]) for point in record["points"]] == [2, 1]
    assert "1 of 4 trainings failed" in (tmp_path / "f" / "frontier.md").read_text()

    def none(*given, **more):
        raise NotComputableError("training diverged in epoch 1")

    monkeypatch.setattr(frontier, "train", none)
    with pytest.raises(NotComputableError, match="every training failed, the first so: training diverged in epoch 1"):
        sweep(place, tmp_path / "g", "face:1/none")


def test_a_labelled_baseline_needs_its_labels_and_another_folder_is_refused(place, tmp_path):
    with pytest.raises(UsageError, match="'label:1/none': expected sensitive labels"):
        sweep(place, tmp_path / "f", "label:1/none")
    sweep(place, tmp_path / "g", "none")
    with pytest.raises(UsageError, match=r"holds a frontier with another training \(hidden: 6 there, 7 here\)"):
        sweep(place, tmp_path / "g", "none", training=TrainConfig(**{**vars(TRAINING), "hidden": 7}))
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "diary.txt").write_text("mine")
    with pytest.raises(UsageError, match="found something else"):
        sweep(place, tmp_path / "h", "none")
    with pytest.raises(UsageError, match="expected every point once"):
        sweep(place, tmp_path / "i", "none", "none")


def test_a_corpus_without_faces_cannot_choose(tmp_path):
    world = SimulationConfig(interviews=40, questions=1, modalities=("audio",), missing_faces=1.0)
    write_imported(simulate(world), tmp_path / "c")
    with pytest.raises(DataError, match="expected face embeddings in biometrics/ to choose without labels"):
        sweep(tmp_path / "c", tmp_path / "f", "none")


# ---------------------------------------------------------------- rules, on records made by hand


def row(name, task, leak, *, validation=None, face=None, labels=False):
    """Return a point of one seed a value in ``task`` and ``leak``."""
    runs = [
        {"seed": seed, "task": {"value": t}, "leak": {"gender": {"value": g}, "face": {"value": g}}}
        for seed, (t, g) in enumerate(zip(task, leak, strict=True))
    ]
    mean = {
        "task": {"value": float(np.mean(task))},
        "leak": {"gender": {"value": float(np.mean(leak))}},
        "validation_task": {"value": float(np.mean(task if validation is None else validation))},
        "validation_face": {"value": float(np.mean(leak if face is None else face))},
    }
    return {"name": name, "runs": runs, "mean": mean, "reads_labels": labels}


def test_the_choice_looks_at_validation_faces_and_never_at_labels_or_test_people():
    rows = [
        row("none", [0.9], [0.9]),
        row("a", [0.88], [0.5], face=[0.7]),
        row("b", [0.87], [0.8], face=[0.6]),
        row("mute", [0.6], [0.5], face=[0.5]),
        row("direct", [0.9], [0.5], face=[0.5], labels=True),
    ]
    choice = frontier._choose(rows, ["gender"], 0.1)
    assert choice["picked"] == "b"  # the fewest validation faces among those that keep the task
    (oracle,) = choice["oracles"]
    assert oracle["picked"] == "a"
    assert oracle["leak_difference"]["value"] == pytest.approx(0.3)
    assert oracle["task_difference"]["value"] == pytest.approx(-0.01)
    assert frontier._choose(rows, [], 1.0)["picked"] == "mute"  # who gives up everything may get it


def test_the_area_is_the_kept_task_averaged_over_budgets():
    rows = [row("none", [0.9], [0.9]), row("half", [0.7], [0.7]), row("mute", [0.5], [0.5])]
    # nothing below half the budget, half of the task from there on
    assert area_under(rows, "gender", 0) == pytest.approx(0.25)
    free = [row("none", [0.9], [0.9]), row("free", [0.9], [0.5])]
    assert area_under(free, "gender", 0) == pytest.approx(1.0)
    assert area_under([row("none", [0.9], [0.5])], "gender", 0) is None  # nothing leaked, nothing to trade


def test_the_front_holds_the_points_that_no_other_beats():
    rows = [row("none", [0.9], [0.9]), row("worse", [0.7], [0.8]), row("good", [0.8], [0.6]), row("mute", [0.5], [0.5])]
    assert frontier._front(rows, "gender") == [[0.5, 0.5], [0.8, 0.6], [0.9, 0.9]]


def test_a_seed_that_ends_worse_is_counted_and_one_that_does_not_is_not():
    measures = {("none", seed): {"leak": {"gender": {"value": 0.8}}} for seed in range(3)}
    runs = [{"seed": seed, "leak": {"gender": {"value": value}}} for seed, value in enumerate((0.7, 0.81, 0.9))]
    assert frontier._worse("face", runs, measures, "gender") == 2
    assert frontier._worse("none", runs, measures, "gender") == 0


def test_a_mean_over_seeds_has_students_interval_and_stays_where_it_can_be():
    found = over_seeds([0.6, 0.7, 0.8])
    assert isinstance(found, Estimate)
    assert (found.value, found.n) == (pytest.approx(0.7), 3)
    assert found.high - found.value == pytest.approx(4.302652729911275 * 0.1 / math.sqrt(3))
    clipped = over_seeds([0.1, 0.9], limits=(0.0, 1.0))
    assert isinstance(clipped, Estimate)
    assert (clipped.low, clipped.high) == (0.0, 1.0)
    assert isinstance(over_seeds([0.5]), Undefined)
    assert isinstance(over_seeds([]), Undefined)


def test_a_bad_frontier_is_called_one():
    flat = [row("none", [0.9, 0.9, 0.9], [0.8, 0.82, 0.81]), row("face", [0.9, 0.89, 0.9], [0.82, 0.8, 0.81])]
    assert frontier._verdict(flat, "face").startswith("A bad frontier")
    good = [row("none", [0.9, 0.9, 0.9], [0.8, 0.82, 0.81]), row("face", [0.8, 0.79, 0.8], [0.52, 0.5, 0.51])]
    assert "less (AUC) than undefended, and it costs 0.103 of task AUC" in frontier._verdict(good, "face")
    assert "undefended model itself is picked" in frontier._verdict(good, "none")


# ---------------------------------------------------------------- the command


def test_the_command_prints_the_points_and_where_the_page_is(place, tmp_path):
    said = fairhire(
        "frontier", place, "--out", tmp_path / "f", "--point", "none/cut", "--seeds", "1", "--epochs", "2",
        "--hidden", "4", "--probe", "linear", "--people", place.with_name("corpus.people.csv"),
    )  # fmt: skip
    assert said.code == 0
    assert "none/cut" in said.out
    assert "an oracle that sees gender would have picked" in said.out
    assert said.out.rstrip().endswith("frontier.html")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--point", "smile"), "point 'smile': adversary: expected none or some of"),
        (("--probe", "psychic"), "--probe: expected one of linear"),
        (("--label-table", "x.csv", "--point", "none"), "expected only with a point that reads labels"),
        (("--fractions", "1/2"), "--fractions: expected three numbers"),
    ],
)
def test_wrong_use_is_one_line(place, tmp_path, words, message):
    refused(2, message, "frontier", place, "--out", tmp_path / "f", *words)
    assert not (tmp_path / "f").exists()


def test_below_chance_is_no_better_than_at_chance_and_then_the_task_decides():
    def row(name, task, face):
        return {"name": name, "mean": {"validation_task": {"value": task}, "validation_face": {"value": face}}}

    one, other = row("one", 0.90, 0.50), row("other", 0.865, 0.47)
    orders = {r["name"]: frontier._order(r, "validation_task", r["mean"]["validation_face"]) for r in (one, other)}
    assert orders["one"] < orders["other"]


def test_nothing_to_pick_is_said_so():
    assert frontier._verdict([], None).startswith("Nothing can be picked")
