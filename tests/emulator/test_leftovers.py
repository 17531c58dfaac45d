"""What a killed launcher leaves on this machine, and that nothing else is touched."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.compute.paths import MARK
from harness.emulator.launch import find, launch, start_detached, stop
from harness.emulator.leftovers import find_leftovers, remove_leftover
from harness.emulator.options import Options

LAUNCH = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from harness.emulator.launch import launch
with launch() as endpoint:
    print(endpoint.directory, endpoint.pid, flush=True)
    input()
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The data directory of an emulator whose launcher was killed."""
    words = [sys.executable, "-c", LAUNCH, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        directory, pid = launcher.stdout.readline().split()
        emulator = psutil.Process(int(pid))
        launcher.kill()
    emulator.wait(timeout=20)
    return Path(directory)


def test_a_killed_launcher_leaves_a_directory_that_is_found_and_removed(killed: Path, tmp_path: Path) -> None:
    [leftover] = find_leftovers(tmp_path.iterdir())
    assert (leftover.directory, leftover.processes) == (killed, ())
    assert remove_leftover(leftover)
    assert find_leftovers(tmp_path.iterdir()) == []


def test_processes_of_its_jobs_end_with_it(killed: Path, tmp_path: Path) -> None:
    job = str(killed / "jobs" / "1")
    with subprocess.Popen(["sleep", "600"], env={MARK: job}) as orphan:
        [leftover] = find_leftovers(tmp_path.iterdir())
        assert leftover.processes == (orphan.pid,)
        assert remove_leftover(leftover)
        orphan.wait(timeout=10)
        assert not psutil.pid_exists(orphan.pid)


def test_the_directory_of_a_living_launcher_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with launch() as endpoint:
        assert Path(endpoint.directory).parent == tmp_path
        assert find_leftovers(tmp_path.iterdir()) == []


def test_a_directory_that_the_user_named_is_none_even_when_nothing_serves_it(tmp_path: Path) -> None:
    mine = tmp_path / "batchai-mine"
    start_detached(Options(mine))
    assert stop(mine)
    assert find_leftovers(tmp_path.iterdir()) == []


def test_a_directory_in_which_somebody_has_started_an_emulator_again_is_none(killed: Path, tmp_path: Path) -> None:
    start_detached(Options(killed))
    assert find_leftovers(tmp_path.iterdir()) == []
    assert stop(killed)


def test_a_link_to_a_leftover_is_none(killed: Path, tmp_path: Path) -> None:
    (tmp_path / "batchai-link").symlink_to(killed)
    assert [leftover.directory for leftover in find_leftovers(tmp_path.iterdir())] == [killed]


def test_what_was_taken_meanwhile_is_kept(killed: Path, tmp_path: Path) -> None:
    [leftover] = find_leftovers(tmp_path.iterdir())
    (killed / "temporary").unlink()
    assert not remove_leftover(leftover)
    assert killed.is_dir()
    assert find(killed) is None
