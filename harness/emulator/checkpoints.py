"""Writes the store's log into its database file now and then, on a thread of its own.

SQLite has a write do that when the log is long enough. It waits for the disk, and with it, on the event loop, everybody
who has asked for anything: one request in a hundred would take ten times as long.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from harness.emulator.store import Store

_SECONDS = 1.0  # between two looks
_ENOUGH = 250  # writes that are worth it

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def checkpoints(store: Store, path: Path) -> AsyncIterator[None]:
    """Checkpoint the store, whose database file is at ``path``, as long as the block lasts."""
    task = asyncio.create_task(_go_on(store, path))
    try:
        yield
    finally:
        task.cancel()


def checkpoint(path: Path) -> None:
    """Write what the log of a database holds into its file, beside whoever uses it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


async def _go_on(store: Store, path: Path) -> None:
    done = store.writes
    while True:
        await asyncio.sleep(_SECONDS)
        if store.writes - done < _ENOUGH:
            continue
        done = store.writes
        try:
            await asyncio.to_thread(checkpoint, path)
        except sqlite3.Error as error:  # a full disk, for one; the log stays, and what is in it
            _log.warning("the log of %s could not be written into it: %s", path, error)
