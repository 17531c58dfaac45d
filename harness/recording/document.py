"""Interactions as plain data, in vcrpy's format version 1, and back; and the YAML around them.

Added to that format, and ignored by vcrpy: ``count`` on folded polls, and ``bodies``, where large or binary bodies
stand apart. Those are gzip-compressed and referred to by YAML alias, under a ``Content-Encoding: gzip`` header, which
vcrpy undoes when asked to (``decode_compressed_response=True``).
"""

import gzip
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import urllib3
import yaml

from harness.recording.cookies import HEADER
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse

FORMAT_VERSION = 1
LARGE_BODY = 4096  # bytes; longer ones stand apart

_SafeLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SafeDumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PYTHON = "tag:yaml.org,2002:python/"


class _Loader(_SafeLoader):  # type: ignore[misc]  # chosen at run time: the C loader where libyaml is there
    """A safe loader that also knows the harmless Python tags of vcrpy's older cassettes."""


def _buffer(loader: Any, node: yaml.Node) -> Any:
    state = loader.construct_mapping(node, deep=True).get("state") or ("",)
    return state[0]


_Loader.add_constructor(f"{_PYTHON}str", _SafeLoader.construct_scalar)
_Loader.add_constructor(f"{_PYTHON}unicode", _SafeLoader.construct_scalar)
_Loader.add_constructor(f"{_PYTHON}tuple", _SafeLoader.construct_sequence)
_Loader.add_constructor(f"{_PYTHON}object/new:_io.BytesIO", _buffer)


class _Blob(bytes):
    """A body that stands apart: written once, referred to by alias."""

    __slots__ = ()


class _Dumper(_SafeDumper):  # type: ignore[misc]  # chosen at run time: the C dumper where libyaml is there
    def ignore_aliases(self, data: object) -> bool:
        return not isinstance(data, _Blob)


def _represent_text(dumper: Any, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Dumper.add_representer(_Blob, lambda dumper, data: dumper.represent_binary(bytes(data)))
_Dumper.add_representer(str, _represent_text)


def parse_yaml(text: str | bytes) -> Any:
    """What a YAML text says.

    Raises:
        yaml.YAMLError: it is no YAML, or asks for Python objects.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader


def write_document(interactions: Sequence[Interaction], provenance: Mapping[str, str]) -> str:
    """The text of a cassette."""
    blobs: dict[bytes, _Blob] = {}
    written = [_interaction_out(item, blobs) for item in interactions]
    document: dict[str, Any] = {"version": FORMAT_VERSION, "provenance": dict(provenance)}
    if blobs:
        document["bodies"] = list(blobs.values())
    document["interactions"] = written
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096)
    return text


def _interaction_out(item: Interaction, blobs: dict[bytes, _Blob]) -> dict[str, Any]:
    request, response = item.request, item.response
    told = response.headers.items()  # the length follows from the body, except where there is none to measure
    headers = {k: [v] for k, v in told if request.method == "HEAD" or k.lower() != "content-length"}
    if response.cookies:
        headers[HEADER] = list(response.cookies)
    body: str | _Blob = _text_out(request.uri, response)
    if body == "" and response.body:
        packed = gzip.compress(response.body, mtime=0)
        body = blobs.setdefault(packed, _Blob(packed))
        headers["Content-Encoding"] = ["gzip"]
    out: dict[str, Any] = {
        "request": {
            "method": request.method,
            "uri": request.uri,
            "headers": {name: [value] for name, value in request.headers.items()},
            "body": _pretty(request.body) or (request.body.decode("utf-8", "replace") or None),
        },
        "response": {
            "status": {"code": response.status, "message": response.reason},
            "headers": headers,
            "body": {"string": body},
        },
    }
    return out if item.count == 1 else {"count": item.count, **out}


def _text_out(uri: str, response: RecordedResponse) -> str:
    """The body as text for review, or nothing when it has to stand apart."""
    if not is_a_file(uri) and (pretty := _pretty(response.body)):
        return pretty
    if len(response.body) > LARGE_BODY or not is_text(response.body):
        return ""
    return response.body.decode()


def is_a_file(uri: str) -> bool:
    """Whether a URL's body belongs to the user, byte for byte: a file or a blob."""
    return ".core." in (urlsplit(uri).hostname or "")


def _pretty(body: bytes) -> str:
    if body[:1] not in (b"{", b"["):
        return ""
    try:
        pretty = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        pretty.encode()  # half a surrogate pair is valid JSON and no valid text
    except ValueError:
        return ""
    return pretty


def is_text(body: bytes) -> bool:
    """Whether a body survives YAML: it turns carriage returns, NEL and separators into line feeds."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\n\t" for character in text)


def interaction_in(entry: Mapping[str, Any]) -> Interaction:
    """An interaction from plain data.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    request, response = entry["request"], entry["response"]
    status = response["status"]
    headers, body = _decoded(_headers_in(response.get("headers")), _bytes(response["body"]["string"]))
    cookies = _cookies_in(response.get("headers"))
    return Interaction(
        RecordedRequest(
            request["method"], request["uri"], _headers_in(request.get("headers")), _bytes(request.get("body"))
        ),
        RecordedResponse(int(status["code"]), str(status.get("message") or ""), headers, body, cookies),
        int(entry.get("count", 1)),
    )


def _decoded(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Headers without the content encoding, and the body without it, too.

    Some tools decode bodies and leave the header in place; such a body is taken as it is.
    """
    encoding = next((headers.pop(name) for name in list(headers) if name.lower() == "content-encoding"), "")
    if not encoding or not body:
        return headers, body
    try:
        return headers, urllib3.HTTPResponse(io.BytesIO(body), headers={"Content-Encoding": encoding}).data
    except urllib3.exceptions.HTTPError:
        return headers, body


def _headers_in(headers: Mapping[str, Any] | None) -> dict[str, str]:
    return {
        str(name): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in (headers or {}).items()
        if name.lower() != HEADER.lower()
    }


def _cookies_in(headers: Mapping[str, Any] | None) -> tuple[str, ...]:
    found = [value for name, value in (headers or {}).items() if name.lower() == HEADER.lower()]
    return tuple(str(line) for value in found for line in (value if isinstance(value, list) else [value]))


def _bytes(body: str | bytes | None) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else bytes(body)
