"""Cassettes in vcrpy's format version 1, in YAML or JSON; Azure's development tools wrote this format, too."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct

from harness.errors import CassetteError
from harness.recording.content_encoding import decode_body
from harness.recording.cookies import HEADER
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.limits import DEEPEST_YAML, MOST_REPEATS, MOST_YAML_NODES

_SafeLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PYTHON = "tag:yaml.org,2002:python/"
_KEY_TAGS = ("tag:yaml.org,2002:str", f"{_PYTHON}str", f"{_PYTHON}unicode")
_LONGEST_NUMBER = 30  # characters
_SCALARS = (str, int, float, bytes)


class _Loader(_SafeLoader):  # type: ignore[misc]  # chosen at run time: the C loader if libyaml is installed
    """A safe loader that accepts the harmless Python tags of vcrpy's older cassettes, and limits the size of a file."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._nodes = 0
        self._depth = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Count the nodes; the loader calls this before it reads a node."""
        super().descend_resolver(current_node, current_index)
        self._nodes += 1
        self._depth += 1
        if self._nodes > MOST_YAML_NODES:
            raise yaml.YAMLError(f"it has more than {MOST_YAML_NODES} values")
        if self._depth > DEEPEST_YAML:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST_YAML} deep")

    def ascend_resolver(self) -> None:
        """Leave a level; the loader calls this after it has read a node."""
        super().ascend_resolver()
        self._depth -= 1

    def flatten_mapping(self, node: Any) -> None:
        """Refuse keys that no tool writes: merge keys can multiply content, and numbers can be chosen to collide."""
        invalid = next((key for key, _ in node.value if key.tag not in _KEY_TAGS), None)
        if invalid is not None:
            raise yaml.YAMLError(f"line {invalid.start_mark.line + 1} has a key that is no text")


def _number(construct: Callable[[Any, yaml.Node], Any]) -> Callable[[Any, yaml.Node], Any]:
    """Limit a constructor to short numbers; longer ones stay text, because YAML's base-60 numbers are slow to read."""
    return lambda loader, node: construct(loader, node) if len(node.value) <= _LONGEST_NUMBER else node.value


def _buffer(loader: Any, node: yaml.Node) -> Any:
    state = loader.construct_mapping(node, deep=True).get("state") or ("",)
    return state[0]


_Loader.add_constructor("tag:yaml.org,2002:int", _number(_SafeLoader.construct_yaml_int))
_Loader.add_constructor("tag:yaml.org,2002:float", _number(_SafeLoader.construct_yaml_float))
_Loader.add_constructor(f"{_PYTHON}str", _SafeLoader.construct_scalar)
_Loader.add_constructor(f"{_PYTHON}unicode", _SafeLoader.construct_scalar)
_Loader.add_constructor(f"{_PYTHON}tuple", _SafeLoader.construct_sequence)
_Loader.add_constructor(f"{_PYTHON}object/new:_io.BytesIO", _buffer)


def parse_yaml(text: str | bytes) -> Any:
    """Parse a YAML text.

    Raises:
        yaml.YAMLError, ValueError: the text is no YAML, requests Python objects, or exceeds the limits.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader


class _Status(Struct):
    code: int
    message: str | None = None


class _Body(Struct):
    string: str | None = None


class _Request(Struct):
    method: str
    uri: str
    headers: dict[str, str | list[str]] | None = None
    body: str | None = None


class _Response(Struct):
    status: _Status
    body: _Body
    headers: dict[str, str | list[str]] | None = None


class _Entry(Struct):
    request: _Request
    response: _Response


class _Document(Struct):
    interactions: list[_Entry]
    version: Literal[1] = 1


def parse_json(data: bytes) -> Any:
    """Parse a cassette of vcrpy's JSON serializer into plain data.

    Raises:
        msgspec.MsgspecError, RecursionError: the data is no such cassette.
    """
    return msgspec.to_builtins(msgspec.json.decode(data, type=_Document))


def interaction_from(entry: Any, limit: int) -> Interaction:
    """Convert plain data to an interaction.

    Args:
        entry: an element of a cassette's list of interactions. Older YAML cassettes of the harness had a ``count``.
        limit: the largest allowed length of both bodies together, in bytes.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, OverflowError: the entry is no interaction.
        CassetteError: the bodies are too large.
    """
    request, response = entry["request"], entry["response"]
    request_body, received = _bytes(request.get("body")), _bytes(response["body"]["string"])
    if len(request_body) + len(received) > limit:
        raise CassetteError("its bodies are too large")
    headers, body = decode_body(_headers(response.get("headers")), received, limit)
    status, count = response["status"], int(entry.get("count", 1))
    if not 1 <= count <= MOST_REPEATS:
        raise ValueError(f"a count of {count}")
    return Interaction(
        RecordedRequest(
            _text(request["method"]), _text(request["uri"]), _headers(request.get("headers")), request_body
        ),
        RecordedResponse(
            int(status["code"]), str(status.get("message") or ""), headers, body, _cookies(response.get("headers"))
        ),
        count,
    )


def _headers(headers: Mapping[str, Any] | None) -> dict[str, str]:
    return {
        _text(name): ", ".join(_lines(value))
        for name, value in (headers or {}).items()
        if name.lower() != HEADER.lower()
    }


def _cookies(headers: Mapping[str, Any] | None) -> tuple[str, ...]:
    values = (value for name, value in (headers or {}).items() if name.lower() == HEADER.lower())
    return tuple(line for value in values for line in _lines(value))


def _lines(value: Any) -> list[str]:
    """The lines of a header. Nested lists are refused, because YAML aliases could multiply them."""
    return [_text(line) for line in (value if isinstance(value, list | tuple) else [value])]


def _text(value: Any) -> str:
    if not isinstance(value, _SCALARS):
        raise TypeError(f"{type(value).__name__} in place of text")
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str | bytes):
        raise TypeError(f"{type(body).__name__} in place of a body")
    return body.encode() if isinstance(body, str) else body
