"""What fault plans do to nodes and jobs."""

from datetime import timedelta

from harness.emulator.engine.model.records import Cluster, Job, Problem
from harness.emulator.engine.rules import scaling
from harness.emulator.faults.active import Faults
from harness.emulator.faults.model import Fault, Place


class FaultEffects:
    """Draws what befalls them; whoever asks stores the outcome with the step that it belongs to."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def at_birth(self, before: Cluster, after: Cluster) -> Cluster:
        """A cluster that has got new nodes, some of which may never boot."""
        known = {node.id for node in before.nodes}
        new = [node.id for node in after.nodes if node.id not in known]
        key, place = f"node {after.address.name}", Place("compute", after.address.group)
        never = {node for node in new if self._faults.strike(key, place, ("no-boot",))}
        return scaling.stuck(after, never) if never else after

    def at_start(self, job: Job) -> Problem | None:
        """What keeps a job that has its nodes from being started."""
        container = job.spec.container_settings
        among: tuple[Fault, ...] = ("full-disk", "image-pull") if container else ("full-disk",)
        strike = self._faults.strike(f"start {job.address.name}", Place("compute", job.address.group), among)
        if strike is None:
            return None
        if strike.fault == "image-pull" and container:
            details = (("imageName", container.image_source_registry.image),)
            return Problem("FailedStartingContainer", "unable to start docker container", details)
        return Problem("DiskFull", "There is not enough disk space on the node", (("NodeId", job.nodes[0]),))

    def at_work(self, cluster: Cluster, job: Job) -> Cluster:
        """The cluster of a job that has begun to run, from which Azure may take a node."""
        strike = self._faults.strike(f"run {job.address.name}", Place("compute", job.address.group), ("preempt",))
        if strike is None or job.started is None:
            return cluster
        return scaling.doomed(cluster, job.nodes[-1], job.started + timedelta(seconds=strike.seconds))
