"""The section ``sweep.search``: how points are chosen during a sweep, and when a trial is pruned."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, model_validator

from harness.scenario.bound import Bound
from harness.scenario.conditions import Conditions, existing_points
from harness.scenario.record import Identifier, Record, invalid_fields
from harness.scenario.sampling import MOST_SAMPLES
from harness.scenario.space import Point, Space
from harness.scenario.swept_values import FindFiles, RangeSpec, SweptValues, list_values
from harness.scenario.values import Scalar
from harness.suggestions import suggestion

PLANNED = ("grid", "random", "sobol", "halton")
"""Samplers whose points do not depend on results."""
SAMPLERS = (*PLANNED, "tpe", "cmaes", "nsga2", "gp")
PRUNERS = ("hyperband", "asha", "median", "percentile", "patience")
_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # module:attribute


class AlgorithmSpec(Record):
    """A sampler or a pruner, with Optuna's names of its options.

    Attributes:
        name: a built-in algorithm, or ``module:attribute`` of the user's own.
    """

    name: str = Field(min_length=1)
    options: dict[Identifier, Scalar] = Field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """Whether the algorithm is the user's own."""
        return ":" in self.name


class BoundSpec(Bound):
    """Inclusive limits of a metric within which a trial is feasible."""


class SearchSpec(Record):
    """A search for the best point of a space.

    Attributes:
        trials: the largest number of trials; a grid may have fewer.
        seed: the seed of the sampler; the same seed and the same results choose the same points.
        at_once: how many trials run at a time; default as many as the cluster has nodes for.
        metric: the metric with ``step: true`` that the pruner reads; default the goal's, or the only one.
        constraints: bounds of metrics within which a trial is feasible.
    """

    space: dict[Identifier, SweptValues] = Field(min_length=1)
    trials: int = Field(ge=1, le=MOST_SAMPLES)
    sampler: AlgorithmSpec = AlgorithmSpec(name="tpe")
    pruner: AlgorithmSpec | None = None
    seed: int = Field(default=0, ge=0, lt=1 << 32)
    at_once: int | None = Field(default=None, ge=1)
    metric: Identifier | None = None
    constraints: dict[Identifier, BoundSpec] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_enough(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        short = {key: {"name": data[key]} for key in ("sampler", "pruner") if isinstance(data.get(key), str)}
        return {**data, **short}

    @model_validator(mode="after")
    def _is_known(self) -> "SearchSpec":
        wrong = [*_unknown("sampler", self.sampler, SAMPLERS), *_unknown("pruner", self.pruner, PRUNERS)]
        if self.sampler.name in PLANNED and self.sampler.options:
            wrong.append((("sampler", "options"), f"sampler {self.sampler.name} has no options"))
        if wrong:
            raise invalid_fields(*wrong)
        return self

    def violated(self, metrics: Mapping[str, float]) -> tuple[str, ...]:
        """Return the metrics that are outside of their constraints, or have no value."""
        return tuple(name for name, bound in self.constraints.items() if not bound.holds(metrics.get(name, math.nan)))

    def examples(self, find: FindFiles, when: Mapping[str, Conditions], constants: Mapping[str, Scalar]) -> list[Point]:
        """Return points that contain every choice, and both ends of every range.

        Raises:
            ValueError: no file matches the pattern of a name.
        """
        ends = (spec.ends() if isinstance(spec, RangeSpec) else list_values(spec, find) for spec in self.space.values())
        axes = (tuple({name: value} for value in values) for name, values in zip(self.space, ends, strict=True))
        return list(existing_points(Space(tuple(axes)).covering_points(), when, (), constants))


def _unknown(
    field: str, algorithm: AlgorithmSpec | None, names: tuple[str, ...]
) -> Iterator[tuple[tuple[str, str], str]]:
    if algorithm is None or algorithm.name in names or (algorithm.is_own and _OWN.fullmatch(algorithm.name)):
        return
    hint = suggestion(algorithm.name, names)
    text = f"there is no {field} {algorithm.name!r}; use one of {', '.join(names)}, or module:attribute of your own"
    yield (field, "name"), f"{text}; {hint}" if hint and "did you mean" in hint else text
