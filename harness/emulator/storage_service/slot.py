"""One name in an open directory, and the single system call that changes its entry.

The call is a rename, link, unlink or rmdir, so the change is atomic, even if the process is killed. The steps after the
call (updating the index of names, closing descriptors) raise nothing: an operation never fails after its change.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.emulator.storage_service import errors
from harness.emulator.storage_service.directory_names import DirectoryNames
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.system_calls import exchange, rename_to_new


@dataclass(frozen=True, slots=True)
class Slot:
    """A name in a directory.

    Args:
        parent: the descriptor of the directory.
        before: the directory's status.
        name: the name on disk, or that of the request if the name does not exist.
        entry: the entry of that name; None if there is none, and for ignored links and devices.
        taken: whether the name exists.
        index: the index of names, which is updated.
    """

    parent: int
    before: os.stat_result
    name: str
    entry: Entry | None
    taken: bool
    index: DirectoryNames

    def require(self, *, directory: bool) -> Entry:
        """The entry of that name.

        Raises:
            StorageError: there is none, or it is a directory instead of a file, or a file instead of a directory.
        """
        if self.entry is None:
            raise errors.not_found()
        if self.entry.is_directory != directory:
            raise errors.type_mismatch()
        return self.entry

    def replace(self, staged_path: Path) -> None:
        """Give the name to a staged file. A file that has the name is replaced."""
        os.rename(staged_path, self.name, dst_dir_fd=self.parent)
        self._add_to_index()

    def fill(self, staged_path: Path) -> None:
        """Give the name to a staged file or directory.

        Raises:
            StorageError: the name exists already.
        """
        try:
            rename_to_new(staged_path, self.parent, self.name)
        except FileExistsError:
            raise errors.exists() from None
        self._add_to_index()

    def link(self, source: "Slot") -> None:
        """Give this name to the file of another slot, as a hard link.

        Raises:
            StorageError: the name exists already.
        """
        try:
            os.link(source.name, self.name, src_dir_fd=source.parent, dst_dir_fd=self.parent, follow_symlinks=False)
        except FileExistsError:
            raise errors.exists() from None
        self._add_to_index()

    def move_to(self, target: "Slot", name: str) -> None:
        """Rename this entry. A file that has the new name is replaced, and the casing of its name stays.

        Args:
            name: the new name if no other file is replaced.
        """
        name = target.name if target.taken and target.entry != self.entry else name
        os.rename(self.name, name, src_dir_fd=self.parent, dst_dir_fd=target.parent)
        with self._indexing(target):
            self.index.remove(self.parent, self.name, self.before)
            same = self.before.st_ino == target.before.st_ino
            self.index.add(target.parent, name, os.fstat(self.parent) if same else target.before)

    def exchange(self, target: "Slot") -> None:
        """Rename the directory over a file, which is deleted."""
        exchange(self.parent, self.name, target.parent, target.name)
        try:
            os.unlink(self.name, dir_fd=self.parent)
        except OSError:
            exchange(self.parent, self.name, target.parent, target.name)
            raise
        self._remove_from_index()
        with self._indexing(target):
            self.index.add(target.parent, target.name, os.fstat(target.parent))

    def remove_file(self) -> None:
        """Delete the file."""
        os.unlink(self.name, dir_fd=self.parent)
        self._remove_from_index()

    def remove_directory(self) -> None:
        """Delete the directory.

        Raises:
            StorageError: the directory is not empty.
        """
        try:
            os.rmdir(self.name, dir_fd=self.parent)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise errors.directory_not_empty() from error
        self._remove_from_index()

    @contextmanager
    def _indexing(self, *others: "Slot") -> Iterator[None]:
        """A block that updates the index. If the disk refuses to read a directory, its index is dropped."""
        try:
            yield
        except OSError:
            for slot in (self, *others):
                self.index.forget(slot.before)

    def _add_to_index(self) -> None:
        with self._indexing():
            self.index.add(self.parent, self.name, self.before)

    def _remove_from_index(self) -> None:
        with self._indexing():
            self.index.remove(self.parent, self.name, self.before)
