"""Rules for requests about page blobs: whole pages and sequence numbers; pure.

Source: Microsoft's "Put Page" and "Set Blob Properties".
"""

from harness.emulator.context import Request
from harness.emulator.providers.blobs.errors import (
    invalid_page_range,
    sequence_number_condition_not_met,
    sequence_number_too_large,
)
from harness.emulator.storage_service import errors, headers, ranges
from harness.emulator.storage_service.extents import PAGE

LIMIT = 8 << 40  # bytes of a page blob
_LENGTH, _NUMBER, _ACTION = "x-ms-blob-content-length", "x-ms-blob-sequence-number", "x-ms-sequence-number-action"
_HIGHEST = (1 << 63) - 1  # the highest sequence number


def length(request: Request) -> int | None:
    """Return the length that a request sets for a page blob; None if it sets none.

    Raises:
        StorageError: the length is not a multiple of the page size.
    """
    size = headers.number(request, _LENGTH, most=LIMIT)
    if size is not None and size % PAGE:
        raise errors.invalid_header(_LENGTH)
    return size


def first_number(request: Request) -> int:
    """Return the sequence number of a new page blob.

    Raises:
        StorageError: the number is invalid.
    """
    return headers.number(request, _NUMBER, most=_HIGHEST) or 0


def number(request: Request, before: int) -> int:
    """Return the sequence number of a page blob after Set Blob Properties.

    Raises:
        StorageError: the request names no action, or an invalid one.
    """
    action, new_number = request.headers.get(_ACTION, "").lower(), headers.number(request, _NUMBER, most=_HIGHEST)
    if not action:
        if new_number is not None:
            raise errors.missing_header(_ACTION)
        return before
    if action == "increment":
        if new_number is not None:
            raise errors.invalid_header(_NUMBER)
        if before == _HIGHEST:
            raise sequence_number_too_large()
        return before + 1
    if action not in ("max", "update"):
        raise errors.invalid_header(_ACTION)
    if new_number is None:
        raise errors.missing_header(_NUMBER)
    return max(before, new_number) if action == "max" else new_number


def check_number(request: Request, number: int) -> None:
    """Refuse a request whose conditions on the sequence number do not hold.

    Raises:
        StorageError: a condition does not hold.
    """
    for name, holds in (("le", number.__le__), ("lt", number.__lt__), ("eq", number.__eq__)):
        bound = headers.number(request, f"x-ms-if-sequence-number-{name}", most=_HIGHEST)
        if bound is not None and not holds(bound):
            raise sequence_number_condition_not_met()


def written_range(request: Request, blob_length: int) -> tuple[int, int]:
    """Return the first byte, and the number of bytes, of the pages that a request writes.

    Args:
        blob_length: the blob's length.

    Raises:
        StorageError: the range is not of whole pages, or not in the blob.
    """
    header = headers.requested_range(request)
    if header is None:
        raise errors.missing_header("x-ms-range")
    first, last = ranges.parse(header)
    if last is None or first % PAGE or (last + 1) % PAGE:
        raise errors.invalid_header("x-ms-range")
    if last >= blob_length:
        raise invalid_page_range()
    return first, last + 1 - first


def read_range(request: Request, blob_length: int) -> tuple[int, int]:
    """Return the first byte and the end of the pages to list: those that overlap the range of the request.

    Args:
        blob_length: the blob's length.

    Raises:
        StorageError: the range is malformed, or does not begin in the blob.
    """
    header = headers.requested_range(request)
    if header is None:
        return 0, blob_length
    first, last = ranges.parse(header)
    if first >= blob_length:
        raise invalid_page_range()
    end = blob_length if last is None else min(-(-(last + 1) // PAGE) * PAGE, blob_length)
    return first // PAGE * PAGE, end
