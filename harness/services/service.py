"""The protocol of services that run jobs; a package beside this module implements it for each service.

A cluster and a job are resources: they are journalled before they are created, and always deleted.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from harness.errors import JobError
from harness.resources.azure_errors import KnownErrors
from harness.resources.events import ClusterStatus, Event, TeardownFailed
from harness.resources.provisioning import Provisioning, Resource
from harness.scenario.azureml import AzureMlSpec
from harness.scenario.cluster import NodeRange, SetupSpec
from harness.scenario.job import JobSpec
from harness.scenario.model import Limits
from harness.scenario.volumes import VolumeKind
from harness.target import ServiceName

FINISHED = frozenset({"succeeded", "failed"})


@dataclass(frozen=True, slots=True)
class MountPlan:
    """Storage that every node of a cluster mounts.

    Attributes:
        kind: an Azure file share or a blob container, of the storage account of the cloud.
        mount: its path on nodes under ``$AZ_BATCHAI_MOUNT_ROOT``.
    """

    kind: VolumeKind
    name: str
    mount: str


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """The plan of a cluster.

    Attributes:
        workspace: the workspace of the clusters and jobs of a scenario.
        nodes: the number of nodes, or the range in which the service scales it.
        mounts: the storage that every node mounts.
        priority: the priority of its nodes.
        setup: the command that runs on each node before its first job.
        azureml: the options that only Azure Machine Learning has.
        conda: the text of its conda file.
        queued: seconds until its nodes must be idle.
    """

    workspace: str
    location: str
    vm_size: str
    nodes: int | NodeRange
    mounts: tuple[MountPlan, ...]
    queued: float
    priority: Literal["dedicated", "lowpriority"] = "dedicated"
    setup: SetupSpec | None = None
    azureml: AzureMlSpec = field(default_factory=AzureMlSpec)
    conda: str | None = None

    @property
    def min_nodes(self) -> int:
        """The fewest nodes of the cluster, which it has from the beginning."""
        return self.nodes if isinstance(self.nodes, int) else self.nodes.min

    @property
    def max_nodes(self) -> int:
        """The most nodes of the cluster."""
        return self.nodes if isinstance(self.nodes, int) else self.nodes.max


@dataclass(frozen=True, slots=True)
class JobView:
    """The service's report on a job; a failed job is an outcome, not an error.

    Attributes:
        state: ``queued``, ``running``, ``terminating``, ``succeeded`` or ``failed``, for every service.
        exit_code: the exit code of a job that has ended and was not terminated, else None.
        errors: ``code: message`` of each error that the service reports.
        command: the command that the service reports, to compare with the requested one.
    """

    name: str
    state: str
    exit_code: int | None
    errors: tuple[str, ...]
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    command: tuple[str, ...]

    @property
    def is_finished(self) -> bool:
        """Whether the job has succeeded or failed."""
        return self.state in FINISHED


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file of an output directory; ``name`` is its path in the directory, ``size`` is in bytes."""

    directory: str
    name: str
    size: int
    link: str = field(repr=False)  # a link is a secret: its holder may read the file


