"""The trials that a run begins: those without an outcome, those that failed, or one by name."""

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
    """The selection of trials by a command line.

    Attributes:
        limit: how many begin at most; None for any number.
        failed: those with an outcome that is not as expected run again.
        trial: ``name=value,...`` of the only one that is wanted; empty for all.
        storage: URL of the database that keeps the studies; default one in the run directory.
    """

    limit: int | None = None
    failed: bool = False
    trial: str = ""
    storage: str | None = None


@dataclass(frozen=True)
class Part:
    """The part of a run that concerns one scenario.

    Attributes:
        done: outcomes that stay as they are, by the id of their trial.
        trials: that are known and are run.
        study: of a search, which finds more; None where there is none.
        limit: how many trials of the search begin at most.
    """

    scenario: Scenario
    done: Mapping[str, Outcome]
    trials: Sequence[Trial] = ()
    study: "Study | None" = field(default=None, repr=False)
    limit: int | None = None

    @property
    def total(self) -> int:
        """How many trials run."""
        left = 0 if self.study is None else self.study.left
        return len(self.trials) + (left if self.limit is None else min(left, self.limit))


def parts_of(scenarios: Sequence[Scenario], directory: RunDirectory, selection: Selection) -> Iterator[Part]:
    """The part of a run for each scenario.

    Raises:
        UserError: a study cannot be opened, or the trial that is wanted does not exist.
    """
    left = selection.limit
    for scenario in scenarios:
        if selection.trial:
            yield _of_one_trial(scenario, directory, selection)
            continue
        part = _of_search(scenario, directory, selection, left) if scenario.sweep.search else None
        if part is None:
            part = _of_known_trials(scenario, directory, selection, left)
        left = None if left is None else left - part.total
        yield part


def _of_one_trial(scenario: Scenario, directory: RunDirectory, selection: Selection) -> Part:
    trial = named_trial(scenario, selection.trial)
    outcome = directory.latest(scenario).get(trial.id)
    is_done = outcome is not None and dict(outcome.parameters) == dict(trial.parameters)
    if outcome is not None and is_done and (outcome.is_met or not selection.failed):
        return Part(scenario, {trial.id: outcome})
    return Part(scenario, {}, (trial,))


def _of_known_trials(scenario: Scenario, directory: RunDirectory, selection: Selection, left: int | None) -> Part:
    done = directory.done(scenario)
    settled = {name for name, outcome in done.items() if outcome.is_met or not selection.failed}
    trials = tuple(islice(scenario.trials.without(settled), left))
    begun = {trial.id for trial in trials}
    return Part(scenario, {name: outcome for name, outcome in done.items() if name not in begun}, trials)


def _of_search(scenario: Scenario, directory: RunDirectory, selection: Selection, left: int | None) -> Part:
    latest = directory.latest(scenario)
    again = [outcome for outcome in latest.values() if not outcome.is_met] if selection.failed else []
    again = again if left is None else again[:left]
    names = {outcome.trial for outcome in again}
    # A database may be shared with other runs, a file in the run directory is not.
    name = f"{scenario.scenario}-{directory.run}" if selection.storage else scenario.scenario
    return Part(
        scenario,
        {name: outcome for name, outcome in latest.items() if name not in names},
        tuple(scenario.trial(_point(scenario, outcome), outcome.trial) for outcome in again),
        study_of(scenario, selection.storage or directory.open_study(), name),
        None if left is None else left - len(again),
    )


def _point(scenario: Scenario, outcome: Outcome) -> dict[str, Scalar]:
    return {name: outcome.parameters[name] for name in scenario.swept if name in outcome.parameters}


def named_trial(scenario: Scenario, words: str) -> Trial:
    """The trial that somebody names by its values, or by its id.

    Args:
        scenario: of the trial.
        words: ``name=value,...``; swept names that are not given have their values of ``parameters``.

    Raises:
        UserError: it names something else, or a name has no value.
    """
    if words in scenario.trials.ids():
        return scenario.trials.named(words)
    point: dict[str, Scalar] = {}
    for word in words.split(","):
        name, equals, value = word.partition("=")
        if not equals or name not in scenario.swept:
            hint = suggestion(name, scenario.swept) or "the scenario sweeps nothing"
            raise UserError(f"--trial {words}: {word!r} gives no swept name a value; {hint}")
        try:
            read = read_value(value)
        except ValueError:
            read = value
        if not isinstance(read, bool | int | float | str):
            raise UserError(f"--trial {words}: give {name} one number, text or boolean")
        point[name] = read
    missing = [name for name in scenario.swept if name not in point and name not in scenario.sweep.when]
    if missing:
        raise UserError(
            f"--trial {words}: give {missing[0]} a value, too: the trial is made by {', '.join(scenario.swept)}"
        )
    return scenario.trial({name: point[name] for name in scenario.swept if name in point})
