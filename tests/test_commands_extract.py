"""`fairhire extract` on the command line: what it says and what it must not say, and how it ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from commandline import fairhire, refused

from fairhire.data.corpus import Corpus

LIGHT = ("--faces", "none", "--gestures", "none", "--workers", 1)


def write_voice(path: Path, pitch: float = 120.0) -> Path:
    """Write a second of a voice that hums."""
    import wave

    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(16_000) / 16_000
    hum = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((2000 * np.asarray(hum)).astype("<i2").tobytes())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("zoe-secret/1.wav", "zoe-secret/2.wav", "yves-secret/1.wav"):
        write_voice(tmp_path / "private" / name)
    (tmp_path / "private" / "zoe-secret" / "1.txt").write_text("Confidential words.")
    return tmp_path / "private"


def test_recordings_to_a_corpus_without_a_name_on_the_terminal(folder, tmp_path):
    (folder / "xena-secret").mkdir()
    (folder / "xena-secret" / "1.mp4").write_bytes(b"no recording")
    said = fairhire("extract", folder, tmp_path / "out", *LIGHT)
    assert said.code == 0
    assert said.out == f"{tmp_path / 'out'}\n"
    assert "3 recordings read, 1 failed" in said.err
    assert "left out: 1 interviews: none of their recordings could be read" in said.err
    for secret in ("secret", "Confidential", "confidential", "private"):
        assert secret not in said.err
    assert Corpus(tmp_path / "out").check()
    assert fairhire("corpus", "check", tmp_path / "out").code == 0
    table = pd.read_csv(tmp_path / "out.recordings.csv")
    assert list(table["state"]) == ["failed", "read", "read", "read"]
    again = fairhire("extract", folder, tmp_path / "out", *LIGHT)
    assert "0 recordings read, 3 had been read before, 1 failed" in again.err
    assert "--retry" in again.err
    last = fairhire("extract", folder, tmp_path / "out", *LIGHT, "--retry", "--delete-work")
    assert last.code == 0
    assert not (tmp_path / "out.work").exists()


def test_quiet_says_nothing_but_the_result(folder, tmp_path):
    said = fairhire("extract", folder, tmp_path / "out", *LIGHT, "--quiet")
    assert (said.code, said.out, said.err) == (0, f"{tmp_path / 'out'}\n", "")


def test_a_warning_comes_with_the_first_templates_only(folder, tmp_path):
    words = ("extract", folder, tmp_path / "out", *LIGHT, "--voices", "eigenvoices", "--keep-work")
    first = fairhire(*words)
    assert first.err.count("biometric data") == 1
    assert "voice templates" in first.err
    assert "BIPA" in first.err
    write_voice(folder / "wim" / "1.wav", 200)
    assert "biometric data" not in fairhire(*words).err
    none = fairhire("extract", folder, tmp_path / "plain", *LIGHT)
    assert "biometric data" not in none.err
    assert len(Corpus(tmp_path / "out").voices) == 3


@pytest.mark.parametrize(
    ("code", "match", "words"),
    [
        (2, "faces: expected one of none, eigenfaces, facenet, got 'x'", ("--faces", "x")),
        (2, "gestures: expected a model file for mediapipe", ("--gestures", "mediapipe")),
        (2, "--workers and --ray: expected one of them", ("--ray", "auto")),
        (2, "window|step", ("--step", 0)),
        (2, "speech model|faster-whisper|fairhire\\[speech\\]", ("--speech-model", "nowhere")),
    ],
)
def test_wrong_use_is_one_line(folder, tmp_path, code, match, words):
    refused(code, match, "extract", folder, tmp_path / "out", *LIGHT, *words)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.work").exists()


def test_what_cannot_be_read_ends_in_4_and_leaves_no_corpus(folder, tmp_path):
    refused(4, "expected recordings", "extract", tmp_path, tmp_path / "out", *LIGHT[:4])
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mp4").write_bytes(b"x")
    said = fairhire("extract", tmp_path / "bad", tmp_path / "out", *LIGHT)
    assert said.code == 4
    assert "expected at least one recording that can be read, got none of 1" in said.err
    assert not (tmp_path / "out").exists()


def test_the_work_is_its_owners_alone(folder, tmp_path):
    fairhire("extract", folder, tmp_path / "out", *LIGHT, "--keep-work")
    work = tmp_path / "out.work"
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    assert len(list((work / "parts").iterdir())) == 3


def test_ctrl_c_keeps_what_was_read_and_leaves_no_process(folder, tmp_path):
    for place in range(60):
        write_voice(folder / f"more{place}" / "1.wav", 100 + place)
    # What a shell starts in the background inherits a SIGINT that is ignored; the test wants it heard.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    main = f"{heard}from fairhire.commands import main; main() if __name__ == '__main__' else None"
    command = [sys.executable, "-c", main, "extract", str(folder), str(tmp_path / "out"), *map(str, LIGHT)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    parts, until = tmp_path / "out.work" / "parts", time.monotonic() + 60
    while not (parts.is_dir() and len(list(parts.glob("[!.]*"))) >= 2):
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    try:
        _, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 130
    assert "interrupted; what was finished is kept" in err
    read = len(list(parts.glob("[!.]*")))
    said = fairhire("extract", folder, tmp_path / "out", *LIGHT)
    assert f"{63 - read} recordings read, {read} had been read before, 0 failed" in said.err
