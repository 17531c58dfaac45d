"""Comparison of a response with a recorded one, except for values that differ between runs."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from harness.recording.interactions import Interaction

# Values inside of texts that differ between runs. Each value of a persistent kind identifies one thing in a run.
_VARYING_VALUES = {
    "guid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "etag": r'"0x[0-9A-F]+"',
    "time": r"\d{4}-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)\d\d(?:\.\d+)?Z",
    "date": r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
}
_PERSISTENT_KINDS = frozenset({"guid", "etag"})
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _VARYING_VALUES.items()))

# Headers whose values depend on the file system, the upload, or earlier requests of the subscription.
_HEADER_PATTERNS = {
    "content-md5": r"[A-Za-z0-9+/]{22}==",
    "x-ms-file-id": r"\d+",
    "x-ms-file-parent-id": r"\d+",
    "x-ms-file-permission-key": r"\d+\*\d+",
    "x-ms-ratelimit-remaining-subscription-writes": r"\d+",
    "x-ms-ratelimit-remaining-subscription-deletes": r"\d+",
}
_MACHINE_LOG = re.compile(r"execution[^/]*\.log")  # files in which the emulator describes the machine
_NOTHING = object()


@dataclass
class ActualValues:
    """The emulator's values for recorded values that differ between runs."""

    actual_by_recorded: dict[str, str] = field(default_factory=dict)

    def rewrite(self, text: str) -> str:
        """Replace the recorded values in a text by the emulator's."""
        return _TOKEN.sub(lambda match: self.actual_by_recorded.get(match[0], match[0]), text)

    def matches(self, recorded: str, actual: str) -> bool:
        """Whether two texts are equal, except for such values; persistent ones are remembered and must not change."""
        if _shape(recorded) != _shape(actual):
            return False
        pairs = zip(_TOKEN.finditer(recorded), _TOKEN.finditer(actual), strict=True)
        persistent = [(old[0], new[0]) for old, new in pairs if old.lastgroup in _PERSISTENT_KINDS]
        return all(self.actual_by_recorded.setdefault(old, new) == new for old, new in persistent)


def _shape(text: str) -> str:
    return _TOKEN.sub(lambda match: f"<{match.lastgroup}>", text)


def differences(recorded: Interaction, actual: Interaction, values: ActualValues) -> list[str]:
    """Describe the differences between a response and the recorded one; both are scrubbed.

    Args:
        recorded: the recorded request and response.
        actual: the response of the emulator.
        values: the values of the emulator so far; they are updated.
    """
    request, old, new = recorded.request, recorded.response, actual.response
    if old.status != new.status:
        return [f"status: {old.status} was recorded, {new.status} received"]
    headers = list(_header_differences(dict(old.headers), dict(new.headers), values))
    if _MACHINE_LOG.search(urlsplit(request.uri).path):
        return headers
    old_body, new_body = _decoded_body(old.body), _decoded_body(new.body)
    if "/listOutputFiles?" in request.uri and old_body == {"value": []} and isinstance(new_body, dict):
        new_body |= {"value": []}  # a job has no files for too short a time to observe that reliably
    return headers + list(_value_differences("body", old_body, new_body, values))


def _header_differences(recorded: dict[str, str], actual: dict[str, str], values: ActualValues) -> Iterator[str]:
    recorded, actual = ({name.lower(): value for name, value in headers.items()} for headers in (recorded, actual))
    for name in sorted(recorded.keys() | actual.keys()):
        old, new = recorded.get(name), actual.get(name)
        pattern = _HEADER_PATTERNS.get(name)
        if old is None or new is None:
            yield _difference(f"header {name}", _NOTHING if old is None else old, _NOTHING if new is None else new)
        elif not (re.fullmatch(pattern, new) if pattern else values.matches(old, new)):
            yield _difference(f"header {name}", old, new)


def _value_differences(path: str, recorded: Any, actual: Any, values: ActualValues) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(actual, dict):
        if _MACHINE_LOG.fullmatch(str(recorded.get("name"))):
            recorded, actual = _without_length(recorded), _without_length(actual)
        for name in recorded | actual:
            yield from _value_differences(
                f"{path}.{name}", recorded.get(name, _NOTHING), actual.get(name, _NOTHING), values
            )
    elif isinstance(recorded, list) and isinstance(actual, list) and len(recorded) == len(actual):
        for at, pair in enumerate(zip(recorded, actual, strict=True)):
            yield from _value_differences(f"{path}[{at}]", *pair, values)
    elif isinstance(recorded, str) and isinstance(actual, str):
        if not values.matches(recorded, actual):
            yield _difference(path, recorded, actual)
    elif type(recorded) is not type(actual) or recorded != actual:
        yield _difference(path, recorded, actual)


def _without_length(item: dict[str, Any]) -> dict[str, Any]:
    properties = {name: value for name, value in item.get("properties", {}).items() if name != "contentLength"}
    return {**item, "properties": properties}


def _decoded_body(body: bytes) -> Any:
    if body[:1] in (b"{", b"["):
        try:
            return json.loads(body)
        except ValueError:
            pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _difference(path: str, recorded: object, actual: object) -> str:
    old, new = (
        "nothing" if value is _NOTHING else (text if len(text := repr(value)) <= 100 else f"{text[:97]}...")
        for value in (recorded, actual)
    )
    return f"{path}: {old} was recorded, {new} received"
