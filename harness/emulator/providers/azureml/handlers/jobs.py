"""Jobs, with the clusters of jobs that name no compute."""

import json
import random
import uuid
from typing import Any

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Cluster, Job, Workspace
from harness.emulator.engine.model.spec import ClusterSpec, JobSpec, ResourceId
from harness.emulator.engine.model.spec.clusters import ManualScaleSettings, ScaleSettings, UserAccountSettings
from harness.emulator.engine.rules.jobs import fail_to_start, new_job
from harness.emulator.engine.rules.scaling import new_cluster
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.azureml import errors
from harness.emulator.providers.azureml.handlers.quotas import Quotas
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.asset import AssetVersion
from harness.emulator.providers.azureml.model.job import (
    JobDetails,
    RunExperiment,
    experiment_key,
    status,
    wire,
)
from harness.emulator.providers.azureml.rules.bodies import JobBody
from harness.emulator.providers.azureml.rules.jobs import read_job
from harness.emulator.providers.azureml.rules.names import check_job_name
from harness.vm_sizes import vm_size

_OPERATIONS = "mfeOperationResults"
_CANCEL, _DELETE = 10.0, 10.0  # seconds
_SERVERLESS_SIZE = "Standard_DS3_v2"  # the default size of a node
_PAGE_SIZE = 100  # jobs on a page
_POOLS = 1 << 32


