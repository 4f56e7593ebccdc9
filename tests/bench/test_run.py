"""A whole bench: every system is there, nothing is done twice, what cannot be done is told and stops nothing."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_bench import dies_now_and_then, quick, small_corpus

from fairhire.bench import BenchConfig, OtherScores, run_benchmark
from fairhire.bench import jobs as bench_jobs
from fairhire.bench import run as bench_run
from fairhire.bench.jobs import divide
from fairhire.bench.predictions import read_predictions
from fairhire.bench.systems import LADDER, Job
from fairhire.data.corpus import Corpus, CorpusWriter, Modality
from fairhire.errors import DataError, NotComputableError, UsageError
from fairhire.interview import Answer, Interview
from fairhire.runs import Run
from fairhire.training import train


def systems(record):
    return {(system["group"], system["system"]): system for system in record["systems"]}


def test_every_system_of_the_paper_is_there_with_its_figures(bench, world):
    _, record = bench
    found = systems(record)
    expected = {(name, rung) for name in world.modalities for rung in LADDER}
    expected |= {("fusion", name) for name in ("early", "late", "gated", "stacked")}
    expected |= {("votes", "random"), ("votes", "everybody"), ("votes", "majority")}
    assert set(found) == expected
    assert record["failed"] == []
    for system in record["systems"]:
        assert set(system["figures"]) == {"precision", "recall", "f1", "average_precision", "auc"}
    everybody = found["votes", "everybody"]["figures"]
    assert everybody["recall"]["value"] == 1
    assert everybody["precision"]["value"] == pytest.approx(record["protocol"]["hirable"])
    json.dumps(record, allow_nan=False)


def test_networks_say_what_training_them_by_hand_says(bench, world, tmp_path):
    out, _ = bench
    config = BenchConfig(training=quick(ratings=("rating",)), seeds=(0, 1))
    one = config.rounds()[1]
    job = Job("audio", "hn-satt", one)
    by_hand = train(world, replace(config.of_round(one), model="hn-satt", modalities=("audio",)), tmp_path / "run")
    said = read_predictions(out, job, world.interviews["id"].to_numpy(dtype=str))
    np.testing.assert_array_equal(said.score, by_hand.scores.score)
    assert set(said.ratings) == {"rating"}


def test_late_fusion_is_the_mean_of_the_scores_that_there_are(bench, world):
    out, _ = bench
    one = BenchConfig(training=quick(), seeds=(0, 1)).rounds()[0]
    ids = world.interviews["id"].to_numpy(dtype=str)
    each = [read_predictions(out, Job(name, "hirenet", one), ids).score for name in world.modalities]
    late = read_predictions(out, Job("fusion", "late", one), ids).score
    np.testing.assert_allclose(late, np.nanmean(each, axis=0))


def test_nobody_is_tested_who_was_trained_on(bench, world):
    people = world.interviews["candidate"].to_numpy(dtype=str)
    for one in BenchConfig(training=quick(), seeds=(0, 1)).rounds():
        division = divide(world, BenchConfig(training=quick()).of_round(one))
        known = set(people[division.train]) | set(people[division.validation])
        assert not known & set(people[division.test])
    assert bench[1]["identity"] is None


def test_every_step_is_tested_and_answered_in_words(bench, world):
    _, record = bench
    steps = {(row["hypothesis"], row["group"], row["stronger"], row["weaker"]) for row in record["tests"]}
    for name in world.modalities:
        assert ("H1", name, "bigru", "non-sequential") in steps
        assert ("H2", name, "hn-avg", "bigru") in steps
        assert ("H3", name, "hn-satt", "hn-avg") in steps
        assert ("H4", name, "hirenet", "hn-satt") in steps
    assert (None, "fusion", "gated", "late") in steps
    assert [answer["hypothesis"] for answer in record["answers"]] == ["H1", "H2", "H3", "H4"]
    for row in record["tests"]:
        gap = row["difference"]
        decided = "undecided" if gap["low"] <= 0 <= gap["high"] else "yes" if gap["value"] > 0 else "reversed"
        assert row["decided"] == decided
        assert row["p_holm"] >= row["p"]


def test_files_say_what_the_record_says(bench):
    out, record = bench
    assert json.loads((out / "BENCHMARK.json").read_text()) == json.loads(json.dumps(record))
    table = pd.read_csv(out / "benchmark.csv")
    row = table[(table["group"] == "audio") & (table["system"] == "hirenet") & (table["figure"] == "f1")].iloc[0]
    assert row["value"] == pytest.approx(systems(record)["audio", "hirenet"]["figures"]["f1"]["value"])
    assert {"rating: r", "rating: r2", "rating: one_minus_mae"} <= set(table["figure"])
    assert (out / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    for name in ("benchmark.html", "benchmark.md"):
        assert record["verdict"] in (out / name).read_text().replace("&gt;", ">")


def test_ratings_stand_beside_a_constant(bench):
    _, record = bench
    (rating,) = record["ratings"]
    figures = {(s["group"], s["system"]): s["figures"] for s in rating["systems"]}
    assert "undefined" in figures["votes", "constant"]["r"]  # a constant correlates with nothing
    assert figures["votes", "constant"]["r2"]["value"] <= 1e-9 or figures["votes", "constant"]["r2"]["value"] < 0.05
    assert "value" in figures["audio", "non-sequential"]["one_minus_mae"]
    assert "value" in figures["fusion", "early"]["r2"]


def test_a_second_call_does_nothing_again_and_more_seeds_may_come(bench, world, monkeypatch):
    out, record = bench

    def forbidden(*_):
        raise AssertionError("a job was done twice")

    monkeypatch.setattr(bench_run, "do_job", forbidden)
    config = BenchConfig(training=quick(ratings=("rating",)), seeds=(0, 1), replicates=100)
    assert run_benchmark(world, out, config) == record
    fewer = run_benchmark(world, out, BenchConfig(training=quick(ratings=("rating",)), seeds=(1,), replicates=100))
    assert fewer["protocol"]["seeds"] == [1]
    run_benchmark(world, out, config)


def test_other_settings_or_a_strangers_folder_are_refused(bench, world, tmp_path):
    out, _ = bench
    with pytest.raises(UsageError, match=r"another training \(hidden: 4 there, 5 here\); choose another --out"):
        run_benchmark(world, out, BenchConfig(training=quick(hidden=5, ratings=("rating",))))
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="expected a new or empty folder"):
        run_benchmark(world, tmp_path, BenchConfig(training=quick()))
    with pytest.raises(UsageError, match=r"rating: expected one of the corpus's targets \(rating\), got 'charm'"):
        run_benchmark(world, tmp_path / "new", BenchConfig(training=quick(ratings=("charm",))))
    assert not (tmp_path / "new").exists()


def test_a_job_that_fails_is_told_and_stops_nothing(world, tmp_path, quick_search, monkeypatch):
    real = bench_jobs._predictions

    def sometimes(corpus, out, config, job):
        if (job.group, job.system) == ("audio", "hirenet"):
            raise DataError("nobody spoke")
        return real(corpus, out, config, job)

    monkeypatch.setattr(bench_jobs, "_predictions", sometimes)
    record = run_benchmark(world, tmp_path / "out", BenchConfig(training=quick(), replicates=100))
    why = {row["system"]: row["why"] for row in record["failed"]}
    assert why["audio: hirenet"] == "nobody spoke"
    assert "expected a finished run" in why["fusion: early"]  # what needed it could not be done either
    assert ("audio", "hirenet") not in systems(record)
    assert ("audio", "hn-satt") in systems(record)
    assert "audio: hirenet" in (tmp_path / "out" / "benchmark.md").read_text()
    assert not [row for row in record["tests"] if "hirenet" in row["stronger"] and row["group"] == "audio"]


def test_when_everything_fails_there_is_no_table(world, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_run, "do_job", lambda *_: "no")
    with pytest.raises(NotComputableError, match="every job failed, the first so: no"):
        run_benchmark(world, tmp_path / "out", BenchConfig(training=quick(), replicates=100))


def test_a_process_that_dies_takes_only_its_own_job_along(tmp_path, monkeypatch):
    world = small_corpus(tmp_path / "c", modalities=("text", "audio"), interviews=80)
    monkeypatch.setattr(bench_run, "do_job", dies_now_and_then)
    record = run_benchmark(world, tmp_path / "out", BenchConfig(training=quick(), replicates=100), workers=2)
    assert (tmp_path / "out" / "died").exists()
    why = {row["system"]: row["why"] for row in record["failed"]}
    assert "its process died, twice" in why.pop("fusion: gated")
    assert list(why) == ["fusion: stacked"]  # which needs it
    assert ("text", "bigru") in systems(record)


def test_tables_of_features_and_scores_of_others_stand_beside(world, tmp_path, quick_search):
    ids = world.interviews["id"].tolist()
    hirable = world.interviews["hirable"].to_numpy(dtype=float)
    pd.DataFrame({"who": ids, "tells": hirable, "name": "x"}).to_csv(tmp_path / "f.csv", index=False)
    pd.DataFrame({"clip": ids[:-1], "mark": hirable[:-1]}).to_csv(tmp_path / "s.csv", index=False)
    config = BenchConfig(
        training=quick(modalities=("audio",)),
        features={"oracle": tmp_path / "f.csv"},
        others={"winner": OtherScores(tmp_path / "s.csv", "mark")},
        replicates=100,
    )
    found = systems(run_benchmark(world, tmp_path / "out", config))
    assert found["features", "oracle"]["figures"]["f1"]["value"] == 1
    assert found["others", "winner"]["figures"]["f1"]["value"] == 1
    with pytest.raises(UsageError, match="another table 'others/winner'"):
        run_benchmark(world, tmp_path / "out", replace(config, others={"winner": OtherScores(tmp_path / "s.csv", "x")}))
    (tmp_path / "s.csv").write_text("clip,mark\nsomebody,0.5\n")
    with pytest.raises(UsageError, match="another table 'others/winner'"):
        run_benchmark(world, tmp_path / "out", config)


def test_an_empty_cell_of_features_takes_the_mean_and_words_are_left_out(world, tmp_path, quick_search):
    ids = world.interviews["id"].tolist()
    cells = ["" if row % 7 == 0 else str(row) for row in range(len(ids))]
    pd.DataFrame({"who": ids, "n": cells, "name": "x"}).to_csv(tmp_path / "f.csv", index=False)
    config = BenchConfig(training=quick(modalities=("audio",)), features={"f": tmp_path / "f.csv"}, replicates=100)
    found = systems(run_benchmark(world, tmp_path / "out", config))["features", "f"]
    assert found["kept"][0]["kept"].endswith("; 1 columns of no numbers left out; 9 empty cells at the mean")


def test_folds_test_everybody_once(tmp_path, quick_search):
    world = small_corpus(tmp_path / "c", modalities=("audio",), interviews=120, returning=0.0)
    record = run_benchmark(world, tmp_path / "out", BenchConfig(training=quick(epochs=1), folds=2, replicates=100))
    assert record["failed"] == []
    assert record["protocol"]["tested"] == 120
    scored = {system["system"]: system["scored"] for system in record["systems"] if "scored" in system}
    assert set(scored.values()) == {int(audio_of(world).sum())}
    rounds = {kept["round"] for system in record["systems"] for kept in system.get("kept", ())}
    assert rounds == {"seed0-fold1of2", "seed0-fold2of2"}


def audio_of(corpus):
    """Which interviews have audio in at least one answer."""
    recorded = corpus.length("audio") > 0
    return np.array([any(recorded[answer] for answer in corpus.answer_rows(row)) for row in range(len(corpus))])


def test_scores_that_predict_a_rating_are_judged_by_it_only_when_asked(world, tmp_path, quick_search):
    ids = world.interviews["id"].tolist()
    rated = world.interviews["target:rating"]
    pd.DataFrame({"clip": ids, "mark": rated}).to_csv(tmp_path / "s.csv", index=False)
    training = quick(modalities=("audio",), epochs=1, ratings=("rating",))
    for rating in (None, "rating"):
        others = {"oracle": OtherScores(tmp_path / "s.csv", "mark", rating)}
        record = run_benchmark(
            world, tmp_path / str(rating), BenchConfig(training=training, others=others, replicates=100)
        )
        (told,) = [s for s in record["ratings"][0]["systems"] if s["system"] == "oracle"]
        r2 = told["figures"]["r2"]
        assert r2.get("value") == (None if rating is None else pytest.approx(1))
    with pytest.raises(UsageError, match="oracle: expected a rating that is asked for, got 'charm'"):
        run_benchmark(
            world,
            tmp_path / "x",
            BenchConfig(training=training, others={"oracle": OtherScores(tmp_path / "s.csv", "mark", "charm")}),
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("clip,mark\nsomebody,0.5\n", "expected interview ids of"),
        ("clip,mark\n{id},1.5\n", "expected scores from 0 to 1, got 1.5"),
        ("clip,mark\n{id},good\n", "row 1, column 'mark': expected a number or nothing, got 'good'"),
        ("clip,note\n{id},1\n", "expected a column 'mark'"),
    ],
)
def test_bad_scores_of_others_are_told(world, tmp_path, quick_search, content, words):
    (tmp_path / "s.csv").write_text(content.format(id=world.interviews["id"].iloc[0]))
    others = {"winner": OtherScores(tmp_path / "s.csv", "mark")}
    config = BenchConfig(training=quick(modalities=("text",)), others=others, replicates=100)
    record = run_benchmark(world, tmp_path / "out", config)
    (failure,) = record["failed"]
    assert words in failure["why"]


def test_a_split_with_people_on_both_sides_points_the_leak_out(tmp_path, quick_search):
    rng = np.random.default_rng(0)
    parts = ("train", "train", "validation", "test")
    with CorpusWriter(tmp_path / "c", [Modality("audio", 2)], splits=("given",), targets=("score",)) as writer:
        for number in range(80):
            person = number // 4
            good = bool(person % 2)
            frames = rng.normal(size=(3, 2)).astype(np.float32)  # says nothing: only who it is tells
            writer.add(
                Interview(f"i{number}", f"c{person}", (Answer({"audio": frames}),), hirable=good),
                splits={"given": parts[number % 4] if person < 18 else "test"},
                targets={"score": float(good)},
            )
    corpus = Corpus(tmp_path / "c")
    config = BenchConfig(training=quick(split="given", ratings=("score",)), replicates=100)
    record = run_benchmark(corpus, tmp_path / "out", config)
    identity = record["identity"]
    assert (identity["known_people"], identity["people"], identity["known_interviews"]) == (18, 20, 18)
    assert systems(record)["votes", "same person"]["figures"]["f1"]["value"] > 0.8
    assert identity["ratings"]["score"]["r2"]["value"] > 0.3
    new = systems(record)["audio", "non-sequential"]["new_people"]
    assert new["f1"].get("n", 2) == 2
    assert "Identity leak: 18 of 20 tested people" in (tmp_path / "out" / "benchmark.md").read_text()
    assert "cannot be tested: all interviews have one question and one job title" in record["answers"][3]["words"]


def test_what_is_missing_is_handled_and_said(tmp_path, quick_search):
    """One candidate a position, an answer without words, a modality of nobody, an interview of nothing, no label."""
    rng = np.random.default_rng(0)
    modalities = [Modality("audio", 2), Modality("text", 1), Modality("video", 2)]
    with CorpusWriter(tmp_path / "c", modalities) as writer:
        for number in range(40):
            good = bool(number % 2)
            frames = (rng.normal(size=(4, 2)) + good).astype(np.float32)
            words = ("yes", "sold", "well") if good else ("no", "um", "well")
            answers = (Answer({"audio": frames}, words, "why?"), Answer({"audio": frames}, None, "how?"))
            if number == 7:
                answers = (Answer({}, None, "why?"),)
            writer.add(
                Interview(f"i{number}", f"c{number}", answers, f"p{number}", "clerk", None if number == 8 else good)
            )
    record = run_benchmark(Corpus(tmp_path / "c"), tmp_path / "out", BenchConfig(training=quick(), replicates=100))
    assert record["failed"] == []
    assert ("video", "hirenet") not in systems(record)
    left_out = {row["what"]: row["n"] for row in record["left_out"]}
    assert left_out["answers' video"] == 79
    assert left_out["answers without text"] == 40
    assert left_out["interviews"] == 1
    assert left_out["positions"] == record["protocol"]["tested"]  # a position each
    assert "undefined" in systems(record)["audio", "hirenet"]["positions"]
    assert "No spread between positions can be told" in (tmp_path / "out" / "benchmark.md").read_text()
    majority = systems(record)["votes", "majority"]
    assert f"{record['protocol']['tested']} tested interviews of positions without any" in majority["note"]


def test_a_fold_without_a_class_fails_alone_and_a_corpus_without_labels_at_once(tmp_path, quick_search):
    rng = np.random.default_rng(0)
    with CorpusWriter(tmp_path / "c", [Modality("audio", 2)], splits=("given",)) as writer:
        for number in range(24):
            part = ("train", "validation", "test")[number % 3]
            good = bool(rng.random() < 0.5) if part != "validation" else True
            frames = rng.normal(size=(4, 2)).astype(np.float32)
            writer.add(
                Interview(f"i{number}", f"c{number}", (Answer({"audio": frames}),), hirable=good),
                splits={"given": part},
            )
    config = BenchConfig(training=quick(split="given"), replicates=100)
    with pytest.raises(NotComputableError, match=r"every job failed, the first so: .* of one class"):
        run_benchmark(Corpus(tmp_path / "c"), tmp_path / "out", config)
    with CorpusWriter(tmp_path / "d", [Modality("audio", 1)]) as writer:
        writer.add(Interview("i", "c", (Answer({"audio": np.ones((1, 1), np.float32)}),)))
    with pytest.raises(DataError, match="expected interviews with a hirable label, got none"):
        run_benchmark(Corpus(tmp_path / "d"), tmp_path / "none", BenchConfig(training=quick()))


def test_the_runs_of_a_bench_are_runs_like_any_other(bench):
    out, _ = bench
    runs = sorted((out / "runs").iterdir())
    assert len(runs) == 2 * (3 * 4 + 1)
    assert all(Run(path).provenance["removal"]["adversary"] == "none" for path in runs)
