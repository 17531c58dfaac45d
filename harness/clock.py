"""Time as an argument: the only module that reads the clock or sleeps.

A point in time is an aware ``datetime`` in UTC; a duration is a number of seconds, a float. All code that waits takes a
``Clock``, so that tests and replay advance the time instead of waiting.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time, and waits."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary start; they never decrease."""

    def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` have passed on this clock."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary start; they never decrease."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds)


class SteppingClock:
    """A clock that advances only by ``sleep``, so that a two-hour run replays at once.

    Args:
        start: the initial time, aware; default 2018-06-07 00:00 UTC.
    """

    def __init__(self, start: datetime = datetime(2018, 6, 7, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        """Return the initial time plus all seconds slept."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the seconds slept so far."""
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Advance this clock, and return at once."""
        self._elapsed += max(0.0, seconds)