class Jobs:
    """The operations on jobs."""

    def __init__(self, service: Service, quotas: Quotas) -> None:
        self._service = service
        self._quotas = quotas

    def put(self, request: Request) -> Response:
        """Submit a job, or change the description, the name and the tags of an existing one."""
        workspace, name = self._service.workspace(request), request.params["name"]
        check_job_name(name)
        document = self._service.body(request, JobBody)
        existing = self._lookup(workspace, name)
        if existing is not None:
            return self._update(workspace, existing, document)
        now = self._service.now()
        details = read_job(name, document, now=now)
        self._check_assets(workspace, details)
        address = workspace.address.child(name)
        cluster = self._cluster(workspace, details, address)
        spec = JobSpec(cluster=ResourceId(id=cluster.address.id("cluster")), node_count=details.node_count)
        job = new_job(
            address,
            spec,
            cluster,
            location=workspace.location,
            incarnation=str(uuid.uuid4()),
            now=now,
            pace=self._service.engine.pace,
        )
        details = replace(details, run_number=self._service.next_run_number(workspace))
        self._service.repository.store.put(job.key, details)
        self.ensure_experiment(workspace, details.experiment)
        if problem := self._quotas.submission_problem(cluster, details.node_count):
            job = fail_to_start(job, problem, now, exit_code=-1)
        self._service.repository.keep(replace(job, provisioned=now))
        self._service.engine.wake()
        body = wire(workspace, details, job, by=self._service.author, is_new=True)
        return self._service.document(body, request=request)

    def get(self, request: Request) -> Response:
        """Show a job."""
        workspace = self._service.workspace(request)
        return self._service.document(self._document(workspace, *self.find(workspace, request.params["name"])))

    def list(self, request: Request) -> Response:
        """The jobs of a workspace, the newest first."""
        workspace, query = self._service.workspace(request), request.query
        view, job_type = query.get("listviewtype", "ActiveOnly").lower(), query.get("jobtype", "").lower()
        store = self._service.repository.store
        matches = [details for _, details in store.list(JobDetails, f"{workspace.key}/jobs/")]
        if view != "all":
            matches = [details for details in matches if details.is_archived == (view == "archivedonly")]
        if tag := query.get("tag"):
            matches = [details for details in matches if tag in details.tags]
        if job_type not in ("", "command"):
            matches = []
        matches.sort(key=lambda details: details.run_number, reverse=True)
        jobs = ((details, store.get(Job, workspace.address.child(details.name).key("job"))) for details in matches)
        pairs = [(details, job) for details, job in jobs if job]
        return self._service.page(request, pairs, lambda pair: self._document(workspace, *pair), size=_PAGE_SIZE)

    def cancel(self, request: Request) -> Response:
        """Cancel a job, unless it has ended."""
        workspace = self._service.workspace(request)
        _, job = self.find(workspace, request.params["name"])
        if job.is_finished:
            return Response(200)
        operation = self._service.engine.operations.terminate(job, target=job.address.name, seconds=_CANCEL)
        identifier = f"jc:{self._service.details(workspace).workspace_id}:{operation}"
        response = self._service.accepted(request, identifier, _OPERATIONS, workspace.location)
        response.body = b"null"
        response.headers.append(("content-type", "application/json; charset=utf-8"))
        return response

    def delete(self, request: Request) -> Response:
        """Delete a job that has ended."""
        workspace = self._service.workspace(request)
        pair = self._lookup(workspace, request.params["name"])
        if pair is None:
            return Response(204)
        _, job = pair
        if not job.is_finished:
            raise errors.conflict(f"The job {job.address.name} is {status(job)}; cancel it before it is deleted.")
        operation = self._service.engine.operations.delete(job, target=job.address.name, seconds=_DELETE)
        identifier = f"jd:{self._service.details(workspace).workspace_id}:{operation}"
        return self._service.accepted(request, identifier, _OPERATIONS, workspace.location)

    def find(self, workspace: Workspace, name: str) -> tuple[JobDetails, Job]:
        """The job of a name.

        Raises:
            AzureMLError: it does not exist.
        """
        pair = self._lookup(workspace, name)
        if pair is None:
            raise errors.job_not_found(name)
        return pair

    def ensure_experiment(self, workspace: Workspace, name: str) -> RunExperiment:
        """The experiment of a name, which is created with its first job."""
        store, key = self._service.repository.store, experiment_key(workspace, name)
        experiment = store.get(RunExperiment, key)
        if experiment is None:
            experiment = RunExperiment(str(uuid.uuid4()), name, self._service.now())
            store.put(key, experiment)
        return experiment

    def _update(self, workspace: Workspace, existing: tuple[JobDetails, Job], document: dict[str, Any]) -> Response:
        details, job = existing
        properties = document.get("properties") or {}
        command = properties.get("command")
        if command is not None and command != details.command:
            raise errors.invalid(
                f"A job with the name {details.name} exists and runs another command.", "ArgumentInvalid"
            )
        tags = parse_tags(properties)
        details = replace(
            details,
            description=properties.get("description", details.description),
            display_name=properties.get("displayName") or details.display_name,
            tags=details.tags if tags is None else tags,
            is_archived=bool(properties.get("isArchived", details.is_archived)),
        )
        self._service.repository.store.put(job.key, details)
        return self._service.document(self._document(workspace, details, job))

    def _lookup(self, workspace: Workspace, name: str) -> tuple[JobDetails, Job] | None:
        store, key = self._service.repository.store, workspace.address.child(name).key("job")
        details, job = store.get(JobDetails, key), store.get(Job, key)
        return (details, job) if details and job else None

    def _document(self, workspace: Workspace, details: JobDetails, job: Job) -> dict[str, Any]:
        waiting = self._waiting_reason(job) if job.phase == "queued" else ""
        return wire(workspace, details, job, by=self._service.author, waiting=waiting)

    def _waiting_reason(self, job: Job) -> str:
        """The reason why a queued job waits, as the service writes it into a tag of the job."""
        cluster = self._service.repository.store.get(Cluster, job.cluster)
        if cluster is None:
            return ""
        counts = {
            "AllocationState": cluster.allocation,
            "PreparingNodeCount": sum(node.state in ("allocated", "preparing") for node in cluster.nodes),
            "RunningNodeCount": sum(node.job is not None for node in cluster.nodes),
            "CurrentNodeCount": len(cluster.nodes),
        }
        return json.dumps(counts, separators=(",", ":"))

    def _check_assets(self, workspace: Workspace, details: JobDetails) -> None:
        """Check that code and environment exist, if they are assets of this workspace and not of a registry."""
        store = self._service.repository.store
        for kind, identifier in (("code", details.code), ("environment", details.environment)):
            if (
                identifier
                and identifier.lower().startswith(f"{workspace.key}/")
                and not store.get(AssetVersion, identifier.lower())
            ):
                segments = identifier.split("/")
                raise errors.asset_not_found(kind, segments[-3], segments[-1])

    def _cluster(self, workspace: Workspace, details: JobDetails, job: Address) -> Cluster:
        """The compute of a job; a job that names none gets a new cluster, which is deleted after the job.

        Raises:
            AzureMLError: the compute does not exist.
        """
        if details.compute is None:
            return self._serverless(workspace, details, job)
        name = details.compute.rpartition("/")[2]
        cluster = self._service.repository.store.get(Cluster, workspace.address.child(name).key("cluster"))
        if cluster is None or cluster.deleting:
            raise errors.invalid(f"Unknown compute target '{name}'.", "UnknownTargetType")
        return cluster

    def _serverless(self, workspace: Workspace, details: JobDetails, job: Address) -> Cluster:
        now, size = self._service.now(), details.resources.get("instanceType") or _SERVERLESS_SIZE
        if vm_size(size) is None:
            raise errors.invalid(
                f"resources.instanceType: there is no size {size[:60]!r}; see vmSizes.", "InvalidVmSize"
            )
        spec = ClusterSpec(
            vm_size=size,
            scale_settings=ScaleSettings(manual=ManualScaleSettings(target_node_count=details.node_count)),
            user_account_settings=UserAccountSettings(admin_user_name="azureuser"),
        )
        cluster = new_cluster(
            workspace.address.child(f"serverless-{uuid.uuid4().hex[:12]}"),
            spec,
            location=workspace.location,
            incarnation=str(uuid.uuid4()),
            pool=random.randrange(_POOLS),  # noqa: S311 - a name, no secret
            now=now,
            pace=self._service.engine.pace,
        )
        cluster = replace(cluster, made_for=job.key("job"), provisioned=now)
        self._service.repository.keep(cluster)
        return cluster
