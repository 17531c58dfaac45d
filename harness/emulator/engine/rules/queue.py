"""Which job a cluster runs next; pure apart from the queue's own list.

Jobs of higher priority come first, then those submitted earlier. A job gets all its nodes at once. While the first job
waits for nodes, those behind it wait too, so that small jobs never starve a large one. A job that needs more nodes than
its cluster can ever have is skipped.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import datetime

Position = tuple[int, datetime, str]  # the negative rank, the moment of creation, the job's key


class Queue:
    """The waiting jobs of one cluster, in order."""

    __slots__ = ("_positions",)

    def __init__(self) -> None:
        self._positions: list[Position] = []

    def __len__(self) -> int:
        return len(self._positions)

    def __iter__(self) -> Iterator[str]:
        """Keys of the jobs, the next one first."""
        return (position[2] for position in self._positions)

    def add(self, position: Position) -> None:
        """Insert a job at its position; inserting it twice changes nothing."""
        at = bisect_left(self._positions, position)
        if at == len(self._positions) or self._positions[at] != position:
            self._positions.insert(at, position)

    def remove(self, position: Position) -> None:
        """Remove a job; removing one that is not queued changes nothing."""
        at = bisect_left(self._positions, position)
        if at < len(self._positions) and self._positions[at] == position:
            del self._positions[at]


def startable_jobs(queue: Queue, free: int, capacity: int, size: Callable[[str], int | None]) -> list[str]:
    """The jobs that can start now, in order.

    Args:
        free: idle nodes.
        capacity: the most nodes that the cluster can have.
        size: the number of nodes that a job needs; None while it must not start yet.
    """
    startable: list[str] = []
    if not free:
        return startable
    for key in queue:
        needed = size(key)
        if needed is None or needed > capacity:
            continue
        if needed > free:
            break
        startable.append(key)
        free -= needed
        if not free:
            break
    return startable


def nodes_needed(queue: Queue, most: int, size: Callable[[str], int | None]) -> int:
    """How many nodes the queue could use, counted up to ``most``."""
    total = 0
    for key in queue:
        needed = size(key)
        if needed is not None and needed <= most:
            total += needed
        if total >= most:
            break
    return min(total, most)
