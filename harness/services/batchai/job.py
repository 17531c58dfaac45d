"""An experiment and in it one job: submitted, watched to its end, deleted."""

from functools import cached_property

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.mgmt.batchai import BatchAI, models

from harness.errors import JobError
from harness.resources.provisioning import Provisioning
from harness.services.arm_client import ArmClient
from harness.services.batchai.job_reports import command_of, job_view
from harness.services.batchai.output import BatchAiJobOutput
from harness.services.service import Job, JobView


class BatchAiRequests(ArmClient):
    """Sends requests whose responses stay JSON: creating the SDK's models of jobs takes a quarter of a poll."""

    version = "2018-05-01"


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

    @property
    def address(self) -> tuple[str, str, str, str]:
        """Group, workspace, experiment and name: the arguments of the service's operations."""
        return self.group, self.workspace, self.experiment, self.name

    def create(self) -> None:
        """Submit the job, without waiting for the operation, because ``list_jobs`` shows whether it was accepted."""
        clients = self.provisioning.clients
        try:
            clients.management(BatchAI).jobs.begin_create(*self.address, self.parameters, polling=False)
        except ResourceExistsError:
            # An earlier attempt took effect, and its response was lost: then it is the same job.
            address = f"{_jobs_of(self.provisioning, *self.address[:3])}/{self.name}"
            if command_of(clients.management(BatchAiRequests).get(address)) != self.command:
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

    @cached_property
    def command(self) -> tuple[str, ...]:
        """The requested command of the job: script, arguments, command line, image."""
        return command_of(self.parameters.serialize())

    @property
    def output(self) -> BatchAiJobOutput:
        """The output of the job."""
        return BatchAiJobOutput(self.provisioning, self.address)

    def list_jobs(self) -> dict[str, JobView]:
        """List every job of the experiment by name.

        Raises:
            JobError: the service does not list them.
        """
        views = list_jobs(self.provisioning, *self.address[:3])
        self.update_from(views)
        return views

    def terminate(self) -> None:
        """Terminate the job, without waiting for its end.

        Raises:
            JobError: the service refuses.
        """
        with self.provisioning.errors(f"terminate job {self.name}", otherwise=JobError):
            self.provisioning.clients.management(BatchAI).jobs.begin_terminate(*self.address, polling=False)


def make_experiment(provisioning: Provisioning, *, group: str, workspace: str, name: str) -> None:
    """Create the experiment of jobs, unless it exists.

    Raises:
        JobError: the service refuses.
    """
    with provisioning.errors(f"create experiment {name}", otherwise=JobError):
        provisioning.clients.management(BatchAI).experiments.begin_create(group, workspace, name).result()


def list_jobs(provisioning: Provisioning, group: str, workspace: str, experiment: str) -> dict[str, JobView]:
    """List the jobs of an experiment by name; none if it does not exist.

    Raises:
        JobError: the service does not list them.
    """
    client = provisioning.clients.management(BatchAiRequests)
    with provisioning.errors(f"list the jobs of {experiment}", otherwise=JobError):
        try:
            jobs = client.list(_jobs_of(provisioning, group, workspace, experiment))
            return {view.name: view for view in map(job_view, jobs)}
        except ResourceNotFoundError:
            return {}


def _jobs_of(provisioning: Provisioning, group: str, workspace: str, experiment: str) -> str:
    """The resource id of the jobs of an experiment."""
    provider = f"/subscriptions/{provisioning.cloud.facts.subscription_id}/resourceGroups/{group}/providers"
    return f"{provider}/Microsoft.BatchAI/workspaces/{workspace}/experiments/{experiment}/jobs"
