"""The training log: ``cntk.logging``, in CNTK's own format."""  # CNTK's own name

import math
import time
from dataclasses import dataclass
from typing import Any

from .function import Function, Tensor
from .missing import missing


@dataclass(slots=True)
class _Sums:
    """What has come in since the last line; loss and metric stay tensors, so that a GPU is not waited for."""

    loss: Tensor | float = 0.0
    metric: Tensor | float | None = None
    samples: int = 0
    updates: int = 0

    def add(self, loss: Tensor | float, metric: Tensor | None, samples: int) -> None:
        self.loss = self.loss + loss
        if metric is not None:
            self.metric = metric if self.metric is None else self.metric + metric
        self.samples += samples
        self.updates += 1


class ProgressPrinter:
    """Prints the average loss and metric of each epoch, and of every ``freq`` minibatches, to standard output.

    Args:
        freq: minibatches from line to line; default only epochs.
        first: minibatches at the start that each get a line.
        tag: a word before the figures of an epoch.
        num_epochs: told in the lines of epochs.
        metric_is_pct: whether a metric is printed in percent.
        test_freq: minibatches of a test from line to line; default none.

    Raises:
        ValueError: ``freq`` is 0, CNTK's geometric schedule, or negative.
    """

    def __init__(
        self,
        freq: int | None = None,
        first: int = 0,
        tag: str = "",
        *,
        num_epochs: int | None = None,
        metric_is_pct: bool = True,
        test_freq: int | None = None,
    ) -> None:
        if freq is not None and freq <= 0:
            raise ValueError("CNTK on PyTorch prints every freq minibatches, freq > 0, or epochs alone, freq=None")
        self._freq, self._first, self._test_freq = freq, first, test_freq
        self._tag = f"[{tag}] " if tag else ""
        self._of = f" of {num_epochs}" if num_epochs is not None else ""
        self._percent = metric_is_pct
        self._epoch, self._since, self._test, self._test_since = _Sums(), _Sums(), _Sums(), _Sums()
        self._epochs = self._tests = 0
        self._began = self._test_began = time.monotonic()

    def log(self, message: str) -> None:
        """Print a line."""
        print(message, flush=True)  # noqa: T201  # what this class is for

    def on_training_update(self, loss: Tensor, metric: Tensor | None, samples: int) -> None:
        """Take in a minibatch's summed loss and metric."""
        self._epoch.add(loss, metric, samples)
        self._since.add(loss, metric, samples)
        count = self._epoch.updates
        if self._freq and (count % self._freq == 0 or count <= self._first):
            self.log(self._line("", self._since, count))
            self._since = _Sums()

    def on_training_summary(self) -> None:
        """Print the epoch's averages and begin another."""
        self._epochs += 1
        sums, seconds = self._epoch, time.monotonic() - self._began
        speed = f"{seconds:.3f}s ({sums.samples / max(seconds, 1e-9):5.1f} samples/s);"
        metric = "" if sums.metric is None else f", {self._metric(sums)}"
        loss = f"loss = {_average(sums.loss, sums.samples):.6f} * {sums.samples}"
        self.log(f"Finished Epoch[{self._epochs}{self._of}]: {self._tag}{loss}{metric} {speed}")
        self._epoch, self._since, self._began = _Sums(), _Sums(), time.monotonic()

    def on_test_update(self, metric: Tensor, samples: int) -> None:
        """Take in a test minibatch's summed metric."""
        if not self._test.updates:
            self._test_began = time.monotonic()
        self._test.add(0.0, metric, samples)
        self._test_since.add(0.0, metric, samples)
        if self._test_freq and self._test.updates % self._test_freq == 0:
            self.log(self._line("Evaluation ", self._test_since, self._test.updates))
            self._test_since = _Sums()

    def on_test_summary(self) -> None:
        """Print the test's average and begin another."""
        self._tests += 1
        sums, seconds = self._test, time.monotonic() - self._test_began
        speed = f"{seconds:.3f}s ({sums.samples / max(seconds, 1e-9):5.1f} samples/s);"
        metric = self._metric(sums)
        self.log(f"Finished Evaluation [{self._tests}]: Minibatch[1-{sums.updates}]: {metric} {speed}")
        self._test, self._test_since = _Sums(), _Sums()

    def _line(self, kind: str, sums: _Sums, count: int) -> str:
        loss = "" if kind else f"loss = {_average(sums.loss, sums.samples):.6f} * {sums.samples}"
        metric = "" if sums.metric is None else self._metric(sums)
        figures = ", ".join(part for part in (loss, metric) if part)
        return f" {kind}Minibatch[{count - sums.updates + 1:4d}-{count:4d}]: {figures};"

    def _metric(self, sums: _Sums) -> str:
        average = _average(sums.metric, sums.samples)
        figure = f"{100 * average:.2f}%" if self._percent else f"{average:.6f}"
        return f"metric = {figure} * {sums.samples}"


def log_number_of_parameters(model: Function, trace_level: int = 0) -> None:
    """Print how many numbers in how many tensors are learned.

    Args:
        model: the network.
        trace_level: above 0, each tensor's shape too.
    """
    parameters = model.parameters
    total = sum(math.prod(each.shape) for each in parameters)
    print(f"Training {total} parameters in {len(parameters)} parameter tensors.", flush=True)  # noqa: T201
    for each in parameters if trace_level else ():
        print(f" {each.name}: {list(each.shape)}")  # noqa: T201


def _average(total: Any, samples: int) -> float:
    return float(total) / samples if samples and total is not None else 0.0


__getattr__ = missing(__name__)
