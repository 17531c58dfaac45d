"""The durations of operations in each API version, at a pace of 1.

They are seconds, measured in Microsoft's recorded sessions of 2017 and 2018 (medians, rounded).
"""

from dataclasses import dataclass


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
