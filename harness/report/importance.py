"""How much each parameter affects a metric, by Optuna's evaluators."""

import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances

from harness.experiments.outcomes import Outcome
from harness.results.goal import Goal

_FEWEST = 8  # trials with a value; fewer give no meaningful result
_MOST_FOR_FANOVA = 100  # trials; the time of fANOVA grows with their square
_LOG_SPAN = 100.0  # the ratio of largest and smallest value from which a positive parameter is logarithmic
_TREES = 32


@dataclass(frozen=True, slots=True)
class Importance:
    """How much parameters affect a metric.

    Attributes:
        method: the name of the evaluator.
        shares: the share of each parameter, the largest first; their sum is 1.
    """

    method: str
    shares: Mapping[str, float]


def importance_of(goal: Goal, parameters: Sequence[str], outcomes: Sequence[Outcome]) -> Importance | None:
    """How much each parameter affects the metric of a goal; None if there are too few trials.

    Up to 100 trials are evaluated by fANOVA (how much of the metric's variance a parameter explains), more by PED-ANOVA
    (how much a parameter determines which trials are among the best).

    Args:
        goal: the goal with the metric.
        parameters: the names of parameters that vary.
        outcomes: outcomes of the trials; those without a finite value of the metric are left out.
    """
    points = [
        (outcome.parameters, value)
        for outcome in outcomes
        if (value := outcome.final_value(goal.metric)) is not None
        and math.isfinite(value)
        and _has_all(outcome, parameters)
    ]
    distributions = {name: _distribution([values[name] for values, _ in points]) for name in parameters}
    search_space = {name: distribution for name, distribution in distributions.items() if distribution is not None}
    if len(points) < _FEWEST or not search_space or len({value for _, value in points}) < 2:
        return None
    if len(search_space) == 1:
        return Importance("the only one that varies", dict.fromkeys(search_space, 1.0))
    is_small = len(points) <= _MOST_FOR_FANOVA
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PED-ANOVA is called experimental
        evaluator = FanovaImportanceEvaluator(n_trees=_TREES, seed=0) if is_small else PedAnovaImportanceEvaluator()
        importances = get_param_importances(_study(goal, points, search_space), evaluator=evaluator)
    shares = {name: float(share) for name, share in importances.items()}
    return Importance("fANOVA" if is_small else "PED-ANOVA", shares)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Suppress a library's log lines of progress while the block lasts."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _has_all(outcome: Outcome, parameters: Sequence[str]) -> bool:
    """Whether a trial has a value of each parameter; parameters with conditions may be absent."""
    return all(name in outcome.parameters for name in parameters)


def _study(
    goal: Goal, points: Sequence[tuple[Mapping[str, Any], float]], distributions: Mapping[str, BaseDistribution]
) -> optuna.Study:
    with _quiet("optuna.storages"):
        study = optuna.create_study(direction=goal.direction)
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: _value(values[name], distributions[name]) for name in distributions},
                distributions=dict(distributions),
                value=value,
            )
            for values, value in points
        ]
    )
    return study


def _distribution(values: Sequence[Any]) -> BaseDistribution | None:
    """The distribution of a parameter's values; None if they are all equal."""
    if len(set(map(repr, values))) < 2:
        return None
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        low, high = float(min(values)), float(max(values))
        if math.isfinite(low) and math.isfinite(high) and low < high:
            return FloatDistribution(low, high, log=low > 0 and high / low >= _LOG_SPAN)
    return CategoricalDistribution(list(dict.fromkeys(map(str, values))))


def _value(value: Any, distribution: BaseDistribution) -> Any:
    return str(value) if isinstance(distribution, CategoricalDistribution) else float(value)
