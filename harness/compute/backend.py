"""The protocol of a compute back end, and the records that it takes and returns; no behaviour.

A job directory belongs to one incarnation of a job. ``start`` may be repeated after a crash: the supervisor
claims the directory before it runs anything, so the second start adopts the running job.

``harness docs backends`` shows how to write a back end; every back end has to pass ``tests/compute/test_backends.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from harness.errors import ToolkitError

State = Literal["waiting", "preparing", "running", "finished"]
StepName = Literal["mounting", "image", "preparation", "main"]


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node of a cluster.

    Attributes:
        directory: holds the files that exist for as long as the node does, such as its mounts.
        gpus: the number of GPUs of its VM size.
        first_gpu: the number of its first GPU, counted from 0 over all nodes of its cluster.
        cpus: the number of cores of its VM size; 0 if unknown.
        size: the name of its VM size, such as ``Standard_NC6``.
    """

    id: str
    address: str
    directory: Path
    gpus: int
    first_gpu: int = 0
    cpus: int = 0
    size: str = ""

    def gpus_of(self, machine: int) -> tuple[int, ...]:
        """The GPUs of a machine that this node alone uses; fewer than ``gpus`` if the machine has too few."""
        return tuple(range(self.first_gpu, min(self.first_gpu + self.gpus, machine)))


@dataclass(frozen=True, slots=True)
class MountSpec:
    """A mount at the relative ``path``: a source directory, or the mount command of an unmanaged file system."""

    path: str
    source: Path | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """How the image of an environment is built: from a base image and a conda file, or from a build context.

    ``log`` is the file that receives the output of the build.
    """

    log: Path
    conda: str = ""
    context: Path | None = None
    dockerfile: str = "Dockerfile"


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """The container that a job requests.

    ``image`` is the name in the job, prefixed with the job's registry if it has one. ``shared_memory`` is the size of
    ``/dev/shm`` in Docker's notation (``2g``); empty means the engine's default. ``user_name`` and ``password`` are the
    credentials for the registry; empty if it needs none. With ``build``, ``image`` is the base image; it is empty if
    the build context names the base image.
    """

    image: str
    shared_memory: str = ""
    user_name: str = ""
    password: str = field(default="", repr=False)
    build: BuildSpec | None = None


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One incarnation of a job, in the terms of API version 2018-05.

    ``settings`` are the toolkit's settings. ``inputs`` maps ids to paths as written (they may contain ``$VARIABLES``),
    ``outputs`` maps ids to real directories. ``stdouterr`` is the real directory of the streams and ``execution.log``.
    ``wall_clock`` is in seconds. ``per_node_logs`` selects ``execution-{nodeId}.log`` instead of ``execution.log``.
    ``container`` is None for a job that runs on the machine itself. ``reads`` and ``writes`` are further paths on the
    emulator's machine that its command lines and variables name. With ``prepares_on_host``, the preparation is a step
    of the service and does not need the image. ``compute`` is the back end that its cluster requests, in the notation
    of ``--compute``; empty means the emulator's default.

    ``variables`` are set by the service that shows the job, in addition to Batch AI's; they may contain ``$VARIABLES``
    of the node, and the user's ``environment`` does not override them. ``stdout`` and ``stderr`` are the names of the
    output files of a process, with ``{label}`` in place of its label; the same name for both merges the streams.
    ``logs`` is the real directory of ``execution.log`` and of the preparation's streams if it differs from
    ``stdouterr``.
    """

    name: str
    directory: Path
    nodes: tuple[NodeSpec, ...]
    toolkit: str
    settings: Mapping[str, object]
    cluster_mounts: tuple[MountSpec, ...]
    job_mounts: tuple[MountSpec, ...]
    stdouterr: Path
    inputs: Mapping[str, str]
    outputs: Mapping[str, Path]
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    preparation: str | None
    container: ContainerSpec | None
    wall_clock: float
    per_node_logs: bool
    variables: Mapping[str, str] = field(default_factory=dict)
    stdout: str = "stdout{label}.txt"
    stderr: str = "stderr{label}.txt"
    logs: Path | None = None
    compute: str = ""
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    prepares_on_host: bool = False


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A node's set-up task, a shell command that runs once.

    Its streams are ``stdout-{nodeId}.txt`` and ``stderr-{nodeId}.txt``.
    """

    directory: Path
    node: NodeSpec
    command: str
    mounts: tuple[MountSpec, ...]
    stdouterr: Path
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    compute: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One process of a step. A step ends when all processes with ``leads`` have ended; the others are then stopped.

    ``stdin`` is its standard input; secrets are passed there, so that no file and no command line contains them.
    ``refusal`` is a file that a failed process may write to explain why the job's command was never started: JSON with
    the ``error``, the ``message`` and the ``details`` that the service reports. ``remains`` is a directory; the process
    is skipped if that directory is empty.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    cwd: Path
    stdout: Path
    stderr: Path
    leads: bool = True
    stdin: str = field(default="", repr=False)
    refusal: Path | None = None
    remains: Path | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Processes that run side by side; the first that fails ends the step.

    File systems that ``mounting`` and later steps mount are visible to the job alone, and are unmounted when it ends.
    """

    name: StepName
    executions: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node of a plan, for a back end that has to find a machine for it.

    ``variables`` are the service's variables on that node; ``directory`` is the same as in ``NodeSpec``.
    """

    id: str
    size: str
    cpus: int
    gpus: int
    variables: Mapping[str, str] = field(default_factory=dict)
    directory: Path = Path()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a supervisor needs. It may contain secrets, so only its owner can read the file.

    ``links`` are (path, target) pairs; the links in ``temporary`` are removed when the job ends. ``files`` maps small
    files to their text. ``notes`` are the first lines of every file in ``logs``. The processes in ``cleanup`` run one
    after the other when the job has ended, whatever its outcome. ``grace`` is the time, in seconds, between SIGTERM and
    SIGKILL when the job is terminated. ``backend`` names the back end that runs the plan, if an emulator has several.
    ``nodes``, the first node first, is set for a job whose nodes are other machines; ``trees`` are the directories that
    it uses there besides the job's and the nodes' own, and ``reads`` the paths that it only reads.
    """

    directory: Path
    directories: tuple[Path, ...]
    links: tuple[tuple[Path, Path], ...]
    temporary: tuple[Path, ...]
    files: Mapping[Path, str]
    steps: tuple[Step, ...] = field(repr=False)
    logs: tuple[Path, ...]
    notes: tuple[str, ...]
    wall_clock: float | None
    cleanup: tuple[Execution, ...] = field(default=(), repr=False)
    grace: float = 2.0
    backend: str = ""
    nodes: tuple[NodePlan, ...] = ()
    trees: tuple[Path, ...] = ()
    reads: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a job. ``error`` is a key of ``ERRORS`` if it did not succeed; times are aware, UTC.

    ``started`` is when the first step began (None while waiting); ``ended`` is set once finished. ``exit_code`` belongs
    to the command that decided the outcome; it is None if no command did (terminated, lost). ``details`` belong to the
    error.
    """

    state: State
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    error: str | None = None
    message: str | None = None
    details: tuple[tuple[str, str], ...] = ()
    lost_nodes: tuple[str, ...] = ()


