"""Learners and their rules: ``cntk.learners``."""

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from .function import Tensor
from .learner import Learner, Moment, Options, Rule, State
from .leaves import Parameter
from .missing import missing
from .schedules import (
    IGNORE,
    Schedule,
    UnitType,
    Values,
    learning_parameter_schedule,
    learning_parameter_schedule_per_sample,
    learning_rate_schedule,
    momentum_as_time_constant_schedule,
    momentum_schedule,
    momentum_schedule_per_sample,
)

__all__ = [
    "IGNORE", "Learner", "UnitType", "adadelta", "adam", "learning_parameter_schedule",
    "learning_parameter_schedule_per_sample", "learning_rate_schedule", "momentum_as_time_constant_schedule",
    "momentum_schedule", "momentum_schedule_per_sample", "momentum_sgd", "nesterov", "sgd",
]  # fmt: skip

_VARIANCE_MOMENTUM: Final = learning_parameter_schedule_per_sample(0.9999986111120757)
_WHOLE_RATE: Final = learning_parameter_schedule_per_sample(1)


def sgd(parameters: Sequence[Parameter], lr: Values | Schedule, **options: Any) -> Learner:
    """Stochastic gradient descent.

    Args:
        parameters: what to learn.
        lr: the rate or its schedule.
        options: ``minibatch_size``, ``epoch_size`` and those of ``Options``.
    """
    sizes, rest = _split(options)
    return Learner(parameters, _as_schedule(lr, sizes), _descend, states=0, options=rest)


def momentum_sgd(
    parameters: Sequence[Parameter], lr: Values | Schedule, momentum: Values | Schedule, unit_gain: bool = True,
    **options: Any,
) -> Learner:  # fmt: skip
    """Stochastic gradient descent with momentum.

    Args:
        parameters: what to learn.
        lr: the rate or its schedule.
        momentum: the momentum or its schedule.
        unit_gain: whether a gradient counts ``1 - momentum`` at first and 1 in the end, CNTK's default.
        options: ``minibatch_size``, ``epoch_size`` and those of ``Options``.
    """
    return _with_momentum(parameters, lr, momentum, options, partial(_roll, unit_gain), states=1)


def nesterov(
    parameters: Sequence[Parameter], lr: Values | Schedule, momentum: Values | Schedule, unit_gain: bool = True,
    **options: Any,
) -> Learner:  # fmt: skip
    """Momentum SGD that looks ahead; the arguments are those of ``momentum_sgd``."""
    return _with_momentum(parameters, lr, momentum, options, partial(_look_ahead, unit_gain), states=1)


def adam(
    parameters: Sequence[Parameter],
    lr: Values | Schedule,
    momentum: Values | Schedule,
    unit_gain: bool = True,
    variance_momentum: Values | Schedule = _VARIANCE_MOMENTUM,
    *,
    epsilon: float = 1e-8,
    adamax: bool = False,
    **options: Any,
) -> Learner:
    """Adam.

    Args:
        parameters: what to learn.
        lr: the rate or its schedule.
        momentum: of gradients.
        unit_gain: whether a gradient counts ``1 - momentum``.
        variance_momentum: of their squares.
        epsilon: added to the root of the mean square.
        adamax: has to be ``False`` here.
        options: ``minibatch_size``, ``epoch_size`` and those of ``Options``.
    """
    if adamax:
        raise ValueError("CNTK on PyTorch has no adamax")
    sizes, rest = _split(options)
    return Learner(
        parameters,
        _as_schedule(lr, sizes),
        partial(_adapt, unit_gain, epsilon),
        states=2,
        momentum=_as_schedule(momentum, sizes),
        variance_momentum=_as_schedule(variance_momentum, sizes),
        options=rest,
    )


def adadelta(
    parameters: Sequence[Parameter], lr: Values | Schedule = _WHOLE_RATE, rho: float = 0.95, epsilon: float = 1e-8,
    **options: Any,
) -> Learner:  # fmt: skip
    """Adadelta.

    Args:
        parameters: what to learn.
        lr: the rate or its schedule.
        rho: how much of the squares before is kept.
        epsilon: added to mean squares.
        options: ``minibatch_size``, ``epoch_size`` and those of ``Options``.
    """
    sizes, rest = _split(options)
    return Learner(parameters, _as_schedule(lr, sizes), partial(_adjust, rho, epsilon), states=2, options=rest)


