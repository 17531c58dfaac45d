"""How many requests a caller may still send, where limits say so: of a bucket that refills.

Azure Resource Manager's buckets of today have 250 reads and 200 writes, and refill by 25 and 10 in a second.
"""

from dataclasses import dataclass

from harness.clock import Clock
from harness.emulator.subscription_limits import RequestKind, RequestLimit, SubscriptionLimits

_MOST = 100  # buckets that are remembered; those of limits that are no longer in force are among them


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request has found: how many are left after it, or in how many seconds there is one again."""

    left: int
    wait: float = 0.0


class RequestBuckets:
    """The buckets of the limits in force.

    Args:
        limits: those in force.
        clock: by which the buckets refill.
    """

    def __init__(self, limits: SubscriptionLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._levels: dict[tuple[RequestKind, RequestLimit], tuple[float, float]] = {}  # and when

    def take(self, group: str, kind: RequestKind) -> Taken | None:
        """Take one request to a resource group, or to none where that is empty; None where nothing limits them."""
        limit = self._limits.requests(group, kind)
        if limit is None:
            return None
        now = self._clock.monotonic()
        if (kind, limit) not in self._levels and len(self._levels) >= _MOST:
            self._levels.clear()
        before, moment = self._levels.get((kind, limit), (float(limit.size), now))
        level = refilled(before, now - moment, limit)
        if level < 1:
            self._levels[kind, limit] = (level, now)
            return Taken(0, (1 - level) / limit.per_second)
        self._levels[kind, limit] = (level - 1, now)
        return Taken(int(level - 1))


def refilled(level: float, seconds: float, limit: RequestLimit) -> float:
    """What is in a bucket after some seconds."""
    return min(float(limit.size), level + seconds * limit.per_second)
