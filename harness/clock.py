"""Time as an argument: the only module that reads the clock or sleeps.

Times are aware UTC ``datetime`` objects where they name a moment, and float seconds where they
measure; everything that waits takes a ``Clock``, so tests and replay move time instead of spending it.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the time is, and how to let it pass."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` have passed on this clock."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds)


class SteppingClock:
    """A clock that moves only when somebody sleeps: a two-hour run replays in no time.

    Args:
        start: the first moment, aware; default 2018-06-07 00:00 UTC.
    """

    def __init__(self, start: datetime = datetime(2018, 6, 7, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        """The start plus all that was slept."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds slept so far."""
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Move this clock forward and return at once."""
        self._elapsed += max(0.0, seconds)
