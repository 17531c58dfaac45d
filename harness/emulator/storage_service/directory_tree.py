"""One share or container on disk. Each directory is opened without following links, so no path leaves the root."""

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
        exact: whether names are case-sensitive (blobs); otherwise they keep the casing of their creation.
        links: whether symbolic links are entries (NFS shares) or ignored. None is ever followed.
    """

    def __init__(self, root: Path, *, names: DirectoryNames, exact: bool = False, links: bool = False) -> None:
        self._root = str(root)
        self._names = names
        self._exact = exact
        self._links = links

    def entry(self, names: list[str]) -> Entry | None:
        """The entry at a path; None if there is none, or an ignored link or a device.

        Raises:
            StorageError: the parent directory is missing.
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
        """A name in an open directory, for the system call that changes its entry.

        Raises:
            StorageError: the parent directory is missing.
        """
        with self._parent(names) as (parent, name):
            before = os.fstat(parent)
            name_on_disk, entry = self._find(parent, name)
            yield Slot(parent, before, name_on_disk or name, entry, name_on_disk is not None, self._names)

    def parent_inode(self, names: list[str]) -> int:
        """The inode of the parent directory of a path; 0 for the root and for its entries."""
        if len(names) < 2:
            return 0
        with self._parent(names) as (parent, _):
            return os.fstat(parent).st_ino

    def children(
        self, names: list[str], *, first: str = "", prefix: str = "", most: int, identified: bool = True
    ) -> tuple[list[Entry], str]:
        """A page of the entries of a directory, in order.

        Args:
            first: the first name of the page.
            prefix: the prefix of all listed names, in any casing.
            most: the maximum number of entries.
            identified: whether entries have their time of birth, which costs more.

        Returns:
            The entries, and the name with which the next page begins, or an empty string.

        Raises:
            StorageError: there is no such directory.
        """
        entries: list[Entry] = []
        read_entry = entry_at if identified else listed_at
        folded, start = prefix.casefold(), first.casefold()
        with self._directory(names) as descriptor:
            ordered = self._names.ordered_names(descriptor)
            for at in range(_first_index(ordered, max(start, folded)), len(ordered)):
                name = ordered[at]
                if not name.casefold().startswith(folded):
                    break
                if len(entries) == most:
                    return entries, name
                if (entry := read_entry(descriptor, name, links=self._links)) is not None:
                    entries.append(entry)
        return entries, ""

    def walk(self, above: list[str], *, since: str = "") -> Iterator[tuple[str, Entry]]:
        """All paths below a directory, in the order of code points.

        Args:
            above: the directory.
            since: paths before this one are left out.
        """
        before = "/".join([*above, ""])
        with self._directory(above) as descriptor, os.scandir(descriptor) as children:
            names = sorted(
                child.name + "/" * child.is_dir(follow_symlinks=False) for child in children if is_text(child.name)
            )
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
            return  # the directory was deleted in between

    @contextmanager
    def open_file(self, names: list[str], flags: int) -> Iterator[int]:
        """A descriptor of an existing file, closed at the end.

        Raises:
            StorageError: the file is missing, or is a directory.
        """
        descriptor = self.descriptor(names, flags)
        try:
            yield descriptor
        finally:
            close(descriptor)

    def descriptor(self, names: list[str], flags: int) -> int:
        """A descriptor of an existing file, which the caller closes.

        Raises:
            StorageError: the file is missing, or is a directory.
        """
        with self._parent(names) as (parent, name):
            name_on_disk, entry = self._find(parent, name)
            if name_on_disk is None or entry is None:
                raise errors.not_found()
            if entry.is_directory or entry.is_link:
                raise errors.type_mismatch()
            return os.open(name_on_disk, flags | SAFE, dir_fd=parent)

    def link_text(self, names: list[str]) -> str:
        """The target of a symbolic link, as it was written.

        Raises:
            StorageError: there is no such link.
        """
        with self._parent(names) as (parent, name):
            name_on_disk, entry = self._find(parent, name)
            if name_on_disk is None or entry is None:
                raise errors.not_found()
            if not entry.is_link:
                raise errors.type_mismatch()
            return os.readlink(name_on_disk, dir_fd=parent)

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
            name_on_disk = None if self._exact else self._names.name_on_disk(parent, name)
            if name_on_disk is None:
                raise
        return os.open(name_on_disk, _DIRECTORY, dir_fd=parent)

    def _find(self, parent: int, name: str) -> tuple[str | None, Entry | None]:
        """The name on disk of an entry, and the entry.

        An entry of exactly that name wins; otherwise it is the first one whose name differs in casing only.
        """
        try:
            return name, known_entry(name, status_at(parent, name), links=self._links)
        except FileNotFoundError:
            name_on_disk = None if self._exact else self._names.name_on_disk(parent, name)
        return name_on_disk, entry_at(parent, name_on_disk, links=self._links) if name_on_disk is not None else None


def _first_index(ordered: list[str], folded: str) -> int:
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        if ordered[middle].casefold() < folded:
            low = middle + 1
        else:
            high = middle
    return low
