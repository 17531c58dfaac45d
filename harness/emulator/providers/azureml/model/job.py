"""Command jobs: their definition, their states and their wire form."""

from datetime import datetime
from typing import Any

import msgspec

from harness.emulator.engine.model.records import Job, Record, Workspace
from harness.emulator.providers.azureml.model.documents import Document, system_data
from harness.emulator.providers.azureml.model.workspace import TYPE, api_host


class JobDetails(Record, frozen=True):
    """A job as its creator described it; stored under the key of the engine's job.

    ``properties`` are those of the creator and of the run; ``run_number`` counts the runs of a workspace.
    """

    name: str
    created: datetime
    run_number: int
    experiment: str
    display_name: str
    command: str
    environment: str | None
    code: str | None = None
    compute: str | None = None
    description: str | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    properties: dict[str, str] = msgspec.field(default_factory=dict)
    is_archived: bool = False
    inputs: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    resources: dict[str, Any] = msgspec.field(default_factory=dict)
    distribution: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    identity: dict[str, Any] | None = None
    queue: dict[str, Any] | None = None

    @property
    def node_count(self) -> int:
        """How many nodes it runs on."""
        return int(self.resources.get("instanceCount") or 1)


class RunCounter(Record, frozen=True):
    """The number of a workspace's last run, of a job or not; numbers are never reused."""

    last: int


class RunExperiment(Record, frozen=True):
    """An experiment of a workspace, which the first job or run that names it creates."""

    id: str
    name: str
    created: datetime


def experiment_key(workspace: Workspace, name: str) -> str:
    """The store's key of an experiment."""
    return f"{workspace.key}/experiments/{name.lower()}"


def counter_key(workspace: Workspace) -> str:
    """The store's key of the counter of a workspace's runs."""
    return f"{workspace.key}/runs"


def artifact_folder(job: str) -> str:
    """The folder of a job's logs and outputs in the container of artifacts."""
    return f"ExperimentRun/dcid.{job}"


def status(job: Job) -> str:
    """The service's name of a job's state."""
    if job.phase == "succeeded":
        return "Completed"
    if job.phase == "failed":
        return "Canceled" if job.is_terminated else "Failed"
    if job.terminating or job.ending == "terminated":
        return "CancelRequested"
    return {"queued": "Queued", "starting": "Preparing", "running": "Running"}[job.phase]


def failure(job: Job) -> Document | None:
    """The error of a job that failed, as its run reports it; None for any other job."""
    if job.phase != "failed" or job.is_terminated:
        return None
    if job.exit_code is not None and job.exit_code >= 0:
        message = (
            f"Execution failed. User process 'bash' exited with status code {job.exit_code}. "
            "Please check log file 'user_logs/std_log.txt' for error details."
        )
    else:
        message = job.problems[0].message if job.problems else "The job failed."
    error: Document = {"code": "UserError", "message": message, "details": [], "innerError": None}
    return {"error": error, "correlation": None, "environment": job.location, "location": job.location, "time": None}


def wire(
    workspace: Workspace, details: JobDetails, job: Job, *, by: str, is_new: bool = False, waiting: str = ""
) -> Document:
    """The wire form of a job, with the recorded order of keys.

    Args:
        is_new: whether the request created the job; the response then shows ``Starting``.
        waiting: why a queued job waits, as JSON; empty for others.
    """
    tags = details.tags | ({"_aml_system_ComputeTargetStatus": waiting} if waiting else {})
    outputs = {name: _output(job_output) for name, job_output in details.outputs.items()}
    properties = {
        "description": details.description,
        "tags": tags,
        "properties": {"_azureml.ComputeTargetType": "amlctrain", **details.properties},
        "displayName": details.display_name,
        "status": "Starting" if is_new else status(job),
        "experimentName": details.experiment,
        "services": _services(workspace, details.name),
        "computeId": details.compute,
        "isArchived": details.is_archived,
        "identity": details.identity,
        "componentId": None,
        "notificationSetting": None,
        "secretsConfiguration": None,
        "jobType": "Command",
        "resources": _resources(details),
        "codeId": details.code,
        "command": details.command,
        "environmentId": details.environment,
        "inputs": {name: _input(job_input) for name, job_input in details.inputs.items()},
        "outputs": outputs | {"default": _default(details.name)},
        "distribution": details.distribution,
        "autologgerSettings": None,
        "limits": details.limits,
        "environmentVariables": details.variables,
        "parameters": {name: job_input["value"] for name, job_input in details.inputs.items() if "value" in job_input},
        "queueSettings": details.queue,
    }
    return {
        "id": job.address.id("job"),
        "name": details.name,
        "type": f"{TYPE}/jobs",
        "properties": properties,
        "systemData": system_data(details.created, by=by),
    }


def _services(workspace: Workspace, name: str) -> Document:
    identifier, address = workspace.address.id("workspace"), workspace.address
    empty = {"status": None, "errorMessage": None, "properties": None, "nodes": None}
    studio = (
        f"https://ml.azure.com/runs/{name}?wsid=/subscriptions/{address.subscription}/resourcegroups/{address.group}"
        f"/workspaces/{address.name}"
    )
    tracking = f"azureml://{api_host(workspace.location)}/mlflow/v1.0{identifier}?"
    return {
        kind: {"jobServiceType": kind, "port": None, "endpoint": endpoint, **empty}
        for kind, endpoint in (("Tracking", tracking), ("Studio", studio))
    }


def _resources(details: JobDetails) -> Document:
    resources = details.resources
    return {
        "instanceCount": details.node_count,
        "maxInstanceCount": resources.get("maxInstanceCount"),
        "instanceType": resources.get("instanceType"),
        "locations": resources.get("locations"),
        "properties": resources.get("properties"),
        "shmSize": resources.get("shmSize") or "2g",
        "dockerArgs": resources.get("dockerArgs"),
    }


def _input(job_input: Document) -> Document:
    if "value" in job_input:
        return {"description": job_input.get("description"), "value": job_input["value"], "jobInputType": "literal"}
    return {name: job_input.get(name) for name in ("description", "uri", "mode", "jobInputType")}


def _output(job_output: Document) -> Document:
    names = ("description", "uri", "assetName", "assetVersion", "mode", "autoDeleteSetting", "jobOutputType")
    return {name: job_output.get(name) for name in names}


def _default(name: str) -> Document:
    uri = f"azureml://datastores/workspaceartifactstore/{artifact_folder(name)}"
    return _output({"uri": uri, "mode": "ReadWriteMount", "jobOutputType": "uri_folder"})
