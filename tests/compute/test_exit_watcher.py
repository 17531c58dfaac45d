"""The events that the watcher reports, even if several occur at the same time."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.compute.exit_watcher import ExitWatcher
from harness.compute.paths import JobPaths

TIMEOUT = 300.0  # seconds: far beyond what a busy machine needs


class Bell:
    """A callback of a watcher, which can block it."""

    def __init__(self) -> None:
        self.rung = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self) -> None:
        self.rung.release()
        self.open.wait(TIMEOUT)


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def watcher(bell: Bell) -> Iterator[ExitWatcher]:
    exit_watcher = ExitWatcher(bell)
    yield exit_watcher
    bell.open.set()
    exit_watcher.close()


def start_watched(watcher: ExitWatcher, directory: Path) -> tuple[int, int]:
    """Start a process that is watched as a supervisor; return its id and a descriptor whose closing ends it."""
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
    with contextlib.suppress(ChildProcessError):  # the watcher has already reaped it
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)


def test_a_job_that_ends_and_rings_at_the_same_time_does_not_stop_the_watcher(
    watcher: ExitWatcher, bell: Bell, tmp_path: Path
) -> None:
    ending, continuing = (start_watched(watcher, tmp_path / name) for name in ("ending", "continuing"))
    ring(tmp_path / "continuing")
    assert bell.rung.acquire(timeout=TIMEOUT)  # the watcher is blocked, and sees both events afterwards
    end(ending)
    ring(tmp_path / "ending")
    bell.open.set()
    assert bell.rung.acquire(timeout=TIMEOUT)

    end(continuing)
    assert bell.rung.acquire(timeout=TIMEOUT)


def test_a_job_is_quiet_until_its_bell_rings(watcher: ExitWatcher, bell: Bell, tmp_path: Path) -> None:
    directory = tmp_path / "job"
    job = start_watched(watcher, directory)
    bell.open.set()
    assert [watcher.is_quiet(directory) for _ in range(2)] == [False, True]
    ring(directory)
    assert bell.rung.acquire(timeout=TIMEOUT)
    assert [watcher.is_quiet(directory) for _ in range(2)] == [False, True]
    end(job)
    assert bell.rung.acquire(timeout=TIMEOUT)
    assert [watcher.is_quiet(directory) for _ in range(2)] == [False, False]
