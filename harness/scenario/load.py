"""Loads a YAML file as a ``Scenario``, or reports every mistake in it with its line."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import ScenarioError
from harness.scenario.document import Document, FieldPath, read_document
from harness.scenario.inheritance import merge_bases
from harness.scenario.mistakes import lines_of, value_at
from harness.scenario.model import Scenario
from harness.scenario.names import trial_id
from harness.scenario.parameters import file_values, typed_values
from harness.scenario.space import Point, Space, equal_rows
from harness.scenario.sweep import SweepError, SweepSpec
from harness.scenario.swept_files import find_files, uploads_of
from harness.scenario.swept_values import FindFiles
from harness.scenario.template import LITERAL, names_in
from harness.scenario.trial_loader import TrialLoader, refuse, texts_in
from harness.scenario.values import Scalar

_PER_TRIAL = ("cluster", "job", "expect")


def load_scenario(path: Path, overrides: Mapping[str, str] | None = None) -> Scenario:
    """Read and check a scenario file, and fill in its parameters.

    Args:
        path: the YAML file.
        overrides: values of parameters by name, as text; a value fixes a swept parameter.

    Raises:
        ScenarioError: with ``file:line: field: what was found`` for every mistake.
    """
    document = merge_bases(read_document(path))
    sweep = _sweep(document)
    defaults = file_values(document)
    values_in_file = _values_in_file(document, sweep, defaults)
    typed = typed_values(path, overrides or {}, values_in_file)
    constants = {name: value for name, value in {**defaults, **typed}.items() if name not in sweep.names()}
    mistakes = [
        *_equal_trials(document, sweep),
        *_misplaced(document, sweep.names()),
        *_without_default(document, sweep, defaults),
    ]
    try:
        space, examples = _space(document, sweep, typed, constants)
        scenario = TrialLoader(document, {**defaults, **typed}, sweep.names()).load(space, examples)
    except ScenarioError as error:
        raise ScenarioError("\n".join(dict.fromkeys([*mistakes, *str(error).splitlines()]))) from None
    refuse(mistakes)
    return scenario


def _sweep(document: Document) -> SweepSpec:
    sweep = document.data.get("sweep")
    try:
        return SweepSpec.model_validate({} if sweep is None else sweep)
    except ValidationError as error:
        raise ScenarioError("\n".join(lines_of(document, error, ("sweep",)))) from None


def _space(
    document: Document, sweep: SweepSpec, fixed: Mapping[str, Scalar], constants: Mapping[str, Scalar]
) -> tuple[Space, Sequence[Point]]:
    """Return the points that are known before the run, and for a search examples of its points."""
    try:
        space = sweep.space(_finder(document), fixed, constants)
        return space, sweep.examples(_finder(document), fixed, constants)
    except SweepError as error:
        raise ScenarioError(f"{document.at(('sweep', *error.field_path))}: {error}") from None


def _finder(document: Document) -> FindFiles:
    return cache(partial(find_files, document.path.parent, uploads_of(document.data)))


def _values_in_file(document: Document, sweep: SweepSpec, defaults: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the values of each parameter in the file; a number or a text represents a range or a list of files."""
    values = {name: [value] for name, value in defaults.items()}
    for field_path in sweep.value_fields():
        value = value_at(document.data["sweep"], field_path)
        if isinstance(value, dict):
            value = [""] if value.keys() & {"files", "share_files"} else [0]
        values.setdefault(str(field_path[-1]), []).extend(value if isinstance(value, list) else [value])
    return values


def _without_default(document: Document, sweep: SweepSpec, defaults: Mapping[str, Any]) -> Iterator[str]:
    """Check that a name with conditions has a value for the trials in which it is not swept."""
    for name in sweep.when:
        if name not in defaults:
            text = f"{name} is swept only if this holds; give it a value in parameters for the other trials"
            yield f"{document.at(('sweep', 'when', name))}: {text}"


def _equal_trials(document: Document, sweep: SweepSpec) -> Iterator[str]:
    """Find equal values and equal rows: without them, no two points of a sweep are equal."""
    for field_path in sweep.value_fields():
        values = value_at(document.data["sweep"], field_path)
        if field_path[0] != "zip" and isinstance(values, list):
            paths: list[FieldPath] = [("sweep", *field_path, index) for index in range(len(values))]
            yield from _equal_rows(document, [{str(field_path[-1]): value} for value in values], paths)
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
    """Check that swept parameters are in ``job``, ``cluster`` or ``expect``, and nowhere else."""
    used: set[str] = set()
    is_search = bool((document.data.get("sweep") or {}).get("search"))
    for name, section in document.data.items():
        if name in LITERAL:
            continue
        for field_path, text in texts_in(section, (name,)):
            parameters = [parameter for parameter in names_in(text) if parameter in swept]
            used.update(parameters)
            if parameters and is_search and name == "cluster":
                reason = "a search runs on one cluster; sweep clusters by grid, zip, list or random"
                yield f"{document.at(field_path)}: {{{parameters[0]}}} is swept; {reason}"
            if parameters and name not in _PER_TRIAL:
                reason = "only job, cluster and expect may have swept parameters; the trials share the other sections"
                yield f"{document.at(field_path)}: {{{parameters[0]}}} is swept; {reason}"
    for parameter in swept:
        if parameter not in used:
            yield f"{document.at(_sweep_field(document, parameter))}: {_unused(parameter)}"


def _unused(parameter: str) -> str:
    return (
        f"neither job, cluster nor expect uses {{{parameter}}}, so its values make no difference; to run a job "
        f"several times, give it an environment variable: environment: {{{parameter.upper()}: '{{{parameter}}}'}}"
    )


def _sweep_field(document: Document, parameter: str) -> FieldPath:
    """Return the field that gives a swept name its values."""
    if any(parameter in row for row in document.data["sweep"].get("list") or ()):
        return "sweep", "list"
    sections = (("grid",), ("zip",), *((method, "space") for method in ("random", "sobol", "halton", "search")))
    field_paths = [("sweep", *section, parameter) for section in sections]
    return next(field_path for field_path in field_paths if field_path in document.lines)
