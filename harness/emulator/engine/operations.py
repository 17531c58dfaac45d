"""Long-running operations: a request begins one, the reconciler ends it, and clients poll it in between."""

from typing import TypeVar

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.engine.model.records import (
    Cluster,
    FileServer,
    Job,
    Operation,
    Pending,
    Problem,
    Resource,
    Secrets,
    Workspace,
)
from harness.emulator.engine.repository import Repository
from harness.emulator.engine.rules.pace import Pace
from harness.emulator.guids import ordered_guid

Created = TypeVar("Created", Workspace, Cluster, FileServer, Job)  # what takes its time to be made


class Operations:
    """Begins the operations of every service.

    In every method, ``target`` is what the operation calls the resource when clients poll it, and ``seconds`` is how
    long the operation takes at least, at a pace of 1.
    """

    def __init__(self, repository: Repository, clock: Clock, pace: Pace) -> None:
        self._repository = repository
        self._clock = clock
        self._pace = pace

    def find(self, subscription: str, name: str) -> Operation | None:
        """The operation of a subscription, by its id; None where there is none, or it ended an hour ago."""
        found = self._repository.store.get(Operation, name.lower())
        return found if found and found.subscription.lower() == subscription.lower() else None

    def create(
        self,
        resource: Created,
        *,
        target: str,
        seconds: float,
        secrets: Secrets | None = None,
        problem: Problem | None = None,
    ) -> Operation:
        """Store a new resource, together with the operation that makes it.

        At pace 0 the operation is stored as already finished, which halves the writes.

        Args:
            problem: why the operation fails, although the resource is stored.
        """
        operation = replace(self._new(resource, target), problem=problem)
        due = self._pace.after(operation.started, seconds)
        if due > operation.started:
            resource = replace(resource, creating=Pending(operation.id, operation.started, due))
        else:
            resource = replace(resource, provisioned=operation.started)
            operation = operation.finished(operation.started)
        with self._repository.store.transaction():
            self._repository.store.put(operation.id, operation)
            self._repository.keep(resource, secrets)
        return operation

    def delete(self, resource: Resource, *, target: str, seconds: float) -> str:
        """Begin to delete a resource, or join the deletion that has begun; the id of the operation."""
        pending = resource.deleting
        if pending is None or not pending.operation:  # a deletion by the parent's has no operation of its own
            begun = self._begin(resource, target, seconds)
            pending = replace(begun, due=pending.due) if pending else begun
        self._repository.keep(replace(resource, deleting=pending))
        return pending.operation

    def terminate(self, job: Job, *, target: str, seconds: float) -> str:
        """Begin to end a job that has not finished, or join the termination that has begun; the id of the operation."""
        pending = job.terminating or self._begin(job, target, seconds)
        self._repository.keep(replace(job, terminating=pending))
        return pending.operation

    def _begin(self, resource: Resource, target: str, seconds: float) -> Pending:
        operation = self._new(resource, target)
        self._repository.store.put(operation.id, operation)
        return Pending(operation.id, operation.started, self._pace.after(operation.started, seconds))

    def _new(self, resource: Resource, target: str) -> Operation:
        now = self._clock.now()
        return Operation(ordered_guid(now), resource.address.subscription, resource.location, target, now)
