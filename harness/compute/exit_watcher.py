"""Hears of jobs that moved, without polling: one thread on process and pipe descriptors."""

import contextlib
import os
import selectors
import threading
from collections.abc import Callable
from pathlib import Path

from harness.compute.paths import JobPaths

_RUNG, _GONE = "rung", "gone"  # what there is to hear of a job


class ExitWatcher:
    """Calls ``on_change`` (on its own thread) when a watched job has a new state or its supervisor is gone.

    Processes are watched by pidfd, so those of an earlier emulator too; the thread starts with the first watch.

    Args:
        on_change: called when any job has moved.
        on_end: called with the directory of a job whose supervisor is gone, before ``on_change``.
    """

    def __init__(self, on_change: Callable[[], None], on_end: Callable[[Path], None] | None = None) -> None:
        self._on_change = on_change
        self._on_end = on_end
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._watched: dict[Path, tuple[int, int]] = {}
        self._moved: set[Path] = set()  # watched jobs that may have moved since somebody asked
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)

    def watch(self, directory: Path, process: int) -> bool:
        """Watch a job by its supervisor's process id; a second watch of the same job changes nothing.

        Returns:
            Whether the process lived.

        Raises:
            OSError: the job has no bell.
        """
        with self._lock:
            if directory in self._watched or self._wake_write < 0:
                return True
            try:
                handle = os.pidfd_open(process)
            except ProcessLookupError:
                self._on_change()
                return False
            try:
                bell = os.open(JobPaths(directory).bell, os.O_RDWR | os.O_NONBLOCK)
            except OSError:
                os.close(handle)
                raise
            self._watched[directory] = (handle, bell)
            self._moved.add(directory)
            self._selector.register(handle, selectors.EVENT_READ, (directory, _GONE))
            self._selector.register(bell, selectors.EVENT_READ, (directory, _RUNG))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-watcher", daemon=True)
                self._thread.start()
            return True

    def is_quiet(self, directory: Path) -> bool:
        """Whether a job is watched, and has not moved since this was asked for the last time."""
        with self._lock:
            is_quiet = directory in self._watched and directory not in self._moved
            self._moved.discard(directory)
            return is_quiet

    def close(self) -> None:
        """Stop watching; jobs continue."""
        with self._lock:
            wake, self._wake_write = self._wake_write, -1
        if wake < 0:
            return
        os.close(wake)
        if self._thread is not None:
            self._thread.join()
        for handle, bell in self._watched.values():
            os.close(handle)
            os.close(bell)
        self._watched.clear()
        self._selector.close()
        os.close(self._wake_read)

    def _run(self) -> None:
        while True:
            keys = [key for key, _ in self._selector.select()]
            if any(key.fd == self._wake_read for key in keys):
                return
            # Bells first: the end of a job closes its own.
            for directory, bell in ((key.data[0], key.fd) for key in keys if key.data[1] == _RUNG):
                with contextlib.suppress(BlockingIOError):  # another emulator, now ending, heard it too
                    os.read(bell, 4096)
                with self._lock:
                    self._moved.add(directory)
            for directory in (key.data[0] for key in keys if key.data[1] == _GONE):
                self._gone(directory)
            self._on_change()

    def _gone(self, directory: Path) -> None:
        with self._lock:
            handle, bell = self._watched.pop(directory)
            self._moved.discard(directory)
            self._selector.unregister(handle)
            self._selector.unregister(bell)
        with contextlib.suppress(ChildProcessError):  # an earlier emulator's child
            os.waitid(os.P_PIDFD, handle, os.WEXITED)
        os.close(handle)
        os.close(bell)
        if self._on_end is not None:
            self._on_end(directory)
