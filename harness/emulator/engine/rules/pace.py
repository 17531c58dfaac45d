"""How long everything takes: the service's own durations in one table, times one number.

Seconds as measured in Microsoft's recorded sessions of 2017 and 2018 (medians, rounded).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

ALLOCATE = 110.0  # from a resize to new nodes
ANNOUNCE = 45.0  # until a new node is counted by 2017 clients
BOOT = 165.0  # until a new node is idle, set-up task apart
NOTICE = 10.0  # until a node that has to go begins to leave
LEAVE = 290.0  # until it has gone
GROW = 570.0  # until autoscale answers to a queue; then nodes are allocated
SHRINK = 350.0  # until autoscale answers to idle nodes
SUBMIT = 1.5  # from a job's creation to its first chance to start
RETRY_AFTER = 15.0  # what a 202 asks a client to wait


@dataclass(frozen=True, slots=True)
class Pace:
    """One number for all durations: 1 is the service's own, 0 takes no time that is not needed."""

    factor: float = 0.0

    def after(self, moment: datetime, seconds: float) -> datetime:
        """The moment that many of the service's seconds later."""
        return moment + timedelta(seconds=seconds * self.factor)

    @property
    def retry_after(self) -> float:
        """Seconds that a client should wait before it polls."""
        return RETRY_AFTER * self.factor
