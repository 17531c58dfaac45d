"""A trial that is pending, running or finished, with a type for each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from harness.errors import JobError
from harness.experiments.attempts import Attempts
from harness.experiments.checks import Observed, check, directories_of
from harness.experiments.collection import Collected, collect, toolkit_of
from harness.experiments.decide import Stop, TrialView, failure_of, is_retried
from harness.experiments.job_times import durations_of, times_of
from harness.experiments.log import LogReader
from harness.experiments.metrics import Readings, read_metrics
from harness.experiments.outcomes import PRUNED, Outcome, versions
from harness.experiments.run_context import JobTarget, RunContext
from harness.experiments.run_directory import TrialDirectory
from harness.experiments.state import TrialState, next_state
from harness.resources.events import Note, TrialMoved
from harness.scenario.model import ExpectSpec, Scenario, Trial
from harness.scenario.names import job_name
from harness.services.service import Job, JobView


@dataclass(frozen=True)
class PendingTrial:
    """A trial whose job is not submitted yet.

    Attributes:
        experiment: the name of its job's experiment.
        makes_experiment: whether this trial creates the experiment, because it is the first one there.
        followed_after: seconds that its job runs before its log is followed; a shorter job's log is read at its end.
        attempts: the earlier attempts; None for the first one.
    """

    context: RunContext
    target: JobTarget
    scenario: Scenario
    trial: Trial
    directory: TrialDirectory
    experiment: str
    makes_experiment: bool = False
    followed_after: float = 0.0
    attempts: Attempts | None = None

    @property
    def id(self) -> str:
        """The id of the trial."""
        return self.trial.id

    def view(self) -> TrialView:
        """The state on which decisions depend."""
        return TrialView(self.id, TrialState.WAITING, self.trial.job.nodes, since=0.0)

    def submit(self) -> "RunningTrial":
        """Submit the job; if that fails, the job is deleted.

        Raises:
            JobError: the service refuses the job.
        """
        with ExitStack() as stack:
            attempts = self.attempts or self._first_attempt(stack)
            stack.push(attempts.resources)
            number = len(attempts.failures) + 1
            job = self.context.service.job(
                attempts.provisioning,
                self.target.cluster,
                experiment=self.experiment,
                name=job_name(self.trial.job.name, self.id if number == 1 else f"{self.id}~{number}"),
                spec=self.trial.job,
                limits=self.scenario.limits,
            )
            attempts.job.enter_context(job)
            self.context.sink(TrialMoved(self.id, job.name, TrialState.QUEUED.value))
            stack.pop_all()
            return RunningTrial(self, job, attempts)

    def close(self, error: BaseException | None = None) -> None:
        """End the cassette of a trial whose next attempt will not be submitted."""
        if self.attempts is not None:
            self.attempts.close(error)

    def _first_attempt(self, stack: ExitStack) -> Attempts:
        cassette = f"{self.scenario.scenario}/{self.id}"
        provisioning = stack.enter_context(self.context.provisioning(cassette, source=self.scenario.path))
        if self.makes_experiment:
            with provisioning.interruption.allowed():
                self.context.service.make_experiment(provisioning, self.target.cluster, self.experiment)
        attempts = Attempts(provisioning, stack.pop_all())
        attempts.resources.push(attempts.job)
        return attempts


class RunningTrial:
    """A trial whose job is submitted.

    Args:
        pending: the trial.
        job: the job of the trial.
        attempts: the earlier attempts, and the state that they share with this one.
    """

    def __init__(self, pending: PendingTrial, job: Job, attempts: Attempts) -> None:
        self._pending = pending
        self._job = job
        self._attempts = attempts
        self._clock = pending.context.cloud.clock
        self._log = LogReader(
            job.output,
            pending.id,
            pending.scenario.metrics,
            matcher=pending.context.matcher,
            sink=pending.context.sink,
        )
        self._state = TrialState.QUEUED
        self._submitted = self._since = self._clock.monotonic()
        self._returns = 0
        self._stopped: Stop | None = None

    @property
    def id(self) -> str:
        """The id of the trial."""
        return self._pending.id

    @property
    def job_name(self) -> str:
        """The name of its job."""
        return self._job.name

    def view(self) -> TrialView:
        """The state on which decisions depend."""
        return TrialView(
            self.id,
            self._state,
            self._pending.trial.job.nodes,
            self._since,
            submitted=self._submitted,
            returns=self._returns,
            is_stopping=self._stopped is not None,
        )

    def values(self, metric: str) -> Sequence[float]:
        """The values of a metric with steps that the log has so far."""
        return self._log.values.get(metric, ())

    def list_jobs(self) -> Mapping[str, JobView]:
        """Every job of the experiment, by name."""
        return self._job.list_jobs()

    def observe(self, jobs: Mapping[str, JobView]) -> bool:
        """Process the service's report on this trial's job; return whether its state has changed.

        Raises:
            JobError: the job was deleted, or has another command.
        """
        view = self._view(jobs)
        self._job.update_from(jobs)
        has_moved = self._move(view.state)
        if self._state is TrialState.RUNNING and self._ran(view) >= self._pending.followed_after:
            self._log.stream()
        return has_moved

    def finished(self, jobs: Mapping[str, JobView]) -> "FinishedTrial | None":
        """The finished trial; None if the job has not ended.

        Raises:
            JobError: the job was deleted, or has another command.
        """
        if not self._state.is_finished:
            return None
        return FinishedTrial(self._pending, self._job, self._view(jobs), self._log, self._stopped, self._attempts)

    def stop(self, stop: Stop) -> None:
        """Terminate the job; its outcome has the reason.

        Raises:
            JobError: the service refuses.
        """
        self._stopped = stop
        self._job.terminate()

    def close(self, error: BaseException) -> None:
        """Delete the job of a run that ends in an error; its cassette is not recorded."""
        self._attempts.close(error)

    def _ran(self, view: JobView) -> float:
        """Seconds that the job has been running, by the service's clock or since its state was first ``running``."""
        by_service = (self._clock.now() - view.started).total_seconds() if view.started else 0.0
        return max(by_service, self._clock.monotonic() - self._since)

    def _view(self, jobs: Mapping[str, JobView]) -> JobView:
        experiment = self._pending.experiment
        view = jobs.get(self._job.name)
        if view is None:
            raise JobError(f"job {self._job.name} is not in experiment {experiment} any more; was it deleted?")
        if view.command != self._job.command:
            raise JobError(
                f"job {self._job.name} runs {' '.join(view.command)!r}, not {' '.join(self._job.command)!r}: it was "
                "made with other parameters; in a replay, record it again with: pytest --cloud emulator --record"
            )
        return view

    def _move(self, reported: str) -> bool:
        new = next_state(self._state, reported)
        if new is self._state:
            return False
        self._since = self._clock.monotonic()
        if new is TrialState.QUEUED:
            self._returns += 1
        self._state = new
        self._pending.context.sink(TrialMoved(self.id, self._job.name, new.value))
        return True


