"""An experiment and in it one job: submitted, watched to its end, deleted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.mgmt.batchai import BatchAI, models

from harness.errors import JobError
from harness.resources.events import Event, TeardownFailed
from harness.resources.provisioning import Provisioning, Resource
from harness.resources.refusals import refusals

FINISHED = frozenset({"succeeded", "failed"})


@dataclass(frozen=True, slots=True)
class JobView:
    """What the service tells of a job; one that failed is an outcome, not an error.

    Attributes:
        state: ``queued``, ``running``, ``terminating``, ``succeeded`` or ``failed``.
        exit_code: absent until it has ended, and when it was terminated.
        errors: ``code: message`` of each that the service reported.
        command: what the service says it runs, to compare with what was asked.
    """

    name: str
    state: str
    exit_code: int | None
    errors: tuple[str, ...]
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    command: tuple[str, ...]

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in FINISHED


class Job(Resource):
    """A job, submitted on entry; deleting one that runs terminates it."""

    kind = "job"

    def __init__(
        self,
        provisioning: Provisioning,
        *,
        group: str,
        workspace: str,
        experiment: str,
        name: str,
        parameters: models.JobCreateParameters,
    ) -> None:
        super().__init__(provisioning, group=group, name=name)
        self.workspace = workspace
        self.experiment = experiment
        self.parameters = parameters
        self._is_finished = False

    @property
    def address(self) -> tuple[str, str, str, str]:
        """Group, workspace, experiment and name: what the service's operations take."""
        return self.group, self.workspace, self.experiment, self.name

    def create(self) -> None:
        """Submit the job; that it was taken shows in ``look_all``, so nothing waits for the operation."""
        jobs = self.provisioning.clients.management(BatchAI).jobs
        try:
            jobs.begin_create(*self.address, self.parameters, polling=False)
        except ResourceExistsError:
            # An earlier try took effect, and its answer was lost: then it is the same job.
            if command_of(jobs.get(*self.address)) != command_of(self.parameters):
                raise

    def delete(self) -> None:
        """Delete the job, and wait where it may still run; what a finished one used is free already."""
        jobs = self.provisioning.clients.management(BatchAI).jobs
        try:
            poller = jobs.begin_delete(*self.address, polling=not self._is_finished)
            if not self._is_finished:
                poller.result()
        except ResourceNotFoundError:
            return

    def look_all(self) -> dict[str, JobView]:
        """Every job of the experiment, by name: one question, however many there are.

        Raises:
            JobError: the service does not answer it.
        """
        with refusals(f"list the jobs of {self.experiment}", self.provisioning.cloud.name, otherwise=JobError):
            found = self.provisioning.clients.management(BatchAI).jobs.list_by_experiment(*self.address[:3])
            views = {view.name: view for view in map(_view, found)}
        self._is_finished = self.name in views and views[self.name].is_finished
        return views

    def _tell(self, event: Event) -> None:
        # A sweep has hundreds of jobs, and each tells its states already.
        if isinstance(event, TeardownFailed):
            super()._tell(event)

    def wait(self, *, deadline: float) -> JobView:
        """Watch until it has ended.

        Raises:
            JobError: it had not ended after ``deadline`` seconds, or it is gone.
        """
        view = self.provisioning.clients.poller.until(self._look, lambda view: view.is_finished, deadline=deadline)
        if view is None:
            raise JobError(f"job {self.name} had not ended after {deadline:.0f} s; raise limits in the scenario")
        return view

    def _look(self) -> JobView:
        views = self.look_all()
        if self.name not in views:
            raise JobError(f"job {self.name} is gone from experiment {self.experiment}; somebody deleted it")
        return views[self.name]


def make_experiment(provisioning: Provisioning, *, group: str, workspace: str, name: str) -> None:
    """Create the experiment that jobs belong to; one that is there already stays as it is.

    Raises:
        JobError: the service refuses.
    """
    with refusals(f"create experiment {name}", provisioning.cloud.name, otherwise=JobError):
        provisioning.clients.management(BatchAI).experiments.begin_create(group, workspace, name).result()


def command_of(parameters: models.JobCreateParameters | models.Job) -> tuple[str, ...]:
    """What a job runs: script, arguments, command line, image; of what was asked and of what is told alike."""
    settings: Iterable[Any] = (
        parameters.cntk_settings,
        parameters.tensor_flow_settings,
        parameters.py_torch_settings,
        parameters.caffe_settings,
        parameters.caffe2_settings,
        parameters.chainer_settings,
        parameters.horovod_settings,
        parameters.custom_mpi_settings,
        parameters.custom_toolkit_settings,
    )
    names = ("python_script_file_path", "command_line_args", "master_command_line_args", "command_line")
    told = [getattr(part, name, None) for part in settings if part is not None for name in names]
    if parameters.container_settings is not None:
        told.append(parameters.container_settings.image_source_registry.image)
    return tuple(text for text in told if text)


def _view(job: models.Job) -> JobView:
    info = job.execution_info
    return JobView(
        name=job.name,
        state=str(getattr(job.execution_state, "value", job.execution_state)),
        exit_code=info.exit_code if info else None,
        errors=tuple(f"{error.code}: {error.message}" for error in (info.errors if info else None) or ()),
        created=job.creation_time,
        started=info.start_time if info else None,
        ended=info.end_time if info else None,
        command=command_of(job),
    )
