"""A cluster of two nodes does every job once, though one node is killed and jobs crash, hang or fail."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from fairhire.data.corpus import Corpus
from fairhire.errors import UsageError
from fairhire.extract import ExtractConfig, cluster, extract
from fairhire.extract.cluster import work_on_cluster

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")

HERE = Path(__file__).parent

NODES = """
import contextlib, psutil, sys
from ray.cluster_utils import Cluster
settings = dict(num_cpus=1, object_store_memory=80 * 2**20)
notice = dict(health_check_period_ms=1000, health_check_timeout_ms=3000, health_check_failure_threshold=3)
head = dict(include_dashboard=False, temp_dir=sys.argv[1], _system_config=notice)
nodes = Cluster(initialize_head=True, head_node_args=settings | head)
second = nodes.add_node(**settings)
print("address", nodes.address, flush=True)
for command in sys.stdin:
    if command == "lose\\n":
        raylet = psutil.Process(second.all_processes["raylet"][0].process.pid)
        for process in [raylet, *raylet.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        nodes.remove_node(second, allow_graceful=False)
    else:
        second = nodes.add_node(**settings)
    print("done", flush=True)
nodes.shutdown()
"""

# What a shell starts in the background inherits a SIGINT that is ignored; the test wants it heard.
DRIVER = """
import json, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from functools import partial
from pathlib import Path
import errands
from fairhire.errors import UsageError
from fairhire.extract.cluster import work_on_cluster
task, folder, jobs, address, time_limit, how = json.loads(sys.argv[1])
task = getattr(errands, task)
def ended(job, result, why):
    print(json.dumps([job, result and result.decode(), why]), flush=True)
    if how == "own connection, full disk":
        while not list(Path(folder).glob("*.pid")):
            time.sleep(0.1)
        raise OSError("no space left on device")
if how:
    import ray
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
try:
    work_on_cluster(partial(task, folder) if folder else task, jobs, ended, address=address, time_limit=time_limit)
finally:
    if how:
        assert ray.is_initialized()
        assert ray.get(ray.put(1)) == 1
"""


class Nodes:
    """A head node and a second one, which can be killed and replaced; their processes belong to another one."""

    def __init__(self, folder):
        (Path(folder) / "ray").mkdir()  # Ray notes there which cluster is this machine's, in the user's name otherwise
        env = dict(os.environ, PYTHONPATH=str(HERE), RAY_USAGE_STATS_ENABLED="0", RAY_TMPDIR=folder)
        self.host = subprocess.Popen(
            [sys.executable, "-c", NODES, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def said(self, word):
        for line in self.host.stdout:
            if line.startswith(word):
                return line.removeprefix(word).strip()
        raise AssertionError("the nodes did not start")

    def do(self, command):
        print(command, file=self.host.stdin, flush=True)
        self.said("done")

    def driver(self, task, jobs, *, folder=None, time_limit=60.0, how=None):
        what = json.dumps([task, folder and str(folder), jobs, self.address, time_limit, how])
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, what],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ, PYTHONPATH=str(HERE)),
        )

    def close(self):
        self.host.communicate(timeout=60)


@pytest.fixture(scope="module")
def nodes():
    folder = tempfile.mkdtemp(prefix="ray")  # tmp_path is too long for the names of Ray's sockets
    nodes = Nodes(folder)
    try:
        nodes.address = nodes.said("address")
        yield nodes
    finally:
        nodes.close()
        shutil.rmtree(folder, ignore_errors=True)


def endings(lines):
    """Return how each job ended; none may end twice."""
    told = [json.loads(line) for line in lines]
    assert len({job for job, _, _ in told}) == len(told)
    return {job: result if why is None else why for job, result, why in told}


def ended_soon(driver, *, seconds):
    """Return what a driver wrote, which must end soon; one that does not is killed, lest the test waits for it."""
    try:
        return driver.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        driver.kill()
        raise


def finish(driver):
    out, err = ended_soon(driver, seconds=60)
    assert driver.returncode == 0, err
    assert err == ""
    return out.splitlines()


def marks(folder):
    """Return the processes that left a mark in ``folder``."""
    return [int(mark.stem.rpartition("-")[2]) for mark in folder.glob("*.pid")]


def alive(process):
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(claim, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert claim()


@needs_ray
def test_a_node_killed_in_the_middle_takes_no_job_with_it(nodes, tmp_path):
    jobs = list(range(16))
    driver = nodes.driver("take_turns", jobs, folder=tmp_path)
    lines = []
    for line in driver.stdout:
        lines.append(line)
        if len({result.split()[-1] for _, result, _ in map(json.loads, lines)}) == 2:
            break
    assert len(lines) < 12
    time.sleep(0.25)  # the nodes are in the middle of their next jobs
    nodes.do("lose")
    lines += finish(driver)
    nodes.do("join")
    told = endings(lines)
    assert {job: result.split()[0] for job, result in told.items()} == {job: str(job) for job in jobs}
    assert len({result.split()[-1] for result in told.values()}) == 2
    assert len(marks(tmp_path)) > len(jobs)  # what the node was doing was done again
    assert not any(alive(process) for process in marks(tmp_path))


@needs_ray
def test_whatever_a_job_does_the_others_are_done(nodes):
    ends = ["refuse", "blunder", "exit 0", "segfault", "hang"]
    told = endings(finish(nodes.driver("misbehave", [*ends, *range(12)], time_limit=2)))
    assert {job: told.pop(job) for job in ends} == {
        "refuse": "answers/a1.mp4: expected a recording, got a song",
        "blunder": "an unexpected error: ValueError",
        "exit 0": "its process died, twice",
        "segfault": "its process died, twice",
        "hang": "took longer than 2 s",
    }
    assert told == {job: f"{job} done" for job in range(12)}


@needs_ray
def test_a_driver_told_to_stop_leaves_nothing_behind(nodes, tmp_path):
    with nodes.driver("tell_and_hang", [1, 2, 3, 4], folder=tmp_path, time_limit=600) as driver:
        wait_for(lambda: len(marks(tmp_path)) == 2)
        driver.send_signal(signal.SIGINT)
        out, err = ended_soon(driver, seconds=15)
        wait_for(lambda: not any(alive(process) for process in marks(tmp_path)), seconds=3)
    assert out == ""
    assert "KeyboardInterrupt" in err
    assert len(marks(tmp_path)) == 2


@needs_ray
def test_an_error_of_the_caller_stops_everything_but_the_callers_connection(nodes, tmp_path):
    how = "own connection, full disk"
    with nodes.driver("hang_unless_zero", [0, 1, 2, 3], folder=tmp_path, time_limit=600, how=how) as driver:
        out, err = ended_soon(driver, seconds=30)
        wait_for(lambda: not any(alive(process) for process in marks(tmp_path)), seconds=3)
    assert len(out.splitlines()) == 1
    assert "no space left" in err
    assert "AssertionError" not in err


@needs_ray
def test_a_killed_driver_leaves_nothing_that_blocks_the_next(nodes, tmp_path):
    with nodes.driver("tell_and_hang", [1, 2, 3, 4], folder=tmp_path, time_limit=600) as driver:
        wait_for(lambda: len(marks(tmp_path)) == 2)
        driver.kill()
    assert endings(finish(nodes.driver("echo", list(range(20)), how="own connection"))) == {
        job: f"{job} done" for job in range(20)
    }
    wait_for(lambda: not any(alive(process) for process in marks(tmp_path)), seconds=10)


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_an_address_without_a_cluster_is_the_users_mistake(address, monkeypatch):
    monkeypatch.setattr(cluster, "_REACH", 3.0)
    with pytest.raises(UsageError, match=f"^{address}: expected the address of a running Ray cluster, got.*$") as error:
        work_on_cluster(len, ["a"], print, address=address, time_limit=60)
    assert "\n" not in str(error.value)


def test_without_ray_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'fairhire\[ray\]'"):
        work_on_cluster(len, ["a"], print, address="auto", time_limit=60)


EXTRACTION = """
import sys
from fairhire.extract import ExtractConfig, extract
source, out, address = sys.argv[1:]
config = ExtractConfig(face_frames=2, gestures="boxes", functionals=True)
print(extract(source, out, config, ray=address).read)
"""


@needs_ray
def test_a_corpus_from_the_cluster_is_the_one_of_this_machine(nodes, answers, tmp_path):
    words = [sys.executable, "-c", EXTRACTION, str(answers), str(tmp_path / "far"), nodes.address]
    said = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, "4\n", "")
    config = ExtractConfig(face_frames=2, gestures="boxes", functionals=True)
    near = extract(answers, tmp_path / "near", config, workers=1).corpus
    far = Corpus(tmp_path / "far")
    assert far.record["checksums"] == near.record["checksums"]
    assert not (tmp_path / "far.work").exists()
