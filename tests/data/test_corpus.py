from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fairhire.data import corpus as corpus_module
from fairhire.data.corpus import SCHEMA, Corpus, CorpusWriter, Modality
from fairhire.errors import DataError, FairhireError, StorageError, UsageError
from fairhire.interview import TEXT, Answer, Interview

AUDIO, VIDEO = Modality("audio", 3, 100.0, "eGeMAPS"), Modality("video", 2)
MODALITIES = (Modality(TEXT, 1, units="words"), AUDIO, VIDEO)
FILES = ("interviews.parquet", "answers.parquet", "features/text.npy", "features/words.txt", "features/audio.npy")
FILES += ("features/video.npy", "biometrics/faces.npy", "biometrics/faces.parquet")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk hundreds of times; that it is waited for is tested with the module ``atomic``."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def frames(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def interview(name: str = "i1", seed: int = 0, **changes: object) -> Interview:
    answers = (
        Answer({"audio": frames(4, 3, seed), "video": frames(2, 2, seed)}, ("well", "i", "sell"), "Why sales?"),
        Answer({"audio": frames(1, 3, seed + 1)}, None, "Why us?"),
        Answer({}, ("well",)),
    )
    base = Interview(name, "kim", answers, "seller", "seller of cars", hirable=True, face=frames(1, 5, seed + 100)[0])
    return replace(base, **changes)  # type: ignore[arg-type]


def some() -> tuple[Interview, ...]:
    return (
        interview("i1", 1),
        interview("i2", 2, candidate="lee", hirable=False, face=None),
        interview("i3", 3, hirable=None, position="", job_title=""),
    )


def write(path: Path, interviews: Sequence[Interview] | None = None) -> Corpus:
    with CorpusWriter(path, MODALITIES) as writer:
        for one in some() if interviews is None else interviews:
            writer.add(one)
    return Corpus(path)


def same(one: Interview, other: Interview) -> bool:
    def plain(each: Interview) -> object:
        def numbers(array: np.ndarray) -> object:
            assert array.dtype == np.float32
            return array.shape, array.tobytes()

        answers = [
            ({name: numbers(values) for name, values in answer.features.items()}, answer.words, answer.question)
            for answer in each.answers
        ]
        face = None if each.face is None else numbers(each.face)
        return each.id, each.candidate, each.position, each.job_title, each.hirable, face, answers

    return plain(one) == plain(other)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------- what is written is read

words = st.text(min_size=1, max_size=6).filter(lambda word: word.split() == [word])
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


def features(width: int) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.just(width)), elements=numbers)


