"""Runs of jobs, and runs that MLflow starts outside of a job, with their metrics, parameters and tags."""

import math
from datetime import datetime

import msgspec

from harness.emulator.engine.model.records import Job, Record, Workspace
from harness.emulator.providers.azureml.model.documents import Document, format_time
from harness.emulator.providers.azureml.model.job import JobDetails, artifact_folder, failure, status

_MLFLOW = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED", "Running": "RUNNING",
           "CancelRequested": "RUNNING"}  # fmt: skip
_FROM_MLFLOW = {"FINISHED": "Completed", "FAILED": "Failed", "KILLED": "Canceled", "RUNNING": "Running",
                "SCHEDULED": "Queued"}  # fmt: skip
_NON_FINITE = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}  # MLflow's names, which JSON lacks


class TrackedRun(Record, frozen=True):
    """A run that MLflow started outside of a job; ``status`` is the service's, not MLflow's."""

    name: str
    number: int
    experiment: str
    display_name: str
    status: str
    created: datetime
    started: datetime
    ended: datetime | None = None
    is_deleted: bool = False


class RunLabels(Record, frozen=True):
    """The changeable parts of any run: tags and properties besides those of its job."""

    tags: dict[str, str] = msgspec.field(default_factory=dict)
    properties: dict[str, str] = msgspec.field(default_factory=dict)


class RunParameter(Record, frozen=True):
    """A parameter that was logged; it never changes."""

    name: str
    value: str


class MetricPoint(Record, frozen=True):
    """A value of a metric, stored as text because JSON cannot hold infinite values."""

    name: str
    value: str
    timestamp: int
    step: int

    @property
    def number(self) -> float:
        """The value."""
        return float(self.value)

    def document(self) -> Document:
        """The form that MLflow reads; infinite values are strings."""
        number = self.number
        value: object = number if math.isfinite(number) else _NON_FINITE[self.value]
        return {"key": self.name, "value": value, "timestamp": self.timestamp, "step": self.step}


class MetricSeries(Record, frozen=True):
    """The number of values of a metric, and the last: the latest one of the highest step."""

    count: int
    last: MetricPoint

    def with_point(self, point: MetricPoint) -> "MetricSeries":
        """The series with one more value."""
        is_later = (point.step, point.timestamp) >= (self.last.step, self.last.timestamp)
        return MetricSeries(self.count + 1, point if is_later else self.last)


class Run(msgspec.Struct, frozen=True):
    """A run in the form that all views use, whether it is a job or not.

    ``status`` is the service's, not MLflow's. ``job`` is the engine's job if the run is one.
    """

    id: str
    number: int
    experiment: str
    display_name: str
    status: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    tags: dict[str, str]
    properties: dict[str, str]
    is_hidden: bool = False
    description: str | None = None
    details: JobDetails | None = None
    job: Job | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self.status in ("Completed", "Failed", "Canceled")

    @property
    def mlflow_status(self) -> str:
        """MLflow's name of the status."""
        return _MLFLOW.get(self.status, "SCHEDULED")


def service_status(status: str) -> str | None:
    """The service's status for one of MLflow's; None if MLflow has no such status."""
    return _FROM_MLFLOW.get(status)


def run_of_job(details: JobDetails, job: Job, labels: RunLabels) -> Run:
    """The run of a job."""
    return Run(
        id=details.name,
        number=details.run_number,
        experiment=details.experiment,
        display_name=details.display_name,
        status=status(job),
        created=details.created,
        started=job.started,
        ended=job.ended,
        tags=details.tags | labels.tags,
        properties={"_azureml.ComputeTargetType": "amlctrain", **details.properties, **labels.properties},
        is_hidden=details.is_archived,
        description=details.description,
        details=details,
        job=job,
    )


def tracked_run(run: TrackedRun, labels: RunLabels) -> Run:
    """A run without a job."""
    return Run(
        id=run.name,
        number=run.number,
        experiment=run.experiment,
        display_name=run.display_name,
        status=run.status,
        created=run.created,
        started=run.started,
        ended=run.ended,
        tags=labels.tags,
        properties=labels.properties,
        is_hidden=run.is_deleted,
    )


