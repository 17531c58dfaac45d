"""Hears of jobs that moved, without polling: one thread on process and pipe descriptors."""

import contextlib
import os
import selectors
import threading
from collections.abc import Callable
from pathlib import Path

from harness.compute.paths import JobPaths


class ExitWatcher:
    """Calls ``on_change`` (on its own thread) when a watched job has a new state or its supervisor is gone.

    Processes are watched by pidfd, so those of an earlier emulator too; the thread starts with the first watch.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._watched: dict[Path, tuple[int, int]] = {}
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)

    def watch(self, directory: Path, process: int) -> None:
        """Watch a job by its supervisor's process id; a second watch of the same job changes nothing."""
        with self._lock:
            if directory in self._watched or self._wake_write < 0:
                return
            try:
                handle = os.pidfd_open(process)
            except ProcessLookupError:
                self._on_change()
                return
            bell = os.open(JobPaths(directory).bell, os.O_RDWR | os.O_NONBLOCK)
            self._watched[directory] = (handle, bell)
            self._selector.register(handle, selectors.EVENT_READ, directory)
            self._selector.register(bell, selectors.EVENT_READ, None)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-watcher", daemon=True)
                self._thread.start()

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
            for key in keys:
                if key.data is None:
                    with contextlib.suppress(BlockingIOError):  # another emulator, now ending, heard it too
                        os.read(key.fd, 4096)
            for key in keys:
                if key.data is not None:
                    self._gone(key.data)
            self._on_change()

    def _gone(self, directory: Path) -> None:
        with self._lock:
            handle, bell = self._watched.pop(directory)
            self._selector.unregister(handle)
            self._selector.unregister(bell)
        with contextlib.suppress(ChildProcessError):  # an earlier emulator's child
            os.waitid(os.P_PIDFD, handle, os.WEXITED)
        os.close(handle)
        os.close(bell)
