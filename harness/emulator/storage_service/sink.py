"""Where a body goes while it arrives: threads hash it and write it, and the event loop only hands its parts over."""

import asyncio
import base64
import hashlib
from collections import deque
from collections.abc import Callable, Sequence

from harness.emulator.storage_service import crc64, sparse
from harness.emulator.storage_service.threads import ended

_INLINE = 64 << 10  # bytes; a shorter body is handled without a thread, whose start costs as much
_AHEAD = 4 << 20  # bytes that may wait for a thread before no more are taken


class Sink:
    """Hashes the parts of a body in one thread and writes them in another, while more arrive.

    Args:
        descriptor: the file that is written from its first byte; None to write nothing.
        with_crc: whether the CRC-64 is wanted beside the MD5.
    """

    def __init__(self, descriptor: int | None, *, with_crc: bool = False) -> None:
        self._with_crc = with_crc
        self._crc = 0
        self._digest = hashlib.md5(usedforsecurity=False)
        self._descriptor = descriptor
        self._written = 0
        self._held: list[bytes] = []  # of a body that may be short
        self._held_size = 0
        self._lanes: list[Lane] = []  # none as long as the body may be short

    async def take(self, part: bytes) -> None:
        """Hand a part over, as soon as not too much waits.

        Raises:
            OSError: an earlier part could not be written.
        """
        parts = [part]
        if not self._lanes:
            self._held.append(part)
            self._held_size += len(part)
            if self._held_size <= _INLINE:
                return
            parts, self._held = self._held, []
            self._lanes = [Lane(self._hash)] if self._descriptor is None else [Lane(self._hash), Lane(self._write)]
        for lane in self._lanes:
            await lane.take(parts)

    async def settle(self) -> None:
        """Wait until every part is hashed and written.

        Raises:
            OSError: a part could not be written.
        """
        if self._held:
            parts, self._held = self._held, []
            self._hash(parts)
            self._write(parts)
        for lane in self._lanes:
            await lane.settle()

    async def stop(self) -> None:
        """Forget the parts that wait, and wait for the threads to end; errors are forgotten too."""
        for lane in self._lanes:
            await lane.stop()

    def md5(self) -> str:
        """In base64."""
        return base64.b64encode(self._digest.digest()).decode()

    def crc64(self) -> str:
        """In base64; empty if it was not wanted."""
        return crc64.encoded(self._crc) if self._with_crc else ""

    def _hash(self, parts: Sequence[bytes]) -> None:
        for part in parts:
            self._digest.update(part)
            if self._with_crc:
                self._crc = crc64.continued(self._crc, part)

    def _write(self, parts: Sequence[bytes]) -> None:
        if self._descriptor is not None:
            sparse.write_parts(self._descriptor, parts, self._written)
            self._written += sum(map(len, parts))


class Lane:
    """One kind of work on the parts of a body, in their order, in a thread that runs as long as parts wait.

    The thread takes what has come by the time that it looks. So its work begins with the first parts, and a body
    needs few changes between threads, however fast it arrives.

    Args:
        work: called with some parts, always in one thread at a time.
    """

    def __init__(self, work: Callable[[Sequence[bytes]], None]) -> None:
        self._work = work
        self._waiting: deque[bytes] = deque()  # the event loop appends to it, and the thread takes from its beginning
        self._came = 0  # bytes; only the event loop changes it
        self._went = 0  # bytes; only the thread changes it
        self._running: asyncio.Future[None] | None = None
        self._stopped = False

    async def take(self, parts: Sequence[bytes]) -> None:
        """Have parts worked on, as soon as not too much waits."""
        if self._came - self._went > _AHEAD:
            await self.settle()
        self._waiting.extend(parts)
        self._came += sum(map(len, parts))
        if self._running is None or self._running.done():
            self._begin()

    async def settle(self) -> None:
        """Wait until no part waits any more."""
        while self._running is not None:
            await ended(self._running)
            self._begin()  # a part may have come after the thread had looked for the last time

    async def stop(self) -> None:
        """Forget the parts that wait, and the error of the thread if there is one; wait for its end."""
        self._stopped = True
        if self._running is not None:
            await asyncio.wait({self._running})
            self._running.exception()

    def _begin(self) -> None:
        ran, self._running = self._running, None
        if ran is not None:
            ran.result()  # raises what the thread raised
        if self._waiting:
            self._running = asyncio.get_running_loop().run_in_executor(None, self._run)

    def _run(self) -> None:
        while not self._stopped and (count := len(self._waiting)):
            parts = [self._waiting.popleft() for _ in range(count)]
            self._work(parts)
            self._went += sum(map(len, parts))
