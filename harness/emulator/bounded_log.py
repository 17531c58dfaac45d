"""Keeps the log on an emulator's standard error short: only its last part is kept."""

import fcntl
import io
import os
import sys
import threading
from pathlib import Path

from harness.emulator.paths import DataDirectory

LAUNCHED = "emulator.log"  # the name of the file in memory that a launcher gives its emulator
_MOST = 1 << 20  # bytes


class BoundedLog(io.RawIOBase):
    """Appends to a file that other processes may append to, and drops its beginning whenever it is too long.

    Args:
        descriptor: a descriptor of the file, open for writing.
        most: the most bytes of the file; half of them are kept when it grows beyond.
    """

    def __init__(self, descriptor: int, most: int = _MOST) -> None:
        super().__init__()
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_APPEND)  # or a shorter file would get a hole
        self._descriptor, self._most = descriptor, most
        # With O_APPEND, what is written anywhere goes to the end (man 2 pwrite, BUGS).
        self._anywhere = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
        self._lock = threading.Lock()

    def writable(self) -> bool:
        """Return True: the log is only written."""
        return True

    def fileno(self) -> int:
        """The descriptor of the file."""
        return self._descriptor

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        """Append to the file."""
        with self._lock:
            count = os.write(self._descriptor, data)
            size = os.fstat(self._descriptor).st_size
            if size > self._most:
                self._drop_beginning(size)
        return count

    def close(self) -> None:
        """Close the second descriptor, which this object has opened; the first one stays open."""
        if not self.closed:
            os.close(self._anywhere)
        super().close()

    def _drop_beginning(self, size: int) -> None:
        """Keep the last lines: move them to the beginning before cutting the file, so that a kill loses none."""
        last = os.pread(self._anywhere, self._most // 2, size - self._most // 2)
        lines = last[last.find(b"\n") + 1 :]
        os.pwrite(self._anywhere, lines, 0)
        os.ftruncate(self._anywhere, len(lines))


def bound_own_log(directory: Path) -> None:
    """Bound standard error if it is the emulator's own log; a file that its user chose is never cut.

    Args:
        directory: the data directory.
    """
    if sys.stderr is None:  # the shell has closed it
        return
    descriptor = sys.stderr.fileno()
    file = Path("/proc/self/fd", str(descriptor)).readlink()
    if str(file).startswith(f"/memfd:{LAUNCHED}") or file == Path(os.path.realpath(DataDirectory(directory).log)):
        log = BoundedLog(descriptor)
        sys.stderr = io.TextIOWrapper(log, errors="backslashreplace", write_through=True)
