"""Inclusive limits of a number."""

from pydantic import Field, model_validator

from harness.scenario.direction import Direction
from harness.scenario.record import Record, invalid_fields


class Bound(Record):
    """Inclusive limits of a metric."""

    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _can_be_met(self) -> "Bound":
        if self.min is None and self.max is None:
            raise invalid_fields(((), "give min, max or both"))
        if self.min is not None and self.max is not None and self.min > self.max:
            raise invalid_fields((("min",), f"min {self.min:g} is greater than max {self.max:g}"))
        return self

    def holds(self, value: float) -> bool:
        """Whether a value is within the limits; ``nan`` is not."""
        is_low = self.max is None or value <= self.max
        return is_low and (self.min is None or value >= self.min)

    @property
    def direction(self) -> Direction | None:
        """Which values are better: smaller ones if only a maximum is given, larger ones if only a minimum is."""
        if self.min is not None and self.max is not None:
            return None
        return "minimize" if self.min is None else "maximize"
