"""Moves what SQLite has logged into the database file, beside the event loop.

SQLite would do it within a commit, once in 1,000 pages: nothing is answered meanwhile, for 5 ms or for as long as a
slow disk takes. Here a thread does it, often and so in little time each; writers need not wait for it.
"""

import logging
import sqlite3
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

_WRITES = 100  # from one checkpoint to the next
_log = logging.getLogger(__name__)


class Checkpoints:
    """Those of one database; its thread starts with the first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Little Python in the thread, since requests wait while it runs: no pool, whose futures take ten times as much.
        self._asked: SimpleQueue[bool] = SimpleQueue()  # False is the end
        self._thread: Thread | None = None
        self._busy = False
        self._writes = 0

    def count(self) -> None:
        """Something was written: once in a while, and unless one is on its way, a checkpoint begins."""
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
        """Return when none is on its way any more."""
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
                _log.warning("the log of %s was not moved into it, which is tried again: %s", self._path, error)
            self._busy = False
        if connection:
            connection.close()
