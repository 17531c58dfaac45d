"""Performs what ``decide`` decides, and looks, until every trial has its outcome."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from harness.clouds import Poller
from harness.errors import CeilingError
from harness.experiments.attempt import Attempt
from harness.experiments.decide import Stop, Submit, decide
from harness.experiments.outcomes import Outcome
from harness.interruption import Interruption
from harness.resources.ceiling import Meter
from harness.scenario.model import Limits


@dataclass
class Drive:
    """Runs trials on one cluster, as many at a time as it has nodes.

    Attributes:
        attempts: in file order.
        capacity: nodes of the cluster.
        limits: of the scenario.
        poller: paces the looks, on the cloud's clock.
        interruption: may end the run between two looks, and while it waits.
        report: gets each outcome as soon as it is there.
        meter: refuses a trial that may pass the ceiling; those that run already end first.
    """

    attempts: Sequence[Attempt]
    capacity: int
    limits: Limits
    poller: Poller
    interruption: Interruption
    report: Callable[[Outcome], None]
    meter: Meter
    _open: dict[str, Attempt] = field(default_factory=dict, init=False)
    _refusal: CeilingError | None = field(default=None, init=False)

    def play(self) -> None:
        """Return when every trial has its outcome.

        Raises:
            CloudError: the service refuses something; every job is deleted first.
            CeilingError: a trial was not begun; all that were have their outcome.
            Interrupted: the process was asked to end; every job is deleted first.
        """
        try:
            pauses = self.poller.pauses()
            while self._goes_on():
                self._act()
                # The next job begins on a node that came free while the files of the last one are fetched.
                self._collect()
                if self._look():
                    pauses = self.poller.pauses()
                elif self._open:
                    with self.interruption.allowed():
                        self.poller.clock.sleep(next(pauses))
        except BaseException as error:
            with ExitStack() as stack:
                for attempt in self._open.values():
                    stack.callback(attempt.close, error)
            raise
        if self._refusal is not None:
            raise self._refusal

    def _goes_on(self) -> bool:
        return bool(self._open) or not (self._refusal or all(one.state.is_finished for one in self.attempts))

    def _act(self) -> None:
        attempts = {attempt.trial.id: attempt for attempt in self.attempts}
        views = [attempt.view() for attempt in self.attempts]
        now = self.poller.clock.monotonic()
        for action in decide(views, capacity=self.capacity, now=now, limits=self.limits):
            attempt = attempts[action.trial]
            match action:
                case Submit() if self._admits(action.trial):
                    attempt.submit()
                    self._open[action.trial] = attempt
                case Stop():
                    attempt.stop(action.reason)

    def _admits(self, trial: str) -> bool:
        if self._refusal is None:
            try:
                self.meter.admit(f"trial {trial}", seconds=self.limits.running.total_seconds())
            except CeilingError as error:
                self._refusal = error
        return self._refusal is None

    def _look(self) -> bool:
        """One answer tells of all jobs that the asking trial's story holds; in a replay that is its own alone."""
        has_moved = False
        unseen = dict(self._open)
        with self.interruption.allowed():
            while unseen:
                asking = next(iter(unseen))
                jobs = unseen[asking].look_all()
                told = [name for name, attempt in unseen.items() if name == asking or attempt.job in jobs]
                for name in told:
                    has_moved |= unseen.pop(name).observe(jobs)
        return has_moved

    def _collect(self) -> None:
        ended = [attempt for attempt in self._open.values() if attempt.state.is_finished]
        for attempt in ended:
            with self.interruption.allowed():
                outcome = attempt.collect()
            with self.interruption.held():
                self.report(outcome)
                del self._open[attempt.trial.id]
                attempt.close()
