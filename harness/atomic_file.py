"""Atomic replacement of files: a reader sees the old content or all of the new content, never a part."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_LONGEST_PREFIX = 200  # bytes; a complete name may have 255


@contextmanager
def replace_file(
    path: Path, *, mode: int = 0o600, durable: bool = False, beside: Path | None = None
) -> Iterator[BinaryIO]:
    """Open a stream for the new content of a file, which replaces the file when the block succeeds.

    The content is first written to a temporary file. If the block fails, the file does not change, and the temporary
    file is deleted.

    Args:
        path: the file, which need not exist; its directory exists.
        mode: permissions of the new file.
        durable: return only when content and name are on the disk, so that they survive a power cut.
        beside: the temporary file, on the same file system; default a new name in the same directory. A fixed name
            keeps killed processes from leaving many files behind; every process that replaces the file must then hold
            the same lock.

    Raises:
        OSError: the content cannot be written.
    """
    descriptor, beside = _open_new(path) if beside is None else (_open_fixed(beside), beside)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            os.fchmod(descriptor, mode)
            stream.flush()
            if durable:
                os.fsync(descriptor)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def write_file(path: Path, content: bytes, *, mode: int = 0o600, durable: bool = False) -> None:
    """Replace the content of a file, as ``replace_file`` does."""
    with replace_file(path, mode=mode, durable=durable) as stream:
        stream.write(content)


def _open_new(path: Path) -> tuple[int, Path]:
    prefix = os.fsdecode(os.fsencode(path.name)[:_LONGEST_PREFIX])
    descriptor, name = tempfile.mkstemp(prefix=f".{prefix}.", dir=path.parent)
    return descriptor, Path(name)


def _open_fixed(beside: Path) -> int:
    return os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def sync_directory(directory: Path) -> None:
    """Write the names in a directory to the disk (fsync)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
