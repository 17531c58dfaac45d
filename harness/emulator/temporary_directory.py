"""Temporary data directories: made here, with a mark that says by whom, and recognised by nothing but that mark.

The mark is a file in the directory. The process that made the directory holds the lock of the mark for as long as it
lives, and the mark names the process and the directory, so a mark that was copied or moved proves nothing.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from harness.emulator.paths import DataDirectory
from harness.emulator.removal import holds_mounts, remove
from harness.file_lock import FileLockedError, is_locked, lock_file
from harness.process_identity import has_boot_id, start_of_process, this_machine

_PREFIX = "batchai-"
_MAKER = "batchai-harness"
_DELETION_SECONDS = 60.0  # for which another process may be busy with deleting a directory
_LARGEST_MARK = 1 << 14  # bytes; a path has at most 4 KiB

State = Literal["owned", "left", "elsewhere"]


class Mark(msgspec.Struct, frozen=True):
    """What the mark of a temporary data directory says.

    Attributes:
        maker: always the same word.
        directory: the path of the directory, without links.
        inode: of the directory, which tells it from another one that got the path later.
        machine: the machine, and its boot, of the process that made the directory.
        pid: the process.
        started: start of the process.
    """

    maker: str
    directory: str
    inode: int
    machine: str
    pid: int
    started: str


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A data directory that is of no use once this process has ended, and is deleted at the end of the block."""
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
    mark = DataDirectory(directory).temporary
    beside = mark.with_suffix(".new")
    try:
        with lock_file(beside) as descriptor:
            os.write(descriptor, msgspec.json.encode(_mark_of(directory)))
            beside.replace(mark)  # so the mark never exists without its lock
            yield directory
    finally:
        delete_directory(directory)


def temporary_directories() -> list[Path]:
    """What may be temporary data directories where this process makes temporary files."""
    return sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"))


def state_of(directory: Path) -> State | None:
    """Whose a temporary data directory is; None if nothing proves that one of this user's processes made it.

    ``owned`` means that the process that made it lives, ``left`` that it has ended. ``elsewhere`` means that nobody can
    tell on this machine: the process belongs to another one, or to this one before its last start.
    """
    mark = read_mark(directory)
    if mark is None:
        return None
    if not _is_of_this_machine(mark):
        return "elsewhere"
    try:
        return "left" if _has_ended(mark) and not is_locked(DataDirectory(directory).temporary) else "owned"
    except OSError:
        return None


def read_mark(directory: Path) -> Mark | None:
    """The mark of a temporary data directory; None if it has none that one of this user's processes made for it."""
    try:
        status = directory.lstat()
        mark = msgspec.json.decode(_content(DataDirectory(directory).temporary), type=Mark)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    is_named = (mark.maker, mark.directory, mark.inode) == (_MAKER, os.path.realpath(directory), status.st_ino)
    return mark if is_ours and is_named else None


def made_at(directory: Path) -> datetime:
    """When a temporary data directory was made."""
    return datetime.fromtimestamp(DataDirectory(directory).temporary.lstat().st_mtime, UTC)


@contextmanager
def seized(directory: Path) -> Iterator[bool]:
    """Whether a directory is left, and nobody else can delete it while the block lasts.

    Whoever else deletes it holds the lock of its mark; this waits for them.
    """
    mark = read_mark(directory)
    is_left = mark is not None and _is_of_this_machine(mark) and _has_ended(mark)
    with contextlib.ExitStack() as stack:
        try:
            if is_left:
                path = DataDirectory(directory).temporary
                stack.enter_context(lock_file(path, wait=_DELETION_SECONDS, create=False))
        except (FileLockedError, OSError):
            is_left = False
        yield is_left and read_mark(directory) == mark


def delete_directory(directory: Path) -> None:
    """Delete a temporary data directory; its mark goes last, so that what cannot be deleted is still recognised.

    Nothing is deleted while another file system is mounted in it.
    """
    mark = DataDirectory(directory).temporary
    if holds_mounts(directory):
        return
    with contextlib.suppress(OSError):
        left = [path for path in directory.iterdir() if path != mark and not remove(path)]
        if not left:
            mark.unlink(missing_ok=True)
            directory.rmdir()


def _is_of_this_machine(mark: Mark) -> bool:
    return mark.machine == this_machine() and has_boot_id()


def _has_ended(mark: Mark) -> bool:
    """Whether the maker has ended, if it is a process of this machine since its last start."""
    return start_of_process(mark.pid) != mark.started


def _mark_of(directory: Path) -> Mark:
    pid = os.getpid()
    inode = directory.stat().st_ino
    return Mark(_MAKER, os.path.realpath(directory), inode, this_machine(), pid, start_of_process(pid))


def _content(path: Path) -> bytes:
    """The content of a small file of this user; a link, a device or a large file is none of ours."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_size > _LARGEST_MARK:
            raise ValueError("no mark of ours")
        return stream.read()
