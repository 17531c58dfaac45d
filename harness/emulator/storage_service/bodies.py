"""Bodies of requests, received into a file or memory; threads hash and write them while more arrives.

A structured body (``structured_body``) is decoded while it arrives; everything here is about its content.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass

from harness.emulator.context import BodyTooLargeError, Request
from harness.emulator.storage_service import crc64, errors, headers, sparse, structured_body

_BATCH = 1 << 20  # bytes that are hashed and written at a time
_INLINE = 64 << 10  # fewer bytes are handled without a thread
_CRC64 = "x-ms-content-crc64"


def length(request: Request) -> int | None:
    """The length of a body's content; None if the request does not say.

    Raises:
        StorageError: the header that says so is not a number, or it is missing with a structured body.
    """
    if structured_body.is_asked(request):
        return structured_body.content_length(request)
    return headers.number(request, "content-length", most=1 << 62)


@dataclass(frozen=True, slots=True)
class Checksums:
    """Checksums of a body in base64: its MD5, and its CRC-64 or empty if no CRC-64 came with it."""

    md5: str
    crc64: str

    def confirmed(self, request: Request) -> list[tuple[str, str]]:
        """The response headers with the checksums of the body."""
        crc64 = [(_CRC64, self.crc64)] if self.crc64 else []
        return [("content-md5", self.md5), *crc64, *_confirmed_structure(request)]


def confirmed(request: Request) -> list[tuple[str, str]]:
    """The response headers that confirm the checksums of a body, for responses that show no others."""
    crc64 = request.headers.get(_CRC64)
    return [*_confirmed_structure(request), *([(_CRC64, crc64)] if crc64 is not None else [])]


def _confirmed_structure(request: Request) -> list[tuple[str, str]]:
    return [(structured_body.HEADER, structured_body.FORM)] if structured_body.is_asked(request) else []


async def receive(request: Request, descriptor: int, *, limit: int) -> tuple[int, Checksums]:
    """Write a body to a file; its length, and its checksums.

    If it raises, a part of the body may be in the file.

    Args:
        limit: bytes that it may have.

    Raises:
        BodyTooLargeError: it is longer.
        StorageError: its MD5 or CRC-64 is not what the request says, or it is structured and wrong.
    """
    return await _received(_content(request), descriptor, _Expected.of_body(request), limit)


async def receive_copied(
    request: Request, content: AsyncIterable[bytes], descriptor: int, *, limit: int
) -> tuple[int, Checksums]:
    """``receive``, with content that the request names by a URL."""
    return await _received(content, descriptor, _Expected.of_source(request), limit)


async def gather(request: Request, *, limit: int) -> tuple[list[bytes], Checksums]:
    """A body in memory, in the parts in which it came; and its checksums.

    Args:
        limit: bytes that it may have.

    Raises:
        BodyTooLargeError: it is longer.
        StorageError: its MD5 or CRC-64 is not what the request says, or it is structured and wrong.
    """
    return await _gathered(_content(request), _Expected.of_body(request), limit)


async def gather_copied(
    request: Request, content: AsyncIterable[bytes], *, limit: int
) -> tuple[list[bytes], Checksums]:
    """``gather``, with content that the request names by a URL."""
    return await _gathered(content, _Expected.of_source(request), limit)


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a request states about its content: the MD5 or empty, the CRC-64 or None, the length or None."""

    md5: str
    crc64: str | None
    length: int | None

    @staticmethod
    def of_body(request: Request) -> "_Expected":
        return _Expected(headers.md5(request, "content-md5"), request.headers.get(_CRC64), length(request))

    @staticmethod
    def of_source(request: Request) -> "_Expected":
        md5 = headers.md5(request, "x-ms-source-content-md5")
        return _Expected(md5, request.headers.get("x-ms-source-content-crc64"), None)


async def _gathered(content: AsyncIterable[bytes], expected: _Expected, limit: int) -> tuple[list[bytes], Checksums]:
    parts: list[bytes] = []

    async def kept() -> AsyncIterator[bytes]:
        async for part in content:
            parts.append(part)
            yield part

    _, checksums = await _received(kept(), None, expected, limit)
    return parts, checksums


def _content(request: Request) -> AsyncIterator[bytes]:
    if structured_body.is_asked(request):
        return structured_body.decoded(request.stream(), structured_body.content_length(request))
    return request.stream()


async def _received(
    parts: AsyncIterable[bytes], descriptor: int | None, expected: _Expected, limit: int
) -> tuple[int, Checksums]:
    sink = _Sink(descriptor, with_crc=bool(expected.md5) or expected.crc64 is not None)
    if (expected.length or 0) > limit:
        raise BodyTooLargeError(limit)
    size, done = 0, 0
    batch: list[bytes] = []
    try:
        async for part in parts:
            size += len(part)
            if size > limit:
                raise BodyTooLargeError(limit)
            batch.append(part)
            if size - done >= _BATCH:
                await sink.take(batch, done)
                batch, done = [], size
        if size - done <= _INLINE and not sink.busy:
            sink.hash(batch)
            sink.write(batch, done)
        else:
            await sink.take(batch, done)
    finally:
        await sink.settle()
    found = Checksums(sink.md5(), sink.crc64())
    if expected.md5 and expected.md5 != found.md5:
        raise errors.md5_mismatch()
    if expected.crc64 not in (None, found.crc64):
        raise errors.crc64_mismatch()
    return size, found


class _Sink:
    """Hashes and writes batches, each in a thread, while the next batch arrives.

    Args:
        descriptor: the file to which batches are written; None to write nothing.
        with_crc: whether their CRC-64 is wanted beside the MD5.
    """

    def __init__(self, descriptor: int | None, *, with_crc: bool = False) -> None:
        self._descriptor = descriptor
        self._with_crc = with_crc
        self._crc = 0
        self._digest = hashlib.md5(usedforsecurity=False)
        self._pending: asyncio.Future[list[None]] | None = None

    @property
    def busy(self) -> bool:
        """Whether a batch is under way."""
        return self._pending is not None

    async def take(self, batch: Sequence[bytes], at: int) -> None:
        """Begin with a batch as soon as the previous one is done."""
        await self.settle()
        works = [asyncio.to_thread(self.hash, batch)]
        if self._descriptor is not None:
            works.append(asyncio.to_thread(self.write, batch, at))
        self._pending = asyncio.gather(*works)

    async def settle(self) -> None:
        """Wait for the batch that is under way."""
        pending, self._pending = self._pending, None
        if pending is not None:
            await pending

    def hash(self, batch: Sequence[bytes]) -> None:
        """Add to the checksums."""
        for part in batch:
            self._digest.update(part)
            if self._with_crc:
                self._crc = crc64.continued(self._crc, part)

    def write(self, batch: Sequence[bytes], at: int) -> None:
        """Write at a place."""
        if self._descriptor is not None:
            sparse.write_parts(self._descriptor, batch, at)

    def md5(self) -> str:
        """In base64."""
        return _encoded(self._digest.digest())

    def crc64(self) -> str:
        """In base64; empty if it was not wanted."""
        return crc64.encoded(self._crc) if self._with_crc else ""


def md5_of(body: bytes) -> str:
    """MD5 in base64."""
    return _encoded(hashlib.md5(body, usedforsecurity=False).digest())


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
