"""The cassette format of the harness: JSON that is readable in a diff and needs no special parser.

::

    {
      "version": 2,
      "provenance": {"cloud": "emulator", "recorded": "2026-11-29T12:00:00+00:00", ...},
      "interactions": [
        {
          "count": 3,                              number of identical polls; omitted if it is 1
          "request": {"method": "GET", "uri": "https://...", "headers": {...}, "body": {...}},
          "response": {"status": 200, "reason": "OK", "headers": {...}, "body": {...}}
        }
      ]
    }

A body is ``{"json": ...}`` if that reproduces the body byte for byte (``"spaced": true`` if a space follows each comma
and colon), otherwise ``{"text": [...]}`` with a list of lines, or ``{"base64": [...]}``. An empty body is omitted. A
header is a string; ``Set-Cookie`` is a list of strings.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from harness.recording.content_encoding import decode_body
from harness.recording.cookies import HEADER
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.limits import MOST_REPEATS

VERSION = 2

_BASE64_LINE = 120  # letters
_DEPTH = 64  # levels of nested JSON; the limit of the JSON reader depends on the version of Python
_JSON_GROWTH = 4  # largest ratio of a body's length as indented JSON to its own length
_INDENT = 12  # spaces before each line of a body in a file
_OPENING = (b"{", b"[")
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]')
# Characters that a terminal or a reviewer's browser acts upon; JSON escapes those below 32 itself.
_UNREADABLE = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]"
)
_NOTHING = Raw(b"null")

Headers = dict[str, str | list[str]]


class _Body(Struct, omit_defaults=True, forbid_unknown_fields=True):
    json: Raw | UnsetType = UNSET
    spaced: bool = False
    text: list[str] | UnsetType = UNSET
    base64: list[str] | UnsetType = UNSET


class _Request(Struct, omit_defaults=True, forbid_unknown_fields=True):
    method: Annotated[str, Meta(min_length=1)]
    uri: Annotated[str, Meta(min_length=1)]
    headers: Headers = {}
    body: Raw = _NOTHING


class _Response(Struct, omit_defaults=True, forbid_unknown_fields=True):
    status: int
    reason: str = ""
    headers: Headers = {}
    body: _Body | None = None


class Entry(Struct, forbid_unknown_fields=True):
    """An interaction whose response is not decoded yet."""

    request: _Request
    response: Raw
    count: Annotated[int, Meta(ge=1, le=MOST_REPEATS)] = 1


class Document(Struct, forbid_unknown_fields=True):
    """A cassette whose responses are not decoded yet; ``metadata`` is vcrpy's."""

    interactions: list[Entry]
    version: Literal[2]
    provenance: dict[str, str] | None = None
    metadata: Raw | UnsetType = UNSET


_DOCUMENT = msgspec.json.Decoder(Document)
_BODY = msgspec.json.Decoder(_Body | None)
_RESPONSE = msgspec.json.Decoder(_Response)


def read_document(data: bytes) -> Document:
    """Decode a cassette, except for its responses.

    Raises:
        msgspec.MsgspecError: the data is no cassette of this format.
        RecursionError: the data is nested too deep.
    """
    return _DOCUMENT.decode(data)


def read_entry(entry: Entry, limit: int) -> Interaction:
    """Decode a complete interaction.

    Args:
        entry: the interaction with its encoded response.
        limit: the largest allowed length of the response's body, in bytes.

    Raises:
        msgspec.MsgspecError, ValueError, RecursionError: the entry is no valid interaction.
        CassetteError: the body is too large.
    """
    response = _RESPONSE.decode(entry.response)
    headers, cookies = _headers_in(response.headers)
    headers, body = decode_body(headers, _bytes_of(response.body), limit)
    return Interaction(
        RecordedRequest(
            entry.request.method,
            entry.request.uri,
            headers_of(entry),
            _bytes_of(_BODY.decode(entry.request.body)),
        ),
        RecordedResponse(response.status, response.reason, headers, body, cookies),
        entry.count,
    )


def headers_of(entry: Entry) -> Mapping[str, str]:
    """The request headers of an interaction."""
    return _headers_in(entry.request.headers)[0]


