"""The section ``sweep`` of a scenario: the parameters that vary, their values, the goal and the expectations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from harness.scenario.conditions import Condition, active_values, existing_points, is_excluded
from harness.scenario.direction import Direction
from harness.scenario.document import FieldPath
from harness.scenario.record import Identifier, Record, invalid_fields
from harness.scenario.sampling import Method, SampleSpec, draw
from harness.scenario.search import SearchSpec
from harness.scenario.space import Point, Space
from harness.scenario.sweep_expect import SweepExpectSpec
from harness.scenario.swept_values import FindFiles, SweptValues, list_values
from harness.scenario.values import Scalar

MOST_COMBINATIONS = 100_000  # the limit with conditions or exclusions, which are checked for each combination
_METHODS: tuple[Method, ...] = ("random", "sobol", "halton")


class GoalSpec(Record):
    """The metrics to minimize and to maximize, which decide which trial is the best."""

    minimize: tuple[Identifier, ...] = ()
    maximize: tuple[Identifier, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_is_enough(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: (value,) if isinstance(value, str) else value for name, value in data.items()}

    @model_validator(mode="after")
    def _names_something(self) -> "GoalSpec":
        if not self.names:
            raise invalid_fields(((), "name a metric: minimize: loss, or maximize: accuracy"))
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise invalid_fields((("maximize",), f"{twice[0]} is named twice"))
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics, those to minimize first."""
        return (*self.minimize, *self.maximize)

    def direction(self, metric: str) -> Direction:
        """Return the better direction of a metric of the goal."""
        return "minimize" if metric in self.minimize else "maximize"


