"""The section ``sweep`` of a scenario: which parameters vary, over which values, and what is looked for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from harness.scenario.conditions import Condition, active, is_excluded, restricted
from harness.scenario.direction import Direction
from harness.scenario.document import FieldPath
from harness.scenario.record import Identifier, Record, refused
from harness.scenario.sampling import Method, SampleSpec, draw
from harness.scenario.search import SearchSpec
from harness.scenario.space import Point, Space
from harness.scenario.sweep_expect import SweepExpectSpec
from harness.scenario.swept_values import FindFiles, SweptValues, listed
from harness.scenario.values import Scalar

MOST_COMBINATIONS = 100_000  # that are looked at one by one, where conditions or exclusions apply
_METHODS: tuple[Method, ...] = ("random", "sobol", "halton")


class GoalSpec(Record):
    """Which metrics are to be small, and which large; the best trial is the best by them."""

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
            raise refused(((), "name a metric: minimize: loss, or maximize: accuracy"))
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise refused((("maximize",), f"{twice[0]} is named twice"))
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics, those to minimize first."""
        return (*self.minimize, *self.maximize)

    def direction(self, metric: str) -> Direction:
        """What is better of a metric that the goal names."""
        return "minimize" if metric in self.minimize else "maximize"


class SweepSpec(Record):
    """Which parameters vary.

    All combinations of ``grid``, times rows of ``zip``, times points that are drawn; or the trials of ``list``.

    Attributes:
        when: name -> conditions under which it is swept; elsewhere it has its value of ``parameters``.
        exclude: points that are left out: those that meet all conditions of one of these.
        search: points that are chosen while the sweep runs, from what came out so far; without the others.
        goal: which trial is the best.
        expect: what must come out of all trials together.
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
            raise refused((("list",), f"list cannot be combined with {', '.join(('grid', 'zip', *samples[:1]))}"))
        if self.search and (self.list or self.grid or self.zip or samples):
            raise refused((("search",), "a search is not combined with other sections; put their names in its space"))
        if self.search and self.goal is None:
            raise refused((("goal",), "a search needs a goal: goal: {minimize: METRIC}"))
        if self.search and self.search.pruner and len(self.goal.names if self.goal else ()) > 1:
            raise refused((("search", "pruner"), "trials are pruned by one metric; a goal of several prunes none"))
        if len(samples) > 1:
            raise refused(((samples[1],), f"points are drawn by {samples[0]} already"))
        places = [place for place in self.places() if place[0] != "list"]
        names = [str(place[-1]) for place in places]
        twice = [place for index, place in enumerate(places) if place[-1] in names[:index]]
        if twice:
            raise refused(
                *((place, f"{place[-1]} is in {places[names.index(str(place[-1]))][0]}, too") for place in twice)
            )
        if wrong := tuple(self._unknown_conditions()):
            raise refused(*wrong)
        return self

    def places(self) -> Iterator[FieldPath]:
        """Where names are given values: ``("grid", name)``, ``("random", "space", name)``, ``("list", 0, name)``."""
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
        """The points that are known before a run: of a search, none.

        Args:
            find: lists files.
            fixed: values of swept names that do not vary after all.
            constants: values of the other parameters.

        Raises:
            SweepError: the values of a name cannot be listed, or no point is left.
        """
        if self.search:
            return Space(((),))
        whole = Space((self.list,) if self.list else tuple(self._axes(find, fixed, constants)))
        whole = whole.fixed({name: value for name, value in fixed.items() if name in self.names()})
        if not (self.when or self.exclude) or not whole:
            return whole
        if len(whole) > MOST_COMBINATIONS:
            section = "when" if self.when else "exclude"
            text = f"{len(whole)} combinations are too many to look at one by one; at most {MOST_COMBINATIONS}"
            raise SweepError((section,), text)
        rows = tuple(restricted(whole, self.when, self.exclude, constants))
        if not rows:
            raise SweepError(("exclude",), "no point of the sweep is left")
        return Space((rows,))

    def examples(
        self, find: FindFiles, fixed: Mapping[str, Scalar], constants: Mapping[str, Scalar]
    ) -> Sequence[Point]:
        """Points of a search in which every choice, and both ends of every range, occur; none of another sweep.

        Args:
            find: lists files.
            fixed: values of swept names; a search has none.
            constants: values of the other parameters.

        Raises:
            SweepError: there are no files of a name, or a swept name is fixed.
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
        """The metrics that are outside of the search's constraints; none where there is no search."""
        return self.search.violated(metrics) if self.search else ()

    def names(self) -> tuple[str, ...]:
        """The names that are swept, in file order."""
        return tuple(dict.fromkeys(str(place[-1]) for place in self.places()))

    def _axes(
        self, find: FindFiles, fixed: Mapping[str, Scalar], constants: Mapping[str, Scalar]
    ) -> Iterator[tuple[Point, ...]]:
        for name, spec in self.grid.items():
            yield tuple({name: value} for value in _listed(("grid", name), spec, find))
        if self.zip:
            columns = [_listed(("zip", name), spec, find) for name, spec in self.zip.items()]
            if len({len(column) for column in columns}) > 1:
                raise SweepError(("zip",), "the lists of zip have different lengths")
            yield tuple(dict(zip(self.zip, row, strict=True)) for row in zip(*columns, strict=True))
        for method in _METHODS:
            if (sample := getattr(self, method)) is not None:
                yield self._drawn(method, sample, find, fixed, constants)

    def _drawn(
        self,
        method: Method,
        sample: SampleSpec,
        find: FindFiles,
        fixed: Mapping[str, Scalar],
        constants: Mapping[str, Scalar],
    ) -> tuple[Point, ...]:
        is_whole = not (self.grid or self.zip)  # otherwise conditions may be on names that are not drawn

        def accept(point: Mapping[str, Scalar]) -> Mapping[str, Scalar] | None:
            if not is_whole:
                return point
            kept = active(point, self.when, constants)
            return None if is_excluded(kept, self.exclude, constants) else kept

        try:
            points = draw(method, sample, find, fixed=fixed, accept=accept)
        except ValueError as error:
            raise SweepError((method, "space"), str(error)) from None
        if len(points) < sample.samples and not any(name in fixed for name in sample.space):
            text = f"only {len(points)} different points were found"
            raise SweepError((method, "samples"), f"{text}, not {sample.samples}; ask for fewer, or sweep a grid")
        return points

    def _unknown_conditions(self) -> Iterator[tuple[FieldPath, str]]:
        names = self.names()
        for name, conditions in self.when.items():
            if name not in names:
                yield ("when", name), f"{name} is not swept, so it depends on nothing"
            for other in conditions:
                if other in names[names.index(name) :] if name in names else False:
                    yield ("when", name, other), f"{name} can depend on names before it; give {other} its values first"


class SweepError(ValueError):
    """A sweep that has no points; the message says why.

    Attributes:
        place: the field, below ``sweep``.
    """

    def __init__(self, place: FieldPath, text: str) -> None:
        super().__init__(text)
        self.place = place


def _listed(place: FieldPath, spec: object, find: FindFiles) -> tuple[Scalar, ...]:
    try:
        return tuple(listed(spec, find))
    except ValueError as error:
        raise SweepError(place, str(error)) from None
