"""The study of a search: Optuna's storage is the one record of its trials, and a killed run continues with it.

A point depends on the seed, the number of its trial and the results that the study has when it is asked for it, and on
nothing else: the same results in the same order give the same points in the same order, after a restart too.
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
from harness.search.algorithms import blamed, make_pruner, make_sampler
from harness.search.distributions import distribution_of, suggested
from harness.search.storage import open_storage, stored

# Attributes of trials that do not count: their point does not exist, or they were run again.
_EXCLUDED, _AGAIN = "excluded", "run_again"
_MOST_DRAWS = 200  # for one trial, where points are excluded

_DIRECTIONS: Mapping[Direction, StudyDirection] = {
    "minimize": StudyDirection.MINIMIZE,
    "maximize": StudyDirection.MAXIMIZE,
}

Ending = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial of the study that is to be run: its number, and the values of the names that are swept there."""

    number: int
    point: Point


class Study:
    """A search, and all that is known of its trials.

    Args:
        sweep: of the scenario, with a search and a goal.
        storage: Optuna's.
        name: of the study.
        find: lists files.
        constants: values of the parameters that are not swept.

    Raises:
        UserError: a sampler or a pruner cannot be made, the storage cannot be opened, or holds another search.
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
        except Exception as error:  # whatever the database's driver raises
            raise UserError(f"the study {name} cannot be opened: {error}") from error
        if self._study.directions != directions:
            raise UserError(f"the study {name} in this storage has another goal; name another run directory")
        with _quiet():
            self._study.set_metric_names(list(self._goal.names))
        self._id = storage.get_study_id_from_name(name)
        trials = self._study.get_trials(deepcopy=False)
        # A killed process may have left one that waits: nobody has asked for it yet.
        self._waiting = sum(trial.state == TrialState.WAITING for trial in trials)
        self._numbers = len(trials) - self._waiting
        self._refuse_other_values(name, trials)
        self._excluded = sum(bool(trial.user_attrs.keys() & {_EXCLUDED, _AGAIN}) for trial in trials)
        self._unfinished = [trial.number for trial in trials if trial.state == TrialState.RUNNING]

    @property
    def total(self) -> int:
        """How many trials there are in the end."""
        return min(self._spec.trials, len(self._plan)) if self._plan else self._spec.trials

    @property
    def asked(self) -> int:
        """How many trials were asked for, now and before."""
        return self._numbers - self._excluded

    @property
    def left(self) -> int:
        """How many trials have not ended: those that nobody has asked for yet, and those whose end was not reported."""
        trials = self._study.get_trials(deepcopy=False)
        return self.total - self.asked + sum(trial.state == TrialState.RUNNING for trial in trials)

    @stored
    def unfinished(self) -> list[Asked]:
        """The trials that an earlier process asked for, and whose end it never reported.

        One that was killed while it asked may have left a trial without some of its values: they are chosen here.
        """
        found = []
        for number in self._unfinished:
            self._seed_sampler(number)
            asked = self._chosen(optuna.Trial(self._study, self._trial_id(number)))
            if asked is not None:
                found.append(asked)
        return found

    @stored
    def ask(self) -> Asked | None:
        """The next trial; None where there are no more.

        Raises:
            UserError: all points that the sampler chooses are excluded, or the storage cannot be used.
        """
        for _ in range(_MOST_DRAWS):
            if self.asked >= self.total:
                return None
            if self._waiting:
                self._waiting -= 1
            elif self._plan:
                self._study.enqueue_trial(dict(self._plan[self.asked]))
            self._seed_sampler(self._numbers)
            with blamed("sampler", self._spec.sampler):
                trial = self._study.ask()
            self._numbers += 1
            if (asked := self._chosen(trial)) is not None:
                return asked
        raise UserError(f"{_MOST_DRAWS} points one after the other are excluded; widen the space, or exclude less")

    @stored
    def report(self, number: int, step: int, value: float) -> None:
        """Take a value that a running trial has at a step, from 1."""
        self._storage.set_trial_intermediate_value(self._trial_id(number), step, value)

    @stored
    def prunes(self, number: int) -> bool:
        """Whether a running trial is not worth finishing."""
        with blamed("pruner", self._spec.pruner):
            return self._study.pruner.prune(self._study, self._storage.get_trial(self._trial_id(number)))

    @stored
    def tell(self, number: int, ending: Ending, metrics: Mapping[str, float]) -> None:
        """Take how a trial ended; one that has ended already is not changed.

        Args:
            number: of the trial.
            ending: ``complete`` only counts where every metric of the goal is a number.
            metrics: by name.
        """
        trial_id = self._trial_id(number)
        frozen = self._storage.get_trial(trial_id)
        if frozen.state.is_finished():
            return
        for name, violation in self._violations(metrics):
            self._storage.set_trial_system_attr(trial_id, f"constraints:{name}", violation)
        values = [metrics.get(name, math.nan) for name in self._goal.names]
        with blamed("sampler", self._spec.sampler):  # it is told, too
            if ending == "pruned" and frozen.intermediate_values:
                self._study.tell(number, state=TrialState.PRUNED)
            elif ending == "complete" and not any(math.isnan(value) for value in values):
                self._study.tell(number, values)
            else:
                self._study.tell(number, state=TrialState.FAIL)

    @stored
    def add(self, parameters: Mapping[str, Scalar], metrics: Mapping[str, float]) -> None:
        """Take what came out of a trial that was run again; it counts besides those that are asked for."""
        values = [metrics.get(name, math.nan) for name in self._goal.names]
        if any(map(math.isnan, values)):
            return
        params = {name: parameters[name] for name in self._choices if name in parameters}
        choices = {name: self._choices[name] for name in params}
        attributes = {_AGAIN: True}
        trial = optuna.create_trial(values=values, params=params, distributions=choices, user_attrs=attributes)
        self._study.add_trial(trial)
        self._numbers += 1
        self._excluded += 1

    def _violations(self, metrics: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        """By how much each constraint is not met; at most 0 where it is."""
        for name, bound in self._spec.constraints.items():
            value = metrics.get(name, math.nan)
            if not math.isnan(value):
                above = value - bound.max if bound.max is not None else -math.inf
                below = bound.min - value if bound.min is not None else -math.inf
                yield name, max(above, below)

    def _seed_sampler(self, number: int) -> None:
        """Have the sampler draw what it draws for a trial, whatever it has drawn before."""
        if not self._plan and not self._spec.sampler.is_own:
            with _quiet():
                self._study.sampler = make_sampler(self._spec.sampler, _seed(self._spec.seed, number))

    def _chosen(self, trial: optuna.Trial) -> Asked | None:
        """A trial with all its values; None where its point is excluded, with which it ends."""
        point: dict[str, Scalar] = {}
        known = dict(self._constants)
        for name, choices in self._choices.items():
            if holds(self._sweep.when.get(name, {}), {**known, **point}):
                with blamed("sampler", self._spec.sampler):
                    point[name] = suggested(trial, name, choices)
        if not is_excluded(point, self._sweep.exclude, known):
            return Asked(trial.number, point)
        trial.set_user_attr(_EXCLUDED, True)
        self._excluded += 1
        self._study.tell(trial, state=TrialState.FAIL)
        return None

    def _refuse_other_values(self, study: str, trials: Sequence[FrozenTrial]) -> None:
        """Refuse a study that was begun with other values of a name than the scenario has now."""
        begun = {name: choices for trial in trials for name, choices in trial.distributions.items()}
        for name in begun.keys() & self._choices.keys():
            try:
                check_distribution_compatibility(begun[name], self._choices[name])
            except ValueError:
                raise UserError(
                    f"the study {study} in this storage has other values of {name}; name another run directory, "
                    "or sweep the values that it was begun with"
                ) from None

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)


def open_study(
    sweep: SweepSpec, *, name: str, storage: str | None, find: FindFiles, constants: Mapping[str, Scalar]
) -> Study:
    """The study of a search, new or continued.

    Args:
        sweep: of the scenario, with a search and a goal.
        name: of the study.
        storage: URL of the database, as Optuna has it; None to keep nothing.
        find: lists files.
        constants: values of the parameters that are not swept.

    Raises:
        UserError: it cannot be opened.
    """
    return Study(sweep, open_storage(storage), name, find, constants)


@contextmanager
def _quiet() -> Iterator[None]:
    """What Optuna may change in a later version is pinned by the extra."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _plan(sweep: SweepSpec, spec: SearchSpec, find: FindFiles, constants: Mapping[str, Scalar]) -> Sequence[Point]:
    """The points of a sampler that does not look at results; none of one that does."""
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
    """A seed of its own for each trial: a restarted sampler must not choose its first points again."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:4])