class SweepSpec(Record):
    """The parameters that vary, and their values.

    The points are all combinations of ``grid``, times the rows of ``zip``, times drawn points; or the rows of ``list``.

    Attributes:
        when: for a name, the conditions under which it is swept; otherwise it has its value of ``parameters``.
        exclude: excluded points: those that meet all conditions of an entry.
        search: points that are chosen during the sweep from earlier results; not combined with other sections.
        goal: the metrics that decide which trial is the best.
        expect: expectations on all trials together.
    """

    grid: dict[Identifier, SweptValues] = Field(default_factory=dict)
    zip: dict[Identifier, SweptValues] = Field(default_factory=dict)
    random: SampleSpec | None = None
    sobol: SampleSpec | None = None
    halton: SampleSpec | None = None
    list: tuple[dict[Identifier, Scalar], ...] = ()
    search: SearchSpec | None = None
    when: dict[Identifier, dict[Identifier, Condition]] = Field(default_factory=dict)
    exclude: tuple[dict[Identifier, Condition], ...] = ()
    goal: GoalSpec | None = None
    expect: SweepExpectSpec = Field(default_factory=SweepExpectSpec)

    @model_validator(mode="after")
    def _is_one_space(self) -> "SweepSpec":
        samples = [method for method in _METHODS if getattr(self, method)]
        if self.list and (self.grid or self.zip or samples):
            raise invalid_fields(
                (("list",), f"list cannot be combined with {', '.join(('grid', 'zip', *samples[:1]))}")
            )
        if self.search and (self.list or self.grid or self.zip or samples):
            raise invalid_fields(
                (("search",), "a search is not combined with other sections; put their names in its space")
            )
        if self.search and self.goal is None:
            raise invalid_fields((("goal",), "a search needs a goal: goal: {minimize: METRIC}"))
        if self.search and self.search.pruner and len(self.goal.names if self.goal else ()) > 1:
            raise invalid_fields(
                (("search", "pruner"), "trials are pruned by one metric; a goal of several prunes none")
            )
        if len(samples) > 1:
            raise invalid_fields(((samples[1],), f"points are drawn by {samples[0]} already"))
        field_paths = [field_path for field_path in self.value_fields() if field_path[0] != "list"]
        names = [str(field_path[-1]) for field_path in field_paths]
        twice = [field_path for index, field_path in enumerate(field_paths) if field_path[-1] in names[:index]]
        if twice:
            raise invalid_fields(
                *(
                    (field_path, f"{field_path[-1]} is in {field_paths[names.index(str(field_path[-1]))][0]}, too")
                    for field_path in twice
                )
            )
        if wrong := tuple(self._unknown_conditions()):
            raise invalid_fields(*wrong)
        return self

    def value_fields(self) -> Iterator[FieldPath]:
        """Yield the fields with values: ``("grid", name)``, ``("random", "space", name)``, ``("list", 0, name)``."""
        yield from (("grid", name) for name in self.grid)
        yield from (("zip", name) for name in self.zip)
        for method in _METHODS:
            if sample := getattr(self, method):
                yield from ((method, "space", name) for name in sample.space)
        if self.search:
            yield from (("search", "space", name) for name in self.search.space)
        for index, row in enumerate(self.list):
            yield from (("list", index, name) for name in row)

    def space(self, find: FindFiles, fixed: Mapping[str, Scalar], constants: Mapping[str, Scalar]) -> Space:
        """Return the points that are known before a run; a search has none.

        Args:
            find: lists files.
            fixed: values of swept names that are fixed for this run.
            constants: values of the other parameters.

        Raises:
            SweepError: the values of a name cannot be listed, or no point is left.
        """
        if self.search:
            return Space(((),))
        space = Space((self.list,) if self.list else tuple(self._axes(find, fixed, constants)))
        space = space.fixed({name: value for name, value in fixed.items() if name in self.names()})
        if not (self.when or self.exclude) or not space:
            return space
        if len(space) > MOST_COMBINATIONS:
            section = "when" if self.when else "exclude"
            text = f"{len(space)} combinations are too many to check one by one; at most {MOST_COMBINATIONS}"
            raise SweepError((section,), text)
        rows = tuple(existing_points(space, self.when, self.exclude, constants))
        if not rows:
            raise SweepError(("exclude",), "no point of the sweep is left")
        return Space((rows,))

    def examples(
        self, find: FindFiles, fixed: Mapping[str, Scalar], constants: Mapping[str, Scalar]
    ) -> Sequence[Point]:
        """Return points of a search that contain every choice, and both ends of every range; none without a search.

        Args:
            find: lists files.
            fixed: values of swept names that are fixed, which a search does not allow.
            constants: values of the other parameters.

        Raises:
            SweepError: no file matches the pattern of a name, or a swept name is fixed.
        """
        if self.search is None:
            return ()
        if names := [name for name in self.search.space if name in fixed]:
            text = f"--set {names[0]}: a search varies it; run one point with --trial {names[0]}=VALUE,..."
            raise SweepError(("search", "space", names[0]), text)
        try:
            return self.search.examples(find, self.when, constants)
        except ValueError as error:
            raise SweepError(("search", "space"), str(error)) from None

    def violated(self, metrics: Mapping[str, float]) -> tuple[str, ...]:
        """Return the metrics that are outside of the search's constraints; none without a search."""
        return self.search.violated(metrics) if self.search else ()

    def names(self) -> tuple[str, ...]:
        """Return the names that are swept, in file order."""
        return tuple(dict.fromkeys(str(field_path[-1]) for field_path in self.value_fields()))

    def _axes(
        self, find: FindFiles, fixed: Mapping[str, Scalar], constants: Mapping[str, Scalar]
    ) -> Iterator[tuple[Point, ...]]:
        for name, spec in self.grid.items():
            yield tuple({name: value} for value in _list_values(("grid", name), spec, find))
        if self.zip:
            columns = [_list_values(("zip", name), spec, find) for name, spec in self.zip.items()]
            if len({len(column) for column in columns}) > 1:
                raise SweepError(("zip",), "the lists of zip have different lengths")
            yield tuple(dict(zip(self.zip, row, strict=True)) for row in zip(*columns, strict=True))
        for method in _METHODS:
            if (sample := getattr(self, method)) is not None:
                yield self._draw(method, sample, find, fixed, constants)

    def _draw(
        self,
        method: Method,
        sample: SampleSpec,
        find: FindFiles,
        fixed: Mapping[str, Scalar],
        constants: Mapping[str, Scalar],
    ) -> tuple[Point, ...]:
        is_complete = not (self.grid or self.zip)  # otherwise conditions may refer to names that are not drawn

        def accept(point: Mapping[str, Scalar]) -> Mapping[str, Scalar] | None:
            if not is_complete:
                return point
            reduced = active_values(point, self.when, constants)
            return None if is_excluded(reduced, self.exclude, constants) else reduced

        try:
            points = draw(method, sample, find, fixed=fixed, accept=accept)
        except ValueError as error:
            raise SweepError((method, "space"), str(error)) from None
        if len(points) < sample.samples and not any(name in fixed for name in sample.space):
            text = f"only {len(points)} different points were found"
            raise SweepError((method, "samples"), f"{text}, not {sample.samples}; request fewer, or sweep a grid")
        return points

    def _unknown_conditions(self) -> Iterator[tuple[FieldPath, str]]:
        names = self.names()
        for name, conditions in self.when.items():
            if name not in names:
                yield ("when", name), f"{name} is not swept, so it cannot have conditions"
            for other in conditions:
                if other in names[names.index(name) :] if name in names else False:
                    yield ("when", name, other), f"{name} can depend on names before it; give {other} its values first"


class SweepError(ValueError):
    """A sweep has no points; the message says why.

    Attributes:
        field_path: the field in the section ``sweep``.
    """

    def __init__(self, field_path: FieldPath, text: str) -> None:
        super().__init__(text)
        self.field_path = field_path


def _list_values(field_path: FieldPath, spec: object, find: FindFiles) -> tuple[Scalar, ...]:
    try:
        return tuple(list_values(spec, find))
    except ValueError as error:
        raise SweepError(field_path, str(error)) from None
