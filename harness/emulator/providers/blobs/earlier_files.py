"""The files with the contents of earlier states of blobs: one for each state, in a directory of its container."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.places import Found, Place
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.entries import SAFE, close
from harness.emulator.storage_service.links import copy_to, link_or_copy
from harness.emulator.storage_service.threads import in_thread


class EarlierFiles:
    """Makes, opens and deletes the files of earlier states."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    def descriptor(self, found: Found) -> int:
        """A descriptor to read the content of a blob or of an earlier state, which the caller closes.

        Raises:
            StorageError: the file does not exist any more.
        """
        if found.earlier is None:
            return found.place.tree.descriptor(found.place.names, os.O_RDONLY)
        return os.open(self._path(found.place, found.earlier.file), os.O_RDONLY | SAFE)

    def open(self, found: Found) -> tuple[int, int]:
        """``descriptor``, and the length of the content."""
        if found.earlier is None:
            return self._containers.open(found)
        descriptor = self.descriptor(found)
        return descriptor, os.fstat(descriptor).st_size

    async def copied(self, current: Callable[[], Found]) -> tuple[Found, str]:
        """Copy the content of a blob to a file for an earlier state that has no record yet.

        Args:
            current: returns the blob if the request may copy it; called again after the copy, which takes time.

        Returns:
            The blob, and the name of the file.
        """
        found = current()
        name, descriptor = self._new_name(found.place), self.descriptor(found)
        try:
            with self.unless_kept(found.place, name):
                await in_thread(copy_to, descriptor, self._path(found.place, name))
                current()
        finally:
            close(descriptor)
        return found, name

    def kept(self, place: Place) -> str:
        """Give the file of a blob a second name, for the state that the blob becomes when it is replaced or deleted."""
        name = self._new_name(place)
        with place.tree.slot(place.names) as slot:
            slot.require(directory=False)
            link_or_copy(slot.name, self._path(place, name), parent=slot.parent)
        return name

    def linked(self, place: Place, name: str) -> str:
        """Give the file of an earlier state a second name, for another state with the same content."""
        other = self._new_name(place)
        link_or_copy(str(self._path(place, name)), self._path(place, other))
        return other

    @contextmanager
    def beside(self, found: Found) -> Iterator[Path]:
        """A file with the content of an earlier state, to be renamed to its blob's place; deleted if it was not."""
        beside = self._containers.trash.folder / uuid.uuid4().hex
        try:
            link_or_copy(str(self._path(found.place, found.earlier.file if found.earlier else "")), beside)
            yield beside
        finally:
            with suppress(OSError):  # the next start of the emulator deletes it
                beside.unlink(missing_ok=True)

    @contextmanager
    def unless_kept(self, place: Place, name: str) -> Iterator[None]:
        """Delete a file if the block fails to store the record of its state."""
        try:
            yield
        except BaseException:
            self.discard(place.account, place.content, name)
            raise

    def discard(self, account: str, content: str, name: str) -> None:
        """Delete a file whose state has no record. If the disk refuses, the next start of the emulator deletes it."""
        with best_effort("the file of a deleted earlier state of a blob cannot be deleted"):
            (self._containers.earlier_files(account, content) / name).unlink(missing_ok=True)

    def _path(self, place: Place, name: str) -> Path:
        return self._containers.earlier_files(place.account, place.content) / name

    def _new_name(self, place: Place) -> str:
        folder = self._containers.earlier_files(place.account, place.content)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return uuid.uuid4().hex