answers = st.builds(
    Answer,
    st.fixed_dictionaries({}, optional={"audio": features(3), "video": features(2)}),
    st.none() | st.lists(words, min_size=1, max_size=4).map(tuple),
    st.text(max_size=8),
)
interviews = st.lists(
    st.builds(
        Interview,
        id=st.text(min_size=1, max_size=8),
        candidate=st.text(min_size=1, max_size=8),
        answers=st.lists(answers, min_size=1, max_size=3).map(tuple),
        position=st.text(max_size=8),
        job_title=st.text(max_size=8),
        hirable=st.none() | st.booleans(),
        face=st.none() | hnp.arrays(np.float32, 4, elements=numbers),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda one: one.id,
)


@given(interviews, st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_every_interview_comes_back_as_it_was_written(
    tmp_path: Path, written: list[Interview], data: st.DataObject
) -> None:
    path = tmp_path / "corpus"
    values = st.floats(allow_nan=True, allow_infinity=False)
    targets = data.draw(st.lists(values, min_size=len(written), max_size=len(written)))
    with CorpusWriter(path, MODALITIES, splits=("official",), targets=("rating",)) as writer:
        for one, rating in zip(written, targets, strict=True):
            writer.add(one, splits={"official": f"of {one.id}"}, targets={"rating": rating})
    corpus = Corpus(path)
    assert len(corpus) == len(written)
    assert all(same(read, one) for read, one in zip(corpus, written, strict=True))
    assert corpus.interviews["split:official"].tolist() == [f"of {one.id}" for one in written]
    np.testing.assert_array_equal(corpus.interviews["target:rating"].to_numpy(float), np.array(targets))
    corpus.check()


def test_spans_point_at_the_frames_of_each_answer(tmp_path: Path) -> None:
    corpus = write(tmp_path / "c")
    assert corpus.modalities == {modality.name: modality for modality in MODALITIES}
    assert corpus.length("audio").tolist() == [4, 1, 0] * 3
    assert corpus.start("audio")[:4].tolist() == [0, 4, 5, 5]
    assert corpus.length(TEXT).tolist() == [3, 0, 1] * 3
    assert corpus.words == ["well", "i", "sell"]
    assert corpus.frames(TEXT, 3).tolist() == [0, 1, 2]
    assert corpus.answer_rows(1) == range(3, 6)
    assert corpus.record["counts"] == {"interviews": 3, "answers": 9, "candidates": 2}


def test_a_row_outside_the_corpus_is_an_index_error(tmp_path: Path) -> None:
    corpus = write(tmp_path / "c")
    for row in (-1, 3):
        with pytest.raises(IndexError):
            corpus[row]


def test_words_that_hold_white_space_do_not_break_the_word_file(tmp_path: Path) -> None:
    odd = ("two\nlines", "next\x85line", "a\u2028b", " ", "plain")
    corpus = write(tmp_path / "c", [interview(answers=(Answer({}, odd),))])
    assert corpus[0].answers[0].words == ("two lines", "next line", "a b", "", "plain")


def test_other_programs_can_read_the_files(tmp_path: Path) -> None:
    write(tmp_path / "c")
    assert np.load(tmp_path / "c/features/audio.npy").shape == (15, 3)
    assert np.load(tmp_path / "c/features/text.npy").dtype == np.int32
    assert pd.read_parquet(tmp_path / "c/interviews.parquet")["id"].tolist() == ["i1", "i2", "i3"]
    assert json.loads((tmp_path / "c/corpus.json").read_text())["schema"] == SCHEMA


def test_a_modality_that_no_answer_has_is_an_empty_file(tmp_path: Path) -> None:
    corpus = write(tmp_path / "c", [interview(answers=(Answer({"audio": frames(1, 3)}),))])
    assert corpus.length("video").tolist() == [0]
    assert corpus.check() == ["1 of 1 answers have no text", "1 of 1 answers have no video"]
    assert same(corpus[0], interview(answers=(Answer({"audio": frames(1, 3)}),)))


def test_a_folder_named_like_a_partition_adds_no_columns(tmp_path: Path) -> None:
    assert len(write(tmp_path / "seed=1" / "split=train")) == 3


def test_the_same_interviews_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


# ---------------------------------------------------------------- opening reads no features


def test_opening_a_corpus_far_larger_than_memory_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    write(tmp_path / "c")
    path = tmp_path / "c" / "features" / "audio.npy"
    rows = 1 << 38  # 3 TiB of frames, all but the first few a hole in the file
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 3), }}".ljust(117) + "\n"
    with path.open("r+b") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        file.truncate(128 + rows * 12)
    corpus = Corpus(tmp_path / "c")
    assert same(corpus[0], some()[0])


def test_opening_does_not_touch_the_frames(tmp_path: Path) -> None:
    write(tmp_path / "c")
    path = tmp_path / "c" / "features" / "audio.npy"
    data = bytearray(path.read_bytes())
    data[128:] = b"\xff" * (len(data) - 128)  # every number is NaN
    path.write_bytes(data)
    corpus = Corpus(tmp_path / "c")
    with pytest.raises(DataError, match="NaN or infinity in frame 0"):
        corpus[0]


# ---------------------------------------------------------------- all or nothing


