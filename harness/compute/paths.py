"""The only place that knows the names of files in a job directory (the supervisor gets the folder that holds them)."""

from dataclasses import dataclass
from pathlib import Path

MARK = "BATCHAI_HARNESS_JOB"  # in the environment of every process of a job: its directory


@dataclass(frozen=True, slots=True)
class JobPaths:
    """The files of one incarnation of a job; ``root`` is readable by its owner alone."""

    root: Path

    @property
    def plan(self) -> Path:
        """What to run, JSON, owner only (it holds the job's secrets), where the supervisor is not given it otherwise.

        The supervisor removes it once it has read it.
        """
        return self.root / "plan.json"

    @property
    def backend(self) -> Path:
        """Which back end runs this job, by its name, written before the job is started."""
        return self.root / "backend"

    @property
    def placement(self) -> Path:
        """That the job was given to a cluster of several machines, and which nodes it has there, JSON, owner only."""
        return self.root / "placement.json"

    @property
    def claim(self) -> Path:
        """Process id of the one supervisor that may run this job; locked by ``flock`` for as long as it lives."""
        return self.root / "claim"

    @property
    def state(self) -> Path:
        """How far the job is: lines of JSON, each a whole state; what follows the last newline is no state yet."""
        return self.root / "state.jsonl"

    @property
    def stop(self) -> Path:
        """Its presence asks the supervisor to end the job."""
        return self.root / "stop"

    @property
    def bell(self) -> Path:
        """A named pipe into which the supervisor writes a byte for each new state."""
        return self.root / "bell"

    @property
    def log(self) -> Path:
        """What a supervisor prints, which is nothing unless it breaks."""
        return self.root / "supervisor.log"

    @property
    def mounting(self) -> Path:
        """What the mount commands of unmanaged file systems print."""
        return self.root / "mounting.log"

    @property
    def uncleaned(self) -> Path:
        """Its presence says that something of the job may be left outside of this directory: containers, for one."""
        return self.root / "uncleaned"

    @property
    def image(self) -> Path:
        """What is known of the image that the job runs in, JSON."""
        return self.root / "image.json"

    @property
    def containers(self) -> Path:
        """A file for each container of the job that may exist, and for each image that its preparations may leave."""
        return self.root / "containers"

    @property
    def engine_log(self) -> Path:
        """What is printed beside a job's own output where it runs in containers, which is nothing unless it breaks."""
        return self.root / "engine.log"

    def refusal(self, name: str) -> Path:
        """Why a process of the job could not be started, JSON."""
        return self.root / f"refused-{name}.json"

    @property
    def shared(self) -> Path:
        """``AZ_BATCHAI_SHARED_JOB_TEMP``: the same for all nodes of the job."""
        return self.root / "shared"

    @property
    def unmounted(self) -> Path:
        """What is written to directories that are on no mounted file system; on Azure, to the node's own disk."""
        return self.root / "unmounted"

    def node(self, node_id: str) -> Path:
        """``AZ_BATCHAI_JOB_TEMP_DIR`` of a node."""
        return self.root / f"node-{node_id}"

    def temporary(self, node_id: str) -> Path:
        """``AZ_BATCHAI_JOB_TEMP`` of a node."""
        return self.node(node_id) / "temp"

    def mounts(self, node_id: str) -> Path:
        """``AZ_BATCHAI_JOB_MOUNT_ROOT`` of a node."""
        return self.node(node_id) / "mounts"
