"""A command job: submitted, watched to its end, deleted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from harness.clouds import Clients
from harness.errors import JobError
from harness.resources.provisioning import Provisioning
from harness.resources.tags import tags_of
from harness.scenario.cluster import SetupSpec
from harness.scenario.consistency import STDOUTERR
from harness.scenario.job import JobSpec
from harness.scenario.model import Limits
from harness.services.arm_client import document_of
from harness.services.azureml.code_asset import code_id
from harness.services.azureml.compute import AmlCompute
from harness.services.azureml.environment_asset import make_environment
from harness.services.azureml.job_parameters import job_parameters, output_uris
from harness.services.azureml.job_states import job_view, state_of
from harness.services.azureml.launch_command import STREAMS, launch_command
from harness.services.azureml.names import compute_name, experiment_tag, job_id
from harness.services.azureml.output import AzureMlJobOutput, OutputLocation
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.run_history import RunHistory
from harness.services.azureml.vm_size_replacements import available_size
from harness.services.azureml.workspace import WorkspaceAddress
from harness.services.service import FINISHED, Job, JobView, MountPlan

_CANCEL_SECONDS = 900.0


class AzureMlJob(Job):
    """A job in an experiment of a workspace.

    Args:
        provisioning: the cloud and the run.
        compute: the compute that runs the job.
        experiment: the experiment of the job.
        name: the name of the job in the scenario.
        spec: the definition of the job, with the values of the trial's parameters.
        limits: the limits of the scenario.
        image: the container image of the job.
    """

    def __init__(
        self,
        provisioning: Provisioning,
        compute: AmlCompute,
        *,
        experiment: str,
        name: str,
        spec: JobSpec,
        limits: Limits,
        image: str,
    ) -> None:
        super().__init__(provisioning, group=compute.group, name=name)
        self.compute = compute
        self.experiment = experiment
        self._spec = _with_setup(spec, compute.plan.setup)
        self._limits = limits
        self._image = image

    @property
    def id(self) -> str:
        """Its resource id."""
        facts = self.provisioning.cloud.facts
        return f"{self.compute.workspace.id}/jobs/{job_id(self.name, facts.suffix)}"

    @property
    def _client(self) -> RestClient:
        return self.provisioning.clients.management(RestClient)

    @property
    def _history(self) -> RunHistory:
        return self.provisioning.clients.management(RunHistory)

    @property
    def _names(self) -> dict[str, str]:
        return {
            "JOB_NAME": self.name,
            "EXPERIMENT_NAME": self.experiment,
            "CLUSTER_NAME": compute_name(self.compute.name),
            "WORKSPACE_NAME": self.compute.workspace.name,
        }

    @property
    def _segment(self) -> str:
        """The job's own directory on the share, as Batch AI named it."""
        facts, workspace = self.provisioning.cloud.facts, self.compute.workspace
        workspace_path = f"{facts.subscription_id}/{workspace.group}/workspaces/{workspace.name}"
        return f"{workspace_path}/experiments/{self.experiment}/jobs/{self.name}/{facts.suffix}"

    def create(self) -> None:
        """Submit the job.

        Raises:
            HttpResponseError: the service refuses.
            JobError: a job of that name exists with another command.
        """
        environment = make_environment(
            self.provisioning, self.compute.workspace, image=self._image, conda=self.compute.plan.conda
        )
        body = self._body(environment)
        response = document_of(self._client.send("PUT", self.id, body=body))
        # For an existing job, the service only changes its labels.
        if response["properties"].get("command") != body["properties"]["command"]:
            raise JobError(f"a job {self.name} of this run exists with another command")

    def _body(self, environment: str) -> dict[str, Any]:
        facts, compute = self.provisioning.cloud.facts, self.compute
        options = compute.plan.azureml
        ids = {"environmentId": environment, "codeId": code_id(compute.workspace, facts.suffix)}
        return job_parameters(
            self._spec.model_copy(update={"name": self.name}),
            experiment=self.experiment,
            volumes=compute.volumes,
            segment=self._segment,
            names=self._names,
            ids=ids if options.serverless else {"computeId": compute.id, **ids},
            options=options,
            size=available_size(compute.plan.vm_size),
            limits=self._limits,
            tags={experiment_tag(self.experiment, facts.suffix): "true", **tags_of(self.provisioning, self.id)},
        )

    def delete(self) -> None:
        """Delete the job, and wait for its end if it may still run."""
        delete_job(self.provisioning.clients, self.id, self.name, is_finished=self._is_finished)

    @property
    def command(self) -> tuple[str, ...]:
        """The requested command of the job."""
        return (launch_command(self._spec, self.compute.volumes, self._names),)

    @property
    def output(self) -> AzureMlJobOutput:
        """The output of the job."""
        uris = output_uris(self._spec, self.compute.volumes, self._segment)
        mounts = {
            volume.uri(""): mount for volume, mount in zip(self.compute.volumes, self.compute.plan.mounts, strict=True)
        }
        locations = {
            STDOUTERR if name == STREAMS else name: _output_location(uri, mounts) for name, uri in uris.items()
        }
        return AzureMlJobOutput(self.provisioning, self.name, locations, self._live_logs)

    def list_jobs(self) -> dict[str, JobView]:
        """List every job of the experiment by name.

        Raises:
            JobError: the service does not list them.
        """
        views = list_jobs(self.provisioning, self.compute.workspace, self.experiment)
        if self.name not in views:
            # A list may show a new job later than the job itself does.
            with self.provisioning.errors(f"look at job {self.name}", otherwise=JobError):
                if (job := self._client.find(self.id)) is not None:
                    views[self.name] = _view(self._history, self.name, job)
        self.update_from(views)
        return views

    def terminate(self) -> None:
        """Cancel the job, without waiting for its end.

        Raises:
            JobError: the service refuses.
        """
        with self.provisioning.errors(f"cancel job {self.name}", otherwise=JobError):
            self._client.send("POST", f"{self.id}/cancel")

    def _live_logs(self) -> Mapping[str, str] | None:
        if self._is_finished:
            return None
        return self._history.details(self._client.get(self.id)).get("logFiles") or {}


