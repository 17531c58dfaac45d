"""The points of a sweep: counted without being made, and made one at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from harness.scenario.names import id_part, joined_id, trial_id
from harness.scenario.values import Scalar, comparison_key

Point = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Space(Sequence[Point]):
    """Every combination of a row of each axis, the rows of the last axis fastest; one empty point without axes."""

    axes: tuple[tuple[Point, ...], ...] = ()

    def __len__(self) -> int:
        return prod(len(rows) for rows in self.axes)

    def __getitem__(self, index: int) -> Point:  # type: ignore[override]  # a slice would make its points
        """The point of an index from 0.

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
        """The id of every point's trial, in order."""
        parts = [[id_part(row) for row in rows] for rows in self.axes]
        return map(joined_id, product(*parts))

    def fixed(self, values: Mapping[str, Scalar]) -> "Space":
        """The points with some values fixed; points that become equal are one."""
        fixed = ([{name: values.get(name, value) for name, value in row.items()} for row in rows] for rows in self.axes)
        return Space(tuple(tuple({trial_id(row): row for row in rows}.values()) for rows in fixed))

    def each_row_once(self) -> Iterator[Point]:
        """Points in which every row of every axis occurs: as many as the axes have rows together, not their product."""
        if not len(self):
            return
        first = {name: value for rows in self.axes for name, value in rows[0].items()}
        if not self.axes:
            yield first
        for rows in self.axes:
            yield from ({**first, **row} for row in rows)


def equal_rows(rows: Sequence[Point]) -> Iterator[tuple[int, int]]:
    """The indices of each row that makes the same trials as an earlier one, and of the earlier one.

    It does where the ids would be the same, and where numbers are the same but written otherwise (1 and 1.0).
    """
    seen: dict[object, int] = {}
    for index, row in enumerate(rows):
        keys = (trial_id(row), tuple((name, comparison_key(value)) for name, value in row.items()))
        earlier = [seen[key] for key in keys if key in seen]
        if earlier:
            yield index, earlier[0]
        seen.update(dict.fromkeys(keys, index))
