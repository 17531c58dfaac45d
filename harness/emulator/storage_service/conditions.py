"""Conditional headers: If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since; pure.

A date that cannot be parsed, such as an empty one, counts as absent, as in RFC 9110 (13.1.3, 13.1.4) and Azure.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from harness.emulator.storage_service import errors


def check(headers: Mapping[str, str], *, etag: str | None, modified: datetime | None, read: bool) -> None:
    """Check the conditions of a request against a resource.

    Args:
        etag: the quoted etag of the resource; None if there is no resource.
        modified: the last-modified time of the resource; None if there is no resource.
        read: whether the request reads; then an unchanged resource yields 304 instead of 412.

    Raises:
        StorageError: a condition does not hold.
    """
    if "if-match" in headers and not _contains(headers["if-match"], etag):
        raise errors.condition_not_met()
    if "if-none-match" in headers and _contains(headers["if-none-match"], etag):
        if read:
            raise errors.not_modified()
        raise errors.exists() if headers["if-none-match"].strip() == "*" else errors.condition_not_met()
    if modified is None:
        return
    modified_second = modified.replace(microsecond=0)
    since, until = (_date(headers.get(name, "")) for name in ("if-modified-since", "if-unmodified-since"))
    if since is not None and modified_second <= since:
        raise errors.not_modified() if read else errors.condition_not_met()
    if until is not None and modified_second > until:
        raise errors.condition_not_met()


def check_source(headers: Mapping[str, str], *, etag: str | None, modified: datetime | None) -> None:
    """Check the source conditions of a copy against its source.

    Raises:
        StorageError: a condition does not hold.
    """
    prefix = "x-ms-source-"
    conditions = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    try:
        check(conditions, etag=etag, modified=modified, read=False)
    except errors.StorageError as error:
        raise errors.source_condition_not_met() from error


def _contains(header: str, etag: str | None) -> bool:
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
