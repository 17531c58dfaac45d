"""The intent log: operations on files that take more than one step on disk are stored before their first step.

Creating, replacing and deleting a file take one step each and need no intent. An intent that the services find at their
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
    """Bytes of a file are about to be written, appended or cleared, or its length is about to change.

    Args:
        share: the name or content by which the service finds the file's directory.
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
        self._over: list[tuple[type[msgspec.Struct], str]] = []  # their intents could not be deleted

    @contextmanager
    def beginning(self, intent: msgspec.Struct) -> Iterator[str]:
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
            self._over.append((type(intent), key))

    def unfinished(self, kind: type[T]) -> list[tuple[str, T]]:
        """The intents of a kind of operation that a killed process did not finish, by their keys."""
        return self._store.list(kind)
