"""What the watcher hears, also when much happens at one time."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.compute.exit_watcher import ExitWatcher
from harness.compute.paths import JobPaths

PATIENCE = 300.0  # seconds: far beyond what a busy machine needs


class Bell:
    """Called by a watcher, which it can hold up."""

    def __init__(self) -> None:
        self.rung = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self) -> None:
        self.rung.release()
        self.open.wait(PATIENCE)


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def watcher(bell: Bell) -> Iterator[ExitWatcher]:
    made = ExitWatcher(bell)
    yield made
    bell.open.set()
    made.close()


def watched(watcher: ExitWatcher, directory: Path) -> tuple[int, int]:
    """A process that is watched as the supervisor of a job, and the descriptor that ends it when it is closed."""
    directory.mkdir()
    os.mkfifo(JobPaths(directory).bell)
    read, write = os.pipe()
    process = os.posix_spawnp("cat", ["cat"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)])
    os.close(read)
    watcher.watch(directory, process)
    return process, write


def ring(directory: Path) -> None:
    JobPaths(directory).bell.write_bytes(b"x")


def end(job: tuple[int, int]) -> None:
    process, write = job
    os.close(write)
    with contextlib.suppress(ChildProcessError):  # reaped already: that is for the watcher to do
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)


def test_a_job_that_ends_and_rings_at_one_time_stops_nobody(watcher: ExitWatcher, bell: Bell, tmp_path: Path) -> None:
    ending, going_on = (watched(watcher, tmp_path / name) for name in ("ending", "going-on"))
    ring(tmp_path / "going-on")
    assert bell.rung.acquire(timeout=PATIENCE)  # now the watcher is held up, and hears of both when it goes on
    end(ending)
    ring(tmp_path / "ending")
    bell.open.set()
    assert bell.rung.acquire(timeout=PATIENCE)

    end(going_on)
    assert bell.rung.acquire(timeout=PATIENCE)


def test_a_job_is_quiet_until_its_bell_rings(watcher: ExitWatcher, bell: Bell, tmp_path: Path) -> None:
    directory = tmp_path / "job"
    job = watched(watcher, directory)
    bell.open.set()
    assert [watcher.is_quiet(directory) for _ in range(2)] == [False, True]
    ring(directory)
    assert bell.rung.acquire(timeout=PATIENCE)
    assert [watcher.is_quiet(directory) for _ in range(2)] == [False, True]
    end(job)
    assert bell.rung.acquire(timeout=PATIENCE)
    assert [watcher.is_quiet(directory) for _ in range(2)] == [False, False]
