"""Azure's durations in one table, and the pace that they are multiplied by.

The durations are seconds, measured in Microsoft's recorded sessions of 2017 and 2018 (medians, rounded).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

ALLOCATE = 110.0  # from a resize to new nodes
ANNOUNCE = 45.0  # from allocation until API version 2017-09-01-preview counts a new node
BOOT = 165.0  # until a new node is idle, not counting its set-up task
NOTICE = 10.0  # until a departing node begins to leave
LEAVE = 290.0  # until it is removed
DEPARTED = 600.0  # from a resize until API version 2017-09-01-preview stops showing removed nodes as unusable
GROW = 570.0  # that a queue lasts until autoscale allocates nodes
SHRINK = 350.0  # that nodes are idle until autoscale releases them
SUBMIT = 1.5  # from a job's creation until it can start
RETRY_AFTER = 15.0  # that a 202 response asks a client to wait


@dataclass(frozen=True, slots=True)
class Pace:
    """Speed of simulated provisioning: 1 is Azure's own timing, 0 is as fast as possible."""

    factor: float = 0.0

    def after(self, moment: datetime, seconds: float) -> datetime:
        """The time ``seconds`` after ``moment`` at a pace of 1, and sooner at a lower pace."""
        return moment + timedelta(seconds=seconds * self.factor)

    @property
    def retry_after(self) -> float:
        """Seconds that a client should wait between two polls."""
        return RETRY_AFTER * self.factor
