"""The trials of a search: the study chooses each when there is a node for it, and gets its outcome."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.experiments.decide import Stop
from harness.experiments.outcomes import PRUNED, Outcome
from harness.experiments.trial import PendingTrial, RunningTrial
from harness.scenario.model import Scenario, Trial
from harness.scenario.names import search_trial_id

if TYPE_CHECKING:
    from harness.search import Asked, Ending, Study


class SearchTrials:
    """A source of trials.

    A trial that a killed process has asked for is run by this one, unless its outcome is on the disk: then the study
    gets that.

    Args:
        study: chooses the points.
        scenario: makes trials of them.
        make: prepares a trial for submission.
        done: outcomes of earlier processes, by the id of the trial.
        again: trials of earlier processes that are run again first; the study gets what comes out besides.
        metric: the metric that is reported to the study while a job runs; None if none has steps.
        at_once: how many trials run at a time; None for any number.
        limit: how many trials begin; None for any number.
    """

    is_single = False

    def __init__(
        self,
        study: "Study",
        scenario: Scenario,
        make: Callable[[Trial], PendingTrial],
        *,
        done: Mapping[str, Outcome],
        again: Sequence[Trial] = (),
        metric: str | None,
        at_once: int | None = None,
        limit: int | None = None,
    ) -> None:
        self._study, self._scenario, self._make = study, scenario, make
        self._metric = metric
        self._at_once, self._limit = at_once, limit
        self._again = list(again)
        self._numbers: dict[str, int | None] = {}  # of the running trials, by id
        self._reported: dict[str, int] = {}  # steps
        self._unfinished: list[Asked] = []
        for asked in study.unfinished():
            outcome = done.get(search_trial_id(asked.number, asked.point))
            if outcome is None:
                self._unfinished.append(asked)
            else:
                self._tell(asked.number, outcome, steps=0)

    @property
    def is_exhausted(self) -> bool:
        """Whether there are no more trials."""
        if self._again:
            return False
        return self._limit == 0 or not (self._unfinished or self._study.asked < self._study.total)

    def next(self) -> PendingTrial | None:
        """The next trial; None while enough are running."""
        if self.is_exhausted or (self._at_once is not None and len(self._numbers) >= self._at_once):
            return None
        if self._again:
            trial = self._again.pop(0)
            self._numbers[trial.id] = None
            return self._make(trial)
        asked = self._unfinished.pop(0) if self._unfinished else self._study.ask()
        if asked is None:
            return None
        trial = trial_of(self._scenario, asked)
        self._numbers[trial.id] = asked.number
        self._limit = None if self._limit is None else self._limit - 1
        return self._make(trial)

    def judge(self, trial: RunningTrial) -> Stop | None:
        """Report the new values of a running trial to the study, and ask whether the trial is pruned."""
        number, done = self._numbers[trial.id], self._reported.get(trial.id, 0)
        if self._metric is None or number is None:
            return None
        for step, value in enumerate(trial.values(self._metric)[done:], done + 1):
            self._reported[trial.id] = step
            self._study.report(number, step, value)
            if self._study.prunes(number):
                return Stop(trial.id, f"pruned at step {step}: {self._metric} is {value:g}", "pruned")
        return None

    def take(self, outcome: Outcome) -> None:
        """Report to the study how a trial ended."""
        number, steps = self._numbers.pop(outcome.trial), self._reported.pop(outcome.trial, 0)
        if number is not None:
            self._tell(number, outcome, steps=steps)
        elif outcome.state == "succeeded":
            self._study.add(outcome.parameters, outcome.metrics)

    def _tell(self, number: int, outcome: Outcome, *, steps: int) -> None:
        endings: Mapping[str, Ending] = {PRUNED: "pruned", "succeeded": "complete"}
        ending = endings.get(outcome.state, "failed")
        if self._metric is not None and ending == "complete":
            for step, value in enumerate(outcome.series.get(self._metric, ())[steps:], steps + 1):
                self._study.report(number, step, value)
        self._study.tell(number, ending, outcome.metrics)


def trial_of(scenario: Scenario, asked: "Asked") -> Trial:
    """The trial of a point that a study has chosen."""
    return scenario.trial(asked.point, search_trial_id(asked.number, asked.point))
