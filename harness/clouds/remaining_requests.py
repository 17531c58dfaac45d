"""Pauses between requests that depend on the remaining requests that services report, to avoid throttling.

Azure Resource Manager and the services behind it count the requests of each caller, and report in every response how
many remain until they return 429: of a bucket of some hundreds that is refilled by some per second, or of some
thousands per hour. The kind of limit is unknown, so pauses only grow as fewer requests remain, and a 429 is still
retried.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from harness.clock import Clock

_REMAINING = re.compile(r"x-ms-ratelimit-remaining-(?:subscription|tenant)-(?:global-)?(reads|writes|deletes)")
_KINDS: Mapping[str, tuple[str, ...]] = {"GET": ("reads",), "HEAD": ("reads",), "DELETE": ("deletes", "writes")}
_FEW = 40
_DIGITS = 12  # of a reported number; further digits are ignored
_LONGEST = 2.0  # seconds; the smallest documented bucket is refilled by 20 requests in this time


def pause_after(remaining: int) -> float:
    """Seconds between a response that reports the remaining requests and the next request."""
    return _LONGEST * (1 - max(0, remaining) / _FEW) if remaining < _FEW else 0.0


def remaining_counts(headers: Mapping[str, str]) -> dict[str, int]:
    """The remaining requests that a response reports, by kind; the smallest of several counts of one kind."""
    counts: dict[str, int] = {}
    for name, value in headers.items():
        if (kind := _REMAINING.fullmatch(name.lower())) and value.isascii() and value.isdecimal():
            remaining = int(value[:_DIGITS])
            counts[kind[1]] = min(remaining, counts.get(kind[1], remaining))
    return counts


class RemainingRequests:
    """The earliest time of the next request to each host, from its last responses.

    Args:
        clock: the clock of the cloud, on which pauses pass.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._earliest: dict[tuple[str, str], float] = {}  # by host and kind of request

    def wait(self, method: str, url: str) -> None:
        """Wait for the earliest time of a request."""
        host = urlsplit(url).netloc
        now = self._clock.monotonic()
        times = [self._earliest.get((host, kind), now) for kind in _KINDS.get(method, ("writes",))]
        if (pause := max(times) - now) > 0:
            self._clock.sleep(pause)

    def update(self, url: str, headers: Mapping[str, str]) -> None:
        """Read the counts of a response."""
        host, now = urlsplit(url).netloc, self._clock.monotonic()
        for kind, remaining in remaining_counts(headers).items():
            self._earliest[host, kind] = now + pause_after(remaining)
