"""One share or container on disk. Every step down is opened without following links: no path leaves it."""

import errno
import os
import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.emulator.providers.storage import errors
from harness.emulator.providers.storage.entries import SAFE, Entry, entry_at, staged, to_entry
from harness.emulator.providers.storage.names import DirectoryNames, is_text

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """The directory of one share or container.

    Args:
        root: the directory.
        names: what is known of directories.
        staging: where files are made before they are shown; on the same file system.
        exact: names differ by casing (blobs); otherwise they are found in any and keep that of their creation.
    """

    def __init__(self, root: Path, *, names: DirectoryNames, staging: Path, exact: bool = False) -> None:
        self._root = str(root)
        self._names = names
        self._staging = staging
        self._exact = exact

    def entry(self, names: list[str]) -> Entry | None:
        """What is at a path; None if nothing is, or a link or device.

        Raises:
            StorageError: the directory above is missing.
        """
        if not names:
            return to_entry("", os.stat(self._root))  # noqa: PTH116
        with self._parent(names) as (parent, name):
            found = self._find(parent, name)
            return entry_at(parent, found) if found is not None else None

    def parent_inode(self, names: list[str]) -> int:
        """The inode of the directory that a path is in; 0 for the root and for what is in it."""
        if len(names) < 2:
            return 0
        with self._parent(names) as (parent, _):
            return os.fstat(parent).st_ino

    def children(self, names: list[str], *, first: str = "", prefix: str = "", most: int) -> tuple[list[Entry], str]:
        """A page of the files and directories in a directory, in order; links are not shown.

        Args:
            first: the name to begin with.
            prefix: that names have, in any casing.
            most: entries.

        Returns:
            The entries, and the name to go on with or an empty string.

        Raises:
            StorageError: there is no such directory.
        """
        found: list[Entry] = []
        folded, start = prefix.casefold(), first.casefold()
        with self._directory(names) as descriptor:
            ordered = self._names.ordered(descriptor)
            for at in range(bisect_left(ordered, max(start, folded), key=str.casefold), len(ordered)):
                name = ordered[at]
                if not name.casefold().startswith(folded):
                    break
                if len(found) == most:
                    return found, name
                if (entry := entry_at(descriptor, name)) is not None:
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
                elif path >= since and (entry := entry_at(descriptor, name)) is not None:
                    yield path, entry

    def _walk_safely(self, above: list[str], since: str) -> Iterator[tuple[str, Entry]]:
        try:
            yield from self.walk(above, since=since)
        except errors.StorageError:
            return  # gone since it was seen

    def make_directory(self, names: list[str]) -> None:
        """Make one directory.

        Raises:
            StorageError: its parent is missing, or something of that name is there.
        """
        with self._parent(names) as (parent, name):
            if self._find(parent, name) is not None:
                raise errors.exists()
            before = os.fstat(parent)
            try:
                os.mkdir(name, 0o777, dir_fd=parent)
            except FileExistsError:
                raise errors.exists() from None
            self._names.added(parent, name, before)

    def remove_directory(self, names: list[str]) -> None:
        """Delete one empty directory.

        Raises:
            StorageError: it is missing, a file, or not empty.
        """
        with self._parent(names) as (parent, name):
            found, before = self._require(parent, name, directory=True), os.fstat(parent)
            try:
                os.rmdir(found, dir_fd=parent)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                raise errors.directory_not_empty() from error
            self._names.removed(parent, found, before)

    def remove_file(self, names: list[str]) -> None:
        """Delete one file.

        Raises:
            StorageError: it is missing or a directory.
        """
        with self._parent(names) as (parent, name):
            found, before = self._require(parent, name, directory=False), os.fstat(parent)
            os.unlink(found, dir_fd=parent)
            self._names.removed(parent, found, before)

    @contextmanager
    def new_file(self, names: list[str]) -> Iterator[int]:
        """A descriptor of a file that takes its place at the end of the block, instead of the one that is there.

        What was there is lost only once the new one stands; if the block raises, nothing changes.

        Raises:
            StorageError: its parent is missing, or a directory of that name is there.
        """
        with staged(self._staging) as (descriptor, beside):
            yield descriptor
            self.adopt(beside, names)

    def adopt(self, beside: Path, names: list[str]) -> None:
        """Give a file that is elsewhere on this file system its place, instead of the one that is there.

        Raises:
            StorageError: its parent is missing, or a directory of that name is there.
        """
        with self._parent(names) as (parent, name):
            found = self._find(parent, name)
            if found is not None:
                self._require(parent, name, directory=False)
            before = os.fstat(parent)
            os.rename(beside, found or name, dst_dir_fd=parent)
            self._names.added(parent, found or name, before)

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
            os.close(descriptor)

    def descriptor(self, names: list[str], flags: int) -> int:
        """A descriptor of an existing file, which the caller closes.

        Raises:
            StorageError: it is missing or a directory.
        """
        with self._parent(names) as (parent, name):
            found = self._require(parent, name, directory=False)
            return os.open(found, flags | SAFE, dir_fd=parent)

    def touch_directory(self, names: list[str], modified_ns: int) -> None:
        """Set the time of a directory."""
        with self._directory(names) as descriptor:
            os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, modified_ns))

    def rename(self, source: list[str], target: list[str]) -> str:
        """Move a file or directory to another place in the share, in place of what is there.

        Returns:
            Its name as it is on disk before the move.

        Raises:
            StorageError: it is missing, or a parent is.
        """
        with self._parent(source) as (above, name), self._parent(target) as (below, wanted):
            found = self._find(above, name)
            moved = entry_at(above, found) if found is not None else None
            if found is None or moved is None:
                raise errors.not_found()
            there = self._find(below, wanted)
            replaced = entry_at(below, there) if there is not None else None
            before_above, before_below = os.fstat(above), os.fstat(below)
            if there is not None and replaced is not None and moved.is_directory and not replaced.is_directory:
                self._replace_file(found, above, file=there, below=below, wanted=wanted)
                there = None
            else:
                os.rename(found, wanted, src_dir_fd=above, dst_dir_fd=below)
            if there is not None and there != wanted and (there != found or before_above.st_ino != before_below.st_ino):
                os.unlink(there, dir_fd=below)  # what differed in casing alone was replaced too
            self._names.removed(above, found, before_above)
            same = before_above.st_ino == before_below.st_ino
            self._names.added(below, wanted, os.fstat(above) if same else before_below)
            return found

    def _replace_file(self, directory: str, above: int, *, file: str, below: int, wanted: str) -> None:
        """Put a directory in place of a file, which a file system's own rename refuses; if it fails, the file stays."""
        aside = self._staging / uuid.uuid4().hex
        os.rename(file, aside, src_dir_fd=below)
        try:
            os.rename(directory, wanted, src_dir_fd=above, dst_dir_fd=below)
        except OSError:
            os.rename(aside, file, dst_dir_fd=below)
            raise
        aside.unlink()

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
                found = self._find(descriptor, name)
                if found is None:
                    raise missing()
                try:
                    below = os.open(found, _DIRECTORY, dir_fd=descriptor)
                except OSError as error:
                    if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.ENOENT):
                        raise
                    raise missing() from error
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def _find(self, parent: int, name: str) -> str | None:
        """The name as it is spelled on disk: itself if it is there, else the first that differs in casing only."""
        try:
            os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None if self._exact else self._names.spelled(parent, name)
        return name

    def _require(self, parent: int, name: str, *, directory: bool) -> str:
        found = self._find(parent, name)
        entry = entry_at(parent, found) if found is not None else None
        if entry is None or found is None:
            raise errors.not_found()
        if entry.is_directory != directory:
            raise errors.type_mismatch()
        return found
