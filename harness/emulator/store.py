"""The emulator's durable state: typed records by kind and key, in one SQLite file.

WAL with ``synchronous=NORMAL`` loses nothing when the process is killed (only a power cut may lose the last
commits), at a tenth of the cost of one sync per write. Records are frozen ``msgspec.Struct``s; decoded records
are cached, so that a read is a dictionary look-up. Only the thread of the event loop uses a store.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.emulator.checkpoints import Checkpoints

T = TypeVar("T", bound=msgspec.Struct)

APPLICATION_ID = 0x42614169  # marks the database, in its header, as one that an emulator made
_CACHED = 25_000  # decoded records of one kind kept; about 1 kB each
_EVICTED = 100  # records at a time, so that no request waits long for the eviction
_LOGGED = 16_384  # pages of log (64 MB), after which SQLite runs a checkpoint itself


def is_full(error: sqlite3.Error) -> bool:
    """Whether SQLite refused because its disk has no room left; nothing of the transaction was stored.

    The index of the write-ahead log is a separate file; SQLite reports an I/O error when that file cannot grow.
    """
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)


class DamagedRecordError(Exception):
    """A stored record cannot be read; the text says which."""


class Store:
    """The records of one data directory.

    Args:
        path: the database file, created when missing with access for its owner only; ``:memory:`` stores nothing.
    """

    def __init__(self, path: Path | str) -> None:
        if isinstance(path, Path):
            # The file holds keys, and other users may read the directory. SQLite gives its other files the same mode.
            path.touch(mode=0o600)
            path.chmod(0o600)
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        # Set before there is a log, so that it is in the file itself and can be read without SQLite.
        if self._connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
            self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(f"PRAGMA wal_autocheckpoint={_LOGGED}")
        # With row ids a page holds whole records of 1 kB, and records of the same time lie beside each other.
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS records (kind TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (kind, key))"
        )
        # Keys are strings, not tuples, which the garbage collector would traverse again and again.
        self._cache: defaultdict[type[msgspec.Struct], dict[str, msgspec.Struct]] = defaultdict(dict)
        self._complete: set[type[msgspec.Struct]] = set()  # kinds of which every record is decoded and kept
        self._depth = 0
        self._rolled_back: list[Callable[[], None]] = []
        self._checkpoints = Checkpoints(path) if isinstance(path, Path) else None

    def get(self, kind: type[T], key: str) -> T | None:
        """The record of that kind and key, or None."""
        if (record := self._cached(kind, key)) is not None:
            return record
        if kind in self._complete:
            return None
        row = self._connection.execute(
            "SELECT value FROM records WHERE kind = ? AND key = ?", (kind.__name__, key)
        ).fetchone()
        return self._remember(kind, key, row[0]) if row else None

    def put(self, key: str, record: msgspec.Struct) -> None:
        """Store a record under its type's name and ``key``; it replaces an earlier one."""
        self._connection.execute(
            "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (type(record).__name__, key, msgspec.json.encode(record)),
        )
        self._cache_one(key, record)
        if self._checkpoints:
            self._checkpoints.count()

    def delete(self, kind: type[msgspec.Struct], key: str) -> bool:
        """Delete a record; False if there was none."""
        cursor = self._connection.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind.__name__, key))
        self._cache[kind].pop(key, None)
        return cursor.rowcount > 0

    def delete_all(self, kind: type[msgspec.Struct], prefix: str) -> None:
        """Delete every record of a kind whose key begins with ``prefix``."""
        self._connection.execute(
            "DELETE FROM records WHERE kind = ? AND key >= ? AND key < ?",
            (kind.__name__, prefix, prefix + "\U0010ffff"),
        )
        cached = self._cache[kind]
        for key in [key for key in cached if key.startswith(prefix)]:
            del cached[key]

    def copy_all(self, kind: type[msgspec.Struct], prefix: str, to: str) -> None:
        """Copy every record whose key begins with ``prefix`` to one that begins with ``to``; no such key exists yet."""
        self._complete.discard(kind)
        self._connection.execute(
            "INSERT INTO records SELECT kind, ? || substr(key, ?), value FROM records "
            "WHERE kind = ? AND key >= ? AND key < ?",
            (to, len(prefix) + 1, kind.__name__, prefix, prefix + "\U0010ffff"),
        )

    def release(self, kind: type[msgspec.Struct], key: str) -> None:
        """Drop a decoded record that is rarely read again from the cache; it stays stored."""
        self._cache[kind].pop(key, None)
        self._complete.discard(kind)

    def list(self, kind: type[T], prefix: str = "", *, after: str = "", limit: int = -1) -> list[tuple[str, T]]:
        """Keys and records of a kind whose key begins with ``prefix``, in key order.

        Args:
            after: omits the keys up to and including this one, for pages.
            limit: the most to list; a negative one means all.
        """
        # A single lower bound, because SQLite seeks to the first of two and scans from there to the second.
        first = max(prefix, f"{after}\0") if after else prefix  # the next possible text after ``after``
        rows = self._connection.execute(
            "SELECT key, value FROM records WHERE kind = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
            (kind.__name__, first, prefix + "\U0010ffff", limit),
        )
        records = [(key, self._cached(kind, key) or self._remember(kind, key, value)) for key, value in rows]
        if not prefix and not after and limit < 0 and len(records) <= _CACHED:
            self._complete.add(kind)
        return records

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes of the block together, or none when it raises or the disk is full. Transactions nest."""
        if self._depth == 0:
            self._connection.execute("BEGIN")
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self._connection.execute("COMMIT")
        except BaseException:
            if self._depth == 1:
                self._roll_back()
            raise
        finally:
            self._depth -= 1

    def when_rolled_back(self, act: Callable[[], None]) -> None:
        """Call ``act`` after each rollback, so that caches outside of the store are read again."""
        self._rolled_back.append(act)

    def close(self) -> None:
        """Move the log into the database file and close it."""
        if self._checkpoints:
            self._checkpoints.close()
        self._connection.close()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # a failed commit may have ended the transaction
            self._connection.execute("ROLLBACK")
        self._cache.clear()
        self._complete.clear()
        for act in self._rolled_back:
            act()

    def _cached(self, kind: type[T], key: str) -> T | None:
        record = self._cache[kind].get(key)
        return record if isinstance(record, kind) else None

    def _remember(self, kind: type[T], key: str, value: bytes) -> T:
        try:
            record = msgspec.json.decode(value, type=kind)
        except msgspec.MsgspecError as error:
            raise DamagedRecordError(f"a record that cannot be read: {kind.__name__} {key!r} ({error})") from error
        self._cache_one(key, record)
        return record

    def _cache_one(self, key: str, record: msgspec.Struct) -> None:
        cached = self._cache[type(record)]
        cached[key] = record
        if len(cached) > _CACHED:
            self._complete.discard(type(record))
            for oldest in list(islice(cached, _EVICTED)):
                del cached[oldest]
