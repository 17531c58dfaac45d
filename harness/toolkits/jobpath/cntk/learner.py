"""What a learner does with a minibatch's gradient, whatever its rule.

A gradient here is the sum over a minibatch, as in CNTK. A rate that is meant for minibatches of M samples is divided by
M; one that is meant for none in particular (``IGNORE``) is divided by the samples at hand.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .function import Tensor
from .leaves import Parameter
from .schedules import Schedule, learning_parameter_schedule


@dataclass(frozen=True, slots=True)
class Options:
    """What every learner can do to a gradient before it learns from it, and to weights after; per sample."""

    l1_regularization_weight: float = 0.0
    l2_regularization_weight: float = 0.0
    gradient_clipping_threshold_per_sample: float = math.inf
    gradient_clipping_with_truncation: bool = True


@dataclass(frozen=True, slots=True)
class Moment:
    """A step's circumstances: ``rate`` for the gradient as it comes, and momenta for this minibatch."""

    rate: float
    momentum: float
    variance_momentum: float
    number: int


State = list[list[Tensor]]
Rule = Callable[[list[Tensor], list[Tensor], State, Moment], None]


class Learner:
    """Moves parameters against their gradients.

    Args:
        parameters: what to learn.
        rates: the learning rate.
        rule: what one step does to parameters, given gradients and state.
        states: how many tensors of state each parameter has.
        momentum: of the minibatches before.
        variance_momentum: of their squares.
        options: regularization and clipping.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        rates: Schedule,
        rule: Rule,
        *,
        states: int,
        momentum: Schedule | None = None,
        variance_momentum: Schedule | None = None,
        options: Options,
    ) -> None:
        if not parameters:
            raise ValueError("a learner needs at least one parameter")
        self.parameters = tuple(parameters)
        self._rates, self._rule, self._options = rates, rule, options
        self._momentum, self._variance_momentum = momentum, variance_momentum
        self._tensors = [each.tensor for each in self.parameters]
        self._state: State = [[torch.zeros_like(each) for each in self._tensors] for _ in range(states)]
        self._samples = self._sweeps = self._steps = 0
        self.distributed = False
        self.announced = True  # CNTK logs no rates of a learner that data_parallel_distributed_learner has wrapped

    def learning_rate(self) -> float:
        """The rate that the next minibatch meets, in the schedule's own unit."""
        return self._rates.at(self._samples, self._sweeps)

    def reset_learning_rate(self, learning_rate: Any) -> None:
        """Go on with another rate or schedule."""
        self._rates = learning_parameter_schedule(learning_rate)

    def describe(self) -> tuple[str, ...]:
        """Rate and momentum in force, in the words of CNTK's log."""
        said = [_described("Learning rate", self._rates, self.learning_rate())]
        if self._momentum is not None:
            said.append(_described("Momentum", self._momentum, self._momentum.at(self._samples, self._sweeps)))
        return tuple(said)

    def step(self, gradients: Sequence[Tensor], samples: int, *, sweep_end: bool) -> None:
        """Learn from a minibatch.

        Args:
            gradients: sums over the minibatch, one per parameter.
            samples: in the minibatch.
            sweep_end: whether the data has been gone through once more.
        """
        self._steps += 1
        moment = Moment(
            self.learning_rate() / (self._rates.minibatch_size or samples),
            self._scaled(self._momentum, samples),
            self._scaled(self._variance_momentum, samples),
            self._steps,
        )
        with torch.no_grad():
            found = list(gradients)
            self._regularize(found, samples)
            self._rule(self._tensors, found, self._state, moment)
            self._shrink(moment.rate * samples)
        self._samples += samples
        self._sweeps += sweep_end

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"state": self._state, "samples": self._samples, "sweeps": self._sweeps, "steps": self._steps}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from a checkpoint. Raises ValueError where it is of another learner."""
        if [len(each) for each in kept["state"]] != [len(each) for each in self._state]:
            raise ValueError("the checkpoint is of another kind of learner")
        with torch.no_grad():
            for mine, theirs in zip(self._state, kept["state"], strict=True):
                for tensor, value in zip(mine, theirs, strict=True):
                    tensor.copy_(value)
        self._samples, self._sweeps, self._steps = kept["samples"], kept["sweeps"], kept["steps"]

    def _scaled(self, schedule: Schedule | None, samples: int) -> float:
        if schedule is None:
            return 0.0
        value = schedule.at(self._samples, self._sweeps)
        return float(value ** (samples / schedule.minibatch_size)) if schedule.minibatch_size else value

    def _regularize(self, gradients: list[Tensor], samples: int) -> None:
        limit = self._options.gradient_clipping_threshold_per_sample * samples
        if math.isfinite(limit) and self._options.gradient_clipping_with_truncation:
            for gradient in gradients:
                gradient.clamp_(-limit, limit)
        elif math.isfinite(limit):
            for gradient in gradients:
                gradient.mul_(min(1.0, limit / max(float(gradient.norm()), 1e-30)))
        if self._options.l2_regularization_weight:
            torch._foreach_add_(gradients, self._tensors, alpha=self._options.l2_regularization_weight * samples)

    def _shrink(self, rate: float) -> None:
        if self._options.l1_regularization_weight:
            for tensor in self._tensors:
                tensor.copy_(torch.nn.functional.softshrink(tensor, rate * self._options.l1_regularization_weight))


def _described(what: str, schedule: Schedule, value: float) -> str:
    unit = f"{schedule.minibatch_size} samples" if schedule.minibatch_size else "minibatch"
    return f"{what} per {unit}: {value}"
