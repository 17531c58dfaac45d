"""The study of a search: Optuna's storage is the only record of its trials, and a killed run continues with it.

A point depends only on the seed, the number of its trial, and the results that the study has when it chooses the point.
So the same results in the same order give the same points in the same order, even after a restart.
"""

import hashlib
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.distributions import check_distribution_compatibility
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from harness.errors import UserError
from harness.scenario.conditions import holds, is_excluded
from harness.scenario.direction import Direction
from harness.scenario.search import PLANNED, SearchSpec
from harness.scenario.space import Point, Space
from harness.scenario.sweep import SweepError, SweepSpec
from harness.scenario.swept_values import FindFiles
from harness.scenario.values import Scalar
from harness.search.algorithms import algorithm_errors, make_pruner, make_sampler
from harness.search.distributions import distribution_of, suggest
from harness.search.storage import open_storage, report_storage_errors

# Attributes of trials that are not proposals: their point is excluded, or they are the result of a rerun.
_EXCLUDED, _RERUN = "excluded", "run_again"
_MOST_DRAWS = 200  # for one trial, if points are excluded

_DIRECTIONS: Mapping[Direction, StudyDirection] = {
    "minimize": StudyDirection.MINIMIZE,
    "maximize": StudyDirection.MAXIMIZE,
}

Ending = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class ProposedTrial:
    """A trial that the study has chosen: its number, and the values of its swept names."""

    number: int
    point: Point


class Study:
    """A search and its trials.

    Args:
        sweep: the scenario's sweep, with a search and a goal.
        storage: Optuna's storage.
        name: the name of the study.
        find: lists files.
        constants: values of the parameters that are not swept.

    Raises:
        UserError: a sampler or a pruner cannot be created, the storage cannot be opened, or it holds another search.
    """

    def __init__(
        self, sweep: SweepSpec, storage: BaseStorage, name: str, find: FindFiles, constants: Mapping[str, Scalar]
    ) -> None:
        if sweep.search is None or sweep.goal is None:
            raise UserError("a search has sweep.search and sweep.goal")
        self._sweep, self._spec, self._goal = sweep, sweep.search, sweep.goal
        self._constants = constants
        self._storage = storage
        self._choices = {name: distribution_of(spec, find) for name, spec in self._spec.space.items()}
        self._plan = _plan(sweep, self._spec, find, constants)
        directions = [_DIRECTIONS[self._goal.direction(metric)] for metric in self._goal.names]
        with _quiet():
            sampler, pruner = make_sampler(self._spec.sampler, self._spec.seed), make_pruner(self._spec.pruner)
        try:
            self._study = optuna.create_study(
                storage=storage,
                study_name=name,
                directions=directions,
                sampler=sampler,
                pruner=pruner,
                load_if_exists=True,
            )
        except Exception as error:  # the database's driver may raise anything
            raise UserError(f"the study {name} cannot be opened: {error}") from error
        if self._study.directions != directions:
            raise UserError(f"the study {name} in this storage has another goal; name another run directory")
        with _quiet():
            self._study.set_metric_names(list(self._goal.names))
        self._id = storage.get_study_id_from_name(name)
        trials = self._study.get_trials(deepcopy=False)
        # A killed process may have left a waiting trial, which was not proposed yet.
        self._waiting = sum(trial.state == TrialState.WAITING for trial in trials)
        self._numbers = len(trials) - self._waiting
        self._refuse_other_values(name, trials)
        self._excluded = sum(bool(trial.user_attrs.keys() & {_EXCLUDED, _RERUN}) for trial in trials)
        self._unfinished = [trial.number for trial in trials if trial.state == TrialState.RUNNING]

    @property
    def total(self) -> int:
        """The number of trials of the whole search."""
        return min(self._spec.trials, len(self._plan)) if self._plan else self._spec.trials

    @property
    def proposed_count(self) -> int:
        """The number of trials that this process and earlier ones have proposed."""
        return self._numbers - self._excluded

    @property
    def remaining(self) -> int:
        """The number of trials without a result: those that are not proposed yet, and those that run."""
        trials = self._study.get_trials(deepcopy=False)
        return self.total - self.proposed_count + sum(trial.state == TrialState.RUNNING for trial in trials)

    @report_storage_errors
    def unfinished(self) -> list[ProposedTrial]:
        """The trials that an earlier process proposed, and whose result it did not report.

        A process that was killed in ``ask`` may have left a trial without some values: this chooses them.
        """
        proposals = []
        for number in self._unfinished:
            self._seed_sampler(number)
            proposal = self._propose(optuna.Trial(self._study, self._trial_id(number)))
            if proposal is not None:
                proposals.append(proposal)
        return proposals

    @report_storage_errors
    def ask(self) -> ProposedTrial | None:
        """The next trial; None if there are no more.

        Raises:
            UserError: all points that the sampler chooses are excluded, or the storage cannot be used.
        """
        for _ in range(_MOST_DRAWS):
            if self.proposed_count >= self.total:
                return None
            if self._waiting:
                self._waiting -= 1
            elif self._plan:
                self._study.enqueue_trial(dict(self._plan[self.proposed_count]))
            self._seed_sampler(self._numbers)
            with algorithm_errors("sampler", self._spec.sampler):
                trial = self._study.ask()
            self._numbers += 1
            if (proposal := self._propose(trial)) is not None:
                return proposal
        raise UserError(f"{_MOST_DRAWS} consecutive points are excluded; widen the space, or exclude less")

    @report_storage_errors
    def report(self, number: int, step: int, value: float) -> None:
        """Record the value of a running trial at a step; steps count from 1."""
        self._storage.set_trial_intermediate_value(self._trial_id(number), step, value)

    @report_storage_errors
    def should_prune(self, number: int) -> bool:
        """Whether a running trial is not worth finishing."""
        with algorithm_errors("pruner", self._spec.pruner):
            return self._study.pruner.prune(self._study, self._storage.get_trial(self._trial_id(number)))

    @report_storage_errors
    def tell(self, number: int, ending: Ending, metrics: Mapping[str, float]) -> None:
        """Record how a trial ended; a trial that has ended already is not changed.

        Args:
            number: the number of the trial.
            ending: how it ended; a ``complete`` trial whose metrics of the goal are not all numbers has failed.
            metrics: values by name.
        """
        trial_id = self._trial_id(number)
        frozen = self._storage.get_trial(trial_id)
        if frozen.state.is_finished():
            return
        for name, violation in self._violations(metrics):
            self._storage.set_trial_system_attr(trial_id, f"constraints:{name}", violation)
        values = [metrics.get(name, math.nan) for name in self._goal.names]
        with algorithm_errors("sampler", self._spec.sampler):  # Optuna calls the sampler here, too
            if ending == "pruned" and frozen.intermediate_values:
                self._study.tell(number, state=TrialState.PRUNED)
            elif ending == "complete" and not any(math.isnan(value) for value in values):
                self._study.tell(number, values)
            else:
                self._study.tell(number, state=TrialState.FAIL)

    @report_storage_errors
    def add(self, parameters: Mapping[str, Scalar], metrics: Mapping[str, float]) -> None:
        """Add the result of a trial that ran again; it does not count as a proposed trial."""
        values = [metrics.get(name, math.nan) for name in self._goal.names]
        if any(map(math.isnan, values)):
            return
        params = {name: parameters[name] for name in self._choices if name in parameters}
        choices = {name: self._choices[name] for name in params}
        attributes = {_RERUN: True}
        trial = optuna.create_trial(values=values, params=params, distributions=choices, user_attrs=attributes)
        self._study.add_trial(trial)
        self._numbers += 1
        self._excluded += 1

    def _violations(self, metrics: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        """By how much each constraint is violated; 0 or less if it is met."""
        for name, bound in self._spec.constraints.items():
            value = metrics.get(name, math.nan)
            if not math.isnan(value):
                above = value - bound.max if bound.max is not None else -math.inf
                below = bound.min - value if bound.min is not None else -math.inf
                yield name, max(above, below)

    def _seed_sampler(self, number: int) -> None:
        """Seed the sampler for one trial, so that earlier draws do not matter."""
        if not self._plan and not self._spec.sampler.is_own:
            with _quiet():
                self._study.sampler = make_sampler(self._spec.sampler, _seed(self._spec.seed, number))

    def _propose(self, trial: optuna.Trial) -> ProposedTrial | None:
        """Choose all values of a trial; if its point is excluded, end the trial and return None."""
        point: dict[str, Scalar] = {}
        constants = dict(self._constants)
        for name, choices in self._choices.items():
            if holds(self._sweep.when.get(name, {}), {**constants, **point}):
                with algorithm_errors("sampler", self._spec.sampler):
                    point[name] = suggest(trial, name, choices)
        if not is_excluded(point, self._sweep.exclude, constants):
            return ProposedTrial(trial.number, point)
        trial.set_user_attr(_EXCLUDED, True)
        self._excluded += 1
        self._study.tell(trial, state=TrialState.FAIL)
        return None

    def _refuse_other_values(self, study: str, trials: Sequence[FrozenTrial]) -> None:
        """Refuse a study that has other values of a name than the scenario has now."""
        distributions = {name: choices for trial in trials for name, choices in trial.distributions.items()}
        for name in distributions.keys() & self._choices.keys():
            try:
                check_distribution_compatibility(distributions[name], self._choices[name])
            except ValueError:
                raise UserError(
                    f"the study {study} in this storage has other values of {name}; name another run directory, "
                    "or sweep the values that it has"
                ) from None

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)


