"""Cassettes of other tools: vcrpy's format version 1, in YAML or JSON, which Azure's development tools wrote, too."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct

from harness.errors import CassetteError
from harness.recording.content_encoding import decoded
from harness.recording.cookies import HEADER
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.limits import DEEPEST_YAML, MOST_REPEATS, MOST_YAML_NODES

_SafeLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PYTHON = "tag:yaml.org,2002:python/"
_KEY_TAGS = ("tag:yaml.org,2002:str", f"{_PYTHON}str", f"{_PYTHON}unicode")
_LONGEST_NUMBER = 30  # characters
_SCALARS = (str, int, float, bytes)


class _Loader(_SafeLoader):  # type: ignore[misc]  # chosen at run time: the C loader where libyaml is there
    """A safe loader that knows the harmless Python tags of vcrpy's older cassettes, and bounds what a file can cost."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._nodes = 0
        self._depth = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Count the nodes; the loader calls this before it reads one."""
        super().descend_resolver(current_node, current_index)
        self._nodes += 1
        self._depth += 1
        if self._nodes > MOST_YAML_NODES:
            raise yaml.YAMLError(f"it has more than {MOST_YAML_NODES} values")
        if self._depth > DEEPEST_YAML:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST_YAML} deep")

    def ascend_resolver(self) -> None:
        """The loader calls this after it has read a node."""
        super().ascend_resolver()
        self._depth -= 1

    def flatten_mapping(self, node: Any) -> None:
        """Refuse keys that no tool writes: merge keys multiply what they merge, and numbers can be made to collide."""
        strange = next((key for key, _ in node.value if key.tag not in _KEY_TAGS), None)
        if strange is not None:
            raise yaml.YAMLError(f"line {strange.start_mark.line + 1} has a key that is no text")


def _number(construct: Callable[[Any, yaml.Node], Any]) -> Callable[[Any, yaml.Node], Any]:
    """A number, or the text of one that takes too long to compute: YAML knows numbers to the base of 60."""
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
    """What a YAML text says.

    Raises:
        yaml.YAMLError, ValueError: it is no YAML, asks for Python objects, or holds too much.
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
    """What vcrpy's JSON serializer wrote, as plain data.

    Raises:
        msgspec.MsgspecError, RecursionError: it is something else.
    """
    return msgspec.to_builtins(msgspec.json.decode(data, type=_Document))


def interaction_from(entry: Any, limit: int) -> Interaction:
    """An interaction from plain data.

    Args:
        entry: what a cassette's list of interactions holds. Our own YAML cassettes of before had a ``count``, too.
        limit: bytes that its bodies may have.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, OverflowError: it is none.
        CassetteError: its bodies are too large.
    """
    request, response = entry["request"], entry["response"]
    sent, received = _bytes(request.get("body")), _bytes(response["body"]["string"])
    if len(sent) + len(received) > limit:
        raise CassetteError("its bodies are too large")
    headers, body = decoded(_headers(response.get("headers")), received, limit)
    status, count = response["status"], int(entry.get("count", 1))
    if not 1 <= count <= MOST_REPEATS:
        raise ValueError(f"a count of {count}")
    return Interaction(
        RecordedRequest(_text(request["method"]), _text(request["uri"]), _headers(request.get("headers")), sent),
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
    found = (value for name, value in (headers or {}).items() if name.lower() == HEADER.lower())
    return tuple(line for value in found for line in _lines(value))


def _lines(value: Any) -> list[str]:
    """The lines of a header. A list in a list is none: aliases of aliases would multiply."""
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
