"""A process belongs to a job only if that is proven; all others are left alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.compute.backend import JobSpec
from harness.compute.job_processes import (
    JobProcess,
    find_job_processes,
    is_supervisor_of,
    open_job_process,
    supervisor_command,
)
from harness.compute.paths import MARK, JobPaths
from harness.compute.process_handle import ends, open_process, read_facts

if TYPE_CHECKING:
    from tests.compute.conftest import Jobs

Build = Callable[..., JobSpec]

WAITS = "import sys; print(flush=True); sys.stdin.read()\n"


@contextmanager
def running(argv: list[str], environment: Mapping[str, str] = os.environ, **options: Path) -> Iterator[int]:
    """Start a process that prints a line and waits; yield its id."""
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        yield process.pid
        process.kill()


def find_process(pid: int) -> JobProcess | None:
    return next((process for process in find_job_processes() if process.pid == pid), None)


@pytest.fixture
def job_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "jobs" / "1"
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def working(jobs: Jobs, job: Build, tmp_path: Path) -> Iterator[tuple[JobSpec, int]]:
    """A job whose program runs, and the id of its supervisor."""
    os.mkfifo(tmp_path / "gate")
    spec = job(f"echo up > '{tmp_path}/gate'; exec sleep 5432.5")
    jobs.start(spec)
    with (tmp_path / "gate").open() as gate:
        gate.read()
    pid = int(JobPaths(spec.directory).claim.read_text())
    yield spec, pid
    if spec.directory.exists():
        jobs.backend.terminate(spec.directory)
    assert ends(pid, seconds=60)


def test_a_supervisor_and_its_job_are_found(jobs: Jobs, working: tuple[JobSpec, int]) -> None:
    spec, pid = working
    belonging = [process for process in find_job_processes() if process.job == spec.directory]
    assert [process.pid for process in belonging if process.is_supervisor] == [pid]
    assert [process.directory for process in belonging if not process.is_supervisor] == ["present"]
    jobs.backend.terminate(spec.directory)
    assert ends(pid, seconds=60)
    assert [process for process in find_job_processes() if process.job == spec.directory] == []


def test_a_supervisor_whose_directory_was_deleted_proves_it(working: tuple[JobSpec, int]) -> None:
    spec, pid = working
    shutil.rmtree(spec.directory)
    process = find_process(pid)
    assert process is not None
    assert (process.is_supervisor, process.directory) == (True, "deleted")
    with open_job_process(process) as handle:
        assert handle is not None
        handle.send_signal(signal.SIGKILL)


def test_a_supervisor_whose_directory_is_hidden_is_left_alone_with_its_job(working: tuple[JobSpec, int]) -> None:
    """As when the file system of the data directory is unmounted lazily, or another one is mounted over it."""
    spec, _ = working
    hidden = spec.directory.with_name("hidden")
    spec.directory.rename(hidden)
    assert [process for process in find_job_processes() if process.job == spec.directory] == []
    hidden.rename(spec.directory)


def test_a_supervisor_is_known_by_its_claim_whichever_path_leads_to_it(
    jobs: Jobs, working: tuple[JobSpec, int], tmp_path: Path
) -> None:
    spec, pid = working
    facts = read_facts(pid)
    (tmp_path / "link").symlink_to(spec.directory)
    assert is_supervisor_of(facts, tmp_path / "link")
    assert not is_supervisor_of(facts, tmp_path)
    jobs.backend.terminate(tmp_path / "link")
    assert ends(pid, seconds=60)


def test_commands_that_only_name_a_supervisor_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "supervisor.py").write_text(WAITS)
    decoys = [
        ["tail", "-f", "supervisor.py", "notes.txt"],
        [sys.executable, "supervisor.py", "site.conf"],
        [sys.executable, "-I", "-S", str(tmp_path / "supervisor.py"), str(tmp_path / "gone")],
        [sys.executable, "-I", "-S", "supervisor.py", "jobs/1"],
    ]
    for argv in decoys:
        with running(argv, cwd=tmp_path) as pid:
            assert find_process(pid) is None, argv


@pytest.mark.parametrize("is_there", [True, False])
def test_a_process_with_the_command_line_of_a_supervisor_without_its_claim_is_left_alone(
    job_directory: Path, is_there: bool
) -> None:
    decoy = job_directory.parent / "harness" / "compute" / "supervisor.py"
    decoy.parent.mkdir(parents=True)
    decoy.write_text(WAITS)
    (job_directory / "claim").write_text("1")
    if not is_there:
        shutil.rmtree(job_directory)
    with running([*supervisor_command(job_directory)[:3], str(decoy), str(job_directory)]) as pid:
        assert find_process(pid) is None


def test_a_mark_of_a_directory_that_exists_is_found(job_directory: Path) -> None:
    with running([sys.executable, "-c", WAITS], {MARK: str(job_directory)}) as pid:
        process = find_process(pid)
        assert process is not None
        assert (process.job, process.is_supervisor, process.directory) == (job_directory, False, "present")


def test_a_mark_of_a_deleted_directory_is_found(job_directory: Path) -> None:
    with running([sys.executable, "-c", WAITS], {MARK: str(job_directory)}) as pid:
        job_directory.rmdir()
        process = find_process(pid)
        assert process is not None
        assert process.directory == "deleted"


@pytest.mark.parametrize("mark", ["", "jobs/1", "./jobs/1", "~/jobs/1", "/tmp/../jobs/1", "/tmp//jobs/1", "/tmp/jobs/"])
def test_a_process_whose_mark_is_no_path_of_ours_is_left_alone(mark: str) -> None:
    with running([sys.executable, "-c", WAITS], {MARK: mark}) as pid:
        assert find_process(pid) is None


@pytest.mark.parametrize("is_there", [True, False])
def test_a_mark_means_another_directory_to_a_process_that_sees_other_files(job_directory: Path, is_there: bool) -> None:
    """As in a container, whose /tmp has the same path as ours."""
    if is_there:
        hide = f"mount -t tmpfs none {job_directory.parent} && mkdir {job_directory}"
    else:
        job_directory.rmdir()
        hide = f"mount -t tmpfs none {job_directory.parent}"
    argv = ["unshare", "--mount", "sh", "-c", f'{hide} || exit; exec "$@"', "sh", sys.executable, "-c", WAITS]
    with running(argv, {**os.environ, MARK: str(job_directory)}) as pid:
        if read_facts(pid).command_line[-2:-1] != ("-c",):
            pytest.skip("this user cannot mount anything")
        assert find_process(pid) is None


def test_a_process_that_became_another_program_is_not_signalled(job_directory: Path) -> None:
    becomes = "import os, sys; print(flush=True); input(); os.execve('/bin/sh', ['sh', '-c', 'echo; read line'], {})"
    with subprocess.Popen(
        [sys.executable, "-c", becomes],
        env={MARK: str(job_directory)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before = find_process(process.pid)
        assert before is not None
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        with open_job_process(before) as handle:
            assert handle is None
        with open_process(process.pid, lambda _facts: True) as handle:
            assert handle is not None
        process.kill()
