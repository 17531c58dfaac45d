"""Token buckets that limit how many requests a caller may send, where limits are in force.

Azure Resource Manager's buckets have 250 reads and 200 writes today, and refill by 25 and 10 per second.
"""

from dataclasses import dataclass

from harness.clock import Clock
from harness.emulator.subscription_limits import RequestKind, RequestLimit, SubscriptionLimits

_MOST = 100  # buckets in memory, including those of limits that are no longer in force


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """How many requests remain after this one; or, if there was none, in how many seconds there is one again."""

    remaining: int
    retry_after: float = 0.0


class RequestBuckets:
    """The buckets of the limits in force.

    Args:
        limits: the limits in force.
        clock: the clock by which the buckets refill.
    """

    def __init__(self, limits: SubscriptionLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._levels: dict[tuple[RequestKind, RequestLimit], tuple[float, float]] = {}  # level, and when it was that

    def take(self, group: str, kind: RequestKind) -> RateLimitResult | None:
        """Take one request to a resource group from its bucket; None if nothing limits these requests.

        Args:
            group: the resource group; empty for a request outside of any.
            kind: reads or writes.
        """
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
            return RateLimitResult(0, (1 - level) / limit.per_second)
        self._levels[kind, limit] = (level - 1, now)
        return RateLimitResult(int(level - 1))


def refilled(level: float, seconds: float, limit: RequestLimit) -> float:
    """The level of a bucket after some seconds."""
    return min(float(limit.size), level + seconds * limit.per_second)
