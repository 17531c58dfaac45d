"""What the store remembers of Batch AI. Records are immutable; the reconciler puts new ones in their place.

Secrets are apart from everything that is ever answered: a definition in ``spec`` has none left in it.
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
    """Stored as JSON, without what is at its default; holds no cycles."""


class Pending(Record, frozen=True):
    """A long-running operation that a resource waits in.

    ``operation`` is its id, empty where a parent's operation waits for this one; ``since`` is the moment of the
    request and ``due`` that of the earliest end.
    """

    operation: str
    since: datetime
    due: datetime


class Operation(Record, frozen=True):
    """What a client polls. ``target`` is how the version that began it names the resource."""

    id: str
    subscription: str
    location: str
    target: str
    started: datetime
    ended: datetime | None = None

    def finished(self, now: datetime) -> "Operation":
        """The operation, succeeded."""
        return replace(self, ended=now)


class Problem(Record, frozen=True):
    """An error that the service reports of a cluster or job."""

    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


class ArmResource(Record, frozen=True):
    """What every resource has: its address, in the casing of its creation, and its region."""

    kind: ClassVar[Kind]

    address: Address
    location: str

    @property
    def key(self) -> str:
        """The key in the store."""
        return self.address.key(self.kind)


class Workspace(ArmResource, frozen=True):
    """``written`` is the moment that etag and Last-Modified show."""

    kind: ClassVar[Kind] = "workspace"

    tags: dict[str, str] | None
    created: datetime
    written: datetime
    deleting: Pending | None = None


class Experiment(ArmResource, frozen=True):
    """A set of jobs."""

    kind: ClassVar[Kind] = "experiment"

    created: datetime
    deleting: Pending | None = None


class Node(Record, frozen=True):
    """A node of a cluster.

    ``allocated`` comes before ``preparing``, and only 2017 clients can tell them apart. ``due`` is when it can move on
    at the earliest, when it begins to leave (``departing``), or when it is gone; a ``preempted`` one does not wait for
    its job. ``job`` is the key of the job that has it. A ``stuck`` one never boots; ``lost`` is when Azure takes it
    back from its job.
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


class Cluster(ArmResource, frozen=True):
    """A cluster and its nodes.

    ``pool`` is the number in its nodes' names, ``allocated`` how many it ever had; ``target`` is the size decided on
    and ``growing`` when the nodes missing to it come; ``quiet`` is when autoscale may decide to shrink and ``eager``
    when it may decide to grow. ``departed`` counts the nodes that left since the last resize: 2017 clients see them
    as unusable until the next one.

    ``made_for`` is the key of a job that named no cluster, for which its service made this one: the cluster is deleted
    once that job has finished. ``grow_after`` and ``shrink_after`` are the seconds, at a pace of 1, for which a queue
    or idle nodes have to last before autoscale answers them; None means Batch AI's own.
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
    """An NFS server: a directory that clusters mount; ``subnet`` is a resource id, its own where none was asked for."""

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

    ``cluster`` is its cluster's key; ``segment`` the part of its paths that the service makes, and ``logs`` the folder
    of its streams below that; ``volumes`` is what its cluster mounts. ``starting`` holds nodes but is still ``queued``
    to clients. ``ending`` says why a job that has started is being stopped; ``run`` counts how often it was put back
    into the queue.
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
        """Whether it has ended."""
        return self.phase in ("succeeded", "failed")

    @property
    def is_terminated(self) -> bool:
        """Whether it has ended because somebody asked for its end, and did not fail by itself."""
        return self.phase == "failed" and any(problem.code == "JobTerminated" for problem in self.problems)


Resource = Workspace | Experiment | Cluster | FileServer | Job


class DeletedJob(Record, frozen=True):
    """A job that was deleted before it finished by itself: 2018-03 clients are told so by the service itself."""

    deleted: datetime


class Secrets(Record, frozen=True):
    """What a cluster or job was given and must not show: variables by name, account keys by mount path."""

    variables: dict[str, str] = {}
    keys: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Secrets({len(self.variables)} variables, {len(self.keys)} keys)"
