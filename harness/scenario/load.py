"""From a YAML file to a ``Scenario``, or to every mistake in it with its line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import ScenarioError
from harness.scenario.cluster import ClusterSpec
from harness.scenario.consistency import trial_mistakes
from harness.scenario.document import Document, FieldPath, read_document
from harness.scenario.fields import field_names, may_be_null, takes_text
from harness.scenario.inheritance import inherited, own_lines
from harness.scenario.job import JobSpec
from harness.scenario.model import ExpectSpec, Origin, Scenario, Trial
from harness.scenario.names import cluster_name, trial_id
from harness.scenario.parameters import file_values, typed_values
from harness.scenario.record import mistakes_in
from harness.scenario.resource_names import PATTERNS
from harness.scenario.space import Point, Space, equal_rows
from harness.scenario.sweep import SweepError, SweepSpec
from harness.scenario.swept_files import find_files, uploads_of
from harness.scenario.swept_values import FindFiles
from harness.scenario.template import TemplateError, fill, fill_command, fill_text, names_in
from harness.scenario.trials import Trials
from harness.scenario.values import Scalar, value_text
from harness.suggestions import suggestion
from harness.validation_messages import in_words

M = TypeVar("M", bound=BaseModel)

# No parameters are filled in there: a regular expression is full of braces.
_LITERAL = ("base", "parameters", "sweep", "metrics")
_PER_TRIAL = ("cluster", "job", "expect")
_COMMANDS = (  # a shell reads them
    ("cluster", "setup", "command"),
    *(("job", name) for name in ("command", "args", "worker_args", "parameter_server_args", "preparation")),
)
_SCALAR_TYPES = ("bool_type", "int_type", "float_type", "string_type")


def load_scenario(path: Path, overrides: Mapping[str, str] | None = None) -> Scenario:
    """Read and check a scenario file, and fill in its parameters.

    Args:
        path: the YAML file.
        overrides: parameter name -> value as typed; fixes a swept parameter.

    Raises:
        ScenarioError: with ``file:line: field: what was found`` for every mistake.
    """
    document = inherited(read_document(path))
    sweep = _sweep(document)
    defaults = file_values(document)
    known = _known_values(document, sweep, defaults)
    typed = typed_values(path, overrides or {}, known)
    constants = {name: value for name, value in {**defaults, **typed}.items() if name not in sweep.names()}
    mistakes = [
        *_equal_trials(document, sweep),
        *_misplaced(document, sweep.names()),
        *_without_default(document, sweep, defaults),
    ]
    try:
        space, examples = _space(document, sweep, typed, constants)
        scenario = _TrialLoader(document, {**defaults, **typed}, sweep.names()).load(space, examples)
    except ScenarioError as error:
        raise ScenarioError("\n".join(dict.fromkeys([*mistakes, *str(error).splitlines()]))) from None
    _refuse(mistakes)
    return scenario


def _sweep(document: Document) -> SweepSpec:
    sweep = document.data.get("sweep")
    try:
        return SweepSpec.model_validate({} if sweep is None else sweep)
    except ValidationError as error:
        raise ScenarioError("\n".join(_explain(document, error, ("sweep",)))) from None


def _space(
    document: Document, sweep: SweepSpec, fixed: Mapping[str, Scalar], constants: Mapping[str, Scalar]
) -> tuple[Space, Sequence[Point]]:
    """The points that are known, and of a search examples of its points."""
    try:
        space = sweep.space(_finder(document), fixed, constants)
        return space, sweep.examples(_finder(document), fixed, constants)
    except SweepError as error:
        raise ScenarioError(f"{document.at(('sweep', *error.place))}: {error}") from None


def _finder(document: Document) -> FindFiles:
    return cache(partial(find_files, document.path.parent, uploads_of(document.data)))


def _known_values(document: Document, sweep: SweepSpec, defaults: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The values that each parameter has in the file, as far as their type goes: a list of files is a list of texts."""
    known = {name: [value] for name, value in defaults.items()}
    for place in sweep.places():
        value = _value(document.data["sweep"], place)
        if isinstance(value, dict):
            value = [""] if value.keys() & {"files", "share_files"} else [0]
        known.setdefault(str(place[-1]), []).extend(value if isinstance(value, list) else [value])
    return known


def _without_default(document: Document, sweep: SweepSpec, defaults: Mapping[str, Any]) -> Iterator[str]:
    """A name that is swept sometimes needs a value for the other trials."""
    for name in sweep.when:
        if name not in defaults:
            text = f"{name} is swept only where this holds; give it a value in parameters for the other trials"
            yield f"{document.at(('sweep', 'when', name))}: {text}"


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        raise ScenarioError("\n".join(dict.fromkeys(mistakes)))


