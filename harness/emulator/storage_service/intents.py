"""The intent log: an operation on files that takes more than one step on disk is stored before its first step.

Creating, replacing and deleting a file take one step each and need no intent. An intent that a service finds at its
start belongs to an operation that a killed process did not finish; the service's ``recovery`` undoes or finishes it.
"""

import logging
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import msgspec

from harness.emulator.storage_service.entries import FileId, State
from harness.emulator.storage_service.model import Service
from harness.emulator.store import Store

_log = logging.getLogger(__name__)

Kind = Literal["write", "append", "clear", "resize"]
T = TypeVar("T", bound=msgspec.Struct)


class ContentChange(msgspec.Struct, frozen=True):
    """The intent to write, append or clear bytes of a file, or to change its length.

    Args:
        share: the name or content that identifies the directory of the share or container.
        names: the path of the file.
        key: the key of the file's record.
        before: the state of the file before the change.
        after: the state of the file after the change.
        at: the time when the change begins (ns).
        first: the first byte of the range that is written or cleared.
        end: the end of that range.
        old: the data that a write overwrites, as first byte and bytes of each part; the rest of the range is a hole.
        saved: the name of the file in the trash folder that holds the data instead, if it is long.
    """

    account: str
    share: str
    names: tuple[str, ...]
    key: str
    file: FileId
    before: State
    after: State
    at: int
    kind: Kind
    first: int
    end: int
    old: tuple[tuple[int, bytes], ...] = ()
    saved: str = ""
    service: Service = "file"


class Intents:
    """The intents of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._undeleted: list[tuple[type[msgspec.Struct], str]] = []  # intents of finished operations

    @contextmanager
    def beginning(self, intent: msgspec.Struct) -> Iterator[str]:
        """Store an intent together with what the block stores; yields the intent's key.

        Raises:
            sqlite3.Error: nothing was stored.
        """
        key = uuid.uuid4().hex
        with self._store.transaction():
            for kind, finished_key in self._undeleted:
                self._store.delete(kind, finished_key)
            self._store.put(key, intent)
            yield key
        self._undeleted.clear()

    def end(self, intent: msgspec.Struct, key: str, *, then: Callable[[], None] = lambda: None) -> None:
        """Delete the intent of a finished operation.

        Args:
            then: stores records in the same transaction.

        Raises:
            sqlite3.Error: nothing was stored.
        """
        with self._store.transaction():
            self._store.delete(type(intent), key)
            then()

    def end_if_possible(self, intent: msgspec.Struct, key: str, *, then: Callable[[], None] = lambda: None) -> None:
        """Like ``end``, but if the store refuses, the intent is deleted together with the next one.

        Until then the state of the file on disk shows that the operation is finished.
        """
        try:
            self.end(intent, key, then=then)
        except sqlite3.Error as error:
            _log.warning("the intent of a finished operation cannot be deleted yet: %s", error)
            self._undeleted.append((type(intent), key))

    def unfinished(self, kind: type[T]) -> list[tuple[str, T]]:
        """The intents of a kind of operation that a killed process did not finish, by their keys."""
        return self._store.list(kind)
