"""The files with the contents of earlier states of blobs: one file per state, in one directory per container."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.paths import BlobPath, StoredBlob
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.entries import SAFE, close
from harness.emulator.storage_service.links import copy_to, link_or_copy
from harness.emulator.storage_service.threads import in_thread


class EarlierFiles:
    """Creates, opens and deletes the files of earlier states."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    def descriptor(self, blob: StoredBlob) -> int:
        """Return a descriptor to read the content of a blob or an earlier state; the caller closes it.

        Raises:
            StorageError: the file no longer exists.
        """
        if blob.earlier is None:
            return blob.path.tree.descriptor(blob.path.names, os.O_RDONLY)
        return os.open(self._path(blob.path, blob.earlier.file), os.O_RDONLY | SAFE)

    def open(self, blob: StoredBlob) -> tuple[int, int]:
        """Return ``descriptor`` and the length of the content."""
        if blob.earlier is None:
            return self._containers.open(blob)
        descriptor = self.descriptor(blob)
        return descriptor, os.fstat(descriptor).st_size

    async def copy_content(self, current: Callable[[], StoredBlob]) -> tuple[StoredBlob, str]:
        """Copy the content of a blob to a file for an earlier state that has no record yet.

        Args:
            current: returns the blob if the request may copy it; called again afterwards, because copying takes time.

        Returns:
            The blob, and the name of the file.
        """
        blob = current()
        name, descriptor = self._new_name(blob.path), self.descriptor(blob)
        try:
            with self.discarding_on_error(blob.path, name):
                await in_thread(copy_to, descriptor, self._path(blob.path, name))
                current()
        finally:
            close(descriptor)
        return blob, name

    def link_current(self, path: BlobPath) -> str:
        """Link the file of a blob for the earlier state that the blob becomes; returns the name of the link."""
        name = self._new_name(path)
        with path.tree.slot(path.names) as slot:
            slot.require(directory=False)
            link_or_copy(slot.name, self._path(path, name), parent=slot.parent)
        return name

    def link_earlier(self, path: BlobPath, name: str) -> str:
        """Link the file of an earlier state for another state with the same content; returns the name of the link."""
        link = self._new_name(path)
        link_or_copy(str(self._path(path, name)), self._path(path, link))
        return link

    @contextmanager
    def temporary_link(self, blob: StoredBlob) -> Iterator[Path]:
        """Yield a file with the content of an earlier state, to be renamed to its blob's path; else it is deleted."""
        temporary = self._containers.trash.folder / uuid.uuid4().hex
        try:
            link_or_copy(str(self._path(blob.path, blob.earlier.file if blob.earlier else "")), temporary)
            yield temporary
        finally:
            with suppress(OSError):  # the next start of the emulator deletes it
                temporary.unlink(missing_ok=True)

    @contextmanager
    def discarding_on_error(self, path: BlobPath, name: str) -> Iterator[None]:
        """Delete a file if the block fails to store the record of its state."""
        try:
            yield
        except BaseException:
            self.discard(path.account, path.content, name)
            raise

    def discard(self, account: str, content: str, name: str) -> None:
        """Delete a file whose state has no record. If the disk refuses, the next start of the emulator deletes it."""
        with best_effort("the file of a deleted earlier state of a blob cannot be deleted"):
            (self._containers.earlier_files(account, content) / name).unlink(missing_ok=True)

    def _path(self, path: BlobPath, name: str) -> Path:
        return self._containers.earlier_files(path.account, path.content) / name

    def _new_name(self, path: BlobPath) -> str:
        folder = self._containers.earlier_files(path.account, path.content)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return uuid.uuid4().hex
