"""Files of blobs: each appears or disappears in one step on disk, with the directories that only it needs.

The directories that a new blob needs are created in the trash folder with the blob in them; then the topmost one is
renamed into the container.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.history import NO_OUTCOMES, History, Outcomes
from harness.emulator.providers.blobs.model import Blob, Folder
from harness.emulator.providers.blobs.paths import BlobPath, StoredBlob
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.entries import Entry, path_entry
from harness.emulator.storage_service.file_records import bind, valid_record
from harness.emulator.storage_service.slot import Slot

Folders = list[tuple[BlobPath, Entry]]


class BlobFiles:
    """Creates and deletes the files of blobs, and the directories that only they need."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    def put(self, new: StoredBlob, temporary: Path) -> StoredBlob:
        """Rename a file or directory elsewhere on this file system to the path of its blob.

        A file replaces an existing blob; a directory replaces nothing.

        Returns:
            The blob, with its version.

        Raises:
            StorageError: a blob or directory already has the name.
            OSError: the disk refuses; nothing has changed.
        """
        new = self._history.as_version(new)
        path, depth = new.path, self._existing(new.path)
        if depth == len(path.names) - 1:
            self._put_in(path, new, temporary)
            return new
        with (
            self._with_folders(path, depth, temporary) as (top, folders),
            path.tree.slot(path.names[: depth + 1]) as slot,
        ):
            if slot.taken:
                raise errors.type_mismatch()
            store = self._containers.store
            with store.transaction():
                for folder, entry in folders:
                    store.put(folder.key, bind(Folder(), entry))
                store.put(path.key, bind(new.record, new.entry))
            slot.fill(top)
        return new

    def remove(self, blob: StoredBlob, outcomes: Outcomes = NO_OUTCOMES) -> None:
        """Delete a blob, and the directories that only it needed. A directory that holds other blobs remains.

        Args:
            outcomes: the new states of its earlier states.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        path, store = blob.path, self._containers.store
        with self._history.preserving(blob, outcomes), path.tree.slot(path.names) as slot:
            entry = slot.require(directory=blob.entry.is_directory)
            try:
                self._unlink(slot, entry)
            except errors.StorageError:  # the directory is not empty
                with store.transaction():
                    store.put(path.key, bind(Folder(), entry))
                    store.delete(Blob, path.key)
                return
        with best_effort("the directories or records that a deleted blob leaves cannot be deleted"):
            keys = [path.key, *self._delete_empty_parents(path)]
            with store.transaction():
                store.delete(Blob, path.key)
                for key in keys:
                    store.delete(Folder, key)

    def _unlink(self, slot: Slot, entry: Entry) -> None:
        if entry.is_directory:
            slot.remove_directory()
        else:
            slot.remove_file()

    def _existing(self, path: BlobPath) -> int:
        """Return how many directories of a path exist.

        Raises:
            StorageError: a blob has the name of one of the directories.
        """
        for depth in range(1, len(path.names)):
            entry = path.tree.entry(path.names[:depth])
            if entry is None:
                return depth - 1
            if not entry.is_directory:
                raise errors.type_mismatch()
        return len(path.names) - 1

    def _put_in(self, path: BlobPath, new: StoredBlob, temporary: Path) -> None:
        self._delete_leftovers(path)
        store = self._containers.store
        with path.tree.slot(path.names) as slot:
            if slot.taken and new.entry.is_directory:
                raise errors.exists()
            if not slot.taken:
                store.put(path.key, bind(new.record, new.entry))
                slot.fill(temporary)
                return
            before = slot.require(directory=False)
            with self._history.preserving(self._containers.blob_of_file(path, before)):
                previous = valid_record(store.get(Blob, path.key), before)
                store.put(path.key, bind(new.record, new.entry, previous=previous))
                slot.replace(temporary)

    @contextmanager
    def _with_folders(self, path: BlobPath, depth: int, temporary: Path) -> Iterator[tuple[Path, Folders]]:
        """Create a path's missing directories with the blob's file in them; yields the topmost, and all entries."""
        top = directory = self._containers.trash.folder / uuid.uuid4().hex
        folders: Folders = []
        try:
            for number in range(depth + 1, len(path.names)):
                directory = top if number == depth + 1 else directory / path.names[number - 1]
                directory.mkdir(mode=0o777)
                folders.append((path.directory(number), path_entry(directory, path.names[number - 1])))
            temporary.rename(directory / path.names[-1])
            yield top, folders
        except BaseException:
            self._containers.trash.discard(top)
            raise

    def _delete_empty_parents(self, path: BlobPath) -> list[str]:
        """Delete the directories that only a deleted blob needed; returns the keys of their records."""
        keys: list[str] = []
        with suppress(OSError, errors.StorageError):  # a directory that is not empty remains
            for depth in range(len(path.names) - 1, 0, -1):
                parent = path.directory(depth)
                with parent.tree.slot(parent.names) as slot:
                    if slot.entry is None or not self._containers.is_folder(parent, slot.entry):
                        break
                    slot.remove_directory()
                keys.append(parent.key)
        return keys

    def _delete_leftovers(self, path: BlobPath) -> None:
        """Delete directories without blobs that a killed process left at the path of a new blob."""
        entry = path.tree.entry(path.names)
        if entry is None or not entry.is_directory or not self._containers.is_folder(path, entry):
            return
        folders = [path]
        for name, child in path.tree.walk(path.names):
            folder = path.sibling(name)
            if not child.is_directory or not self._containers.is_folder(folder, child):
                return
            folders.append(folder)
        for folder in reversed(folders):
            with folder.tree.slot(folder.names) as slot:
                slot.remove_directory()
