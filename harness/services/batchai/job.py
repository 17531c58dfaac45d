"""An experiment and in it one job: submitted, watched to its end, deleted."""

from collections.abc import Iterable
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.mgmt.batchai import BatchAI, models

from harness.errors import JobError
from harness.resources.provisioning import Provisioning
from harness.services.batchai.output import BatchAiJobOutput
from harness.services.service import Job, JobView


class BatchAiJob(Job):
    """A job in an experiment."""

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
        """Submit the job; that it was taken shows in ``list_jobs``, so nothing waits for the operation."""
        jobs = self.provisioning.clients.management(BatchAI).jobs
        try:
            jobs.begin_create(*self.address, self.parameters, polling=False)
        except ResourceExistsError:
            # An earlier try took effect, and its answer was lost: then it is the same job.
            if command_of(jobs.get(*self.address)) != command_of(self.parameters):
                raise

    def delete(self) -> None:
        """Delete the job, and wait for its end if it may still run; a finished job holds no nodes."""
        jobs = self.provisioning.clients.management(BatchAI).jobs
        try:
            poller = jobs.begin_delete(*self.address, polling=not self._is_finished)
            if not self._is_finished:
                poller.result()
        except ResourceNotFoundError:
            return

    @property
    def command(self) -> tuple[str, ...]:
        """The command of the job, as requested: script, arguments, command line, image."""
        return command_of(self.parameters)

    @property
    def output(self) -> BatchAiJobOutput:
        """The output of the job."""
        return BatchAiJobOutput(self.provisioning, self.address)

    def list_jobs(self) -> dict[str, JobView]:
        """Every job of the experiment, by name.

        Raises:
            JobError: the service does not list them.
        """
        views = list_jobs(self.provisioning, *self.address[:3])
        self._is_finished = self.name in views and views[self.name].is_finished
        return views

    def terminate(self) -> None:
        """Request its end.

        Raises:
            JobError: the service refuses.
        """
        with self.provisioning.errors(f"terminate job {self.name}", otherwise=JobError):
            self.provisioning.clients.management(BatchAI).jobs.begin_terminate(*self.address, polling=False)


def make_experiment(provisioning: Provisioning, *, group: str, workspace: str, name: str) -> None:
    """Create the experiment that jobs belong to; one that is there already stays as it is.

    Raises:
        JobError: the service refuses.
    """
    with provisioning.errors(f"create experiment {name}", otherwise=JobError):
        provisioning.clients.management(BatchAI).experiments.begin_create(group, workspace, name).result()


def list_jobs(provisioning: Provisioning, group: str, workspace: str, experiment: str) -> dict[str, JobView]:
    """The jobs of an experiment, by name; none where it does not exist.

    Raises:
        JobError: the service does not list them.
    """
    with provisioning.errors(f"list the jobs of {experiment}", otherwise=JobError):
        try:
            jobs = provisioning.clients.management(BatchAI).jobs.list_by_experiment(group, workspace, experiment)
            return {view.name: view for view in map(_view, jobs)}
        except ResourceNotFoundError:
            return {}


def command_of(parameters: models.JobCreateParameters | models.Job) -> tuple[str, ...]:
    """The command of a job: script, arguments, command line, image; of a request or of a report."""
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
    texts = [getattr(part, name, None) for part in settings if part is not None for name in names]
    if parameters.container_settings is not None:
        texts.append(parameters.container_settings.image_source_registry.image)
    return tuple(text for text in texts if text)


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