def _headers_in(headers: Headers) -> tuple[dict[str, str], tuple[str, ...]]:
    """Split headers into those with one value and the ``Set-Cookie`` lines."""
    plain, cookies = {}, []
    for name, value in headers.items():
        if name.lower() == HEADER.lower():
            cookies += [value] if isinstance(value, str) else value
        else:
            plain[name] = value if isinstance(value, str) else ", ".join(value)
    return plain, tuple(cookies)


def _bytes_of(body: _Body | None) -> bytes:
    if body is None:
        return b""
    kinds = [kind for kind in (body.json, body.text, body.base64) if kind is not UNSET]
    if len(kinds) != 1:
        raise ValueError("a body has one of json, text and base64")
    if isinstance(body.json, Raw):
        return msgspec.json.format(body.json, indent=0 if body.spaced else -1)
    if isinstance(body.text, list):
        return "\n".join(body.text).encode()
    return base64.b64decode("".join(body.base64 or []), validate=True)


def write_document(
    interactions: Sequence[Interaction], provenance: Mapping[str, str] | None, *, metadata: Any = None
) -> bytes:
    """Encode a cassette as the content of its file.

    Args:
        interactions: the interactions, in order.
        provenance: the origin of the recording; None if another tool recorded it.
        metadata: vcrpy's metadata; any JSON value.
    """
    document: dict[str, Any] = {"version": VERSION}
    if provenance is not None:
        document["provenance"] = dict(provenance)
    if metadata is not None:
        document["metadata"] = metadata
    document["interactions"] = [_interaction_out(item) for item in interactions]
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _interaction_out(item: Interaction) -> dict[str, Any]:
    request, response = item.request, item.response
    # Content-Length follows from the body, except for HEAD, whose responses have no body.
    is_head = request.method == "HEAD"
    headers = {name: value for name, value in response.headers.items() if is_head or name.lower() != "content-length"}
    members: dict[str, Any] = {} if item.count == 1 else {"count": item.count}
    members["request"] = _with_body(
        {"method": request.method, "uri": request.uri, "headers": _headers_out(request.headers)}, request.body
    )
    members["response"] = _with_body(
        {
            "status": response.status,
            "reason": response.reason,
            "headers": _headers_out(headers, response.cookies),
        },
        response.body,
    )
    return members


def _headers_out(headers: Mapping[str, str], cookies: Sequence[str] = ()) -> Headers:
    values: Headers = {**headers}
    if cookies:
        values[HEADER] = list(cookies)
    return dict(sorted(values.items(), key=lambda pair: (pair[0].lower(), pair[0])))


def _with_body(message: dict[str, Any], body: bytes) -> dict[str, Any]:
    members = {name: part for name, part in message.items() if part not in ({}, "")}
    return {**members, "body": _body_out(body)} if body else members


def _body_out(body: bytes) -> dict[str, Any]:
    text = readable_text(body)
    if text is None:
        letters = base64.b64encode(body).decode()
        return {"base64": [letters[at : at + _BASE64_LINE] for at in range(0, len(letters), _BASE64_LINE)]}
    return _json_out(body) or {"text": text.split("\n")}


def readable_text(body: bytes) -> str | None:
    """Decode a body as UTF-8 without control characters; None if it is anything else."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if _UNREADABLE.search(text) else text


def _json_out(body: bytes) -> dict[str, Any] | None:
    """Represent a body as JSON; None unless that reproduces it byte for byte."""
    if body[:1] not in _OPENING or _is_deep(body):
        return None
    try:
        for indent, spaced in ((-1, {}), (0, {"spaced": True})):
            if msgspec.json.format(body, indent=indent) == body:
                return {"json": Raw(body), **spaced} if _is_compact(body) else None
    except (msgspec.MsgspecError, RecursionError):
        return None
    return None


def _is_compact(body: bytes) -> bool:
    """Whether a body stays short as indented JSON, which a long list of numbers does not."""
    indented = msgspec.json.format(body, indent=2)
    return len(indented) + _INDENT * indented.count(b"\n") <= _JSON_GROWTH * len(body) + 1000


def _is_deep(body: bytes) -> bool:
    if body.count(b"[") + body.count(b"{") <= _DEPTH:
        return False
    depth = 0
    for match in _BRACKETS.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(match.group(), 0)
        if depth > _DEPTH:
            return True
    return False
