"""Undo or finish changes of the content of files that failed, or that a killed process left unfinished."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.emulator.storage_service import sparse
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import SAFE, FileId, close, to_entry
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.file_records import FileRecord
from harness.emulator.storage_service.intents import ContentChange
from harness.emulator.storage_service.system_calls import status_of
from harness.emulator.store import Store

_WHILE = 60_000_000_000  # ns; the maximum time between an intent and the change of its file


def settle(change: ContentChange, tree: Tree, folder: Path) -> bool:
    """Undo an unfinished write, and finish a change that cannot be undone.

    Args:
        folder: the trash folder.

    Returns:
        False if the file is now as before the change.
    """
    with _open(tree, change) as descriptor:
        if descriptor is None:
            return True
        state = to_entry("", status_of(descriptor)).state
        if state == change.after:
            return True
        has_begun = state != change.before
        if has_begun and abs(state[1] - change.at) > _WHILE:
            return True  # a job has written to the file since, and its data must stay
        if has_begun and change.kind in ("clear", "resize"):
            _finish(change, descriptor)
            return True
        if has_begun:
            undo(change, descriptor, folder)
    return False


def revert_record(store: Store, kind: type[FileRecord], change: ContentChange) -> None:
    """Restore the record as it was before a change."""
    record = store.get(kind, change.key)
    if record is not None and record.file == change.file and record.state == change.after and record.previous:
        store.put(change.key, record.previous)


def undo(change: ContentChange, descriptor: int, folder: Path) -> None:
    """Restore the content of a range and the time of its file.

    Args:
        folder: the trash folder.
    """
    if change.kind == "append":
        os.truncate(descriptor, change.before[0])
    else:
        sparse.clear(descriptor, change.first, change.end - change.first)
    for at, part in change.old:
        sparse.write_all(descriptor, part, at)
    if change.saved:
        saved = os.open(folder / change.saved, os.O_RDONLY)
        try:
            sparse.copy(saved, descriptor, first=change.first, count=change.end - change.first, to=change.first)
        finally:
            close(saved)
    os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, change.before[1]))


def _finish(change: ContentChange, descriptor: int) -> None:
    if change.kind == "clear":
        sparse.clear(descriptor, change.first, change.end - change.first)
    else:
        os.truncate(descriptor, change.after[0])
    os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, change.after[1]))


@contextmanager
def _open(tree: Tree, change: ContentChange) -> Iterator[int | None]:
    """A descriptor of the file, even if a job has renamed it; None if it no longer exists."""
    names = _locate(tree, list(change.names), change.file)
    if names is None:
        yield None
        return
    descriptor = tree.descriptor(names, os.O_RDWR | SAFE)
    try:
        yield descriptor
    finally:
        close(descriptor)


def _locate(tree: Tree, names: list[str], file: FileId) -> list[str] | None:
    try:
        entry = tree.entry(names)
    except StorageError:
        entry = None
    if entry is not None and entry.file == file:
        return names
    return next((path.split("/") for path, moved_entry in tree.walk([]) if moved_entry.file == file), None)