def run_key(workspace: Workspace, name: str) -> str:
    """The store's key of records that belong to a run."""
    return f"{workspace.key}/runs/{name.lower()}"


def history_document(run: Run, experiment_id: str, *, by: str, tenant: str) -> Document:
    """A run as run history shows it, in the recorded order of keys."""
    author = _author(by, tenant)
    return {
        "runNumber": run.number,
        "rootRunId": run.id,
        "createdUtc": format_time(run.created),
        "createdBy": author,
        "userId": by,
        **_empty("token", "tokenExpiryTimeUtc"),
        "error": failure(run.job) if run.job else None,
        "warnings": None,
        "revision": 1,
        "statusRevision": 1,
        "runUuid": run.id,
        "parentRunUuid": None,
        "rootRunUuid": run.id,
        **_empty("lastStartTimeUtc", "currentComputeTime", "computeDuration", "effectiveStartTimeUtc"),
        "lastModifiedBy": author,
        "lastModifiedUtc": format_time(run.ended or run.started or run.created),
        **_empty("duration", "cancelationReason"),
        "currentAttemptId": 1,
        "runId": run.id,
        "parentRunId": None,
        "experimentId": experiment_id,
        "status": run.status,
        "startTimeUtc": format_time(run.started) if run.started else None,
        "endTimeUtc": format_time(run.ended) if run.ended else None,
        "scheduleId": None,
        "displayName": run.display_name,
        "name": None,
        "dataContainerId": f"dcid.{run.id}",
        "description": run.description,
        "hidden": run.is_hidden,
        **_history_tail(run),
    }


def _author(by: str, tenant: str) -> Document:
    return {
        "userObjectId": by, "userPuId": None, "userIdp": None, "userAltSecId": None,
        "userIss": f"https://sts.windows.net/{tenant}/", "userTenantId": tenant, "userName": by, "upn": None,
    }  # fmt: skip


def _history_tail(run: Run) -> Document:
    """The last members of a run in run history: its type, inputs and outputs."""
    return {
        "runType": "azureml.scriptrun" if run.job else "Execution",
        "runTypeV2": {"orchestrator": None, "traits": [], "attribution": None, "computeType": "AmlCompute"},
        "properties": run.properties,
        "parameters": {},
        "actionUris": {},
        "scriptName": None,
        "target": _target(run),
        "uniqueChildRunComputeTargets": [],
        "tags": run.tags,
        "settings": {},
        "services": {},
        "inputDatasets": [],
        "outputDatasets": [],
        **_empty("runDefinition", "jobSpecification", "primaryMetricName", "createdFrom"),
        **_empty("cancelUri", "completeUri", "diagnosticsUri", "computeRequest", "compute"),
        "retainForLifetimeOfWorkspace": False,
        **_empty("queueingInfo", "inputs", "outputs"),
    }


def _target(run: Run) -> str | None:
    """The name of the compute that a run uses."""
    return run.details.compute.rpartition("/")[2] if run.details and run.details.compute else None


def _empty(*names: str) -> Document:
    """Members that are null for every run of the emulator."""
    return dict.fromkeys(names)


def details_document(run: Run, logs: dict[str, str], *, by: str) -> Document:
    """The details of a run, with a link to each of its logs."""
    return {
        "runId": run.id,
        "runUuid": run.id,
        "parentRunUuid": None,
        "rootRunUuid": run.id,
        "target": _target(run),
        "status": run.status,
        "parentRunId": None,
        "dataContainerId": f"dcid.{run.id}",
        "createdTimeUtc": format_time(run.created),
        "startTimeUtc": format_time(run.started) if run.started else None,
        "endTimeUtc": format_time(run.ended) if run.ended else None,
        "error": failure(run.job) if run.job else None,
        "warnings": [],
        "tags": run.tags,
        "properties": run.properties,
        "parameters": {},
        "services": {},
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": {},
        "logFiles": logs,
        "jobCost": None,
        "revision": 1,
        "submittedBy": by,
    }


def artifact_path(run: str, path: str) -> str:
    """The blob name of an artifact in the container of artifacts."""
    return f"{artifact_folder(run)}/{path.lstrip('/')}"


RUN_RECORDS = (TrackedRun, RunLabels, RunParameter, MetricSeries, MetricPoint)
