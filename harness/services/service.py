"""The protocol of services that run jobs; a package beside this module implements it for each service.

A cluster and a job are resources: journalled before they are made, and deleted whatever happens.
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
        mount: where nodes see it, under ``$AZ_BATCHAI_MOUNT_ROOT``.
    """

    kind: VolumeKind
    name: str
    mount: str


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """The plan of a cluster.

    Attributes:
        workspace: the group of the clusters and jobs of a scenario.
        nodes: how many, or between how many the service scales.
        mounts: the storage that every node mounts.
        priority: of its nodes.
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
    def least(self) -> int:
        """The number of nodes that it has from the beginning."""
        return self.nodes if isinstance(self.nodes, int) else self.nodes.min

    @property
    def most(self) -> int:
        """The most nodes that it can have at once."""
        return self.nodes if isinstance(self.nodes, int) else self.nodes.max


@dataclass(frozen=True, slots=True)
class JobView:
    """The service's report on a job; a failed job is an outcome, not an error.

    Attributes:
        state: ``queued``, ``running``, ``terminating``, ``succeeded`` or ``failed``, whatever words the service has.
        exit_code: absent until the job has ended, and when it was terminated.
        errors: ``code: message`` of each that the service reported.
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
        """Whether it has ended, well or not."""
        return self.state in FINISHED


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file of an output directory; ``name`` is its path in there, ``size`` is in bytes."""

    directory: str
    name: str
    size: int
    link: str = field(repr=False)  # a link is a secret: its holder may read the file


@dataclass(frozen=True, slots=True)
class Listing:
    """The content of an output directory.

    Attributes:
        files: by name, those in folders of it too.
        problems: what cannot be fetched, and why, a sentence each.
    """

    files: tuple[OutputFile, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a growing file: ``content`` begins at byte ``start`` of it."""

    start: int
    content: bytes


class JobOutput(Protocol):
    """The output directories of a job."""

    def files(self, directory: str) -> Listing:
        """All files of an output directory, by its id, or of ``stdouterr``. Raises JobError."""

    def tail(self, file: OutputFile, *, start: int, most: int) -> Tail:
        """What has been appended to a growing file since it had ``start`` bytes, or the last ``most`` bytes of that.

        A file that has become shorter is read from its beginning. Raises JobError.
        """

    def download(self, file: OutputFile, target: Path) -> None:
        """Write a file to a local path whose directory exists; it appears whole or not at all.

        Raises JobError where it cannot be read, OSError where it cannot be written.
        """


class Cluster(Resource, ABC):
    """Nodes that run jobs, with their storage mounted.

    Attributes:
        plan: the plan.
        began: when it was requested, in the clock's monotonic seconds.
    """

    kind = "cluster"

    def __init__(self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan) -> None:
        super().__init__(provisioning, group=group, name=name)
        self.plan = plan
        self.began = provisioning.cloud.clock.monotonic()
        self._status: ClusterStatus | None = None  # as it was last reported

    @property
    @abstractmethod
    def id(self) -> str:
        """Its resource id."""

    def _report_status(self, status: ClusterStatus) -> None:
        """Report the states of its nodes, if they have changed."""
        if status != self._status:
            self.provisioning.sink(status)
            self._status = status


class Job(Resource, ABC):
    """A job, submitted on entry; deleting one that runs terminates it."""

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
        """Every job of its experiment, by name: one request for all that have not ended. Raises JobError."""

    def learn(self, jobs: Mapping[str, JobView]) -> None:
        """Remember whether it has ended, from a list that this job or another one of its experiment has requested."""
        self._is_finished = self.name in jobs and jobs[self.name].is_finished

    @abstractmethod
    def terminate(self) -> None:
        """Request its end, which its state shows later. Raises JobError."""

    def wait(self, *, deadline: float) -> JobView:
        """Watch until it has ended.

        Raises:
            JobError: it had not ended after ``deadline`` seconds, or it was deleted.
        """
        view = self.provisioning.clients.poller.until(self._look, lambda view: view.is_finished, deadline=deadline)
        if view is None:
            raise JobError(f"job {self.name} had not ended after {deadline:.0f} s; raise limits in the scenario")
        return view

    def _look(self) -> JobView:
        views = self.list_jobs()
        if self.name not in views:
            raise JobError(f"job {self.name} is not in its experiment any more; somebody deleted it")
        return views[self.name]

    def _report(self, event: Event) -> None:
        # A sweep has hundreds of jobs, and each reports its states already.
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

    def offered_size(self, vm_size: str) -> str:
        """The VM size that is used where a scenario names one, which may no longer exist."""

    def substitutions(self, *, vm_size: str, image: str | None) -> tuple[str, ...]:
        """Replacements of the VM size and the image that a scenario names, and why, a line each."""

    def check_plan(self, provisioning: Provisioning, plan: ClusterPlan) -> None:
        """Refuse a cluster that could never run jobs, before any request. Raises ProvisioningError."""

    def prepare(self, provisioning: Provisioning) -> None:
        """Sign in, and register what the service needs. Raises CloudError."""

    def check_quota(self, provisioning: Provisioning, *, name: str, plan: ClusterPlan) -> tuple[str, ...]:
        """Make sure that a cluster may be created; returns what could not be made sure of, a line each.

        Raises ProvisioningError where the quota is too small.
        """

    def cluster(self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan) -> Cluster:
        """A cluster in a resource group, not made yet."""

    def make_experiment(self, provisioning: Provisioning, cluster: Cluster, name: str) -> None:
        """Create the experiment of the jobs of a cluster, unless it exists. Raises JobError."""

    def list_jobs(self, provisioning: Provisioning, cluster: Cluster, experiment: str) -> Mapping[str, JobView]:
        """The jobs of an experiment, by name; none where it does not exist. Raises JobError."""

    def job(
        self, provisioning: Provisioning, cluster: Cluster, *, experiment: str, name: str, spec: JobSpec, limits: Limits
    ) -> Job:
        """A job on a cluster, not submitted yet; the service itself ends it after ``limits.running``."""
