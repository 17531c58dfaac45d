"""The trials of a search: the study chooses a trial when a node is free, and gets its outcome."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.experiments.decide import Stop
from harness.experiments.outcomes import PRUNED, Outcome
from harness.experiments.trial import PendingTrial, RunningTrial
from harness.scenario.model import Scenario, Trial
from harness.scenario.names import search_trial_id

if TYPE_CHECKING:
    from harness.search import Ending, ProposedTrial, Study


class SearchTrials:
    """A source of trials that a study chooses.

    A killed process may leave trials without a result in the study. The study gets the result of such a trial if its
    outcome is on the disk; otherwise the trial runs.

    Args:
        study: chooses the points.
        scenario: makes trials of the points.
        make: prepares a trial for submission.
        outcomes: outcomes of earlier processes, by the id of the trial.
        reruns: trials of earlier processes that run again, before those of the study; the study gets their results as
            additional trials.
        metric: the metric that is reported to the study while a job runs; None if no metric has steps.
        at_once: the maximum number of concurrent trials; None for any number.
        limit: the maximum number of trials that begin; None for any number.
    """

    is_single = False

    def __init__(
        self,
        study: "Study",
        scenario: Scenario,
        make: Callable[[Trial], PendingTrial],
        *,
        outcomes: Mapping[str, Outcome],
        reruns: Sequence[Trial] = (),
        metric: str | None,
        at_once: int | None = None,
        limit: int | None = None,
    ) -> None:
        self._study, self._scenario, self._make = study, scenario, make
        self._metric = metric
        self._at_once, self._limit = at_once, limit
        self._reruns = list(reruns)
        self._numbers: dict[str, int | None] = {}  # by the id of a running trial; None for a rerun
        self._reported_steps: dict[str, int] = {}  # by the id of a running trial
        self._unfinished: list[ProposedTrial] = []
        for proposal in study.unfinished():
            outcome = outcomes.get(search_trial_id(proposal.number, proposal.point))
            if outcome is None:
                self._unfinished.append(proposal)
            else:
                self._tell(proposal.number, outcome, steps=0)

    @property
    def is_exhausted(self) -> bool:
        """Whether there are no more trials."""
        if self._reruns:
            return False
        return self._limit == 0 or not (self._unfinished or self._study.proposed_count < self._study.total)

    def next(self) -> PendingTrial | None:
        """The next trial; None if there are no more, or while ``at_once`` trials are running."""
        if self.is_exhausted or (self._at_once is not None and len(self._numbers) >= self._at_once):
            return None
        if self._reruns:
            trial = self._reruns.pop(0)
            self._numbers[trial.id] = None
            return self._make(trial)
        proposal = self._unfinished.pop(0) if self._unfinished else self._study.ask()
        if proposal is None:
            return None
        trial = trial_of(self._scenario, proposal)
        self._numbers[trial.id] = proposal.number
        self._limit = None if self._limit is None else self._limit - 1
        return self._make(trial)

    def judge(self, trial: RunningTrial) -> Stop | None:
        """Report the new values of a running trial to the study; return a reason to stop if the study prunes it."""
        number, last_step = self._numbers[trial.id], self._reported_steps.get(trial.id, 0)
        if self._metric is None or number is None:
            return None
        for step, value in enumerate(trial.values(self._metric)[last_step:], last_step + 1):
            self._reported_steps[trial.id] = step
            self._study.report(number, step, value)
            if self._study.should_prune(number):
                return Stop(trial.id, f"pruned at step {step}: {self._metric} is {value:g}", "pruned")
        return None

    def take(self, outcome: Outcome) -> None:
        """Report the outcome of a trial to the study."""
        number, steps = self._numbers.pop(outcome.trial), self._reported_steps.pop(outcome.trial, 0)
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


def trial_of(scenario: Scenario, proposal: "ProposedTrial") -> Trial:
    """The scenario's trial at a point that a study has chosen."""
    return scenario.trial(proposal.point, search_trial_id(proposal.number, proposal.point))
