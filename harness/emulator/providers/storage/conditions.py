"""Conditional headers: If-Match and its three kin; pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from harness.emulator.providers.storage import errors


def check(headers: Mapping[str, str], *, etag: str | None, modified: datetime | None, read: bool) -> None:
    """Let a request pass whose conditions hold for a resource.

    Args:
        etag: quoted, of the resource; None if there is none.
        modified: when it was changed last; None if there is none.
        read: a read that would bring nothing new is answered 304 instead of 412.

    Raises:
        StorageError: a condition does not hold, or a date is none.
    """
    if "if-match" in headers and not _names(headers["if-match"], etag):
        raise errors.condition_not_met()
    if "if-none-match" in headers and _names(headers["if-none-match"], etag):
        if read:
            raise errors.not_modified()
        raise errors.exists() if headers["if-none-match"].strip() == "*" else errors.condition_not_met()
    if modified is None:
        return
    whole = modified.replace(microsecond=0)
    if "if-modified-since" in headers and whole <= _date(headers, "if-modified-since"):
        raise errors.not_modified() if read else errors.condition_not_met()
    if "if-unmodified-since" in headers and whole > _date(headers, "if-unmodified-since"):
        raise errors.condition_not_met()


def _names(header: str, etag: str | None) -> bool:
    if etag is None:
        return False
    named = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in named or etag.strip('"') in named


def _date(headers: Mapping[str, str], name: str) -> datetime:
    try:
        moment = parsedate_to_datetime(headers[name])
    except (ValueError, TypeError, OverflowError):
        raise errors.invalid_header(name) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
