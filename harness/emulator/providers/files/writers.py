"""Which parts of which files are being written at this moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class _Span:
    first: int
    end: int
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _File:
    held: bool
    spans: list[_Span] = field(default_factory=list)


class Writers:
    """Several requests may write one file at once, each its own part: one that overlaps waits.

    While somebody writes, the file's time is not that of its record: only the first of them can tell whether a job
    was there before.
    """

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    @asynccontextmanager
    async def writing(self, key: str, first: int, end: int, *, holds: Callable[[], bool]) -> AsyncIterator[bool]:
        """Write a part of a file in the block.

        Args:
            key: of the file.
            first: the first byte.
            end: behind the last one.
            holds: whether the file's record holds; asked if nobody writes.

        Yields:
            Whether its record holds.
        """
        while (other := self._overlapping(key, first, end)) is not None:
            await other.over.wait()
        file = self._files.setdefault(key, _File(True))
        if not file.spans:
            file.held = holds()
        span = _Span(first, end)
        file.spans.append(span)
        try:
            yield file.held
        finally:
            file.spans.remove(span)
            if not file.spans:
                del self._files[key]
            span.over.set()

    def _overlapping(self, key: str, first: int, end: int) -> _Span | None:
        file = self._files.get(key)
        return next((span for span in file.spans if span.first < end and first < span.end), None) if file else None