def _equal_trials(document: Document, sweep: SweepSpec) -> Iterator[str]:
    """No two points of a sweep are equal where no two values of a list, and no two rows, are."""
    for place in sweep.places():
        values = _value(document.data["sweep"], place)
        if place[0] != "zip" and isinstance(values, list):
            paths: list[FieldPath] = [("sweep", *place, index) for index in range(len(values))]
            yield from _equal_rows(document, [{str(place[-1]): value} for value in values], paths)
    columns = [values for values in sweep.zip.values() if isinstance(values, list)]
    if columns and len(columns) == len(sweep.zip) and len({len(column) for column in columns}) == 1:
        first = next(iter(sweep.zip))
        rows = [dict(zip(sweep.zip, row, strict=True)) for row in zip(*columns, strict=True)]
        yield from _equal_rows(document, rows, [("sweep", "zip", first, index) for index in range(len(columns[0]))])
    yield from _equal_rows(document, sweep.list, [("sweep", "list", index) for index in range(len(sweep.list))])


def _equal_rows(document: Document, rows: Sequence[Point], paths: Sequence[FieldPath]) -> Iterator[str]:
    for index, earlier in equal_rows(rows):
        where = f"the first is in line {document.line(paths[earlier])}"
        yield f"{document.at(paths[index])}: two trials would both be called {trial_id(rows[index])!r}; {where}"


def _misplaced(document: Document, swept: Sequence[str]) -> Iterator[str]:
    """Swept parameters must be in ``job``, ``cluster`` or ``expect``, and nowhere else."""
    used: set[str] = set()
    is_search = bool((document.data.get("sweep") or {}).get("search"))
    for name, section in document.data.items():
        if name in _LITERAL:
            continue
        for field_path, text in _texts(section, (name,)):
            found = [parameter for parameter in names_in(text) if parameter in swept]
            used.update(found)
            if found and is_search and name == "cluster":
                reason = "a search runs on one cluster; sweep clusters by grid, zip, list or random"
                yield f"{document.at(field_path)}: {{{found[0]}}} is swept; {reason}"
            if found and name not in _PER_TRIAL:
                reason = "only job, cluster and expect may hold swept parameters; the trials share the rest"
                yield f"{document.at(field_path)}: {{{found[0]}}} is swept; {reason}"
    for parameter in swept:
        if parameter not in used:
            yield f"{document.at(_swept_at(document, parameter))}: {_unused(parameter)}"


def _unused(parameter: str) -> str:
    return (
        f"neither job, cluster nor expect holds {{{parameter}}}, so its values make no difference; to run a job "
        f"several times, give it an environment variable: environment: {{{parameter.upper()}: '{{{parameter}}}'}}"
    )


def _swept_at(document: Document, parameter: str) -> FieldPath:
    """Where a swept name gets its values."""
    if any(parameter in row for row in document.data["sweep"].get("list") or ()):
        return "sweep", "list"
    sections = (("grid",), ("zip",), *((method, "space") for method in ("random", "sobol", "halton", "search")))
    places = [("sweep", *section, parameter) for section in sections]
    return next(place for place in places if place in document.lines)


def _texts(data: Any, field_path: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    if isinstance(data, str):
        yield field_path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*field_path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*field_path, index))


