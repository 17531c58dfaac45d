"""Renames. A file or directory gets its new name in one step on disk, and its records follow.

The records of the new path are stored first and those of the old path are deleted last. In between both exist, and the
disk decides which of them hold, because each record names its file. If the process is killed, ``recovery`` deletes the
records that do not hold.
"""

import msgspec

from harness.emulator.providers.files.linked_records import forget_replaced, rename_linked
from harness.emulator.providers.files.model import Properties
from harness.emulator.providers.files.paths import ShareItem
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.entries import FileId
from harness.emulator.storage_service.file_records import bind, valid_record
from harness.emulator.storage_service.intents import Intents
from harness.emulator.storage_service.slot import Slot
from harness.emulator.store import Store


class Move(msgspec.Struct, frozen=True):
    """The intent to rename a file or directory.

    Args:
        share: name of the share's directory.
        names: the old path.
        target: the new path.
        source_key: the key of the record at the old path.
        target_key: the key of the record at the new path.
        replaced: the file at the new path, which the rename replaces.
        before: the record, if both paths have one key because they differ in casing only.
    """

    account: str
    share: str
    names: tuple[str, ...]
    target: tuple[str, ...]
    source_key: str
    target_key: str
    file: FileId
    directory: bool
    replaced: FileId | None = None
    before: Properties | None = None


class Moves:
    """Renames within a share. The caller holds the turns of both paths, and of all files in a directory."""

    def __init__(self, shares: Shares, intents: Intents) -> None:
        self._shares = shares
        self._intents = intents

    def move(self, source: ShareItem, target: ShareItem) -> None:
        """Rename a file or directory. A file at the new path is replaced.

        Args:
            target: the same file or directory at its new path, with its new properties.

        Raises:
            StorageError: another file has the old name by now.
            OSError: the disk refuses; nothing has changed.
        """
        tree = source.path.tree
        with tree.slot(source.path.names) as old, tree.slot(target.path.names) as new:
            if old.entry is None or old.entry.file != source.entry.file:
                raise errors.not_found()
            move = self._move(source, target, old, new)
            with self._intents.beginning(move) as key:
                self._copy_records(move, target, new)
            try:
                _rename(old, new, target.path.names[-1], over_file=move.replaced is not None and move.directory)
            except Exception:
                self._intents.end_if_possible(move, key, then=lambda: revert(self._shares.store, move))
                raise
            self._intents.end_if_possible(move, key, then=lambda: complete(self._shares.store, move, vacant=True))
            if move.replaced is not None and new.entry is not None:
                forget_replaced(self._shares.store, target.path, new.entry)

    def _move(self, source: ShareItem, target: ShareItem, old: Slot, new: Slot) -> Move:
        old_path, same = source.path, source.path.key == target.path.key
        replaced = new.entry if new.entry is not None and new.entry.file != source.entry.file else None
        return Move(
            old_path.target.account,
            old_path.target.directory_name,
            (*old_path.names[:-1], old.name),
            tuple(target.path.names),
            old_path.key,
            target.path.key,
            source.entry.file,
            source.entry.is_directory,
            replaced.file if replaced is not None else None,
            self._shares.store.get(Properties, old_path.key) if same else None,
        )

    def _copy_records(self, move: Move, target: ShareItem, new: Slot) -> None:
        """Store the records of the new path and keep those of the old one."""
        store, same = self._shares.store, move.source_key == move.target_key
        if move.directory and not same:
            store.delete_all(Properties, f"{move.target_key}/")  # of files that a job has deleted
            store.copy_all(Properties, f"{move.source_key}/", f"{move.target_key}/")
        before = None if same else store.get(Properties, move.target_key)
        previous = valid_record(before, new.entry) if new.entry is not None else None
        store.put(move.target_key, bind(target.properties, target.entry, previous=previous))


def _rename(old: Slot, new: Slot, name: str, *, over_file: bool) -> None:
    if over_file:
        old.exchange(new)
    else:
        old.move_to(new, name)


def revert(store: Store, move: Move) -> None:
    """Delete the records of the new path, because the rename has not happened."""
    if move.source_key == move.target_key:
        _restore(store, move.target_key, move.before)
        return
    record = store.get(Properties, move.target_key)
    if record is not None and record.file == move.file:
        _restore(store, move.target_key, record.previous)
    if move.directory:
        store.delete_all(Properties, f"{move.target_key}/")


def complete(store: Store, move: Move, *, vacant: bool) -> None:
    """Delete the records of the old path, because the rename has happened.

    Args:
        vacant: whether nothing exists at the old path.
    """
    if move.source_key == move.target_key:
        return
    record = store.get(Properties, move.source_key)
    if record is not None and record.file == move.file:
        store.delete(Properties, move.source_key)
    if move.directory:
        rename_linked(store, move.source_key, move.names, move.target)
        if vacant:
            store.delete_all(Properties, f"{move.source_key}/")


def _restore(store: Store, key: str, record: Properties | None) -> None:
    if record is not None:
        store.put(key, record)
    else:
        store.delete(Properties, key)
