"""Sources of the trials of a run: trials known before the run, or trials that a search chooses during the run."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from harness.experiments.decide import Stop
from harness.experiments.outcomes import Outcome

Pending_co = TypeVar("Pending_co", covariant=True)
Running_contra = TypeVar("Running_contra", contravariant=True)
P = TypeVar("P")
T = TypeVar("T")


class TrialSource(Protocol[Pending_co, Running_contra]):
    """Supplies trials one at a time, and receives their outcomes."""

    @property
    def is_exhausted(self) -> bool:
        """Whether there are no more trials."""

    @property
    def is_single(self) -> bool:
        """Whether the run has one trial only; the first Ctrl-C ends such a run, since there is nothing to drain."""

    def next(self) -> Pending_co | None:
        """The next trial; None if there are no more, or none until another trial has ended."""

    def judge(self, trial: Running_contra) -> Stop | None:
        """A reason to stop a running trial that is not worth finishing; None to let it run."""

    def take(self, outcome: Outcome) -> None:
        """Receive the outcome of a trial after it was stored."""


class KnownTrials(Generic[T, P]):
    """Trials that are known before the run, in order; each is prepared when it is requested.

    Args:
        trials: the trials in file order.
        make: prepares a trial for submission.
    """

    def __init__(self, trials: Iterable[T], make: Callable[[T], P]) -> None:
        self._trials: Iterator[T] = iter(trials)
        self._make = make
        self._buffer = [trial for _, trial in zip(range(2), self._trials, strict=False)]
        self.is_single = len(self._buffer) == 1

    @property
    def is_exhausted(self) -> bool:
        """Whether there are no more trials."""
        return not self._buffer

    def next(self) -> P | None:
        """The next trial; None if there are no more."""
        if not self._buffer:
            return None
        trial = self._buffer.pop(0)
        self._buffer += [trial for _, trial in zip(range(1), self._trials, strict=False)]
        return self._make(trial)

    def judge(self, _trial: object) -> None:
        """Return None: every trial runs to its end."""

    def take(self, outcome: Outcome) -> None:
        """Do nothing, since outcomes do not affect the next trials."""
