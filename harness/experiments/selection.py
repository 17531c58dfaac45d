"""Selects the trials that a run begins: trials without an outcome, failed trials, or one named trial."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.experiments.run_directory import RunDirectory
from harness.experiments.studies import study_of
from harness.scenario.document import read_value
from harness.scenario.model import Scenario, Trial
from harness.scenario.values import Scalar
from harness.suggestions import suggestion

if TYPE_CHECKING:
    from harness.search import Study


@dataclass(frozen=True, slots=True)
class Selection:
    """The trials that a command line selects.

    Attributes:
        limit: the maximum number of trials that begin; None for any number.
        failed: whether trials run again whose outcome is not as expected.
        trial: ``name=value,...`` of the only trial to run; empty for all.
        storage: the URL of the database of the studies; default one in the run directory.
    """

    limit: int | None = None
    failed: bool = False
    trial: str = ""
    storage: str | None = None


@dataclass(frozen=True)
class Part:
    """The part of a run that concerns one scenario.

    Attributes:
        outcomes: outcomes of trials that do not run again, by the id of the trial.
        trials: the trials to run; for a search, those that run again.
        study: chooses the further trials of a search; None if the scenario has no search.
        limit: the maximum number of trials of the search that begin; None for any number.
    """

    scenario: Scenario
    outcomes: Mapping[str, Outcome]
    trials: Sequence[Trial] = ()
    study: "Study | None" = field(default=None, repr=False)
    limit: int | None = None

    @property
    def total(self) -> int:
        """The number of trials to run."""
        remaining = 0 if self.study is None else self.study.remaining
        return len(self.trials) + (remaining if self.limit is None else min(remaining, self.limit))


def parts_of(scenarios: Sequence[Scenario], directory: RunDirectory, selection: Selection) -> Iterator[Part]:
    """The part of a run for each scenario.

    Raises:
        UserError: a study cannot be opened, or the selected trial does not exist.
    """
    limit = selection.limit
    for scenario in scenarios:
        if selection.trial:
            yield _single_trial(scenario, directory, selection)
            continue
        select = _search_trials if scenario.sweep.search else _sweep_trials
        part = select(scenario, directory, selection, limit)
        limit = None if limit is None else limit - part.total
        yield part


def _single_trial(scenario: Scenario, directory: RunDirectory, selection: Selection) -> Part:
    trial = named_trial(scenario, selection.trial)
    outcome = directory.latest_outcomes(scenario).get(trial.id)
    is_done = outcome is not None and dict(outcome.parameters) == dict(trial.parameters)
    if outcome is not None and is_done and (outcome.is_met or not selection.failed):
        return Part(scenario, {trial.id: outcome})
    return Part(scenario, {}, (trial,))


def _sweep_trials(scenario: Scenario, directory: RunDirectory, selection: Selection, limit: int | None) -> Part:
    outcomes = directory.current_outcomes(scenario)
    final_names = {name for name, outcome in outcomes.items() if outcome.is_met or not selection.failed}
    trials = tuple(islice(scenario.trials.without(final_names), limit))
    names = {trial.id for trial in trials}
    return Part(scenario, {name: outcome for name, outcome in outcomes.items() if name not in names}, trials)


def _search_trials(scenario: Scenario, directory: RunDirectory, selection: Selection, limit: int | None) -> Part:
    outcomes = directory.latest_outcomes(scenario)
    failures = [outcome for outcome in outcomes.values() if not outcome.is_met] if selection.failed else []
    failures = failures if limit is None else failures[:limit]
    names = {outcome.trial for outcome in failures}
    # Other runs may use the same database, but not the file in the run directory.
    study_name = f"{scenario.scenario}-{directory.run}" if selection.storage else scenario.scenario
    return Part(
        scenario,
        {name: outcome for name, outcome in outcomes.items() if name not in names},
        tuple(scenario.trial(_point(scenario, outcome), outcome.trial) for outcome in failures),
        study_of(scenario, selection.storage or directory.open_study(), study_name),
        None if limit is None else limit - len(failures),
    )


def _point(scenario: Scenario, outcome: Outcome) -> dict[str, Scalar]:
    return {name: outcome.parameters[name] for name in scenario.swept if name in outcome.parameters}


def named_trial(scenario: Scenario, text: str) -> Trial:
    """The trial that the option ``--trial`` names by its values or by its id.

    Args:
        scenario: the scenario of the trial.
        text: ``name=value,...``, or the id of a trial. A swept name with a condition (``when``) may be absent, and then
            has its value in ``parameters``.

    Raises:
        UserError: the text names no trial, or a swept name has no value.
    """
    if text in scenario.trials.ids():
        return scenario.trials.named(text)
    point: dict[str, Scalar] = {}
    for assignment in text.split(","):
        name, equals, value_text = assignment.partition("=")
        if not equals or name not in scenario.swept:
            hint = suggestion(name, scenario.swept) or "the scenario sweeps nothing"
            raise UserError(f"--trial {text}: {assignment!r} gives no swept name a value; {hint}")
        try:
            value = read_value(value_text)
        except ValueError:
            value = value_text
        if not isinstance(value, bool | int | float | str):
            raise UserError(f"--trial {text}: give {name} one number, text or boolean")
        point[name] = value
    missing = [name for name in scenario.swept if name not in point and name not in scenario.sweep.when]
    if missing:
        raise UserError(
            f"--trial {text}: give {missing[0]} a value, too: a trial is identified by {', '.join(scenario.swept)}"
        )
    return scenario.trial({name: point[name] for name in scenario.swept if name in point})