def open_study(
    sweep: SweepSpec, *, name: str, storage: str | None, find: FindFiles, constants: Mapping[str, Scalar]
) -> Study:
    """The study of a search, new or continued.

    Args:
        sweep: the scenario's sweep, with a search and a goal.
        name: the name of the study.
        storage: the URL of the database in Optuna's form; None to keep the study in memory.
        find: lists files.
        constants: values of the parameters that are not swept.

    Raises:
        UserError: the study cannot be opened.
    """
    return Study(sweep, open_storage(storage), name, find, constants)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings that a feature of Optuna is experimental: the extra pins Optuna's version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _plan(sweep: SweepSpec, spec: SearchSpec, find: FindFiles, constants: Mapping[str, Scalar]) -> Sequence[Point]:
    """The points of a sampler that does not depend on results; empty for any other sampler."""
    if spec.sampler.name not in PLANNED:
        return ()
    sample = {"samples": spec.trials, "seed": spec.seed, "space": spec.space}
    section: Mapping[str, Any] = {"grid": spec.space} if spec.sampler.name == "grid" else {spec.sampler.name: sample}
    planned = SweepSpec.model_validate({**section, "when": sweep.when, "exclude": sweep.exclude})
    try:
        space: Space = planned.space(find, {}, constants)
    except SweepError as error:
        raise UserError(str(error)) from None
    return space


def _seed(seed: int, number: int) -> int:
    """A different seed for each trial: a restarted sampler must not choose its first points again."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:4])
