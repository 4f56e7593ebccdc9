"""A thousand damaged recordings are read, or refused in one line: none crashes, hangs, or leaves half of anything."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from media_made import write_recording

from fairhire.data.corpus import Corpus
from fairhire.extract import ExtractConfig, extract
from fairhire.extract.recordings import read_recordings

COPIES = 1000
TIME_LIMIT = 20.0  # seconds; the first recording waits for what is slow to load
ENDINGS = ("", ".work", ".people.csv", ".recordings.csv")

ORIGINALS = {
    ".mp4": {"person": 0, "size": (96, 80), "fps": 8},
    ".mov": {"person": 1, "size": (80, 64), "fps": 5, "rate": 8000},
    ".mkv": {"person": 2, "size": (96, 80), "fps": 8},
    ".webm": {"person": 3, "size": (80, 80), "fps": 6},
    ".avi": {"size": (64, 48), "fps": 10},
    ".ts": {"person": 4, "size": (96, 80), "fps": 25},
    ".mpg": {"size": (64, 48), "fps": 25},
    ".wav": {"rate": 8000},
    ".mp3": {},
    ".ogg": {"options": {"page_duration": "100000"}},
}

CAPTIONS = {
    ".srt": "1\n00:00:00,100 --> 00:00:00,500\nI led a team.\n\n2\n00:00:00,500 --> 00:00:00,900\n[laughs] Gladly!\n",
    ".vtt": "WEBVTT\n\n00:00.100 --> 00:00.500\n<v Anna>I <00:00.300>led a team.\n\n00:00.500 --> 00:00.900\nGladly!\n",
    ".json": '{"segments": [{"start": 0.1, "end": 0.9, "text": " I led.", "words": '
    '[{"word": " I", "start": 0.1, "end": 0.4}, {"word": " led.", "start": 0.4, "end": 0.9}]}]}\n',
}

# Decodes files by PyAV alone and says of each how many hundredths of a second of sound, or pictures, it holds; the name
# comes first, so that a crash shows whose it was.
INDEPENDENT = """
import sys, av
for path in sys.argv[1:]:
    print(path, end=" ", flush=True)
    found = 0
    try:
        with av.open(path, metadata_errors="replace") as container:
            streams = [*container.streams.video[:1], *container.streams.audio[:1]]
            for packet in container.demux(streams):
                try:
                    for frame in packet.decode():
                        found += 100 * frame.samples / frame.sample_rate if hasattr(frame, "samples") else 1
                except (av.FFmpegError, ValueError):
                    pass
    except (av.FFmpegError, ValueError):
        pass
    print(int(found), flush=True)
"""


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return ``content`` with a few bytes changed, or a piece zeroed, repeated, cut out, cut off or put in."""
    data = bytearray(content)
    how = int(rng.integers(8))
    first = int(rng.integers(len(data)))
    length = int(rng.integers(1, max(2, len(data) // 8)))
    piece = data[first : first + length]
    if how == 0:  # anywhere
        for at in rng.integers(len(data), size=int(rng.integers(1, 20))):
            data[at] = int(rng.integers(256))
    elif how == 1:  # where the file says what it is
        for at in rng.integers(min(200, len(data)), size=int(rng.integers(1, 8))):
            data[at] ^= 1 << int(rng.integers(8))
    elif how == 2:  # where it says it at the end, as .mp4 does
        for at in rng.integers(1, min(900, len(data)), size=int(rng.integers(1, 8))):
            data[-at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))
    elif how == 3:
        data[first : first + length] = bytes(len(piece))
    elif how == 4:
        data[first:first] = piece * int(rng.integers(1, 4))
    elif how == 5:
        del data[first : first + length]
    elif how == 6:
        del data[first:]
    else:
        data[first:first] = rng.bytes(length)
    return bytes(data)


def write_copies(folder: Path, originals: Sequence[Path]) -> None:
    """Write all copies, a hundred candidates with ten each; every third has a transcript, damaged too."""
    contents = [path.read_bytes() for path in originals]
    for number in range(COPIES):
        rng = np.random.default_rng([11, number])
        kind = number % len(originals)
        path = folder / f"copy{number // 10:03d}" / f"{number % 10}{originals[kind].suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mutated(contents[kind], rng))
        if number % 3 == 0:
            suffix = list(CAPTIONS)[int(rng.integers(len(CAPTIONS)))]
            path.with_suffix(suffix).write_bytes(mutated(CAPTIONS[suffix].encode(), rng))


def readable(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield those of ``paths`` of which PyAV alone decodes something; one that kills or stops it is not among them."""
    left = [str(path) for path in paths]
    while left:
        command = [sys.executable, "-c", INDEPENDENT, *left]
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
        except subprocess.TimeoutExpired as error:
            said = (error.stdout or b"").decode()
        lines = said.splitlines()
        assert lines, "PyAV could not be asked"
        for line in lines:
            path, _, found = line.rpartition(" ")
            if found not in ("", "0"):
                yield Path(path)
        left = left[len(lines) :]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with every original, the last candidate of all, and all copies."""
    folder = tmp_path_factory.mktemp("mutated") / "in"
    (folder / "whole").mkdir(parents=True)
    originals = [
        write_recording(folder / "whole" / f"{number}{suffix}", seconds=1.0, **how)
        for number, (suffix, how) in enumerate(ORIGINALS.items())
    ]
    write_copies(folder, originals)
    return folder


def test_a_thousand_damaged_copies_crash_nothing_and_leave_nothing_half_done(folder, capfd, record_property):
    out = folder.parent / "out"
    began = time.monotonic()
    made = extract(folder, out, ExtractConfig(gestures="boxes", time_limit=TIME_LIMIT), workers=2)
    took = time.monotonic() - began
    printed = capfd.readouterr()

    table = pd.read_csv(f"{out}.recordings.csv", keep_default_na=False)
    recordings = read_recordings(folder).recordings
    assert len(recordings) == COPIES + len(ORIGINALS)
    assert Counter(table.recording) == Counter(str(one.path) for one in recordings)
    failed = table[table.state == "failed"]
    assert set(table.state) == {"read", "failed"}
    assert (made.read, made.failed) == (len(table) - len(failed), len(failed))

    kinds = Counter("died" if "died" in why else "hung" if "longer" in why else "said" for why in failed.reason)
    record_property("seconds", round(took))
    record_property("failed", dict(kinds))
    assert 0.05 < len(failed) / COPIES < 0.5  # else the damage is not what it should be
    assert kinds.keys() == {"said"}, kinds
    assert [why for why in failed.reason if not why or "\n" in why or "Traceback" in why or "unexpected" in why] == []
    assert set(table[table.interview == "whole"].state) == {"read"}
    assert list(readable([Path(one) for one in failed.recording])) == []

    corpus = Corpus(out)
    corpus.check()
    assert len(corpus) == table[table.state == "read"].interview.nunique()
    everything = list(folder.parent.rglob("*"))
    assert [path for path in everything if path.name.startswith(".")] == []
    keys = {str(one.path): one.key for one in recordings}
    for place, state in (("parts", "read"), ("failed", "failed")):
        wanted = {keys[path] for path in table[table.state == state].recording}
        assert {path.stem for path in (folder.parent / "out.work" / place).iterdir()} == wanted
    assert {path.name for path in folder.parent.iterdir()} == {"in", *(f"out{end}" for end in ENDINGS)}
    assert printed == ("", "")
