"""The loop in which observed state follows desired state: asked for by whoever changed something."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from harness.clock import Clock

_log = logging.getLogger(__name__)

Step = Callable[[datetime], float | None]


class Reconciler:
    """Runs every part's step when woken, and again when a part asked to be run later."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something changed: run soon. Called on the event loop's thread."""
        self._woken.set()

    async def run(self, steps: Sequence[Step]) -> None:
        """Until cancelled. A step that fails is logged and tried again in a second.

        Args:
            steps: take the moment, move state, return the seconds until they must run again or None.
        """
        while True:
            self._woken.clear()
            delays = [delay for step in steps if (delay := self._run(step)) is not None]
            try:
                async with asyncio.timeout(min(delays) if delays else None):
                    await self._woken.wait()
                await asyncio.sleep(0)  # who woke it answers first
            except TimeoutError:
                continue

    def _run(self, step: Step) -> float | None:
        try:
            return step(self._clock.now())
        except Exception:
            _log.exception("a step of the reconciler failed")
            return 1.0
