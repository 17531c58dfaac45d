"""Jobs: submitted, watched, terminated, deleted."""

import re
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.job_specs import cluster_volumes
from harness.emulator.engine.model.address import Address, referred
from harness.emulator.engine.model.records import Cluster, Experiment, Job
from harness.emulator.engine.model.spec import JobSpec
from harness.emulator.engine.rules.jobs import new_job
from harness.emulator.guids import new_guid
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.addressing import Addressing, Destination
from harness.emulator.providers.batchai.handlers.clusters import login
from harness.emulator.providers.batchai.handlers.lists import Collection
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.migrated import MIGRATED_EXPERIMENT
from harness.emulator.providers.batchai.model.version import Version
from harness.emulator.providers.batchai.rules.definitions import read_body, read_job


class Jobs:
    """What runs on clusters."""

    def __init__(self, service: Service, addressing: Addressing) -> None:
        self._service = service
        self._addressing = addressing
        self._lists = Collection(
            service,
            addressing,
            Job,
            below="/jobs/",
            migrated=f"/experiments/{MIGRATED_EXPERIMENT}/jobs/",
            show=lambda version, job: version.job(job),
        )

    def put(self, request: Request) -> Response:
        """Submit one; the same definition again shows it as it was submitted."""
        version = self._version(request)
        document = read_body(request.content)
        spec, secrets = read_job(document, version)
        place = self._addressing.destination(request, Job, document, version)
        found = self._addressing.get(request, Job, version)
        if found:
            if found.deleting:
                raise errors.being_deleted("job", found.address.name)
            if found.spec != spec or self._service.repository.secrets(found) != secrets:
                raise errors.different_definition("job", found.address.name)
            return self._service.one(version.job(_as_submitted(found)), found.created, is_write=True)
        cluster = self._cluster(spec)
        now = self._service.now()
        self._addressing.prepare(place, now)
        job = self._new(spec, place, version, cluster=cluster, now=now)
        return self._service.create(request, job, version, seconds=version.times.create_job, secrets=secrets)

    def get(self, request: Request) -> Response:
        """Show one."""
        version = self._version(request)
        job = self._addressing.find(request, Job, version)
        return self._service.polled(job, version, version.job, written=job.created)

    def delete(self, request: Request) -> Response:
        """Delete one; if it runs, it is ended first. Its files stay."""
        version = self._version(request)
        job = self._addressing.get(request, Job, version)
        if job is None:
            return self._service.empty(204, is_write=version.is_flat)
        times, seconds = version.times, version.times.delete_queued_job
        if job.phase in ("starting", "running"):
            seconds = times.delete_running_job
        elif job.nodes:
            seconds = times.delete_finished_job
        return self._service.delete(request, job, version, seconds=seconds)

    def terminate(self, request: Request) -> Response:
        """End one early; a finished one stays as it is."""
        version = self._version(request)
        job = self._addressing.find(request, Job, version)
        if job.is_finished:
            return self._service.empty(200, is_write=True)
        if job.deleting:
            raise errors.being_deleted("job", job.address.name)
        times = version.times
        seconds = times.terminate_queued if job.phase == "queued" else times.terminate_running
        target = version.target(job.address)
        operation = self._service.engine.operations.terminate(job, target=target, seconds=seconds)
        return self._service.accepted(request, version, operation, job)

    def list_in_experiment(self, request: Request) -> Response:
        """Those of an experiment."""
        version = self._version(request)
        return self._lists.within(request, version, self._addressing.find(request, Experiment, version))

    def list_in_group(self, request: Request) -> Response:
        """Those of a resource group, in earlier versions."""
        return self._lists.in_group(request, self._version(request))

    def list_all(self, request: Request) -> Response:
        """Those of the subscription, in earlier versions."""
        return self._lists.in_subscription(request, self._version(request))

    def remote_login(self, request: Request) -> Response:
        """Where the job's nodes can be logged in to."""
        job = self._addressing.find(request, Job, self._version(request))
        cluster = self._service.repository.store.get(Cluster, job.cluster)
        held = [node for node in cluster.nodes if node.job == job.key] if cluster else []
        return self._service.value({"value": [login(cluster, node) for node in held if cluster]})

    def _new(self, spec: JobSpec, place: Destination, version: Version, *, cluster: Cluster, now: datetime) -> Job:
        job = new_job(
            place.address,
            spec,
            cluster,
            location=place.location,
            incarnation=new_guid(),
            now=now,
            pace=self._service.engine.pace,
        )
        segment = version.segment("job", place.address, job.incarnation)
        return replace(job, segment=segment, logs=version.logs, volumes=cluster_volumes(cluster))

    def _cluster(self, spec: JobSpec) -> Cluster:
        """The cluster that a definition names, of any workspace.

        Raises:
            BatchAIError: there is none, or it is being deleted.
        """
        found = referred(spec.cluster.id, "clusters")
        if found is None:
            raise errors.not_found("cluster", spec.cluster.id)
        cluster = self._in_workspace(found) if found["workspace"] else self._in_group(found)
        if cluster is None:
            raise errors.not_found("cluster", found["name"])
        if cluster.deleting:
            raise errors.being_deleted("cluster", cluster.address.name)
        return cluster

    def _in_workspace(self, found: "re.Match[str]") -> Cluster | None:
        address = Address(found["subscription"], found["group"], (found["workspace"], found["name"]))
        return self._service.repository.store.get(Cluster, address.key("cluster"))

    def _in_group(self, found: "re.Match[str]") -> Cluster | None:
        for workspace in self._addressing.migrated_workspaces(found["subscription"], found["group"]):
            key = workspace.address.child(found["name"]).key("cluster")
            if cluster := self._service.repository.store.get(Cluster, key):
                return cluster
        return None

    def _version(self, request: Request) -> Version:
        return self._service.placed_version(request, "jobs", "workspaces/experiments")


def _as_submitted(job: Job) -> Job:
    """The job as the service kept it from its submission: queued, whatever has become of it."""
    return replace(job, phase="queued", changed=job.created, started=None, ended=None, exit_code=None, problems=())
