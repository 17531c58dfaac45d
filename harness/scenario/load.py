"""From a YAML file to a ``Scenario``, or to every mistake in it with its line."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from harness.errors import ScenarioError
from harness.scenario.document import Document, Place, read_document
from harness.scenario.model import Origin, Scalar, Scenario, SweepSpec, Trial
from harness.scenario.names import trial_id
from harness.scenario.template import fill

_LITERAL = ("parameters", "sweep", "metrics")  # a regular expression is full of braces
_PER_TRIAL = ("job", "expect")
_SCALAR_TYPES = ("bool_type", "int_type", "float_type", "string_type")


@dataclass(frozen=True, slots=True)
class _Space:
    """The swept points, and the values that all of them share."""

    points: tuple[dict[str, Scalar], ...]
    common: Mapping[str, Scalar]


def load_scenario(path: Path, overrides: Mapping[str, str] | None = None) -> Scenario:
    """Read, check and resolve a scenario file.

    Args:
        path: the YAML file.
        overrides: parameter name -> value as typed (read as YAML); fixes a swept parameter.

    Raises:
        ScenarioError: with ``file:line: field: what was found`` for every mistake.
    """
    document = read_document(path)
    space = _space(document, {name: _typed(name, text) for name, text in (overrides or {}).items()})
    resolved = [_validate(document, {**space.common, **point}) for point in space.points]
    trials = tuple(
        Trial(id=trial_id(point), parameters=one.parameters, job=one.job, expect=one.expect)
        for point, one in zip(space.points, resolved, strict=True)
    )
    shared = resolved[0].model_dump(exclude={"parameters", *_PER_TRIAL})
    if any(one.model_dump(exclude={"parameters", *_PER_TRIAL}) != shared for one in resolved):
        raise ScenarioError(f"{path}: only job and expect may hold swept parameters; the trials share the rest")
    return Scenario.model_validate(resolved[0].model_dump(by_alias=True), context=Origin(path, document.lines, trials))


def _space(document: Document, typed: Mapping[str, Scalar]) -> _Space:
    data = document.data
    try:
        sweep = SweepSpec.model_validate({} if data.get("sweep") is None else data["sweep"])
    except ValidationError as error:
        raise ScenarioError("\n".join(_explain(document, error, ("sweep",)))) from None
    points = sweep.points()
    _refuse_equal_ids(document, points)
    defaults = {} if data.get("parameters") is None else data["parameters"]
    if not isinstance(defaults, dict):
        raise ScenarioError(f"{document.at(('parameters',))}: write a mapping of names to values")
    known = {**defaults, **{name: None for point in points for name in point}}
    if unknown := [name for name in typed if name not in known]:
        choices = ", ".join(map(str, known)) or "none"
        raise ScenarioError(f"{document.path}: --set {unknown[0]}: no such parameter; one of: {choices}")
    # Fixing a swept name makes points equal that differed only in it.
    fixed = [{name: typed.get(name, value) for name, value in point.items()} for point in points]
    return _Space(tuple({trial_id(point): point for point in fixed}.values()), {**defaults, **typed})


def _refuse_equal_ids(document: Document, points: tuple[dict[str, Scalar], ...]) -> None:
    seen: set[str] = set()
    for point in points:
        name = trial_id(point)
        if name in seen:
            raise ScenarioError(f"{document.at(('sweep',))}: two trials would both be called {name!r}")
        seen.add(name)


def _typed(name: str, text: str) -> Scalar:
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise ScenarioError(f"--set {name}={text}: this is not a YAML value") from None
    if not isinstance(value, bool | int | float | str):
        raise ScenarioError(f"--set {name}={text}: give one number, word or boolean")
    return value


def _validate(document: Document, values: Mapping[str, Scalar]) -> Scenario:
    mistakes: list[str] = []

    def resolve(item: Any, place: Place) -> Any:
        if isinstance(item, dict):
            return {key: resolve(value, (*place, str(key))) for key, value in item.items()}
        if isinstance(item, list):
            return [resolve(value, (*place, index)) for index, value in enumerate(item)]
        if not isinstance(item, str):
            return item
        try:
            return fill(item, values)
        except KeyError as error:
            known = ", ".join(map(str, values)) or "none"
            mistakes.append(f"{document.at(place)}: there is no parameter {error}; one of: {known}")
            return item

    data = {key: item if key in _LITERAL else resolve(item, (str(key),)) for key, item in document.data.items()}
    try:
        scenario = Scenario.model_validate({**data, "parameters": values, "sweep": data.get("sweep") or {}})
    except ValidationError as error:
        mistakes += _explain(document, error, ())
    if mistakes:
        raise ScenarioError("\n".join(mistakes))
    return scenario


def _explain(document: Document, error: ValidationError, above: Place) -> list[str]:
    told: dict[str, None] = {}
    for mistake in error.errors():
        place = _written(document.data, (*above, *mistake["loc"]), is_missing=mistake["type"] == "missing")
        found = "" if isinstance(mistake["input"], dict | list) else f"; found {mistake['input']!r}"
        if mistake["type"] == "extra_forbidden":
            known = _keys(place[:-1])
            near = get_close_matches(str(place[-1]), known, n=1)
            text = "there is no such field" + (
                f"; did you mean {near[0]!r}?" if near else f"; one of: {', '.join(known)}"
            )
        elif mistake["type"] == "missing":
            text = "is required"
        elif place[:1] in (("parameters",), ("sweep",)) and mistake["type"] in _SCALAR_TYPES:
            text = f"give a number, a text or a boolean{found}"
        else:
            text = f"{mistake['msg'].removeprefix('Value error, ')}{found}"
        told[f"{document.at(place)}: {text}"] = None
    return list(told)


def _written(data: Any, location: Place, *, is_missing: bool) -> Place:
    """The part of a location that is in the file: without the names that the models give to alternatives."""
    place: Place = ()
    for index, step in enumerate(location):
        if step in (data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()):
            data, place = data[step], (*place, step)
        elif is_missing and index == len(location) - 1:
            place = (*place, step)
    return place


def _keys(place: Place) -> list[str]:
    field: Any = Scenario
    for step in place:
        fields = getattr(field, "model_fields", {})
        field = fields[step].annotation if step in fields else None
    if not (isinstance(field, type) and issubclass(field, BaseModel)):
        return []
    return [one.alias or name for name, one in field.model_fields.items()]
