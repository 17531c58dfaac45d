"""An experiment and in it one job: submitted, watched to its end, deleted."""

from dataclasses import dataclass
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.batchai import models

from harness.errors import JobError
from harness.resources.provisioning import Provisioning, Resource

_FINISHED = frozenset({"succeeded", "failed"})


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended; a failed one is an outcome, not an error.

    Attributes:
        errors: ``code: message`` of each that the service reported.
    """

    state: str
    exit_code: int | None
    errors: tuple[str, ...]
    started: datetime | None
    ended: datetime | None


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

    def create(self) -> None:
        """Create the experiment and submit the job."""
        batchai = self.provisioning.clients.batchai
        batchai.experiments.begin_create(self.group, self.workspace, self.experiment).result()
        batchai.jobs.begin_create(self.group, self.workspace, self.experiment, self.name, self.parameters).result()

    def delete(self) -> None:
        """Delete the job."""
        jobs = self.provisioning.clients.batchai.jobs
        try:
            jobs.begin_delete(self.group, self.workspace, self.experiment, self.name).result()
        except ResourceNotFoundError:
            return

    def wait(self, *, deadline: float) -> JobResult:
        """Watch until it has ended.

        Raises:
            JobError: it had not ended after ``deadline`` seconds.
        """
        job = self.provisioning.clients.poller.until(self._look, _has_ended, deadline=deadline)
        if job is None:
            raise JobError(f"job {self.name} had not ended after {deadline:.0f} s; raise limits in the scenario")
        info = job.execution_info
        return JobResult(
            state=_state(job),
            exit_code=info.exit_code if info else None,
            errors=tuple(f"{error.code}: {error.message}" for error in (info.errors if info else None) or ()),
            started=info.start_time if info else None,
            ended=info.end_time if info else None,
        )

    def _look(self) -> models.Job:
        return self.provisioning.clients.batchai.jobs.get(self.group, self.workspace, self.experiment, self.name)


def _state(job: models.Job) -> str:
    return str(getattr(job.execution_state, "value", job.execution_state))


def _has_ended(job: models.Job) -> bool:
    return _state(job) in _FINISHED
