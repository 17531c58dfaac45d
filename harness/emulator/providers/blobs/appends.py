"""Rules for requests that append to append blobs; pure.

Source: Microsoft's "Append Block".
"""

from harness.emulator.context import Request
from harness.emulator.providers.blobs.errors import (
    append_position_not_met,
    blob_is_sealed,
    max_size_not_met,
    too_many_blocks,
)
from harness.emulator.storage_service import headers

BLOCKS = 50_000  # the most blocks of an append blob
_BLOCK, _LATER_BLOCK = 4 << 20, 100 << 20  # bytes of one block; the second limit applies since ``_LATER``
_LATER = "2022-11-02"
_HIGHEST = 1 << 62


def block_limit(version: str) -> int:
    """Return the limit for the bytes of one block in a version of the REST API."""
    return _LATER_BLOCK if version >= _LATER else _BLOCK


def check(request: Request, *, length: int, blocks: int, sealed: bool, size: int) -> None:
    """Refuse a request that may not append a block of ``size`` bytes to a blob.

    Args:
        length: the length of the blob.
        blocks: the number of blocks in the blob.

    Raises:
        StorageError: the blob is sealed or full, or a condition does not hold.
    """
    if sealed:
        raise blob_is_sealed()
    check_position(request, length)
    max_size = headers.number(request, "x-ms-blob-condition-maxsize", most=_HIGHEST)
    if max_size is not None and length + size > max_size:
        raise max_size_not_met()
    if blocks >= BLOCKS:
        raise too_many_blocks()


def check_position(request: Request, length: int) -> None:
    """Refuse a request that names another position than the end of the blob.

    Raises:
        StorageError: the position differs.
    """
    position = headers.number(request, "x-ms-blob-condition-appendpos", most=_HIGHEST)
    if position not in (None, length):
        raise append_position_not_met()
