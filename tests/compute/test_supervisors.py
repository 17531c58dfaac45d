"""Supervisors that the server forks behave like supervisors that are started directly."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from harness.compute.backend import JobSpec
from harness.compute.job_processes import SERVER, is_supervisor_of
from harness.compute.paths import JobPaths
from harness.compute.process_handle import ends, read_facts

if TYPE_CHECKING:
    from tests.compute.conftest import Jobs

Build = Callable[..., JobSpec]


@pytest.fixture
def running(jobs: Jobs, job: Build, tmp_path: Path) -> Callable[[str], psutil.Process]:
    """Start a job that waits for the file ``go``; return the process of its supervisor."""

    def start(name: str) -> psutil.Process:
        spec = job(f"until [ -e '{tmp_path}/go' ]; do sleep 0.05; done", directory=tmp_path / name)
        jobs.start(spec)
        return psutil.Process(int(JobPaths(spec.directory).claim.read_text()))

    return start


def server(supervisor: psutil.Process) -> psutil.Process:
    parent = supervisor.parent()
    assert parent is not None
    assert str(SERVER) in parent.cmdline()
    return parent


def test_the_supervisors_of_all_jobs_come_from_one_process_and_show_their_own_directory(
    running: Callable[[str], psutil.Process], tmp_path: Path
) -> None:
    first, second = running("first"), running("second")

    assert server(first) == server(second)
    for supervisor, name in ((first, "first"), (second, "second")):
        assert [word for word in supervisor.cmdline() if word][4:] == [str(tmp_path / name)]
        assert is_supervisor_of(read_facts(supervisor.pid), tmp_path / name)
    assert os.getsid(first.pid) == first.pid
    (tmp_path / "go").touch()


def test_a_path_that_is_longer_than_that_of_the_first_job_is_shown_whole(
    running: Callable[[str], psutil.Process], tmp_path: Path
) -> None:
    first = running("first")
    before = server(first)
    longer = running("second" + "x" * 200)

    assert is_supervisor_of(read_facts(longer.pid), tmp_path / f"second{'x' * 200}")
    assert ends(before.pid, seconds=60)
    assert first.is_running()
    (tmp_path / "go").touch()


def test_a_job_is_lost_whose_supervisor_ended_before_it_could_take_it(
    jobs: Jobs, job: Build, running: Callable[[str], psutil.Process], tmp_path: Path
) -> None:
    unable = server(running("first"))
    resource.prlimit(unable.pid, resource.RLIMIT_FSIZE, (0, 0))  # as on a full disk: it cannot write a log either
    spec = job(f"touch '{tmp_path}/ran'", directory=tmp_path / "second")

    assert jobs.run(spec).error == "JobSupervisorLost"
    assert JobPaths(spec.directory).stop.exists()
    (tmp_path / "go").touch()


def test_jobs_outlive_the_process_that_forked_their_supervisors_and_later_ones_do_not_need_it(
    jobs: Jobs, job: Build, running: Callable[[str], psutil.Process], tmp_path: Path
) -> None:
    first = running("first")
    server(first).kill()
    last = running("last")

    assert first.is_running()
    assert str(SERVER) not in last.cmdline()
    (tmp_path / "go").touch()
    for name in ("first", "last"):
        assert jobs.finish(job(directory=tmp_path / name)).exit_code == 0


def test_a_warm_process_that_does_not_answer_is_ended_and_not_needed(
    jobs: Jobs, job: Build, running: Callable[[str], psutil.Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = running("first")
    stopped = server(first)
    stopped.suspend()
    monkeypatch.setattr("harness.compute.supervisors._TIMEOUT", 3600.0)
    jobs.backend._supervisors._connection.settimeout(0.5)
    last = running("last")

    assert str(SERVER) not in last.cmdline()
    assert ends(stopped.pid, seconds=60)
    (tmp_path / "go").touch()
    for name in ("first", "last"):
        assert jobs.finish(job(directory=tmp_path / name)).exit_code == 0


def test_the_warm_process_holds_nothing_of_the_emulator_and_ends_with_it(
    jobs: Jobs, running: Callable[[str], psutil.Process], tmp_path: Path
) -> None:
    first = running("first")
    warm = server(first)

    assert set(warm.environ()) <= {"LANG", "LC_CTYPE"}
    assert [path.path for path in warm.open_files()] == []
    assert warm.num_threads() == 1
    jobs.backend.close()
    assert ends(warm.pid, seconds=60)
    assert first.is_running()
    (tmp_path / "go").touch()


def test_the_warm_process_ends_when_its_emulator_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from harness.compute.paths import JobPaths
from harness.compute.supervisors import Supervisors
supervisors = Supervisors()
supervisors.start(JobPaths(Path({str(tmp_path)!r})), b"{{}}")
print(supervisors._server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with psutil.Popen([sys.executable, "-c", script], stdout=-1, text=True) as emulator:
        printed = emulator.stdout.read()

    assert emulator.returncode == -signal.SIGKILL
    assert ends(int(printed), seconds=60)


def test_the_warm_process_can_start_before_the_first_job(
    jobs: Jobs, running: Callable[[str], psutil.Process], tmp_path: Path
) -> None:
    jobs.backend.prepare(tmp_path)
    before = {child.pid for child in psutil.Process().children()}

    assert server(running("first")).pid in before
    (tmp_path / "go").touch()


def test_a_plan_that_is_too_long_for_a_message_is_given_in_a_file(jobs: Jobs, job: Build) -> None:
    spec = job("echo $LONG | wc -c", environment={"LONG": "x" * 100_000})

    assert jobs.run(spec).exit_code == 0
    assert (spec.stdouterr / "stdout.txt").read_text() == "100001\n"
    assert not JobPaths(spec.directory).plan.exists()
