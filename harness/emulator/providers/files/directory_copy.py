"""Copies of share directories, which jobs may change during the copy.

Each directory is opened relative to its parent without following links, as in ``Tree``. So a copy holds nothing from
outside the share, even if a job replaces a directory by a link in between. A file with several names is copied once and
has the same names in the copy, to which nothing writes; so a copy takes no more disk space than its source.
"""

import errno
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.emulator.providers.files.names import MAX_DEPTH
from harness.emulator.storage_service.entries import SAFE, Entry, FileId, close, path_entry, to_entry
from harness.emulator.storage_service.links import copy_to, link_or_copy
from harness.emulator.storage_service.system_calls import status_at, status_of

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_REPLACED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # an entry was deleted or replaced after its directory was read

CopiedEntry = tuple[list[str], Entry, Entry]  # the path, the entry, and the entry of its copy


def copy_directory(source: Path, target: Path, *, links: bool) -> Generator[CopiedEntry, None, None]:
    """Copy a directory with everything in it; holes stay holes, and times are kept.

    The copy leaves out devices, entries that are deleted in between, and, because each level keeps two descriptors
    open, entries deeper than any path over REST.

    Args:
        links: whether symbolic links are copied, as links.

    Yields:
        Each entry after it is copied; a directory comes before its entries.

    Raises:
        OSError: the disk refuses; a part of the copy may exist.
    """
    with _open(str(source), _DIRECTORY) as directory:
        yield from _DirectoryCopier(links=links).directory(directory, target, [])


class _DirectoryCopier:
    """Copies one directory tree.

    Args:
        links: whether symbolic links are copied.
    """

    def __init__(self, *, links: bool) -> None:
        self._links = links
        self._copies: dict[FileId, Path] = {}  # the first copies of files with several names

    def directory(self, source: int, target: Path, above: list[str]) -> Iterator[CopiedEntry]:
        """Copy an open directory.

        Args:
            above: the names of its path.
        """
        entry = to_entry("", status_of(source))
        target.mkdir(mode=0o777)
        yield above, entry, path_entry(target, "")
        with os.scandir(source) as children:
            for child in children:
                names, copy = [*above, child.name], target / child.name
                try:
                    if child.is_dir(follow_symlinks=False):
                        if len(names) > MAX_DEPTH:
                            continue
                        with _open(child.name, _DIRECTORY | os.O_NOFOLLOW, parent=source) as below:
                            yield from self.directory(below, copy, names)
                    elif child.is_file(follow_symlinks=False):
                        yield names, *self._copy_file(source, child.name, copy)
                    elif self._links and child.is_symlink():
                        yield names, *_copy_link(source, child.name, copy)
                except OSError as error:
                    if error.errno not in _REPLACED:
                        raise
        os.utime(target, ns=(entry.accessed_ns, entry.written_ns))

    def _copy_file(self, parent: int, name: str, target: Path) -> tuple[Entry, Entry]:
        with _open(name, os.O_RDONLY | SAFE, parent=parent) as descriptor:
            entry = to_entry(name, status_of(descriptor))
            copy = self._copies.get(entry.file)
            if copy is not None:
                link_or_copy(str(copy), target)
            else:
                copy_to(descriptor, target)
        if entry.links > 1:
            self._copies.setdefault(entry.file, target)
        return entry, path_entry(target, name)


def _copy_link(parent: int, name: str, target: Path) -> tuple[Entry, Entry]:
    entry = to_entry(name, status_at(parent, name))
    target.symlink_to(os.readlink(name, dir_fd=parent))
    os.utime(target, ns=(entry.accessed_ns, entry.written_ns), follow_symlinks=False)
    return entry, path_entry(target, name)


@contextmanager
def _open(name: str, flags: int, *, parent: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        yield descriptor
    finally:
        close(descriptor)
