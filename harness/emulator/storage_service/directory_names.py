"""An index of the names in directories, in memory: it finds names in any casing, and lists them in order."""

import os
import threading
from bisect import bisect_left
from dataclasses import dataclass

from harness.clock import Clock

_CLOCK_TICK = 20_000_000  # ns, longer than a tick of any file system's clock
_TRUSTED = 1.0  # seconds for which an index is used that may lack changes within one clock tick
_MAX_NAMES = 500_000  # names in memory, of all directories


@dataclass(slots=True)
class _Index:
    modified: int  # the time of the directory (ns) when it was read
    settled: bool
    read_at: float
    names_on_disk: dict[str, str]  # casefolded name -> name on disk
    ordered: list[str] | None = None


class DirectoryNames:
    """Indexes of directories by inode; an index is dropped after another program has changed the directory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._indexes: dict[tuple[int, int], _Index] = {}
        self._total = 0
        self._lock = threading.Lock()  # listings run in threads

    def name_on_disk(self, descriptor: int, name: str) -> str | None:
        """The name on disk of a name in any casing; None if there is no such name."""
        with self._lock:
            return self._index(descriptor).names_on_disk.get(name.casefold())

    def ordered_names(self, descriptor: int) -> list[str]:
        """All names in a directory, in the order of listings. The caller must not change the list."""
        with self._lock:
            index = self._index(descriptor)
            if index.ordered is None:
                index.ordered = sorted(index.names_on_disk.values(), key=order)
            return index.ordered

    def add(self, descriptor: int, name: str, before: os.stat_result) -> None:
        """Add an entry that the emulator has created in a directory, whose status was ``before``."""
        with self._lock:
            index = self._current_index(before)
            if index is None:
                return
            self._total += name.casefold() not in index.names_on_disk
            index.names_on_disk[name.casefold()] = name
            index.ordered = None
            self._restamp(index, descriptor)

    def remove(self, descriptor: int, name: str, before: os.stat_result) -> None:
        """Remove an entry that the emulator has deleted from a directory, whose status was ``before``."""
        with self._lock:
            index = self._current_index(before)
            if index is None:
                return
            if index.names_on_disk.pop(name.casefold(), None) is not None:
                self._total -= 1
                if index.ordered is not None:
                    at = bisect_left(index.ordered, order(name), key=order)
                    index.ordered = index.ordered[:at] + index.ordered[at + 1 :]  # another thread may read the old list
            self._restamp(index, descriptor)

    def forget(self, directory: os.stat_result) -> None:
        """Drop the index of a directory, so that its names are read again."""
        with self._lock:
            index = self._indexes.pop((directory.st_dev, directory.st_ino), None)
            self._total -= len(index.names_on_disk) if index is not None else 0

    def _current_index(self, before: os.stat_result) -> _Index | None:
        index = self._indexes.get((before.st_dev, before.st_ino))
        return index if index is not None and index.modified == before.st_mtime_ns else None

    def _restamp(self, index: _Index, descriptor: int) -> None:
        index.modified = os.fstat(descriptor).st_mtime_ns
        index.settled = False

    def _index(self, descriptor: int) -> _Index:
        status = os.fstat(descriptor)
        key, now = (status.st_dev, status.st_ino), self._clock.monotonic()
        index = self._indexes.get(key)
        if (
            index is not None
            and index.modified == status.st_mtime_ns
            and (index.settled or now - index.read_at < _TRUSTED)
        ):
            return index
        return self._read(descriptor, key, status.st_mtime_ns)

    def _read(self, descriptor: int, key: tuple[int, int], modified: int) -> _Index:
        settled = modified < self._clock.now().timestamp() * 1e9 - _CLOCK_TICK
        # sorted, so that the first of two names that differ only in casing always wins
        names = {name.casefold(): name for name in sorted(os.listdir(descriptor), reverse=True) if is_text(name)}
        if (old := self._indexes.pop(key, None)) is not None:
            self._total -= len(old.names_on_disk)
        while self._indexes and self._total + len(names) > _MAX_NAMES:
            self._total -= len(self._indexes.pop(next(iter(self._indexes))).names_on_disk)
        index = _Index(modified, settled, self._clock.monotonic(), names)
        self._indexes[key] = index
        self._total += len(names)
        return index


def order(name: str) -> tuple[str, str]:
    """The sort key of a name in a listing."""
    return name.casefold(), name


def is_text(name: str) -> bool:
    """Whether a name is UTF-8: others cannot be shown over REST."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