@dataclass(frozen=True, slots=True)
class Listing:
    """The content of an output directory.

    Attributes:
        files: the files of the directory and its subdirectories, sorted by name.
        problems: a sentence for each file that cannot be fetched.
    """

    files: tuple[OutputFile, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a growing file: ``content`` begins at byte ``start`` of the file."""

    start: int
    content: bytes


class JobOutput(Protocol):
    """The output directories of a job."""

    def files(self, directory: str) -> Listing:
        """List all files of an output directory, given by its id, or of ``stdouterr``. Raises JobError."""

    def tail(self, file: OutputFile, *, start: int, most: int) -> Tail:
        """Read the bytes of a growing file after the first ``start`` ones, but only the last ``most`` of them.

        A file that has become shorter is read from its beginning. Raises JobError.
        """

    def download(self, file: OutputFile, target: Path) -> None:
        """Download a file to a local path whose directory exists, completely or not at all.

        Raises JobError if it cannot be read, OSError if it cannot be written.
        """


class Cluster(Resource, ABC):
    """Nodes that run jobs and mount storage.

    Attributes:
        plan: the plan of the cluster.
        began: the time of the request for the cluster, in the clock's monotonic seconds.
    """

    kind = "cluster"

    def __init__(self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan) -> None:
        super().__init__(provisioning, group=group, name=name)
        self.plan = plan
        self.began = provisioning.cloud.clock.monotonic()
        self._status: ClusterStatus | None = None  # the last reported one

    @property
    @abstractmethod
    def id(self) -> str:
        """Its resource id."""

    def _report_status(self, status: ClusterStatus) -> None:
        """Report the states of the nodes, if they have changed."""
        if status != self._status:
            self.provisioning.sink(status)
            self._status = status


class Job(Resource, ABC):
    """A job that is submitted on entry; its deletion terminates it if it runs."""

    kind = "job"

    def __init__(self, provisioning: Provisioning, *, group: str, name: str) -> None:
        super().__init__(provisioning, group=group, name=name)
        self._is_finished = False

    @property
    @abstractmethod
    def command(self) -> tuple[str, ...]:
        """The requested command, in the form of ``JobView.command``."""

    @property
    @abstractmethod
    def output(self) -> JobOutput:
        """The output of the job."""

    @abstractmethod
    def list_jobs(self) -> Mapping[str, JobView]:
        """List every job of its experiment by name, so that one request polls all of them. Raises JobError."""

    def update_from(self, jobs: Mapping[str, JobView]) -> None:
        """Note whether the job has ended, from a list that any job of its experiment has requested."""
        self._is_finished = self.name in jobs and jobs[self.name].is_finished

    @abstractmethod
    def terminate(self) -> None:
        """Request the end of the job, without waiting for it. Raises JobError."""

    def wait(self, *, deadline: float) -> JobView:
        """Wait for the end of the job.

        Raises:
            JobError: the job had not ended after ``deadline`` seconds, or was deleted.
        """
        view = self.provisioning.clients.poller.until(self._look, lambda view: view.is_finished, deadline=deadline)
        if view is None:
            raise JobError(f"job {self.name} had not ended after {deadline:.0f} s; raise limits in the scenario")
        return view

    def _look(self) -> JobView:
        views = self.list_jobs()
        if self.name not in views:
            raise JobError(f"job {self.name} is no longer in its experiment; it was deleted outside of this run")
        return views[self.name]

    def _report(self, event: Event) -> None:
        # Creation and deletion of hundreds of jobs are not reported; the trials report their states.
        if isinstance(event, TeardownFailed):
            super()._report(event)


class Service(Protocol):
    """A service that runs jobs on clusters of nodes."""

    @property
    def name(self) -> ServiceName:
        """The name that ``--service`` takes."""

    @property
    def known_errors(self) -> KnownErrors:
        """The meanings of its error codes."""

    def available_size(self, vm_size: str) -> str:
        """The available VM size for one that a scenario names, which may be retired."""

    def substitutions(self, *, vm_size: str, image: str | None) -> tuple[str, ...]:
        """Describe each replacement of the VM size and the image in a line with its reason."""

    def check_plan(self, provisioning: Provisioning, plan: ClusterPlan) -> None:
        """Refuse a cluster that could never run jobs, before any request. Raises ProvisioningError."""

    def prepare(self, provisioning: Provisioning) -> None:
        """Sign in, and register what the service needs. Raises CloudError."""

    def check_quota(self, provisioning: Provisioning, *, name: str, plan: ClusterPlan) -> tuple[str, ...]:
        """Make sure that the quota allows a cluster; return a line for each check that was impossible.

        Raises ProvisioningError if the quota is too small.
        """

    def cluster(self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan) -> Cluster:
        """Return a cluster in a resource group, without creating it."""

    def make_experiment(self, provisioning: Provisioning, cluster: Cluster, name: str) -> None:
        """Create the experiment of the jobs of a cluster, unless it exists. Raises JobError."""

    def list_jobs(self, provisioning: Provisioning, cluster: Cluster, experiment: str) -> Mapping[str, JobView]:
        """List the jobs of an experiment by name; none if it does not exist. Raises JobError."""

    def job(
        self, provisioning: Provisioning, cluster: Cluster, *, experiment: str, name: str, spec: JobSpec, limits: Limits
    ) -> Job:
        """Return a job on a cluster, without submitting it; the service terminates it after ``limits.running``."""
