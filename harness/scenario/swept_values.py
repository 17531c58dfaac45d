"""The values that a swept name takes: choices, a range of numbers, or the files of a directory."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, FiniteFloat, Tag, model_validator

from harness.scenario.record import Record, invalid_fields
from harness.scenario.values import Scalar

MOST_VALUES = 100_000  # values of a name

Number = int | FiniteFloat


class RangeSpec(Record):
    """Numbers from ``low`` to ``high``, both included.

    Attributes:
        step: the difference between two values.
        count: the number of values, evenly spread; with ``log`` on a logarithmic scale.
        log: whether values are spread, and drawn, on a logarithmic scale.
        integer: whether only whole numbers are values; default: whether ``low``, ``high`` and ``step`` are integers.
    """

    low: Number
    high: Number
    step: Number | None = Field(default=None, gt=0)
    count: int | None = Field(default=None, ge=1, le=MOST_VALUES)
    log: bool = False
    integer: bool | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> "RangeSpec":
        if self.low > self.high:
            raise invalid_fields((("low",), f"low {self.low:g} is greater than high {self.high:g}"))
        if self.step is not None and self.count is not None:
            raise invalid_fields((("count",), "give step or count, not both"))
        if self.log and self.step is not None:
            raise invalid_fields((("step",), "a logarithmic range has no step; give count"))
        if self.log and self.low <= 0:
            raise invalid_fields((("low",), f"a logarithmic range begins above 0, not at {self.low:g}"))
        if self.integer and any(isinstance(number, float) and number % 1 for number in (self.low, self.high)):
            raise invalid_fields((("integer",), "low and high of a range of integers are whole numbers"))
        if self.step is not None and self.size > MOST_VALUES:
            raise invalid_fields((("high",), f"these are more than {MOST_VALUES} values; give a larger step, or count"))
        return self

    @property
    def is_integer(self) -> bool:
        """Whether the values are whole numbers."""
        if self.integer is not None:
            return self.integer
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))

    @property
    def is_discrete(self) -> bool:
        """Whether the values can be listed."""
        return self.count is not None or self.step is not None or self.is_integer

    def values(self) -> tuple[Scalar, ...]:
        """Return the values of a discrete range in ascending order, without duplicates."""
        if self.count is not None:
            parts = range(self.count)
            drawn = [self._between(part / max(1, self.count - 1)) for part in parts]
        else:
            step = self.step or 1
            drawn = [self.low + index * step for index in range(self.size)]
        return tuple(dict.fromkeys(self._rounded(value, digits=12) for value in drawn))

    def value_at(self, fraction: float) -> Scalar:
        """Return the value at a fraction (0 to 1, 1 excluded) of the range; a real number has six digits."""
        if self.count is not None or self.step is not None:
            values = self.values()
            return values[min(int(fraction * len(values)), len(values) - 1)]
        if self.is_integer:
            low, high = (self.low - 0.5, self.high + 0.5)
            drawn = (
                math.exp(_mixed(math.log(low), math.log(high), fraction)) if self.log else _mixed(low, high, fraction)
            )
            return self._rounded(drawn, digits=12)
        return self._rounded(self._between(fraction), digits=6)

    def ends(self) -> tuple[Scalar, ...]:
        """Return the least and the greatest value."""
        values = self.values() if self.step is not None or self.count is not None else (self.low, self.high)
        return tuple(dict.fromkeys((values[0], values[-1])))

    @property
    def size(self) -> int:
        """The number of values of a discrete range."""
        if self.count is not None:
            return self.count
        return math.floor((self.high - self.low) / (self.step or 1) + 1e-9) + 1

    def _between(self, part: float) -> float:
        if self.log:
            return math.exp(_mixed(math.log(self.low), math.log(self.high), part))
        return _mixed(self.low, self.high, part)

    def _rounded(self, value: float, *, digits: int) -> Scalar:
        if self.is_integer:
            return min(max(round(value), math.ceil(self.low)), math.floor(self.high))
        return min(max(float(f"{value:.{digits}g}"), float(self.low)), float(self.high))


class FilesSpec(Record):
    """Local files as values: their paths relative to the scenario's folder, in alphabetical order."""

    files: str = Field(min_length=1)


class SharedFilesSpec(Record):
    """Files that the scenario uploads as values: their paths in the share's upload directory."""

    share_files: str = Field(min_length=1)


def _kind(value: Any) -> str:
    if isinstance(value, RangeSpec | FilesSpec | SharedFilesSpec):
        return {RangeSpec: "range", FilesSpec: "files", SharedFilesSpec: "shared files"}[type(value)]
    if not isinstance(value, dict):
        return "choices"
    return "files" if "files" in value else "shared files" if "share_files" in value else "range"


SweptValues = Annotated[
    Annotated[list[Scalar], Field(min_length=1), Tag("choices")]
    | Annotated[RangeSpec, Tag("range")]
    | Annotated[FilesSpec, Tag("files")]
    | Annotated[SharedFilesSpec, Tag("shared files")],
    Discriminator(_kind),
]
FindFiles = Callable[[FilesSpec | SharedFilesSpec], Sequence[str]]
"""Lists files; raises ``ValueError`` if there are none."""


def list_values(spec: Any, find: FindFiles) -> Sequence[Scalar]:
    """Return every value of a name.

    Raises:
        ValueError: the values of a range cannot be listed, or no file matches.
    """
    if isinstance(spec, RangeSpec):
        if not spec.is_discrete:
            raise ValueError("real numbers cannot all be listed: give count or step, or draw them by random or search")
        if spec.size > MOST_VALUES:
            raise ValueError(f"these are more than {MOST_VALUES} values; give step, or count")
        return spec.values()
    return find(spec) if isinstance(spec, FilesSpec | SharedFilesSpec) else list(spec)


def _mixed(low: float, high: float, part: float) -> float:
    return low + (high - low) * part
