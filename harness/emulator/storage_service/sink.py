"""The sink of a body while it arrives: threads hash and write it, and the event loop only passes parts to them."""

import asyncio
import base64
import hashlib
from collections import deque
from collections.abc import Callable, Sequence

from harness.emulator.storage_service import crc64, sparse
from harness.emulator.storage_service.threads import wait_for_thread

_INLINE = 64 << 10  # bytes; a shorter body is handled without a thread, whose start costs as much
_MAX_WAITING = 4 << 20  # bytes that may wait for a thread before ``take`` blocks


class Sink:
    """Hashes the parts of a body in one thread and writes them in another, while more arrive.

    Args:
        descriptor: the file that is written from its first byte; None to write nothing.
        with_crc: whether to compute the CRC-64, too.
    """

    def __init__(self, descriptor: int | None, *, with_crc: bool = False) -> None:
        self._with_crc = with_crc
        self._crc = 0
        self._digest = hashlib.md5(usedforsecurity=False)
        self._descriptor = descriptor
        self._written = 0
        self._buffer: list[bytes] = []  # parts of a body that may be short
        self._buffer_size = 0
        self._lanes: list[Lane] = []  # empty as long as the body may be short

    async def take(self, part: bytes) -> None:
        """Pass a part to the threads; wait first while too many bytes are pending.

        Raises:
            OSError: an earlier part could not be written.
        """
        parts = [part]
        if not self._lanes:
            self._buffer.append(part)
            self._buffer_size += len(part)
            if self._buffer_size <= _INLINE:
                return
            parts, self._buffer = self._buffer, []
            self._lanes = [Lane(self._hash)] if self._descriptor is None else [Lane(self._hash), Lane(self._write)]
        for lane in self._lanes:
            await lane.take(parts)

    async def settle(self) -> None:
        """Wait until every part is hashed and written.

        Raises:
            OSError: a part could not be written.
        """
        if self._buffer:
            parts, self._buffer = self._buffer, []
            self._hash(parts)
            self._write(parts)
        for lane in self._lanes:
            await lane.settle()

    async def stop(self) -> None:
        """Drop the waiting parts, and wait for the threads to end; errors are ignored."""
        for lane in self._lanes:
            await lane.stop()

    def md5(self) -> str:
        """The MD5 in base64."""
        return base64.b64encode(self._digest.digest()).decode()

    def crc64(self) -> str:
        """The CRC-64 in base64; empty without ``with_crc``."""
        return crc64.to_base64(self._crc) if self._with_crc else ""

    def _hash(self, parts: Sequence[bytes]) -> None:
        for part in parts:
            self._digest.update(part)
            if self._with_crc:
                self._crc = crc64.update(self._crc, part)

    def _write(self, parts: Sequence[bytes]) -> None:
        if self._descriptor is not None:
            sparse.write_parts(self._descriptor, parts, self._written)
            self._written += sum(map(len, parts))


class Lane:
    """One kind of work on the parts of a body, in their order, in a thread that runs as long as parts wait.

    The thread takes all parts that wait. So its work begins with the first parts, and a body needs few thread
    switches, however fast it arrives.

    Args:
        work: called with some parts, in one thread at a time.
    """

    def __init__(self, work: Callable[[Sequence[bytes]], None]) -> None:
        self._work = work
        self._waiting: deque[bytes] = deque()  # the event loop appends to it, and the thread takes from its beginning
        self._received = 0  # bytes; only the event loop changes it
        self._done = 0  # bytes; only the thread changes it
        self._running: asyncio.Future[None] | None = None
        self._stopped = False

    async def take(self, parts: Sequence[bytes]) -> None:
        """Pass parts to the thread; wait first while too many bytes are pending."""
        if self._received - self._done > _MAX_WAITING:
            await self.settle()
        self._waiting.extend(parts)
        self._received += sum(map(len, parts))
        if self._running is None or self._running.done():
            self._begin()

    async def settle(self) -> None:
        """Wait until all parts are done."""
        while self._running is not None:
            await wait_for_thread(self._running)
            self._begin()  # a part may have arrived after the thread's last check

    async def stop(self) -> None:
        """Drop the waiting parts, and wait for the thread to end; its error is ignored."""
        self._stopped = True
        if self._running is not None:
            await asyncio.wait({self._running})
            self._running.exception()

    def _begin(self) -> None:
        previous, self._running = self._running, None
        if previous is not None:
            previous.result()  # raises what the thread raised
        if self._waiting:
            self._running = asyncio.get_running_loop().run_in_executor(None, self._run)

    def _run(self) -> None:
        while not self._stopped and (count := len(self._waiting)):
            parts = [self._waiting.popleft() for _ in range(count)]
            self._work(parts)
            self._done += sum(map(len, parts))
