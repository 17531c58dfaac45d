"""Blobs appear and disappear in one step on disk, together with the directories that only they need.

The directories that a new blob needs are made in the trash folder with the blob in them, and the topmost one is then
renamed to its place.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.history import NOTHING, History, Outcomes
from harness.emulator.providers.blobs.model import Blob, Folder
from harness.emulator.providers.blobs.places import Found, Place
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.entries import Entry, path_entry
from harness.emulator.storage_service.file_records import holding, of_file
from harness.emulator.storage_service.slot import Slot

Folders = list[tuple[Place, Entry]]


class Placing:
    """Creates and deletes the files of blobs, and the directories that only they need."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    def put(self, new: Found, beside: Path) -> Found:
        """Rename a file or directory elsewhere on this file system to the place of its blob.

        A file replaces the blob that is there; a directory replaces nothing.

        Returns:
            The blob, with its version.

        Raises:
            StorageError: a blob or directory has the name already.
            OSError: the disk refuses; nothing has changed.
        """
        new = self._history.as_version(new)
        place, depth = new.place, self._existing(new.place)
        if depth == len(place.names) - 1:
            self._put_in(place, new, beside)
            return new
        with (
            self._with_folders(place, depth, beside) as (top, folders),
            place.tree.slot(place.names[: depth + 1]) as slot,
        ):
            if slot.taken:
                raise errors.type_mismatch()
            store = self._containers.store
            with store.transaction():
                for folder, entry in folders:
                    store.put(folder.key, of_file(Folder(), entry))
                store.put(place.key, of_file(new.blob, new.entry))
            slot.fill(top)
        return new

    def remove(self, found: Found, outcomes: Outcomes = NOTHING) -> None:
        """Delete a blob, and the directories that only it needed. A directory with other blobs in it stays.

        Args:
            outcomes: what becomes of its earlier states.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        place, store = found.place, self._containers.store
        with self._history.parting(found, outcomes), place.tree.slot(place.names) as slot:
            entry = slot.require(directory=found.entry.is_directory)
            try:
                self._unlink(slot, entry)
            except errors.StorageError:  # the directory is not empty
                with store.transaction():
                    store.put(place.key, of_file(Folder(), entry))
                    store.delete(Blob, place.key)
                return
        with best_effort("the directories or records of a deleted blob, which hold for no file, cannot be deleted"):
            gone = [place.key, *self._clear_above(place)]
            with store.transaction():
                store.delete(Blob, place.key)
                for key in gone:
                    store.delete(Folder, key)

    def _unlink(self, slot: Slot, entry: Entry) -> None:
        if entry.is_directory:
            slot.remove_directory()
        else:
            slot.remove_file()

    def _existing(self, place: Place) -> int:
        """How many directories along a path exist.

        Raises:
            StorageError: a blob has the name of one of the directories.
        """
        for depth in range(1, len(place.names)):
            entry = place.tree.entry(place.names[:depth])
            if entry is None:
                return depth - 1
            if not entry.is_directory:
                raise errors.type_mismatch()
        return len(place.names) - 1

    def _put_in(self, place: Place, new: Found, beside: Path) -> None:
        self._clear_leftovers(place)
        store = self._containers.store
        with place.tree.slot(place.names) as slot:
            if slot.taken and new.entry.is_directory:
                raise errors.exists()
            if not slot.taken:
                store.put(place.key, of_file(new.blob, new.entry))
                slot.fill(beside)
                return
            before = slot.require(directory=False)
            with self._history.parting(self._containers.file(place, before)):
                over = holding(store.get(Blob, place.key), before)
                store.put(place.key, of_file(new.blob, new.entry, over=over))
                slot.replace(beside)

    @contextmanager
    def _with_folders(self, place: Place, depth: int, beside: Path) -> Iterator[tuple[Path, Folders]]:
        """Make the directories that a blob's path lacks, with its file in them; yields the topmost, and all entries."""
        top = below = self._containers.trash.folder / uuid.uuid4().hex
        folders: Folders = []
        try:
            for number in range(depth + 1, len(place.names)):
                below = top if number == depth + 1 else below / place.names[number - 1]
                below.mkdir(mode=0o777)
                folders.append((place.above(number), path_entry(below, place.names[number - 1])))
            beside.rename(below / place.names[-1])
            yield top, folders
        except BaseException:
            self._containers.trash.discard(top)
            raise

    def _clear_above(self, place: Place) -> list[str]:
        """Delete the directories that only a deleted blob needed; returns the keys of their records."""
        gone: list[str] = []
        with suppress(OSError, errors.StorageError):  # a directory that is not empty stays
            for depth in range(len(place.names) - 1, 0, -1):
                above = place.above(depth)
                with above.tree.slot(above.names) as slot:
                    if slot.entry is None or not self._containers.is_folder(above, slot.entry):
                        break
                    slot.remove_directory()
                gone.append(above.key)
        return gone

    def _clear_leftovers(self, place: Place) -> None:
        """Delete directories without blobs that a killed process left at the place of a new blob."""
        entry = place.tree.entry(place.names)
        if entry is None or not entry.is_directory or not self._containers.is_folder(place, entry):
            return
        folders = [place]
        for path, below in place.tree.walk(place.names):
            folder = Place(place.account, place.content, path, place.tree, path.split("/"))
            if not below.is_directory or not self._containers.is_folder(folder, below):
                return
            folders.append(folder)
        for folder in reversed(folders):
            with folder.tree.slot(folder.names) as slot:
                slot.remove_directory()
