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

Created = TypeVar(
    "Created", Workspace, Cluster, FileServer, Job
)  # resources whose creation is a long-running operation


class Operations:
    """Begins the operations of every service.

    In every method, ``target`` is the name of the resource in the operation that clients poll, and ``seconds`` is the
    shortest duration of the operation, at a pace of 1.
    """

    def __init__(self, repository: Repository, clock: Clock, pace: Pace) -> None:
        self._repository = repository
        self._clock = clock
        self._pace = pace

    def find(self, subscription: str, name: str) -> Operation | None:
        """Find an operation of a subscription by its id; None if there is none, or it ended more than an hour ago."""
        operation = self._repository.store.get(Operation, name.lower())
        return operation if operation and operation.subscription.lower() == subscription.lower() else None

    def create(
        self,
        resource: Created,
        *,
        target: str,
        seconds: float,
        secrets: Secrets | None = None,
        problem: Problem | None = None,
    ) -> Operation:
        """Store a new resource together with the operation that creates it.

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
        """Begin to delete a resource, or join the deletion in progress; returns the id of the operation."""
        pending = resource.deleting
        if pending is None or not pending.operation:  # a deletion with the parent has no operation
            requested = self._begin(resource, target, seconds)
            pending = replace(requested, due=pending.due) if pending else requested
        self._repository.keep(replace(resource, deleting=pending))
        return pending.operation

    def terminate(self, job: Job, *, target: str, seconds: float) -> str:
        """Begin to terminate a job, or join the termination in progress; returns the id of the operation."""
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
