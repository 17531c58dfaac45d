"""What the store remembers of Batch AI. Records are immutable; the reconciler puts new ones in their place.

Secrets are apart from everything that is ever answered: a definition in ``spec`` has none left in it.
"""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from harness.emulator.engine.model.address import Address
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


class Workspace(Record, frozen=True):
    """``written`` is the moment that etag and Last-Modified show."""

    address: Address
    location: str
    tags: dict[str, str] | None
    created: datetime
    written: datetime
    deleting: Pending | None = None

    @property
    def key(self) -> str:
        """In the store."""
        return self.address.key("workspace")


class Experiment(Record, frozen=True):
    """A set of jobs."""

    address: Address
    location: str
    created: datetime
    deleting: Pending | None = None

    @property
    def key(self) -> str:
        """In the store."""
        return self.address.key("experiment")


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


class Cluster(Record, frozen=True):
    """A cluster and its nodes.

    ``pool`` is the number in its nodes' names, ``allocated`` how many it ever had; ``target`` is the size decided on
    and ``growing`` when the nodes missing to it come; ``quiet`` is when autoscale may decide to shrink and ``eager``
    when it may decide to grow. ``departed`` counts the nodes that left since the last resize: 2017 clients see them
    as unusable until the next one.
    """

    address: Address
    location: str
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

    @property
    def key(self) -> str:
        """In the store."""
        return self.address.key("cluster")


class FileServer(Record, frozen=True):
    """An NFS server: a directory that clusters mount; ``subnet`` is a resource id, its own where none was asked for."""

    address: Address
    location: str
    tags: dict[str, str] | None
    spec: FileServerSpec
    incarnation: str
    subnet: str
    public_address: str
    created: datetime
    provisioned: datetime | None = None
    creating: Pending | None = None
    deleting: Pending | None = None

    @property
    def key(self) -> str:
        """In the store."""
        return self.address.key("file_server")


class Job(Record, frozen=True):
    """A job.

    ``cluster`` is its cluster's key; ``segment`` the part of its paths that the service makes, and ``logs`` the folder
    of its streams below that; ``volumes`` is what its cluster mounts. ``starting`` holds nodes but is still ``queued``
    to clients. ``ending`` says why a job that has started is being stopped; ``run`` counts how often it was put back
    into the queue.
    """

    address: Address
    location: str
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
    def key(self) -> str:
        """In the store."""
        return self.address.key("job")

    @property
    def is_finished(self) -> bool:
        """Whether it moves no more."""
        return self.phase in ("succeeded", "failed")


class DeletedJob(Record, frozen=True):
    """A job that was deleted before it finished by itself: 2018-03 clients are told so by the service itself."""

    deleted: datetime


class Secrets(Record, frozen=True):
    """What a cluster or job was given and must not show: variables by name, account keys by mount path."""

    variables: dict[str, str] = {}
    keys: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Secrets({len(self.variables)} variables, {len(self.keys)} keys)"
