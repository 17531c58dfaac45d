"""Conditional headers: If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since; pure.

A date that cannot be parsed, such as an empty one, counts as absent, as in RFC 9110 (13.1.3, 13.1.4) and Azure.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from harness.emulator.storage_service import errors


def check(headers: Mapping[str, str], *, etag: str | None, modified: datetime | None, read: bool) -> None:
    """Refuse a request whose conditions do not hold for a resource.

    Args:
        etag: the quoted etag of the resource; None if there is no resource.
        modified: when it was changed last; None if there is none.
        read: the request reads, so that an unchanged resource is answered 304 instead of 412.

    Raises:
        StorageError: a condition does not hold.
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
    since, until = (_date(headers.get(name, "")) for name in ("if-modified-since", "if-unmodified-since"))
    if since is not None and whole <= since:
        raise errors.not_modified() if read else errors.condition_not_met()
    if until is not None and whole > until:
        raise errors.condition_not_met()


def check_source(headers: Mapping[str, str], *, etag: str | None, modified: datetime | None) -> None:
    """Refuse a copy whose conditions do not hold for its source.

    Raises:
        StorageError: a condition does not hold.
    """
    prefix = "x-ms-source-"
    given = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    try:
        check(given, etag=etag, modified=modified, read=False)
    except errors.StorageError as error:
        raise errors.source_condition_not_met() from error


def _names(header: str, etag: str | None) -> bool:
    if etag is None:
        return False
    named = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in named or etag.strip('"') in named


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
