"""Deletes the directories of jobs in a thread: a disk may take longer for that than the job has run."""

import errno
import logging
import queue
import threading
import uuid
from pathlib import Path

from harness.tree_removal import remove_tree

_PATIENCE = 5.0  # seconds for what is under way at the end; who stops an emulator waits for twice as long
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)

_log = logging.getLogger(__name__)


class Removals:
    """Removes directories from their names at once, and deletes them one after the other."""

    def __init__(self) -> None:
        self._moved: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closing = threading.Event()

    def remove(self, directory: Path) -> None:
        """Remove a directory with all that is in it, if it is there; links are not followed.

        What a killed process leaves of it, and what the disk refuses to delete, lies beside it, under a name that
        begins with a dot; the next start of the emulator removes it like any other directory there.
        """
        try:
            self._moved.put(_hidden(directory))
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("%s of a job is deleted at the next start: %s", directory, error)
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-remover", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Return when everything is deleted, or after a while; what is left then is deleted at the next start."""
        if self._thread is not None:
            self._moved.put(None)
            self._thread.join(_PATIENCE)
            self._closing.set()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (directory := self._moved.get()) is not None:
            try:
                remove_tree(directory, is_stopped=self._closing.is_set)
            except FileNotFoundError:
                pass
            except OSError as error:
                _log.warning("%s of a job is deleted at the next start: %s", directory, error)


def _hidden(directory: Path) -> Path:
    """Give a directory a name that begins with a dot, unless it has one; its path.

    Raises:
        OSError: it is not there, or the disk refuses.
    """
    if directory.name.startswith("."):
        return directory
    try:
        return directory.rename(directory.with_name(f".{directory.name}"))
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
    return directory.rename(directory.with_name(f".{directory.name}.{uuid.uuid4().hex}"))
