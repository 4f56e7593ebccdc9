"""The benchmarks run, and what they time and weigh is what they say."""

import os
import time

import pytest
import torch

from benchmarks import bench, loader, probes, removal, training_step
from benchmarks.timing import Timing, in_fresh_process, interleave, peak_megabytes
from fairhire.auditing.leakage import PROBES


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_training_step_is_measured_against_its_peers(capsys):
    training_step.main(["--quick", "--threads", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert sum("packed sequences" in line for line in lines) == 2
    assert sum("bare padded bi-GRU" in line for line in lines) == 2
    assert any(line.startswith("As answers grow") for line in lines)
    assert any(line.startswith("As candidates grow") for line in lines)


def test_the_loader_is_measured_beside_a_copy(capsys):
    loader.main(["--quick"])
    printed = capsys.readouterr().out
    assert "warm cache" in printed
    assert "times as long as the copy" in printed


def test_the_cost_of_removal_is_measured_beside_training_without(capsys):
    removal.main(["--quick"])
    printed = capsys.readouterr().out
    assert "undefended" in printed
    assert "face-leace on 500 people x 16" in printed


def test_every_probe_is_measured_beside_scikit_learns_own(capsys):
    probes.main(["--quick"])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[0] for row in rows] == list(PROBES)


def test_the_search_of_the_bench_is_measured_beside_scikit_learns_own_calls(tmp_path, capsys):
    bench.main([str(tmp_path), "--interviews", "60"])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[1] for row in rows] == ["audio,", "text,"]


def test_contenders_run_in_turn_and_the_first_round_does_not_count():
    ran = []
    timings = interleave({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, {"a": 3, "b": 1})
    assert ran == ["a", "b", "a", "b", "a", "a"]
    assert [len(timings[name].wall) for name in "ab"] == [3, 1]


def test_a_ratio_is_the_median_over_pairs():
    one, other = Timing([2.0, 9.0, 8.0], [1.0, 1.0, 1.0]), Timing([1.0, 3.0, 4.0], [2.0, 2.0, 2.0])
    assert one.ratio(other) == (2.0, 0.5)


def test_waiting_takes_time_but_no_processor():
    timing = interleave({"wait": lambda: time.sleep(0.05)}, {"wait": 1})["wait"]
    assert timing.wall[0] >= 0.05
    assert timing.processor[0] < 0.04


def test_a_fresh_process_is_another_one_with_its_own_memory():
    assert in_fresh_process(os.getpid) != os.getpid()
    assert 0 < in_fresh_process(peak_megabytes) < peak_megabytes()
