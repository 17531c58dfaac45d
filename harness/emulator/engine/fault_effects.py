"""The effects of fault plans on nodes and jobs."""

from datetime import timedelta

from harness.emulator.engine.model.records import Cluster, Job, Problem
from harness.emulator.engine.rules.nodes import mark_nodes_stuck, schedule_node_loss
from harness.emulator.fault_targets import FaultTarget
from harness.emulator.faults.active import Faults
from harness.fault_vocabulary import Fault


class FaultEffects:
    """Draws faults and applies them to records. The caller stores the effect together with the step it belongs to."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def on_allocation(self, before: Cluster, after: Cluster) -> Cluster:
        """The cluster after it got new nodes; those that never boot are marked."""
        old = {node.id for node in before.nodes}
        new = [node.id for node in after.nodes if node.id not in old]
        key, target = f"node {after.address.name}", FaultTarget("compute", after.address.group)
        never = {node for node in new if self._faults.strike(key, target, ("no-boot",))}
        return mark_nodes_stuck(after, never) if never else after

    def on_start(self, job: Job) -> Problem | None:
        """The problem that prevents the start of a job; None if no fault strikes."""
        container = job.spec.container_settings
        candidates: tuple[Fault, ...] = ("full-disk", "image-pull") if container else ("full-disk",)
        strike = self._faults.strike(f"start {job.address.name}", FaultTarget("compute", job.address.group), candidates)
        if strike is None:
            return None
        if strike.fault == "image-pull" and container:
            details = (("imageName", container.image_source_registry.image),)
            return Problem("FailedStartingContainer", "unable to start docker container", details)
        return Problem("DiskFull", "There is not enough disk space on the node", (("NodeId", job.nodes[0]),))

    def on_run(self, cluster: Cluster, job: Job) -> Cluster:
        """The cluster of a job that began to run; if a fault strikes, one of its nodes is scheduled to be lost."""
        strike = self._faults.strike(f"run {job.address.name}", FaultTarget("compute", job.address.group), ("preempt",))
        if strike is None or job.started is None:
            return cluster
        return schedule_node_loss(cluster, job.nodes[-1], job.started + timedelta(seconds=strike.seconds))
