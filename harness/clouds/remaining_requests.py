"""How many more requests a service says that it takes, and when the next may go: before the service refuses one.

Azure Resource Manager and the services behind it count the requests of each caller, and say in every answer how many
are left until they answer 429: of a bucket of some hundreds that refills by some in a second, or of some thousands in
an hour. Nobody knows which, so the pauses only get longer the fewer there are, and a 429 is still waited for.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from harness.clock import Clock

_LEFT = re.compile(r"x-ms-ratelimit-remaining-(?:subscription|tenant)-(?:global-)?(reads|writes|deletes)")
_KINDS: Mapping[str, tuple[str, ...]] = {"GET": ("reads",), "HEAD": ("reads",), "DELETE": ("deletes", "writes")}
_FEW = 40
_DIGITS = 12  # of a number that are read
_LONGEST = 2.0  # seconds; in those the smallest bucket that is documented refills by 20


def pause_at(left: int) -> float:
    """Seconds from an answer to the next request, where the answer says how many requests are left."""
    return _LONGEST * (1 - max(0, left) / _FEW) if left < _FEW else 0.0


def left_in(headers: Mapping[str, str]) -> dict[str, int]:
    """How many requests are left, by kind, as an answer says it; of several counts of one kind the smallest."""
    found: dict[str, int] = {}
    for name, value in headers.items():
        if (kind := _LEFT.fullmatch(name.lower())) and value.isascii() and value.isdecimal():
            left = int(value[:_DIGITS])
            found[kind[1]] = min(left, found.get(kind[1], left))
    return found


class RemainingRequests:
    """What the last answers of each host said.

    Args:
        clock: of the cloud; pauses pass on it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._earliest: dict[tuple[str, str], float] = {}  # when the next request may go, by host and kind

    def wait(self, method: str, url: str) -> None:
        """Let the pause pass that is due before a request."""
        host = urlsplit(url).netloc
        now = self._clock.monotonic()
        moments = [self._earliest.get((host, kind), now) for kind in _KINDS.get(method, ("writes",))]
        if (pause := max(moments) - now) > 0:
            self._clock.sleep(pause)

    def answered(self, url: str, headers: Mapping[str, str]) -> None:
        """Take what an answer says."""
        host, now = urlsplit(url).netloc, self._clock.monotonic()
        for kind, left in left_in(headers).items():
            self._earliest[host, kind] = now + pause_at(left)
