"""Finds the processes of jobs on this machine. A process without proof that it belongs to a job is left alone.

A supervisor has exactly the command line of ``supervisor_command``, or that of the server that forked it with the job
directory as its argument, and holds the locked claim of that directory open. Every other process of a job has the
job's mark in its environment: the path of the job directory.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil

from harness.compute.paths import MARK, JobPaths
from harness.compute.process_handle import ProcessFacts, ProcessHandle, open_process, read_facts
from harness.file_lock import is_locked

OPTIONS = ("-I", "-S")  # isolated: no variables, no site packages, no current directory
SERVER = Path(__file__).with_name("supervisor_server.py")
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_EMPTY_SCANS, _MAX_SCANS = 2, 50  # a killed job has ended after 2 scans in a row without processes; 50 scans at most
_PROGRAMS = (SERVER.name, _SUPERVISOR.name)  # a supervisor is started directly, or forked by the server
_INSTALLED_IN = ("harness", "compute")  # the parent directories in any installation on this machine

DirectoryState = Literal["present", "deleted", "unreachable"]


@dataclass(frozen=True, slots=True)
class JobProcess:
    """A process that belongs to a job.

    Attributes:
        job: the job directory.
        directory: whether the job directory exists, or was deleted while the process runs; ``unreachable`` if it exists
            but not under its path, because its file system is hidden or no longer mounted.
        started: when the process started.
    """

    pid: int
    job: Path
    is_supervisor: bool
    directory: DirectoryState
    started: datetime = field(compare=False)


def supervisor_command(directory: Path) -> list[str]:
    """Return the command line of the supervisor of an absolute job directory."""
    return [sys.executable, *OPTIONS, str(_SUPERVISOR), str(directory)]


def is_supervisor_of(facts: ProcessFacts, directory: Path) -> bool:
    """Whether a process is a supervisor of this user that holds the claim of a job directory."""
    if facts.user != os.getuid() or _supervised_directory(facts.command_line) is None:
        return False
    try:
        claim = _claim_held_by(facts.pid)
        return claim is not None and os.path.samestat(claim, JobPaths(directory).claim.stat())
    except OSError:  # the process has ended, or its files cannot be read
        return False


def find_job_processes() -> list[JobProcess]:
    """Return the processes of this user's jobs, supervisors included."""
    processes = [process for pid in psutil.pids() if (process := _identify(read_facts(pid)))]
    unreachable = {process.job for process in processes if process.directory == "unreachable"}
    return [process for process in processes if process.job not in unreachable]


def find_supervisor(paths: JobPaths) -> int | None:
    """Return the process id of the running supervisor of a job; None if there is none."""
    try:
        return int(paths.claim.read_text(encoding="ascii")) if is_locked(paths.claim) else None
    except FileNotFoundError:
        return None


def terminate_supervisor(directory: Path) -> None:
    """Make the supervisor of a job directory, if one is running, end its job."""
    holder = find_supervisor(JobPaths(directory))
    if holder is not None:
        with open_process(holder, lambda facts: is_supervisor_of(facts, directory)) as supervisor:
            if supervisor is not None:
                supervisor.send_signal(signal.SIGTERM)


def kill_job_processes(directory: Path) -> None:
    """Kill the processes of a job; if its supervisor was killed, those are the processes with the job's mark.

    One scan may miss a process that did not exist yet, or that is executing a new program and shows no mark.
    """
    empty_scans = 0
    for _ in range(_MAX_SCANS):
        processes = [process for process in find_job_processes() if process.job == directory]
        empty_scans = 0 if processes else empty_scans + 1
        if empty_scans == _EMPTY_SCANS:
            return
        for process in processes:
            with open_job_process(process) as handle:
                if handle is not None:
                    handle.send_signal(signal.SIGKILL)


@contextmanager
def open_job_process(process: JobProcess) -> Iterator[ProcessHandle | None]:
    """Open a handle of a process that was found; None if it has ended, or its id now belongs to another process."""
    with open_process(process.pid, lambda facts: _identify(facts) == process) as handle:
        yield handle


def _identify(facts: ProcessFacts) -> JobProcess | None:
    """Return the job process with these facts; None without proof that it belongs to a job of this user."""
    if facts.user != os.getuid():
        return None
    supervised_directory = _supervised_directory(facts.command_line)
    job = supervised_directory or _job_path(facts.environment.get(MARK, ""))
    if job is None:
        return None
    try:
        directory = _claim_state(facts.pid, job) if supervised_directory else _mark_state(facts.pid, job)
        started = datetime.fromtimestamp(psutil.Process(facts.pid).create_time(), UTC)
    except (OSError, psutil.Error):  # the process has ended, or its files cannot be read
        return None
    return JobProcess(facts.pid, job, supervised_directory is not None, directory, started) if directory else None


def _supervised_directory(command_line: tuple[str, ...]) -> Path | None:
    """Return the job directory in the command line of a supervisor; None for any other command line."""
    length = len(supervisor_command(Path()))
    arguments, padding = command_line[:length], command_line[length:]
    # A forked supervisor overwrites its server's argument; the unused rest of the argument reads as empty strings.
    if len(arguments) != length or arguments[1:3] != OPTIONS or any(padding):
        return None
    program = Path(arguments[3])
    is_ours = program in (SERVER, _SUPERVISOR) or (
        program.is_absolute() and program.parts[-3:-1] == _INSTALLED_IN and program.name in _PROGRAMS
    )
    return _job_path(arguments[4]) if is_ours else None


def _job_path(text: str) -> Path | None:
    return Path(text) if text.startswith("/") and os.path.normpath(text) == text else None


def _claim_state(pid: int, job: Path) -> DirectoryState | None:
    """Return the state of the job directory by the claim that a supervisor holds open; None if it holds no claim."""
    claim = _claim_held_by(pid)
    if claim is None:
        return None
    if claim.st_nlink == 0:
        return "deleted"
    return "present" if _is_at(claim, JobPaths(job).claim) else "unreachable"


def _claim_held_by(pid: int) -> os.stat_result | None:
    """Return the claim that a process holds open. It was created under a name with the process id, and then linked."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the descriptor has been closed in between
            if descriptor.readlink().name.removesuffix(" (deleted)") == f".claim.{pid}":
                return descriptor.stat()
    return None


def _mark_state(pid: int, job: Path) -> DirectoryState | None:
    """Return the state of the directory that a mark names; None if its path names another directory for the process.

    In a container, or if a directory is mounted for some processes only, one path names two directories.
    """
    try:
        status = job.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "deleted" if _sees_our_files(pid) else None
    return "present" if _is_at(status, Path(f"/proc/{pid}/root{job}")) else None


def _sees_our_files(pid: int) -> bool:
    return all(
        os.path.samestat(Path(f"/proc/{pid}/{name}").stat(), Path(f"/proc/self/{name}").stat())
        for name in ("ns/mnt", "root")
    )


def _is_at(status: os.stat_result, path: Path) -> bool:
    try:
        return os.path.samestat(status, path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False