@dataclass(frozen=True)
class FinishedTrial:
    """A trial whose job has ended.

    Attributes:
        view: the service's last report on the job.
        log: the reader that has reported a part of the log.
        stopped: why the harness stopped the job; None if it ended by itself.
        attempts: the earlier attempts, and the state that they share with this one.
    """

    pending: PendingTrial
    job: Job
    view: JobView
    log: LogReader
    stopped: Stop | None
    attempts: Attempts

    @property
    def id(self) -> str:
        """The id of the trial."""
        return self.pending.id

    @property
    def is_pruned(self) -> bool:
        """Whether it was pruned before its job ended."""
        return self.stopped is not None and self.stopped.kind == "pruned" and self.view.state != "succeeded"

    def prepare_retry(self) -> PendingTrial | None:
        """Delete the job and return the trial for another attempt; None if it is not tried again."""
        failure, scenario = failure_of(self.view, self.stopped), self.pending.scenario
        failures = self.attempts.failures
        if failure is None or self.pending.trial.expect.state == "failed":
            return None
        if not is_retried(failure, self.view.exit_code, failures, scenario.retries):
            return None
        text = f"attempt {len(failures) + 1} of {self.pending.id} failed and is followed by another: {failure.text}"
        self.pending.context.sink(Note(text))
        self.attempts.job.close()
        return replace(self.pending, attempts=replace(self.attempts, failures=(*failures, failure)))

    def fetch(self) -> Collected:
        """Download the files, and report those that cannot be downloaded as problems. Any thread may call this.

        Raises:
            UnreachableError: the service does not answer; a resumed run downloads the files.
        """
        scenario = self.pending.scenario
        return collect(self.job.output, directories_of(scenario), self.pending.directory, scenario.metrics)

    def judge(self, collected: Collected) -> Outcome:
        """The outcome, from the service's report and the downloaded files."""
        scenario, trial, context, view = self.pending.scenario, self.pending.trial, self.pending.context, self.view
        self.log.finish(collected.logs)
        readings = read_metrics(scenario.metrics, {**collected.logs, **collected.outputs}, context.matcher)
        earlier = [f"attempt {number}: {failure.text}" for number, failure in enumerate(self.attempts.failures, 1)]
        reported = (*earlier, *self._stop_reasons(), *view.errors)
        observed = Observed(view.state, view.exit_code, readings.last, readings.missing, collected.names, reported)
        return Outcome(
            scenario=scenario.scenario,
            trial=trial.id,
            parameters=dict(trial.parameters),
            state=PRUNED if self.is_pruned else view.state,
            exit_code=view.exit_code,
            metrics=readings.last,
            series=readings.series,
            steps=readings.steps,
            durations=durations_of(view),
            times=times_of(view),
            files=collected.names,
            directory=self.pending.directory.name,
            data=self.pending.target.data,
            toolkit=toolkit_of(collected.logs, trial.job),
            cloud=context.cloud.name,
            service=context.service.name,
            versions=versions(),
            errors=(*reported, *collected.problems, *readings.notes, *_missing_metrics(readings, trial.expect)),
            unmet=() if self.is_pruned else check(trial.expect, observed, scenario),
            attempts=len(self.attempts.failures) + 1,
            violated=scenario.sweep.violated(readings.last),
        )

    def _stop_reasons(self) -> Iterator[str]:
        """Why the harness stopped the job; nothing if it succeeded before it could be pruned."""
        if self.stopped is not None and (self.stopped.kind != "pruned" or self.is_pruned):
            yield self.stopped.reason

    def close(self, error: BaseException | None = None) -> None:
        """Delete the job; its cassette is recorded unless the run ends in an error."""
        self.attempts.close(error)


def _missing_metrics(readings: Readings, expect: ExpectSpec) -> list[str]:
    """Why metrics have no value, except those with an expectation, which reports it."""
    return [f"metric {name}: {reason}" for name, reason in readings.missing.items() if name not in expect.metrics]
