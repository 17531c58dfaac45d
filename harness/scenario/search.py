"""The section ``sweep.search``: how points are chosen while a sweep runs, and when a trial is not worth finishing."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, model_validator

from harness.scenario.bound import Bound
from harness.scenario.conditions import Conditions, restricted
from harness.scenario.record import Identifier, Record, refused
from harness.scenario.sampling import MOST_SAMPLES
from harness.scenario.space import Point, Space
from harness.scenario.swept_values import FindFiles, RangeSpec, SweptValues, listed
from harness.scenario.values import Scalar
from harness.suggestions import suggestion

PLANNED = ("grid", "random", "sobol", "halton")
"""Samplers whose points do not depend on what came out."""
SAMPLERS = (*PLANNED, "tpe", "cmaes", "nsga2", "gp")
PRUNERS = ("hyperband", "asha", "median", "percentile", "patience")
_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # module:attribute


class AlgorithmSpec(Record):
    """A sampler or a pruner, and its options as Optuna calls them.

    Attributes:
        name: one of ours, or ``module:attribute`` of the user's own.
    """

    name: str = Field(min_length=1)
    options: dict[Identifier, Scalar] = Field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """Whether it is the user's own."""
        return ":" in self.name


class BoundSpec(Bound):
    """Inclusive limits of a metric within which a trial is feasible."""


class SearchSpec(Record):
    """A search for the best point of a space.

    Attributes:
        trials: how many at most; a grid may have fewer.
        seed: of the sampler; with the same one, and the same results, it chooses the same points.
        at_once: how many trials run at a time; default as many as the cluster has nodes for.
        metric: the one that the pruner looks at, which has ``step: true``; default the goal's, or the only one.
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
            raise refused(*wrong)
        return self

    def violated(self, metrics: Mapping[str, float]) -> tuple[str, ...]:
        """The metrics that are outside of their constraints, or have no value."""
        return tuple(name for name, bound in self.constraints.items() if not bound.holds(metrics.get(name, math.nan)))

    def examples(self, find: FindFiles, when: Mapping[str, Conditions], constants: Mapping[str, Scalar]) -> list[Point]:
        """Points in which every choice, and both ends of every range, occur.

        Raises:
            ValueError: there are no files of a name.
        """
        ends = (spec.ends() if isinstance(spec, RangeSpec) else listed(spec, find) for spec in self.space.values())
        axes = (tuple({name: value} for value in values) for name, values in zip(self.space, ends, strict=True))
        return list(restricted(Space(tuple(axes)).each_row_once(), when, (), constants))


def _unknown(
    field: str, algorithm: AlgorithmSpec | None, known: tuple[str, ...]
) -> Iterator[tuple[tuple[str, str], str]]:
    if algorithm is None or algorithm.name in known or (algorithm.is_own and _OWN.fullmatch(algorithm.name)):
        return
    hint = suggestion(algorithm.name, known)
    text = f"there is no {field} {algorithm.name!r}; write one of {', '.join(known)}, or module:attribute of your own"
    yield (field, "name"), f"{text}; {hint}" if hint and "did you mean" in hint else text
