"""How long everything takes: the service's own durations in one table, times one number.

Seconds as measured in Microsoft's recorded sessions of 2017 and 2018 (medians, rounded).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class OperationTimes:
    """Seconds from the request to the end of its operation, in one API version."""

    create_cluster: float = 1.0
    create_job: float = 0.7
    create_file_server: float = 268.0
    delete_cluster: float = 31.0
    delete_cluster_with_nodes: float = 310.0
    delete_file_server: float = 421.0
    delete_queued_job: float = 0.2
    delete_running_job: float = 0.7
    delete_finished_job: float = 4.0
    delete_experiment: float = 0.4
    delete_workspace: float = 3.5
    terminate_queued: float = 0.4
    terminate_running: float = 5.0


MAY_2018 = OperationTimes()
MARCH_2018 = OperationTimes(
    create_file_server=189.0,
    delete_file_server=276.0,
    delete_queued_job=0.7,
    delete_running_job=33.0,
    delete_finished_job=30.0,
    terminate_queued=0.3,
    terminate_running=31.0,
)
SEPTEMBER_2017 = OperationTimes(
    create_file_server=237.0,
    delete_queued_job=0.8,
    delete_running_job=61.0,
    delete_finished_job=31.0,
    terminate_queued=32.0,
    terminate_running=61.0,
)

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
