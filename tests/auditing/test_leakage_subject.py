"""A run and a scores table are measured alike: right sides, right sources, and everything else said aloud."""

import json

import numpy as np
import pytest

from fairhire.auditing.demographics import Demographics
from fairhire.auditing.leakage import CODES, PROBES, leakage, leakage_of_tables, measure_run
from fairhire.errors import DataError
from fairhire.runs import RUN_SCHEMA, Run
from fairhire.scores import Scores

LINEAR = {"linear": PROBES["linear"]}
FAST = {"probes": LINEAR, "controls": 0}


def world(n=200, seed=0):
    rng = np.random.default_rng(seed)
    names = np.array([f"c{i:03d}" for i in range(n)])
    female = rng.random(n) < 0.5
    text, video = rng.normal(size=(2, n, 4))
    video[:, 0] += 4 * female
    split = np.resize(["train", "train", "test", "validation"], n)
    scores = Scores(
        ids=np.array([f"i{i:03d}" for i in range(n)]),
        candidates=names,
        position=np.full(n, ""),
        split=split,
        score=1 / (1 + np.exp(-text[:, 1])),
        decision=(text[:, 1] > 0).astype(np.int64),
        representation=(text + video).astype(np.float32),
    )
    people = Demographics(names, {"gender": np.where(female, "female", "male")})
    return scores, people, {"text": text.astype(np.float32), "video": video.astype(np.float32)}


def write_run(path, scores, layers):
    """Write as much of a run as is measured, by the description of its files in runs.py."""
    path.mkdir(parents=True)
    scores.write(path / "scores.parquet")
    np.save(path / "representation.npy", scores.representation)
    (path / "layers").mkdir()
    for name, layer in layers.items():
        np.save(path / "layers" / f"{name}.npy", layer)
    record = {"schema": RUN_SCHEMA, "layers": {name: {"width": layer.shape[1]} for name, layer in layers.items()}}
    (path / "provenance.json").write_text(json.dumps(record))
    return Run(path)


def readings(result, metric="auc"):
    return {(row.subject, row.source): row for row in result.rows if row.metric == metric}


def left_out(result):
    return {item.what: item.n for item in result.left_out}


def test_a_run_is_read_from_its_score_its_representation_and_every_layer(tmp_path):
    scores, people, layers = world()
    result = measure_run(write_run(tmp_path / "ours", scores, layers), people, **FAST)
    found = readings(result)
    assert list(found) == [("ours", source) for source in ("score", "representation", "text", "video")]
    assert found["ours", "video"].estimate.low > 0.8
    for quiet in ("score", "text"):
        assert not found["ours", quiet].estimate.excludes(0.5)
    assert all((row.n_fit, row.n_test) == (100, 50) for row in found.values())
    assert left_out(result) == {"interviews": 50, "interviews in face retrieval": 200}
    codes = readings(result, "codelength")
    assert list(codes) == list(found)
    assert codes["ours", "video"].estimate.low > 0.2
    assert (codes["ours", "video"].n_fit, codes["ours", "video"].n_test) == (100, 88)
    json.dumps(result.to_dict(), allow_nan=False)


def test_it_is_what_leakage_returns_for_the_same_people(tmp_path):
    scores, people, layers = world()
    run = write_run(tmp_path / "ours", scores, layers)
    direct = leakage(
        run.sources(),
        people,
        candidates=scores.candidates,
        fit=scores.split == "train",
        test=scores.split == "test",
        subject="ours",
        codes=CODES,
        **FAST,
    )
    assert measure_run(run, people, **FAST).rows == direct.rows


def test_a_candidate_of_both_sides_is_tested_and_taken_out_of_the_fit_side(tmp_path):
    scores, people, layers = world()
    candidates = scores.candidates.copy()
    candidates[0], candidates[1] = candidates[2], candidates[2]  # two training interviews of a tested person
    changed = Scores(**{**scores.__dict__, "candidates": candidates})
    result = measure_run(write_run(tmp_path / "ours", changed, layers), people, **FAST)
    assert left_out(result)["training interviews"] == 2
    assert readings(result)["ours", "score"].n_fit == 98


