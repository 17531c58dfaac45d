"""Adds nodes to clusters and removes them: the rules decide, this module stores and acts."""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.engine.fault_effects import FaultEffects
from harness.emulator.engine.job_queues import JobQueues
from harness.emulator.engine.job_runs import JobRuns
from harness.emulator.engine.machines import Machines
from harness.emulator.engine.model.records import Cluster, Job, Node, Pending, Reason
from harness.emulator.engine.model.spec import DeallocationOption
from harness.emulator.engine.node_setup import NodeSetupRunner
from harness.emulator.engine.repository import Repository
from harness.emulator.engine.rules import scaling
from harness.emulator.engine.rules.nodes import mark_nodes_lost
from harness.emulator.engine.rules.pace import Pace
from harness.emulator.engine.rules.scaling_context import ScalingContext
from harness.emulator.engine.service import Service


class ClusterScaler:
    """Moves clusters towards their scale settings.

    Args:
        repository: the resources.
        queues: the jobs that wait for nodes, for autoscale.
        job_runs: ends the jobs on departing nodes.
        services: the services by namespace, which know the quota of a cluster.
        machines: finds machines for nodes.
        node_setup: runs set-up tasks and mounts volumes on nodes.
        pace: speed of simulated provisioning.
        fault_effects: applies fault plans to nodes.
    """

    def __init__(
        self,
        repository: Repository,
        queues: JobQueues,
        job_runs: JobRuns,
        *,
        services: Mapping[str, Service],
        machines: Machines,
        node_setup: NodeSetupRunner,
        pace: Pace,
        fault_effects: FaultEffects,
    ) -> None:
        self._repository = repository
        self._queues = queues
        self._job_runs = job_runs
        self._services = services
        self._machines = machines
        self._node_setup = node_setup
        self._pace = pace
        self._fault_effects = fault_effects

    def lose_nodes(self, now: datetime) -> bool:
        """Remove nodes whose machines no longer exist; the back end reports that for the jobs on them itself."""
        lost = self._machines.take_lost()
        clusters = [self._repository.store.get(Cluster, key) for key in self._repository.clusters] if lost else []
        changed = False
        for cluster in clusters:
            if cluster and (after := mark_nodes_lost(cluster, lost, now)) is not cluster:
                self._repository.keep(after)
                changed = True
        return changed

    def move(self, now: datetime) -> bool:
        """Move every cluster that can move; returns whether any moved."""
        store = self._repository.store
        candidates = [store.get(Cluster, key) for key in sorted(self._repository.restless)]
        free = [cluster for cluster in candidates if cluster and not (cluster.creating or cluster.deleting)]
        after = {cluster.key: scaling.advance(cluster, self._scaling_context(cluster, now)) for cluster in free}
        changed = [cluster for cluster in free if after[cluster.key] is not cluster]
        if changed:
            with store.transaction():
                for cluster in changed:
                    after[cluster.key] = self._fault_effects.on_allocation(cluster, after[cluster.key])
                    self._repository.keep(after[cluster.key])
        for cluster in changed:
            self._node_setup.clear(cluster, after[cluster.key])
            self._machines.release(cluster, after[cluster.key])
        evicted = [self._evict(cluster) for cluster in after.values()]
        retired = [self._retire(cluster, now) for cluster in after.values()]
        return any([bool(changed), *evicted, *retired])

    def _scaling_context(self, cluster: Cluster, now: datetime) -> ScalingContext:
        needed = self._queues.nodes_needed(cluster, now) if cluster.spec.scale_settings.auto_scale else 0
        machines = self._machines.of(cluster)
        mounts, setups = self._node_setup.outcomes(cluster, now, machines)
        quota = self._services[cluster.address.namespace].node_quota(cluster)
        return ScalingContext(
            now,
            self._pace,
            needed,
            self._node_setup.has_task(cluster),
            setups,
            mounts,
            quota=quota,
            machines=machines,
        )

    def _evict(self, cluster: Cluster) -> bool:
        """End or requeue the jobs on departing nodes, unless the cluster waits for them."""
        changed = False
        for node in cluster.nodes:
            if not (node.departing and node.job):
                continue
            reason = _eviction(cluster, node)
            job = self._repository.store.get(Job, node.job)
            if reason and job and job.ending is None:
                self._job_runs.stop(job, reason)
                changed = True
        return changed

    def _retire(self, cluster: Cluster, now: datetime) -> bool:
        """Delete a cluster that a service created for one job, once the job no longer needs it."""
        job = self._repository.store.get(Job, cluster.made_for) if cluster.made_for else None
        if not scaling.is_needless(cluster, job):
            return False
        self._repository.keep(replace(cluster, deleting=Pending("", now, now)))
        return True


def _eviction(cluster: Cluster, node: Node) -> Reason | None:
    """Why the job on a departing node is ended; None if the cluster waits for the job."""
    option = scaling.deallocation(cluster)
    if node.preempted or option is DeallocationOption.REQUEUE:
        return "requeued"
    return "terminated" if option is DeallocationOption.TERMINATE else None