def _with_momentum(
    parameters: Sequence[Parameter], lr: Any, momentum: Any, options: dict[str, Any], rule: Rule, *, states: int
) -> Learner:
    sizes, rest = _split(options)
    smoothing = _as_schedule(momentum, sizes)
    return Learner(parameters, _as_schedule(lr, sizes), rule, states=states, momentum=smoothing, options=rest)


def _descend(weights: list[Tensor], gradients: list[Tensor], _state: State, moment: Moment) -> None:
    torch._foreach_add_(weights, gradients, alpha=-moment.rate)


def _roll(unit_gain: bool, weights: list[Tensor], gradients: list[Tensor], state: State, moment: Moment) -> None:
    gain = (1 - moment.momentum if unit_gain else 1.0) * moment.rate
    torch._foreach_mul_(state[0], moment.momentum)
    torch._foreach_add_(state[0], gradients, alpha=gain)
    torch._foreach_sub_(weights, state[0])


def _look_ahead(unit_gain: bool, weights: list[Tensor], gradients: list[Tensor], state: State, moment: Moment) -> None:
    gain = (1 - moment.momentum if unit_gain else 1.0) * moment.rate
    torch._foreach_mul_(state[0], moment.momentum)
    torch._foreach_add_(state[0], gradients, alpha=gain)
    torch._foreach_add_(weights, state[0], alpha=-moment.momentum)
    torch._foreach_add_(weights, gradients, alpha=-gain)


def _adapt(  # noqa: PLR0917  # a rule's options, then what every rule is given
    unit_gain: bool, epsilon: float, weights: list[Tensor], gradients: list[Tensor], state: State, moment: Moment
) -> None:
    mean, squares = state
    first, second = moment.momentum, float(np.float32(moment.variance_momentum))  # which matters close to 1
    torch._foreach_mul_(mean, first)
    torch._foreach_add_(mean, gradients, alpha=1 - first if unit_gain else 1.0)
    torch._foreach_mul_(squares, second)
    torch._foreach_addcmul_(squares, gradients, gradients, value=1 - second)
    roots = [square.sqrt().add_(epsilon) for square in squares]
    unbiased = math.sqrt(1 - moment.variance_momentum**moment.number) / (1 - first**moment.number)
    torch._foreach_addcdiv_(weights, mean, roots, value=-moment.rate * unbiased)


def _adjust(  # noqa: PLR0917  # a rule's options, then what every rule is given
    rho: float, epsilon: float, weights: list[Tensor], gradients: list[Tensor], state: State, moment: Moment
) -> None:
    squares, moves = state
    torch._foreach_mul_(squares, rho)
    torch._foreach_addcmul_(squares, gradients, gradients, value=1 - rho)
    for weight, gradient, square, move in zip(weights, gradients, squares, moves, strict=True):
        step = gradient * torch.sqrt((move + epsilon) / (square + epsilon))
        move.mul_(rho).addcmul_(step, step, value=1 - rho)
        weight.sub_(step, alpha=moment.rate)


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], Options]:
    """Sizes that schedules take, and the learner's options.

    Raises:
        TypeError: an option is not CNTK's.
        ValueError: one is not offered here.
    """
    sizes = {name: options.pop(name, None) for name in ("minibatch_size", "epoch_size")}
    unknown = set(options) - {field.name for field in fields(Options)}
    for name in ("gaussian_noise_injection_std_dev", "use_mean_gradient"):
        if options.pop(name, None):
            raise ValueError(f"CNTK on PyTorch has no {name}")
        unknown.discard(name)
    if unknown:
        raise TypeError(f"a learner has no option {', '.join(sorted(unknown))}")
    return sizes, Options(**options)


def _as_schedule(values: Values | Schedule, sizes: dict[str, Any]) -> Schedule:
    schedule = learning_parameter_schedule(values, **sizes)
    return (
        schedule if schedule.minibatch_size is not None else replace(schedule, minibatch_size=sizes["minibatch_size"])
    )


__getattr__ = missing(__name__)