def test_a_baseline_stands_beside_with_the_layers_that_both_recorded(tmp_path):
    scores, people, layers = world()
    ours = write_run(tmp_path / "ours", scores, {"text": layers["text"]})
    other = write_run(tmp_path / "theirs", scores, layers)
    result = measure_run(ours, people, baseline=other, **FAST)
    assert list(readings(result)) == [
        (subject, source) for subject in ("ours", "theirs (baseline)") for source in ("score", "representation", "text")
    ]
    assert left_out(result)["the layer video: runs"] == 1
    assert {one.source for one in result.comparisons} == {"score", "representation", "text"}


def test_a_baseline_of_other_people_is_refused(tmp_path):
    scores, people, layers = world()
    ours = write_run(tmp_path / "ours", scores, layers)
    for change in ({"ids": scores.ids[::-1]}, {"split": scores.split[::-1]}):
        other = write_run(tmp_path / next(iter(change)), Scores(**{**scores.__dict__, **change}), layers)
        with pytest.raises(DataError, match=r"expected the interviews and the split of .*ours, got others"):
            measure_run(ours, people, baseline=other, **FAST)


def test_the_one_layer_that_is_the_representation_is_not_read_twice(tmp_path):
    scores, people, _ = world()
    result = measure_run(write_run(tmp_path / "ours", scores, {"text": scores.representation}), people, **FAST)
    assert {source for _, source in readings(result)} == {"score", "representation"}
    assert left_out(result)["the layer text: runs"] == 1


def test_a_modality_that_was_not_recorded_of_everybody_is_said(tmp_path):
    scores, people, layers = world()
    layers["video"][5:12] = 0
    assert left_out(measure_run(write_run(tmp_path / "ours", scores, layers), people, **FAST)) == {
        "interviews": 50,
        "interviews in face retrieval": 200,
        "the layer video: interviews": 7,
    }


def test_faces_are_searched_for_where_they_are_given(tmp_path):
    scores, people, layers = world()
    run = write_run(tmp_path / "ours", scores, {})
    masked = np.arange(200) % 10 > 0
    faces = layers["video"][:, :3].astype(float)
    result = measure_run(run, people, faces=faces, face_mask=masked, **FAST)
    assert readings(result, "recall@1")["ours", "representation"].n_test == (masked & (scores.split == "test")).sum()
    assert left_out(result) == {"interviews": 50, "face: interviews": 20}


def test_a_table_with_a_split_is_measured_as_a_run_is(tmp_path):
    scores, people, _ = world()
    run = measure_run(write_run(tmp_path / "model", scores, {}), people, **FAST)
    table = leakage_of_tables(scores, people, **FAST)
    assert table.rows == run.rows
    assert left_out(table) == {"interviews": 50}


@pytest.mark.parametrize("split", ["", "test", "train"])
def test_a_table_without_a_split_is_halved_by_candidate_and_says_so(split):
    scores, people, _ = world()
    twice = Scores(
        **{
            **scores.__dict__,
            "candidates": np.repeat(scores.candidates[:100], 2),
            "split": np.full(200, split, dtype="<U10"),
        }
    )
    result = leakage_of_tables(twice, people, subject="vendor", **FAST)
    row = readings(result)["vendor", "representation"]
    assert (row.n_fit, row.n_test) == (50, 50)
    assert left_out(result) == {}
    assert "random half" in result.notes[0]
    assert leakage_of_tables(twice, people, subject="vendor", **FAST) == result
    assert leakage_of_tables(twice, people, subject="vendor", seed=1, **FAST).rows != result.rows


def test_scores_alone_are_read_alone():
    scores, people, _ = world()
    bare = Scores(**{**scores.__dict__, "representation": None})
    assert {row.source for row in leakage_of_tables(bare, people, **FAST).rows} == {"score"}
