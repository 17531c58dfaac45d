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
_HIGHEST = (1 << 63) - 1  # of a sequence number


def length(request: Request) -> int | None:
    """The length that a request gives a page blob; None if it gives none.

    Raises:
        StorageError: it is not a multiple of the page size.
    """
    asked = headers.number(request, _LENGTH, most=LIMIT)
    if asked is not None and asked % PAGE:
        raise errors.invalid_header(_LENGTH)
    return asked


def first_number(request: Request) -> int:
    """The sequence number of a new page blob.

    Raises:
        StorageError: it is invalid.
    """
    return headers.number(request, _NUMBER, most=_HIGHEST) or 0


def number(request: Request, before: int) -> int:
    """The sequence number of a page blob after Set Blob Properties.

    Raises:
        StorageError: the request names no action, or an invalid one.
    """
    action, given = request.headers.get(_ACTION, "").lower(), headers.number(request, _NUMBER, most=_HIGHEST)
    if not action:
        if given is not None:
            raise errors.missing_header(_ACTION)
        return before
    if action == "increment":
        if given is not None:
            raise errors.invalid_header(_NUMBER)
        if before == _HIGHEST:
            raise sequence_number_too_large()
        return before + 1
    if action not in ("max", "update"):
        raise errors.invalid_header(_ACTION)
    if given is None:
        raise errors.missing_header(_NUMBER)
    return max(before, given) if action == "max" else given


def check_number(request: Request, number: int) -> None:
    """Refuse a request whose conditions on the sequence number do not hold.

    Raises:
        StorageError: one does not.
    """
    for name, holds in (("le", number.__le__), ("lt", number.__lt__), ("eq", number.__eq__)):
        wanted = headers.number(request, f"x-ms-if-sequence-number-{name}", most=_HIGHEST)
        if wanted is not None and not holds(wanted):
            raise sequence_number_condition_not_met()


def written_range(request: Request, of: int) -> tuple[int, int]:
    """First byte and count of the pages that a request writes.

    Args:
        of: the blob's length.

    Raises:
        StorageError: they are not whole pages, or not in the blob.
    """
    header = headers.asked_range(request)
    if header is None:
        raise errors.missing_header("x-ms-range")
    first, last = ranges.parsed(header)
    if last is None or first % PAGE or (last + 1) % PAGE:
        raise errors.invalid_header("x-ms-range")
    if last >= of:
        raise invalid_page_range()
    return first, last + 1 - first


def read_range(request: Request, of: int) -> tuple[int, int]:
    """First byte and end of the pages in a listing: all that the range of the request touches.

    Args:
        of: the blob's length.

    Raises:
        StorageError: the range is malformed, or begins at or behind the end.
    """
    header = headers.asked_range(request)
    if header is None:
        return 0, of
    first, last = ranges.parsed(header)
    if first >= of:
        raise invalid_page_range()
    end = of if last is None else min(-(-(last + 1) // PAGE) * PAGE, of)
    return first // PAGE * PAGE, end
