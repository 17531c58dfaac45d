"""Locks on files, which the kernel releases when their holder ends, for whatever reason (man 2 flock).

A lock belongs to an open file, not to a name. When another process has deleted or replaced the file in between, a lock
on the old file is useless. Therefore ``lock_file`` opens the name again until it has locked the file of that name.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BRIEF_WAIT = 5.0  # seconds; is_locked holds a lock for microseconds, or longer on a busy machine


class FileLockedError(Exception):
    """Another process holds the lock.

    Attributes:
        path: the file.
        holder: id of the process; None if it is not known.
    """

    def __init__(self, path: Path, holder: int | None) -> None:
        super().__init__(f"{path} is locked by {f'process {holder}' if holder else 'another process'}")
        self.path = path
        self.holder = holder


@contextmanager
def lock_file(path: Path, *, wait: float | None = 0.0, create: bool = True, mode: int = 0o600) -> Iterator[int]:
    """Hold the exclusive lock of a file during the block.

    Args:
        path: the file; its directory exists.
        wait: seconds to wait for the lock; None waits without end.
        create: whether to create the file if it does not exist.
        mode: permissions of a new file, reduced by the process's umask; default for its owner alone.

    Yields:
        A descriptor of the file, open for reading and writing, that holds the lock.

    Raises:
        FileLockedError: another process held the lock for the whole wait.
        OSError: the file cannot be opened.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), mode)
        try:
            if not (try_lock(descriptor) or _wait_for_lock(descriptor, _waiting_time(descriptor, wait))):
                raise FileLockedError(path, holder_of(descriptor))
            if _has_name(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file unless another holder has a lock on it; returns whether it was taken."""
    return _flock(descriptor, fcntl.LOCK_EX)


def is_locked(path: Path) -> bool:
    """Whether a process holds the exclusive lock of a file.

    Raises:
        OSError: the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # O_NONBLOCK: to open a pipe would block
    try:
        return not _flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def holder_of(descriptor: int) -> int | None:
    """Return the id of the process that holds a lock on an open file, if ``/proc/locks`` shows it (man 5 proc)."""
    status = os.fstat(descriptor)
    name = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            # "1: FLOCK  ADVISORY  WRITE 4711 fd:01:23 0 EOF"; in the line of a waiting process, "->" follows "1:".
            fields = line.split()
            if fields[1:2] == ["FLOCK"] and fields[5:6] == [name] and fields[4].isdigit() and fields[4] != "0":
                return int(fields[4])
    return None


def _waiting_time(descriptor: int, wait: float | None) -> float | None:
    """Return how long to wait for a lock that is not free.

    Two kinds of holders release the lock soon: ``is_locked``, which takes a shared lock for a moment, and a thread of
    this process that got the lock after its own ``_wait_for_lock`` had timed out.
    """
    if wait is None:
        return None
    # The holder is determined first, because the shared lock below succeeds if the lock is released in between.
    is_ours = holder_of(descriptor) == os.getpid()
    return max(wait, _BRIEF_WAIT) if is_ours or _flock(descriptor, fcntl.LOCK_SH) else wait


def _wait_for_lock(descriptor: int, seconds: float | None) -> bool:
    """Wait for the lock in the kernel's queue, which is fair; returns whether it was taken in time."""
    if seconds is None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    if seconds <= 0:
        return False
    # flock has no timeout, so a thread waits. If it gets the lock after the timeout, its descriptor is the last one of
    # the open file, and closing it releases the lock.
    taken, duplicate = threading.Event(), os.dup(descriptor)

    def take() -> None:
        try:
            fcntl.flock(duplicate, fcntl.LOCK_EX)
        finally:
            os.close(duplicate)
        taken.set()

    threading.Thread(target=take, name="file lock", daemon=True).start()
    return taken.wait(seconds)


def _flock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _has_name(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
