"""Bodies of requests, received into a file or memory; threads hash and write them while they arrive (``sink``).

A structured body (``structured_body``) is decoded while it arrives; this module handles its content.
"""

import base64
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from harness.emulator.context import BodyTooLargeError, Request
from harness.emulator.storage_service import errors, headers, structured_body
from harness.emulator.storage_service.sink import Sink

_CRC64 = "x-ms-content-crc64"


def length(request: Request) -> int | None:
    """The length of a body's content; None if the request does not state it.

    Raises:
        StorageError: the header is not a number, or is missing with a structured body.
    """
    if structured_body.is_requested(request):
        return structured_body.content_length(request)
    return headers.number(request, "content-length", most=1 << 62)


@dataclass(frozen=True, slots=True)
class Checksums:
    """Checksums of a body in base64: its MD5, and its CRC-64 or empty if no CRC-64 came with it."""

    md5: str
    crc64: str

    def checksum_headers(self, request: Request) -> list[tuple[str, str]]:
        """The response headers with the checksums of the body."""
        crc64 = [(_CRC64, self.crc64)] if self.crc64 else []
        return [("content-md5", self.md5), *crc64, *_structure_headers(request)]


def checksum_headers(request: Request) -> list[tuple[str, str]]:
    """The response headers that confirm the checksums of a body, for responses that show no others."""
    crc64 = request.headers.get(_CRC64)
    return [*_structure_headers(request), *([(_CRC64, crc64)] if crc64 is not None else [])]


def _structure_headers(request: Request) -> list[tuple[str, str]]:
    return [(structured_body.HEADER, structured_body.FORM)] if structured_body.is_requested(request) else []


async def receive(request: Request, descriptor: int, *, limit: int) -> tuple[int, Checksums]:
    """Write a body to a file; returns its length and checksums.

    After an error, a part of the body may be in the file.

    Args:
        limit: the maximum number of bytes.

    Raises:
        BodyTooLargeError: the body is longer.
        StorageError: its MD5 or CRC-64 differs from the request's, or the structured body is malformed.
    """
    return await _receive(_content(request), descriptor, _Expected.of_body(request), limit)


async def receive_copied(
    request: Request, content: AsyncIterable[bytes], descriptor: int, *, limit: int
) -> tuple[int, Checksums]:
    """Like ``receive``, with content that the request names by a URL."""
    return await _receive(content, descriptor, _Expected.of_source(request), limit)


class BufferedBody:
    """A body in memory.

    Args:
        parts: the body in parts, as they arrived.
        sink: hashes the body.
        expected: the checksums and length that the request states.
    """

    def __init__(self, parts: list[bytes], sink: Sink, expected: "_Expected") -> None:
        self.parts = parts
        self._sink = sink
        self._expected = expected

    async def checksums(self) -> Checksums:
        """Wait for its checksums, which a thread computes.

        Raises:
            StorageError: a checksum differs from the request's; never after ``gather``.
        """
        return await _checksums(self._sink, self._expected)

    async def checksum_headers(self, request: Request) -> list[tuple[str, str]]:
        """Wait for its checksums, and return the response headers with them."""
        return (await self.checksums()).checksum_headers(request)


async def gather(request: Request, *, limit: int) -> BufferedBody:
    """Receive a body into memory. If the request states no checksum, a thread may still compute them on return.

    Args:
        limit: the maximum number of bytes.

    Raises:
        BodyTooLargeError: the body is longer.
        StorageError: its MD5 or CRC-64 differs from the request's, or the structured body is malformed.
    """
    return await _gather(_content(request), _Expected.of_body(request), limit)


async def gather_copied(request: Request, content: AsyncIterable[bytes], *, limit: int) -> BufferedBody:
    """Like ``gather``, with content that the request names by a URL."""
    return await _gather(content, _Expected.of_source(request), limit)


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


async def _gather(content: AsyncIterable[bytes], expected: _Expected, limit: int) -> BufferedBody:
    parts: list[bytes] = []

    async def collect() -> AsyncIterator[bytes]:
        async for part in content:
            parts.append(part)
            yield part

    sink = _sink(None, expected)
    await _fill(sink, collect(), expected, limit)
    body = BufferedBody(parts, sink, expected)
    if expected.md5 or expected.crc64 is not None:
        await body.checksums()
    return body


def _content(request: Request) -> AsyncIterator[bytes]:
    if structured_body.is_requested(request):
        return structured_body.decode(request.stream(), structured_body.content_length(request))
    return request.stream()


async def _receive(
    parts: AsyncIterable[bytes], descriptor: int | None, expected: _Expected, limit: int
) -> tuple[int, Checksums]:
    sink = _sink(descriptor, expected)
    size = await _fill(sink, parts, expected, limit)
    return size, await _checksums(sink, expected)


def _sink(descriptor: int | None, expected: _Expected) -> Sink:
    return Sink(descriptor, with_crc=bool(expected.md5) or expected.crc64 is not None)


async def _fill(sink: Sink, parts: AsyncIterable[bytes], expected: _Expected, limit: int) -> int:
    """Pass all parts to a sink; returns their total length."""
    if (expected.length or 0) > limit:
        raise BodyTooLargeError(limit)
    size = 0
    try:
        async for part in parts:
            size += len(part)
            if size > limit:
                raise BodyTooLargeError(limit)
            await sink.take(part)
    except BaseException:
        await sink.stop()
        raise
    return size


async def _checksums(sink: Sink, expected: _Expected) -> Checksums:
    """Wait until everything is hashed and written; returns the checksums.

    Raises:
        StorageError: they differ from the request's.
    """
    try:
        await sink.settle()
    except BaseException:
        await sink.stop()
        raise
    checksums = Checksums(sink.md5(), sink.crc64())
    if expected.md5 and expected.md5 != checksums.md5:
        raise errors.md5_mismatch()
    if expected.crc64 not in (None, checksums.crc64):
        raise errors.crc64_mismatch()
    return checksums


def md5_of(body: bytes) -> str:
    """The MD5 of a body, in base64."""
    return _base64(hashlib.md5(body, usedforsecurity=False).digest())


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
