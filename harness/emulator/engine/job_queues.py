"""Jobs that wait for the nodes of their cluster."""

from collections.abc import Iterator
from datetime import datetime

from harness.emulator.engine.model.records import Cluster, Job
from harness.emulator.engine.repository import Repository
from harness.emulator.engine.rules import jobs, queue, scaling
from harness.emulator.engine.rules.nodes import assign_job, idle_nodes


class JobQueues:
    """The queue of each cluster."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def nodes_needed(self, cluster: Cluster, now: datetime) -> int:
        """How many nodes the jobs in the queue of a cluster could use."""
        waiting = self._repository.queues.get(cluster.key)
        if not waiting:
            return 0
        return queue.nodes_needed(waiting, scaling.capacity(cluster), lambda key: self._size(key, now))

    def assign_nodes(self, now: datetime) -> bool:
        """Assign idle nodes to the next jobs, which start in the next pass; returns whether any job got nodes."""
        changed = False
        for key, waiting in list(self._repository.queues.items()):
            cluster = self._repository.store.get(Cluster, key)
            if cluster is None or cluster.creating or cluster.deleting:
                continue
            free = idle_nodes(cluster)
            capacity = scaling.capacity(cluster)
            for name in queue.startable_jobs(waiting, len(free), capacity, lambda key: self._size(key, now)):
                job = self._repository.store.get(Job, name)
                if job is None:
                    continue
                nodes = tuple(node.id for node in free[: job.spec.node_count])
                free = free[job.spec.node_count :]
                cluster = assign_job(cluster, nodes, name)
                with self._repository.store.transaction():
                    self._repository.keep(jobs.assign_nodes(job, nodes))
                    self._repository.keep(cluster)
                changed = True
        return changed

    def _size(self, key: str, now: datetime) -> int | None:
        job = self._repository.store.get(Job, key)
        if job is None or job.ready > now or job.creating or job.terminating or job.deleting:
            return None
        return job.spec.node_count

    def first_ready(self) -> Iterator[datetime]:
        """When the queued jobs of clusters with idle nodes or autoscale can start."""
        for key, waiting in self._repository.queues.items():
            cluster = self._repository.store.get(Cluster, key)
            auto = cluster and cluster.spec.scale_settings.auto_scale
            if cluster is None or not (auto or idle_nodes(cluster)):
                continue
            for name in waiting:
                if job := self._repository.store.get(Job, name):
                    yield job.ready
