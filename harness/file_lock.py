"""Locks on files, which the kernel releases when their holder ends, however it ends (man 2 flock).

A lock belongs to an open file, not to a name. A file that another process has deleted or replaced in between locks
nothing any more, so ``lock_file`` opens the name again until it holds the file that has the name.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOON = 5.0  # seconds; a look at a lock takes microseconds, and longer where its process waits for a processor


class FileLockedError(Exception):
    """Another process holds the lock.

    Attributes:
        path: the file.
        holder: id of the process, None where this machine cannot tell.
    """

    def __init__(self, path: Path, holder: int | None) -> None:
        super().__init__(f"{path} is locked by {f'process {holder}' if holder else 'another process'}")
        self.path = path
        self.holder = holder


@contextmanager
def lock_file(path: Path, *, wait: float | None = 0.0, create: bool = True, mode: int = 0o600) -> Iterator[int]:
    """Hold the exclusive lock of a file while the block lasts.

    Args:
        path: the file; its directory exists.
        wait: seconds to wait for the lock; None waits without end.
        create: make the file where there is none.
        mode: permissions of a new file, less what the process masks; default for its owner alone.

    Yields:
        A descriptor of the file, open for reading and writing, that holds the lock.

    Raises:
        FileLockedError: another process held the lock all the time.
        OSError: the file cannot be opened.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), mode)
        try:
            if not (try_lock(descriptor) or _wait_for_lock(descriptor, _patience(descriptor, wait))):
                raise FileLockedError(path, holder_of(descriptor))
            if _has_name(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file, if nobody else holds any lock on it."""
    return _flock(descriptor, fcntl.LOCK_EX)


def is_locked(path: Path) -> bool:
    """Whether some process holds the exclusive lock of a file.

    Raises:
        OSError: the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would keep us waiting
    try:
        return not _flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def holder_of(descriptor: int) -> int | None:
    """Id of the process that holds a lock on an open file, if ``/proc/locks`` shows it (man 5 proc)."""
    status = os.fstat(descriptor)
    name = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            # "1: FLOCK  ADVISORY  WRITE 4711 fd:01:23 0 EOF"; "->" follows the number of a process that waits.
            words = line.split()
            if words[1:2] == ["FLOCK"] and words[5:6] == [name] and words[4].isdigit() and words[4] != "0":
                return int(words[4])
    return None


def _patience(descriptor: int, wait: float | None) -> float | None:
    """How long to wait for a lock that is not free.

    It is free soon where somebody merely looks at it (``is_locked``), and where this process has it itself: then a
    thread has just got it that had waited in vain (``_wait_for_lock``), and gives it back.
    """
    if wait is None:
        return None
    # Asked before the look, which sees a lock that is given back in between.
    is_given_back = holder_of(descriptor) == os.getpid()
    return max(wait, _SOON) if is_given_back or _flock(descriptor, fcntl.LOCK_SH) else wait


def _wait_for_lock(descriptor: int, seconds: float | None) -> bool:
    """Whether the lock was free in time. The kernel keeps the order of those who wait, which trying again would not."""
    if seconds is None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    if seconds <= 0:
        return False
    # flock knows no deadline, so a thread waits. If it gets the lock when nobody wants it any more, its descriptor is
    # the last one of the open file, and closing it releases the lock.
    is_taken, own = threading.Event(), os.dup(descriptor)

    def take() -> None:
        try:
            fcntl.flock(own, fcntl.LOCK_EX)
        finally:
            os.close(own)
        is_taken.set()

    threading.Thread(target=take, name="file lock", daemon=True).start()
    return is_taken.wait(seconds)


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
