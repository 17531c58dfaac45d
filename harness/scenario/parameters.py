"""The values of parameters, from the scenario file and from ``--set``."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import ScenarioError
from harness.scenario.document import Document, read_value
from harness.scenario.values import Scalar
from harness.suggestions import suggestion

_QUOTES = ("'", '"')


def file_values(document: Document) -> dict[str, Any]:
    """Return the section ``parameters``.

    Raises:
        ScenarioError: the section is not a mapping.
    """
    values = document.data.get("parameters")
    if values is not None and not isinstance(values, dict):
        raise ScenarioError(f"{document.at(('parameters',))}: must be a mapping of names to values")
    return values or {}


def typed_values(
    path: Path, texts: Mapping[str, str], values_in_file: Mapping[str, Sequence[Any]]
) -> dict[str, Scalar]:
    """Return the values of ``--set`` by name.

    The value of a parameter that is a text in the file is a text (``--set version=3.10``); others are parsed as YAML.

    Args:
        path: the path of the scenario, for messages.
        texts: the text of each value, by parameter.
        values_in_file: the values that each parameter has in the file.

    Raises:
        ScenarioError: there is no such parameter, or the value is not a single number, text or boolean.
    """
    for name in texts:
        if name not in values_in_file:
            hint = suggestion(name, values_in_file) or "the scenario has no parameters"
            raise ScenarioError(f"{path}: --set {name}: no such parameter; {hint}")
    return {name: _typed(name, text, values_in_file[name]) for name, text in texts.items()}


def _typed(name: str, text: str, values_in_file: Iterable[Any]) -> Scalar:
    is_text = all(isinstance(value, str) for value in values_in_file)
    if is_text and not text.startswith(_QUOTES):
        return text
    try:
        value = read_value(text)
    except ValueError:
        if is_text:
            return text
        raise ScenarioError(f"--set {name}={text}: this is not a YAML value") from None
    if isinstance(value, list) or (isinstance(value, str) and "," in value and not text.startswith(_QUOTES)):
        items = ", ".join(part.strip() for part in text.strip("[] ").split(","))
        raise ScenarioError(
            f"--set {name}={text}: give one value; to sweep several values, write in the scenario: "
            f"sweep: {{grid: {{{name}: [{items}]}}}}"
        )
    if not isinstance(value, bool | int | float | str):
        raise ScenarioError(f"--set {name}={text}: give one number, text or boolean")
    return value
