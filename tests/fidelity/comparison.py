"""Whether an answer is the recorded one: all that matters is equal, but for what nobody can foresee."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from harness.recording.interactions import Interaction

# Values inside of texts that differ from one run to the next. Of the lasting ones each stands for one thing.
_KINDS = {
    "guid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "etag": r'"0x[0-9A-F]+"',
    "time": r"\d{4}-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)\d\d(?:\.\d+)?Z",
    "date": r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
}
_LASTING = frozenset({"guid", "etag"})
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))

# Headers whose value is the file system's, the upload's, or counts what the subscription has done so far.
_BY_FORM = {
    "content-md5": r"[A-Za-z0-9+/]{22}==",
    "x-ms-file-id": r"\d+",
    "x-ms-file-parent-id": r"\d+",
    "x-ms-file-permission-key": r"\d+\*\d+",
    "x-ms-ratelimit-remaining-subscription-writes": r"\d+",
    "x-ms-ratelimit-remaining-subscription-deletes": r"\d+",
}
_OF_THE_MACHINE = re.compile(r"execution[^/]*\.log")  # files in which the emulator tells what it found here
_NOTHING = object()


@dataclass
class Names:
    """What the emulator gave in place of recorded values that nobody can foresee."""

    known: dict[str, str] = field(default_factory=dict)

    def rewrite(self, text: str) -> str:
        """A recorded text with the emulator's values."""
        return _TOKEN.sub(lambda found: self.known.get(found[0], found[0]), text)

    def alike(self, recorded: str, given: str) -> bool:
        """Whether two texts are equal but for such values; what lasts is learnt, and is always the same."""
        mine, theirs = list(_TOKEN.finditer(recorded)), list(_TOKEN.finditer(given))
        if _shape(recorded) != _shape(given):
            return False
        lasting = [(one[0], other[0]) for one, other in zip(mine, theirs, strict=True) if one.lastgroup in _LASTING]
        return all(self.known.setdefault(one, other) == other for one, other in lasting)


def _shape(text: str) -> str:
    return _TOKEN.sub(lambda found: f"<{found.lastgroup}>", text)


def differences(recorded: Interaction, given: Interaction, names: Names) -> list[str]:
    """Where an answer is not the recorded one, as sentences; both scrubbed alike.

    Args:
        recorded: with the request.
        given: what the emulator answered.
        names: what it gave so far; learns.
    """
    request, one, other = recorded.request, recorded.response, given.response
    if one.status != other.status:
        return [f"status: {one.status} was recorded, {other.status} given"]
    told = list(_headers(dict(one.headers), dict(other.headers), names))
    if _OF_THE_MACHINE.search(urlsplit(request.uri).path):
        return told
    mine, theirs = _value(one.body), _value(other.body)
    if "/listOutputFiles?" in request.uri and mine == {"value": []} and isinstance(theirs, dict):
        theirs |= {"value": []}  # of a job that had just begun: this passes too soon to be seen for sure
    return told + list(_values("body", mine, theirs, names))


def _headers(recorded: dict[str, str], given: dict[str, str], names: Names) -> Iterator[str]:
    mine, theirs = ({name.lower(): value for name, value in headers.items()} for headers in (recorded, given))
    for name in sorted(mine.keys() | theirs.keys()):
        one, other = mine.get(name), theirs.get(name)
        form = _BY_FORM.get(name)
        if one is None or other is None:
            yield _told(f"header {name}", _NOTHING if one is None else one, _NOTHING if other is None else other)
        elif not (re.fullmatch(form, other) if form else names.alike(one, other)):
            yield _told(f"header {name}", one, other)


def _values(path: str, recorded: Any, given: Any, names: Names) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(given, dict):
        if _OF_THE_MACHINE.fullmatch(str(recorded.get("name"))):
            recorded, given = _without_length(recorded), _without_length(given)
        for name in recorded | given:
            yield from _values(f"{path}.{name}", recorded.get(name, _NOTHING), given.get(name, _NOTHING), names)
    elif isinstance(recorded, list) and isinstance(given, list) and len(recorded) == len(given):
        for at, pair in enumerate(zip(recorded, given, strict=True)):
            yield from _values(f"{path}[{at}]", *pair, names)
    elif isinstance(recorded, str) and isinstance(given, str):
        if not names.alike(recorded, given):
            yield _told(path, recorded, given)
    elif type(recorded) is not type(given) or recorded != given:
        yield _told(path, recorded, given)


def _without_length(item: dict[str, Any]) -> dict[str, Any]:
    properties = {name: value for name, value in item.get("properties", {}).items() if name != "contentLength"}
    return {**item, "properties": properties}


def _value(body: bytes) -> Any:
    if body[:1] in (b"{", b"["):
        try:
            return json.loads(body)
        except ValueError:
            pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _told(path: str, recorded: object, given: object) -> str:
    one, other = (
        "nothing" if value is _NOTHING else (text if len(text := repr(value)) <= 100 else f"{text[:97]}...")
        for value in (recorded, given)
    )
    return f"{path}: {one} was recorded, {other} given"
