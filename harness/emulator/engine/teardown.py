"""Deletes the resources whose deletion clients requested: children first, a cluster once its jobs have ended."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from harness.compute.backend import Backend
from harness.emulator.engine.job_specs import JobSpecs
from harness.emulator.engine.machines import Machines
from harness.emulator.engine.model.records import (
    Cluster,
    DeletedJob,
    Experiment,
    FileServer,
    Job,
    Pending,
    Reason,
    Resource,
    Workspace,
)
from harness.emulator.engine.node_directories import delete_directory
from harness.emulator.engine.repository import Repository

Stop = Callable[[Job, Reason], None]


class Teardown:
    """Deletes resources.

    Args:
        stop: asks the back end to end a job that holds nodes.
        machines: releases the machines of nodes.
    """

    def __init__(
        self, repository: Repository, stop: Stop, *, specs: JobSpecs, backend: Backend, machines: Machines
    ) -> None:
        self._repository = repository
        self._stop = stop
        self._specs = specs
        self._backend = backend
        self._machines = machines

    def run(self, now: datetime) -> bool:
        """Advance every deletion; returns whether anything changed."""
        changed = False
        for key, kind in list(self._repository.pending.items()):
            resource = self._repository.store.get(kind, key)
            if resource is not None and resource.deleting:
                changed |= self._advance(resource, resource.deleting, now)
        return changed

    def _advance(self, resource: Resource, pending: Pending, now: datetime) -> bool:
        if isinstance(resource, Workspace | Experiment) and (children := self._repository.children(resource)):
            return self._delete_all(children, now)
        if isinstance(resource, Job) and resource.phase in ("starting", "running"):
            if resource.ending is None:
                self._stop(resource, "stopped")
                return True
            return False
        if isinstance(resource, Cluster) and (busy := {node.job for node in resource.nodes if node.job}):
            jobs = [job for key in busy if (job := self._repository.store.get(Job, key)) and job.ending is None]
            for job in jobs:
                self._stop(job, "cluster deleted")
            return bool(jobs)
        if pending.due > now:
            return False
        self._remove(resource, pending, now)
        return True

    def _delete_all(self, children: list[Resource], now: datetime) -> bool:
        """Begin to delete the children too, without the duration of a deletion by itself."""
        changed = False
        for child in children:
            if not child.deleting:
                self._repository.keep(replace(child, deleting=Pending("", now, now)))
                changed = True
            elif child.deleting.due > now:
                self._repository.keep(replace(child, deleting=replace(child.deleting, due=now)))
                changed = True
        return changed

    def _remove(self, resource: Resource, pending: Pending, now: datetime) -> None:
        with self._repository.store.transaction():
            self._repository.drop(resource, _trace(resource, now))
            for waiting in ("creating", "terminating"):
                if operation := getattr(resource, waiting, None):
                    self._repository.end_operation(operation.operation, now)
            self._repository.end_operation(pending.operation, now)
        if isinstance(resource, Cluster):
            for node in resource.nodes:
                directory = self._specs.setup_directory(resource, node)
                self._backend.terminate(directory)
                self._backend.forget(directory)
            self._machines.release(resource, None)
            delete_directory(self._specs.cluster_directory(resource))
        elif isinstance(resource, FileServer):
            delete_directory(self._specs.server_directory(resource))


def _trace(resource: Resource, now: datetime) -> DeletedJob | None:
    """The record that remains of a deleted job that did not finish by itself."""
    if not isinstance(resource, Job):
        return None
    by_itself = resource.is_finished and resource.ending is None and resource.nodes
    return None if by_itself else DeletedJob(now)
