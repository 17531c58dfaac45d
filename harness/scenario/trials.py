"""The trials of a scenario, which are created when they are needed."""

from collections.abc import Callable, Container, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, overload

from harness.scenario.space import Point, Space

if TYPE_CHECKING:
    from harness.scenario.model import Trial

_MAX_SAMPLE = 500
_CACHE_SIZE = 512  # trials; enough for a complete sample, which is used repeatedly
_MOST_EXAMPLES = 5000


class Trials(Sequence["Trial"]):
    """A trial for each point of a sweep.

    Args:
        space: the points.
        make: creates the trial of a point.
        examples: points whose trials are created to validate them; default: points of the space.
    """

    def __init__(self, space: Space, make: Callable[[Point], "Trial"], examples: Sequence[Point] = ()) -> None:
        self._space = space
        self._make = make
        self._examples = examples
        self._trial = lru_cache(_CACHE_SIZE)(lambda index: make(space[index]))

    def __len__(self) -> int:
        return len(self._space)

    @overload
    def __getitem__(self, index: int) -> "Trial": ...

    @overload
    def __getitem__(self, index: slice) -> tuple["Trial", ...]: ...

    def __getitem__(self, index: int | slice) -> "Trial | tuple[Trial, ...]":
        """Return a trial, or the trials of a slice.

        Raises:
            ScenarioError: with the values of its point, the trial cannot work.
        """
        if isinstance(index, slice):
            return tuple(self._trial(number) for number in range(len(self))[index])
        return self._trial(range(len(self))[index])

    def __iter__(self) -> Iterator["Trial"]:
        return (self._trial(index) for index in range(len(self)))

    def ids(self) -> Iterator[str]:
        """Return the id of every trial, without creating the trials."""
        return self._space.ids()

    def only(self, names: Container[str]) -> Iterator["Trial"]:
        """Yield the trials of some ids, in order; other trials are not created."""
        return (self._trial(index) for index, name in enumerate(self.ids()) if name in names)

    def without(self, names: Container[str]) -> Iterator["Trial"]:
        """Yield the trials of all other ids, in order."""
        return (self._trial(index) for index, name in enumerate(self.ids()) if name not in names)

    def sample(self) -> Iterator["Trial"]:
        """Yield all trials; of more than 500, at most 5,000 in which each swept value occurs.

        Raises:
            ScenarioError: with the values of its point, a trial cannot work.
        """
        if self._examples:
            return map(self._make, self._examples)
        if len(self) <= _MAX_SAMPLE:
            return iter(self)
        return map(self._make, islice(self._space.covering_points(), _MOST_EXAMPLES))

    def named(self, name: str) -> "Trial":
        """Return the trial of an id.

        Raises:
            KeyError: there is no such trial.
        """
        trial = next(self.only([name]), None)
        if trial is None:
            raise KeyError(name)
        return trial
