"""Cookies of recorded responses: their names and attributes are kept, their values are secret.

A response may set several cookies, and ``Set-Cookie`` is the one header whose lines cannot be joined by commas
(RFC 6265, section 3), so a recorded response keeps them apart from its other headers.
"""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from harness.recording.placeholders import WORD, is_placeholder

HEADER = "Set-Cookie"
_LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)  # servers delete cookies with dates before it
_LIFETIMES = ("expires", "max-age")


def cookie_value(line: str) -> str:
    """The value of a cookie that a ``Set-Cookie`` line sets."""
    return line.partition(";")[0].partition("=")[2].strip()


def sent_values(header: str) -> Iterator[str]:
    """The values of the cookies in a request's ``Cookie`` header."""
    return (pair.partition("=")[2].strip() for pair in header.split(";"))


def is_secret_cookie(line: str) -> bool:
    """Whether the value of a cookie is neither empty nor a placeholder."""
    value = cookie_value(line).strip('"')
    return value != "" and not is_placeholder(value)


def without_value(line: str) -> str:
    """A ``Set-Cookie`` line with a placeholder for the value, unless the value is empty."""
    pair, *attributes = line.split(";")
    name, equals, _ = pair.partition("=")
    value = WORD if is_secret_cookie(line) else cookie_value(line)
    return ";".join([f"{name}{equals}{value}", *attributes])


def without_lifetime(line: str, date: str | None) -> str:
    """A ``Set-Cookie`` line for a replay, which may be years later.

    A cookie that was valid when it was set is valid for the whole replay; one that the response deletes is deleted.

    Args:
        line: the recorded line.
        date: the ``Date`` header of the response.
    """
    pair, *attributes = (part.strip() for part in line.split(";"))
    kept = [part for part in attributes if part.partition("=")[0].strip().lower() not in _LIFETIMES]
    if _is_deletion(attributes, date):
        kept.append("Max-Age=0")
    return "; ".join([pair, *kept])


def _is_deletion(attributes: Iterable[str], date: str | None) -> bool:
    """Whether a cookie had expired when it was set; ``Max-Age`` counts more than ``Expires``."""
    given = {name.strip().lower(): text.strip() for name, _, text in (part.partition("=") for part in attributes)}
    with contextlib.suppress(KeyError, ValueError):
        return int(given["max-age"]) <= 0
    expires = _time(given.get("expires", ""))
    return expires is not None and expires <= (_time(date or "") or _LONG_AGO)


def _time(text: str) -> datetime | None:
    """The time that an HTTP date names, which may be written in one of several ways; None for no date."""
    try:
        time = parsedate_to_datetime(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
