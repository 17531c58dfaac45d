"""Moves what SQLite has logged into the database file, beside the event loop.

SQLite would do it within a commit, once in 1,000 pages: nothing is answered meanwhile, for 5 ms or for as long as a
slow disk takes. Here a thread does it, often and so in little time each; writers need not wait for it.
"""

import logging
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

_WRITES = 100  # from one checkpoint to the next
_log = logging.getLogger(__name__)


class Checkpoints:
    """Those of one database; its thread starts with the first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._connection: sqlite3.Connection | None = None
        self._running: Future[None] | None = None
        self._writes = 0

    def count(self) -> None:
        """Something was written: once in a while, and unless one is on its way, a checkpoint begins."""
        self._writes += 1
        if self._writes >= _WRITES and (self._running is None or self._running.done()):
            self._writes = 0
            self._running = self._thread.submit(self._checkpoint)

    def close(self) -> None:
        """Return when none is on its way any more."""
        self._thread.shutdown()
        if self._connection:
            self._connection.close()

    def _checkpoint(self) -> None:
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, check_same_thread=False)
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            _log.warning("the log of %s was not moved into it, which is tried again: %s", self._path, error)
