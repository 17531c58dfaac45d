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
    """The value of the cookie in a ``Set-Cookie`` line."""
    return line.partition(";")[0].partition("=")[2].strip()


def cookie_values_of_request(header: str) -> Iterator[str]:
    """The values of the cookies in a request's ``Cookie`` header."""
    return (pair.partition("=")[2].strip() for pair in header.split(";"))


def is_secret_cookie(line: str) -> bool:
    """Whether the value of a cookie is neither empty nor a placeholder."""
    value = cookie_value(line).strip('"')
    return value != "" and not is_placeholder(value)


def without_value(line: str) -> str:
    """Return a ``Set-Cookie`` line with a placeholder for the value, unless the value is empty."""
    pair, *attributes = line.split(";")
    name, equals, _ = pair.partition("=")
    value = WORD if is_secret_cookie(line) else cookie_value(line)
    return ";".join([f"{name}{equals}{value}", *attributes])


def without_lifetime(line: str, date: str | None) -> str:
    """Return a ``Set-Cookie`` line for a replay, which may happen years later.

    A cookie that was valid when it was set is valid for the entire replay; one that the response deletes is deleted.

    Args:
        line: the recorded line.
        date: the ``Date`` header of the response.
    """
    pair, *attributes = (part.strip() for part in line.split(";"))
    other_attributes = [part for part in attributes if part.partition("=")[0].strip().lower() not in _LIFETIMES]
    if _is_deletion(attributes, date):
        other_attributes.append("Max-Age=0")
    return "; ".join([pair, *other_attributes])


def _is_deletion(attributes: Iterable[str], date: str | None) -> bool:
    """Whether a cookie had expired when it was set; ``Max-Age`` has precedence over ``Expires``."""
    values = {name.strip().lower(): text.strip() for name, _, text in (part.partition("=") for part in attributes)}
    with contextlib.suppress(KeyError, ValueError):
        return int(values["max-age"]) <= 0
    expires = _time(values.get("expires", ""))
    return expires is not None and expires <= (_time(date or "") or _LONG_AGO)


def _time(text: str) -> datetime | None:
    """Parse an HTTP date in any of its formats; None if it is invalid."""
    try:
        time = parsedate_to_datetime(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
