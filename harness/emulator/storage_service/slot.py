"""One name in an open directory, and the single system call that changes what exists under it.

The call is a rename, unlink or rmdir, so the change happens as a whole or not at all, also if the process is killed.
What follows the call (the index of names, closing descriptors) raises nothing: an operation never fails after its
change has happened.
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
        parent: descriptor of the directory.
        before: the directory's status.
        name: its spelling on disk, or that of the request if nothing of that name exists.
        entry: what exists there; None for nothing, and for links and devices.
        taken: whether anything of that name exists.
        index: the index of names, which is kept up to date.
    """

    parent: int
    before: os.stat_result
    name: str
    entry: Entry | None
    taken: bool
    index: DirectoryNames

    def require(self, *, directory: bool) -> Entry:
        """What exists there.

        Raises:
            StorageError: nothing does, or it is a directory where a file is meant, or the other way round.
        """
        if self.entry is None:
            raise errors.not_found()
        if self.entry.is_directory != directory:
            raise errors.type_mismatch()
        return self.entry

    def replace(self, beside: Path) -> None:
        """Give the name to a file elsewhere on this file system. A file that has the name is replaced."""
        os.rename(beside, self.name, dst_dir_fd=self.parent)
        self._added()

    def fill(self, beside: Path) -> None:
        """Give the name to a file or directory elsewhere on this file system.

        Raises:
            StorageError: something has it.
        """
        try:
            rename_to_new(beside, self.parent, self.name)
        except FileExistsError:
            raise errors.exists() from None
        self._added()

    def link(self, source: "Slot") -> None:
        """Give a file that has another name this one, too.

        Raises:
            StorageError: something has it.
        """
        try:
            os.link(source.name, self.name, src_dir_fd=source.parent, dst_dir_fd=self.parent, follow_symlinks=False)
        except FileExistsError:
            raise errors.exists() from None
        self._added()

    def move_to(self, target: "Slot", name: str) -> None:
        """Rename what exists here. A file that has the new name is replaced, and keeps the spelling of its name.

        Args:
            name: the new name if no other file is replaced.
        """
        name = target.name if target.taken and target.entry != self.entry else name
        os.rename(self.name, name, src_dir_fd=self.parent, dst_dir_fd=target.parent)
        with self._indexing(target):
            self.index.removed(self.parent, self.name, self.before)
            same = self.before.st_ino == target.before.st_ino
            self.index.added(target.parent, name, os.fstat(self.parent) if same else target.before)

    def exchange(self, target: "Slot") -> None:
        """Rename the directory over a file, which is deleted."""
        exchange(self.parent, self.name, target.parent, target.name)
        try:
            os.unlink(self.name, dir_fd=self.parent)
        except OSError:
            exchange(self.parent, self.name, target.parent, target.name)
            raise
        self._removed()
        with self._indexing(target):
            self.index.added(target.parent, target.name, os.fstat(target.parent))

    def remove_file(self) -> None:
        """Delete the file."""
        os.unlink(self.name, dir_fd=self.parent)
        self._removed()

    def remove_directory(self) -> None:
        """Delete the directory.

        Raises:
            StorageError: something is in it.
        """
        try:
            os.rmdir(self.name, dir_fd=self.parent)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise errors.directory_not_empty() from error
        self._removed()

    @contextmanager
    def _indexing(self, *others: "Slot") -> Iterator[None]:
        """A block that updates the index. If the disk refuses to show a directory, its names are read again later."""
        try:
            yield
        except OSError:
            for slot in (self, *others):
                self.index.forget(slot.before)

    def _added(self) -> None:
        with self._indexing():
            self.index.added(self.parent, self.name, self.before)

    def _removed(self) -> None:
        with self._indexing():
            self.index.removed(self.parent, self.name, self.before)
