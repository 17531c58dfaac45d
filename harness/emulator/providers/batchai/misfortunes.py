"""What fault plans do to nodes and jobs."""

from harness.emulator.faults.active import Faults
from harness.emulator.faults.model import Fault, Place
from harness.emulator.providers.batchai.model.records import Cluster, Job, Problem


class Misfortunes:
    """Draws, each where its outcome is stored with the step that it belongs to."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def never_boots(self, cluster: Cluster) -> bool:
        """Whether a new node of a cluster stays in preparing."""
        address = cluster.address
        return self._faults.strike(f"node {address.name}", _place(address.group), ("no-boot",)) is not None

    def at_start(self, job: Job) -> Problem | None:
        """What keeps a job that has its nodes from being started."""
        address, container = job.address, job.spec.container_settings
        among: tuple[Fault, ...] = ("full-disk", "image-pull") if container else ("full-disk",)
        strike = self._faults.strike(f"start {address.name}", _place(address.group), among)
        if strike is None:
            return None
        if strike.fault == "image-pull" and container:
            details = (("imageName", container.image_source_registry.image),)
            return Problem("FailedStartingContainer", "unable to start docker container", details)
        return Problem("DiskFull", "There is not enough disk space on the node", (("NodeId", job.nodes[0]),))

    def until_preempted(self, job: Job) -> float | None:
        """Seconds from the start of a job until Azure takes a node of it; None where it takes none."""
        strike = self._faults.strike(f"run {job.address.name}", _place(job.address.group), ("preempt",))
        return strike.seconds if strike else None


def _place(group: str) -> Place:
    return Place("compute", group)
