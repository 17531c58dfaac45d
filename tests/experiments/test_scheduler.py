"""Trials against a budget; the clock moves only when the scheduler waits."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

import pytest

from harness.clock import SteppingClock
from harness.clouds import Poller
from harness.errors import BudgetError
from harness.experiments.decide import TrialView
from harness.experiments.fetching import ImmediateFetcher
from harness.experiments.scheduler import TrialScheduler
from harness.experiments.state import TrialState
from harness.experiments.trial_source import KnownTrials
from harness.interruption import Interruption
from harness.resources.budget import Budget, BudgetMeter
from harness.scenario.model import Limits

HOUR = 3600.0


class HourLong:
    """A trial whose job takes an hour: pending, then running, then finished."""

    def __init__(self, name: str, clock: SteppingClock) -> None:
        self.id = self.job_name = name
        self.state = TrialState.WAITING
        self.is_closed = False
        self.looks: list[float] = []  # when its state was requested
        self._clock, self._since = clock, 0.0

    def view(self) -> TrialView:
        return TrialView(self.id, self.state, 1, self._since)

    def submit(self) -> "HourLong":
        self.state, self._since = TrialState.RUNNING, self._clock.monotonic()
        return self

    def list_jobs(self) -> dict[str, None]:
        self.looks.append(self._clock.monotonic())
        return {self.job_name: None}

    def observe(self, _jobs: object) -> bool:
        is_over = self._clock.monotonic() - self._since >= HOUR
        self.state = TrialState.SUCCEEDED if is_over else self.state
        return is_over or len(self.looks) == 1  # first it is seen to run

    def finished(self, _jobs: object) -> "HourLong | None":
        return self if self.state.is_finished else None

    def pending(self) -> Any:
        """The trial as the scheduler takes it."""
        return self

    def prepare_retry(self) -> None:
        """It is not tried again."""

    def fetch(self) -> str:
        return self.id

    def judge(self, fetched: str) -> str:
        return fetched

    def close(self, _error: BaseException | None = None) -> None:
        self.is_closed = self.state is not TrialState.WAITING


Played = tuple[list[str], list[HourLong], str]
Play = Callable[..., Played]


class LazyDownload(Future[Any]):
    """A download that runs when its result is requested."""

    def __init__(self, fetch: Callable[[], Any]) -> None:
        super().__init__()
        self._fetch = fetch

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self.set_result(self._fetch())
        return super().result(timeout)


class SlowFetcher(ImmediateFetcher):
    """A slow fetcher, which downloads only on request; ``ahead`` are the numbers of unfinished downloads."""

    def __init__(self, clock: SteppingClock) -> None:
        super().__init__(clock)
        self.downloads: list[LazyDownload] = []
        self.ahead: list[int] = []

    def begin(self, fetch: Callable[[], Any]) -> Future[Any]:
        self.downloads.append(LazyDownload(fetch))
        self.ahead.append(sum(not future.done() for future in self.downloads))
        return self.downloads[-1]

    def wait(self, futures: Iterable[Future[Any]], seconds: float) -> None:
        for future in list(futures)[:1]:
            future.result()
        super().wait([], seconds)


@pytest.fixture
def scheduled() -> Play:
    """Play trials on some nodes within a budget of node-hours; gives what was reported, and the trials."""

    def play(
        names: str,
        *,
        nodes: int,
        budget: float | None,
        fetcher: Callable[[SteppingClock], ImmediateFetcher] = ImmediateFetcher,
    ) -> Played:
        clock = SteppingClock()
        outcomes: list[str] = []
        trials = [HourLong(name, clock) for name in names]
        scheduler = TrialScheduler(
            KnownTrials(trials, HourLong.pending),
            capacity=nodes,
            limits=Limits(running=HOUR * 1.5),
            poller=Poller(clock, HOUR / 4),
            interruption=Interruption(),
            report=outcomes.append,
            meter=BudgetMeter(clock, budget and Budget(budget, f"max_node_hours is {budget}"), nodes=nodes),
            fetcher=fetcher(clock),
        )
        try:
            scheduler.run()
        except BudgetError as error:
            return outcomes, trials, str(error)
        return outcomes, trials, ""

    return play


def test_without_a_budget_every_trial_runs(scheduled: Play) -> None:
    outcomes, _, error = scheduled("abc", nodes=1, budget=None)
    assert (outcomes, error) == (["a", "b", "c"], "")


def test_a_job_that_has_just_begun_to_run_is_not_looked_at_again_at_once(scheduled: Play) -> None:
    _, trials, _ = scheduled("a", nodes=1, budget=None)
    assert len(trials[0].looks) == len(set(trials[0].looks)) > 1


def test_a_trial_that_may_exceed_the_budget_is_not_begun_and_those_before_have_their_outcome(scheduled: Play) -> None:
    outcomes, trials, error = scheduled("abc", nodes=1, budget=3)
    assert outcomes == ["a", "b"]
    assert trials[2].state is TrialState.WAITING
    assert "trial c may use 1.50 node-hours; 2.00 are used and the budget is 3.00 (max_node_hours is 3)" in error


def test_trials_that_run_beside_the_refused_one_are_not_cut_short(scheduled: Play) -> None:
    outcomes, trials, error = scheduled("abcd", nodes=2, budget=4)
    assert outcomes == ["a", "b"]
    assert [trial.is_closed for trial in trials] == [True, True, False, False]
    assert "trial c" in error


def test_trials_begin_while_files_are_fetched_but_those_do_not_pile_up(scheduled: Play) -> None:
    fetchers: list[SlowFetcher] = []

    def slow(clock: SteppingClock) -> SlowFetcher:
        fetchers.append(SlowFetcher(clock))
        return fetchers[0]

    outcomes, trials, error = scheduled("abcdefgh", nodes=2, budget=None, fetcher=slow)

    assert (sorted(outcomes), error) == (list("abcdefgh"), "")
    assert all(trial.is_closed for trial in trials)
    assert 1 < max(fetchers[0].ahead) <= 2 * 2
