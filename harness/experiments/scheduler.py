"""Runs the trials of a scenario: performs what ``decide`` decides, and polls, until every trial has its outcome."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from harness.clouds import Poller
from harness.errors import BudgetError
from harness.experiments.decide import Stop, Submit, decide
from harness.experiments.outcomes import Outcome
from harness.experiments.trial import FinishedTrial, PendingTrial, RunningTrial
from harness.interruption import Interruption
from harness.resources.budget import BudgetMeter
from harness.scenario.model import Limits


class TrialScheduler:
    """Runs trials on one cluster, as many at a time as it has nodes.

    Args:
        trials: in file order.
        capacity: nodes of the cluster.
        limits: of the scenario.
        poller: paces the polls, on the cloud's clock.
        interruption: may end the run between two polls, and while it waits.
        report: gets each outcome at once.
        meter: refuses a trial that may exceed the budget; those that run already end first.
    """

    def __init__(
        self,
        trials: Sequence[PendingTrial],
        *,
        capacity: int,
        limits: Limits,
        poller: Poller,
        interruption: Interruption,
        report: Callable[[Outcome], None],
        meter: BudgetMeter,
    ) -> None:
        self._pending = {trial.id: trial for trial in trials}
        self._running: dict[str, RunningTrial] = {}
        self._finished: list[FinishedTrial] = []
        self._capacity, self._limits, self._poller = capacity, limits, poller
        self._interruption, self._report, self._meter = interruption, report, meter
        self._refusal: BudgetError | None = None

    def run(self) -> None:
        """Return when every trial has its outcome.

        Raises:
            CloudError: the service refuses something; every job is deleted first.
            BudgetError: a trial was not submitted; all that were have their outcome.
            Interrupted: the process was asked to end; every job is deleted first.
        """
        try:
            pauses = self._poller.pauses()
            while self._running or self._finished or (self._pending and not self._refusal):
                self._act()
                # The next job begins on a node that came free while the files of the last one are fetched.
                self._collect()
                if self._poll():
                    pauses = self._poller.pauses()
                elif self._running:
                    with self._interruption.allowed():
                        self._poller.clock.sleep(next(pauses))
        except BaseException as error:
            with ExitStack() as stack:
                for running in self._running.values():
                    stack.callback(running.close, error)
                for finished in self._finished:
                    stack.callback(finished.close, error)
            raise
        if self._refusal is not None:
            raise self._refusal

    def _act(self) -> None:
        views = [trial.view() for trial in self._running.values()]
        views += [trial.view() for trial in self._pending.values()]
        now = self._poller.clock.monotonic()
        for action in decide(views, capacity=self._capacity, now=now, limits=self._limits):
            match action:
                case Submit() if self._admits(action.trial):
                    self._running[action.trial] = self._pending[action.trial].submit()
                    del self._pending[action.trial]
                case Stop():
                    self._running[action.trial].stop(action.reason)

    def _admits(self, trial: str) -> bool:
        if self._refusal is None:
            try:
                self._meter.admit(f"trial {trial}", seconds=self._limits.running.total_seconds())
            except BudgetError as error:
                self._refusal = error
        return self._refusal is None

    def _poll(self) -> bool:
        """One answer reports every job that the cassette of the asking trial holds: in a replay its own alone."""
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
        return has_moved

    def _collect(self) -> None:
        while self._finished:
            with self._interruption.allowed():
                outcome = self._finished[0].collect()
            with self._interruption.held():
                self._report(outcome)
                self._finished.pop(0).close()