@dataclass(frozen=True, slots=True)
class _TrialLoader:
    """Makes the scenario, and its trials.

    Attributes:
        parameters: those that the file and the command line give a value.
        swept: the names that vary.
    """

    document: Document
    parameters: Mapping[str, Scalar]
    swept: tuple[str, ...]

    def load(self, space: Space, examples: Sequence[Point] = ()) -> Scenario:
        """The scenario with the trials of a space; of a search, whose space is empty, with examples of its points.

        Raises:
            ScenarioError: it is wrong, or one of its trials is; of very many trials each swept value is tried once.
        """
        shown = self._scenario(examples[0] if examples else space[0])
        trials = Trials(space, partial(self._trial, shown), examples)
        for _trial in trials.sample():
            pass  # it can be made
        origin = Origin(self.document.path, own_lines(self.document), trials, self.swept, partial(self._trial, shown))
        return Scenario.model_validate(shown.model_dump(by_alias=True), context=origin)

    def _scenario(self, point: Point) -> Scenario:
        """The scenario with the values of one trial."""
        values = {**self.parameters, **point}
        mistakes: list[str] = []
        sections = {name: self._filled(name, values, mistakes) for name in self.document.data}
        sweep = sections.get("sweep")
        data = {**sections, "parameters": values, "sweep": {} if sweep is None else sweep}
        scenario = self._validated(Scenario, data, (), mistakes)
        _refuse(mistakes)
        return scenario

    def _trial(self, shown: Scenario, point: Point, name: str | None = None) -> Trial:
        values = {**self.parameters, **point}
        mistakes: list[str] = []
        cluster = self._cluster(shown, values, mistakes)
        job = self._validated(JobSpec, self._filled("job", values, mistakes), ("job",), mistakes)
        expected = self._filled("expect", values, mistakes) if "expect" in self.document.data else {}
        expect = self._validated(ExpectSpec, expected, ("expect",), mistakes)
        if not mistakes:
            found = trial_mistakes(shown.on(cluster), job, expect)
            mistakes += [f"{self.document.at(path)}: {text}" for path, text in found]
        trial = name or trial_id(point)
        _refuse([f"{mistake} (in trial {trial})" for mistake in mistakes])
        return Trial(id=trial, parameters=values, cluster=cluster, job=job, expect=expect)

    def _cluster(self, shown: Scenario, values: Mapping[str, Scalar], mistakes: list[str]) -> ClusterSpec:
        """The cluster of a trial; one that is not like the others gets a name of its own."""
        names = {field_path: set(names_in(text)) for field_path, text in _texts(self.document.data["cluster"], ())}
        if not any(found & set(self.swept) for found in names.values()):
            return shown.cluster
        cluster = self._validated(ClusterSpec, self._filled("cluster", values, mistakes), ("cluster",), mistakes)
        if mistakes or names.get(("name",), set()) & set(self.swept):
            return cluster
        return cluster.model_copy(update={"name": cluster_name(cluster.name, cluster.model_dump_json())})

    def _filled(self, section: str, values: Mapping[str, Scalar], mistakes: list[str]) -> Any:
        """A section with parameters filled in."""
        data = self.document.data[section]
        return data if section in _LITERAL else self._fill(data, (section,), values, mistakes)

    def _fill(self, data: Any, field_path: FieldPath, values: Mapping[str, Scalar], mistakes: list[str]) -> Any:
        if isinstance(data, dict):
            return {key: self._fill(value, (*field_path, key), values, mistakes) for key, value in data.items()}
        if isinstance(data, list):
            return [self._fill(value, (*field_path, index), values, mistakes) for index, value in enumerate(data)]
        is_text = takes_text(field_path)
        if not isinstance(data, str):
            is_absent = data is None and may_be_null(field_path)
            return self.document.written[field_path] if is_text and not is_absent else data
        try:
            if field_path in _COMMANDS:
                return fill_command(data, values)
            return fill_text(data, values) if is_text else fill(data, values)
        except TemplateError as error:
            mistakes.append(f"{self.document.at(field_path)}: {error}")
            return data

    def _validated(self, model: type[M], data: Any, above: FieldPath, mistakes: list[str]) -> M:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            mistakes += _explain(self.document, error, above)
            return model.model_construct()


def _explain(document: Document, error: ValidationError, above: FieldPath) -> list[str]:
    """A line for each mistake that pydantic found."""
    return list(dict.fromkeys(line for mistake in error.errors() for line in _lines(document, mistake, above)))


def _lines(document: Document, mistake: ErrorDetails, above: FieldPath) -> Iterator[str]:
    is_missing = mistake["type"] == "missing"
    field_path = _written(document.data, (*above, *mistake["loc"]), is_missing=is_missing)
    fields = mistakes_in(mistake["type"], mistake.get("ctx", {}))
    if fields is not None:
        yield from (f"{document.at((*field_path, *path))}: {text}" for path, text in fields)
    elif mistake["type"] == "extra_forbidden":
        hint = suggestion(str(field_path[-1]), field_names(field_path[:-1]))
        yield f"{document.at(field_path)}: there is no such field" + (f"; {hint}" if hint else "")
    elif field_path[:1] in (("parameters",), ("sweep",)) and mistake["type"] in _SCALAR_TYPES:
        yield f"{document.at(field_path)}: {_no_scalar(document, field_path, mistake['input'])}"
    else:
        found = "" if is_missing else _found(document, field_path, mistake["input"])
        yield f"{document.at(field_path)}: {in_words(mistake, PATTERNS)}{found}"


def _no_scalar(document: Document, field_path: FieldPath, value: Any) -> str:
    if isinstance(value, list):
        words = ",".join(value_text(item) for item in value if isinstance(item, bool | int | float | str))
        return f"must be a number, a text or a boolean; write a list as one text: '{words}'"
    return f"must be a number, a text or a boolean{_found(document, field_path, value)}"


def _found(document: Document, field_path: FieldPath, value: Any) -> str:
    if isinstance(value, dict | list):
        return ""
    text = document.written.get(field_path)
    if text is not None:
        return f"; found {text}" if text else "; found nothing"
    # A number or a duration that pydantic has made of a text is shown as the text, unless parameters fill it.
    written = _value(document.data, field_path)
    is_filled = isinstance(written, str) and any(names_in(written))
    return f"; found {(value if is_filled or not isinstance(written, str) else written)!r}"


def _value(data: Any, field_path: FieldPath) -> Any:
    for step in field_path:
        data = data[step]
    return data


def _written(data: Any, location: FieldPath, *, is_missing: bool) -> FieldPath:
    """The part of a location that is in the file: without the names that the models give to alternatives."""
    field_path: FieldPath = ()
    for index, step in enumerate(location):
        if step in (data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()):
            data, field_path = data[step], (*field_path, step)
        elif is_missing and index == len(location) - 1:
            field_path = (*field_path, step)
    return field_path
