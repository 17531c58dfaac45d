"""Moves pages from SQLite's write-ahead log into the database file, on a thread of its own.

By default SQLite runs a checkpoint inside a commit, once in 1,000 pages; no request is answered during it, for 5 ms or
for as long as a slow disk takes. The thread runs checkpoints often, so that each is short, and writers do not wait.
"""

import logging
import sqlite3
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

_WRITES = 100  # from one checkpoint to the next
_log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one database; the thread starts with the first checkpoint."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A queue, not a pool: requests wait while the thread runs Python, and a pool's futures take ten times as much.
        self._asked: SimpleQueue[bool] = SimpleQueue()  # False is the end
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
            except RuntimeError as error:  # the system has no thread left, and what was written is stored all the same
                _log.warning("no checkpoint can be made yet: %s", error)
                self._writes = 0
                return
            self._thread = thread
        self._writes, self._busy = 0, True
        self._asked.put(True)

    def close(self) -> None:
        """Wait until no checkpoint is running, and end the thread."""
        if self._thread:
            self._asked.put(False)
            self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._asked.get():
            try:
                connection = connection or sqlite3.connect(self._path)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                _log.warning("the checkpoint of %s failed; the next one tries again: %s", self._path, error)
            self._busy = False
        if connection:
            connection.close()
