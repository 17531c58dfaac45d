"""Jobs that hold nodes: started or adopted, polled, and ended.

A job is stored with its nodes before it is started, and starting is idempotent: an emulator adopts the jobs that a
killed one has started, and starts none twice.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from harness.compute.backend import Backend, StartRefusedError
from harness.emulator.engine.fault_effects import FaultEffects
from harness.emulator.engine.job_specs import JobSpecError, JobSpecs
from harness.emulator.engine.model.records import Cluster, Job, Problem, Reason
from harness.emulator.engine.repository import Repository
from harness.emulator.engine.rules import jobs
from harness.emulator.engine.rules.nodes import assign_job, mark_nodes_lost
from harness.emulator.engine.service import Service
from harness.errors import ToolkitError


class JobRuns:
    """Follows the processes of jobs on a back end.

    Args:
        repository: the resources.
        specs: knows the directories of jobs.
        services: the services by namespace, which describe their jobs to a back end.
        backend: runs jobs.
        fault_effects: applies fault plans to jobs.
    """

    def __init__(
        self,
        repository: Repository,
        specs: JobSpecs,
        services: Mapping[str, Service],
        *,
        backend: Backend,
        fault_effects: FaultEffects,
    ) -> None:
        self._repository = repository
        self._specs = specs
        self._services = services
        self._backend = backend
        self._fault_effects = fault_effects
        self._watched: set[str] = set()  # jobs that this process has started or adopted
        self._stopped: set[str] = set()

    def watch(self, now: datetime) -> bool:
        """Poll the jobs that hold nodes, start or adopt those not watched yet; returns whether any moved."""
        changed = False
        for key in sorted(self._repository.active):
            job = self._repository.store.get(Job, key)
            if job is None:
                continue
            if key not in self._watched:
                self._start_or_adopt(job, now)
                changed = True  # poll it in the next pass: an adopted job may already have ended
                continue
            progress = self._backend.poll(self._specs.job_directory(job))
            after = jobs.apply_progress(job, progress, now)
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
            self._settle(job, jobs.fail_to_start(job, error.problem, now, exit_code=-1))
        except StartRefusedError as error:
            problem = Problem(error.code, str(error), error.details)
            self._settle(job, jobs.fail_to_start(job, problem, now, exit_code=-1))
        except (ToolkitError, OSError) as error:
            problem = Problem("JobStartFailed", f"Job could not be started: {error}")
            self._settle(job, jobs.fail_to_start(job, problem, now))

    def _settle(self, job: Job, after: Job, lost: tuple[str, ...] = ()) -> None:
        """Store how a job moved. A job that does not run any more releases its nodes in the same transaction.

        Args:
            lost: the ids of its nodes that no longer exist.
        """
        store, runs = self._repository.store, after.phase == "running"
        with store.transaction():
            self._repository.keep(after)
            cluster = store.get(Cluster, job.cluster)
            if cluster and not runs:
                freed = assign_job(cluster, job.nodes, None)
                self._repository.keep(mark_nodes_lost(freed, lost, after.changed))
            elif cluster and (preempted := self._fault_effects.on_run(cluster, after)) is not cluster:
                self._repository.keep(preempted)
        if runs:
            return
        self._watched.discard(job.key)
        self._stopped.discard(job.key)
        self._backend.forget(self._specs.job_directory(job))

    def stop(self, job: Job, reason: Reason) -> None:
        """Ask the back end to end a job that holds nodes.

        The reason is stored first, so that a restarted emulator asks again.
        """
        if job.ending is None:
            job = replace(job, ending=reason)
            self._repository.keep(job)
        if job.key in self._watched and job.key not in self._stopped:
            self._stopped.add(job.key)
            self._backend.terminate(self._specs.job_directory(job))
