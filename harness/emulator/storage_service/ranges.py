"""Byte ranges of the storage services; pure."""

import re

from harness.emulator.storage_service import errors

_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{0,19})", re.ASCII)


def to_read(header: str, length: int) -> tuple[int, int]:
    """First byte and count of a range to read: an open or too large end means the end of the file.

    Raises:
        StorageError: the header is malformed, or the range begins at or after the end.
    """
    first, last = parse(header)
    if first >= length:
        raise errors.invalid_range(length)
    end = length if last is None else min(last + 1, length)
    return first, end - first


def to_write(header: str, length: int) -> tuple[int, int]:
    """First byte and count of a range to write, which must lie within the file.

    Raises:
        StorageError: the header is malformed, or the range lies outside the file.
    """
    first, last = parse(header)
    if last is None:
        raise errors.invalid_header("x-ms-range")
    if last >= length:
        raise errors.invalid_range(length)
    return first, last + 1 - first


def parse(header: str) -> tuple[int, int | None]:
    """First and last byte of a range; the last one is None if the range is open.

    Raises:
        StorageError: the header is malformed.
    """
    match = _RANGE.fullmatch(header.strip())
    if not match:
        raise errors.invalid_header("x-ms-range")
    first, last = int(match[1]), int(match[2]) if match[2] else None
    if last is not None and last < first:
        raise errors.invalid_header("x-ms-range")
    return first, last
