"""The intent log: operations on files that take more than one step on disk are stored before their first step.

Creating, replacing and deleting a file take one step each and need no intent. An intent that the services find at their
start belongs to an operation that a killed process did not finish; ``recovery`` undoes or finishes it.
"""

import logging
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

from harness.emulator.providers.files.model import Properties
from harness.emulator.storage_service.entries import FileId, State
from harness.emulator.store import Store

_log = logging.getLogger(__name__)


class ContentChange(msgspec.Struct, frozen=True):
    """Bytes of a file are about to be written or cleared, or its length is about to change.

    Args:
        share: name of the share's directory.
        names: path of the file.
        key: of the file's record.
        before: state of the file before the change.
        after: state of the file after the change.
        at: when the change begins (ns).
        first: first byte of the range that is written or cleared.
        end: end of that range.
        old: the data that a write overwrites, as first byte and bytes of each part; the rest of the range is a hole.
        saved: name of the file in the trash folder that holds the data instead, where it is long.
    """

    account: str
    share: str
    names: tuple[str, ...]
    key: str
    file: FileId
    before: State
    after: State
    at: int
    kind: Literal["write", "clear", "resize"]
    first: int
    end: int
    old: tuple[tuple[int, bytes], ...] = ()
    saved: str = ""


class Move(msgspec.Struct, frozen=True):
    """A file or directory is about to be renamed.

    Args:
        share: name of the share's directory.
        names: the old path.
        target: the new path.
        source_key: of the record at the old path.
        target_key: of the record at the new path.
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


Intent = ContentChange | Move


class Intents:
    """The intents of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._over: list[tuple[type[Intent], str]] = []  # of finished operations, for which deletion has failed

    @contextmanager
    def beginning(self, intent: Intent) -> Iterator[str]:
        """Store an intent together with what the block stores; yields the intent's key.

        Raises:
            sqlite3.Error: nothing was stored.
        """
        key = uuid.uuid4().hex
        with self._store.transaction():
            for kind, over in self._over:
                self._store.delete(kind, over)
            self._store.put(key, intent)
            yield key
        self._over.clear()

    def end(self, intent: Intent, key: str, *, then: Callable[[], None] = lambda: None) -> None:
        """Delete the intent of a finished operation.

        Args:
            then: stores records in the same transaction.

        Raises:
            sqlite3.Error: nothing was stored.
        """
        with self._store.transaction():
            self._store.delete(type(intent), key)
            then()

    def end_if_possible(self, intent: Intent, key: str, *, then: Callable[[], None] = lambda: None) -> None:
        """Like ``end``, but if the store refuses, the intent is deleted together with the next one.

        Until then the state of the file on disk shows that the operation is finished.
        """
        try:
            self.end(intent, key, then=then)
        except sqlite3.Error as error:
            _log.warning("the intent of a finished operation cannot be deleted yet: %s", error)
            self._over.append((type(intent), key))

    def unfinished(self) -> list[tuple[str, Intent]]:
        """The intents of operations that a killed process did not finish, by their keys."""
        return [*self._store.list(ContentChange), *self._store.list(Move)]
