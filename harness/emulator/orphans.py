"""What a killed launcher left on this machine: its emulator's temporary data directory and the jobs that run there.

Nothing is deleted or ended on a guess. A directory is an orphan only if its mark proves that a process of this user
made it, and that process has ended (``temporary_directory``). A process is one only if it provably belongs to a job
(``job_processes``) in such a directory, or to one whose directory was deleted.
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

_GRACE = 20.0  # seconds; a supervisor ends a job of processes within two, one of containers within a few
_STOP_SECONDS = 15.0  # in which an emulator stops


@dataclass(frozen=True, slots=True)
class Orphan:
    """Something that a killed launcher left.

    Attributes:
        kind: an emulator's data directory without a launcher, or a job that runs although its directory was deleted.
        directory: the data directory, or that of the job.
        made: when it was launched.
        processes: ids of the processes of its jobs.
    """

    kind: Literal["emulator", "job"]
    directory: Path
    made: datetime
    processes: tuple[int, ...]


def temporary_directories() -> list[Path]:
    """Where orphans can be: what ``launch`` may have made where this process makes temporary files."""
    return temporary_directory.temporary_directories()


def find_orphans(candidates: Iterable[Path]) -> list[Orphan]:
    """Those of some directories that are orphans, and every job of this user whose directory was deleted under it."""
    processes = find_job_processes()
    directories = [directory for directory in dict.fromkeys(candidates) if _is_left(directory)]
    emulators = [
        Orphan("emulator", one, made, _ids(_below(one, processes)))
        for one in directories
        if (made := temporary_directory.made_at(one))
    ]
    jobs: dict[Path, list[JobProcess]] = {}
    for process in processes:
        if _is_of_deleted_job(process) and not any(_is_below(process, directory) for directory in directories):
            jobs.setdefault(process.job, []).append(process)
    return emulators + [
        Orphan("job", job, min(process.started for process in started), _ids(started)) for job, started in jobs.items()
    ]


def find_undecided(candidates: Iterable[Path]) -> list[Path]:
    """Those of some directories that a launcher made whose end nobody can see on this machine; they stay."""
    return [one for one in dict.fromkeys(candidates) if temporary_directory.state_of(one) == "elsewhere"]


def remove_orphan(orphan: Orphan) -> bool:
    """End its processes and delete its directory, if nobody has taken it since; True when it is gone.

    Several processes may remove the same one: each returns when it is gone.
    """
    directory = orphan.directory
    if orphan.kind == "job":
        _end(lambda process: process.job == directory and _is_of_deleted_job(process))
        return not any(process.job == directory and _is_of_deleted_job(process) for process in find_job_processes())
    if temporary_directory.delete_without_mark(directory):
        return not directory.exists()
    with temporary_directory.seized(directory) as is_seized:
        if is_seized and not _is_used(directory):
            _remove_directory(directory)
    return not directory.exists() and not _below(directory, find_job_processes())


def end_jobs(directory: Path) -> None:
    """End every job that runs in an absolute data directory, which nobody serves."""
    _end(lambda process: _is_below(process, directory))


def _is_left(directory: Path) -> bool:
    return temporary_directory.state_of(directory) == "left" and not _is_used(directory)


def _is_used(directory: Path) -> bool:
    """Whether anybody but the emulator of its launcher serves a directory. That one ends with the launcher."""
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
    """Whether a process is an emulator that serves a directory for as long as its launcher lives."""
    return "--guarded" in facts.command_line and is_server(facts, directory)


def _remove_directory(directory: Path) -> None:
    """Stop the emulator if it hangs, end the jobs, and delete the directory, which no emulator can serve meanwhile."""
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


def _end(is_wanted: Callable[[JobProcess], bool]) -> None:
    """End processes of jobs: supervisors end theirs in order, and what is left after a while is killed."""
    with contextlib.ExitStack() as stack:
        supervisors = [
            handle
            for process in find_job_processes()
            if is_wanted(process) and process.is_supervisor and process.directory == "present"
            if (handle := stack.enter_context(open_job_process(process))) and _is_asked_to_stop(process)
        ]
        for supervisor in supervisors:
            supervisor.send_signal(signal.SIGTERM)
        _wait_for(supervisors)
    with contextlib.ExitStack() as stack:
        rest = [
            handle
            for process in find_job_processes()
            if is_wanted(process) and (handle := stack.enter_context(open_job_process(process)))
        ]
        for process in rest:
            process.send_signal(signal.SIGKILL)
        _wait_for(rest)


def _is_asked_to_stop(supervisor: JobProcess) -> bool:
    """Leave the supervisor the file that asks for the end of its job, if that can be done."""
    try:
        JobPaths(supervisor.job).stop.touch()
    except OSError:
        return False
    return True


def _wait_for(processes: Sequence[ProcessHandle]) -> None:
    """Return when some processes have ended, or after a while."""
    clock = SystemClock()
    deadline = clock.monotonic() + _GRACE
    for process in processes:
        process.ends_within(max(0.0, deadline - clock.monotonic()))


def _is_of_deleted_job(process: JobProcess) -> bool:
    """Whether a job runs whose directory was deleted. A supervisor proves it; a mark has to look right."""
    is_job_directory = process.is_supervisor or process.job.parent == DataDirectory(process.job.parent.parent).jobs
    return process.directory == "deleted" and is_job_directory


def _below(directory: Path, processes: Iterable[JobProcess]) -> list[JobProcess]:
    return [process for process in processes if _is_below(process, directory)]


def _is_below(process: JobProcess, directory: Path) -> bool:
    """Whether the job of a process has its directory in a data directory, whichever links lead to either."""
    return Path(os.path.realpath(process.job)).is_relative_to(os.path.realpath(directory))


def _ids(processes: Iterable[JobProcess]) -> tuple[int, ...]:
    return tuple(process.pid for process in processes)
