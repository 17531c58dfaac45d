"""What a compute back end is given, and what it does with it: records and one Protocol, no behaviour.

A job directory belongs to one incarnation of a job. ``start`` may be repeated after a crash: the supervisor
claims the directory before it runs anything, so the second start adopts what runs.

How to write a back end of one's own is in ``harness docs backends``; ``tests/compute/test_backends.py`` is what every
one has to pass.
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
    """A node.

    Attributes:
        directory: holds what lives as long as it does: its mounts.
        gpus: what its size promises.
        first_gpu: number of its first GPU, where the GPUs of all nodes of its cluster are counted from 0.
        cpus: what its size promises, 0 where that is not known.
        size: the name of its size, for one ``Standard_NC6``.
    """

    id: str
    address: str
    directory: Path
    gpus: int
    first_gpu: int = 0
    cpus: int = 0
    size: str = ""

    def gpus_of(self, machine: int) -> tuple[int, ...]:
        """Which GPUs of a machine are its own: no other node of the cluster has them, and there may be too few."""
        return tuple(range(self.first_gpu, min(self.first_gpu + self.gpus, machine)))


@dataclass(frozen=True, slots=True)
class MountSpec:
    """A mount at the relative ``path``: the directory it shows, or the command of an unmanaged file system."""

    path: str
    source: Path | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """How the image of an environment is made: of a base image and a conda file, or of a build context.

    ``log`` is the file that gets what the build prints.
    """

    log: Path
    conda: str = ""
    context: Path | None = None
    dockerfile: str = "Dockerfile"


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """The container that a job asks for.

    ``image`` is as the job names it, after its registry where the job names one. ``shared_memory`` is the size of
    ``/dev/shm`` as Docker writes it (``2g``), empty for the engine's own. ``user_name`` and ``password`` are those of
    the registry, empty where it asks for none. With ``build``, ``image`` is the base image, empty where the build
    context names it.
    """

    image: str
    shared_memory: str = ""
    user_name: str = ""
    password: str = field(default="", repr=False)
    build: BuildSpec | None = None


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One incarnation of a job, in the words of the 2018-05 wire.

    ``settings`` are the toolkit's; ``inputs`` maps ids to paths as written (they may hold ``$VARIABLES``), ``outputs``
    to real directories; ``stdouterr`` is the real directory of the streams and ``execution.log``; ``wall_clock`` is
    in seconds; ``per_node_logs`` asks for ``execution-{nodeId}.log`` in place of ``execution.log``. ``container`` is
    None for a job that runs on the machine itself. ``reads`` and ``writes`` are what its command lines and variables
    name of the emulator's machine beside all that. A preparation that ``prepares_on_host`` is the service's own work,
    and needs nothing of the image. ``compute`` is the back end that its cluster asks for, as
    ``--compute`` writes it, empty for the emulator's own.

    ``variables`` are those of the service that shows the job, beside Batch AI's: they may hold ``$VARIABLES`` of the
    node, and the user's ``environment`` does not override them. ``stdout`` and ``stderr`` name the files of a process,
    with ``{label}`` in place of its label; one name for both merges the streams. ``logs`` is the real directory of
    ``execution.log`` and of the preparation's streams, where it is not ``stdouterr``.
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
    """A node's set-up task: a shell command, run once; streams are ``stdout-{nodeId}.txt``, ``stderr-{nodeId}.txt``."""

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
    """One process of a step. A step ends when all that ``leads`` have ended; the others are then stopped.

    ``stdin`` is what it reads; secrets go there, which then are in no file and no command line. ``refusal`` is a file
    that a failed process may leave to say why the job's own command was never started: JSON with the ``error``, the
    ``message`` and the ``details`` that the service reports. ``remains`` is a directory: the process is only needed
    where something is in it.
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

    From ``mounting`` on, what is mounted is seen by the job alone, and unmounted when it ends.
    """

    name: StepName
    executions: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node of a plan, for a back end that has to find it a machine.

    ``variables`` are those of the service on that node, ``directory`` is as in ``NodeSpec``.
    """

    id: str
    size: str
    cpus: int
    gpus: int
    variables: Mapping[str, str] = field(default_factory=dict)
    directory: Path = Path()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a supervisor needs. It may hold secrets: it is written for its owner alone.

    ``links`` are (place, target) pairs, those in ``temporary`` are removed when the job ends; ``files`` maps small
    files to their text; ``notes`` open every file of ``logs``. ``cleanup`` runs one after the other when the job has
    ended, however it did. ``grace`` is the time, in seconds, between the SIGTERM of a termination and its SIGKILL.
    ``backend`` names the back end that runs it, where an emulator has several. ``nodes`` are those of a job whose nodes
    are not all this machine, the first one first; ``trees`` are the directories that it uses there beside its own and
    theirs, and ``reads`` what it only reads.
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
    """How far a job is. ``error`` is a code of ``ERRORS`` when it did not succeed; times are aware, UTC.

    ``started`` is when the first step began (None while waiting), ``ended`` is set once finished; ``exit_code`` is that
    of the command that decided the outcome, absent where none did (terminated, lost). ``details`` go with the error.
    """

    state: State
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    error: str | None = None
    message: str | None = None
    details: tuple[tuple[str, str], ...] = ()
    lost_nodes: tuple[str, ...] = ()


# Azure's own codes where it had one; the last four causes had no code that was ever recorded.
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
    """A back end does not run a job; ``code`` and ``details`` are what the service reports."""

    def __init__(self, code: str, message: str, *details: tuple[str, str]) -> None:
        super().__init__(message)
        self.code, self.details = code, details


class Backend(Protocol):
    """Where jobs run. ``plan`` is pure and tested as golden text."""

    name: str

    def plan(self, job: JobSpec) -> Plan:
        """The steps of ``job``.

        Raises:
            ToolkitError: it cannot run here; the message says what would help.
        """

    def plan_task(self, task: TaskSpec) -> Plan:
        """The steps of a node's set-up task."""

    def start(self, plan: Plan) -> None:
        """Run ``plan``, or adopt it where its directory is claimed already. Returns at once."""

    def adopt(self, directory: Path) -> bool:
        """Watch what was started in ``directory`` before; False where nothing was."""

    def poll(self, directory: Path) -> Progress:
        """How far the job in ``directory`` is; cheap."""

    def terminate(self, directory: Path) -> None:
        """Ask for the end of the job's whole process tree; ``poll`` says when it is gone."""

    def forget(self, directory: Path) -> None:
        """Remove the node-local files of a job, and end what may still run of it."""

    def close(self) -> None:
        """Stop watching. Jobs continue, and a later back end adopts them."""
