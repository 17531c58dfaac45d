"""The loop that moves observed state towards desired state; every change of desired state wakes it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from harness.clock import Clock

_log = logging.getLogger(__name__)

Step = Callable[[datetime], float | None]


class Reconciler:
    """Runs the step of every part when woken, and again after the delay that a part asks for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Run the steps soon, because something has changed. Must be called on the event loop's thread."""
        self._woken.set()

    async def run(self, steps: Sequence[Step]) -> None:
        """Run steps until cancelled. A step that fails is logged and tried again after a second.

        Args:
            steps: functions that get the current time, move state, and return the seconds until they must run again, or
                None.
        """
        while True:
            self._woken.clear()
            delays = [delay for step in steps if (delay := self._run(step)) is not None]
            try:
                async with asyncio.timeout(min(delays) if delays else None):
                    await self._woken.wait()
                await asyncio.sleep(0)  # lets the request that woke it be answered first
            except TimeoutError:
                continue

    def _run(self, step: Step) -> float | None:
        try:
            return step(self._clock.now())
        except Exception:
            _log.exception("a step of the reconciler failed")
            return 1.0
