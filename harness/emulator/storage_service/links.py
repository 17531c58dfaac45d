"""The content of a file under another name: as a hard link, or as a copy."""

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
)  # the file system has no hard links, or the file has too many


def link_or_copy(name: str, to: Path, *, parent: int | None = None) -> None:
    """Give a file another name; copy the file if the file system has no hard links.

    Args:
        parent: the descriptor of the directory of the name; None if the name is a path.

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
    """Copy an open file with its holes and times to a new path.

    Raises:
        OSError: the disk refuses; a part of the copy may exist.
    """
    status = os.fstat(descriptor)
    target = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o666)
    try:
        os.truncate(target, status.st_size)
        sparse.copy(descriptor, target, count=status.st_size)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.close(target)
