"""Files that are replaced in one step: a reader sees the old content or the whole new one, never a part."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_LONGEST_BEGINNING = 200  # bytes; a whole name may have 255


@contextmanager
def replace_file(
    path: Path, *, mode: int = 0o600, durable: bool = False, beside: Path | None = None
) -> Iterator[BinaryIO]:
    """A stream for the new content of a file, which takes the file's place when the block ends well.

    The content is written beside the file first. If the block fails, the file stays as it was, and nothing is left
    beside it.

    Args:
        path: the file; its directory exists, and the file may.
        mode: permissions of the new file.
        durable: return only when content and name are on the disk, so that they survive a power cut.
        beside: where the content is written first, on the same file system; default a new name in the same directory.
            A fixed name does not pile up where processes are killed, and needs a lock that all who replace the file
            hold.

    Raises:
        OSError: the content cannot be written.
    """
    descriptor, beside = _open_new(path) if beside is None else (_open_again(beside), beside)
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
    """Replace a file by one with another content, as ``replace_file`` does."""
    with replace_file(path, mode=mode, durable=durable) as stream:
        stream.write(content)


def _open_new(path: Path) -> tuple[int, Path]:
    beginning = os.fsdecode(os.fsencode(path.name)[:_LONGEST_BEGINNING])
    descriptor, name = tempfile.mkstemp(prefix=f".{beginning}.", dir=path.parent)
    return descriptor, Path(name)


def _open_again(beside: Path) -> int:
    return os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def sync_directory(directory: Path) -> None:
    """Return when the names in a directory are on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
