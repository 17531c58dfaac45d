"""How often, and after which pauses, something that a cloud refused is tried again: one rule for everything.

Every request that the harness sends may be repeated: what it creates has a name, and what it deletes stays deleted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from harness.clock import Clock

# The service is there but cannot answer now; 408 and 429 themselves ask for a later try.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class Failure(Enum):
    """Why something may be tried again."""

    BUSY = auto()  # refused for now, or the connection broke
    UNREACHABLE = auto()  # nobody listens there, or the name is not known: waiting seldom helps
    NOT_VISIBLE_YET = auto()  # 404 of something that was created just now
    CLOCK_SKEW = auto()  # refused because two clocks differ
    TOKEN_EXPIRED = auto()  # refused because of a token that has been replaced since


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The rule of one cloud; all times are seconds.

    Attributes:
        first: the pause after the first try; it doubles with every further one.
        longest: the longest pause of our own; a ``Retry-After`` may ask for more.
        total: no try begins later than this after the first one.
        visibility: how long a 404 of something that was created just now is not believed.
        tries: how often a request is sent at most. At 30 % of failures sixteen fail together once in 200 million.
        unreachable_tries: the same where nobody listens.
        connect: the longest wait for a connection.
        read: the longest wait for the next byte of an answer.
        judges_clocks: whether a refusal may be blamed on the clocks; those of a replay have nothing to say.
    """

    first: float
    longest: float
    total: float
    visibility: float = 0.0
    tries: int = 16
    unreachable_tries: int = 5
    connect: float = 20.0
    read: float = 120.0
    judges_clocks: bool = True

    def pause(
        self, failure: Failure, *, number: int, elapsed: float, retry_after: float, jitter: float
    ) -> float | None:
        """Seconds until the next try; None when there is to be none.

        Args:
            failure: of the last try.
            number: how many tries there were.
            elapsed: seconds since the first.
            retry_after: seconds that the answer asks for; 0 for none.
            jitter: from 0 to 1; several clients that failed together do not come back together.
        """
        if number >= self._most(failure):
            return None
        wait = max(retry_after, self._own_pause(failure, number) * (0.5 + jitter / 2))
        end = self.visibility if failure is Failure.NOT_VISIBLE_YET else self.total
        return wait if elapsed + wait <= end else None

    def retries(self, clock: Clock, *, jitter: Callable[[], float] = lambda: 1.0) -> "Retries":
        """What waits between the tries of something by this rule; the first try begins now."""
        return Retries(self, clock, jitter)

    def _most(self, failure: Failure) -> float:
        match failure:
            case Failure.NOT_VISIBLE_YET:
                return float("inf")  # the time alone ends it
            case Failure.UNREACHABLE:
                return self.unreachable_tries
            case Failure.TOKEN_EXPIRED:
                return self.tries + 1  # the try with the old token does not count
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
    """The tries of one thing: counts them, and waits between them as the policy says.

    Attributes:
        number: of the try that is made now, from 1.
    """

    def __init__(self, policy: RetryPolicy, clock: Clock, jitter: Callable[[], float]) -> None:
        self._policy, self._clock, self._jitter = policy, clock, jitter
        self._began = clock.monotonic()
        self.number = 1

    @property
    def elapsed(self) -> float:
        """Seconds since the first try began."""
        return self._clock.monotonic() - self._began

    def wait(self, failure: Failure = Failure.BUSY, *, retry_after: float = 0.0) -> bool:
        """Let the pause before the next try pass; False at once where there is to be none.

        Args:
            failure: of the try that was made.
            retry_after: seconds that its answer asks for.
        """
        pause = self._policy.pause(
            failure, number=self.number, elapsed=self.elapsed, retry_after=retry_after, jitter=self._jitter()
        )
        if pause is None:
            return False
        self._clock.sleep(pause)
        self.number += 1
        return True


def is_passing(status: int) -> bool:
    """Whether the same request may well be answered in a moment."""
    return status in _PASSING


CLOUD = RetryPolicy(first=0.8, longest=30.0, total=300.0, visibility=30.0, unreachable_tries=7)
LOCAL = RetryPolicy(first=0.02, longest=0.5, total=120.0, visibility=10.0)
REPLAY = replace(CLOUD, judges_clocks=False)
# Of a deletion as a whole, each request of which is repeated already.
DELETION = RetryPolicy(first=1.0, longest=3.0, total=300.0, tries=4)
