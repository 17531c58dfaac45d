"""A file's content under another name: as a hard link, or as a copy if the content may change."""

import errno
import os
from pathlib import Path

from harness.emulator.storage_service import sparse
from harness.emulator.storage_service.entries import SAFE, close

_NO_LINKS = (
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.EMLINK,
    errno.ENOSYS,
)  # no hard links, or no more


def link_or_copy(name: str, to: Path, *, parent: int | None = None) -> None:
    """Give a file another name; where the file system has no hard links, it is copied.

    Args:
        parent: descriptor of the directory that the name is in; None for a path of its own.

    Raises:
        OSError: the disk refuses.
    """
    try:
        os.link(name, to, src_dir_fd=parent, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        descriptor = os.open(name, os.O_RDONLY | SAFE, dir_fd=parent)
        try:
            copy_to(descriptor, to)
        finally:
            close(descriptor)


def copy_to(descriptor: int, to: Path) -> None:
    """Copy an open file, its holes as holes and its time of change with it, to a path where nothing is.

    Raises:
        OSError: the disk refuses; a part of the copy may be there.
    """
    status = os.fstat(descriptor)
    target = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o666)
    try:
        os.truncate(target, status.st_size)
        sparse.copy(descriptor, target, count=status.st_size)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.close(target)
