"""Moves clusters and jobs: asks the rules what comes next, stores it, then acts.

Every transition is stored before its effect. A job is stored with its nodes before it is started, and starting is
idempotent: an emulator adopts what one that was killed had started, and starts nothing twice.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from harness.compute.backend import Backend, StartRefusedError
from harness.emulator.engine.fault_effects import FaultEffects
from harness.emulator.engine.job_specs import JobSpecError, JobSpecs
from harness.emulator.engine.machines import Machines
from harness.emulator.engine.model.records import Cluster, DeletedJob, Job, Node, Operation, Pending, Problem, Reason
from harness.emulator.engine.model.spec import DeallocationOption
from harness.emulator.engine.node_setup import NodeSetupRunner
from harness.emulator.engine.repository import Repository
from harness.emulator.engine.rules import jobs, queue, scaling
from harness.emulator.engine.rules.pace import Pace
from harness.emulator.engine.service import Service
from harness.emulator.engine.teardown import Teardown
from harness.errors import ToolkitError

_KEPT = timedelta(hours=1)  # for which the end of an operation can be polled
_SWEEP = timedelta(minutes=5)  # between two sweeps of old operations
_MOST_PASSES = 50
_log = logging.getLogger(__name__)


class Reconciliation:
    """Runs passes over everything that may move, until nothing moves.

    Args:
        repository: the resources.
        specs: knows the directories of jobs and set-up tasks.
        services: say what a back end runs for their jobs, by namespace.
        backend: runs jobs and set-up tasks.
        pace: speed of simulated provisioning.
        fault_effects: what goes wrong on purpose.
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
        self._services = services
        self._backend = backend
        self._pace = pace
        self._fault_effects = fault_effects
        self._node_setup = NodeSetupRunner(specs, backend)
        self._machines = Machines(specs, backend)
        self._teardown = Teardown(repository, self.stop, specs=specs, backend=backend, machines=self._machines)
        self._watched: set[str] = set()  # jobs that this process has started or adopted
        self._stopped: set[str] = set()
        self._swept: datetime | None = None
        self._remove_orphans()
        for key in repository.clusters:
            if cluster := repository.store.get(Cluster, key):
                self._machines.resume(cluster)

    def reconcile(self, now: datetime) -> float | None:
        """Move everything that can move; seconds until something moves by itself, None when nothing will."""
        self._sweep(now)
        for _ in range(_MOST_PASSES):
            if not self._pass(now):
                break
        else:
            _log.warning("resources still move after %d passes", _MOST_PASSES)
        later = [moment for moment in self._moments() if moment > now]
        return (min(later) - now).total_seconds() if later else None

    def _pass(self, now: datetime) -> bool:
        moves = [self._watch(now), self._finish_operations(now), self._lose_nodes(now), self._move_clusters(now)]
        return any([*moves, self._start_jobs(now), self._teardown.run(now)])

    # Jobs that hold nodes

    def _watch(self, now: datetime) -> bool:
        changed = False
        for key in sorted(self._repository.active):
            job = self._repository.store.get(Job, key)
            if job is None:
                continue
            if key not in self._watched:
                self._start_or_adopt(job, now)
                changed = True  # poll it in the next pass: an adopted job may have ended before anybody watched it
                continue
            progress = self._backend.poll(self._specs.job_directory(job))
            after = jobs.observed(job, progress, now)
            if after is not job:
                self._settle(job, after, progress.lost_nodes)
                changed = True
            elif job.ending and key not in self._stopped:
                self.stop(job, job.ending)
        return changed

    def _start_or_adopt(self, job: Job, now: datetime) -> None:
        """Start a job that was given nodes, or watch it if an earlier emulator has started it."""
        directory = self._specs.job_directory(job)
        self._watched.add(job.key)
        cluster = self._repository.store.get(Cluster, job.cluster)
        try:
            if self._backend.adopt(directory):
                return
            if cluster is None:
                raise JobSpecError(Problem("JobClusterDeleted", "The cluster of the job was deleted"))
            if problem := self._fault_effects.on_start(job):
                raise JobSpecError(problem)
            service = self._services[job.address.namespace]
            self._backend.start(self._backend.plan(service.job_spec(job, cluster)))
        except JobSpecError as error:
            self._settle(job, jobs.refused(job, error.problem, now, exit_code=-1))
        except StartRefusedError as error:
            problem = Problem(error.code, str(error), error.details)
            self._settle(job, jobs.refused(job, problem, now, exit_code=-1))
        except (ToolkitError, OSError) as error:
            problem = Problem("JobStartFailed", f"Job could not be started: {error}")
            self._settle(job, jobs.refused(job, problem, now))

    def _settle(self, job: Job, after: Job, lost: tuple[str, ...] = ()) -> None:
        """Store how a job moved. A job that does not run any more releases its nodes in the same transaction.

        Args:
            lost: those of its nodes that are gone.
        """
        store, runs = self._repository.store, after.phase == "running"
        with store.transaction():
            self._repository.keep(after)
            cluster = store.get(Cluster, job.cluster)
            if cluster and not runs:
                self._repository.keep(scaling.bereft(scaling.with_job(cluster, job.nodes, None), lost, after.changed))
            elif cluster and (doomed := self._fault_effects.on_run(cluster, after)) is not cluster:
                self._repository.keep(doomed)
        if runs:
            return
        self._watched.discard(job.key)
        self._stopped.discard(job.key)
        self._backend.forget(self._specs.job_directory(job))

    def stop(self, job: Job, reason: Reason) -> None:
        """Ask the back end to end a job that holds nodes. The reason is stored first, so that a restart asks again."""
        if job.ending is None:
            job = replace(job, ending=reason)
            self._repository.keep(job)
        if job.key in self._watched and job.key not in self._stopped:
            self._stopped.add(job.key)
            self._backend.terminate(self._specs.job_directory(job))

    # Operations

    def _finish_operations(self, now: datetime) -> bool:
        changed = False
        created: list[tuple[Any, str]] = []
        for key, kind in list(self._repository.pending.items()):
            resource: Any = self._repository.store.get(kind, key)
            creating = getattr(resource, "creating", None)
            if creating and creating.due <= now:
                created.append((replace(resource, creating=None, provisioned=now), creating.operation))
            elif isinstance(resource, Job) and resource.terminating and not resource.deleting:
                changed |= self._terminate(resource, now)
        if created:
            with self._repository.store.transaction():  # one for all, since each costs as much as what it writes
                for resource, operation in created:
                    self._end(resource, operation, now)
        return changed or bool(created)

    def _terminate(self, job: Job, now: datetime) -> bool:
        pending = job.terminating
        if pending is None or job.creating:
            return False
        if job.phase in ("starting", "running"):
            if job.ending is None:
                self.stop(job, "terminated")
                return True
            return False
        if pending.due > now:
            return False
        ended = jobs.withdrawn(job, now) if job.phase == "queued" else job
        self._end(replace(ended, terminating=None), pending.operation, now)
        return True

    def _end(self, resource: Any, operation: str, now: datetime) -> None:
        with self._repository.store.transaction():
            self._repository.keep(resource)
            self._repository.end_operation(operation, now)

    # Clusters

    def _lose_nodes(self, now: datetime) -> bool:
        """Take from clusters the nodes whose machines are gone; jobs on them hear of that by themselves."""
        lost = self._machines.take_lost()
        found = [self._repository.store.get(Cluster, key) for key in self._repository.clusters] if lost else []
        changed = False
        for cluster in found:
            if cluster and (after := scaling.bereft(cluster, lost, now)) is not cluster:
                self._repository.keep(after)
                changed = True
        return changed

    def _move_clusters(self, now: datetime) -> bool:
        store = self._repository.store
        found = [store.get(Cluster, key) for key in sorted(self._repository.restless)]
        free = [cluster for cluster in found if cluster and not (cluster.creating or cluster.deleting)]
        after = {cluster.key: scaling.moved(cluster, self._scaling_context(cluster, now)) for cluster in free}
        moved = [cluster for cluster in free if after[cluster.key] is not cluster]
        if moved:
            with store.transaction():
                for cluster in moved:
                    after[cluster.key] = self._fault_effects.on_allocation(cluster, after[cluster.key])
                    self._repository.keep(after[cluster.key])
        for cluster in moved:
            self._node_setup.clear(cluster, after[cluster.key])
            self._machines.release(cluster, after[cluster.key])
        evicted = [self._evict(cluster) for cluster in after.values()]
        retired = [self._retire(cluster, now) for cluster in after.values()]
        return any([bool(moved), *evicted, *retired])

    def _scaling_context(self, cluster: Cluster, now: datetime) -> scaling.ScalingContext:
        wanted = 0
        if (waiting := self._repository.queues.get(cluster.key)) and cluster.spec.scale_settings.auto_scale:
            wanted = queue.wanted(waiting, scaling.capacity(cluster), lambda key: self._size(key, now))
        machines = self._machines.of(cluster)
        mounts, setups = self._node_setup.outcomes(cluster, now, machines)
        quota = self._services[cluster.address.namespace].node_quota(cluster)
        return scaling.ScalingContext(
            now,
            self._pace,
            wanted,
            self._node_setup.has_task(cluster),
            setups,
            mounts,
            quota=quota,
            machines=machines,
        )

    def _evict(self, cluster: Cluster) -> bool:
        """End, or return to the queue, the jobs on departing nodes, unless the cluster waits for them."""
        changed = False
        for node in cluster.nodes:
            if not (node.departing and node.job):
                continue
            reason = _eviction(cluster, node)
            job = self._repository.store.get(Job, node.job)
            if reason and job and job.ending is None:
                self.stop(job, reason)
                changed = True
        return changed

    def _retire(self, cluster: Cluster, now: datetime) -> bool:
        """Delete a cluster that a service made for one job which needs it no longer."""
        job = self._repository.store.get(Job, cluster.made_for) if cluster.made_for else None
        if not scaling.is_needless(cluster, job):
            return False
        self._repository.keep(replace(cluster, deleting=Pending("", now, now)))
        return True

    # The queue

    def _start_jobs(self, now: datetime) -> bool:
        changed = False
        for key, waiting in list(self._repository.queues.items()):
            cluster = self._repository.store.get(Cluster, key)
            if cluster is None or cluster.creating or cluster.deleting:
                continue
            free = scaling.idle(cluster)
            for name in queue.chosen(waiting, len(free), scaling.capacity(cluster), lambda key: self._size(key, now)):
                job = self._repository.store.get(Job, name)
                if job is None:
                    continue
                nodes = tuple(node.id for node in free[: job.spec.node_count])
                free = free[job.spec.node_count :]
                cluster = scaling.with_job(cluster, nodes, name)
                with self._repository.store.transaction():
                    self._repository.keep(jobs.placed(job, nodes))
                    self._repository.keep(cluster)
                changed = True
        return changed

    def _size(self, key: str, now: datetime) -> int | None:
        job = self._repository.store.get(Job, key)
        if job is None or job.ready > now or job.creating or job.terminating or job.deleting:
            return None
        return job.spec.node_count

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
        yield from self._first_ready()

    def _first_ready(self) -> Iterator[datetime]:
        """When the queued jobs of clusters with idle nodes or autoscale can start."""
        for key, waiting in self._repository.queues.items():
            cluster = self._repository.store.get(Cluster, key)
            auto = cluster and cluster.spec.scale_settings.auto_scale
            if cluster is None or not (auto or scaling.idle(cluster)):
                continue
            for name in waiting:
                if job := self._repository.store.get(Job, name):
                    yield job.ready

    def _sweep(self, now: datetime) -> None:
        """Delete the records of operations and deletions that ended long ago."""
        if self._swept and now - self._swept < _SWEEP:
            return
        self._swept = now
        store = self._repository.store
        for key, operation in store.list(Operation):
            if operation.ended and now - operation.ended > _KEPT:
                store.delete(Operation, key)
        for key, deletion in store.list(DeletedJob):
            if now - deletion.deleted > _KEPT:
                store.delete(DeletedJob, key)

    def _remove_orphans(self) -> None:
        """End and remove the jobs and set-up tasks of a killed emulator that the records do not know any more."""
        store = self._repository.store
        active = (store.get(Job, key) for key in self._repository.active)
        known = {self._specs.job_directory(job) for job in active if job}
        for key in self._repository.clusters:
            if cluster := store.get(Cluster, key):
                known |= {
                    self._specs.setup_directory(cluster, node) for node in cluster.nodes if node.state == "preparing"
                }
        for directory in self._specs.directories():
            if directory not in known:
                self._backend.terminate(directory)
                self._backend.forget(directory)


def _eviction(cluster: Cluster, node: Node) -> Reason | None:
    """Why the job on a departing node is ended; None where the cluster waits for it."""
    option = scaling.deallocation(cluster)
    if node.preempted or option is DeallocationOption.REQUEUE:
        return "requeued"
    return "terminated" if option is DeallocationOption.TERMINATE else None
