"""Every resource in the store, and indexes over those that move.

Handlers and the reconciler write through the repository, so its indexes always agree with the store. It builds them
from the store when the emulator starts.
"""

from collections.abc import Callable
from datetime import datetime

from harness.emulator.engine.model.address import Address, Kind, types_below
from harness.emulator.engine.model.records import (
    Cluster,
    DeletedJob,
    Experiment,
    FileServer,
    Job,
    Operation,
    Resource,
    Secrets,
    Workspace,
)
from harness.emulator.engine.rules.jobs import rank
from harness.emulator.engine.rules.queue import Position, Queue
from harness.emulator.engine.rules.scaling import is_at_rest
from harness.emulator.store import Store

Observer = Callable[[Resource | None, Resource | None], None]  # gets a resource before and after a change

RECORDS: dict[Kind, type[Resource]] = {
    record.kind: record for record in (Workspace, Experiment, Cluster, FileServer, Job)
}


class Repository:
    """Every resource by its key.

    Attributes:
        queues: the waiting jobs of each cluster that has any, by the cluster's key.
        active: keys of the jobs that hold nodes.
        clusters: keys of all clusters.
        restless: keys of the clusters that may move. Most clusters have all their nodes, and the reconciler skips them.
        pending: keys and types of the resources with an operation or a deletion that has not ended.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.queues: dict[str, Queue] = {}
        self.active: set[str] = set()
        self.clusters: set[str] = set()
        self.restless: set[str] = set()
        self.pending: dict[str, type[Resource]] = {}
        self._observers: dict[str, Observer] = {}
        self._index_all()
        store.when_rolled_back(self._index_all)

    def observe(self, namespace: str, observer: Observer) -> None:
        """Call ``observer`` whenever a resource of a service is stored or deleted.

        It is called in the same transaction, with the resource before and after the change: a new resource is None
        before, a deleted one None after. Its writes to the store are therefore kept or lost together with the change.
        """
        self._observers[namespace] = observer

    def may_move(self, resource: Resource) -> bool:
        """Whether the reconciler has anything to do for a resource."""
        key = resource.key
        return key in self.pending or key in self.restless or isinstance(resource, Job)

    def keep(self, resource: Resource, secrets: Secrets | None = None) -> None:
        """Store a resource, with its secrets if it is new."""
        key = resource.key
        observer = self._observers.get(resource.address.namespace)
        before = self.store.get(type(resource), key) if observer or isinstance(resource, Job) else None
        with self.store.transaction():
            self.store.put(key, resource)
            if isinstance(resource, Job) and before is None:
                self.store.delete(DeletedJob, key)
            if secrets is not None and not secrets.is_empty:
                self.store.put(key, secrets)
            if observer:
                observer(before, resource)
        if isinstance(before, Job) and isinstance(resource, Job) and not resource.phase == before.phase == "queued":
            self._unqueue(before, key)  # a job that still waits keeps its position
        self._index(key, resource)

    def drop(self, resource: Resource, deleted: DeletedJob | None = None) -> None:
        """Delete a resource and its secrets; ``deleted`` is stored for a job that did not finish by itself."""
        key = resource.key
        with self.store.transaction():
            self.store.delete(type(resource), key)
            self.store.delete(Secrets, key)
            if deleted:
                self.store.put(key, deleted)
            if observer := self._observers.get(resource.address.namespace):
                observer(resource, None)
        self.pending.pop(key, None)
        self.active.discard(key)
        self.clusters.discard(key)
        self.restless.discard(key)
        if isinstance(resource, Job):
            self._unqueue(resource, key)

    def secrets(self, resource: Cluster | Job) -> Secrets:
        """The secrets of a resource, which no response shows."""
        return self.store.get(Secrets, resource.key) or Secrets()

    def end_operation(self, operation: str, now: datetime) -> None:
        """Mark an operation as succeeded; an empty id means that there is none."""
        record = self.store.get(Operation, operation) if operation else None
        if record:
            self.store.put(operation, record.finished(now))
            self.store.release(Operation, operation)

    def workspaces(self, namespace: str, subscription: str, group: str) -> list[Workspace]:
        """The workspaces of a service in a resource group."""
        prefix = Address(subscription, group, ("",), namespace).key("workspace")
        return [workspace for _, workspace in self.store.list(Workspace, prefix)]

    def children(self, parent: Workspace | Experiment) -> list[Resource]:
        """The resources directly in a workspace or an experiment."""
        below = types_below(parent.address.namespace, parent.kind)
        prefixes = {RECORDS[kind]: f"{parent.key}/{type_}/" for kind, type_ in below.items()}
        return [child for record, prefix in prefixes.items() for _, child in self.store.list(record, prefix)]

    def _index_all(self) -> None:
        for index in (self.queues, self.active, self.clusters, self.restless, self.pending):
            index.clear()
        for kind in RECORDS.values():
            for key, record in self.store.list(kind):
                self._index(key, record)

    def _index(self, key: str, resource: Resource) -> None:
        operations = (getattr(resource, name, None) for name in ("creating", "terminating", "deleting"))
        if any(operations):
            self.pending[key] = type(resource)
        else:
            self.pending.pop(key, None)
        if isinstance(resource, Cluster):
            self.clusters.add(key)
            if is_at_rest(resource):
                self.restless.discard(key)
            else:
                self.restless.add(key)
        elif isinstance(resource, Job):
            if resource.phase in ("starting", "running"):
                self.active.add(key)
            else:
                self.active.discard(key)
            if resource.phase == "queued":
                self.queues.setdefault(resource.cluster, Queue()).add(_position(resource, key))

    def _unqueue(self, job: Job, key: str) -> None:
        if queue := self.queues.get(job.cluster):
            queue.remove(_position(job, key))
            if not queue:
                del self.queues[job.cluster]


def _position(job: Job, key: str) -> Position:
    return (-rank(job.spec), job.created, key)
