"""Structured messages, against those of Microsoft's SDK."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from azure.storage.blob._shared.streams import StructuredMessageDecoder
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.structured_body import StructuredStream, decode, message_length
from tests.emulator.storage_service.structured_message import structured


async def in_parts(message: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(message), size):
        yield message[at : at + size]


def read(message: bytes, length: int, *, size: int = 7) -> bytes:
    """The content of a message that arrives in parts of a size."""

    async def content() -> bytes:
        return b"".join([piece async for piece in decode(in_parts(message, size), length)])

    return asyncio.run(content())


def write(content: bytes, *, size: int = 7) -> bytes:
    async def message() -> bytes:
        return b"".join([piece async for piece in StructuredStream(in_parts(content, size), len(content))])

    return asyncio.run(message())


@given(st.binary(max_size=300), st.integers(1, 100), st.integers(1, 50))
def test_what_the_sdk_writes_is_read_in_any_parts(content: bytes, segment_size: int, part_size: int) -> None:
    message = structured(content, segment_size=segment_size)

    assert read(message, len(content), size=part_size) == content
    assert len(message) == message_length(len(content), -(-len(content) // segment_size) or 1)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_the_sdk_reads_what_is_written(content: bytes, part_size: int) -> None:
    message = write(content, size=part_size)

    assert len(message) == message_length(len(content))
    assert StructuredMessageDecoder(iter([message]), len(message)).read() == content


@given(st.integers(0, 5 * 18 + 21 + 40 - 1), st.integers(1, 255))
def test_a_message_with_any_byte_changed_is_refused(at: int, change: int) -> None:
    message = bytearray(structured(b"0123456789" * 4, segment_size=8))
    message[at] ^= change

    with pytest.raises(StorageError) as refused:
        read(bytes(message), 40)
    assert refused.value.code in ("Crc64Mismatch", "InvalidInput")


@pytest.mark.parametrize("cut", [0, 1, 12, 13, 22, 23, 40, 60])
def test_a_message_that_ends_early_is_refused(cut: int) -> None:
    with pytest.raises(StorageError, match="it ends early"):
        read(structured(b"0123456789" * 4, segment_size=20)[:cut], 40)


def test_a_message_with_bytes_after_its_end_is_refused() -> None:
    with pytest.raises(StorageError, match="continues after its end"):
        read(structured(b"01234") + b"x", 5)


@pytest.mark.parametrize("length", [0, 4, 6, 1 << 50])
def test_content_of_another_length_than_announced_is_refused(length: int) -> None:
    with pytest.raises(StorageError, match="its header does not describe such a message"):
        read(structured(b"01234"), length)


def test_a_huge_body_has_no_more_segments_than_a_message_can_count() -> None:
    for length in (0, 1, 4 << 20, (4 << 20) * 65535, (4 << 20) * 65535 + 1, 4 << 40):
        segments, rest = divmod(message_length(length) - length - 21, 18)
        assert rest == 0
        assert 1 <= segments <= 65535
