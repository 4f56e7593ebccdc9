"""The benchmark of extraction runs, finds the person it has drawn, and compares like with like."""

import numpy as np
import pytest
import torch

from benchmarks import extraction
from benchmarks.extraction import _overlap
from benchmarks.recordings import lengthened, write_video
from fairhire.media.video import look_into, pictures, sound


@pytest.fixture(autouse=True)
def _threads(monkeypatch):
    monkeypatch.delenv("FAIRHIRE_DATA", raising=False)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_every_part_prints_its_table(tmp_path, capsys):
    extraction.main([str(tmp_path), "--quick"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines if ": " in line and "|" not in line] == [
        "voice", "faces", "the same face in 4 of 4 pictures (overlap above 0.6); found by one only", "whole", "memory",
    ]  # fmt: skip
    assert sum(line.startswith("| ---") for line in lines) == 4


def test_a_part_may_be_chosen_and_real_videos_given(tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "real.mp4", 1.0, (160, 120), 8)
    extraction.main([str(tmp_path / "out"), "--quick", "--part", "faces", "--videos", str(tmp_path / "videos")])
    printed = capsys.readouterr().out
    assert "| real | 4 of 8 |" in printed
    assert "voice" not in printed


def test_a_lengthened_recording_goes_on_without_a_gap(tmp_path):
    once = write_video(tmp_path / "once.mp4", 2.0, (160, 120), 10, codec="mpeg4")
    longer = lengthened(tmp_path / "longer.mp4", once, 3)
    assert look_into(longer).declared == pytest.approx(3 * look_into(once).declared, abs=0.1)
    assert len(list(pictures(longer, 5.0))) == pytest.approx(30, abs=1)
    heard = sound(longer)
    assert sum(map(len, heard)) == pytest.approx(6 * 16_000, rel=0.02)
    assert heard.remarks == []


def test_the_overlap_of_two_boxes():
    box = np.array([0.0, 0, 4, 2])
    assert _overlap(box, box) == 1
    assert _overlap(box, np.array([2.0, 0, 6, 2])) == pytest.approx(1 / 3)
    assert _overlap(box, np.array([9.0, 9, 10, 10])) == 0
