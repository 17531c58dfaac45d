"""What a service of Azure adds to the clusters and jobs that the engine moves for it."""

from typing import Protocol

from harness.compute.backend import JobSpec
from harness.emulator.engine.model.records import Cluster, Job
from harness.emulator.engine.rules.scaling_context import NodeQuota


class Service(Protocol):
    """A service over the engine. Its resources are those whose addresses carry its namespace."""

    namespace: str

    def job_spec(self, job: Job, cluster: Cluster) -> JobSpec:
        """What a back end runs for a job that was given nodes: its processes, variables and files.

        The engine asks once for each run of a job, right before it starts it.

        Raises:
            JobSpecError: the job cannot be started; the problem becomes the job's.
        """

    def node_quota(self, cluster: Cluster) -> NodeQuota | None:
        """How many nodes the quota of the subscription allows a cluster; None where nothing limits it."""
