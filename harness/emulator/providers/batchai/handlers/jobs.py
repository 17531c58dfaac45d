"""The handlers of jobs."""

import re
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.job_specs import cluster_volumes
from harness.emulator.engine.model.address import Address, parse_resource_id
from harness.emulator.engine.model.records import Cluster, Experiment, Job
from harness.emulator.engine.model.spec import JobSpec
from harness.emulator.engine.rules.jobs import new_job
from harness.emulator.guids import new_guid
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.addressing import Destination
from harness.emulator.providers.batchai.handlers.clusters import login_address
from harness.emulator.providers.batchai.handlers.resources import FlatResourceHandlers
from harness.emulator.providers.batchai.model.version import Document, Version
from harness.emulator.providers.batchai.rules.definitions import read_body, read_job


class Jobs(FlatResourceHandlers[Job]):
    """Jobs, which run on clusters."""

    record, parent = Job, Experiment
    type_path, parent_path = "jobs", "workspaces/experiments"

    def show(self, version: Version, resource: Job) -> Document:
        """A job in the form of an API version."""
        return version.job(resource)

    def last_modified(self, resource: Job) -> datetime:
        """When the job was created, since its definition never changes."""
        return resource.created

    def deletion_seconds(self, version: Version, resource: Job) -> float:
        """The deletion ends a running job first. The files of a job stay."""
        if resource.phase in ("starting", "running"):
            return version.times.delete_running_job
        return version.times.delete_finished_job if resource.nodes else version.times.delete_queued_job

    def put(self, request: Request) -> Response:
        """Submit a job; a PUT with the definition of an existing job shows the job as it was submitted."""
        version = self.version(request)
        document = read_body(request.content)
        spec, secrets = read_job(document, version)
        destination = self._addressing.destination(request, Job, document, version)
        existing = self._addressing.get(request, Job, version)
        if existing:
            is_same = existing.spec == spec and self._service.repository.secrets(existing) == secrets
            self.refuse_change(existing, is_same=is_same)
            return self.completed_response(version, _as_submitted(existing))
        cluster = self._cluster(spec)
        now = self._service.now()
        self._addressing.prepare(destination, now)
        job = self._new(spec, destination, version, cluster=cluster, now=now)
        return self._service.create(request, job, version, seconds=version.times.create_job, secrets=secrets)

    def terminate(self, request: Request) -> Response:
        """Terminate a job; a finished job stays as it is."""
        version = self.version(request)
        job = self.find(request, version)
        if job.is_finished:
            return self._service.empty_response(200, is_write=True)
        if job.deleting:
            raise errors.being_deleted("job", job.address.name)
        times = version.times
        seconds = times.terminate_queued if job.phase == "queued" else times.terminate_running
        target = version.target(job.address)
        operation = self._service.engine.operations.terminate(job, target=target, seconds=seconds)
        return self._service.accepted_response(request, version, operation, job)

    def remote_login(self, request: Request) -> Response:
        """The addresses at which users log in to the nodes of a job."""
        job = self.find(request, self.version(request))
        cluster = self._service.repository.store.get(Cluster, job.cluster)
        nodes = [node for node in cluster.nodes if node.job == job.key] if cluster else []
        return self._service.document_response({"value": [login_address(cluster, node) for node in nodes if cluster]})

    def _new(
        self, spec: JobSpec, destination: Destination, version: Version, *, cluster: Cluster, now: datetime
    ) -> Job:
        job = new_job(
            destination.address,
            spec,
            cluster,
            location=destination.location,
            incarnation=new_guid(),
            now=now,
            pace=self._service.engine.pace,
        )
        segment = version.segment("job", destination.address, job.incarnation)
        return replace(job, segment=segment, logs=version.logs, volumes=cluster_volumes(cluster))

    def _cluster(self, spec: JobSpec) -> Cluster:
        """The cluster of a job definition, in any workspace.

        Raises:
            BatchAIError: the cluster does not exist, or is being deleted.
        """
        match = parse_resource_id(spec.cluster.id, "clusters")
        if match is None:
            raise errors.not_found("cluster", spec.cluster.id)
        cluster = self._in_workspace(match) if match["workspace"] else self._in_group(match)
        if cluster is None:
            raise errors.not_found("cluster", match["name"])
        if cluster.deleting:
            raise errors.being_deleted("cluster", cluster.address.name)
        return cluster

    def _in_workspace(self, match: "re.Match[str]") -> Cluster | None:
        address = Address(match["subscription"], match["group"], (match["workspace"], match["name"]))
        return self._service.repository.store.get(Cluster, address.key("cluster"))

    def _in_group(self, match: "re.Match[str]") -> Cluster | None:
        for workspace in self._addressing.migrated_workspaces(match["subscription"], match["group"]):
            key = workspace.address.child(match["name"]).key("cluster")
            if cluster := self._service.repository.store.get(Cluster, key):
                return cluster
        return None


def _as_submitted(job: Job) -> Job:
    """The job as it was submitted: the service answers a repeated PUT with a queued job, whatever its state."""
    return replace(job, phase="queued", changed=job.created, started=None, ended=None, exit_code=None, problems=())
