"""OpenFace's tables are read for what they are worth, and OpenFace is run without leaving anything behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from fairhire.errors import DataError, UsageError
from fairhire.media.gestures import FACE_SEEN
from fairhire.media.openface import (
    OPENFACE_CHANNELS,
    find_openface,
    openface_on_path,
    read_openface,
    run_openface,
)
from fairhire.media.windows import Windows

NAMES = [channel.name for channel in OPENFACE_CHANNELS]
COLUMNS = ["frame", "face_id", "timestamp", "confidence", "success", *NAMES[6:], "x_0", *NAMES[:6]]
HALVES = Windows(0.5, 0.5)


def row(seconds, *, face=0, confidence=0.98, success=1, frame=1, **values):
    cells = {"frame": frame, "face_id": face, "timestamp": f"{seconds:.3f}", "confidence": confidence}
    cells |= {"success": success, "x_0": 7.5, **dict.fromkeys(NAMES, 0), "pose_Tz": 500, **values}
    return cells


def table(rows, columns=COLUMNS, *, gap=", ", end="\n"):
    lines = [gap.join(columns), *(gap.join(str(cells[name]) for name in columns) for cells in rows)]
    return end.join([*lines, ""])


@pytest.fixture
def written(tmp_path):
    def write(rows, *more, **settings):
        path = tmp_path / "answer.openface.csv"
        path.write_bytes(rows if isinstance(rows, bytes) else table(rows, *more, **settings).encode())
        return path

    return write


def read(path, **settings):
    return read_openface(path, **{"windows": HALVES, **settings})


def channel(reading, name):
    return reading.gestures.values[:, [channel.name for channel in reading.gestures.channels].index(name)].tolist()


def test_the_channels_are_those_of_the_paper():
    assert len(NAMES) == len(set(NAMES)) == 6 + 6 + 2 + 17 + 18
    assert {"pose_Tz", "pose_Rx", "gaze_1_z", "gaze_angle_y", "AU01_r", "AU45_r", "AU28_c", "AU45_c"} <= set(NAMES)
    assert "AU28_r" not in NAMES
    assert [channel.name for channel in OPENFACE_CHANNELS if channel.binary] == [n for n in NAMES if n.endswith("_c")]


def test_a_table_is_read_and_smoothed(written):
    rows = [row(i / 10, pose_Tx=i, AU12_r=1.5, AU12_c=int(i < 6)) for i in range(10)]
    reading = read(written(rows))
    assert reading.gestures.channels == (*OPENFACE_CHANNELS, FACE_SEEN)
    assert reading.gestures.values.shape == (2, 50)
    assert channel(reading, "pose_Tx") == [2, 7]
    assert channel(reading, "AU12_r") == [1.5, 1.5]
    assert channel(reading, "AU12_c") == [1, 0]
    assert channel(reading, "pose_Tz") == [500, 500]
    assert channel(reading, "face_seen") == [1, 1]
    assert (reading.frames, reading.trusted, reading.remarks) == (10, 10, ())


@pytest.mark.parametrize("gap", [", ", ",", " , "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blanks_line_ends_and_quoted_names_do_not_matter(written, gap, end):
    rows = [row(i / 10, pose_Tx=i) for i in range(10)]
    expected = read(written(rows)).gestures.values
    np.testing.assert_array_equal(read(written(rows, gap=gap, end=end)).gestures.values, expected)
    quoted = "\ufeff" + table(rows).replace("confidence", '"confidence"', 1)
    np.testing.assert_array_equal(read(written(quoted.encode())).gestures.values, expected)
    blank = table(rows).replace("\n", "\n\n")
    np.testing.assert_array_equal(read(written(blank.encode())).gestures.values, expected)
    ended = table(rows).rstrip("\n")
    np.testing.assert_array_equal(read(written(ended.encode())).gestures.values, expected)


def test_the_recording_ends_a_frame_after_the_last(written):
    assert len(read(written([row(i / 30) for i in range(15)])).gestures.values) == 1
    assert len(read(written([row(i / 30) for i in range(30)])).gestures.values) == 2
    assert len(read(written([row(i / 30) for i in range(29)])).gestures.values) == 1
    assert len(read(written([row(0)])).gestures.values) == 1


def test_a_frame_is_trusted_for_success_confidence_and_numbers(written):
    rows = [row(i / 10, pose_Tx=1) for i in range(20)]
    rows[2] |= {"success": 0, "pose_Tx": 100}
    rows[3] |= {"confidence": 0.69, "pose_Tx": 100}
    rows[4] |= {"AU45_c": "-nan(ind)", "pose_Tx": 100}
    reading = read(written(rows))
    assert channel(reading, "pose_Tx") == [1, 1, 1, 1]
    assert (reading.frames, reading.trusted) == (20, 17)
    assert any("1 of 20 frames OpenFace wrote no number" in remark for remark in reading.remarks)
    assert any("not trusted in 3 of 20 frames" in remark for remark in reading.remarks)
    generous = read(written(rows), least_confidence=0.5)
    assert generous.trusted == 18
    assert channel(generous, "pose_Tx")[0] > 1


GAPS = ["nan", "-nan", "NaN", "inf", "-inf", "", "-nan(ind)", "nan(snan)", "-1.#IND"]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        *((name, cell) for name in ("pose_Rx", "AU01_c", "confidence", "success", "timestamp") for cell in GAPS),
        ("pose_Rx", "1e39"),  # more than a float32 can hold
    ],
)
def test_a_cell_without_a_number_costs_that_frame_alone(written, name, cell):
    rows = [row(i / 10, pose_Tx=1) for i in range(10)]
    rows[5] |= {name: cell, "pose_Tx": 100}
    reading = read(written(rows))
    assert channel(reading, "pose_Tx") == [1, 1]
    assert (reading.frames, reading.trusted) == (10, 9)
    assert "1 of 10 frames OpenFace wrote no number" in reading.remarks[0]


def test_no_trusted_frame_means_no_gestures(written):
    reading = read(written([row(i / 10, success=0) for i in range(10)]))
    assert reading.gestures is None
    assert (reading.frames, reading.trusted) == (10, 0)
    assert reading.remarks == ("OpenFace's view was not trusted in 10 of 10 frames.",)


def test_the_candidate_is_the_face_trusted_most_then_the_nearest(written):
    often = [row(i / 10, face=4, pose_Tx=4, pose_Tz=900) for i in range(10)]
    seldom = [row(i / 10, face=1, pose_Tx=1, pose_Tz=300) for i in range(6)]
    unsure = [row(i / 10, face=2, pose_Tx=2, success=0) for i in range(10)]
    together = sorted(often + seldom + unsure, key=lambda cells: cells["timestamp"])
    reading = read(written(together))
    assert channel(reading, "pose_Tx") == [4, 4]
    assert (reading.frames, reading.trusted) == (10, 10)
    assert reading.remarks == ("The OpenFace table holds 2 other faces, which were left out.",)
    tie = sorted(often + [row(i / 10, face=9, pose_Tx=9, pose_Tz=300) for i in range(10)], key=lambda c: c["timestamp"])
    assert channel(read(written(tie)), "pose_Tx") == [9, 9]


def test_a_candidate_who_is_absent_for_a_while_is_counted_so(written):
    mine = [row(i / 10, face=0, pose_Tx=1) for i in range(20) if not 5 <= i < 10]
    other = [row(i / 10, face=1) for i in range(5, 10)]
    reading = read(written(sorted(mine + other, key=lambda cells: cells["timestamp"])))
    assert channel(reading, "face_seen") == [1, 0, 1, 1]
    assert (reading.frames, reading.trusted) == (20, 15)
    assert "holds 1 other face," in reading.remarks[0]


def test_a_table_without_face_ids_holds_one_face(written):
    columns = [name for name in COLUMNS if name != "face_id"]
    rows = [row(i / 10, pose_Tx=3) for i in range(10)]
    assert channel(read(written(rows, columns)), "pose_Tx") == [3, 3]
    unnamed = [row(i / 10, face="nan", pose_Tx=3) for i in range(10)]
    assert channel(read(written(unnamed)), "pose_Tx") == [3, 3]


def test_a_last_line_cut_off_is_dropped_and_said(written):
    rows = [row(i / 10, pose_Tx=i) for i in range(11)]
    whole = table(rows)
    start = whole[:-1].rindex("\n")
    for cut in (start + 3, start + 20, start + 100):
        reading = read(written(whole[:cut].encode()))
        assert reading.frames == 10
        assert reading.remarks == ("The OpenFace table's last line is cut off and was left out.",)
    mid = whole[: start + 20] + "\n" + whole[start + 1 :]
    with pytest.raises(DataError, match=r"line 12: expected 55 cells, got \d"):
        read(written(mid.encode()))


def test_times_may_repeat_and_must_not_fall(written):
    rows = [row(t, pose_Tx=1) for t in (0, 0.1, 0.1, 0.2, 0.3, 0.4)]
    reading = read(written(rows))
    assert (reading.frames, reading.trusted) == (6, 6)
    rows.append(row(0.39))
    with pytest.raises(
        DataError, match=r"answer\.openface\.csv, line 8, timestamp: expected 0\.4 s or later, got 0\.39"
    ):
        read(written(rows))
    for wrong in (-1, 86401, 1e300):
        with pytest.raises(DataError, match="line 2, timestamp: expected 0 to 86400 s"):
            read(written([row(wrong)]))


@pytest.mark.parametrize("name", ["timestamp", "confidence", "success", "pose_Tx", "gaze_angle_y", "AU28_c"])
def test_a_missing_column_is_named(written, name):
    columns = [column for column in COLUMNS if column != name]
    with pytest.raises(DataError, match=f"{name}: expected a column of that name, as OpenFace writes it, got none"):
        read(written([row(0)], columns))
    with pytest.raises(DataError, match=f"{name}: expected one column of that name, got 2"):
        read(written([row(0)], [*COLUMNS, name]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "got none in the first line"),
        (b"\n1, 2\n", "got none in the first line"),
        (table([]).encode(), "expected a row for every picture"),
        (table([row(0)]).encode() + b"\xff\xfe\n", "line 3: expected UTF-8 text"),
        (b"\xff\xd8\xff\xe0 a picture", "line 1: expected UTF-8 text"),
        (b"a; b; c\n", "timestamp: expected a column of that name"),
        (table([row(0, AU01_r="a lot")]).encode(), "line 2: expected numbers, got 'a lot'"),
        (table([row(0, AU01_r="x" * 1000 + "\r\v")]).encode(), "line 2: expected numbers, got 'x{20}'$"),
        (table([row(0, AU01_r="1,5")]).encode(), "line 2: expected 55 cells, got 56"),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_line(written, content, words):
    with pytest.raises(DataError, match=words) as caught:
        read(written(content))
    assert len(str(caught.value).splitlines()) == 1


def test_endless_lines_and_tables_are_refused(written, monkeypatch):
    content = table([row(0), row(0.1)]).encode()
    monkeypatch.setattr("fairhire.media.openface._MAX_LINE", len(content))
    assert read(written(content)).frames == 2
    with pytest.raises(DataError, match="line 4: expected at most 64 MiB"):
        read(written(content + b"0" * (len(content) + 1)))
    monkeypatch.setattr("fairhire.media.openface._MAX_ROWS", 2)
    with pytest.raises(DataError, match="expected at most 2 rows"):
        read(written(content))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(DataError, match="found no such file"):
            read(path)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_that_cannot_be_is_refused(written, confidence):
    with pytest.raises(UsageError, match="least confidence: expected a number from 0 to 1"):
        read(written([row(0)]), least_confidence=confidence)


def test_the_table_beside_a_recording_is_found(tmp_path):
    recording = tmp_path / "a.b.mp4"
    assert find_openface(recording) is None
    plain, named = tmp_path / "a.b.csv", tmp_path / "a.b.openface.csv"
    plain.write_text("question, rating\n1, 2\n")
    assert find_openface(recording) is None
    plain.write_bytes(b"\xff\xfe")
    assert find_openface(recording) is None
    plain.write_text(table([row(0)]))
    assert find_openface(recording) == plain
    named.write_text("")
    assert find_openface(recording) == named


# ------------------------------------------------------------------------------------------------------- the program


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def program(tmp_path):
    def make(body):
        path = tmp_path / "FeatureExtraction"
        path.write_text(f"#!{sys.executable} -S\nimport os, pathlib, subprocess, sys, time\n{body}")
        path.chmod(0o755)
        return path

    return make


WRITES = """
words = sys.argv[1:]
assert words[0] == "-f" and words[6:] == ["-pose", "-gaze", "-aus", "-q"], words
options = dict(zip(words[:6:2], words[1:6:2]))
assert pathlib.Path(options["-f"]).read_text() == "a recording"
print("Reading", options["-f"])
print("Reading", options["-f"], file=sys.stderr)
pathlib.Path("stray.txt").write_text("written where it stands")
table = pathlib.Path(options["-out_dir"], options["-of"] + ".csv")
table.write_text(os.environ["FAIRHIRE_TEST_TABLE"])
"""


def test_openface_is_run_quietly_in_a_private_folder(program, tmp_path, temporary, monkeypatch, capfd):
    monkeypatch.setenv("FAIRHIRE_TEST_TABLE", table([row(i / 10, pose_Tx=i) for i in range(10)]))
    monkeypatch.chdir(tmp_path)
    recording = Path("-odd name.mp4")
    recording.write_text("a recording")
    with run_openface(program(WRITES), recording, time_limit=30) as path:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path.parent.parent == temporary
        assert channel(read(path), "pose_Tx") == [2, 7]
    assert list(temporary.iterdir()) == []
    assert sorted(file.name for file in tmp_path.iterdir()) == [recording.name, "FeatureExtraction", "temporary"]
    assert capfd.readouterr() == ("", "")


def test_the_folder_is_deleted_when_the_block_fails(program, tmp_path, temporary, monkeypatch):
    monkeypatch.setenv("FAIRHIRE_TEST_TABLE", "no table")
    (tmp_path / "a.mp4").write_text("a recording")
    with (
        pytest.raises(DataError, match="timestamp"),
        run_openface(program(WRITES), tmp_path / "a.mp4", time_limit=30) as path,
    ):
        read(path)
    assert list(temporary.iterdir()) == []


def run(program, recording, time_limit=30.0):
    with run_openface(program, recording, time_limit=time_limit):
        pytest.fail("expected no table")


def test_a_failing_openface_is_told_by_its_exit_code_alone(program, tmp_path, temporary, capfd):
    recording = tmp_path / "a.mp4"
    with pytest.raises(DataError, match=r"a\.mp4: expected OpenFace to succeed, got exit code 3$"):
        run(program("print('a secret'); sys.exit(3)"), recording)
    with pytest.raises(DataError, match=r"to succeed, got a crash$"):
        run(program("os.kill(os.getpid(), 11)"), recording)
    with pytest.raises(DataError, match="expected a table from OpenFace, got none"):
        run(program("pass"), recording)
    assert list(temporary.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_hanging_openface_is_killed_with_its_children(program, tmp_path, temporary):
    pids = tmp_path / "pids"
    hanging = program("")
    hanging.write_text(f"#!/bin/sh\nsleep 60 &\necho $$ $! > '{pids}'\nwait\n")
    began = time.monotonic()
    with pytest.raises(DataError, match=r"expected OpenFace to end within 1\.5 s, it did not"):
        run(hanging, tmp_path / "a.mp4", time_limit=1.5)
    assert time.monotonic() - began < 20
    for pid in map(int, pids.read_text().split()):
        for _ in range(100):
            if gone(pid):
                break
            time.sleep(0.05)
        assert gone(pid)
    assert list(temporary.iterdir()) == []


def test_openface_and_its_table_go_with_the_process_that_wanted_them(program, tmp_path, temporary):
    pid = tmp_path / "pid"
    hanging = program(
        f"pathlib.Path(sys.argv[4], 'gestures.csv').write_text('faces')\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    script = (
        "from pathlib import Path\nfrom fairhire.media.openface import run_openface\n"
        f"with run_openface(Path({str(hanging)!r}), Path('a.mp4'), time_limit=60):\n    pass\n"
    )
    env = dict(os.environ, TMPDIR=str(temporary))
    worker = subprocess.Popen([sys.executable, "-c", script], env=env)
    until = time.monotonic() + 30
    while not (pid.is_file() and pid.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert list(temporary.glob("*/gestures.csv"))
    worker.kill()
    worker.wait()
    while not gone(int(pid.read_text())) or list(temporary.iterdir()):
        assert time.monotonic() < until
        time.sleep(0.05)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.is_file() and state.read_text().rpartition(")")[2].split()[0] == "Z"  # dead, not yet collected


def test_what_is_no_program_is_refused(tmp_path, temporary):
    plain = tmp_path / "FeatureExtraction"
    with pytest.raises(UsageError, match="expected OpenFace's FeatureExtraction, got a file that cannot be run"):
        run(plain, tmp_path / "a.mp4")
    plain.write_text("no program")
    with pytest.raises(UsageError, match="cannot be run"):
        run(plain, tmp_path / "a.mp4")
    plain.chmod(0o755)
    with pytest.raises(UsageError, match="cannot be run"):
        run(plain, tmp_path / "a.mp4")
    assert list(temporary.iterdir()) == []


def test_openface_is_found_among_the_programs(program, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert openface_on_path() is None
    path = program("pass")
    assert openface_on_path() == path
    path.rename(tmp_path / "FeatureExtraction.exe")
    assert openface_on_path() == tmp_path / "FeatureExtraction.exe"


def test_the_recordings_own_times_are_believed_where_they_fit(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table([row(i / 10, pose_Tx=i) for i in range(10)]))  # as of ten pictures a second
    shown = np.arange(10) / 5.0  # they came at five
    steady = read_openface(path, windows=Windows(), times=None)
    moved = read_openface(path, windows=Windows(), times=shown)
    assert len(steady.gestures.values) == 3  # of one second
    assert len(moved.gestures.values) == 7  # of two
    assert channel(moved, "pose_Tx")[0] == 1  # 0, 1 and 2 fall into the first half second
    late = read_openface(path, windows=Windows(), times=np.append(shown, [2.0, 2.2]))
    np.testing.assert_array_equal(late.gestures.values, moved.gestures.values)
    for other in (shown[:9], np.arange(13) / 5.0):
        kept = read_openface(path, windows=Windows(), times=other)
        np.testing.assert_array_equal(kept.gestures.values, steady.gestures.values)
        assert f"10 frames, the recording {len(other)} pictures: its own clock was kept" in kept.remarks[-1]
