"""The trials of a scenario: made when somebody asks for one."""

from collections.abc import Callable, Container, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, overload

from harness.scenario.space import Point, Space

if TYPE_CHECKING:
    from harness.scenario.model import Trial

_MAX_SAMPLE = 500
_KEPT = 512  # trials that are kept after they are made; a whole sample, which is looked at again and again
_MOST_MADE = 5000


class Trials(Sequence["Trial"]):
    """A trial for each point of a sweep.

    Args:
        space: the points.
        make: makes the trial of a point.
        examples: points of which trials are made to see that they can be; default: of the space.
    """

    def __init__(self, space: Space, make: Callable[[Point], "Trial"], examples: Sequence[Point] = ()) -> None:
        self._space = space
        self._make = make
        self._examples = examples
        self._made = lru_cache(_KEPT)(lambda index: make(space[index]))

    def __len__(self) -> int:
        return len(self._space)

    @overload
    def __getitem__(self, index: int) -> "Trial": ...

    @overload
    def __getitem__(self, index: slice) -> tuple["Trial", ...]: ...

    def __getitem__(self, index: int | slice) -> "Trial | tuple[Trial, ...]":
        """One trial, or the trials of a slice.

        Raises:
            ScenarioError: with the values of its point, the trial cannot work.
        """
        if isinstance(index, slice):
            return tuple(self._made(each) for each in range(len(self))[index])
        return self._made(range(len(self))[index])

    def __iter__(self) -> Iterator["Trial"]:
        return (self._made(index) for index in range(len(self)))

    def ids(self) -> Iterator[str]:
        """The id of every trial, without the trials."""
        return self._space.ids()

    def only(self, names: Container[str]) -> Iterator["Trial"]:
        """The trials of some ids, in order; the others are not made."""
        return (self._made(index) for index, name in enumerate(self.ids()) if name in names)

    def without(self, names: Container[str]) -> Iterator["Trial"]:
        """The trials of all other ids, in order."""
        return (self._made(index) for index, name in enumerate(self.ids()) if name not in names)

    def sample(self) -> Iterator["Trial"]:
        """All trials; of more than 500 those in which each swept value occurs once, of which 5,000 are made at most.

        Raises:
            ScenarioError: with the values of its point, a trial cannot work.
        """
        if self._examples:
            return map(self._make, self._examples)
        if len(self) <= _MAX_SAMPLE:
            return iter(self)
        return map(self._make, islice(self._space.each_row_once(), _MOST_MADE))

    def named(self, name: str) -> "Trial":
        """The trial of an id.

        Raises:
            KeyError: there is none.
        """
        found = next(self.only([name]), None)
        if found is None:
            raise KeyError(name)
        return found
