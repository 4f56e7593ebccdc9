"""Killed at any moment and started again, a run ends with the same bytes as if nothing had happened."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from fairhire.data.corpus import Corpus
from fairhire.errors import DataError, StorageError, UsageError
from fairhire.runs import Run
from fairhire.training import TrainConfig, train
from fairhire.training.state import read_record

Tiny = Callable[..., TrainConfig]
FilesOf = Callable[[Run | Path], dict[str, bytes]]

CONFIG: dict[str, Any] = {
    "adversary": "face",
    "modalities": ("audio",),
    "strengths": (1.0, 4.0),
    "batch": 6,
    "epochs": 5,  # head start, warm-up, three of the game with a restart before the second
    "adversary_steps": 1,
}
STEPS = 30  # two strengths, five epochs, three batches


class Killed(BaseException):
    """What a kill looks like from inside: nothing catches it."""


@pytest.fixture(scope="module")
def small(make_corpus: Callable[..., Corpus], tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("small") / "c", people=20)


@pytest.fixture(scope="module")
def uninterrupted(
    small: Corpus, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory, files_of: FilesOf
) -> dict[str, bytes]:
    """Return the files of a run that nobody disturbed."""
    steps: list[int] = []
    out = tmp_path_factory.mktemp("whole") / "run"
    files = files_of(train(small, tiny(**CONFIG), out, advance=lambda n=1, facts="": steps.append(n)))
    assert sum(steps) == STEPS
    return files


def train_through(kills: Callable[[int], bool], corpus: Corpus, config: TrainConfig, out: Path) -> tuple[Run, int]:
    """Train again and again, killed at the n-th step of an attempt when ``kills(n)``, until the run is finished."""
    for attempt in range(100):
        count = 0

        def advance(steps: int = 1, facts: str = "") -> None:
            nonlocal count
            count += 1
            if kills(count):
                raise Killed

        try:
            return train(corpus, config, out, advance=advance), attempt
        except Killed:
            assert not (out / "provenance.json").exists()
            assert (out / "training" / "run.json").exists()
    raise AssertionError("a hundred attempts and no end")


@pytest.mark.parametrize(
    ("checkpoint_steps", "every"),
    [
        (1, 3),  # two steps get saved, the third is lost: mid-epoch, at its end, at restarts, between strengths
        (2, 4),
        (3, 5),
        (200, 4),  # saved at the ends of epochs only
    ],
)
def test_killed_at_every_nth_step_the_result_is_the_same(
    small: Corpus,
    tiny: Tiny,
    tmp_path: Path,
    files_of: FilesOf,
    uninterrupted: dict[str, bytes],
    checkpoint_steps: int,
    every: int,
) -> None:
    config = tiny(**CONFIG, checkpoint_steps=checkpoint_steps)
    run, attempts = train_through(lambda n: n == every, small, config, tmp_path / "run")
    assert attempts >= STEPS / every - 1
    files = files_of(run)
    settings = "config.json"  # tells how often to save
    assert {**files, settings: b""} == {**uninterrupted, settings: b""}
    assert not (run.path / "training").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"adversary": "none", "epochs": 4},
        {"adversary": "none", "epochs": 6, "learning_rate": 1e-12, "patience": 2, "modalities": ("text",)},
        {"adversary": "face-regression", "epochs": 3},
        {"adversary": "face", "epochs": 4, "precision": "bf16-mixed", "model": "bigru"},
    ],
    ids=["plain", "early stop", "regression", "bf16"],
)
def test_other_runs_go_on_as_well(
    small: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, settings: dict[str, Any]
) -> None:
    config = tiny(batch=6, checkpoint_steps=2, **settings)
    whole = train(small, config, tmp_path / "whole")
    killed, attempts = train_through(lambda n: n == 5, small, config, tmp_path / "killed")
    assert attempts > 0
    assert files_of(killed) == files_of(whole)


def dies_at(
    where: str, number: int, patch: pytest.MonkeyPatch, *, error: BaseException | None = None, after: bool = False
) -> None:
    """Let the ``number``-th call of a function of the loop or the finish die, before it does its work or after."""
    module, _, name = where.rpartition(".")
    original, calls = getattr(sys.modules[module], name), 0

    def dying(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            raise error or Killed
        result = original(*given, **named)
        if calls == number:
            raise error or Killed
        return result

    patch.setattr(where, dying)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("name", "number"),
    [("save_weights", 1), ("save_state", 4), ("drop_unchosen", 4), ("run_model", 3), ("average_gradients", 7)],
)
def test_killed_while_an_epoch_is_closed_the_result_is_the_same(
    small: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, short: dict[str, bytes], name: str, number: int,
    after: bool,
) -> None:  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        dies_at(f"fairhire.training.loop.{name}", number, patch, after=after)
        with pytest.raises(Killed):
            train(small, tiny(**SHORT), tmp_path / "run")
    assert files_of(train(small, tiny(**SHORT), tmp_path / "run")) == short


SHORT = {**CONFIG, "strengths": (2.0,), "epochs": 4, "checkpoint_steps": 2}
FINISHING = [
    ("loop.choose", 1),
    ("loop.load_weights", 1),
    *((f"finish.{name}", 1) for name in ("sweep_folder", "save_model", "save_words", "run_model", "scores_of")),
    ("finish.write_text", 1),  # the history
    ("finish.write_json", 1),  # the settings
    ("finish.sha256", 2),
    ("finish.write_json", 2),  # the provenance
    ("finish.close_folder", 1),
]


@pytest.fixture(scope="module")
def short(small: Corpus, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory, files_of: FilesOf) -> dict[str, bytes]:
    """Return the files of the short run, uninterrupted."""
    return files_of(train(small, tiny(**SHORT), tmp_path_factory.mktemp("short") / "whole"))


def test_killed_between_any_two_files_of_the_finish_the_result_is_the_same(
    small: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, short: dict[str, bytes]
) -> None:
    out = tmp_path / "run"
    for name, number in FINISHING:
        with pytest.MonkeyPatch.context() as patch:
            dies_at(f"fairhire.training.{name}", number, patch)
            with pytest.raises(Killed):
                train(small, tiny(**SHORT), out)
    assert (out / "training" / "state.safetensors").exists()  # everything is there but the tidying up
    assert files_of(train(small, tiny(**SHORT), out)) == short
    assert not (out / "training").exists()


def test_what_a_killed_finish_left_half_written_is_swept_up(
    small: Corpus, tiny: Tiny, tmp_path: Path, short: dict[str, bytes], files_of: FilesOf
) -> None:
    out = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        dies_at("fairhire.training.loop.finish_run", 1, patch)
        with pytest.raises(Killed):
            train(small, tiny(**SHORT), out)
    (out / ".model.x1y2").mkdir()
    (out / ".model.x1y2" / "weights.safetensors").write_bytes(b"half")
    (out / ".scores.parquet.z.parquet").write_bytes(b"half")
    (out / ".notes").write_text("somebody's own")
    assert files_of(train(small, tiny(**SHORT), out)) == short
    assert sorted(path.name for path in out.glob(".*")) == [".notes"]


# --- killed for good -------------------------------------------------------------------------------------------------

KILLS = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from fairhire.data.corpus import Corpus
from fairhire.training import TrainConfig, train

corpus, folder, settings = sys.argv[1:]
config = TrainConfig.from_dict(json.loads(settings))

def start(name):
    child = os.fork()  # of a process that has computed nothing yet, so that each attempt costs no import
    if child == 0:
        train(Corpus(corpus), config, Path(folder) / name)
        os._exit(0)
    return child

def ended(child):
    pid, status = os.waitpid(child, os.WNOHANG)
    return pid and status

began = time.monotonic()
assert os.waitpid(start("whole"), 0)[1] == 0
length = time.monotonic() - began
random.seed(4)
kills = 0
for _ in range(6):
    child = start("killed")
    time.sleep(random.uniform(0.1, 0.7) * length)
    if os.waitpid(child, os.WNOHANG)[0]:
        break
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    kills += 1
else:
    assert os.waitpid(start("killed"), 0)[1] == 0
print(kills)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")
def test_killed_by_the_system_at_random_moments_the_result_is_the_same(
    small: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf
) -> None:
    config = tiny(**{**SHORT, "checkpoint_steps": 1})
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(small.path), str(tmp_path), json.dumps(config.to_dict())],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


# --- the disk is full ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3, 6, 7])
def test_a_full_disk_loses_nothing(
    small: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, short: dict[str, bytes], number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    out, written, calls = tmp_path / "run", Path.write_bytes, 0

    def write(self: Path, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls >= number:
            written(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        with pytest.raises(StorageError, match=r"^no space left on the disk while writing [^\n]+$") as caught:
            train(small, tiny(**SHORT), out)
    assert caught.value.exit_code == 4
    state = out / "training" / "state.safetensors"
    assert state.exists() == (number > 1)
    if number > 1:
        assert read_record(state)["step"] > 0
    assert not list(out.rglob(".*"))  # nothing half-written is kept
    assert files_of(train(small, tiny(**SHORT), out)) == short


@pytest.mark.parametrize("where", ["scores.pq.write_table", "training.finish.save_words", "training.finish.np.save"])
def test_a_disk_that_is_full_at_the_end_loses_nothing_either(
    small: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, short: dict[str, bytes], where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"fairhire.{where}", full)
        with pytest.raises(StorageError, match=r"^no space left on the disk while writing [^\n]+$"):
            train(small, tiny(**SHORT), tmp_path / "run")
    assert files_of(train(small, tiny(**SHORT), tmp_path / "run")) == short


# --- going on with something else ------------------------------------------------------------------------------------


@pytest.fixture
def unfinished(small: Corpus, tiny: Tiny, tmp_path: Path) -> Path:
    """Return a run that was killed in its third epoch."""
    with pytest.raises(Killed):
        train(small, tiny(**SHORT), tmp_path / "run", advance=_killer(8))
    return tmp_path / "run"


def _killer(at: int) -> Callable[..., None]:
    steps = iter(range(1, 1000))

    def advance(steps_: int = 1, facts: str = "") -> None:
        if next(steps) == at:
            raise Killed

    return advance


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": 9}, "epochs 4 where this one has 9"),
        ({"seed": 3}, "seed 0 where this one has 3"),
        ({"strengths": (2.5,)}, r"strengths \[2.0\] where this one has \[2.5\]"),
    ],
)
def test_another_configuration_is_refused_by_the_name_of_the_setting(
    small: Corpus, tiny: Tiny, unfinished: Path, files_of: FilesOf, short: dict[str, bytes],
    changes: dict[str, Any], said: str,
) -> None:  # fmt: skip
    with pytest.raises(UsageError, match=f"found an unfinished run with {said}; choose another --out"):
        train(small, tiny(**{**SHORT, **changes}), unfinished)
    assert files_of(train(small, tiny(**SHORT), unfinished)) == short  # and the one that waits is unharmed


def test_another_corpus_is_refused(
    make_corpus: Callable[..., Corpus], tiny: Tiny, unfinished: Path, tmp_path: Path
) -> None:
    other = make_corpus(tmp_path / "other", people=20, seed=1)
    with pytest.raises(UsageError, match="found an unfinished run with corpus_sha256 '"):
        train(other, tiny(**SHORT), unfinished)


def test_a_damaged_state_is_said_in_one_line(small: Corpus, tiny: Tiny, unfinished: Path) -> None:
    state = unfinished / "training" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-7])
    with pytest.raises(DataError, match=r"state.safetensors: expected the state of an unfinished run, got [^\n]+$"):
        train(small, tiny(**SHORT), unfinished)


def test_the_state_holds_an_adversary_but_no_face(small: Corpus, unfinished: Path) -> None:
    state = load_file(unfinished / "training" / "state.safetensors")
    assert any(name.startswith("face at fused, adversary/") for name in state)
    numbers = np.concatenate([value.numpy().ravel() for value in state.values()])
    assert not np.isin(numbers, small.faces.ravel()).any()
    rows = [row.tobytes() for row in small.faces]
    for path in unfinished.rglob("*"):
        assert path.is_dir() or not any(row in path.read_bytes() for row in rows)
