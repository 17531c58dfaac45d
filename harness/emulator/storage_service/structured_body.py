"""Structured messages, which the header ``x-ms-structured-body`` announces: segments, each with its CRC-64.

All numbers are little-endian, as azure-storage-blob 12.31 and azure-storage-file-share 12.27 write and read them::

    message: version (1 byte, 1), length (8), properties (2, 1 for CRC-64), number of segments (2),
             the segments, CRC-64 of the whole content (8)
    segment: number from 1 (2), length of its content (8), content, CRC-64 of this content (8)
"""

import struct
from collections.abc import AsyncIterable, AsyncIterator

from harness.emulator.context import Request
from harness.emulator.storage_service import errors, headers
from harness.emulator.storage_service.crc64 import update

HEADER = "x-ms-structured-body"
LENGTH = "x-ms-structured-content-length"
FORM = "XSM/1.0; properties=crc64"

_MESSAGE = struct.Struct("<BQHH")
_SEGMENT = struct.Struct("<HQ")
_CRC = struct.Struct("<Q")
_VERSION, _CRC64 = 1, 1
_SEGMENT_SIZE = 4 << 20  # bytes of content in each segment of a response
_MOST_SEGMENTS = 0xFFFF


def is_requested(request: Request) -> bool:
    """Whether the body of a request or of its response is a structured message.

    Raises:
        StorageError: the header names an unknown form.
    """
    form = request.headers.get(HEADER)
    if form is None:
        return False
    if form.replace(" ", "").lower() != FORM.replace(" ", "").lower():
        raise errors.invalid_header(HEADER)
    return True


def content_length(request: Request) -> int:
    """The length of the content of a structured body, as the request states it.

    Raises:
        StorageError: the request does not state it.
    """
    length = headers.number(request, LENGTH, most=1 << 62)
    if length is None:
        raise errors.missing_header(LENGTH)
    return length


async def decode(parts: AsyncIterable[bytes], length: int) -> AsyncIterator[bytes]:
    """The content of a structured message, part by part. The caller must not use it before the end, when it is checked.

    Args:
        parts: the message as it arrives.
        length: the length of the content.

    Raises:
        StorageError: the message is not well-formed, or a CRC-64 is not that of the content.
    """
    source = _Source(parts)
    version, size, properties, segments = _MESSAGE.unpack(await source.exactly(_MESSAGE.size))
    if version != _VERSION or properties != _CRC64 or segments == 0 or size != message_length(length, segments):
        raise errors.invalid_structured_body("its header does not describe such a message")
    content_crc, remaining = 0, length
    for number in range(1, segments + 1):
        actual_number, count = _SEGMENT.unpack(await source.exactly(_SEGMENT.size))
        if actual_number != number or count > remaining:
            raise errors.invalid_structured_body(f"segment {number} is missing, or longer than the content")
        crc = 0
        async for piece in source.pieces(count):
            crc, content_crc = update(crc, piece), update(content_crc, piece)
            yield piece
        if await source.exactly(_CRC.size) != _CRC.pack(crc):
            raise errors.crc64_mismatch()
        remaining -= count
    if remaining:
        raise errors.invalid_structured_body(f"{remaining} bytes of the content are missing")
    if await source.exactly(_CRC.size) != _CRC.pack(content_crc):
        raise errors.crc64_mismatch()
    if await source.has_more():
        raise errors.invalid_structured_body("it continues after its end")


def message_length(length: int, segments: int | None = None) -> int:
    """The length of a structured message.

    Args:
        length: the length of the content.
        segments: the number of segments; default: that of ``StructuredStream``.
    """
    count = _segments(length) if segments is None else segments
    return _MESSAGE.size + count * (_SEGMENT.size + _CRC.size) + length + _CRC.size


class StructuredStream:
    """A body as a structured message.

    Args:
        content: the body in parts; None for an empty one.
        length: the length of the body.
    """

    def __init__(self, content: AsyncIterable[bytes] | None, length: int) -> None:
        self._content = content
        self._length = length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes of the message."""
        source, segments = _Source(self._content), _segments(self._length)
        yield _MESSAGE.pack(_VERSION, message_length(self._length), _CRC64, segments)
        size, content_crc = _segment_size(self._length), 0
        for number in range(segments):
            count = min(size, self._length - number * size)
            yield _SEGMENT.pack(number + 1, count)
            crc = 0
            async for piece in source.pieces(count):
                crc, content_crc = update(crc, piece), update(content_crc, piece)
                yield piece
            yield _CRC.pack(crc)
        yield _CRC.pack(content_crc)


def response(
    request: Request, content: AsyncIterable[bytes] | None, length: int
) -> tuple[bytes | AsyncIterable[bytes], list[tuple[str, str]]]:
    """The body of a response, structured if the request asks for that, and the headers that describe it.

    Args:
        content: the body in parts; None for an empty one.
        length: the length of the body.
    """
    if is_requested(request):
        response_headers = [(HEADER, FORM), (LENGTH, str(length)), ("content-length", str(message_length(length)))]
        return StructuredStream(content, length), response_headers
    return content if content is not None and length else b"", [("content-length", str(length))]


def _segment_size(length: int) -> int:
    """Bytes in each segment, which is larger than usual if there would be too many segments."""
    return max(_SEGMENT_SIZE, -(-length // _MOST_SEGMENTS))


def _segments(length: int) -> int:
    return -(-length // _segment_size(length)) or 1


class _Source:
    """The parts of a message, read in pieces of any size."""

    def __init__(self, parts: AsyncIterable[bytes] | None) -> None:
        self._parts = None if parts is None else aiter(parts)
        self._part = b""
        self._at = 0  # position in the part; slicing would copy the rest for each segment

    async def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        return b"".join([piece async for piece in self.pieces(count)])

    async def pieces(self, count: int) -> AsyncIterator[bytes]:
        """The next ``count`` bytes, in pieces as they arrive.

        Raises:
            StorageError: the message ends before.
        """
        while count:
            if not await self.has_more():
                raise errors.invalid_structured_body("it ends early")
            piece = self._part[self._at : self._at + count]
            self._at += len(piece)
            count -= len(piece)
            yield piece

    async def has_more(self) -> bool:
        """Whether there is at least one more byte."""
        while self._at == len(self._part):
            if self._parts is None:
                return False
            try:
                self._part, self._at = await anext(self._parts), 0
            except StopAsyncIteration:
                return False
        return True
