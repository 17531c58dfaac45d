"""Copies of the directories of shares, while jobs change them.

Every step down is opened from the directory above without following links, as in ``Tree``: whatever a job puts in the
place of a directory in between, a copy holds nothing from outside the share. A copy takes no more of the disk than its
source: a file with several names is copied once, and has the same names in the copy, which nobody writes to.
"""

import errno
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.emulator.providers.files.names import MOST_DEPTH
from harness.emulator.storage_service.entries import SAFE, Entry, FileId, close, path_entry, to_entry
from harness.emulator.storage_service.links import copy_to, link_or_copy
from harness.emulator.storage_service.system_calls import status_at, status_of

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_REPLACED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # since the directory above was read

Copied = tuple[list[str], Entry, Entry]  # the path, the entry, and the entry of its copy


def copied(source: Path, target: Path, *, links: bool) -> Generator[Copied, None, None]:
    """Copy a directory with all that is in it, its holes as holes, and its times.

    Devices are left out, what is deleted in between, and what is deeper than any path over REST: each level keeps two
    descriptors open.

    Args:
        links: symbolic links are copied, too, as links.

    Yields:
        Each entry once it is copied, and before it the directory that it is in.

    Raises:
        OSError: the disk refuses; a part of the copy may be there.
    """
    with _opened(str(source), _DIRECTORY) as directory:
        yield from _Copying(links=links).directory(directory, target, [])


class _Copying:
    """One copy.

    Args:
        links: symbolic links are copied, too.
    """

    def __init__(self, *, links: bool) -> None:
        self._links = links
        self._copies: dict[FileId, Path] = {}  # the first copies of files with several names

    def directory(self, source: int, target: Path, above: list[str]) -> Iterator[Copied]:
        """Copy a directory that is open.

        Args:
            above: its path.
        """
        entry = to_entry("", status_of(source))
        target.mkdir(mode=0o777)
        yield above, entry, path_entry(target, "")
        with os.scandir(source) as found:
            for each in found:
                names, beside = [*above, each.name], target / each.name
                try:
                    if each.is_dir(follow_symlinks=False):
                        if len(names) > MOST_DEPTH:
                            continue
                        with _opened(each.name, _DIRECTORY | os.O_NOFOLLOW, parent=source) as below:
                            yield from self.directory(below, beside, names)
                    elif each.is_file(follow_symlinks=False):
                        yield names, *self._copy_file(source, each.name, beside)
                    elif self._links and each.is_symlink():
                        yield names, *_copy_link(source, each.name, beside)
                except OSError as error:
                    if error.errno not in _REPLACED:
                        raise
        os.utime(target, ns=(entry.accessed_ns, entry.written_ns))

    def _copy_file(self, parent: int, name: str, target: Path) -> tuple[Entry, Entry]:
        with _opened(name, os.O_RDONLY | SAFE, parent=parent) as reading:
            entry = to_entry(name, status_of(reading))
            copy = self._copies.get(entry.file)
            if copy is not None:
                link_or_copy(str(copy), target)
            else:
                copy_to(reading, target)
        if entry.links > 1:
            self._copies.setdefault(entry.file, target)
        return entry, path_entry(target, name)


def _copy_link(parent: int, name: str, target: Path) -> tuple[Entry, Entry]:
    entry = to_entry(name, status_at(parent, name))
    target.symlink_to(os.readlink(name, dir_fd=parent))
    os.utime(target, ns=(entry.accessed_ns, entry.written_ns), follow_symlinks=False)
    return entry, path_entry(target, name)


@contextmanager
def _opened(name: str, flags: int, *, parent: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        yield descriptor
    finally:
        close(descriptor)
