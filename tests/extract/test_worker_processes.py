"""Every job ends once, whatever it does to its process, and no process is left behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import errands
import psutil
import pytest

from fairhire.extract.processes import Crew, work

HERE = Path(__file__).parent

# What a shell starts in the background inherits a SIGINT that is ignored; the test wants it heard.
PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from functools import partial
sys.path.insert(0, {here!r})
import errands
from fairhire.extract.processes import work
if __name__ == "__main__":
    work(partial(errands.{task}, {folder!r}), [1, 2, 3, 4], print, workers=2, time_limit=600)
"""


def done(task, jobs, *, workers=2, time_limit=60.0):
    """Do the jobs and return how each ended; none may end twice."""
    endings = {}

    def ended(job, result, why):
        assert job not in endings
        endings[job] = why if result is None else result

    work(task, jobs, ended, workers=workers, time_limit=time_limit)
    assert not [child for child in multiprocessing.active_children() if child.name.startswith("pebble")]
    return endings


def wait_for(claim, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert claim()


def ended_soon(process, *, seconds):
    """Return what a process wrote, which must end soon; one that does not is killed, lest the test waits for it."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def alive(process):
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_three_hundred_small_jobs_each_end_once():
    assert done(errands.echo, range(300)) == {job: f"{job} done".encode() for job in range(300)}


def test_no_jobs_start_no_process():
    assert done(errands.echo, []) == {}


def test_fewer_jobs_than_workers_start_no_idle_process():
    assert set(done(errands.pid, ["a"], workers=50)) == {"a"}


def test_large_results_come_back_whole():
    assert done(errands.large, [1, 2, 3]) == {job: bytes([job]) * 20_000_000 for job in (1, 2, 3)}


def test_processes_are_reused_and_keep_what_they_loaded():
    counts = Counter(int(count) for count in done(errands.count, range(40)).values())
    assert max(counts) >= 20
    assert counts[1] <= 2


def test_a_crew_keeps_its_processes_between_calls():
    crew = Crew(1)
    seen = []
    try:
        for job in "ab":
            crew.work(errands.pid, [job], lambda job, result, why: seen.append(result), time_limit=60)
    finally:
        crew.close()
    assert seen[0] == seen[1]
    assert not alive(int(seen[0]))


def test_whatever_a_job_does_the_others_are_done():
    ends = ["refuse", "blunder", "leave", "exit 0", "exit 3", "segfault", "kill"]
    endings = done(errands.misbehave, [*ends, *range(30)])
    assert {job: endings.pop(job) for job in ends} == {
        "refuse": "answers/a1.mp4: expected a recording, got a song",
        "blunder": "an unexpected error: ValueError",
        "leave": "an unexpected error: SystemExit",
        "exit 0": "its process died, twice",
        "exit 3": "its process died, twice",
        "segfault": "its process died, twice",
        "kill": "its process died, twice",
    }
    assert endings == {job: f"{job} done".encode() for job in range(30)}


def test_a_job_over_its_time_ends_even_in_a_call_that_holds_the_interpreter():
    begin = time.monotonic()
    endings = done(errands.misbehave, ["hang", "sleep", *range(10)], time_limit=1.5)
    assert time.monotonic() - begin < 15
    assert endings.pop("hang") == "took longer than 1.5 s"
    assert endings.pop("sleep") == "took longer than 1.5 s"
    assert endings == {job: f"{job} done".encode() for job in range(10)}


def test_a_job_whose_process_dies_once_succeeds_at_its_second_try(tmp_path):
    assert done(partial(errands.die_at_first, str(tmp_path)), ["a", "b", "c"]) == {
        job: f"{job} done".encode() for job in "abc"
    }


def test_a_process_killed_between_two_jobs_is_replaced():
    crew = Crew(1)
    seen = []
    try:
        for job in range(4):
            crew.work(errands.pid, [job], lambda job, result, why: seen.append(result), time_limit=60)
            os.kill(int(seen[-1]), signal.SIGKILL)
            time.sleep(job * 0.2)  # sometimes before the pool has noticed, sometimes after
    finally:
        crew.close()
    assert len(set(seen)) == 4
    assert None not in seen


def test_the_time_it_takes_to_start_and_import_is_not_the_jobs(tmp_path, monkeypatch):
    (tmp_path / "slow_errands.py").write_text("import time\ntime.sleep(2)\ndef work(job):\n    return b'worked'\n")
    monkeypatch.syspath_prepend(tmp_path)
    import slow_errands

    assert done(slow_errands.work, ["a"], time_limit=1) == {"a": b"worked"}
    del sys.modules["slow_errands"]
    # The other direction: loaded by the task itself, it is.
    assert done(errands.loaded_slowly, ["a"], time_limit=1) == {"a": "took longer than 1 s"}


def test_a_job_that_cannot_be_sent_is_a_defect_not_a_crash():
    lock = threading.Lock()
    assert done(errands.echo, [lock, "b"]) == {lock: "an unexpected error: TypeError", "b": b"b done"}


def test_a_worker_computes_with_one_thread_and_the_caller_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    assert done(errands.environment, names) == dict.fromkeys(names, b"1")
    assert done(errands.threads, ["numpy"]) == {"numpy": b"{1}"}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_what_workers_print_goes_nowhere(capfd):
    assert done(errands.say, ["/home/ada/a1.mp4"]) == {"/home/ada/a1.mp4": b"said"}
    done(errands.misbehave, ["segfault", "blunder"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("task", [errands.tell_and_sleep, errands.tell_and_hang])
def test_an_error_of_the_caller_stops_everything_at_once(task, tmp_path):
    def full(job, result, why):
        wait_for(lambda: list(tmp_path.glob("*.pid")))
        raise OSError("no space left on device")

    begin = time.monotonic()
    with pytest.raises(OSError, match="no space left"):
        work(partial(one_ends, task, str(tmp_path)), ["quick", "slow"], full, workers=2, time_limit=600)
    assert time.monotonic() - begin < 15
    assert not [mark for mark in tmp_path.glob("*.pid") if alive(int(mark.stem))]


def one_ends(task, folder, job):
    return b"ended" if job == "quick" else task(folder, job)


@pytest.mark.parametrize("task", ["tell_and_sleep", "tell_and_hang"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_parent(task, how, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(here=str(HERE), task=task, folder=str(tmp_path)))
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        workers = [int(mark.stem) for mark in tmp_path.glob("*.pid")]
        assert all(alive(worker) for worker in workers)
        parent.send_signal(how)
        out, err = ended_soon(parent, seconds=10)
        wait_for(lambda: not any(alive(worker) for worker in workers), seconds=3)
    assert out == b""
    assert (b"KeyboardInterrupt" in err) == (how == signal.SIGINT)


def test_few_jobs_wait_in_memory():
    taken = []

    class Jobs(list):
        def __iter__(self):
            for job in super().__iter__():
                taken.append(job)
                yield job

    at_first = []

    def ended(job, result, why):
        at_first.append(len(taken))

    work(errands.echo, Jobs(range(100)), ended, workers=2, time_limit=60)
    assert all(begun <= told + 1 + 2 * 2 for told, begun in enumerate(at_first))
