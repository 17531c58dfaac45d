"""The trainer: ``cntk.train`` and ``cntk.Trainer``."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .function import Function, Plan, Tensor, feed
from .learners import Learner
from .logging import ProgressPrinter
from .missing import missing

Writers = ProgressPrinter | Sequence[ProgressPrinter] | None


class Trainer:
    """Fits a network's parameters, minibatch by minibatch.

    Args:
        model: the network; ``None`` takes the loss alone.
        criterion: the loss, or the loss and a metric, each one number per sample.
        parameter_learners: one learner or several, each for its own parameters.
        progress_writers: who hears of losses and metrics.

    Raises:
        ValueError: the criterion is not one number per sample, or no learner is given.
    """

    def __init__(
        self,
        model: Function | None,
        criterion: Function | Sequence[Function | None],
        parameter_learners: Learner | Sequence[Learner],
        progress_writers: Writers = None,
    ) -> None:
        parts = [criterion] if isinstance(criterion, Function) else [each for each in criterion if each is not None]
        if not 1 <= len(parts) <= 2 or any(part.shape != () or not part.batched for part in parts):
            raise ValueError("the criterion is a loss, or a loss and a metric, of one number per sample")
        self.model = model if model is not None else parts[0]
        self.loss_function, self.evaluation_function = parts[0], parts[1] if len(parts) == 2 else None
        self.parameter_learners = _listed(parameter_learners)
        self._writers = _listed(progress_writers)
        if not self.parameter_learners:
            raise ValueError("a trainer needs a learner")
        self._training, self._testing = Plan(parts), Plan([parts[-1]])
        self._learned = [each.tensor for learner in self.parameter_learners for each in learner.parameters]
        self._loss: Tensor = 0.0
        self._metric: Tensor = 0.0
        self.previous_minibatch_sample_count = 0
        self.total_number_of_samples_seen = 0

    @property
    def previous_minibatch_loss_average(self) -> float:
        """The loss of the minibatch trained last."""
        return float(self._loss) / max(1, self.previous_minibatch_sample_count)

    @property
    def previous_minibatch_evaluation_average(self) -> float:
        """The metric of the minibatch trained last."""
        return float(self._metric) / max(1, self.previous_minibatch_sample_count)

    def train_minibatch(self, arguments: Mapping[Any, Any]) -> bool:
        """Learn from a minibatch.

        Args:
            arguments: samples by input of the network: what ``next_minibatch`` gives, or arrays.

        Returns:
            Whether there was anything to learn from: ``False`` for an empty mapping.
        """
        if not arguments:
            return False
        values = feed(arguments)
        losses, *metrics = self._training.run(values, training=True)
        loss, samples = losses.sum(), len(losses)
        gradients = torch.autograd.grad(loss, self._learned)
        sweep_end = any(getattr(each, "end_of_sweep", False) for each in arguments.values())
        start = 0
        for learner in self.parameter_learners:
            stop = start + len(learner.parameters)
            learner.step(gradients[start:stop], samples, sweep_end=sweep_end)
            start = stop
        self._loss = loss.detach().double()
        metric = metrics[0].detach().sum().double() if metrics else None
        self._metric = 0.0 if metric is None else metric
        self.previous_minibatch_sample_count = samples
        self.total_number_of_samples_seen += samples
        for writer in self._writers:
            writer.on_training_update(self._loss, metric, samples)
        return True

    def test_minibatch(self, arguments: Mapping[Any, Any]) -> float:
        """The average metric of a minibatch, or loss where there is no metric, with dropout off."""
        with torch.inference_mode():
            (values,) = self._testing.run(feed(arguments), training=False)
        total = values.sum().double()
        for writer in self._writers:
            writer.on_test_update(total, len(values))
        return float(total) / len(values)

    def summarize_training_progress(self) -> None:
        """Let the writers close an epoch."""
        for writer in self._writers:
            writer.on_training_summary()

    def summarize_test_progress(self) -> None:
        """Let the writers close a test."""
        for writer in self._writers:
            writer.on_test_summary()


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


__getattr__ = missing(__name__)
