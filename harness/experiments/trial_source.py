"""Sources of the trials of a run: known before it, or chosen by a search during the run."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from harness.experiments.decide import Stop
from harness.experiments.outcomes import Outcome

Pending_co = TypeVar("Pending_co", covariant=True)
Running_contra = TypeVar("Running_contra", contravariant=True)
P = TypeVar("P")
T = TypeVar("T")


class TrialSource(Protocol[Pending_co, Running_contra]):
    """Gives trials one at a time, and receives their outcomes."""

    @property
    def is_exhausted(self) -> bool:
        """Whether no trial comes any more."""

    @property
    def is_single(self) -> bool:
        """Whether the run has one trial only, which is worth ending at the first Ctrl-C."""

    def next(self) -> Pending_co | None:
        """The next trial; None if there is none, or none before another one has ended."""

    def judge(self, trial: Running_contra) -> Stop | None:
        """Why a running trial is not worth finishing; None if it is."""

    def take(self, outcome: Outcome) -> None:
        """Receive the outcome of a trial, which is on the disk."""


class KnownTrials(Generic[T, P]):
    """Trials that are known before the run, in order; each is made when it is wanted.

    Args:
        trials: in file order.
        make: makes of one what can be submitted.
    """

    def __init__(self, trials: Iterable[T], make: Callable[[T], P]) -> None:
        self._trials: Iterator[T] = iter(trials)
        self._make = make
        self._ahead = [trial for _, trial in zip(range(2), self._trials, strict=False)]
        self.is_single = len(self._ahead) == 1

    @property
    def is_exhausted(self) -> bool:
        """Whether no trial comes any more."""
        return not self._ahead

    def next(self) -> P | None:
        """The next trial; None where there are no more."""
        if not self._ahead:
            return None
        trial = self._ahead.pop(0)
        self._ahead += [trial for _, trial in zip(range(1), self._trials, strict=False)]
        return self._make(trial)

    def judge(self, _trial: object) -> None:
        """Every trial runs to its end."""

    def take(self, outcome: Outcome) -> None:
        """Do nothing, since outcomes change nothing."""
