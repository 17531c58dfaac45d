"""Values that change during training: rates, momenta, sizes of minibatches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import accumulate
from typing import Any, ClassVar, Final

IGNORE: Final = 0
Values = float | Sequence[float] | Sequence[tuple[int, float]]


class UnitType(Enum):
    """The unit of a rate in ``learning_rate_schedule``."""

    minibatch = "minibatch"
    sample = "sample"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A sequence of values, each for some units of training.

    ``ends`` are the units at which each value but the last ends. A unit is ``epoch_size`` samples, or one sweep over
    the data if that is None. ``minibatch_size`` is the size of minibatch for which the values are meant; None leaves it
    to the learner.
    """

    values: tuple[float, ...]
    ends: tuple[int, ...]
    epoch_size: int | None
    minibatch_size: int | None
    __iter__: ClassVar[None] = None  # otherwise Python would iterate by ``__getitem__`` for ever

    def at(self, samples: int, sweeps: int) -> float:
        """The value after ``samples`` samples and ``sweeps`` sweeps."""
        unit = sweeps if self.epoch_size is None else samples // self.epoch_size
        return self._value(unit)

    def __getitem__(self, samples: int) -> float:
        """The value after ``samples`` samples; if a unit is a sweep, after so many sweeps.

        Raises:
            IndexError: ``samples`` is negative.
        """
        if samples < 0:
            raise IndexError(f"a schedule has no value after {samples} samples")
        return self._value(samples if self.epoch_size is None else samples // self.epoch_size)

    def _value(self, unit: int) -> float:
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
    """Momentum per minibatch of ``minibatch_size`` samples, or of any size."""
    return learning_parameter_schedule(momentum, minibatch_size, epoch_size)


def momentum_as_time_constant_schedule(momentum: Values, epoch_size: int | None = None) -> Schedule:
    """Momentum by the number of samples after which a gradient has faded to 1/e; 0 is none."""
    plain = learning_parameter_schedule(momentum, 1, epoch_size)
    values = tuple(math.exp(-1 / constant) if constant else 0.0 for constant in plain.values)
    return Schedule(values, plain.ends, plain.epoch_size, 1)


def momentum_schedule_per_sample(momentum: Values | Schedule, epoch_size: int | None = None) -> Schedule:
    """Momentum from sample to sample."""
    return learning_parameter_schedule(momentum, 1, epoch_size)


def minibatch_size_schedule(schedule: Values | Schedule, epoch_size: int = 1) -> Schedule:
    """The size of minibatches: a number, or values for ``epoch_size`` samples each."""
    sizes = learning_parameter_schedule(schedule, 1, epoch_size)
    return replace(sizes, values=tuple(int(value) for value in sizes.values))


def _pair(item: Any) -> tuple[int, float]:
    return (int(item[0]), float(item[1])) if isinstance(item, (tuple, list)) else (1, float(item))
