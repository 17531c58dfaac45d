"""The orphans that a killed launcher leaves on this machine; nothing else is deleted."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.cli import main
from harness.compute.paths import MARK
from harness.compute.process_handle import ends
from harness.emulator.launch import find, launch, start_detached, stop
from harness.emulator.options import Options
from harness.emulator.orphans import Orphan, find_orphans, remove_orphan

pytestmark = pytest.mark.slow  # most kill the launcher of a new emulator

LAUNCH = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from harness.emulator.launch import launch
with launch() as endpoint:
    print(endpoint.directory, endpoint.pid, flush=True)
    input()
"""


@contextmanager
def job_process(job: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a job; it ends with the block at the latest."""
    with subprocess.Popen(["sleep", "60"], env={MARK: str(job)}) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The data directory of an emulator whose launcher was killed."""
    command = [sys.executable, "-c", LAUNCH, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        directory, pid = launcher.stdout.readline().split()
        launcher.kill()
    assert ends(int(pid), seconds=60)
    return Path(directory)


def below(directory: Path) -> list[Orphan]:
    """The orphans in a directory; other tests may have more at the same time."""
    orphans = find_orphans(directory.iterdir())
    return [orphan for orphan in orphans if orphan.directory.is_relative_to(directory)]


def test_a_killed_launcher_leaves_a_directory_that_is_found_and_removed(killed: Path, tmp_path: Path) -> None:
    [orphan] = below(tmp_path)
    assert (orphan.directory, orphan.processes) == (killed, ())
    assert remove_orphan(orphan)
    assert below(tmp_path) == []


def test_processes_of_its_jobs_end_with_it(killed: Path, tmp_path: Path) -> None:
    job = killed / "jobs" / "1"
    with job_process(job) as running:
        [orphan] = below(tmp_path)
        assert orphan.processes == (running.pid,)
        assert remove_orphan(orphan)
        running.wait(timeout=60)
        assert not psutil.pid_exists(running.pid)


def test_the_directory_of_a_living_launcher_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with launch() as endpoint:
        assert Path(endpoint.directory).parent == tmp_path
        assert below(tmp_path) == []


def test_no_job_outlives_the_directory_that_its_launcher_deletes() -> None:
    with launch() as endpoint:
        job = Path(endpoint.directory) / "jobs" / "1"
        job.mkdir()
        processes = contextlib.ExitStack()
        running = processes.enter_context(job_process(job))
    with processes:
        assert running.wait(timeout=60) == -signal.SIGKILL


def test_a_directory_that_the_user_named_is_none_even_when_nothing_serves_it(tmp_path: Path) -> None:
    mine = tmp_path / "batchai-mine"
    start_detached(Options(mine))
    assert stop(mine)
    assert below(tmp_path) == []


def test_a_directory_in_which_an_emulator_was_started_again_is_none(killed: Path, tmp_path: Path) -> None:
    start_detached(Options(killed))
    assert below(tmp_path) == []
    assert stop(killed)


def test_a_link_to_a_orphan_is_none(killed: Path, tmp_path: Path) -> None:
    (tmp_path / "batchai-link").symlink_to(killed)
    assert [orphan.directory for orphan in below(tmp_path)] == [killed]


def test_a_directory_that_was_taken_since_is_kept(killed: Path, tmp_path: Path) -> None:
    [orphan] = below(tmp_path)
    (killed / "temporary").unlink()
    assert not remove_orphan(orphan)
    assert killed.is_dir()
    assert find(killed) is None


def test_a_job_whose_directory_was_deleted_under_it_is_found_and_ended(tmp_path: Path) -> None:
    job = tmp_path / "batchai-gone" / "jobs" / "1"
    with job_process(job) as orphaned:
        [orphan] = [candidate for candidate in find_orphans([]) if candidate.directory == job]
        assert orphan.processes == (orphaned.pid,)
        assert remove_orphan(orphan)
        orphaned.wait(timeout=60)


def test_a_job_whose_directory_exists_continues(tmp_path: Path) -> None:
    job = tmp_path / "mine" / "jobs" / "1"
    job.mkdir(parents=True)
    with job_process(job) as working:
        assert not [candidate for candidate in find_orphans([]) if candidate.directory == job]
        assert working.poll() is None


def test_a_reset_ends_the_jobs_that_run_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    start_detached(Options(Path("data")))
    job = tmp_path / "data" / "jobs" / "1"
    job.mkdir()
    with job_process(job) as working:
        assert main(["emulator", "reset", "--dir", "data"]) == 0
        assert working.wait(timeout=60) != 0
    assert list(tmp_path.iterdir()) == []
