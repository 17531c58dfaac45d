"""The common part of all learners: schedules, regularization, clipping and state.

A gradient here is the sum over a minibatch, as in CNTK. A rate for minibatches of M samples is divided by M; a rate
without such a size (``IGNORE``) is divided by the number of samples in the minibatch.
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
    """Options of every learner: clipping and regularization, with values per sample."""

    l1_regularization_weight: float = 0.0
    l2_regularization_weight: float = 0.0
    gradient_clipping_threshold_per_sample: float = math.inf
    gradient_clipping_with_truncation: bool = True


@dataclass(frozen=True, slots=True)
class Moment:
    """The values of one step: ``rate`` for the summed gradient, and the momenta for this minibatch."""

    rate: float
    momentum: float
    variance_momentum: float
    number: int


State = list[list[Tensor]]
Rule = Callable[[list[Tensor], list[Tensor], State, Moment], None]


class Learner:
    """Moves parameters against their gradients.

    Args:
        parameters: the parameters to learn.
        rates: the learning rate.
        rule: applies one step to parameters, given gradients and state.
        states: the number of state tensors for each parameter.
        momentum: the momentum of gradients.
        variance_momentum: the momentum of squared gradients.
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
        self._tensors = [parameter.tensor for parameter in self.parameters]
        self._state: State = [[torch.zeros_like(tensor) for tensor in self._tensors] for _ in range(states)]
        self._samples = self._sweeps = self._steps = 0
        self.distributed = False
        self.announced = True  # CNTK logs no rates of a learner that data_parallel_distributed_learner has wrapped

    def learning_rate(self) -> float:
        """The rate of the next minibatch, in the unit of the schedule."""
        return self._rates.at(self._samples, self._sweeps)

    def reset_learning_rate(self, learning_rate: Any) -> None:
        """Continue with another rate or schedule."""
        self._rates = learning_parameter_schedule(learning_rate)

    def describe(self) -> tuple[str, ...]:
        """Current rate and momentum as lines of CNTK's log."""
        lines = [_describe("Learning rate", self._rates, self.learning_rate())]
        if self._momentum is not None:
            lines.append(_describe("Momentum", self._momentum, self._momentum.at(self._samples, self._sweeps)))
        return tuple(lines)

    def step(self, gradients: Sequence[Tensor], samples: int, *, sweep_end: bool) -> None:
        """Learn from a minibatch.

        Args:
            gradients: sums over the minibatch, one per parameter.
            samples: in the minibatch.
            sweep_end: whether a sweep over the data ends with this minibatch.
        """
        self._steps += 1
        moment = Moment(
            self.learning_rate() / (self._rates.minibatch_size or samples),
            self._scaled(self._momentum, samples),
            self._scaled(self._variance_momentum, samples),
            self._steps,
        )
        with torch.no_grad():
            total_gradients = list(gradients)
            self._regularize(total_gradients, samples)
            self._rule(self._tensors, total_gradients, self._state, moment)
            self._shrink(moment.rate * samples)
        self._samples += samples
        self._sweeps += sweep_end

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint."""
        return {"state": self._state, "samples": self._samples, "sweeps": self._sweeps, "steps": self._steps}

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Continue from a checkpoint. Raises ValueError if it is of another kind of learner."""
        if [len(tensors) for tensors in checkpoint["state"]] != [len(tensors) for tensors in self._state]:
            raise ValueError("the checkpoint is of another kind of learner")
        with torch.no_grad():
            for own_tensors, values in zip(self._state, checkpoint["state"], strict=True):
                for tensor, value in zip(own_tensors, values, strict=True):
                    tensor.copy_(value)
        self._samples, self._sweeps, self._steps = checkpoint["samples"], checkpoint["sweeps"], checkpoint["steps"]

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


def _describe(title: str, schedule: Schedule, value: float) -> str:
    unit = f"{schedule.minibatch_size} samples" if schedule.minibatch_size else "minibatch"
    return f"{title} per {unit}: {value}"
