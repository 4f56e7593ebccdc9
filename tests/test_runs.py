from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fairhire.errors import DataError
from fairhire.runs import RUN_SCHEMA, Run
from fairhire.scores import Scores

HISTORY = [
    {"epoch": 1, "strength": 1.0, "adversary_accuracy": 0.1},
    {"epoch": 2, "strength": 1.0, "adversary_accuracy": 0.2},
    {"epoch": 1, "strength": 3.0, "adversary_accuracy": 0.3},
    {"epoch": 2, "strength": 3.0, "adversary_accuracy": 0.4},
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Write a run by hand, by the module's description of its files."""
    path = tmp_path / "run"
    path.mkdir()
    names = np.array(["a", "b"])
    Scores(names, names, names, np.array(["train", "test"]), np.array([0.2, 0.8]), np.array([0, 1])).write(
        path / "scores.parquet"
    )
    np.save(path / "representation.npy", np.ones((2, 3), dtype=np.float32))
    (path / "config.json").write_text('{"threshold": 0.5}')
    (path / "history.jsonl").write_text("".join(json.dumps(record) + "\n" for record in HISTORY))
    provenance(path)
    return path


def provenance(path: Path, **changes: object) -> None:
    record = {"schema": RUN_SCHEMA, "chosen_epoch": 2, "chosen_strength": 3.0, **changes}
    (path / "provenance.json").write_text(json.dumps(record))


def refused(match: str, path: Path, name: str | None = None) -> None:
    with pytest.raises(DataError, match=match) as caught:
        getattr(Run(path), name or "path")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_finished_run_is_read(run: Path) -> None:
    opened = Run(run)
    assert opened.config == {"threshold": 0.5}
    assert opened.history == HISTORY
    assert opened.scores.ids.tolist() == ["a", "b"]
    assert opened.scores.representation is not None
    assert opened.scores.representation.shape == (2, 3)
    assert opened.model == run / "model"


def test_the_chosen_record_is_that_of_the_epoch_and_the_strength(run: Path) -> None:
    assert Run(run).chosen["adversary_accuracy"] == 0.4
    provenance(run, chosen_epoch=1, chosen_strength=1.0)
    assert Run(run).chosen["adversary_accuracy"] == 0.1


def test_a_chosen_record_that_is_missing_is_said(run: Path) -> None:
    provenance(run, chosen_epoch=9)
    refused("expected a record of epoch 9 at strength 3.0, found none", run, "chosen")


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    refused("expected a finished run with provenance.json, found none", tmp_path / "nothing")
    refused("expected a finished run with provenance.json, found none", tmp_path)
    (tmp_path / "file").write_text("")
    refused("expected a finished run with provenance.json, found none", tmp_path / "file")


def test_an_unfinished_run_is_refused_with_the_way_to_finish_it(run: Path) -> None:
    (run / "provenance.json").unlink()
    (run / "training").mkdir()
    refused(r"found an unfinished one \(train again with the same --out to resume it\)", run)


@pytest.mark.parametrize("schema", [RUN_SCHEMA + 1, str(RUN_SCHEMA), None])
def test_a_run_of_another_schema_is_refused(run: Path, schema: object) -> None:
    provenance(run, schema=schema)
    refused(rf"provenance.json: expected schema {RUN_SCHEMA}, got {schema}", run)


@pytest.mark.parametrize(
    ("data", "said"), [(b"{", "readable JSON"), (b"\xff", "readable JSON"), (b"[1]", "a JSON obj")]
)
def test_broken_json_is_refused(run: Path, data: bytes, said: str) -> None:
    (run / "config.json").write_bytes(data)
    refused(f"config.json: expected {said}", run, "config")
    (run / "provenance.json").write_bytes(data)
    refused(f"provenance.json: expected {said}", run)


@pytest.mark.parametrize("data", [b'{"epoch": 1}\n{"epo', b"\xff\n", b"[1]\n"])
def test_a_broken_history_is_refused(run: Path, data: bytes) -> None:
    (run / "history.jsonl").write_bytes(data)
    refused("history.jsonl: expected one JSON record a line", run, "history")


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("config.json", "config"),
        ("history.jsonl", "history"),
        ("scores.parquet", "scores"),
        ("representation.npy", "scores"),
    ],
)
def test_a_missing_file_is_named(run: Path, name: str, attribute: str) -> None:
    (run / name).unlink()
    refused(name, run, attribute)


def test_vectors_of_other_rows_are_refused(run: Path) -> None:
    np.save(run / "representation.npy", np.ones((3, 3), dtype=np.float32))
    refused("representation.npy: expected 2 rows of numbers, got float32 of shape", run, "scores")


# --- layers ----------------------------------------------------------------------------------------------------------


def with_layers(path: Path, **layers: np.ndarray) -> Run:
    (path / "layers").mkdir()
    for name, layer in layers.items():
        np.save(path / "layers" / f"{name}.npy", layer)
    provenance(path, layers={name: {"width": layer.shape[-1], "absent": 0} for name, layer in layers.items()})
    return Run(path)


def test_layers_are_read_in_the_order_of_the_model_and_are_sources_beside_score_and_representation(run: Path) -> None:
    video, audio = np.ones((2, 4), dtype=np.float32), np.zeros((2, 5), dtype=np.float32)
    opened = with_layers(run, video=video, audio=audio)
    assert list(opened.layers) == ["video", "audio"]
    np.testing.assert_array_equal(opened.layers["video"], video)
    sources = opened.sources()
    assert {name: source.shape for name, source in sources.items()} == {
        "score": (2,),
        "representation": (2, 3),
        "video": (2, 4),
        "audio": (2, 5),
    }
    assert sources["score"].tolist() == [0.2, 0.8]


def test_a_run_from_before_layers_were_kept_still_opens(run: Path) -> None:
    assert Run(run).layers == {}
    assert list(Run(run).sources()) == ["score", "representation"]


def test_a_modality_called_like_another_source_hides_nothing(run: Path) -> None:
    opened = with_layers(run, score=np.ones((2, 4), dtype=np.float32), representation=np.zeros((2, 4)))
    sources = opened.sources()
    assert list(sources) == ["score", "representation", "score layer", "representation layer"]
    assert sources["score"].tolist() == [0.2, 0.8]
    assert sources["score layer"].tolist() == [[1.0] * 4] * 2


def test_layers_that_do_not_fit_are_refused(run: Path) -> None:
    with_layers(run, video=np.ones((2, 4)), audio=np.array([[1.0], [np.nan]]))
    refused("audio.npy: expected finite numbers, got NaN or infinity", run, "layers")
    np.save(run / "layers" / "audio.npy", np.ones((3, 4)))
    refused("audio.npy: expected 2 rows of numbers, got float64 of shape", run, "layers")
    (run / "layers" / "audio.npy").unlink()
    refused("audio.npy", run, "layers")
    provenance(run, layers=["video"])
    refused("provenance.json, layers: expected an object, got list", run, "layers")
