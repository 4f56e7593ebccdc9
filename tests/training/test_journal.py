"""Where an unfinished run stands, and whose folder it may go on in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairhire.errors import DataError, StorageError, UsageError
from fairhire.training import TrainConfig
from fairhire.training.journal import Journal, close_folder, drop_unchosen, open_folder, weights_file
from fairhire.training.selection import Checkpoint

Tiny = Callable[..., TrainConfig]
PRINTS = {"corpus_sha256": "a", "faces_sha256": None}


def one(epoch: int, task: float, leak: float, strength: float = 1.0) -> Checkpoint:
    return Checkpoint(epoch, strength, task, 0.5, leak)


def test_a_journal_comes_back_from_json_whole() -> None:
    journal = Journal(attempt=1, epoch=3, batch=2, step=17, stale=1)
    journal.add("loss", 0.1)
    journal.add("loss", 0.2)
    journal.offer(one(2, 0.8, 0.6))
    journal.history.append({"epoch": 1, "loss": 0.3, "strength": None})
    again = Journal.from_dict(json.loads(json.dumps(journal.to_dict(), allow_nan=False)))
    assert again == journal
    assert again.sums == {"loss": 0.1 + 0.2}  # to the last bit


def test_worthy_weights_are_kept_and_epochs_without_any_are_counted() -> None:
    journal = Journal()
    assert journal.offer(one(1, 0.7, 0.7))
    assert not journal.offer(one(2, 0.6, 0.8))
    assert not journal.offer(one(3, 0.7, 0.7))  # no better than the first
    assert journal.stale == 2
    assert journal.offer(one(4, 0.6, 0.6))  # worse at the task, leaks less: may be chosen
    assert journal.stale == 0
    assert [kept.epoch for kept in journal.checkpoints] == [1, 4]
    assert journal.offer(one(5, 0.9, 0.5))
    assert [kept.epoch for kept in journal.checkpoints] == [5]


def test_the_next_epoch_begins_clean_and_the_next_strength_from_the_first_epoch() -> None:
    journal = Journal(epoch=2, batch=5, step=30, stale=2, sums={"n": 3.0}, checkpoints=[one(1, 0.7, 0.7)])
    journal.next_epoch({"epoch": 2})
    assert (journal.epoch, journal.batch, journal.sums, journal.history) == (3, 0, {}, [{"epoch": 2}])
    journal.add("n", 1.0)
    journal.next_attempt()
    assert (journal.attempt, journal.epoch, journal.batch, journal.stale, journal.sums) == (1, 1, 0, 0, {})
    assert journal.step == 30  # every step of the run has its own number, so its own dropout
    assert journal.checkpoints == [one(1, 0.7, 0.7)]  # strengths compete with each other


def test_weights_of_different_strengths_and_epochs_lie_in_different_files(tmp_path: Path) -> None:
    strengths = (0.3, 1.0)
    files = {weights_file(tmp_path, one(epoch, 0.5, 0.5, s), strengths) for epoch in (1, 11) for s in strengths}
    assert len(files) == 4


def test_weights_that_can_no_longer_be_chosen_are_deleted_and_only_they(tmp_path: Path) -> None:
    kept, lost = one(2, 0.9, 0.5), one(1, 0.8, 0.6)
    for checkpoint in (kept, lost):
        weights_file(tmp_path, checkpoint, (1.0,)).write_bytes(b"w")
    (tmp_path / "state.safetensors").write_bytes(b"s")
    drop_unchosen(tmp_path, Journal(checkpoints=[kept]), (1.0,))
    assert {path.name for path in tmp_path.iterdir()} == {"weights-0-2.safetensors", "state.safetensors"}


# --- the folder ------------------------------------------------------------------------------------------------------


def test_a_new_folder_is_made_and_found_again(tmp_path: Path, tiny: Tiny) -> None:
    folder = open_folder(tmp_path / "a" / "run", tiny(), PRINTS)
    assert folder == tmp_path / "a" / "run" / "training"
    assert open_folder(tmp_path / "a" / "run", tiny(), PRINTS) == folder
    empty = tmp_path / "empty"
    empty.mkdir()
    assert open_folder(empty, tiny(), PRINTS).is_dir()


@pytest.mark.parametrize(
    ("changes", "prints", "said"),
    [
        ({"hidden": 5}, {}, "hidden 4 where this one has 5"),
        ({"strengths": (1.0, 3.0)}, {}, r"strengths \[1.0\] where this one has \[1.0, 3.0\]"),
        ({"seed": 1}, {}, "seed 0 where this one has 1"),
        ({"adversary": "face"}, {}, "adversary 'none' where this one has 'face'"),
        ({}, {"corpus_sha256": "b"}, "corpus_sha256 'a' where this one has 'b'"),
        ({}, {"faces_sha256": "f"}, "faces_sha256 None where this one has 'f'"),
    ],
)
def test_another_configuration_or_corpus_is_refused_and_named(
    tmp_path: Path, tiny: Tiny, changes: dict[str, Any], prints: dict[str, str], said: str
) -> None:
    open_folder(tmp_path / "run", tiny(), PRINTS)
    with pytest.raises(UsageError, match=f"run: expected a new folder, found an unfinished run with {said}; [^\n]*$"):
        open_folder(tmp_path / "run", tiny(**changes), {**PRINTS, **prints})
    open_folder(tmp_path / "run", tiny(), PRINTS)  # unharmed


def test_a_finished_run_is_refused(tmp_path: Path, tiny: Tiny) -> None:
    (tmp_path / "provenance.json").write_text("{}")
    with pytest.raises(UsageError, match=r"expected a new folder for the run, found a finished run; choose"):
        open_folder(tmp_path, tiny(), PRINTS)


def test_somebody_elses_files_are_left_alone(tmp_path: Path, tiny: Tiny) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"expected a new folder for the run, found other files; choose"):
        open_folder(tmp_path, tiny(), PRINTS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("below", ["", "run", "deep/run"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, tiny: Tiny, below: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file: expected a new folder for the run, found a file; choose another"):
        open_folder(tmp_path / "file" / below, tiny(), PRINTS)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"config": 3}', '{"con'])
def test_a_damaged_record_is_named_in_one_line(tmp_path: Path, tiny: Tiny, text: str) -> None:
    open_folder(tmp_path, tiny(), PRINTS)
    (tmp_path / "training" / "run.json").write_text(text)
    with pytest.raises(DataError, match=r"run.json: expected the settings of an unfinished run, got [^\n]*$"):
        open_folder(tmp_path, tiny(), PRINTS)


def test_a_folder_that_cannot_be_made_is_said_in_one_line(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError, match=r"^cannot write .*training: Permission denied$"):
        open_folder(tmp_path / "run", tiny(), PRINTS)


def test_what_marks_a_run_as_unfinished_is_deleted_last(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_folder(tmp_path, tiny(), PRINTS)
    for name in ("state.safetensors", "weights-0-1.safetensors", ".state.safetensors.x.safetensors"):
        (folder / name).write_bytes(b"adversary")

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fairhire.training.journal.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            close_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["run.json"]
    assert open_folder(tmp_path, tiny(), PRINTS) == folder  # and so the tidying up can go on
    close_folder(folder)
    assert not folder.exists()
