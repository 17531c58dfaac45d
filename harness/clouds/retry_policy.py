"""The number of retries and their pauses, for all requests and deletions.

Every request of the harness may be repeated, because it is idempotent: its resources have names, and what it deletes
stays deleted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from harness.clock import Clock

# The service cannot respond now; 408 and 429 explicitly request a later retry.
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


class Failure(Enum):
    """The reason for a retry."""

    BUSY = auto()  # the service is busy, or the connection broke
    UNREACHABLE = auto()  # the connection is refused, or the host name is unknown: waiting seldom helps
    NOT_VISIBLE_YET = auto()  # 404 of a resource that was created recently
    CLOCK_SKEW = auto()  # refused because the clocks of client and service differ
    TOKEN_EXPIRED = auto()  # refused because of an expired token


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The policy of one cloud; all times are in seconds.

    Attributes:
        first: the pause after the first attempt; it doubles after every further one.
        longest: the longest pause, except that ``Retry-After`` may request a longer one.
        total: no attempt begins later than this after the first one.
        visibility: how long a 404 of a resource that was created recently is retried.
        tries: the most attempts. If 30 % of requests fail, sixteen attempts fail together once in 200 million.
        unreachable_tries: the most attempts if no connection can be made.
        connect: the longest wait for a connection.
        read: the longest wait for the next byte of a response.
        checks_clock_skew: whether clock skew may be the cause of a refusal; in a replay the times mean nothing.
    """

    first: float
    longest: float
    total: float
    visibility: float = 0.0
    tries: int = 16
    unreachable_tries: int = 5
    connect: float = 20.0
    read: float = 120.0
    checks_clock_skew: bool = True

    def pause(
        self, failure: Failure, *, number: int, elapsed: float, retry_after: float, jitter: float
    ) -> float | None:
        """Seconds until the next attempt; None if there is no further one.

        Args:
            failure: the failure of the last attempt.
            number: the number of attempts so far.
            elapsed: seconds since the first attempt.
            retry_after: seconds that the response requests; 0 for none.
            jitter: from 0 to 1; it spreads the retries of clients that failed together.
        """
        if number >= self._most(failure):
            return None
        wait = max(retry_after, self._own_pause(failure, number) * (0.5 + jitter / 2))
        end = self.visibility if failure is Failure.NOT_VISIBLE_YET else self.total
        return wait if elapsed + wait <= end else None

    def retries(self, clock: Clock, *, jitter: Callable[[], float] = lambda: 1.0) -> "Retries":
        """Start to count attempts; the first one begins now."""
        return Retries(self, clock, jitter)

    def _most(self, failure: Failure) -> float:
        match failure:
            case Failure.NOT_VISIBLE_YET:
                return float("inf")  # only `visibility` limits them
            case Failure.UNREACHABLE:
                return self.unreachable_tries
            case Failure.TOKEN_EXPIRED:
                return self.tries + 1  # the attempt with the old token does not count
            case _:
                return self.tries

    def _own_pause(self, failure: Failure, number: int) -> float:
        match failure:
            case Failure.CLOCK_SKEW:
                return self.first
            case Failure.TOKEN_EXPIRED:
                return 0.0 if number == 1 else self.first
            case _:
                return min(self.longest, self.first * 2.0 ** min(number - 1, 30))


class Retries:
    """Counts the attempts of one operation, and waits between them as the policy says.

    Attributes:
        number: the number of the current attempt, from 1.
    """

    def __init__(self, policy: RetryPolicy, clock: Clock, jitter: Callable[[], float]) -> None:
        self._policy, self._clock, self._jitter = policy, clock, jitter
        self._began = clock.monotonic()
        self.number = 1

    @property
    def elapsed(self) -> float:
        """Seconds since the first attempt began."""
        return self._clock.monotonic() - self._began

    def wait(self, failure: Failure = Failure.BUSY, *, retry_after: float = 0.0) -> bool:
        """Wait for the next attempt, and return True; return False at once if there is no further one.

        Args:
            failure: the failure of the current attempt.
            retry_after: seconds that the response requests.
        """
        pause = self._policy.pause(
            failure, number=self.number, elapsed=self.elapsed, retry_after=retry_after, jitter=self._jitter()
        )
        if pause is None:
            return False
        self._clock.sleep(pause)
        self.number += 1
        return True


def is_transient(status: int) -> bool:
    """Whether a retry of a request with this status may succeed."""
    return status in _TRANSIENT


CLOUD = RetryPolicy(first=0.8, longest=30.0, total=300.0, visibility=30.0, unreachable_tries=7)
LOCAL = RetryPolicy(first=0.02, longest=0.5, total=120.0, visibility=10.0)
REPLAY = replace(CLOUD, checks_clock_skew=False)
# For entire deletions; each of their requests is retried by the policy of the cloud, too.
DELETION = RetryPolicy(first=1.0, longest=3.0, total=300.0, tries=4)