def _with_setup(spec: JobSpec, setup: SetupSpec | None) -> JobSpec:
    """Add the cluster's setup command to the job's preparation, because computes have no setup task."""
    if setup is None:
        return spec
    steps = " && ".join(filter(None, (f"( {setup.command} )", spec.preparation)))
    return spec.model_copy(update={"preparation": steps, "environment": {**setup.environment, **spec.environment}})


def list_jobs(provisioning: Provisioning, workspace: WorkspaceAddress, experiment: str) -> dict[str, JobView]:
    """List the jobs of a run's experiment by name; none if there is no workspace.

    Raises:
        JobError: the service does not list them.
    """
    client, suffix = provisioning.clients.management(RestClient), provisioning.cloud.facts.suffix
    with provisioning.errors(f"list the jobs of experiment {experiment}", otherwise=JobError):
        try:
            tag = experiment_tag(experiment, suffix)
            jobs = list(client.list(f"{workspace.id}/jobs", tag=tag, listViewType="All"))
        except ResourceNotFoundError:
            return {}
        return dict(_views(provisioning.clients.management(RunHistory), jobs, suffix))


def delete_job(clients: Clients, identifier: str, name: str, *, is_finished: bool = False) -> None:
    """Delete a job. A job that may still run is cancelled first, because the service deletes no running job.

    Args:
        clients: the clients of the cloud.
        identifier: the resource id of the job.
        name: the name of the job, for messages.
        is_finished: whether the job has ended, so that there is no need to wait.

    Raises:
        HttpResponseError: the service refuses.
        JobError: the job still runs long after it was cancelled.
    """
    client = clients.management(RestClient)
    if not is_finished and not _cancel_and_wait(clients, identifier, name):
        return
    try:
        response = client.send("DELETE", identifier)
    except ResourceNotFoundError:
        return
    if not is_finished:
        client.finish(response, clients.poller, action=f"delete job {name}", deadline=_CANCEL_SECONDS)


def _cancel_and_wait(clients: Clients, identifier: str, name: str) -> bool:
    """Cancel a job and wait for its end; return False if it does not exist."""
    client = clients.management(RestClient)
    try:
        client.send("POST", f"{identifier}/cancel")
    except ResourceNotFoundError:
        return False

    def read_state() -> str:
        job = client.find(identifier)
        return "failed" if job is None else state_of(str(job["properties"].get("status")))

    if clients.poller.until(read_state, lambda state: state in FINISHED, deadline=_CANCEL_SECONDS) is None:
        raise JobError(f"job {name} was cancelled, and still runs after {_CANCEL_SECONDS:.0f} s")
    return True


def _views(history: RunHistory, jobs: Iterable[dict[str, Any]], suffix: str) -> Iterator[tuple[str, JobView]]:
    for job in jobs:
        name = str(job["name"]).removesuffix(f"-{suffix}")
        yield name, _view(history, name, job)


def _view(history: RunHistory, name: str, job: dict[str, Any]) -> JobView:
    is_finished = state_of(str(job["properties"].get("status"))) in FINISHED
    return job_view(name, job, history.details_of_ended(job) if is_finished else None)


def _output_location(uri: str, mounts: Mapping[str, MountPlan]) -> OutputLocation:
    """The location of an output."""
    return next(
        OutputLocation(mount.kind, mount.name, uri.removeprefix(root))
        for root, mount in mounts.items()
        if uri.startswith(root)
    )
