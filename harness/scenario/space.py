"""The points of a sweep, which are counted and created lazily."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from harness.scenario.names import id_part, join_id, trial_id
from harness.scenario.values import Scalar, comparison_key

Point = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Space(Sequence[Point]):
    """All combinations of a row of each axis; the last axis varies fastest. Without axes there is one empty point."""

    axes: tuple[tuple[Point, ...], ...] = ()

    def __len__(self) -> int:
        return prod(len(rows) for rows in self.axes)

    def __getitem__(self, index: int) -> Point:  # type: ignore[override]  # slices are not supported
        """Return the point of an index from 0.

        Raises:
            IndexError: there are fewer points.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        point: dict[str, Scalar] = {}
        for rows in reversed(self.axes):
            index, row = divmod(index, len(rows))
            point = {**rows[row], **point}
        return point

    def ids(self) -> Iterator[str]:
        """Return the id of every point's trial, in order."""
        parts = [[id_part(row) for row in rows] for rows in self.axes]
        return map(join_id, product(*parts))

    def fixed(self, values: Mapping[str, Scalar]) -> "Space":
        """Return the points with some values fixed, without duplicates."""
        fixed = ([{name: values.get(name, value) for name, value in row.items()} for row in rows] for rows in self.axes)
        return Space(tuple(tuple({trial_id(row): row for row in rows}.values()) for rows in fixed))

    def covering_points(self) -> Iterator[Point]:
        """Yield points that contain every row of every axis; their number is the sum of the rows, not the product."""
        if not len(self):
            return
        first = {name: value for rows in self.axes for name, value in rows[0].items()}
        if not self.axes:
            yield first
        for rows in self.axes:
            yield from ({**first, **row} for row in rows)


def equal_rows(rows: Sequence[Point]) -> Iterator[tuple[int, int]]:
    """Yield the index of each row that equals an earlier row, and the index of the earlier row.

    Rows are equal if the ids of their trials are, or if their numbers are equal but written differently (1 and 1.0).
    """
    indices: dict[object, int] = {}
    for index, row in enumerate(rows):
        keys = (trial_id(row), tuple((name, comparison_key(value)) for name, value in row.items()))
        earlier = [indices[key] for key in keys if key in indices]
        if earlier:
            yield index, earlier[0]
        indices.update(dict.fromkeys(keys, index))