def test_an_exception_inside_the_block_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with CorpusWriter(tmp_path / "c", MODALITIES) as writer:
            writer.add(interview())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_exception_inside_the_block_leaves_the_older_corpus(tmp_path: Path) -> None:
    write(tmp_path / "c")
    before = contents(tmp_path / "c")
    with pytest.raises(DataError, match="once"):
        write(tmp_path / "c", [interview("new"), interview("new")])
    assert contents(tmp_path / "c") == before
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_an_older_corpus_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path / "c")
    with CorpusWriter(tmp_path / "c", [VIDEO]) as writer:
        writer.add(Interview("v", "kim", (Answer({"video": frames(1, 2)}),)))
    corpus = Corpus(tmp_path / "c")
    assert [one.id for one in corpus] == ["v"]
    assert set(contents(tmp_path / "c")) == {
        *("corpus.json", "interviews.parquet", "answers.parquet", "features/video.npy")
    }
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def fail(number: int) -> Callable[..., object]:
    def refuse(*_: object, **__: object) -> object:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("older", [False, True], ids=["new", "replacing"])
@pytest.mark.parametrize("place", ["append", "finish", "_write_table", "_dump", "save", "fsync"])
def test_a_full_disk_is_one_line_and_leaves_the_older_corpus_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, older: bool
) -> None:
    if older:
        write(tmp_path / "c")
    before = contents(tmp_path)
    owner = {"append": corpus_module._NpyFile, "finish": corpus_module._NpyFile, "save": np, "fsync": os}
    monkeypatch.setattr(owner.get(place, corpus_module), place, fail(errno.ENOSPC))
    with pytest.raises(StorageError, match="no space left on the disk while writing") as caught:
        write(tmp_path / "c")
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert contents(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == older


def test_a_full_disk_when_the_folder_is_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module._NpyFile, "_header", fail(errno.ENOSPC))
    with pytest.raises(StorageError, match="no space left"):
        write(tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full_is_one_line(tmp_path: Path) -> None:
    def write_to_a_full_disk() -> None:
        with Path("/dev/full").open("wb", buffering=0) as full, CorpusWriter(tmp_path / "c", [AUDIO]) as writer:
            writer._files["audio"].file.close()
            writer._files["audio"].file = full  # type: ignore[assignment]
            writer.add(Interview("a", "b", (Answer({"audio": frames(1, 3)}),)))

    with pytest.raises(StorageError, match="no space left"):
        write_to_a_full_disk()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", ["writing", "replacing"])
def test_a_killed_writer_leaves_the_older_corpus(tmp_path: Path, moment: str) -> None:
    write(tmp_path / "c")
    before = contents(tmp_path / "c")
    program = f"""
import os, signal, numpy as np
from pathlib import Path
from fairhire.data.corpus import CorpusWriter, Modality
from fairhire.interview import Answer, Interview
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if {moment == "replacing"}:
    os.fsync = kill  # the last step before the new folder takes its name
with CorpusWriter(Path({str(tmp_path / "c")!r}), [Modality("audio", 3)]) as writer:
    writer.add(Interview("a", "b", (Answer({{"audio": np.ones((1, 3), np.float32)}}),)))
    if {moment == "writing"}:
        kill()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert contents(tmp_path / "c") == before
    assert len(write(tmp_path / "c")) == 3  # what the dead writer left beside it stands in nobody's way


def test_a_folder_of_other_things_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(UsageError, match="expected a new folder or a corpus to replace, found other files"):
        CorpusWriter(tmp_path, MODALITIES)
    with pytest.raises(UsageError, match="expected a new folder"):
        CorpusWriter(tmp_path / "thesis.txt", MODALITIES)
    assert (tmp_path / "thesis.txt").read_text() == "three years"
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(UsageError, match="expected a new folder"):
        CorpusWriter("", MODALITIES)  # the folder one stands in has no name to give to another
    assert len(write(tmp_path / "empty")) == 3


# ---------------------------------------------------------------- what does not fit is refused before it is written


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answers": (Answer({"smell": frames(1, 3)}),)}, r"'i2', answer 0: expected modalities .*, got \['smell'\]"),
        (
            {"answers": (Answer({"audio": frames(2, 3)}), Answer({"audio": frames(1, 2)}))},
            "answer 1, audio: .* 3, got 2",
        ),
        ({"face": frames(1, 4)[0]}, "'i2', face: expected width 5, got 4"),
        ({"id": "i1"}, "expected every id once, got it twice"),
    ],
)
def test_an_interview_that_does_not_fit_is_named_and_leaves_no_trace(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    refused = replace(interview("i2", 9), **changes)  # type: ignore[arg-type]
    with CorpusWriter(tmp_path / "c", MODALITIES) as writer:
        writer.add(some()[0])
        with pytest.raises(DataError, match=words):
            writer.add(refused)
        writer.add(some()[2])
    write(tmp_path / "expected", [some()[0], some()[2]])
    assert contents(tmp_path / "c") == contents(tmp_path / "expected")


def test_words_without_a_text_modality_are_refused(tmp_path: Path) -> None:
    refused = pytest.raises(DataError, match=r"expected modalities \['audio'\], got \['text'\]")
    with refused, CorpusWriter(tmp_path / "c", [AUDIO]) as writer:
        writer.add(Interview("a", "b", (Answer({}, ("hello",)),)))
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_of_no_interviews_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least one interview, got none"):
        write(tmp_path / "c", [])
    assert list(tmp_path.iterdir()) == []


def test_two_modalities_of_one_name_are_refused(tmp_path: Path) -> None:
    for modalities in ([], [AUDIO, AUDIO]):
        with pytest.raises(DataError, match="modalities with distinct names"):
            CorpusWriter(tmp_path / "c", modalities)


def test_missing_and_unknown_splits_and_targets_are_refused(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path / "c", MODALITIES, splits=("official",), targets=("rating",)) as writer:
        for splits, targets in [({}, {"rating": 1.0}), ({"official": "train"}, {}), ({"official": "a", "b": "c"}, {})]:
            with pytest.raises(DataError, match=r"expected splits \['official'\] and targets \['rating'\]"):
                writer.add(interview(), splits=splits, targets=targets)
        writer.add(interview(), splits={"official": "train"}, targets={"rating": float("nan")})
    assert np.isnan(Corpus(tmp_path / "c").interviews["target:rating"]).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Answer({"audio": np.full((2, 3), np.nan, np.float32)}), "NaN or infinity in frame 0"),
        (lambda: Answer({"audio": np.array([[0, 1], [np.inf, 0]], np.float32)}), "NaN or infinity in frame 1"),
        (lambda: Answer({"audio": np.empty((0, 3), np.float32)}), "at least one frame"),
        (lambda: Answer({"audio": np.empty((3, 0), np.float32)}), "at least one frame of width 1"),
        (lambda: Answer({"audio": np.zeros(3, np.float32)}), r"expected an array \(frames, width\)"),
        (lambda: Answer({"audio": np.zeros((1, 3))}), "expected float32, got float64"),
        (lambda: Answer({}, ()), "at least one word"),
        (lambda: Answer({TEXT: frames(1, 1)}), "words belong in `words`"),
        (lambda: interview(answers=()), "at least one answer"),
        (lambda: interview(id=""), "expected an id and a candidate"),
        (lambda: interview(face=np.full(5, np.nan, np.float32)), "face: expected finite numbers"),
        (lambda: Modality("au/dio", 3), "letters, digits and _"),
        (lambda: Modality("../audio", 3), "letters, digits and _"),
        (lambda: Modality("audio", 0), "width of 1 or more"),
        (lambda: Modality(TEXT, 2), "1 for words"),
    ],
)
def test_records_that_cannot_be_are_refused_when_they_are_made(make: Callable[[], object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        make()


# ---------------------------------------------------------------- damage


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    write(tmp_path / "c")
    return tmp_path / "c"


def refused(path: Path, words: str, *, check: bool = False) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_all(path, check=check)
    assert "\n" not in str(caught.value)


def read_all(path: Path, *, check: bool) -> list[Interview]:
    corpus = Corpus(path)
    if check:
        corpus.check()
    return list(corpus)


def change_record(path: Path, **changes: object) -> None:
    record = json.loads((path / "corpus.json").read_text())
    (path / "corpus.json").write_text(json.dumps(record | changes))


def change_table(path: Path, change: Callable[[pd.DataFrame], object]) -> None:
    frame = pd.read_parquet(path)
    changed = change(frame)
    frame = changed if isinstance(changed, pd.DataFrame) else frame
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def test_a_folder_that_is_no_corpus_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "expected a corpus with corpus.json, found no such file")
    refused(tmp_path / "nowhere", "expected a corpus with corpus.json, found no such file")


@pytest.mark.parametrize("schema", [0, SCHEMA + 1, str(SCHEMA), None, [SCHEMA]])
def test_a_corpus_of_another_schema_number_is_refused(damaged: Path, schema: object) -> None:
    change_record(damaged, schema=schema)
    refused(damaged, f"expected schema {SCHEMA}, got")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", '{"schema": 1}', '{"schema": 1, "checksums": {}}'])
def test_a_record_that_is_none_is_refused(damaged: Path, text: str) -> None:
    (damaged / "corpus.json").write_text(text)
    refused(damaged, "corpus.json: expected")


@pytest.mark.parametrize(
    "changes",
    [
        *({"modalities": value} for value in (None, [], 3, {"audio": {}}, {"audio": {"width": "3"}}, {"audio": None})),
        {"modalities": {"../audio": {"width": 3, "rate_hz": None, "units": ""}}},
        {"splits": 3},
        {"splits": ["official"]},
        {"targets": None},
        {"targets": ["rating"]},
        {"checksums": []},
    ],
)
def test_a_record_that_contradicts_the_files_is_refused(damaged: Path, changes: dict[str, object]) -> None:
    change_record(damaged, **changes)
    refused(damaged, "expected|missing columns")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(damaged: Path, name: str) -> None:
    (damaged / name).unlink()
    refused(damaged, Path(name).name, check=True)


@pytest.mark.parametrize("kept", [0, 1, 10, 100, 127, 0.5, 0.99])
@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_found(damaged: Path, name: str, kept: float) -> None:
    data = (damaged / name).read_bytes()
    length = kept * len(data) if 0 < kept < 1 else kept
    (damaged / name).write_bytes(data[: min(int(length), len(data) - 1)])
    refused(damaged, str(damaged), check=True)


@pytest.mark.parametrize("name", FILES)
def test_a_single_flipped_bit_is_found_by_check(damaged: Path, name: str) -> None:
    data = bytearray((damaged / name).read_bytes())
    data[-3] ^= 1
    (damaged / name).write_bytes(data)
    refused(damaged, str(damaged), check=True)


def test_an_undamaged_corpus_passes_check(damaged: Path) -> None:
    assert Corpus(damaged).check() == [
        "1 of 3 interviews have no hirable label; they are scored, never trained on",
        "3 of 9 answers have no text",
        "3 of 9 answers have no audio",
        "6 of 9 answers have no video",
        "1 of 3 interviews have no face",
    ]


@given(name=st.sampled_from((*FILES, "corpus.json")), place=st.integers(min_value=0), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
def test_whatever_byte_is_changed_the_answer_is_one_line_or_the_same_interviews(
    tmp_path: Path, name: str, place: int, byte: int
) -> None:
    path = tmp_path / "c"
    if not path.exists():
        write(path)
        shutil.copytree(path, tmp_path / "whole")
    data = bytearray((tmp_path / "whole" / name).read_bytes())
    data[place % len(data)] = byte
    (path / name).write_bytes(data)
    message = ""
    try:
        read = read_all(path, check=True)
    except FairhireError as error:
        message = str(error)
    finally:
        shutil.copy(tmp_path / "whole" / name, path / name)
    assert "\n" not in message
    if not message:
        # corpus.json has no checksum, so its prose may change unseen; the interviews may not
        assert name == "corpus.json" or data == (tmp_path / "whole" / name).read_bytes()
        assert all(same(one, other) for one, other in zip(read, some(), strict=True))


@pytest.mark.parametrize("place", range(0, 128, 5))
def test_a_header_of_nonsense_is_one_line(damaged: Path, place: int) -> None:
    path = damaged / "features" / "audio.npy"
    data = bytearray(path.read_bytes())
    for byte in set(b"'(0\x00\xff9") - {data[place]}:
        data[place] = byte
        path.write_bytes(data)
        refused(damaged, "audio.npy", check=True)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((15, 2), np.float32), "expected width 3"),
        (np.zeros((15, 3)), "expected 2 dimensions of float32"),
        (np.zeros(45, np.float32), "expected 2 dimensions of float32"),
        (np.zeros((15, 3), ">f4"), "expected 2 dimensions of float32"),
        (np.array([[{}] * 3] * 15), "expected a whole .npy file"),
        (np.zeros((14, 3), np.float32), "points outside features/audio.npy"),
    ],
)
def test_frames_of_another_kind_are_refused(damaged: Path, array: np.ndarray, words: str) -> None:
    np.save(damaged / "features" / "audio.npy", array)
    refused(damaged, words)


def test_an_archive_in_place_of_frames_is_refused(damaged: Path) -> None:
    with (damaged / "features" / "audio.npy").open("wb") as file:
        np.savez(file, audio=frames(15, 3))
    refused(damaged, "a file that begins with b'PK")


def test_nothing_in_a_feature_file_is_unpickled(damaged: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "trace"),)

    for name in ("features/audio.npy", "biometrics/faces.npy"):
        np.save(damaged / name, np.array([Trap()], dtype=object), allow_pickle=True)
        refused(damaged, "expected a whole .npy file")
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("interviews", lambda t: t.assign(first_answer=t["first_answer"] + 1), "points outside answers.parquet"),
        ("interviews", lambda t: t.assign(first_answer=-1), "points outside answers.parquet"),
        ("interviews", lambda t: t.assign(answers=0), "points outside answers.parquet"),
        ("interviews", lambda t: t.assign(first_answer=[0.0, None, 3.0]), "first_answer: expected whole numbers"),
        ("interviews", lambda t: t.assign(answers="three"), "answers: expected whole numbers"),
        ("interviews", lambda t: t.assign(hirable="perhaps"), "hirable: expected labels"),
        ("interviews", lambda t: t.iloc[:0], "at least one interview, got none"),
        ("answers", lambda t: t.assign(**{"audio:start": 100}), "points outside features/audio.npy"),
        ("answers", lambda t: t.assign(**{"audio:start": -1}), "points outside features/audio.npy"),
        ("answers", lambda t: t.assign(**{"audio:length": -1}), "points outside features/audio.npy"),
        ("answers", lambda t: t.assign(**{"video:length": 100}), "points outside features/video.npy"),
        ("answers", lambda t: t.assign(**{"text:length": None}), "text:length: expected whole numbers"),
        ("answers", lambda t: t.drop(columns="question"), r"missing columns \['question'\]"),
    ],
)
def test_tables_that_contradict_the_frames_are_refused(
    damaged: Path, table: str, change: Callable[[pd.DataFrame], object], words: str
) -> None:
    change_table(damaged / f"{table}.parquet", change)
    refused(damaged, words)


@pytest.mark.parametrize(
    ("text", "damage"), [(b"job_title", b"\xffob_title"), (b"seller of cars", b"seller of \xffars")]
)
def test_text_that_is_no_text_any_more_is_refused_when_the_corpus_is_opened(
    damaged: Path, text: bytes, damage: bytes
) -> None:
    path = damaged / "interviews.parquet"
    assert text in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(text, damage))
    with pytest.raises(DataError, match=r"interviews\.parquet: expected a readable Parquet file"):
        Corpus(damaged)


@pytest.mark.parametrize("column", ["gender", "ethnicity", "age", "anything"])
@pytest.mark.parametrize("table", ["interviews", "answers"])
def test_a_protected_attribute_in_a_table_is_refused(damaged: Path, table: str, column: str) -> None:
    change_table(damaged / f"{table}.parquet", lambda frame: frame.assign(**{column: "x"}))
    refused(damaged, rf"unknown columns \['{column}'\]")


def rewrite_checksums(path: Path) -> None:
    checksums = {name: corpus_module.sha256(path / name) for name in FILES if not name.startswith("biometrics")}
    change_record(path, checksums=checksums)


def test_check_finds_what_checksums_cannot(damaged: Path) -> None:
    change_table(damaged / "interviews.parquet", lambda table: table.assign(id="i1"))
    rewrite_checksums(damaged)
    refused(damaged, "expected every id once, got 'i1' twice", check=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_check_finds_numbers_that_are_not_finite(damaged: Path, bad: float) -> None:
    array = np.load(damaged / "features/video.npy")
    array[4, 1] = bad
    np.save(damaged / "features/video.npy", array)
    rewrite_checksums(damaged)
    refused(damaged, "video.npy: expected finite numbers, got NaN or infinity in frame 4", check=True)


@pytest.mark.parametrize("bad", [-1, 3])
def test_a_word_id_without_a_word_is_found_by_check_and_when_read(damaged: Path, bad: int) -> None:
    array = np.load(damaged / "features/text.npy")
    array[0] = bad
    np.save(damaged / "features/text.npy", array)
    refused(damaged, "expected word ids below 3")
    rewrite_checksums(damaged)
    refused(damaged, "expected word ids below 3", check=True)


def test_a_file_without_checksum_is_refused_by_check(damaged: Path) -> None:
    change_record(damaged, checksums={"interviews.parquet": 5})
    refused(damaged, "expected a checksum of every file, got none of answers.parquet", check=True)
    rewrite_checksums(damaged)
    record = json.loads((damaged / "corpus.json").read_text())
    change_record(damaged, checksums=record["checksums"] | {"interviews.parquet": 5})
    refused(damaged, "expected SHA-256 5", check=True)


def test_check_names_an_identity_leak_of_a_split(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path / "c", MODALITIES, splits=("official",)) as writer:
        for one, part in zip(some(), ("train", "train", "test"), strict=True):
            writer.add(one, splits={"official": part})
    remarks = Corpus(tmp_path / "c").check()
    assert "split 'official': 1 of 2 candidates stand in several parts (an identity leak)" in remarks


# ---------------------------------------------------------------- faces lie apart


def test_faces_are_in_no_file_outside_biometrics(tmp_path: Path) -> None:
    corpus = write(tmp_path / "c")
    faces = [one.face for one in some() if one.face is not None]
    found = {name for name, data in contents(tmp_path / "c").items() if any(face.tobytes() in data for face in faces)}
    assert found == {"biometrics/faces.npy"}
    assert not [name for name in corpus.record["checksums"] if "biometrics" in name or "face" in name]
    assert (tmp_path / "c" / "biometrics").stat().st_mode & 0o077 == 0


def test_deleting_biometrics_leaves_a_valid_corpus_that_is_otherwise_the_same(tmp_path: Path) -> None:
    path = tmp_path / "c"
    write(path)
    rest = {name: data for name, data in contents(path).items() if not name.startswith("biometrics")}
    shutil.rmtree(path / "biometrics")
    corpus = Corpus(path)
    corpus.check()
    assert not corpus.has_faces
    assert all(same(read, replace(one, face=None)) for read, one in zip(corpus, some(), strict=True))
    with pytest.raises(DataError, match="expected face embeddings in biometrics/, found none"):
        corpus.faces  # noqa: B018
    write(tmp_path / "never", [replace(one, face=None) for one in some()])
    assert contents(tmp_path / "never") == rest  # as if there never had been a face


def test_face_rows_find_the_face_of_each_interview(tmp_path: Path) -> None:
    corpus = write(tmp_path / "c")
    assert corpus.face_rows.tolist() == [0, -1, 1]
    assert corpus.faces[1].tolist() == some()[2].face.tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["i1"], "expected a face for each interview named, got 2 for 1"),
        (["i1", "i1"], "expected every interview once"),
        (["i1", "stranger"], "expected only interviews of the corpus, got 'stranger'"),
    ],
)
def test_faces_that_contradict_their_table_are_refused(damaged: Path, names: list[str], words: str) -> None:
    pq.write_table(pa.table({"interview": names}), damaged / "biometrics" / "faces.parquet")
    refused(damaged, words)


def timed(words, times):
    return Answer({}, words, "", None if times is None else np.array(times, dtype=np.float32))


def test_times_of_words_come_back_and_words_without_stay_without(tmp_path):
    answers = [
        timed(("early",), None),
        timed(("well", "yes"), [0.5, np.nan]),
        timed(("no", "time"), None),
        timed(None, None),
    ]
    with CorpusWriter(tmp_path / "timed", [Modality("text", 1)]) as writer:
        for place, answer in enumerate(answers):
            writer.add(Interview(f"i{place}", f"c{place}", (answer,)))
    corpus = Corpus(tmp_path / "timed")
    corpus.check()
    assert [None if t is None else t.tolist() for t in (corpus[row].answers[0].word_times for row in (0, 2, 3))] == [
        None, None, None,
    ]  # fmt: skip
    np.testing.assert_array_equal(corpus[1].answers[0].word_times, np.array([0.5, np.nan], np.float32))


def test_a_corpus_without_times_has_no_file_of_them(tmp_path):
    with CorpusWriter(tmp_path / "plain", [Modality("text", 1)]) as writer:
        writer.add(Interview("i", "c", (timed(("hello",), None),)))
    assert not (tmp_path / "plain" / "features" / "text_times.npy").exists()
    assert Corpus(tmp_path / "plain").word_times(0) is None


def test_damaged_times_of_words_are_found(tmp_path):
    with CorpusWriter(tmp_path / "timed", [Modality("text", 1)]) as writer:
        writer.add(Interview("i", "c", (timed(("a", "b"), [0, 1]),)))
    path = tmp_path / "timed" / "features" / "text_times.npy"
    np.save(path, np.zeros(3, np.float32))
    with pytest.raises(DataError, match="a time for each of 2 words, got 3"):
        Corpus(tmp_path / "timed").word_times(0)
    path.unlink()
    with pytest.raises(DataError, match="text_times"):
        Corpus(tmp_path / "timed").check()


def test_channels_keep_their_names(tmp_path):
    gestures = Modality("video", 2, 4.0, "gestures", ("roll", "face_seen"), ("face_seen",))
    with CorpusWriter(tmp_path / "named", [gestures]) as writer:
        writer.add(Interview("i", "c", (Answer({"video": np.zeros((3, 2), np.float32)}),)))
    assert Corpus(tmp_path / "named").modalities == {"video": gestures}


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Modality("video", 2, channels=("a",)), "expected 2 channels of distinct names"),
        (lambda: Modality("video", 2, channels=("a", "a")), "expected 2 channels of distinct names"),
        (lambda: Modality("video", 1, channels=("a",), binary=("b",)), "binary: expected names of its channels"),
        (lambda: Modality("text_times", 1), "not taken"),
    ],
)
def test_channels_that_do_not_fit_are_refused(make, match):
    with pytest.raises(DataError, match=match):
        make()
