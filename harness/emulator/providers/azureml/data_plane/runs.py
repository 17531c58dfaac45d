"""All runs of a workspace, with their metrics, parameters and tags."""

import uuid
from urllib.parse import quote

from msgspec.structs import replace

from harness.emulator.engine.model.address import MACHINE_LEARNING, Address
from harness.emulator.engine.model.records import Job, Workspace
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.job import JobDetails, RunExperiment, experiment_key
from harness.emulator.providers.azureml.model.run import (
    MetricPoint,
    MetricSeries,
    Run,
    RunLabels,
    RunParameter,
    TrackedRun,
    run_key,
    run_of_job,
    tracked_run,
)

_DIGITS = 12  # digits of a point's position in its series, so that keys sort like numbers


class Runs:
    """Reads and writes runs, their labels, parameters and metrics."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._store = service.repository.store

    def workspace(self, subscription: str, group: str, name: str) -> Workspace | None:
        """The workspace of an address, or None."""
        address = Address(subscription, group, (name,), MACHINE_LEARNING)
        return self._store.get(Workspace, address.key("workspace"))

    # Experiments

    def experiments(self, workspace: Workspace) -> list[RunExperiment]:
        """The experiments of a workspace."""
        return [experiment for _, experiment in self._store.list(RunExperiment, experiment_key(workspace, ""))]

    def experiment(self, workspace: Workspace, name: str) -> RunExperiment | None:
        """The experiment of a name, or None."""
        return self._store.get(RunExperiment, experiment_key(workspace, name))

    def experiment_by_id(self, workspace: Workspace, identifier: str) -> RunExperiment | None:
        """The experiment of an id, or None."""
        return next((experiment for experiment in self.experiments(workspace) if experiment.id == identifier), None)

    def ensure_experiment(self, workspace: Workspace, name: str) -> RunExperiment:
        """The experiment of a name, which is created if it does not exist."""
        experiment = self.experiment(workspace, name)
        if experiment is None:
            experiment = RunExperiment(str(uuid.uuid4()), name, self._service.now())
            self._store.put(experiment_key(workspace, name), experiment)
        return experiment

    def experiment_id(self, workspace: Workspace, name: str) -> str:
        """The id of an experiment that a run names; empty if there is none."""
        experiment = self.experiment(workspace, name)
        return experiment.id if experiment else ""

    def now_in_milliseconds(self) -> int:
        """The current time in milliseconds, as MLflow counts it."""
        return int(self._service.now().timestamp() * 1000)

    # Runs

    def find(self, workspace: Workspace, name: str) -> Run | None:
        """The run of an id, or None."""
        labels = self._labels(workspace, name)
        key = workspace.address.child(name).key("job")
        details, job = self._store.get(JobDetails, key), self._store.get(Job, key)
        if details and job:
            return run_of_job(details, job, labels)
        run = self._store.get(TrackedRun, run_key(workspace, name))
        return tracked_run(run, labels) if run else None

    def list_runs(self, workspace: Workspace) -> list[Run]:
        """Every run of a workspace, the newest first."""
        names = [job.name for _, job in self._store.list(JobDetails, f"{workspace.key}/jobs/")]
        names += [run.name for _, run in self._store.list(TrackedRun, run_key(workspace, ""))]
        runs = [run for name in names if (run := self.find(workspace, name))]
        return sorted(runs, key=lambda run: (run.created, run.number), reverse=True)

    def start(self, workspace: Workspace, experiment: str, name: str) -> Run:
        """Start a run outside of a job."""
        now, identifier = self._service.now(), str(uuid.uuid4())
        number = self._service.next_run_number(workspace)
        run = TrackedRun(identifier, number, experiment, name or identifier, "Running", now, now)
        self._store.put(run_key(workspace, identifier), run)
        return tracked_run(run, RunLabels())

    def update(
        self, workspace: Workspace, run: Run, *, status: str = "", name: str = "", is_hidden: bool | None = None
    ) -> None:
        """Change a run; a client cannot change the status of a job."""
        if run.job and run.details:
            details = replace(
                run.details,
                display_name=name or run.details.display_name,
                is_archived=run.details.is_archived if is_hidden is None else is_hidden,
            )
            self._store.put(run.job.key, details)
            return
        tracked = self._store.get(TrackedRun, run_key(workspace, run.id))
        if tracked is None:
            return
        ends = status in ("Completed", "Failed", "Canceled")
        changed = replace(
            tracked,
            status=status or tracked.status,
            display_name=name or tracked.display_name,
            is_deleted=tracked.is_deleted if is_hidden is None else is_hidden,
            ended=self._service.now() if ends else None if status else tracked.ended,
        )
        self._store.put(run_key(workspace, run.id), changed)

    def describe(self, run: Run, description: str) -> None:
        """Change the description of a job."""
        if run.job and run.details:
            self._store.put(run.job.key, replace(run.details, description=description))

    def label(
        self,
        workspace: Workspace,
        run: Run,
        *,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
    ) -> None:
        """Add tags and properties to a run."""
        labels = self._labels(workspace, run.id)
        changed = RunLabels(labels.tags | (tags or {}), labels.properties | (properties or {}))
        self._store.put(run_key(workspace, run.id), changed)

    def remove_tag(self, workspace: Workspace, run: Run, name: str) -> None:
        """Remove a tag of a run, if it has it."""
        labels = self._labels(workspace, run.id)
        tags = {tag: value for tag, value in labels.tags.items() if tag != name}
        self._store.put(run_key(workspace, run.id), RunLabels(tags, labels.properties))
        if run.job and run.details and name in run.details.tags:
            job_tags = {tag: value for tag, value in run.details.tags.items() if tag != name}
            self._store.put(run.job.key, replace(run.details, tags=job_tags))

    # Parameters and metrics

    def parameters(self, workspace: Workspace, run: str) -> list[RunParameter]:
        """The parameters of a run."""
        return [parameter for _, parameter in self._store.list(RunParameter, f"{run_key(workspace, run)}/parameters/")]

    def set_parameter(self, workspace: Workspace, run: str, name: str, value: str) -> bool:
        """Log a parameter; returns False if it already has another value."""
        key = f"{run_key(workspace, run)}/parameters/{quote(name, safe='')}"
        parameter = self._store.get(RunParameter, key)
        if parameter is None:
            self._store.put(key, RunParameter(name, value))
        return parameter is None or parameter.value == value

    def metrics(self, workspace: Workspace, run: str) -> list[MetricPoint]:
        """The last value of each metric."""
        all_series = self._store.list(MetricSeries, f"{run_key(workspace, run)}/metrics/")
        return [series.last for _, series in all_series]

    def history(self, workspace: Workspace, run: str, name: str) -> list[MetricPoint]:
        """All values of a metric, in the order in which they were logged."""
        return [point for _, point in self._store.list(MetricPoint, f"{_series_key(workspace, run, name)}/")]

    def log(self, workspace: Workspace, run: str, points: list[MetricPoint]) -> None:
        """Log values of metrics."""
        for point in points:
            key = _series_key(workspace, run, point.name)
            series = self._store.get(MetricSeries, key)
            self._store.put(f"{key}/{series.count if series else 0:0{_DIGITS}}", point)
            self._store.put(key, series.with_point(point) if series else MetricSeries(1, point))

    def _labels(self, workspace: Workspace, run: str) -> RunLabels:
        return self._store.get(RunLabels, run_key(workspace, run)) or RunLabels()


def _series_key(workspace: Workspace, run: str, name: str) -> str:
    """The store's key of a metric, whose name may hold slashes."""
    return f"{run_key(workspace, run)}/metrics/{quote(name, safe='')}"
