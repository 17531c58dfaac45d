"""The records of the store. They are immutable: a change replaces a record by a new one.

Secrets are in separate records: a definition in ``spec`` holds none, because responses show it.
"""

from datetime import datetime
from typing import ClassVar, Literal

import msgspec
from msgspec.structs import replace

from harness.emulator.engine.model.address import Address, Kind
from harness.emulator.engine.model.mount_paths import Volume
from harness.emulator.engine.model.spec import ClusterSpec, FileServerSpec, JobSpec

NodeState = Literal["allocated", "preparing", "idle", "unusable", "leaving"]
Phase = Literal["queued", "starting", "running", "succeeded", "failed"]
Reason = Literal["terminated", "requeued", "cluster deleted", "stopped"]


class Record(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A record, stored as JSON without the fields that have their default. It holds no reference cycles."""


class Pending(Record, frozen=True):
    """A long-running operation on a resource.

    ``operation`` is its id, which is empty if it is a part of the operation on a parent. ``since`` is the time of the
    request, and ``due`` the earliest end.
    """

    operation: str
    since: datetime
    due: datetime


class Problem(Record, frozen=True):
    """An error of a cluster or job, as the service reports it."""

    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


class Operation(Record, frozen=True):
    """A long-running operation that a client polls.

    ``target`` is the name of the resource in the API version of the request. ``problem`` is why the operation fails
    once it has ended; an operation without a problem succeeds.
    """

    id: str
    subscription: str
    location: str
    target: str
    started: datetime
    ended: datetime | None = None
    problem: Problem | None = None

    def finished(self, now: datetime) -> "Operation":
        """The operation, ended."""
        return replace(self, ended=now)


class ArmResource(Record, frozen=True):
    """The common part of all resources: the address, in the casing of its creation, and the region."""

    kind: ClassVar[Kind]

    address: Address
    location: str

    @property
    def key(self) -> str:
        """The key in the store."""
        return self.address.key(self.kind)


class Workspace(ArmResource, frozen=True):
    """A workspace. ``written`` is the time that its ``ETag`` and ``Last-Modified`` show."""

    kind: ClassVar[Kind] = "workspace"

    tags: dict[str, str] | None
    created: datetime
    written: datetime
    provisioned: datetime | None = None
    creating: Pending | None = None
    deleting: Pending | None = None


class Experiment(ArmResource, frozen=True):
    """A set of jobs."""

    kind: ClassVar[Kind] = "experiment"

    created: datetime
    deleting: Pending | None = None


class Node(Record, frozen=True):
    """A node of a cluster.

    Only API version 2017-09-01-preview shows the state ``allocated``, which precedes ``preparing``. ``due`` is the
    earliest time of the next transition: to boot, to begin to leave (``departing``), or to be removed. A ``preempted``
    node does not wait for its job. ``job`` is the key of the job that runs on it. A ``stuck`` node never boots;
    ``lost`` is when Azure takes the node from its job. ``slot`` is the index of a node, from 0, among the nodes that
    its cluster has at one time: it selects the GPUs of this machine that the node uses.
    """

    id: str
    number: int
    state: NodeState
    due: datetime | None = None
    departing: bool = False
    preempted: bool = False
    job: str | None = None
    stuck: bool = False
    lost: datetime | None = None
    slot: int = 0


class Cluster(ArmResource, frozen=True):
    """A cluster and its nodes.

    ``pool`` is the number in the names of its nodes, and ``allocated`` how many nodes it ever had. ``target`` is the
    target size, and ``growing`` when the missing nodes are allocated; ``quiet`` is when autoscale may shrink the
    cluster and ``eager`` when it may grow it. ``departed`` counts the nodes that left since the last resize: API
    version 2017-09-01-preview shows them as unusable until ``departed_until``.

    ``made_for`` is the key of a job without a cluster, for which the service created this one: the cluster is deleted
    once that job has finished. ``grow_after`` and ``shrink_after`` are the seconds, at a pace of 1, that a queue or
    idle nodes must last before autoscale reacts; None means the durations of Batch AI.
    """

    kind: ClassVar[Kind] = "cluster"

    tags: dict[str, str] | None
    spec: ClusterSpec
    incarnation: str
    pool: int
    created: datetime
    written: datetime
    allocation: Literal["steady", "resizing"]
    allocation_changed: datetime
    target: int
    nodes: tuple[Node, ...] = ()
    allocated: int = 0
    departed: int = 0
    departed_until: datetime | None = None
    growing: datetime | None = None
    eager: datetime | None = None
    quiet: datetime | None = None
    provisioned: datetime | None = None
    creating: Pending | None = None
    deleting: Pending | None = None
    task_suffix: str = ""
    problems: tuple[Problem, ...] = ()
    made_for: str = ""
    grow_after: float | None = None
    shrink_after: float | None = None


class FileServer(ArmResource, frozen=True):
    """An NFS server, played by a directory that clusters mount. ``subnet`` is the id of its subnet."""

    kind: ClassVar[Kind] = "file_server"

    tags: dict[str, str] | None
    spec: FileServerSpec
    incarnation: str
    subnet: str
    public_address: str
    created: datetime
    provisioned: datetime | None = None
    creating: Pending | None = None
    deleting: Pending | None = None


class Job(ArmResource, frozen=True):
    """A job.

    ``cluster`` is the key of its cluster. ``segment`` is the part of its output paths that the service generates, and
    ``logs`` the folder of its streams below that; ``volumes`` are the volumes of its cluster. A job that is
    ``starting`` holds nodes, but clients still see it as ``queued``. ``ending`` is why a started job is being stopped;
    ``run`` counts how often the job was returned to the queue.
    """

    kind: ClassVar[Kind] = "job"

    spec: JobSpec
    cluster: str
    incarnation: str
    segment: str
    logs: str
    volumes: tuple[Volume, ...]
    created: datetime
    ready: datetime
    phase: Phase
    changed: datetime
    run: int = 0
    nodes: tuple[str, ...] = ()
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    problems: tuple[Problem, ...] = ()
    ending: Reason | None = None
    provisioned: datetime | None = None
    creating: Pending | None = None
    terminating: Pending | None = None
    deleting: Pending | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended."""
        return self.phase in ("succeeded", "failed")

    @property
    def is_terminated(self) -> bool:
        """Whether the job ended because a client terminated it, not because it failed."""
        return self.phase == "failed" and any(problem.code == "JobTerminated" for problem in self.problems)


Resource = Workspace | Experiment | Cluster | FileServer | Job


class DeletedJob(Record, frozen=True):
    """A job that was deleted before it finished by itself, which API version 2018-03-01 reports with another error."""

    deleted: datetime


class Secrets(Record, frozen=True):
    """The secrets of a cluster or job: variables by name, account keys by mount path, the password of its registry."""

    variables: dict[str, str] = {}
    keys: dict[str, str] = {}
    registry_password: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there are no secrets."""
        return not (self.variables or self.keys or self.registry_password)

    def __repr__(self) -> str:
        return f"Secrets({len(self.variables)} variables, {len(self.keys)} keys)"
