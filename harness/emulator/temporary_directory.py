"""Temporary data directories, each with a mark that names its creator and by which alone it is recognised.

The mark is a file in the directory. The process that creates the directory holds the lock of the mark for as long as it
lives, and the mark names the process and the directory, so a copied or moved mark proves nothing.

A process may be killed before its directory has a mark, or after the mark was deleted. So the name of the directory
names its creator, too. That is weaker proof, and is enough for a directory that is empty or holds only the beginning of
its own mark.
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
# The prefix, the creator (machine, process, start of the process), and a random suffix.
_NAME = re.compile(rf"{_PREFIX}([0-9a-f]{{12}})-([1-9][0-9]{{0,9}})-([0-9]{{1,20}})-[a-z0-9_]{{8}}", re.ASCII)
_MAKER = "batchai-harness"
_DELETION_SECONDS = 60.0  # for another process to finish deleting a directory
_LARGEST_MARK = 1 << 14  # bytes; a path has at most 4 KiB

State = Literal["owned", "orphaned", "elsewhere"]


class Mark(msgspec.Struct, frozen=True):
    """The content of the mark of a temporary data directory.

    Attributes:
        maker: always ``batchai-harness``.
        directory: the path of the directory, with links resolved.
        inode: the inode of the directory, which distinguishes it from a later one at the same path.
        machine: the machine, and its boot, of the process that created the directory.
        pid: the id of that process.
        started: the start of that process.
    """

    maker: str
    directory: str
    inode: int
    machine: str
    pid: int
    started: str


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Create a data directory for this process; it is deleted at the end of the block."""
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
    """Candidates for temporary data directories, where this process creates temporary files."""
    return sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"))


def state_of(directory: Path) -> State | None:
    """The state of a temporary data directory; None if nothing proves that a process of this user created it.

    ``owned`` means that the creator lives, ``orphaned`` that it has ended. ``elsewhere`` means that this machine cannot
    tell: the creator ran on another machine, or before the last boot of this one.
    """
    mark = read_mark(directory)
    if mark is None:
        return _state_without_mark(directory)
    if not _is_of_this_machine(mark):
        return "elsewhere"
    try:
        is_orphaned = has_ended(mark.pid, mark.started) and not is_locked(DataDirectory(directory).temporary)
        return "orphaned" if is_orphaned else "owned"
    except OSError:
        return None


def read_mark(directory: Path) -> Mark | None:
    """The mark of a temporary data directory; None if it has none that a process of this user created for it."""
    try:
        status = directory.lstat()
        mark = msgspec.json.decode(_content(DataDirectory(directory).temporary), type=Mark)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    is_named = (mark.maker, mark.directory, mark.inode) == (_MAKER, os.path.realpath(directory), status.st_ino)
    return mark if is_ours and is_named else None


def creation_time(directory: Path) -> datetime | None:
    """When a temporary data directory was created; None if it no longer exists."""
    for path in (DataDirectory(directory).temporary, directory):
        with contextlib.suppress(OSError):
            return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    return None


@contextmanager
def claim(directory: Path) -> Iterator[bool]:
    """Lock an orphaned directory for the duration of the block; yields False if it is not orphaned.

    A process that deletes the directory holds the lock of its mark, so no other one can delete it during the block.
    """
    mark = read_mark(directory)
    is_orphaned = mark is not None and _is_of_this_machine(mark) and has_ended(mark.pid, mark.started)
    with contextlib.ExitStack() as stack:
        try:
            if is_orphaned:
                path = DataDirectory(directory).temporary
                stack.enter_context(lock_file(path, wait=_DELETION_SECONDS, create=False))
        except (FileLockedError, OSError):
            is_orphaned = False
        yield is_orphaned and read_mark(directory) == mark


def delete_directory(directory: Path) -> None:
    """Delete a temporary data directory, its mark last, so that it stays recognisable if not all can be deleted.

    Nothing is deleted while another file system is mounted in it.
    """
    mark = DataDirectory(directory).temporary
    if holds_mounts(directory):
        return
    with contextlib.suppress(OSError):
        undeleted = [path for path in directory.iterdir() if path != mark and not remove(path)]
        if not undeleted:
            mark.unlink(missing_ok=True)
            directory.rmdir()


def delete_without_mark(directory: Path) -> bool:
    """Delete an orphaned directory without a mark, which is empty; False if the directory is none.

    An entry that is added in the meantime prevents the deletion.
    """
    if read_mark(directory) is not None or _state_without_mark(directory) != "orphaned":
        return False
    with contextlib.suppress(OSError):
        _beginning(directory).unlink(missing_ok=True)
        directory.rmdir()
    return True


def _state_without_mark(directory: Path) -> State | None:
    """The state of a directory without a mark, by its name; None if it is not empty, or has another name."""
    match = _NAME.fullmatch(directory.name)
    if match is None or not _is_empty(directory, int(match[2]), match[3]):
        return None
    if match[1] != _digest(this_machine()) or not has_boot_id():
        return "elsewhere"
    return "orphaned" if has_ended(int(match[2]), match[3]) else "owned"


def _is_empty(directory: Path, pid: int, started: str) -> bool:
    """Whether a directory of this user holds nothing but an unfinished mark of its creator."""
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
    """The content of the mark of a directory that a process of this machine creates."""
    inode = directory.stat().st_ino
    return msgspec.json.encode(Mark(_MAKER, os.path.realpath(directory), inode, this_machine(), pid, started))


def _beginning(directory: Path) -> Path:
    """The path of the mark of a directory until it is complete."""
    return DataDirectory(directory).temporary.with_suffix(".new")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _content(path: Path) -> bytes:
    """The content of a small regular file of this user.

    Raises:
        ValueError: it is a device, a large file or another user's; a link raises ``OSError``.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_size > _LARGEST_MARK:
            raise ValueError("not a mark of this user")
        return stream.read()
