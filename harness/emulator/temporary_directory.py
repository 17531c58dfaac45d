"""Temporary data directories: made here, with a mark that says by whom, and recognised by nothing but that mark.

The mark is a file in the directory. The process that made the directory holds the lock of the mark for as long as it
lives, and the mark names the process and the directory, so a mark that was copied or moved proves nothing.

A process may be killed when its directory has no mark yet, or none any more. So the name of the directory, with which
it comes into being, says who makes it. That proves less, and is enough for a directory that holds nothing: at most the
beginning of the very mark that belongs into it.
"""

import contextlib
import hashlib
import os
import re
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
from harness.process_identity import has_boot_id, has_ended, start_of_process, this_machine

_PREFIX = "batchai-"
# The prefix, whose directory it is (machine, process, start of the process), and what tells its directories apart.
_NAME = re.compile(rf"{_PREFIX}([0-9a-f]{{12}})-([1-9][0-9]{{0,9}})-([0-9]{{1,20}})-[a-z0-9_]{{8}}", re.ASCII)
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
    pid = os.getpid()
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{_digest(this_machine())}-{pid}-{start_of_process(pid)}-"))
    mark, beginning = DataDirectory(directory).temporary, _beginning(directory)
    try:
        with lock_file(beginning) as descriptor:
            os.write(descriptor, _content_for(directory, pid, start_of_process(pid)))
            beginning.replace(mark)  # so the mark never exists without its lock
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
        return _state_without_mark(directory)
    if not _is_of_this_machine(mark):
        return "elsewhere"
    try:
        is_left = has_ended(mark.pid, mark.started) and not is_locked(DataDirectory(directory).temporary)
        return "left" if is_left else "owned"
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


def made_at(directory: Path) -> datetime | None:
    """When a temporary data directory was made; None if it is gone, as another ``harness reap`` may have deleted it."""
    for path in (DataDirectory(directory).temporary, directory):
        with contextlib.suppress(OSError):
            return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    return None


@contextmanager
def seized(directory: Path) -> Iterator[bool]:
    """Whether a directory is left, and nobody else can delete it while the block lasts.

    Whoever else deletes it holds the lock of its mark; this waits for them.
    """
    mark = read_mark(directory)
    is_left = mark is not None and _is_of_this_machine(mark) and has_ended(mark.pid, mark.started)
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


def delete_without_mark(directory: Path) -> bool:
    """Delete a temporary data directory that is left without a mark, and so without anything else; True if it was one.

    Whatever comes into it in the meantime keeps it.
    """
    if read_mark(directory) is not None or _state_without_mark(directory) != "left":
        return False
    with contextlib.suppress(OSError):
        _beginning(directory).unlink(missing_ok=True)
        directory.rmdir()
    return True


def _state_without_mark(directory: Path) -> State | None:
    """Whose a directory without a mark is, by its name; None if it is not empty, or not named for its maker."""
    named = _NAME.fullmatch(directory.name)
    if named is None or not _is_empty(directory, int(named[2]), named[3]):
        return None
    if named[1] != _digest(this_machine()) or not has_boot_id():
        return "elsewhere"
    return "left" if has_ended(int(named[2]), named[3]) else "owned"


def _is_empty(directory: Path, pid: int, started: str) -> bool:
    """Whether a directory of this user holds nothing but what its maker may have written of its mark."""
    try:
        status = directory.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return False
        for path in directory.iterdir():
            if path != _beginning(directory) or not _content_for(directory, pid, started).startswith(_content(path)):
                return False
    except (OSError, ValueError):
        return False
    return True


def _is_of_this_machine(mark: Mark) -> bool:
    return mark.machine == this_machine() and has_boot_id()


def _content_for(directory: Path, pid: int, started: str) -> bytes:
    """The mark of a directory that a process of this machine makes."""
    inode = directory.stat().st_ino
    return msgspec.json.encode(Mark(_MAKER, os.path.realpath(directory), inode, this_machine(), pid, started))


def _beginning(directory: Path) -> Path:
    """Where the mark of a directory is until it is whole."""
    return DataDirectory(directory).temporary.with_suffix(".new")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _content(path: Path) -> bytes:
    """The content of a small file of this user; a link, a device or a large file is none of ours."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_size > _LARGEST_MARK:
            raise ValueError("no mark of ours")
        return stream.read()
