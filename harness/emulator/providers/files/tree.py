"""One share on disk. Every step down is opened without following links, so no path leaves the share."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.emulator.providers.storage import errors


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory as it is on disk now."""

    name: str
    is_directory: bool
    length: int
    modified: datetime


class Tree:
    """The directory of one share. Names are found in any casing and keep the casing of their creation."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def entry(self, names: list[str]) -> Entry | None:
        """What is at a path; None if nothing is, or a link or device."""
        if not names:
            return _entry("", self._root.stat())
        with self._parent(names) as (parent, name):
            found = _find(parent, name)
            if found is None:
                return None
            status = os.stat(found, dir_fd=parent, follow_symlinks=False)
            return _entry(found, status) if _plain(status) else None

    def children(self, names: list[str]) -> list[Entry]:
        """Files and directories in a directory, by name; links are not shown.

        Raises:
            StorageError: there is no such directory.
        """
        with self._directory(names) as descriptor:
            found = [
                _entry(item.name, status)
                for item in os.scandir(descriptor)
                if _plain(status := item.stat(follow_symlinks=False))
            ]
        return sorted(found, key=lambda entry: entry.name)

    def make_directory(self, names: list[str]) -> None:
        """Make one directory.

        Raises:
            StorageError: its parent is missing, or something of that name is there.
        """
        with self._parent(names) as (parent, name):
            if _find(parent, name) is not None:
                raise errors.exists()
            os.mkdir(name, 0o777, dir_fd=parent)

    def remove_directory(self, names: list[str]) -> None:
        """Delete one empty directory.

        Raises:
            StorageError: it is missing, a file, or not empty.
        """
        with self._parent(names) as (parent, name):
            found = _require(parent, name, directory=True)
            try:
                os.rmdir(found, dir_fd=parent)
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise
                raise errors.directory_not_empty() from error

    def make_file(self, names: list[str], length: int) -> None:
        """Make a file of zeros, sparse, or replace the one that is there.

        Raises:
            StorageError: its parent is missing, or a directory of that name is there.
        """
        with self._parent(names) as (parent, name):
            found = _find(parent, name)
            if found is not None:
                _require(parent, name, directory=False)
            beside = f".~{os.getpid()}"
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666, dir_fd=parent)
            try:  # beside, then renamed: what was there is lost only once the new one stands
                os.truncate(descriptor, length)
                os.rename(beside, found or name, src_dir_fd=parent, dst_dir_fd=parent)
            except OSError:
                os.unlink(beside, dir_fd=parent)
                raise
            finally:
                os.close(descriptor)

    def remove_file(self, names: list[str]) -> None:
        """Delete one file.

        Raises:
            StorageError: it is missing or a directory.
        """
        with self._parent(names) as (parent, name):
            os.unlink(_require(parent, name, directory=False), dir_fd=parent)

    @contextmanager
    def open_file(self, names: list[str], flags: int) -> Iterator[int]:
        """A descriptor of an existing file, closed at the end.

        Raises:
            StorageError: it is missing or a directory.
        """
        with self._parent(names) as (parent, name):
            found = _require(parent, name, directory=False)
            descriptor = os.open(found, flags | os.O_NOFOLLOW, dir_fd=parent)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _parent(self, names: list[str]) -> Iterator[tuple[int, str]]:
        with self._directory(names[:-1], missing=errors.parent_not_found) as descriptor:
            yield descriptor, names[-1]

    @contextmanager
    def _directory(
        self, names: list[str], missing: Callable[[], errors.StorageError] = errors.not_found
    ) -> Iterator[int]:
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in names:
                found = _find(descriptor, name)
                if found is None:
                    raise missing()
                try:
                    below = os.open(found, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                except OSError as error:
                    if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                        raise
                    raise missing() from error
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)


def _find(parent: int, name: str) -> str | None:
    """The name as it is spelled on disk: itself if it is there, else the first that differs in casing only."""
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
        return name
    except FileNotFoundError:
        wanted = name.casefold()
        return next((found for found in sorted(os.listdir(parent)) if found.casefold() == wanted), None)


def _require(parent: int, name: str, *, directory: bool) -> str:
    found = _find(parent, name)
    if found is None:
        raise errors.not_found()
    status = os.stat(found, dir_fd=parent, follow_symlinks=False)
    if not _plain(status):
        raise errors.not_found()
    if stat.S_ISDIR(status.st_mode) != directory:
        raise errors.type_mismatch()
    return found


def _plain(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)


def _entry(name: str, status: os.stat_result) -> Entry:
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    directory = stat.S_ISDIR(status.st_mode)
    return Entry(name, directory, 0 if directory else status.st_size, modified)
