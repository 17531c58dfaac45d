"""What must come out of a sweep as a whole, besides what each trial must do."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.scenario.bound import Bound
from harness.scenario.record import Identifier, Record, refused

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class BestBound(Bound):
    """A bound of the best value that any trial reached: with ``max`` the smallest, with ``min`` the largest."""

    @model_validator(mode="after")
    def _has_one_side(self) -> "BestBound":
        if self.min is not None and self.max is not None:
            raise refused(((), "give min or max: it says which trial is the best"))
        return self


class MonotoneSpec(Record):
    """A metric that only rises, or only falls, with a parameter, whatever the other parameters are.

    Attributes:
        tolerance: how far a value may lie on the wrong side of the one before.
    """

    metric: Identifier
    parameter: Identifier
    direction: Literal["increasing", "decreasing"]
    tolerance: Amount = 0.0


class BaselineSpec(Record):
    """Earlier results, which ``harness baseline save`` has written.

    Attributes:
        file: relative to the scenario.
        worse: by how much each metric may be worse.
    """

    file: str = Field(min_length=1)
    worse: dict[Identifier, Amount] = Field(min_length=1)


class SweepExpectSpec(Record):
    """Expectations on all trials together.

    Attributes:
        best: bounds by metric.
        failures: how many trials may not be as expected.
    """

    best: dict[Identifier, BestBound] = Field(default_factory=dict)
    failures: int | None = Field(default=None, ge=0)
    monotone: tuple[MonotoneSpec, ...] = ()
    baseline: BaselineSpec | None = None
