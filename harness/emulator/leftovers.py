"""What a killed launcher left on this machine: its emulator's temporary data directory and the jobs that run there.

Nothing else is ever touched: a directory is a leftover only if this user owns it, ``launch`` marked it as temporary,
and nobody holds the mark any more, which the kernel lets go of when the launcher dies, however it dies.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
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
    """A data directory without a launcher, and the processes of its jobs.

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
    """Those of some directories that are leftovers."""
    return [_leftover(directory) for directory in dict.fromkeys(candidates) if _is_left(directory)]


def remove_leftover(leftover: Leftover) -> bool:
    """End its processes and delete its directory, if nobody has taken it since; True when it is gone."""
    directory = leftover.directory
    if not _is_left(directory):
        return not directory.exists()
    with contextlib.suppress(EmulatorError):  # of which there is nothing to be read, none runs
        launch.stop(directory)  # it stops with its launcher; one that hangs is stopped here
    for supervisors_only in (True, False):
        living = [process for process in _processes(directory) if not supervisors_only or _is_supervisor(process)]
        for process in living:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate() if supervisors_only else process.kill()
        psutil.wait_procs(living, timeout=_GRACE)
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()


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


def _leftover(directory: Path) -> Leftover:
    made = datetime.fromtimestamp(DataDirectory(directory).temporary.stat().st_mtime, UTC)
    return Leftover(directory, made, tuple(process.pid for process in _processes(directory)))


def _processes(directory: Path) -> Iterator[psutil.Process]:
    """This user's supervisors of jobs in a data directory, and every process that carries such a job's mark."""
    root = f"{DataDirectory(directory).jobs}{os.sep}"
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.uids().real != os.getuid():
                continue
            words = process.cmdline()
            is_supervisor = _is_supervisor(process) and any(word.startswith(root) for word in words)
            if is_supervisor or process.environ().get(MARK, "").startswith(root):
                yield process


def _is_supervisor(process: psutil.Process) -> bool:
    try:
        return any(Path(word).name == _SUPERVISOR for word in process.cmdline()[:5])
    except (psutil.Error, OSError):
        return False
