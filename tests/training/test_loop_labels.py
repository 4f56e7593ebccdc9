"""No sensitive label is read in training: tables are shuffled and deleted, and every file that is opened is watched."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from fairhire.adversaries.label import SensitiveLabels
from fairhire.data.corpus import Corpus
from fairhire.runs import Run
from fairhire.training import TrainConfig, train

Tiny = Callable[..., TrainConfig]
FilesOf = Callable[[Run | Path], dict[str, bytes]]
WEIGHTS = "model/weights.safetensors"


@pytest.fixture
def beside(corpus: Corpus, tmp_path: Path) -> Corpus:
    """Return a copy of the corpus with a people and a truth table beside it, as an importer leaves them."""
    copy = tmp_path / "corpus"
    shutil.copytree(corpus.path, copy)
    candidates = sorted(set(corpus.interviews["candidate"]))
    people = pd.DataFrame({"candidate": candidates, "gender": ["f", "m", "x"] * (len(candidates) // 3)})
    people.to_csv(tmp_path / "corpus.people.csv", index=False)
    people.to_parquet(tmp_path / "corpus.people.parquet")
    pd.DataFrame({"interview": corpus.interviews["id"], "merit": 0.5}).to_csv(tmp_path / "corpus.truth.csv")
    return Corpus(copy)


def tables(corpus: Corpus) -> list[Path]:
    return sorted(corpus.path.parent.glob("corpus.*.*"))


def labels_for(corpus: Corpus, *, flipped: bool = False) -> SensitiveLabels:
    pairs = corpus.interviews[["id", "candidate"]].to_numpy(dtype=str)
    return SensitiveLabels(("f", "m"), {name: (int(person[1:]) // 2 + flipped) % 2 for name, person in pairs})


@pytest.mark.parametrize("adversary", ["none", "face", "label"])
def test_shuffling_replacing_or_deleting_the_people_table_leaves_every_weight_alone(
    beside: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, adversary: str
) -> None:
    labels = labels_for(beside) if adversary == "label" else None
    config = tiny(adversary=adversary, epochs=3, modalities=("text",))

    def run(name: str) -> dict[str, bytes]:
        return files_of(train(Corpus(beside.path), config, tmp_path / name, sensitive_labels=labels))

    before = run("before")
    people = tmp_path / "corpus.people.csv"
    table = pd.read_csv(people)
    table.assign(gender=table["gender"].sample(frac=1, random_state=1).to_numpy()).to_csv(people, index=False)
    assert run("shuffled") == before
    for path in tables(beside):
        path.write_bytes(b"not a table any more")
    assert run("replaced") == before
    for path in tables(beside):
        path.unlink()
    assert run("deleted") == before


def test_the_label_adversary_reads_its_argument_and_nothing_else(
    beside: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf
) -> None:
    config = tiny(adversary="label", epochs=3, strengths=(9.0,))

    def weights(name: str, labels: SensitiveLabels) -> bytes:
        return files_of(train(Corpus(beside.path), config, tmp_path / name, sensitive_labels=labels))[WEIGHTS]

    given = weights("given", labels_for(beside))
    other = {name: 1 - place if name < "i010" else place for name, place in labels_for(beside).of.items()}
    assert weights("other", SensitiveLabels(("f", "m"), other)) != given
    shutil.rmtree(beside.path / "biometrics")
    assert weights("faceless", labels_for(beside)) == given


def test_without_a_face_adversary_deleted_biometrics_change_nothing(
    beside: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, undefended: Run
) -> None:
    shutil.rmtree(beside.path / "biometrics")
    run = train(Corpus(beside.path), tiny(), tmp_path / "run")
    assert files_of(run) == files_of(undefended)


def test_faces_may_be_deleted_while_a_run_that_never_read_them_is_unfinished(
    beside: Corpus, tiny: Tiny, tmp_path: Path, files_of: FilesOf, undefended: Run
) -> None:
    def killed(steps: int = 1, facts: str = "") -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(beside, tiny(), tmp_path / "run", advance=killed)
    shutil.rmtree(beside.path / "biometrics")
    assert files_of(train(Corpus(beside.path), tiny(), tmp_path / "run")) == files_of(undefended)


# --- every file that is opened ---------------------------------------------------------------------------------------


@contextmanager
def openings(paths: list[Path]) -> Iterator[Callable[[], set[str]]]:
    """Yield a function that names those of ``paths`` that were opened since, by whatever code: the kernel tells."""
    libc, in_open = ctypes.CDLL(None, use_errno=True), 0x20
    watcher = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert watcher >= 0
    watched = {libc.inotify_add_watch(watcher, os.fsencode(path), in_open): path.name for path in paths}
    assert min(watched) >= 0

    def opened() -> set[str]:
        found: set[str] = set()
        try:
            events = os.read(watcher, 1 << 16)
        except BlockingIOError:
            return found
        while events:
            watch, _, _, length = struct.unpack_from("iIII", events)
            found.add(watched[watch])
            events = events[16 + length :]
        return found

    try:
        yield opened
    finally:
        os.close(watcher)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")
@pytest.mark.parametrize("adversary", ["none", "face", "label"])
def test_the_kernel_sees_no_people_or_truth_table_opened(
    beside: Corpus, tiny: Tiny, tmp_path: Path, adversary: str
) -> None:
    labels = labels_for(beside) if adversary == "label" else None
    faces = beside.path / "biometrics" / "faces.npy"
    with openings([*tables(beside), faces]) as opened:
        train(Corpus(beside.path), tiny(adversary=adversary, epochs=3), tmp_path / "run", sensitive_labels=labels)
        assert opened() == ({"faces.npy"} if adversary == "face" else set())
        pq.read_table(tmp_path / "corpus.people.parquet")  # it would be seen
        pd.read_csv(tmp_path / "corpus.people.csv")
        assert opened() == {"corpus.people.parquet", "corpus.people.csv"}


WATCHED = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from fairhire.data.corpus import Corpus
from fairhire.training import TrainConfig, train

opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
corpus, out, *settings = sys.argv[1:]
result = {}
for text in settings:
    config = TrainConfig.from_dict(json.loads(text))
    opened.clear()
    train(Corpus(corpus), config, Path(out) / config.adversary)
    result[config.adversary] = list(opened)
Path(corpus + ".people.csv").read_text()
result["control"] = list(opened)
print(json.dumps(result))
"""


def test_python_sees_no_people_or_truth_table_opened(beside: Corpus, tiny: Tiny, tmp_path: Path) -> None:
    settings = [json.dumps(tiny(adversary=name, epochs=3).to_dict()) for name in ("none", "face", "face-regression")]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(beside.path), str(tmp_path / "runs"), *settings],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    opened: dict[str, list[str]] = json.loads(done.stdout)

    def tables_among(paths: list[str]) -> list[str]:
        return [name for path in paths if ".people." in (name := Path(path).name) or ".truth." in name]

    assert tables_among(opened.pop("control")) == ["corpus.people.csv"]
    for adversary, paths in opened.items():
        assert not tables_among(paths)
        assert any(path.endswith("corpus.json") for path in paths)
        assert any("/biometrics/" in path for path in paths) == adversary.startswith("face")
