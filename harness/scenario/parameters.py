"""Parameters: their values in the file, and those that ``--set`` gives them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import ScenarioError
from harness.scenario.document import Document, read_value
from harness.scenario.values import Scalar
from harness.suggestions import suggestion

_QUOTES = ("'", '"')


def file_values(document: Document) -> dict[str, Any]:
    """The section ``parameters``.

    Raises:
        ScenarioError: it is no mapping.
    """
    values = document.data.get("parameters")
    if values is not None and not isinstance(values, dict):
        raise ScenarioError(f"{document.at(('parameters',))}: must be a mapping of names to values")
    return values or {}


def typed_values(path: Path, words: Mapping[str, str], known: Mapping[str, Sequence[Any]]) -> dict[str, Scalar]:
    """The values of ``--set`` by name.

    A parameter that is a text in the file stays one (``--set version=3.10``); any other is read as YAML.

    Args:
        path: of the scenario, for messages.
        words: parameter name -> value as typed.
        known: the values that each parameter has in the file.

    Raises:
        ScenarioError: there is no such parameter, or the value is not one number, text or boolean.
    """
    for name in words:
        if name not in known:
            hint = suggestion(name, known) or "the scenario has none"
            raise ScenarioError(f"{path}: --set {name}: no such parameter; {hint}")
    return {name: _typed(name, text, known[name]) for name, text in words.items()}


def _typed(name: str, text: str, known: Iterable[Any]) -> Scalar:
    is_text = all(isinstance(value, str) for value in known)
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
            f"--set {name}={text}: give one value; to run several, write in the scenario: "
            f"sweep: {{grid: {{{name}: [{items}]}}}}"
        )
    if not isinstance(value, bool | int | float | str):
        raise ScenarioError(f"--set {name}={text}: give one number, text or boolean")
    return value
