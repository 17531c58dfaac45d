"""The training log: ``cntk.logging``, in CNTK's own format."""  # CNTK's own name

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .function import Function, Tensor
from .missing import missing

_UNKNOWN_EPOCHS: Final = 300  # CNTK writes this number if it is not given one


@dataclass(slots=True)
class _Sums:
    """Sums since the last line; loss and metric stay tensors, so that no update waits for a GPU."""

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


class _UpdateCounter:
    """Counts updates, and returns sums at each of the first ``first`` updates and at every ``freq``-th one."""

    def __init__(self, freq: int | None, first: int) -> None:
        self._freq, self._first = freq, first
        self._total = 0
        self._since = _Sums()

    def count(self, samples: int) -> _Sums | None:
        """Count an update; return the sums since the last report if a report is due, else None."""
        self._total += 1
        self._since.add(0.0, None, samples)
        if self._total > self._first and (not self._freq or self._total % self._freq):
            return None
        elapsed, self._since = self._since, _Sums()
        return elapsed


class ProgressPrinter:
    """Prints the average loss and metric of each epoch, and of every ``freq`` minibatches.

    Args:
        freq: minibatches from line to line; 0 for lines after 1, 2, 4, 8 and so on; default only epochs.
        first: minibatches at the start that each get a line.
        tag: a word before the figures of an epoch.
        log_to_file: a file to write to, which begins with four lines of CNTK's own; default standard output.
        rank: of this worker, added to the name of the file.
        gen_heartbeat: accepted as in CNTK.
        num_epochs: how many there are, for the lines of epochs.
        test_freq: minibatches of a test from line to line; default none.
        test_first: accepted as in CNTK.
        metric_is_pct: whether a metric is printed in percent.
        distributed_freq: exchanges between workers from line to line; default none.
        distributed_first: exchanges at the start that each get a line.
    """

    def __init__(  # noqa: PLR0917  # CNTK's own order
        self,
        freq: int | None = None,
        first: int = 0,
        tag: str = "",
        log_to_file: str | None = None,
        rank: int | None = None,
        gen_heartbeat: bool = False,
        num_epochs: int | None = None,
        test_freq: int | None = None,
        test_first: int = 0,
        metric_is_pct: bool = True,
        distributed_freq: int | None = None,
        distributed_first: int = 0,
    ) -> None:
        del gen_heartbeat, test_first
        self._exchanges = _UpdateCounter(distributed_freq, distributed_first)
        self._freq, self._first, self._test_freq = freq, first, test_freq
        self._tag = f"[{tag}] " if tag else ""
        self._epoch_total = f" of {num_epochs}" if num_epochs is not None else ""
        self._percent = metric_is_pct
        self._file = None if log_to_file is None else Path(log_to_file + ("" if rank is None else f"rank{rank}"))
        self._epoch, self._since, self._test, self._test_since = _Sums(), _Sums(), _Sums(), _Sums()
        self._epochs = self._tests = 0
        self._began = time.monotonic()
        if self._file is not None:
            total = _UNKNOWN_EPOCHS if num_epochs is None else num_epochs
            self._file.write_text(
                f"{self._file}\nCNTKCommandTrainInfo: train : {total}\n"
                f"CNTKCommandTrainInfo: CNTKNoMoreCommands_Total : {total}\nCNTKCommandTrainBegin: train\n",
                encoding="utf-8",
            )
            print(f"Redirecting log to file {self._file}", flush=True)  # noqa: T201  # as CNTK does
        if freq == 0:
            self.log(" average      since    average      since      examples")
            self.log("    loss       last     metric       last              ")
            self.log(" ------------------------------------------------------")

    def log(self, message: str) -> None:
        """Write a line."""
        if self._file is None:
            print(message, flush=True)  # noqa: T201  # this class prints
        else:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(message + "\n")

    def end_progress_print(self, msg: str = "") -> None:
        """Write that the training has ended, and to a file also a message."""
        self.log("CNTKCommandTrainEnd: train")
        if msg and self._file is not None:
            self.log(msg)

    def on_distributed_sync(self, samples: int) -> None:
        """Count an exchange of gradients between workers, with the number of samples of all workers."""
        if elapsed := self._exchanges.count(samples):
            self.log(f"Distributed training: #Syncs elapsed = {elapsed.updates}, #Samples elapsed = {elapsed.samples}")

    def on_training_update(self, loss: Tensor, metric: Tensor | None, samples: int) -> None:
        """Add the summed loss and metric of a minibatch."""
        self._epoch.add(loss, metric, samples)
        self._since.add(loss, metric, samples)
        count = self._epoch.updates
        if self._freq == 0 and (count + 1) & count == 0:
            self.log(_columns(self._epoch, self._since))
            self._since = _Sums()
        elif self._freq and (count % self._freq == 0 or count <= self._first):
            self.log(self._line("", self._since, count))
            self._since = _Sums()

    def on_training_summary(self) -> None:
        """Print the averages of the epoch and begin another; the lines of ``freq=0`` continue over all epochs."""
        self._epochs += 1
        if self._freq == 0:
            return
        sums, seconds = self._epoch, time.monotonic() - self._began
        metric = "" if sums.metric is None else f", {self._metric(sums)}"
        loss = f"loss = {_average(sums.loss, sums.samples):.6f} * {sums.samples}"
        speed = f"{seconds:.3f}s ({sums.samples / max(seconds, 1e-9):5.1f} samples/s);"
        self.log(f"Finished Epoch[{self._epochs}{self._epoch_total}]: {self._tag}{loss}{metric} {speed}")
        self._epoch, self._since, self._began = _Sums(), _Sums(), time.monotonic()

    def on_test_update(self, metric: Tensor, samples: int) -> None:
        """Add the summed metric of a minibatch of a test."""
        self._test.add(0.0, metric, samples)
        self._test_since.add(0.0, metric, samples)
        if self._test_freq and self._test.updates % self._test_freq == 0:
            self.log(self._line("Evaluation ", self._test_since, self._test.updates))
            self._test_since = _Sums()

    def on_test_summary(self) -> None:
        """Print the average of the test and begin another."""
        self._tests += 1
        sums = self._test
        self.log(f"Finished Evaluation [{self._tests}]: Minibatch[1-{sums.updates}]: {self._metric(sums)};")
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
    total = sum(math.prod(parameter.shape) for parameter in parameters)
    print(f"Training {total} parameters in {len(parameters)} parameter tensors.", flush=True)  # noqa: T201
    for parameter in parameters if trace_level else ():
        print(f" {parameter.name}: {list(parameter.shape)}")  # noqa: T201


def _columns(all_: _Sums, since: _Sums) -> str:
    """A line of the table of ``freq=0``."""
    loss = f"{_average(all_.loss, all_.samples):8.3g}   {_average(since.loss, since.samples):8.3g}   "
    metric = f"{'':8s}   {'':8s}   "
    if all_.metric is not None:
        metric = f"{_average(all_.metric, all_.samples):8.3g}   {_average(since.metric, since.samples):8.3g}   "
    return f" {loss}{metric} {all_.samples:10d}"


def _average(total: Any, samples: int) -> float:
    return float(total) / samples if samples and total is not None else 0.0


__getattr__ = missing(__name__)
