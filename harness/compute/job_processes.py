"""Which processes of this machine belong to jobs. Each is recognised by proof, and what is not proven is left alone.

A supervisor has exactly the command line of ``supervisor_command``, or that of the server that forked it with its own
directory, and holds open the claim that it has locked in there. Every other process of a job carries the job's mark in
its environment: the path of the job directory.
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

OPTIONS = ("-I", "-S")  # nothing of the surroundings: no variables, no site packages, no current directory
SERVER = Path(__file__).with_name("supervisor_server.py")
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_QUIET_LOOKS, _MOST_LOOKS = 2, 50  # in a row that find nothing of a job that was killed; in all
_PROGRAMS = (SERVER.name, _SUPERVISOR.name)  # a supervisor is started by itself, or forked by the server
_INSTALLED_IN = ("harness", "compute")  # of any installation on this machine

DirectoryState = Literal["present", "deleted", "unreachable"]


@dataclass(frozen=True, slots=True)
class JobProcess:
    """A process that belongs to a job.

    Attributes:
        job: the job directory.
        directory: whether the job directory was deleted while the process runs; ``unreachable`` where it exists, but
            not under its path: its file system is hidden or no longer mounted.
        started: when the process started.
    """

    pid: int
    job: Path
    is_supervisor: bool
    directory: DirectoryState
    started: datetime = field(compare=False)


def supervisor_command(directory: Path) -> list[str]:
    """The command line of the supervisor of a job directory, which is absolute."""
    return [sys.executable, *OPTIONS, str(_SUPERVISOR), str(directory)]


def is_supervisor_of(facts: ProcessFacts, directory: Path) -> bool:
    """Whether a process is a supervisor of this user that holds the claim of a job directory."""
    if facts.user != os.getuid() or _supervised(facts.command_line) is None:
        return False
    try:
        claim = _claim_held_by(facts.pid)
        return claim is not None and os.path.samestat(claim, JobPaths(directory).claim.stat())
    except OSError:  # it has ended, or hides its files
        return False


def find_job_processes() -> list[JobProcess]:
    """The processes of this user's jobs, supervisors included."""
    found = [process for pid in psutil.pids() if (process := _identify(read_facts(pid)))]
    unreachable = {process.job for process in found if process.directory == "unreachable"}
    return [process for process in found if process.job not in unreachable]


def find_supervisor(paths: JobPaths) -> int | None:
    """The process id of the living supervisor of a job, None where there is none."""
    try:
        return int(paths.claim.read_text(encoding="ascii")) if is_locked(paths.claim) else None
    except FileNotFoundError:
        return None


def ask_supervisor_to_end(directory: Path) -> None:
    """Have the supervisor of a job directory, if one lives, end its job."""
    holder = find_supervisor(JobPaths(directory))
    if holder is not None:
        with open_process(holder, lambda facts: is_supervisor_of(facts, directory)) as supervisor:
            if supervisor is not None:
                supervisor.send_signal(signal.SIGTERM)


def kill_job_processes(directory: Path) -> None:
    """Kill what runs of a job; where its supervisor was killed, that is what carries the job's mark.

    One look may miss a process that was not yet there, or that is between two programs and shows no mark.
    """
    quiet = 0
    for _ in range(_MOST_LOOKS):
        found = [each for each in find_job_processes() if each.job == directory]
        quiet = 0 if found else quiet + 1
        if quiet == _QUIET_LOOKS:
            return
        for each in found:
            with open_job_process(each) as process:
                if process is not None:
                    process.send_signal(signal.SIGKILL)


@contextmanager
def open_job_process(process: JobProcess) -> Iterator[ProcessHandle | None]:
    """A handle of a process that was found, if it still is what it was; None if it is not, or has ended."""
    with open_process(process.pid, lambda facts: _identify(facts) == process) as handle:
        yield handle


def _identify(facts: ProcessFacts) -> JobProcess | None:
    """The job that a process belongs to, None where nothing proves that it belongs to one of this user."""
    if facts.user != os.getuid():
        return None
    supervised = _supervised(facts.command_line)
    job = supervised or _job_path(facts.environment.get(MARK, ""))
    if job is None:
        return None
    try:
        directory = _claimed(facts.pid, job) if supervised else _marked(facts.pid, job)
        started = datetime.fromtimestamp(psutil.Process(facts.pid).create_time(), UTC)
    except (OSError, psutil.Error):  # it has ended, or hides its files
        return None
    return JobProcess(facts.pid, job, supervised is not None, directory, started) if directory else None


def _supervised(command_line: tuple[str, ...]) -> Path | None:
    """The job directory in the command line of a supervisor, None in any other."""
    words, rest = command_line[: len(supervisor_command(Path()))], command_line[len(supervisor_command(Path())) :]
    # What a forked supervisor's directory leaves of its server's argument reads as empty words.
    if len(words) != len(supervisor_command(Path())) or words[1:3] != OPTIONS or any(rest):
        return None
    program = Path(words[3])
    is_ours = program in (SERVER, _SUPERVISOR) or (
        program.is_absolute() and program.parts[-3:-1] == _INSTALLED_IN and program.name in _PROGRAMS
    )
    return _job_path(words[4]) if is_ours else None


def _job_path(text: str) -> Path | None:
    return Path(text) if text.startswith("/") and os.path.normpath(text) == text else None


def _claimed(pid: int, job: Path) -> DirectoryState | None:
    """Where the claim is that a supervisor holds open; None if it holds none, so that it is no supervisor of ours."""
    claim = _claim_held_by(pid)
    if claim is None:
        return None
    if claim.st_nlink == 0:
        return "deleted"
    return "present" if _is_at(claim, JobPaths(job).claim) else "unreachable"


def _claim_held_by(pid: int) -> os.stat_result | None:
    """The claim that a process holds open. It was made under a name with the process id in it, which is removed."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed since
            if descriptor.readlink().name.removesuffix(" (deleted)") == f".claim.{pid}":
                return descriptor.stat()
    return None


def _marked(pid: int, job: Path) -> DirectoryState | None:
    """Whether the directory that a mark names is there; None if its path means another one to the process than to us.

    In a container, or where a directory is mounted for some processes only, one path names two directories.
    """
    try:
        ours = job.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "deleted" if _sees_our_files(pid) else None
    return "present" if _is_at(ours, Path(f"/proc/{pid}/root{job}")) else None


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