# Azure's codes where one was recorded; no recording has a code for the last four causes.
ERRORS: Mapping[str, str] = {
    "JobFailed": "Job failed with non-zero exit code",
    "JobPreparationFailed": "Job preparation task failed with non-zero exit code",
    "FailedStartingContainer": "unable to start docker container",
    "UnmanagedMountError": "Unable to mount unmanaged file system",
    "JobTerminated": "The specified job has been terminated by the user",
    "JobMaxWallClockTimeExceeded": "Job exceeded its maximum wall clock time",
    "JobStartFailed": "Job could not be started",
    "JobSupervisorLost": "The process that supervised the job was killed",
    "JobNodeLost": "A node of the job was lost",
}


class StartRefusedError(ToolkitError):
    """A back end refuses to run a job; the service reports ``code`` and ``details``."""

    def __init__(self, code: str, message: str, *details: tuple[str, str]) -> None:
        super().__init__(message)
        self.code, self.details = code, details


class Backend(Protocol):
    """A place where jobs run. ``plan`` is pure and tested as golden text."""

    name: str

    def plan(self, job: JobSpec) -> Plan:
        """Return the plan of a job.

        Raises:
            ToolkitError: the job cannot run here; the message names a remedy.
        """

    def plan_task(self, task: TaskSpec) -> Plan:
        """Return the plan of a node's set-up task."""

    def start(self, plan: Plan) -> None:
        """Run ``plan``, or adopt its job if the directory is already claimed. Returns at once."""

    def adopt(self, directory: Path) -> bool:
        """Watch the job that was started in ``directory`` earlier; return False if there is none."""

    def poll(self, directory: Path) -> Progress:
        """Return the progress of the job in ``directory``; cheap."""

    def terminate(self, directory: Path) -> None:
        """Request the end of the job's whole process tree; ``poll`` reports when it has ended."""

    def forget(self, directory: Path) -> None:
        """Remove the node-local files of a job, and end its remaining processes."""

    def close(self) -> None:
        """Stop watching. Jobs continue, and a later back end adopts them."""
