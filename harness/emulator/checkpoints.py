"""Moves pages from SQLite's write-ahead log into the database file, on a separate thread.

By default SQLite runs a checkpoint inside a commit, once in 1,000 pages; the commit then blocks all requests for 5 ms,
or for as long as a slow disk takes. The thread runs checkpoints often, so that each is short, and no write waits for
it.
"""

import logging
import sqlite3
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

_WRITES = 100  # between two checkpoints
_log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one database; the thread starts with the first checkpoint."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A thread pool would need ten times as much Python code, during which requests wait for the interpreter lock.
        self._queue: SimpleQueue[bool] = SimpleQueue()  # True asks for a checkpoint, False ends the thread
        self._thread: Thread | None = None
        self._busy = False
        self._writes = 0

    def count(self) -> None:
        """Count one write; every 100 writes a checkpoint begins, unless one is running."""
        self._writes += 1
        if self._writes < _WRITES or self._busy:
            return
        if self._thread is None:
            thread = Thread(target=self._run, name="checkpoints", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system has no thread left; the write itself is stored nevertheless
                _log.warning("the thread for checkpoints cannot be started yet: %s", error)
                self._writes = 0
                return
            self._thread = thread
        self._writes, self._busy = 0, True
        self._queue.put(True)

    def close(self) -> None:
        """Wait until no checkpoint is running, and end the thread."""
        if self._thread:
            self._queue.put(False)
            self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._queue.get():
            try:
                connection = connection or sqlite3.connect(self._path)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                _log.warning("the checkpoint of %s failed; the next one tries again: %s", self._path, error)
            self._busy = False
        if connection:
            connection.close()
