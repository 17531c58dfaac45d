"""Swept values as Optuna's distributions, and the values that a trial draws from them."""

import math
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.scenario.swept_values import FindFiles, RangeSpec, list_values
from harness.scenario.values import Scalar


def distribution_of(spec: Any, find: FindFiles) -> BaseDistribution:
    """The distribution of a swept name's values: a range or choices."""
    if not isinstance(spec, RangeSpec) or spec.count is not None:
        return CategoricalDistribution(list_values(spec, find))
    low, high = spec.low, spec.high
    if spec.is_integer:
        step = int(spec.step or 1)
        return IntDistribution(
            math.ceil(low), math.floor(low) + (math.floor(high) - math.ceil(low)) // step * step, spec.log, step
        )
    top = high if spec.step is None else spec.ends()[-1]
    return FloatDistribution(float(low), float(top), spec.log, None if spec.step is None else float(spec.step))


def suggest(trial: optuna.Trial, name: str, choices: BaseDistribution) -> Scalar:
    """A value that a trial draws from a distribution.

    Raises:
        TypeError: ``distribution_of`` does not return such distributions.
    """
    if isinstance(choices, IntDistribution):
        return trial.suggest_int(name, choices.low, choices.high, step=choices.step, log=choices.log)
    if isinstance(choices, FloatDistribution):
        return trial.suggest_float(name, choices.low, choices.high, step=choices.step, log=choices.log)
    if isinstance(choices, CategoricalDistribution):
        value: Any = trial.suggest_categorical(name, choices.choices)
        return value  # type: ignore[no-any-return]  # one of the choices
    raise TypeError(choices)
