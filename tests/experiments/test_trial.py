"""A trial: from when on its log is followed, and what its outcome says of a job that was to be pruned."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from harness.clock import SteppingClock
from harness.experiments.attempts import Attempts
from harness.experiments.collection import Collected
from harness.experiments.decide import Stop
from harness.experiments.pattern_matching import PatternMatcher
from harness.experiments.trial import FinishedTrial, RunningTrial
from harness.resources.events import LogLine
from harness.scenario.metric import MetricSpec
from harness.scenario.model import Scenario
from harness.services.service import JobView, Listing, OutputFile, Tail


class Printing:
    """A job that runs and has printed a line."""

    name, command = "j", ("train",)

    def __init__(self) -> None:
        self.output = self

    def update_from(self, _jobs: object) -> None:
        """It still runs."""

    def files(self, directory: str) -> Listing:
        return Listing((OutputFile(directory, "stdout.txt", 5, ""),))

    def tail(self, _file: OutputFile, *, start: int, most: int) -> Tail:
        return Tail(start, b"hello\n"[start : start + most])

    def view(self, started: datetime | None) -> dict[str, JobView]:
        return {"j": JobView("j", "running", None, (), None, started, None, self.command)}


class Watched:
    """A trial whose job prints, on a clock that the test moves."""

    def __init__(self, matcher: PatternMatcher, followed_after: float) -> None:
        self.clock, self.shown, self.job = SteppingClock(), list[Any](), Printing()
        metrics = {"loss": MetricSpec(file="stdout.txt", pattern="loss=(.*)", step=True)}
        context = SimpleNamespace(cloud=SimpleNamespace(clock=self.clock), matcher=matcher, sink=self.shown.append)
        trial = SimpleNamespace(id="t", job=SimpleNamespace(nodes=1))
        pending: Any = SimpleNamespace(
            id="t",
            context=context,
            trial=trial,
            scenario=SimpleNamespace(metrics=metrics),
            experiment="e",
            followed_after=followed_after,
        )
        job: Any = self.job
        provisioning: Any = None
        self.trial = RunningTrial(pending, job, Attempts(provisioning, ExitStack()))

    def lines(self, started: datetime | None = None) -> list[str]:
        """The lines that are shown once the trial has been looked at."""
        self.trial.observe(self.job.view(started))
        return [event.text for event in self.shown if isinstance(event, LogLine)]


@pytest.fixture
def matcher() -> Iterator[PatternMatcher]:
    with PatternMatcher() as opened:
        yield opened


def test_the_log_of_a_job_is_followed_once_it_has_run_for_a_while(matcher: PatternMatcher) -> None:
    watched = Watched(matcher, followed_after=0.5)
    assert watched.lines() == []
    watched.clock.sleep(0.25)
    assert watched.lines() == []
    watched.clock.sleep(0.25)
    assert watched.lines() == ["hello"]


def test_a_job_that_ran_before_it_was_looked_at_is_followed_at_once(matcher: PatternMatcher) -> None:
    watched = Watched(matcher, followed_after=0.5)
    assert watched.lines(watched.clock.now().astimezone(UTC) - timedelta(seconds=1)) == ["hello"]


def test_a_trial_whose_requests_must_keep_their_order_is_followed_at_once(matcher: PatternMatcher) -> None:
    assert Watched(matcher, followed_after=0.0).lines() == ["hello"]


def pruned(scenario: Scenario, state: str) -> FinishedTrial:
    """A trial that is not worth its end, and whose job ended in this state."""
    context = SimpleNamespace(
        matcher=None, cloud=SimpleNamespace(name="emulator"), service=SimpleNamespace(name="batchai")
    )
    pending: Any = SimpleNamespace(
        context=context,
        scenario=scenario,
        trial=scenario.trials[0],
        target=SimpleNamespace(data=None),
        directory=SimpleNamespace(name="t"),
    )
    nothing: Any = None
    log: Any = SimpleNamespace(finish=lambda _logs: None)
    view = JobView("j", state, None, (), None, None, None, ("train",))
    stop = Stop("t", "pruned at step 3: loss is 0.5", "pruned")
    return FinishedTrial(pending, nothing, view, log, stop, Attempts(nothing, ExitStack()))


def test_a_job_that_is_pruned_says_so(quickstart: Scenario) -> None:
    outcome = pruned(quickstart, "failed").judge(Collected())
    assert (outcome.state, outcome.errors[0]) == ("pruned", "pruned at step 3: loss is 0.5")


def test_a_job_that_succeeded_before_it_could_be_pruned_was_not(quickstart: Scenario) -> None:
    outcome = pruned(quickstart, "succeeded").judge(Collected())
    assert outcome.state == "succeeded"
    assert "pruned" not in " ".join(outcome.errors)
