"""What is on disk, as Azure sees it: files and directories, nothing else."""

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe that a job left must not stop us


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory as it is on disk now; times are in ns since 1970."""

    name: str
    is_directory: bool
    length: int
    modified_ns: int
    changed_ns: int
    accessed_ns: int
    inode: int

    @property
    def modified(self) -> datetime:
        """When its content was changed last."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)

    @property
    def state(self) -> tuple[int, int]:
        """What a change of content changes: length and time."""
        return self.length, self.modified_ns


def to_entry(name: str, status: os.stat_result) -> Entry:
    """What a status says of a file or directory."""
    directory = stat.S_ISDIR(status.st_mode)
    return Entry(
        name,
        directory,
        0 if directory else status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_atime_ns,
        status.st_ino,
    )


def entry_at(parent: int, name: str) -> Entry | None:
    """What a name on disk is; None for links, devices, and what is gone."""
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return to_entry(name, status) if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) else None


@contextmanager
def staged(folder: Path) -> Iterator[tuple[int, Path]]:
    """A new file, open, and where it is; closed at the end, and deleted unless it was moved meanwhile."""
    beside = folder / uuid.uuid4().hex
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE, 0o666)
    try:
        yield descriptor, beside
    finally:
        os.close(descriptor)
        beside.unlink(missing_ok=True)
