"""Finds and removes what a killed launcher left on this machine: temporary data directories, and the jobs in them.

Nothing is deleted or ended on a guess. A directory is an orphan only if its mark proves that a process of this user
created it, and that process has ended (``temporary_directory``). A process is an orphan only if it provably belongs to
a job (``job_processes``) in such a directory, or to a job whose directory was deleted.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from harness.clock import SystemClock
from harness.compute.job_processes import JobProcess, find_job_processes, open_job_process
from harness.compute.paths import JobPaths
from harness.compute.process_handle import ProcessFacts, ProcessHandle, open_process, read_facts
from harness.emulator import temporary_directory
from harness.emulator.paths import DataDirectory
from harness.emulator.server_process import is_server
from harness.file_lock import FileLockedError, is_locked, lock_file

_GRACE = 20.0  # seconds; a supervisor ends a job of processes within two, a job of containers within a few
_STOP_SECONDS = 15.0  # within which an emulator stops


@dataclass(frozen=True, slots=True)
class Orphan:
    """A directory or a job that a killed launcher left.

    Attributes:
        kind: ``emulator`` for a data directory without a launcher, ``job`` for a running job whose directory was
            deleted.
        directory: the data directory, or the directory of the job.
        launched: when the emulator or the job was launched.
        processes: the process ids of its jobs.
    """

    kind: Literal["emulator", "job"]
    directory: Path
    launched: datetime
    processes: tuple[int, ...]


def temporary_directories() -> list[Path]:
    """The directories that ``launch`` may have created where this process creates temporary files."""
    return temporary_directory.temporary_directories()


def find_orphans(candidates: Iterable[Path]) -> list[Orphan]:
    """The orphans among some directories, and every job of this user whose directory was deleted while it ran."""
    processes = find_job_processes()
    directories = [directory for directory in dict.fromkeys(candidates) if _is_orphaned(directory)]
    emulators = [
        Orphan("emulator", directory, launched, _ids(_below(directory, processes)))
        for directory in directories
        if (launched := temporary_directory.creation_time(directory))
    ]
    jobs: dict[Path, list[JobProcess]] = {}
    for process in processes:
        if _is_of_deleted_job(process) and not any(_is_below(process, directory) for directory in directories):
            jobs.setdefault(process.job, []).append(process)
    return emulators + [
        Orphan("job", job, min(process.started for process in members), _ids(members)) for job, members in jobs.items()
    ]


def find_undecided(candidates: Iterable[Path]) -> list[Path]:
    """The directories whose launcher cannot be checked from this machine; they stay."""
    return [path for path in dict.fromkeys(candidates) if temporary_directory.state_of(path) == "elsewhere"]


def remove_orphan(orphan: Orphan) -> bool:
    """End the processes of an orphan and delete its directory, unless it is in use again; True if it was removed.

    Several processes may remove the same orphan: each returns when it is removed.
    """
    directory = orphan.directory
    if orphan.kind == "job":
        _end(lambda process: process.job == directory and _is_of_deleted_job(process))
        return not any(process.job == directory and _is_of_deleted_job(process) for process in find_job_processes())
    if temporary_directory.delete_without_mark(directory):
        return not directory.exists()
    with temporary_directory.claim(directory) as is_claimed:
        if is_claimed and not _is_used(directory):
            _remove_directory(directory)
    return not directory.exists() and not _below(directory, find_job_processes())


def end_jobs(directory: Path) -> None:
    """End every job that runs in a data directory (an absolute path) that no emulator serves."""
    _end(lambda process: _is_below(process, directory))


def _is_orphaned(directory: Path) -> bool:
    return temporary_directory.state_of(directory) == "orphaned" and not _is_used(directory)


def _is_used(directory: Path) -> bool:
    """Whether a process other than the launcher's emulator, which ends with the launcher, serves a directory."""
    lock = DataDirectory(directory).lock
    try:
        if not is_locked(lock):
            return False
        server = read_facts(int(lock.read_text(encoding="ascii")))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return not _is_launched(server, directory)


def _is_launched(facts: ProcessFacts, directory: Path) -> bool:
    """Whether a process is an emulator that serves a directory and ends with its launcher."""
    return "--guarded" in facts.command_line and is_server(facts, directory)


def _remove_directory(directory: Path) -> None:
    """Stop the emulator if it hangs, then end the jobs and delete the directory while its lock is held."""
    lock = DataDirectory(directory).lock
    with contextlib.suppress(OSError, ValueError):
        server = int(lock.read_text(encoding="ascii"))
        with open_process(server, lambda facts: _is_launched(facts, directory)) as process:
            if process is not None:
                process.send_signal(signal.SIGTERM)
                if not process.ends_within(_STOP_SECONDS):
                    process.send_signal(signal.SIGKILL)
    with contextlib.suppress(FileLockedError, OSError), lock_file(lock, wait=_STOP_SECONDS):
        end_jobs(directory)
        temporary_directory.delete_directory(directory)


def _end(matches: Callable[[JobProcess], bool]) -> None:
    """End processes of jobs: ask supervisors to end their jobs in order, then kill the remaining processes."""
    with contextlib.ExitStack() as stack:
        supervisors = [
            handle
            for process in find_job_processes()
            if matches(process) and process.is_supervisor and process.directory == "present"
            if (handle := stack.enter_context(open_job_process(process))) and _request_stop(process)
        ]
        for supervisor in supervisors:
            supervisor.send_signal(signal.SIGTERM)
        _wait_for(supervisors)
    with contextlib.ExitStack() as stack:
        remaining = [
            handle
            for process in find_job_processes()
            if matches(process) and (handle := stack.enter_context(open_job_process(process)))
        ]
        for process in remaining:
            process.send_signal(signal.SIGKILL)
        _wait_for(remaining)


def _request_stop(supervisor: JobProcess) -> bool:
    """Create the file that asks a supervisor to end its job; False if that is not possible."""
    try:
        JobPaths(supervisor.job).stop.touch()
    except OSError:
        return False
    return True


def _wait_for(processes: Sequence[ProcessHandle]) -> None:
    """Return when all processes have ended, or after the grace period."""
    clock = SystemClock()
    deadline = clock.monotonic() + _GRACE
    for process in processes:
        process.ends_within(max(0.0, deadline - clock.monotonic()))


def _is_of_deleted_job(process: JobProcess) -> bool:
    """Whether a process belongs to a job whose directory was deleted.

    A supervisor proves that; any other process must have the path of a job directory in its mark.
    """
    is_job_directory = process.is_supervisor or process.job.parent == DataDirectory(process.job.parent.parent).jobs
    return process.directory == "deleted" and is_job_directory


def _below(directory: Path, processes: Iterable[JobProcess]) -> list[JobProcess]:
    return [process for process in processes if _is_below(process, directory)]


def _is_below(process: JobProcess, directory: Path) -> bool:
    """Whether the job of a process has its directory in a data directory, whichever links lead to either."""
    return Path(os.path.realpath(process.job)).is_relative_to(os.path.realpath(directory))


def _ids(processes: Iterable[JobProcess]) -> tuple[int, ...]:
    return tuple(process.pid for process in processes)
