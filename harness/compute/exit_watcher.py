"""Reports jobs whose state has changed, without polling: one thread waits on process and pipe descriptors."""

import contextlib
import os
import selectors
import threading
from collections.abc import Callable
from pathlib import Path

from harness.compute.paths import JobPaths

_BELL, _EXIT = "bell", "exit"  # the kinds of events of a job


class ExitWatcher:
    """Calls ``on_change`` (on its own thread) when a watched job has a new state or its supervisor has ended.

    Processes are watched by pidfd, so supervisors of an earlier emulator can be watched too. The thread starts with the
    first watch.

    Args:
        on_change: called when the state of any job has changed.
        on_end: called with the directory of a job whose supervisor has ended, before ``on_change``.
    """

    def __init__(self, on_change: Callable[[], None], on_end: Callable[[Path], None] | None = None) -> None:
        self._on_change = on_change
        self._on_end = on_end
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._watched: dict[Path, tuple[int, int]] = {}
        self._changed: set[Path] = set()  # watched jobs that may have changed since the last call of ``is_quiet``
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)

    def watch(self, directory: Path, process: int) -> bool:
        """Watch a job by its supervisor's process id; a second watch of the same job changes nothing.

        Returns:
            Whether the process was alive.

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
            self._changed.add(directory)
            self._selector.register(handle, selectors.EVENT_READ, (directory, _EXIT))
            self._selector.register(bell, selectors.EVENT_READ, (directory, _BELL))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-watcher", daemon=True)
                self._thread.start()
            return True

    def is_quiet(self, directory: Path) -> bool:
        """Whether a job is watched, and has not changed since the last call for it."""
        with self._lock:
            is_quiet = directory in self._watched and directory not in self._changed
            self._changed.discard(directory)
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
            # Bells come first, because handling the exit of a supervisor closes its bell.
            for directory, bell in ((key.data[0], key.fd) for key in keys if key.data[1] == _BELL):
                with contextlib.suppress(BlockingIOError):  # another emulator that is ending has read it
                    os.read(bell, 4096)
                with self._lock:
                    self._changed.add(directory)
            for directory in (key.data[0] for key in keys if key.data[1] == _EXIT):
                self._handle_exit(directory)
            self._on_change()

    def _handle_exit(self, directory: Path) -> None:
        with self._lock:
            handle, bell = self._watched.pop(directory)
            self._changed.discard(directory)
            self._selector.unregister(handle)
            self._selector.unregister(bell)
        with contextlib.suppress(ChildProcessError):  # it is a child of an earlier emulator
            os.waitid(os.P_PIDFD, handle, os.WEXITED)
        os.close(handle)
        os.close(bell)
        if self._on_end is not None:
            self._on_end(directory)
