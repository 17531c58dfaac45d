"""How long everything takes: Azure's own durations in one table, multiplied by one number.

Durations are seconds, as measured in Microsoft's recorded sessions of 2017 and 2018 (medians, rounded).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

ALLOCATE = 110.0  # from a resize to new nodes
ANNOUNCE = 45.0  # until a new node is counted by 2017 clients
BOOT = 165.0  # until a new node is idle, not counting its set-up task
NOTICE = 10.0  # until a departing node begins to leave
LEAVE = 290.0  # until it is removed
DEPARTED = 600.0  # from a resize, for which 2017 clients see a removed node as unusable
GROW = 570.0  # for which a queue lasts until autoscale allocates nodes
SHRINK = 350.0  # for which nodes are idle until autoscale releases them
SUBMIT = 1.5  # from a job's creation until it can start
RETRY_AFTER = 15.0  # that a 202 response asks a client to wait


@dataclass(frozen=True, slots=True)
class Pace:
    """Speed of simulated provisioning: 1 is Azure's own timing, 0 is as fast as possible."""

    factor: float = 0.0

    def after(self, moment: datetime, seconds: float) -> datetime:
        """The moment that comes ``seconds`` later at a pace of 1, and sooner at a lower pace."""
        return moment + timedelta(seconds=seconds * self.factor)

    @property
    def retry_after(self) -> float:
        """Seconds that a client should wait between two polls."""
        return RETRY_AFTER * self.factor
