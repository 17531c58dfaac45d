"""What a killed launcher left on this machine: its emulator's temporary data directory and the jobs that run there.

Nothing else is ever touched: a directory is a leftover only if this user owns it, ``launch`` marked it as temporary,
and nobody holds the mark any more, which the kernel lets go of when the launcher dies, however it dies. A process is
one only if it belongs to a job in such a directory, or to one whose directory is gone.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from harness.compute.paths import MARK
from harness.emulator import launch
from harness.emulator.paths import DataDirectory
from harness.errors import EmulatorError

_SUPERVISOR = "supervisor.py"
_GRACE = 5.0  # seconds; a supervisor ends its job within two


@dataclass(frozen=True, slots=True)
class Leftover:
    """A data directory without a launcher, and the processes of its jobs; or the directory, gone, of a job that runs.

    Attributes:
        made: when it was launched.
        processes: their ids.
    """

    directory: Path
    made: datetime
    processes: tuple[int, ...]


def temporary_directories() -> list[Path]:
    """Where leftovers can be: what ``launch`` may have made where this process makes temporary files."""
    return sorted(Path(tempfile.gettempdir()).glob("batchai-*"))


def find_leftovers(candidates: Iterable[Path]) -> list[Leftover]:
    """Those of some directories that are leftovers, and every job of this user whose directory was deleted under it."""
    jobs = _jobs()
    left = [_leftover(directory, jobs) for directory in dict.fromkeys(candidates) if _is_left(directory)]
    within = {process for one in left for process in one.processes}
    homeless = {job: found for job, found in jobs.items() if not job.exists() and within.isdisjoint(_ids(found))}
    return left + [Leftover(job, _since(found), _ids(found)) for job, found in homeless.items()]


def remove_leftover(leftover: Leftover) -> bool:
    """End its processes and delete its directory, if nobody has taken it since; True when it is gone."""
    directory = leftover.directory
    if directory.exists() and not _is_left(directory):
        return False
    with contextlib.suppress(EmulatorError):  # of which there is nothing to be read, none runs
        launch.stop(directory)  # it stops with its launcher; one that hangs is stopped here
    end_jobs(directory)
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists() and not _below(directory, _jobs())


def end_jobs(directory: Path) -> None:
    """End every job that runs in an absolute data directory, which nobody serves."""
    for supervisors_only in (True, False):
        living = [one for one in _below(directory, _jobs()) if not supervisors_only or _supervised(one)]
        for process in living:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate() if supervisors_only else process.kill()
        for process in living:
            launch.ends(process.pid, _GRACE)


def _is_left(directory: Path) -> bool:
    mark = DataDirectory(directory).temporary
    try:
        if directory.is_symlink() or directory.stat().st_uid != os.getuid():
            return False
        with mark.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # no mark, one that is held, or no directory of ours
        return False
    return not _serves_again(directory)


def _serves_again(directory: Path) -> bool:
    """Whether somebody has started an emulator there that does not end with its launcher."""
    try:
        endpoint = launch.find(directory)
        return endpoint is not None and "--guarded" not in psutil.Process(endpoint.pid).cmdline()
    except (EmulatorError, psutil.Error):
        return False


def _leftover(directory: Path, jobs: Mapping[Path, Sequence[psutil.Process]]) -> Leftover:
    made = datetime.fromtimestamp(DataDirectory(directory).temporary.stat().st_mtime, UTC)
    return Leftover(directory, made, _ids(_below(directory, jobs)))


def _jobs() -> dict[Path, list[psutil.Process]]:
    """The processes of this user's jobs, supervisors included, by the directory of their job."""
    jobs: dict[Path, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.uids().real != os.getuid() or not _sees_our_files(process):
                continue
            if job := _supervised(process) or process.environ().get(MARK):
                jobs.setdefault(Path(job), []).append(process)
    return jobs


def _below(directory: Path, jobs: Mapping[Path, Sequence[psutil.Process]]) -> list[psutil.Process]:
    """Processes of the jobs in a directory, or of the job that it is."""
    return [process for job, found in jobs.items() if job.is_relative_to(directory) for process in found]


def _supervised(process: psutil.Process) -> str:
    """The directory of the job that a process is the supervisor of; empty for others."""
    words = process.cmdline() if process.is_running() else []
    return words[-1] if len(words) > 1 and Path(words[-2]).name == _SUPERVISOR else ""


def _sees_our_files(process: psutil.Process) -> bool:
    """Whether a path means the same to it; in another mount namespace (a container, a private /tmp) it may not."""
    return Path(f"/proc/{process.pid}/ns/mnt").stat().st_ino == Path("/proc/self/ns/mnt").stat().st_ino


def _ids(processes: Iterable[psutil.Process]) -> tuple[int, ...]:
    return tuple(process.pid for process in processes)


def _since(processes: Iterable[psutil.Process]) -> datetime:
    return datetime.fromtimestamp(min(process.create_time() for process in processes), UTC)
