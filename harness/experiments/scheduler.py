"""The scheduler of trials: it performs what ``decide`` decides, and polls until every trial has its outcome."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, nullcontext

from harness.clouds import Poller
from harness.errors import BudgetError
from harness.experiments.collection import Collected
from harness.experiments.decide import Stop, Submit, decide
from harness.experiments.fetching import Fetcher
from harness.experiments.outcomes import Outcome
from harness.experiments.trial import FinishedTrial, PendingTrial, RunningTrial
from harness.experiments.trial_source import TrialSource
from harness.interruption import Interruption
from harness.resources.budget import BudgetMeter
from harness.scenario.model import Limits


class TrialScheduler:
    """Runs trials on one cluster, as many at a time as the cluster has nodes for.

    Args:
        source: the trials.
        capacity: nodes of the cluster.
        limits: of the scenario.
        poller: paces the polls, on the cloud's clock.
        interruption: may end the run between two polls, and while it waits. After a request to drain, no further trial
            begins, and running ones end normally.
        report: called with each outcome at once.
        meter: refuses a trial that may exceed the budget; those that run already end first.
        fetcher: fetches the files of jobs that have ended; closed at the end.
    """

    def __init__(
        self,
        source: TrialSource[PendingTrial, RunningTrial],
        *,
        capacity: int,
        limits: Limits,
        poller: Poller,
        interruption: Interruption,
        report: Callable[[Outcome], None],
        meter: BudgetMeter,
        fetcher: Fetcher,
    ) -> None:
        self._source = source
        self._waiting: deque[PendingTrial] = deque()  # the next trial of the source, and trials to be tried again
        self._running: dict[str, RunningTrial] = {}
        self._finished: list[FinishedTrial] = []
        self._fetches: dict[str, Future[Collected]] = {}  # of the finished trials
        self._capacity, self._limits, self._poller = capacity, limits, poller
        self._interruption, self._report, self._meter = interruption, report, meter
        self._fetcher = fetcher
        self._refusal: BudgetError | None = None

    def run(self) -> None:
        """Return when every trial has its outcome, or when it was asked to drain and those that ran have theirs.

        Raises:
            CloudError: the service refuses something; every job is deleted first.
            BudgetError: a trial was not submitted; all that were have their outcome.
            Interrupted: the process was asked to end; every job is deleted first.
        """
        try:
            with nullcontext() if self._source.is_single else self._interruption.draining():
                self._run()
        except BaseException as error:
            self._fetcher.close()
            with ExitStack() as stack:
                for running in self._running.values():
                    stack.callback(running.close, error)
                for finished in self._finished:
                    stack.callback(finished.close, error)
                for waiting in self._waiting:
                    stack.callback(waiting.close, error)
            raise
        self._fetcher.close()
        for waiting in self._waiting:
            waiting.close()
        if self._refusal is not None:
            raise self._refusal

    def _run(self) -> None:
        pauses, clock = self._poller.pauses(), self._poller.clock
        due = clock.monotonic()  # when jobs are looked at next
        while self._running or self._finished or self._more():
            self._act()
            # The next job begins on a free node while the files of the last one are downloaded.
            self._collect()
            left = due - clock.monotonic()
            if left > 0 and (self._running or self._finished) and self._has_fetched(left):
                continue
            if self._poll():
                pauses = self._poller.pauses()
            due = clock.monotonic() + next(pauses)

    def _has_fetched(self, seconds: float) -> bool:
        """Wait for the files of a job that has ended; whether they have come before the time was over."""
        with self._interruption.allowed():
            self._fetcher.wait(self._fetches.values(), seconds)
        return any(fetch.done() for fetch in self._fetches.values())

    def _more(self) -> bool:
        """Whether further trials may begin."""
        if self._refusal is not None or self._interruption.is_draining:
            return False
        return bool(self._waiting) or not self._source.is_exhausted

    def _act(self) -> None:
        """Stop trials that must end, and submit those that fit on free nodes, one after the other."""
        has_submitted = True
        while has_submitted:
            has_submitted = False
            views = [trial.view() for trial in self._running.values()]
            # A search chooses better with more results, so it is asked only when there is a node.
            is_free = sum(view.nodes for view in views) < self._capacity
            if is_free and not self._waiting and self._more() and (trial := self._source.next()) is not None:
                self._waiting.append(trial)
            views += [self._waiting[0].view()] if self._waiting and self._more() else []
            now = self._poller.clock.monotonic()
            for action in decide(views, capacity=self._capacity, now=now, limits=self._limits):
                match action:
                    case Submit() if self._admits(action.trial):
                        self._running[action.trial] = self._waiting[0].submit()
                        self._waiting.popleft()
                        has_submitted = True
                    case Stop():
                        self._running[action.trial].stop(action)

    def _admits(self, trial: str) -> bool:
        if self._refusal is None:
            try:
                self._meter.admit(f"trial {trial}", seconds=self._limits.running.total_seconds())
            except BudgetError as error:
                self._refusal = error
        return self._refusal is None

    def _poll(self) -> bool:
        """One response reports every job in the cassette of the asking trial; in a replay, only that trial's own."""
        has_moved = False
        unseen = dict(self._running)
        with self._interruption.allowed():
            while unseen:
                asking = next(iter(unseen))
                jobs = unseen[asking].list_jobs()
                for name in [name for name, trial in unseen.items() if name == asking or trial.job_name in jobs]:
                    trial = unseen.pop(name)
                    has_moved |= trial.observe(jobs)
                    if (finished := trial.finished(jobs)) is not None:
                        self._finished.append(finished)
                        del self._running[name]
                    elif not trial.view().is_stopping and (stop := self._source.judge(trial)) is not None:
                        trial.stop(stop)
        return has_moved

    def _collect(self) -> None:
        """Begin to fetch the files of jobs that have ended, and report those whose files are here.

        When a job has ended on every node since, and no files came, they are waited for: every list of jobs holds those
        that are not deleted yet.
        """
        for finished in list(self._finished):
            if finished.id not in self._fetches:
                if not self._interruption.is_draining and (again := finished.retried()) is not None:
                    self._waiting.appendleft(again)
                    self._finished.remove(finished)
                    continue
                with self._interruption.allowed():
                    self._fetches[finished.id] = self._fetcher.begin(finished.fetch)
            if self._fetches[finished.id].done() or len(self._finished) > self._capacity:
                self._conclude(finished)

    def _conclude(self, finished: FinishedTrial) -> None:
        with self._interruption.allowed():
            outcome = finished.judge(self._fetches[finished.id].result())
        with self._interruption.held():
            self._report(outcome)
            self._source.take(outcome)
            del self._fetches[finished.id]
            self._finished.remove(finished)
            finished.close()
