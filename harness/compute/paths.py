"""The names of the files in a job directory, defined here alone (the supervisor receives only the directory)."""

from dataclasses import dataclass
from pathlib import Path

MARK = "BATCHAI_HARNESS_JOB"  # a variable of every process of a job; its value is the job directory


@dataclass(frozen=True, slots=True)
class JobPaths:
    """The files of one incarnation of a job; only the owner can read ``root``."""

    root: Path

    @property
    def plan(self) -> Path:
        """The plan, JSON, owner only (it contains the job's secrets); absent if the supervisor gets it in a message.

        The supervisor removes the file after reading it.
        """
        return self.root / "plan.json"

    @property
    def backend(self) -> Path:
        """The name of the back end that runs this job, written before the job is started."""
        return self.root / "backend"

    @property
    def placement(self) -> Path:
        """The job's nodes on a cluster of several machines that the job was submitted to; JSON, owner only."""
        return self.root / "placement.json"

    @property
    def claim(self) -> Path:
        """The process id of the only supervisor that may run this job; it locks the file (``flock``) while it runs."""
        return self.root / "claim"

    @property
    def state(self) -> Path:
        """The states of the job: one JSON object a line; text after the last newline is incomplete and ignored."""
        return self.root / "state.jsonl"

    @property
    def stop(self) -> Path:
        """A file whose presence makes the supervisor end the job."""
        return self.root / "stop"

    @property
    def bell(self) -> Path:
        """A named pipe into which the supervisor writes a byte for each new state."""
        return self.root / "bell"

    @property
    def log(self) -> Path:
        """The output of the supervisor; empty unless it fails."""
        return self.root / "supervisor.log"

    @property
    def mounting(self) -> Path:
        """The output of the mount commands of unmanaged file systems."""
        return self.root / "mounting.log"

    @property
    def uncleaned(self) -> Path:
        """A file whose presence means that the job may have left something elsewhere, such as containers."""
        return self.root / "uncleaned"

    @property
    def image(self) -> Path:
        """The facts about the image that the job runs in, JSON."""
        return self.root / "image.json"

    @property
    def containers(self) -> Path:
        """A directory with one file for each container, and each image of a preparation, that may exist."""
        return self.root / "containers"

    @property
    def engine_log(self) -> Path:
        """The output of the programs that speak with the container engine; empty unless they fail."""
        return self.root / "engine.log"

    def refusal(self, name: str) -> Path:
        """The reason why a process of the job could not be started, JSON."""
        return self.root / f"refused-{name}.json"

    @property
    def shared(self) -> Path:
        """``AZ_BATCHAI_SHARED_JOB_TEMP``, the same directory for all nodes of the job."""
        return self.root / "shared"

    @property
    def unmounted(self) -> Path:
        """The substitute for directories that are on no mounted file system; on Azure they are on the node's disk."""
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
