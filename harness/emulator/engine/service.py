"""The interface of a service of Azure that the engine moves clusters and jobs for."""

from typing import Protocol

from harness.compute.backend import JobSpec
from harness.emulator.engine.model.records import Cluster, Job
from harness.emulator.engine.rules.scaling_context import NodeQuota


class Service(Protocol):
    """A service over the engine. Its resources are those whose addresses carry its namespace."""

    namespace: str

    def job_spec(self, job: Job, cluster: Cluster) -> JobSpec:
        """The job for a back end, once it has nodes: its processes, variables and files.

        The engine calls this once for each run of a job, right before the start.

        Raises:
            JobSpecError: the job cannot be started; the problem becomes the job's.
        """

    def node_quota(self, cluster: Cluster) -> NodeQuota | None:
        """How many nodes the quota of the subscription allows a cluster; None if nothing limits it."""
