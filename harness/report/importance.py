"""How much each parameter matters to a metric, by Optuna's evaluators."""

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

_FEWEST = 8  # trials with a value that say something
_MOST_FOR_FANOVA = 100  # its time grows with the square of the trials
_LOG_SPAN = 100.0  # a positive parameter whose largest value is so many times its smallest has a logarithmic scale
_TREES = 32


@dataclass(frozen=True, slots=True)
class Importance:
    """How much parameters matter.

    Attributes:
        method: name of the evaluator.
        shares: of each parameter, from 0 to 1, the largest first; together 1.
    """

    method: str
    shares: Mapping[str, float]


def importance_of(goal: Goal, parameters: Sequence[str], outcomes: Sequence[Outcome]) -> Importance | None:
    """How much each parameter matters to what a goal is about; None where too little has been seen.

    Up to 100 trials are evaluated by fANOVA (how much of the metric's variance a parameter explains), more by PED-ANOVA
    (by how much a parameter decides who is among the best).

    Args:
        goal: the metric.
        parameters: those that vary.
        outcomes: of the trials; those without the metric, or with infinity, do not count.
    """
    seen = [
        (outcome.parameters, value)
        for outcome in outcomes
        if (value := outcome.final_value(goal.metric)) is not None
        and math.isfinite(value)
        and _has_all(outcome, parameters)
    ]
    distributions = {name: _distribution([values[name] for values, _ in seen]) for name in parameters}
    known = {name: found for name, found in distributions.items() if found is not None}
    if len(seen) < _FEWEST or not known or len({value for _, value in seen}) < 2:
        return None
    if len(known) == 1:
        return Importance("the only one that varies", dict.fromkeys(known, 1.0))
    is_small = len(seen) <= _MOST_FOR_FANOVA
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PED-ANOVA is called experimental
        evaluator = FanovaImportanceEvaluator(n_trees=_TREES, seed=0) if is_small else PedAnovaImportanceEvaluator()
        found = get_param_importances(_study(goal, seen, known), evaluator=evaluator)
    return Importance("fANOVA" if is_small else "PED-ANOVA", {name: float(share) for name, share in found.items()})


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """No lines of progress of a library while the block lasts."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _has_all(outcome: Outcome, parameters: Sequence[str]) -> bool:
    """Whether a trial has a value of each parameter: with conditions, not every trial does."""
    return all(name in outcome.parameters for name in parameters)


def _study(
    goal: Goal, seen: Sequence[tuple[Mapping[str, Any], float]], distributions: Mapping[str, BaseDistribution]
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
            for values, value in seen
        ]
    )
    return study


def _distribution(values: Sequence[Any]) -> BaseDistribution | None:
    """What a parameter was drawn from; None where it does not vary."""
    if len(set(map(repr, values))) < 2:
        return None
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        low, high = float(min(values)), float(max(values))
        if math.isfinite(low) and math.isfinite(high) and low < high:
            return FloatDistribution(low, high, log=low > 0 and high / low >= _LOG_SPAN)
    return CategoricalDistribution(list(dict.fromkeys(map(str, values))))


def _value(value: Any, distribution: BaseDistribution) -> Any:
    return str(value) if isinstance(distribution, CategoricalDistribution) else float(value)
