"""Clean-up after a change. Its errors are only logged, because the change itself has succeeded."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from harness.emulator.storage_service.errors import StorageError
from harness.emulator.store import DamagedRecordError

_log = logging.getLogger(__name__)


@contextmanager
def best_effort(failure: str) -> Iterator[None]:
    """A block that may fail without harm: errors of the disk, the store or the system are logged.

    Args:
        failure: the sentence for the log, without a full stop; the error follows it.
    """
    try:
        yield
    except (OSError, sqlite3.Error, StorageError, DamagedRecordError, RuntimeError) as error:  # no thread can start
        _log.warning("%s: %s", failure, error)
