"""How often, and how long, the harness asks again when a cloud does not answer as it should: one rule, and pure.

Every request that the harness sends may be sent again: what it creates has a name, and what it deletes stays deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

# The service is there but cannot answer now; 408 and 429 ask for a later try themselves.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class Trouble(Enum):
    """Why a request may be asked again."""

    BUSY = auto()  # refused for now, or the connection broke
    UNREACHABLE = auto()  # nobody listens there, or the name is not known: seldom mended by waiting
    EARLY = auto()  # 404 of something that was created just now
    SKEWED = auto()  # refused because two clocks differ


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The rule of one cloud; all times are seconds.

    Attributes:
        first: the pause after the first try; it doubles with every further one.
        longest: the longest pause of our own; a ``Retry-After`` may ask for more.
        total: no try begins later than this after the first one.
        grace: how long a 404 of something that was created just now is not believed.
        tries: how often a request is sent at most. At 30 % of failures sixteen fail together once in 200 million.
        reaches: the same where nobody listens.
        connect: the longest wait for a connection.
        read: the longest wait for the next byte of an answer.
        judges_clocks: whether a refusal may be blamed on the clocks; those of a replay have nothing to say.
    """

    first: float
    longest: float
    total: float
    grace: float
    tries: int = 16
    reaches: int = 5
    connect: float = 20.0
    read: float = 120.0
    judges_clocks: bool = True

    def pause(self, trouble: Trouble, *, number: int, elapsed: float, told: float, draw: float) -> float | None:
        """Seconds until the next try; None when there is to be none.

        Args:
            trouble: what came of the last try.
            number: how many there were.
            elapsed: seconds since the first.
            told: seconds that the answer's ``Retry-After`` asks for; 0 for none.
            draw: from 0 to 1; several clients that failed together do not come back together.
        """
        if number >= (self.reaches if trouble is Trouble.UNREACHABLE else self.tries) and trouble is not Trouble.EARLY:
            return None
        own = self.first if trouble is Trouble.SKEWED else min(self.longest, self.first * 2.0 ** min(number - 1, 30))
        wait = max(told, own * (0.5 + draw / 2))
        end = self.grace if trouble is Trouble.EARLY else self.total
        return wait if elapsed + wait <= end else None

    def pauses(self) -> Iterator[float]:
        """The pauses between the tries of something that is more than one request; it ends with the last try."""
        for number in range(1, self.tries):
            yield min(self.longest, self.first * 2.0 ** min(number - 1, 30))


def is_passing(status: int) -> bool:
    """Whether the same request may well be answered in a moment."""
    return status in _PASSING


CLOUD = RetryPolicy(first=0.8, longest=30.0, total=300.0, grace=30.0, reaches=7)
LOCAL = RetryPolicy(first=0.02, longest=0.5, total=120.0, grace=10.0)
REPLAY = replace(CLOUD, judges_clocks=False)
