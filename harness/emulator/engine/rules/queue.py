"""Who is next on a cluster; pure apart from the queue's own list.

Higher priority first, then in the order of submission. A job takes all its nodes at once; one that has to wait for them
keeps those behind it waiting, so that a large job is never starved by small ones. Only a job larger than its cluster
can become stands aside.
"""

import bisect
from collections.abc import Callable, Iterator
from datetime import datetime

Place = tuple[int, datetime, str]  # minus the rank, creation, the job's key


class Queue:
    """The waiting jobs of one cluster, in order."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: list[Place] = []

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        """Keys of jobs, the next one first."""
        return (place[2] for place in self._places)

    def add(self, place: Place) -> None:
        """Put a job in its place; one that is there already changes nothing."""
        at = bisect.bisect_left(self._places, place)
        if at == len(self._places) or self._places[at] != place:
            self._places.insert(at, place)

    def remove(self, place: Place) -> None:
        """Take a job out, wherever it stands; one that is not there is no matter."""
        at = bisect.bisect_left(self._places, place)
        if at < len(self._places) and self._places[at] == place:
            del self._places[at]


def chosen(queue: Queue, free: int, capacity: int, size: Callable[[str], int | None]) -> list[str]:
    """The jobs that can start now, in order.

    Args:
        free: idle nodes.
        capacity: the most nodes that the cluster can have.
        size: the nodes that a job needs; None while it must not start yet.
    """
    found: list[str] = []
    if not free:
        return found
    for key in queue:
        needed = size(key)
        if needed is None or needed > capacity:
            continue
        if needed > free:
            break
        found.append(key)
        free -= needed
        if not free:
            break
    return found


def wanted(queue: Queue, most: int, size: Callable[[str], int | None]) -> int:
    """How many nodes the queue could use, counted up to ``most``."""
    total = 0
    for key in queue:
        needed = size(key)
        if needed is not None and needed <= most:
            total += needed
        if total >= most:
            break
    return min(total, most)
