"""A serializer for vcrpy, which then plays and writes cassettes in our format.

::

    import vcr
    from harness import VcrSerializer

    vcr.default_vcr.register_serializer("harness", VcrSerializer)

    with vcr.use_cassette("cassettes/mine/recorded.json", serializer="harness"):
        ...

What vcrpy writes is not scrubbed: that is for vcrpy's own filters. It has no provenance, so a replay takes it for the
cassette of another tool.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from harness.errors import CassetteError
from harness.recording.cassette_format import Document, read_document, read_entry, write_document
from harness.recording.cookies import HEADER
from harness.recording.interactions import Interaction
from harness.recording.limits import LARGEST_CONTENT, LARGEST_FILE, MOST_INTERACTIONS
from harness.recording.vcr_format import interaction_from

_VCR_VERSION = 1


def deserialize(cassette_string: str) -> dict[str, Any]:
    """A cassette in our format as vcrpy wants it; what was counted is repeated.

    Raises:
        CassetteError: it is none, or holds too much.
    """
    document = _document(cassette_string)
    if sum(entry.count for entry in document.interactions) > MOST_INTERACTIONS:
        raise CassetteError(f"the cassette has more than {MOST_INTERACTIONS} requests, too many for vcrpy")
    found: dict[str, Any] = {"version": _VCR_VERSION, "interactions": list(_interactions(document))}
    if isinstance(document.metadata, msgspec.Raw):
        found["metadata"] = msgspec.json.decode(document.metadata)
    return found


def _document(text: str) -> Document:
    if len(text) > LARGEST_FILE:
        raise CassetteError(f"the cassette has more than {LARGEST_FILE >> 20} MiB")
    try:
        return read_document(text.encode())
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        advice = "turn a cassette of vcrpy into one with: harness cassettes convert"
        raise CassetteError(f"this is no cassette in the format of the harness: {error}; {advice}") from error


def _interactions(document: Document) -> Iterator[dict[str, Any]]:
    left = LARGEST_CONTENT
    for number, entry in enumerate(document.interactions, 1):
        try:
            item = read_entry(entry, left)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise CassetteError(f"interaction {number} cannot be read: {error}") from error
        left -= len(item.response.body)
        yield from (_interaction_out(item) for _ in range(item.count))


def _interaction_out(item: Interaction) -> dict[str, Any]:
    request, response = item.request, item.response
    headers = {name: [value] for name, value in response.headers.items()}
    if response.cookies:
        headers[HEADER] = list(response.cookies)
    return {
        "request": {
            "method": request.method,
            "uri": request.uri,
            "body": request.body or None,
            "headers": {name: [value] for name, value in request.headers.items()},
        },
        "response": {
            "status": {"code": response.status, "message": response.reason},
            "headers": headers,
            "body": {"string": response.body},
        },
    }


def serialize(cassette_dict: Mapping[str, Any]) -> str:
    """A cassette of vcrpy in our format.

    Raises:
        CassetteError: it holds what no cassette can hold.
    """
    items = [_interaction_in(number, entry) for number, entry in enumerate(cassette_dict["interactions"], 1)]
    return write_document(items, None, metadata=cassette_dict.get("metadata")).decode()


def _interaction_in(number: int, entry: Mapping[str, Any]) -> Interaction:
    request = {**entry["request"], "body": _sent(entry["request"].get("body"))}
    try:
        return interaction_from({**entry, "request": request}, LARGEST_CONTENT)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CassetteError(f"interaction {number} cannot be written: {error!r}") from error


def _sent(body: Any) -> Any:
    """A request's body: vcrpy passes files and iterators on as what they are."""
    if hasattr(body, "read"):
        return body.read()
    if isinstance(body, Iterable) and not isinstance(body, str | bytes):
        return b"".join(part.encode() if isinstance(part, str) else part for part in body)
    return body


class VcrSerializer:
    """A serializer for vcrpy's ``register_serializer``, which then plays and writes cassettes in our format."""

    serialize = staticmethod(serialize)
    deserialize = staticmethod(deserialize)
