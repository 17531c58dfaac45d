"""The trainer: ``cntk.train.trainer`` and ``cntk.Trainer``."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..device import check_device
from ..function import Function, Tensor
from ..io import MinibatchData
from ..learner import Learner
from ..logging import ProgressPrinter
from ..missing import missing
from ..plan import Plan, feed
from ..whole_file import save_atomically
from .distributed import all_sum

Writers = ProgressPrinter | Sequence[ProgressPrinter] | None


class Trainer:
    """Fits a network's parameters, minibatch by minibatch.

    Args:
        model: the network; ``None`` takes the loss alone.
        criterion: the loss, or the loss and a metric; their values of a sample are summed.
        parameter_learners: one learner or several, each for its own parameters.
        progress_writers: get losses and metrics.

    Raises:
        ValueError: the criterion does not depend on samples, or no learner is given.
    """

    def __init__(
        self,
        model: Function | None,
        criterion: Function | Sequence[Function | None],
        parameter_learners: Learner | Sequence[Learner],
        progress_writers: Writers = None,
    ) -> None:
        parts = [criterion] if isinstance(criterion, Function) else [part for part in criterion if part is not None]
        if not 1 <= len(parts) <= 2 or not all(part.batched for part in parts):
            raise ValueError("the criterion is a loss, or a loss and a metric, of samples")
        self.model = model if model is not None else parts[0]
        self.loss_function, self.evaluation_function = parts[0], parts[1] if len(parts) == 2 else None
        self.parameter_learners = _as_tuple(parameter_learners)
        self._writers = _as_tuple(progress_writers)
        if not self.parameter_learners:
            raise ValueError("a trainer needs a learner")
        self._training, self._testing = Plan(parts), Plan([parts[-1]])
        self._parameter_tensors = [
            parameter.tensor for learner in self.parameter_learners for parameter in learner.parameters
        ]
        self.distributed = any(learner.distributed for learner in self.parameter_learners)
        self._loss: Tensor = 0.0
        self._metric: Tensor = 0.0
        self._logged_lines: tuple[str, ...] = ()
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

    def train_minibatch(
        self, arguments: Any, outputs: Any = None, device: Any = None, is_sweep_end: bool | None = None
    ) -> bool:
        """Learn from a minibatch.

        Args:
            arguments: samples by input of the network: the result of ``next_minibatch``, or arrays; or only arrays, in
                the order of the loss's inputs.
            outputs: has to be ``None`` here.
            device: accepted as in CNTK; the default device computes.
            is_sweep_end: whether a sweep over the data ends; default the minibatch's own flag.

        Returns:
            Whether this or another worker had any samples; ``False`` for an empty mapping.
        """
        if outputs is not None:
            raise ValueError("CNTK on PyTorch gives no outputs from train_minibatch; evaluate them with eval")
        check_device(device)
        samples_by_input = self._samples_by_input(arguments)
        loss, metric, gradients, samples = self._gradients(samples_by_input)
        if self.distributed:
            loss, metric, samples = all_sum(gradients, loss, metric, samples)
        self._loss, self._metric = loss, 0.0 if metric is None else metric
        self.previous_minibatch_sample_count = samples
        self.total_number_of_samples_seen += samples
        if not samples:
            return False
        self._announce()
        sweep_end = is_sweep_end
        if sweep_end is None:
            sweep_end = any(getattr(value, "end_of_sweep", False) for value in samples_by_input.values())
        start = 0
        for learner in self.parameter_learners:
            stop = start + len(learner.parameters)
            learner.step(gradients[start:stop], samples, sweep_end=sweep_end)
            start = stop
        for writer in self._writers:
            if self.distributed:
                writer.on_distributed_sync(samples)
            writer.on_training_update(loss, metric, samples)
        return True

    def test_minibatch(self, arguments: Any, device: Any = None) -> float:
        """The average metric of a minibatch, or its loss if there is no metric, with dropout off."""
        check_device(device)
        with torch.inference_mode():
            (values,) = self._testing.run(feed(self._samples_by_input(arguments)), training=False)
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

    def save_checkpoint(self, filename: str, external_state: Mapping[str, Any] | None = None) -> None:
        """Write the network to a file, and parameters and learners' state to ``<filename>.ckp``, as CNTK does.

        Args:
            filename: the network's file; a missing folder is made.
            external_state: numbers and text to keep with the state.

        Raises:
            OSError: a file cannot be written.
        """
        content = {
            "tensors": [tensor.detach().cpu() for tensor in self._state_tensors()],
            "learners": [learner.state() for learner in self.parameter_learners],
            "samples": self.total_number_of_samples_seen,
            "external": dict(external_state or {}),
        }
        self.model.save(filename)
        save_atomically(content, f"{filename}.ckp")

    def restore_from_checkpoint(self, filename: str) -> dict[str, Any]:
        """Continue from a checkpoint that ``save_checkpoint`` has written under this name.

        Returns:
            The external state.

        Raises:
            OSError: there is no such checkpoint.
            ValueError: it is of another network.
        """
        content = torch.load(f"{filename}.ckp", weights_only=True)
        tensors = self._state_tensors()
        if [tensor.shape for tensor in content["tensors"]] != [tensor.shape for tensor in tensors]:
            raise ValueError(f"{filename} is the checkpoint of another network")
        with torch.no_grad():
            for tensor, value in zip(tensors, content["tensors"], strict=True):
                tensor.copy_(value)
        for learner, state in zip(self.parameter_learners, content["learners"], strict=True):
            learner.restore(state)
        self.total_number_of_samples_seen = content["samples"]
        external: dict[str, Any] = content["external"]
        return external

    def _gradients(self, samples_by_input: Mapping[Any, Any]) -> tuple[Tensor, Tensor | None, list[Tensor], int]:
        """Summed loss and metric, gradients of the loss, and the number of samples; zeros without samples."""
        if not any(_length(samples) for samples in samples_by_input.values()):
            zero = torch.zeros((), dtype=torch.float64)
            metric = None if self.evaluation_function is None else zero
            return zero, metric, [torch.zeros_like(tensor) for tensor in self._parameter_tensors], 0
        losses, *metrics = self._training.run(feed(samples_by_input), training=True)
        loss = losses.sum()
        gradients = torch.autograd.grad(loss, self._parameter_tensors)
        metric = metrics[0].detach().sum().double() if metrics else None
        return loss.detach().double(), metric, list(gradients), len(losses)

    def _samples_by_input(self, arguments: Any) -> Mapping[Any, Any]:
        if isinstance(arguments, Mapping):
            return arguments
        inputs = dict.fromkeys(self.loss_function.arguments)
        return dict(zip(inputs, arguments if isinstance(arguments, tuple) else (arguments,), strict=True))

    def _announce(self) -> None:
        """Log rates and momenta when they change, as CNTK does."""
        lines = tuple(line for learner in self.parameter_learners if learner.announced for line in learner.describe())
        for line in lines:
            if line not in self._logged_lines:
                for writer in self._writers:
                    writer.log(line)
        self._logged_lines = lines

    def _state_tensors(self) -> list[Tensor]:
        """Parameters and running statistics."""
        roots = [root for root in (self.loss_function, self.evaluation_function) if root is not None]
        leaves = dict.fromkeys(leaf for root in roots for leaf in (*root.parameters, *root.constants))
        return [leaf.tensor for leaf in leaves]


def _length(samples: Any) -> int:
    """The number of samples; 0 is possible only if a source's minibatch has fewer samples than workers."""
    return samples.num_samples if isinstance(samples, MinibatchData) else 1


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


__getattr__ = missing(__name__)
