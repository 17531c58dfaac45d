"""Which files are being written at this moment, by how many requests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Writers:
    """Several requests may write one file at once.

    While one does, the file's time is not that of its record: only the first of them can tell whether a job was
    there before.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[int, bool]] = {}

    @contextmanager
    def writing(self, key: str, holds: Callable[[], bool]) -> Iterator[bool]:
        """Write a file in the block.

        Args:
            key: of the file.
            holds: whether its record holds; asked if nobody writes.

        Yields:
            Whether its record holds.
        """
        count, held = self._files.get(key) or (0, holds())
        self._files[key] = (count + 1, held)
        try:
            yield held
        finally:
            count, held = self._files.pop(key)
            if count > 1:
                self._files[key] = (count - 1, held)
