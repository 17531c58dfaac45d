"""The loop of the engine: passes over jobs, operations, clusters and queues, until nothing moves.

Every transition is stored before its effect, so a restarted emulator continues where a killed one stopped.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from harness.compute.backend import Backend
from harness.emulator.engine.cluster_scaler import ClusterScaler
from harness.emulator.engine.fault_effects import FaultEffects
from harness.emulator.engine.job_queues import JobQueues
from harness.emulator.engine.job_runs import JobRuns
from harness.emulator.engine.job_specs import JobSpecs
from harness.emulator.engine.machines import Machines
from harness.emulator.engine.model.records import Cluster, DeletedJob, Job, Operation
from harness.emulator.engine.node_setup import NodeSetupRunner
from harness.emulator.engine.repository import Repository
from harness.emulator.engine.rules import jobs, scaling
from harness.emulator.engine.rules.pace import Pace
from harness.emulator.engine.service import Service
from harness.emulator.engine.teardown import Teardown

_RETENTION = timedelta(hours=1)  # for which an ended operation can be polled
_SWEEP = timedelta(minutes=5)  # between two sweeps of old operations
_MOST_PASSES = 50
_log = logging.getLogger(__name__)


class Reconciliation:
    """Runs passes over everything that may move, until nothing moves.

    Args:
        repository: the resources.
        specs: knows the directories of jobs and set-up tasks.
        services: the services by namespace, which describe their jobs to a back end.
        backend: runs jobs and set-up tasks.
        pace: speed of simulated provisioning.
        fault_effects: applies fault plans to nodes and jobs.
    """

    def __init__(
        self,
        repository: Repository,
        specs: JobSpecs,
        services: Mapping[str, Service],
        *,
        backend: Backend,
        pace: Pace,
        fault_effects: FaultEffects,
    ) -> None:
        self._repository = repository
        self._specs = specs
        self._backend = backend
        machines = Machines(specs, backend)
        self._queues = JobQueues(repository)
        self._job_runs = JobRuns(repository, specs, services, backend=backend, fault_effects=fault_effects)
        self._clusters = ClusterScaler(
            repository,
            self._queues,
            self._job_runs,
            services=services,
            machines=machines,
            node_setup=NodeSetupRunner(specs, backend),
            pace=pace,
            fault_effects=fault_effects,
        )
        self._teardown = Teardown(repository, self._job_runs.stop, specs=specs, backend=backend, machines=machines)
        self._swept: datetime | None = None
        self._remove_orphans()
        for key in repository.clusters:
            if cluster := repository.store.get(Cluster, key):
                machines.resume(cluster)

    def reconcile(self, now: datetime) -> float | None:
        """Move everything that can move; returns the seconds until something moves by itself, or None."""
        self._sweep(now)
        for _ in range(_MOST_PASSES):
            if not self._pass(now):
                break
        else:
            _log.warning("resources still move after %d passes", _MOST_PASSES)
        later = [moment for moment in self._moments() if moment > now]
        return (min(later) - now).total_seconds() if later else None

    def _pass(self, now: datetime) -> bool:
        moves = [self._job_runs.watch(now), self._finish_operations(now)]
        moves += [self._clusters.lose_nodes(now), self._clusters.move(now)]
        return any([*moves, self._queues.assign_nodes(now), self._teardown.run(now)])

    # Operations

    def _finish_operations(self, now: datetime) -> bool:
        changed = False
        finished: list[tuple[Any, str]] = []
        for key, kind in list(self._repository.pending.items()):
            resource: Any = self._repository.store.get(kind, key)
            creating = getattr(resource, "creating", None)
            if creating and creating.due <= now:
                finished.append((replace(resource, creating=None, provisioned=now), creating.operation))
            elif isinstance(resource, Job) and resource.terminating and not resource.deleting:
                changed |= self._terminate(resource, now)
        if finished:
            with self._repository.store.transaction():  # one for all, because each costs as much as its writes
                for resource, operation in finished:
                    self._end(resource, operation, now)
        return changed or bool(finished)

    def _terminate(self, job: Job, now: datetime) -> bool:
        pending = job.terminating
        if pending is None or job.creating:
            return False
        if job.phase in ("starting", "running"):
            if job.ending is None:
                self._job_runs.stop(job, "terminated")
                return True
            return False
        if pending.due > now:
            return False
        job = jobs.withdraw(job, now) if job.phase == "queued" else job
        self._end(replace(job, terminating=None), pending.operation, now)
        return True

    def _end(self, resource: Any, operation: str, now: datetime) -> None:
        with self._repository.store.transaction():
            self._repository.keep(resource)
            self._repository.end_operation(operation, now)

    # Housekeeping

    def _moments(self) -> Iterator[datetime]:
        store = self._repository.store
        for key, kind in self._repository.pending.items():
            resource: Any = store.get(kind, key)
            for name in ("creating", "terminating", "deleting"):
                if pending := getattr(resource, name, None):
                    yield pending.due
        for key in self._repository.restless:
            cluster = store.get(Cluster, key)
            if cluster and (due := scaling.due(cluster)):
                yield due
        yield from self._queues.first_ready()

    def _sweep(self, now: datetime) -> None:
        """Delete the records of operations and deletions that ended long ago."""
        if self._swept and now - self._swept < _SWEEP:
            return
        self._swept = now
        store = self._repository.store
        for key, operation in store.list(Operation):
            if operation.ended and now - operation.ended > _RETENTION:
                store.delete(Operation, key)
        for key, deletion in store.list(DeletedJob):
            if now - deletion.deleted > _RETENTION:
                store.delete(DeletedJob, key)

    def _remove_orphans(self) -> None:
        """End and remove the jobs and set-up tasks of a killed emulator that have no record any more."""
        store = self._repository.store
        active = (store.get(Job, key) for key in self._repository.active)
        expected = {self._specs.job_directory(job) for job in active if job}
        for key in self._repository.clusters:
            if cluster := store.get(Cluster, key):
                expected |= {
                    self._specs.setup_directory(cluster, node) for node in cluster.nodes if node.state == "preparing"
                }
        for directory in self._specs.directories():
            if directory not in expected:
                self._backend.terminate(directory)
                self._backend.forget(directory)
