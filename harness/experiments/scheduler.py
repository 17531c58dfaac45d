"""The scheduler of trials: it performs the actions of ``decide``, and polls until every trial has its outcome."""

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
    """Runs trials on one cluster, as many at a time as fit on its nodes.

    Args:
        source: the trials.
        capacity: the number of nodes of the cluster.
        limits: the limits of the scenario.
        poller: paces the polls, on the cloud's clock.
        interruption: may end the run between two polls, and during a wait. After a request to drain, no more trials
            begin, and running trials end normally.
        report: called with each outcome immediately.
        meter: refuses a trial that may exceed the budget; trials that run already end first.
        fetcher: downloads the files of ended jobs; the scheduler closes it.
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
        self._waiting: deque[PendingTrial] = deque()  # trials to retry, and the next trial of the source
        self._running: dict[str, RunningTrial] = {}
        self._finished: list[FinishedTrial] = []
        self._fetches: dict[str, Future[Collected]] = {}  # by the id of the finished trial
        self._capacity, self._limits, self._poller = capacity, limits, poller
        self._interruption, self._report, self._meter = interruption, report, meter
        self._fetcher = fetcher
        self._refusal: BudgetError | None = None

    def run(self) -> None:
        """Run the trials until each has its outcome; when draining, until each submitted trial has its outcome.

        Raises:
            CloudError: the service refuses a request; every job is deleted first.
            BudgetError: the budget does not allow a trial; all submitted trials have their outcomes.
            Interrupted: the process received a signal; every job is deleted first.
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
        due = clock.monotonic()  # the time of the next poll
        while self._running or self._finished or self._has_more():
            self._act()
            # The next job runs on a free node while the files of the last one are downloaded.
            self._collect()
            remaining = due - clock.monotonic()
            if remaining > 0 and (self._running or self._finished) and self._has_fetched(remaining):
                continue
            if self._poll():
                pauses = self._poller.pauses()
            due = clock.monotonic() + next(pauses)

    def _has_fetched(self, seconds: float) -> bool:
        """Wait at most ``seconds`` for the files of an ended job, and return whether some are downloaded."""
        with self._interruption.allowed():
            self._fetcher.wait(self._fetches.values(), seconds)
        return any(fetch.done() for fetch in self._fetches.values())

    def _has_more(self) -> bool:
        """Whether more trials may begin."""
        if self._refusal is not None or self._interruption.is_draining:
            return False
        return bool(self._waiting) or not self._source.is_exhausted

    def _act(self) -> None:
        """Stop trials that must end, and submit trials one by one while they fit on free nodes."""
        has_submitted = True
        while has_submitted:
            has_submitted = False
            views = [trial.view() for trial in self._running.values()]
            # A search chooses better with more results, so it chooses a trial only when a node is free.
            is_free = sum(view.nodes for view in views) < self._capacity
            if is_free and not self._waiting and self._has_more() and (trial := self._source.next()) is not None:
                self._waiting.append(trial)
            views += [self._waiting[0].view()] if self._waiting and self._has_more() else []
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
        """Observe every running trial; return whether the state of any has changed.

        One response lists all jobs of an experiment, so most trials need no separate request. In a replay, a
        response lists only the job of the requesting trial, since each trial has its own cassette.
        """
        has_moved = False
        unobserved = dict(self._running)
        with self._interruption.allowed():
            while unobserved:
                first = next(iter(unobserved))
                jobs = unobserved[first].list_jobs()
                for name in [name for name, trial in unobserved.items() if name == first or trial.job_name in jobs]:
                    trial = unobserved.pop(name)
                    has_moved |= trial.observe(jobs)
                    if (finished := trial.finished(jobs)) is not None:
                        self._finished.append(finished)
                        del self._running[name]
                    elif not trial.view().is_stopping and (stop := self._source.judge(trial)) is not None:
                        trial.stop(stop)
        return has_moved

    def _collect(self) -> None:
        """Begin to download the files of ended jobs, and report the trials whose files are downloaded.

        If more trials wait for their files than the cluster has nodes, this waits for a download: a job is deleted
        after its download, and until then every list of jobs includes it.
        """
        for finished in list(self._finished):
            if finished.id not in self._fetches:
                if not self._interruption.is_draining and (retry := finished.prepare_retry()) is not None:
                    self._waiting.appendleft(retry)
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
