"""One share or container on disk. Every step down is opened without following links: no path leaves it."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.emulator.storage_service import errors
from harness.emulator.storage_service.directory_names import DirectoryNames, is_text
from harness.emulator.storage_service.entries import SAFE, Entry, close, entry_at, known_entry, listed_at, to_entry
from harness.emulator.storage_service.slot import Slot
from harness.emulator.storage_service.system_calls import status_at, status_of

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """The directory of one share or container.

    Args:
        root: the directory.
        names: the index of names in directories.
        exact: names differ by casing (blobs); otherwise they are found in any and keep that of their creation.
        links: symbolic links are entries (shares of NFS); otherwise they do not exist. None is ever followed.
    """

    def __init__(self, root: Path, *, names: DirectoryNames, exact: bool = False, links: bool = False) -> None:
        self._root = str(root)
        self._names = names
        self._exact = exact
        self._links = links

    def entry(self, names: list[str]) -> Entry | None:
        """What is at a path; None if nothing is, or a link or device.

        Raises:
            StorageError: the directory above is missing.
        """
        if not names:
            return self.root()
        with self._parent(names) as (parent, name):
            return self._find(parent, name)[1]

    def root(self) -> Entry:
        """The directory itself."""
        with self._directory([]) as descriptor:
            return to_entry("", status_of(descriptor))

    @contextmanager
    def slot(self, names: list[str]) -> Iterator[Slot]:
        """A name, open for the system call that changes what exists under it.

        Raises:
            StorageError: the directory above is missing.
        """
        with self._parent(names) as (parent, name):
            before = os.fstat(parent)
            found, entry = self._find(parent, name)
            yield Slot(parent, before, found or name, entry, found is not None, self._names)

    def parent_inode(self, names: list[str]) -> int:
        """The inode of the directory that a path is in; 0 for the root and for what is in it."""
        if len(names) < 2:
            return 0
        with self._parent(names) as (parent, _):
            return os.fstat(parent).st_ino

    def children(
        self, names: list[str], *, first: str = "", prefix: str = "", most: int, identified: bool = True
    ) -> tuple[list[Entry], str]:
        """A page of the files and directories in a directory, in order; links are not shown.

        Args:
            first: the name to begin with.
            prefix: the prefix of all listed names, in any casing.
            most: how many entries to list at most.
            identified: whether entries have their time of birth, which costs more.

        Returns:
            The entries, and the name with which the next page begins, or an empty string.

        Raises:
            StorageError: there is no such directory.
        """
        found: list[Entry] = []
        look = entry_at if identified else listed_at
        folded, start = prefix.casefold(), first.casefold()
        with self._directory(names) as descriptor:
            ordered = self._names.ordered(descriptor)
            for at in range(_place(ordered, max(start, folded)), len(ordered)):
                name = ordered[at]
                if not name.casefold().startswith(folded):
                    break
                if len(found) == most:
                    return found, name
                if (entry := look(descriptor, name, links=self._links)) is not None:
                    found.append(entry)
        return found, ""

    def walk(self, above: list[str], *, since: str = "") -> Iterator[tuple[str, Entry]]:
        """Everything below a directory, as paths in the order of code points.

        Args:
            above: the directory.
            since: paths before this one are left out.
        """
        before = "/".join([*above, ""])
        with self._directory(above) as descriptor, os.scandir(descriptor) as found:
            names = sorted(each.name + "/" * each.is_dir(follow_symlinks=False) for each in found if is_text(each.name))
            for name in names:
                path = before + name
                if path < since[: len(path)]:
                    continue
                if name.endswith("/"):
                    if (entry := entry_at(descriptor, name[:-1])) is not None:
                        yield path[:-1], entry
                        yield from self._walk_safely([*above, name[:-1]], since)
                elif path >= since and (entry := entry_at(descriptor, name, links=self._links)):
                    yield path, entry

    def _walk_safely(self, above: list[str], since: str) -> Iterator[tuple[str, Entry]]:
        try:
            yield from self.walk(above, since=since)
        except errors.StorageError:
            return  # it was deleted since it was listed

    @contextmanager
    def open_file(self, names: list[str], flags: int) -> Iterator[int]:
        """A descriptor of an existing file, closed at the end.

        Raises:
            StorageError: it is missing or a directory.
        """
        descriptor = self.descriptor(names, flags)
        try:
            yield descriptor
        finally:
            close(descriptor)

    def descriptor(self, names: list[str], flags: int) -> int:
        """A descriptor of an existing file, which the caller closes.

        Raises:
            StorageError: it is missing or a directory.
        """
        with self._parent(names) as (parent, name):
            found, entry = self._find(parent, name)
            if found is None or entry is None:
                raise errors.not_found()
            if entry.is_directory or entry.is_link:
                raise errors.type_mismatch()
            return os.open(found, flags | SAFE, dir_fd=parent)

    def link_text(self, names: list[str]) -> str:
        """Where a symbolic link points to, as it was written.

        Raises:
            StorageError: there is none of that name.
        """
        with self._parent(names) as (parent, name):
            found, entry = self._find(parent, name)
            if found is None or entry is None:
                raise errors.not_found()
            if not entry.is_link:
                raise errors.type_mismatch()
            return os.readlink(found, dir_fd=parent)

    @contextmanager
    def _parent(self, names: list[str]) -> Iterator[tuple[int, str]]:
        with self._directory(names[:-1], missing=errors.parent_not_found) as descriptor:
            yield descriptor, names[-1]

    @contextmanager
    def _directory(
        self, names: list[str], missing: Callable[[], errors.StorageError] = errors.not_found
    ) -> Iterator[int]:
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                try:
                    below = self._open_directory(descriptor, name)
                except OSError as error:
                    if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.ENOENT):
                        raise
                    raise missing() from error
                close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            close(descriptor)

    def _open_directory(self, parent: int, name: str) -> int:
        try:
            return os.open(name, _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            spelled = None if self._exact else self._names.spelled(parent, name)
            if spelled is None:
                raise
        return os.open(spelled, _DIRECTORY, dir_fd=parent)

    def _find(self, parent: int, name: str) -> tuple[str | None, Entry | None]:
        """The spelling of a name on disk, and the entry.

        An entry of exactly that name wins; otherwise it is the first one whose name differs in casing only.
        """
        try:
            return name, known_entry(name, status_at(parent, name), links=self._links)
        except FileNotFoundError:
            spelled = None if self._exact else self._names.spelled(parent, name)
        return spelled, entry_at(parent, spelled, links=self._links) if spelled is not None else None


def _place(ordered: list[str], folded: str) -> int:
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        if ordered[middle].casefold() < folded:
            low = middle + 1
        else:
            high = middle
    return low
