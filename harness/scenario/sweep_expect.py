"""The section ``sweep.expect``: expectations on all trials together, besides those on each trial."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.scenario.bound import Bound
from harness.scenario.record import Identifier, Record, invalid_fields

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class BestBound(Bound):
    """A bound of the best value of all trials: ``max`` bounds the smallest value, ``min`` the largest."""

    @model_validator(mode="after")
    def _has_one_side(self) -> "BestBound":
        if self.min is not None and self.max is not None:
            raise invalid_fields(((), "give either min or max, which also decides which trial is the best"))
        return self


class MonotoneSpec(Record):
    """A metric that only increases, or only decreases, with a parameter, for all values of the other parameters.

    Attributes:
        tolerance: how far a value may deviate in the wrong direction from the value before.
    """

    metric: Identifier
    parameter: Identifier
    direction: Literal["increasing", "decreasing"]
    tolerance: Amount = 0.0


class BaselineSpec(Record):
    """Earlier results, which ``harness baseline save`` has written.

    Attributes:
        file: the file, relative to the scenario.
        worse: by how much each metric may be worse.
    """

    file: str = Field(min_length=1)
    worse: dict[Identifier, Amount] = Field(min_length=1)


class SweepExpectSpec(Record):
    """Expectations on all trials together.

    Attributes:
        best: bounds of the best value, by metric.
        failures: how many trials may fail their expectations.
    """

    best: dict[Identifier, BestBound] = Field(default_factory=dict)
    failures: int | None = Field(default=None, ge=0)
    monotone: tuple[MonotoneSpec, ...] = ()
    baseline: BaselineSpec | None = None
