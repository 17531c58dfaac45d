"""Schedules and learners: ``cntk.learners``.

A gradient here is the sum over a minibatch, as in CNTK. A rate that is meant for minibatches of M samples is divided by
M; one that is meant for none in particular (``IGNORE``) is divided by the samples at hand, which gives the mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import accumulate
from typing import Any, Final

import torch

from .function import Parameter, Tensor
from .missing import missing

IGNORE: Final = 0
Values = float | Sequence[float] | Sequence[tuple[int, float]]


class UnitType(Enum):
    """What a rate is per, in ``learning_rate_schedule``."""

    minibatch = "minibatch"
    sample = "sample"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Values that take turns.

    ``ends`` are the units after which each value but the last gives way; a unit is ``epoch_size`` samples, or one
    sweep over the data where that is ``None``. ``minibatch_size`` is what the values are meant for; ``None`` leaves
    that to the learner.
    """

    values: tuple[float, ...]
    ends: tuple[int, ...]
    epoch_size: int | None
    minibatch_size: int | None

    def at(self, samples: int, sweeps: int) -> float:
        """The value after so many samples and sweeps."""
        unit = sweeps if self.epoch_size is None else samples // self.epoch_size
        return next((value for value, end in zip(self.values, self.ends, strict=False) if unit < end), self.values[-1])


def learning_parameter_schedule(
    schedule: Values | Schedule, minibatch_size: int | None = None, epoch_size: int | None = None
) -> Schedule:
    """A schedule of a number, a list of one value per unit, or a list of (units, value).

    Args:
        schedule: the values; a schedule stays as it is.
        minibatch_size: samples that the values are meant for; default what the learner says, else any (``IGNORE``).
        epoch_size: samples in a unit; default one sweep over the data.

    Raises:
        ValueError: the list is empty or a size is not positive.
    """
    if isinstance(schedule, Schedule):
        return schedule
    pairs = [(1, schedule)] if isinstance(schedule, (int, float)) else [_pair(item) for item in schedule]
    if not pairs or (epoch_size is not None and epoch_size <= 0) or (minibatch_size or 0) < 0:
        raise ValueError("a schedule needs at least one value, and positive sizes")
    ends = tuple(accumulate(units for units, _ in pairs))[:-1]
    return Schedule(tuple(float(value) for _, value in pairs), ends, epoch_size, minibatch_size)


def learning_parameter_schedule_per_sample(schedule: Values | Schedule, epoch_size: int | None = None) -> Schedule:
    """``learning_parameter_schedule`` of values meant for one sample."""
    return learning_parameter_schedule(schedule, 1, epoch_size)


def learning_rate_schedule(lr: Values | Schedule, unit: UnitType, epoch_size: int | None = None) -> Schedule:
    """The older form of ``learning_parameter_schedule``, with the unit by name."""
    return learning_parameter_schedule(lr, 1 if unit is UnitType.sample else IGNORE, epoch_size)


def momentum_schedule(
    momentum: Values | Schedule, epoch_size: int | None = None, minibatch_size: int | None = None
) -> Schedule:
    """Momentum per minibatch of ``minibatch_size`` samples, or of whatever size comes."""
    return learning_parameter_schedule(momentum, minibatch_size, epoch_size)


def momentum_as_time_constant_schedule(momentum: Values, epoch_size: int | None = None) -> Schedule:
    """Momentum by the number of samples after which a gradient has faded to 1/e; 0 is none."""
    plain = learning_parameter_schedule(momentum, 1, epoch_size)
    values = tuple(math.exp(-1 / constant) if constant else 0.0 for constant in plain.values)
    return Schedule(values, plain.ends, plain.epoch_size, 1)


class Learner:
    """Momentum SGD; without momentum it is SGD.

    Args:
        parameters: what to learn.
        lr: rates.
        momentum: of the minibatches before; ``None`` for none.
        unit_gain: whether a gradient counts ``1 - momentum`` when it comes, so that it counts 1 in the end.
    """

    def __init__(
        self, parameters: Sequence[Parameter], lr: Schedule, *, momentum: Schedule | None, unit_gain: bool
    ) -> None:
        if not parameters:
            raise ValueError("a learner needs at least one parameter")
        self.parameters = tuple(parameters)
        self._lr, self._momentum, self._unit_gain = lr, momentum, unit_gain
        self._smoothed = [torch.zeros_like(each.tensor) for each in self.parameters] if momentum is not None else []
        self._samples = self._sweeps = 0

    def learning_rate(self) -> float:
        """The rate that the next minibatch meets, in the schedule's own unit."""
        return self._lr.at(self._samples, self._sweeps)

    def step(self, gradients: Sequence[Tensor], samples: int, *, sweep_end: bool) -> None:
        """Move the parameters against their gradients.

        Args:
            gradients: sums over the minibatch, one per parameter.
            samples: in the minibatch.
            sweep_end: whether the data has been gone through once more.
        """
        rate = self.learning_rate() / (self._lr.minibatch_size or samples)
        momentum = self._scaled_momentum(samples)
        with torch.no_grad():
            if self._momentum is None:
                for parameter, gradient in zip(self.parameters, gradients, strict=True):
                    parameter.tensor.sub_(gradient, alpha=rate)
            else:
                gain = (1 - momentum if self._unit_gain else 1.0) * rate
                for parameter, smoothed, gradient in zip(self.parameters, self._smoothed, gradients, strict=True):
                    smoothed.mul_(momentum).add_(gradient, alpha=gain)
                    parameter.tensor.sub_(smoothed)
        self._samples += samples
        self._sweeps += sweep_end

    def _scaled_momentum(self, samples: int) -> float:
        if self._momentum is None:
            return 0.0
        value = self._momentum.at(self._samples, self._sweeps)
        size = self._momentum.minibatch_size
        return float(value ** (samples / size)) if size else value


def sgd(
    parameters: Sequence[Parameter],
    lr: Values | Schedule,
    minibatch_size: int | None = None,
    epoch_size: int | None = None,
) -> Learner:
    """Stochastic gradient descent."""
    rates = _inferred(lr, minibatch_size, epoch_size)
    return Learner(parameters, rates, momentum=None, unit_gain=True)


def momentum_sgd(
    parameters: Sequence[Parameter],
    lr: Values | Schedule,
    momentum: Values | Schedule,
    unit_gain: bool = True,
    *,
    minibatch_size: int | None = None,
    epoch_size: int | None = None,
) -> Learner:
    """Stochastic gradient descent with momentum.

    Args:
        parameters: what to learn.
        lr: the rate or its schedule.
        momentum: the momentum or its schedule.
        unit_gain: whether a gradient counts ``1 - momentum`` at first and 1 in the end, CNTK's default.
        minibatch_size: what values that do not say so themselves are meant for; default any size.
        epoch_size: samples in a unit of plain lists.
    """
    rates = _inferred(lr, minibatch_size, epoch_size)
    smoothing = _inferred(momentum, minibatch_size, epoch_size)
    return Learner(parameters, rates, momentum=smoothing, unit_gain=unit_gain)


def _inferred(values: Values | Schedule, minibatch_size: int | None, epoch_size: int | None) -> Schedule:
    schedule = learning_parameter_schedule(values, minibatch_size, epoch_size)
    return schedule if schedule.minibatch_size is not None else replace(schedule, minibatch_size=minibatch_size)


def _pair(item: Any) -> tuple[int, float]:
    return (int(item[0]), float(item[1])) if isinstance(item, (tuple, list)) else (1, float(item))


__getattr__ = missing(__name__)
