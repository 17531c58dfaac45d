"""Files and directories on disk. Clients see no devices and pipes, and symbolic links only on NFS shares."""

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.emulator.storage_service.system_calls import Status, status_at

SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a pipe that a job has created must not block

FileId = tuple[int, int]  # inode and birth time (ns), which identify a file even if its inode is reused
State = tuple[int, int]  # length and time of change (ns) on disk, which change with the content


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory as it is now; times are in ns since 1970.

    ``modified_ns`` is the last-modified time that clients see. ``written_ns`` is the one on disk, which only changes of
    the content alter. ``links`` counts the names of a file; ``is_link`` is true of a symbolic link.
    """

    name: str
    is_directory: bool
    length: int
    modified_ns: int
    written_ns: int
    changed_ns: int
    accessed_ns: int
    inode: int
    birth_ns: int
    links: int = 1
    is_link: bool = False

    @property
    def modified(self) -> datetime:
        """The last-modified time that clients see."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)

    @property
    def file(self) -> FileId:
        """The identity of the file."""
        return self.inode, self.birth_ns

    @property
    def state(self) -> State:
        """The state that changes with the content."""
        return self.length, self.written_ns

    def with_modified(self, modified_ns: int) -> "Entry":
        """The entry with another last-modified time for clients."""
        return self._with_times(self.length, modified_ns, self.written_ns)

    def after_write(self, length: int, time_ns: int) -> "Entry":
        """The entry after a write."""
        return self._with_times(length, time_ns, time_ns)

    def _with_times(self, length: int, modified_ns: int, written_ns: int) -> "Entry":
        # dataclasses.replace takes five times as long, and listings call this for each file.
        unchanged = (self.changed_ns, self.accessed_ns, self.inode, self.birth_ns, self.links, self.is_link)
        return Entry(self.name, self.is_directory, length, modified_ns, written_ns, *unchanged)


def to_entry(name: str, status: Status) -> Entry:
    """The entry of a file or directory with a given status."""
    directory = stat.S_ISDIR(status.mode)
    return Entry(
        name,
        directory,
        0 if directory else status.length,
        status.modified,
        status.modified,
        status.changed,
        status.accessed,
        status.inode,
        status.birth,
        status.links,
        stat.S_ISLNK(status.mode),
    )


def known_entry(name: str, status: Status, *, links: bool = False) -> Entry | None:
    """A file or directory; None for a device, a pipe, and a symbolic link.

    Args:
        links: whether symbolic links count as entries.
    """
    is_known = stat.S_ISREG(status.mode) or stat.S_ISDIR(status.mode) or (links and stat.S_ISLNK(status.mode))
    return to_entry(name, status) if is_known else None


def entry_at(parent: int, name: str, *, links: bool = False) -> Entry | None:
    """The entry of a name on disk; None if there is none, for devices, and without ``links`` for symbolic links."""
    try:
        return known_entry(name, status_at(parent, name), links=links)
    except FileNotFoundError:
        return None


def path_entry(path: Path, name: str) -> Entry:
    """The entry, under another name, of a file or directory at a path outside the shares and containers."""
    return to_entry(name, status_at(-1, str(path)))


def listed_at(parent: int, name: str, *, links: bool = False) -> Entry | None:
    """Like ``entry_at``, but without the birth time, at a third of the cost."""
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    accessed, modified, changed = status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns
    basic_status = Status(
        status.st_mode, status.st_ino, status.st_size, accessed, 0, changed, modified, status.st_nlink
    )
    return known_entry(name, basic_status, links=links)


def close(descriptor: int) -> None:
    """Close a descriptor and ignore errors: nothing was written through it, or the written data is no longer needed."""
    with suppress(OSError):
        os.close(descriptor)


@contextmanager
def staged(folder: Path) -> Iterator[tuple[int, Path]]:
    """A new open file and its path; at the end it is closed, and deleted unless it was renamed."""
    staged_path = folder / uuid.uuid4().hex
    descriptor = os.open(staged_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE, 0o666)
    try:
        yield descriptor, staged_path
    finally:
        close(descriptor)
        with suppress(OSError):  # the next start of the emulator deletes it
            staged_path.unlink(missing_ok=True)


@contextmanager
def staged_directory(folder: Path) -> Iterator[Path]:
    """A new directory; at the end it is deleted unless it was renamed."""
    staged_path = folder / uuid.uuid4().hex
    staged_path.mkdir(mode=0o777)
    try:
        yield staged_path
    finally:
        with suppress(OSError):  # the next start of the emulator deletes it
            staged_path.rmdir()


@contextmanager
def staged_link(folder: Path, text: str) -> Iterator[Path]:
    """A new symbolic link; at the end it is deleted unless it was renamed. Nothing follows it."""
    staged_path = folder / uuid.uuid4().hex
    staged_path.symlink_to(text)
    try:
        yield staged_path
    finally:
        with suppress(OSError):  # the next start of the emulator deletes it
            staged_path.unlink(missing_ok=True)
