"""One trial from submission to outcome, over the clients of its own story."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime

from azure.mgmt.batchai import BatchAI

from harness.errors import JobError
from harness.experiments.checks import Observed, check, directories_of
from harness.experiments.collection import collect, toolkit_of
from harness.experiments.decide import TrialView
from harness.experiments.folder import TrialFolder
from harness.experiments.log import LogReader
from harness.experiments.metrics import Readings, read_metrics
from harness.experiments.outcomes import Outcome, versions
from harness.experiments.stage import Site, Stage
from harness.experiments.state import TrialState, moved
from harness.experiments.submission import job_parameters
from harness.resources import Job, JobOutput, JobView
from harness.resources.events import TrialMoved
from harness.resources.job import command_of
from harness.resources.refusals import refusals
from harness.scenario.model import ExpectSpec, Scenario, Trial
from harness.scenario.names import job_name


class Attempt:
    """A trial's job, from ``submit`` to ``close``, which deletes it."""

    def __init__(self, stage: Stage, site: Site, scenario: Scenario, trial: Trial, folder: TrialFolder) -> None:
        self.trial = trial
        self.state = TrialState.WAITING
        self._stage, self._site, self._scenario, self._folder = stage, site, scenario, folder
        self._since = self._submitted = 0.0
        self._returns = 0
        self._stopped = ""
        self._last: JobView | None = None
        self._story = ExitStack()

    def submit(self) -> None:
        """Submit the job; nothing is left of it when that fails.

        Raises:
            JobError: the service refuses the job.
        """
        with ExitStack() as stack:
            made = stack.enter_context(self._stage.provisioning(f"{self._scenario.scenario}/{self.trial.id}"))
            self._job = Job(
                made,
                group=self._site.group,
                workspace=self._site.workspace,
                experiment=self._site.experiment,
                name=job_name(self.trial.job.name, self.trial.id),
                parameters=job_parameters(
                    self.trial.job, cluster_id=self._site.cluster_id, limits=self._scenario.limits
                ),
            )
            self._output = JobOutput(self._job)
            self._log = LogReader(
                self._output,
                self.trial.id,
                self._scenario.metrics,
                matcher=self._stage.matcher,
                sink=self._stage.sink,
            )
            stack.enter_context(self._job)
            self._story = stack.pop_all()
        self._move("queued")

    def close(self, error: BaseException | None = None) -> None:
        """Delete the job and end its story, which is recorded unless the run ends in ``error``."""
        self._story.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    def view(self) -> TrialView:
        """What decisions are made from."""
        return TrialView(
            self.trial.id,
            self.state,
            self.trial.job.nodes,
            self._since,
            submitted=self._submitted,
            returns=self._returns,
            is_stopping=bool(self._stopped),
        )

    @property
    def job(self) -> str:
        """The name of its job."""
        return self._job.name

    def look_all(self) -> Mapping[str, JobView]:
        """Every job of the experiment, by name."""
        return self._job.look_all()

    def observe(self, jobs: Mapping[str, JobView]) -> bool:
        """Take what the service tells of this trial's job; whether it moved.

        Raises:
            JobError: the job is gone, or is not the one that was asked for.
        """
        view = jobs.get(self._job.name)
        if view is None:
            raise JobError(f"job {self._job.name} is gone from experiment {self._site.experiment}; was it deleted?")
        asked = command_of(self._job.parameters)
        if view.command != asked:
            raise JobError(
                f"job {self._job.name} runs {' '.join(view.command)!r}, not {' '.join(asked)!r}: it was made with "
                "other parameters; in a replay, record it again with: pytest --cloud emulator --record"
            )
        self._last = view
        has_moved = self._move(view.state)
        if self.state is TrialState.RUNNING:
            self._log.stream()
        return has_moved

    def stop(self, reason: str) -> None:
        """Have the job terminated; its outcome tells why.

        Raises:
            JobError: the service refuses.
        """
        self._stopped = reason
        with refusals(f"terminate job {self._job.name}", self._stage.cloud.name, otherwise=JobError):
            self._job.provisioning.clients.management(BatchAI).jobs.begin_terminate(*self._job.address, polling=False)

    def collect(self) -> Outcome:
        """Fetch the files of a job that has ended and judge what came out.

        Raises:
            JobError: the service does not give them.
        """
        view = self._last
        if view is None:
            raise JobError(f"job {self._job.name} has not been looked at yet")
        collected = collect(self._output, directories_of(self._scenario), self._folder)
        self._log.finish(collected.logs)
        readings = read_metrics(self._scenario.metrics, collected.logs, self._stage.matcher)
        reported = (*([self._stopped] if self._stopped else []), *view.errors)
        observed = Observed(view.state, view.exit_code, readings.last, readings.missing, collected.names, reported)
        return Outcome(
            scenario=self._scenario.scenario,
            trial=self.trial.id,
            parameters=dict(self.trial.parameters),
            state=view.state,
            exit_code=view.exit_code,
            metrics=readings.last,
            series=readings.series,
            durations=_durations(view),
            files=collected.names,
            directory=self._folder.name,
            data=self._site.data,
            toolkit=toolkit_of(collected.logs, self.trial.job),
            cloud=self._stage.cloud.name,
            service=self._stage.service,
            versions=versions(),
            errors=(*reported, *collected.problems, *readings.notes, *_unbounded(readings, self.trial.expect)),
            unmet=check(self.trial.expect, observed, self._scenario),
        )

    def _move(self, told: str) -> bool:
        new = moved(self.state, told)
        if new is self.state:
            return False
        self._since = self._stage.cloud.clock.monotonic()
        if self.state is TrialState.WAITING:
            self._submitted = self._since
        elif new is TrialState.QUEUED:
            self._returns += 1
        self.state = new
        self._stage.sink(TrialMoved(self.trial.id, self._job.name, new.value))
        return True


def _unbounded(readings: Readings, expect: ExpectSpec) -> list[str]:
    """Why metrics have no value; of those that are expected the expectation says it."""
    return [f"metric {name}: {why}" for name, why in readings.missing.items() if name not in expect.metrics]


def _durations(view: JobView) -> dict[str, float]:
    steps: dict[str, tuple[datetime | None, datetime | None]] = {
        "queued": (view.created, view.started),
        "running": (view.started, view.ended),
    }
    return dict(_seconds(steps))


def _seconds(steps: Mapping[str, tuple[datetime | None, datetime | None]]) -> Iterator[tuple[str, float]]:
    for name, (begin, end) in steps.items():
        if begin is not None and end is not None:
            yield name, round((end - begin).total_seconds(), 3)
