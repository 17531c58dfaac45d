"""Deletes the directories of jobs in a thread, because the deletion may take longer than the job."""

import errno
import logging
import queue
import threading
import uuid
from pathlib import Path

from harness.tree_removal import remove_tree

_TIMEOUT = 5.0  # seconds for unfinished deletions in ``close``; the command that stops an emulator waits twice as long
_NAME_IN_USE = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)

_log = logging.getLogger(__name__)


class Removals:
    """Renames directories at once, and deletes them one after the other."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closing = threading.Event()

    def remove(self, directory: Path) -> None:
        """Remove a directory with its content, if it exists; links are not followed.

        If the process is killed or the disk refuses the deletion, the rest of the directory stays next to it under a
        name that begins with a dot; the next start of the emulator removes it like any other directory there.
        """
        try:
            self._queue.put(_hide(directory))
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
        """Return when everything is deleted, or after the time limit; the next start deletes the rest."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(_TIMEOUT)
            self._closing.set()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (directory := self._queue.get()) is not None:
            try:
                remove_tree(directory, is_stopped=self._closing.is_set)
            except FileNotFoundError:
                pass
            except OSError as error:
                _log.warning("%s of a job is deleted at the next start: %s", directory, error)


def _hide(directory: Path) -> Path:
    """Rename a directory to a name that begins with a dot, unless it has one; return its path.

    Raises:
        OSError: it does not exist, or the disk refuses.
    """
    if directory.name.startswith("."):
        return directory
    try:
        return directory.rename(directory.with_name(f".{directory.name}"))
    except OSError as error:
        if error.errno not in _NAME_IN_USE:
            raise
    return directory.rename(directory.with_name(f".{directory.name}.{uuid.uuid4().hex}"))
