"""A serializer with which vcrpy reads and writes cassettes in the format of the harness.

::

    import vcr
    from harness import VcrSerializer

    vcr.default_vcr.register_serializer("harness", VcrSerializer)

    with vcr.use_cassette("cassettes/mine/recorded.json", serializer="harness"):
        ...

Cassettes that vcrpy writes are not scrubbed: use vcrpy's own filters. They have no provenance, so a replay treats them
as cassettes of another tool.
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
    """Convert a cassette of the harness to vcrpy's data; counted polls are repeated.

    Raises:
        CassetteError: the text is no cassette, or exceeds the limits.
    """
    document = _document(cassette_string)
    if sum(entry.count for entry in document.interactions) > MOST_INTERACTIONS:
        raise CassetteError(f"the cassette has more than {MOST_INTERACTIONS} requests, too many for vcrpy")
    cassette: dict[str, Any] = {"version": _VCR_VERSION, "interactions": list(_interactions(document))}
    if isinstance(document.metadata, msgspec.Raw):
        cassette["metadata"] = msgspec.json.decode(document.metadata)
    return cassette


def _document(text: str) -> Document:
    if len(text) > LARGEST_FILE:
        raise CassetteError(f"the cassette has more than {LARGEST_FILE >> 20} MiB")
    try:
        return read_document(text.encode())
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        advice = "turn a cassette of vcrpy into one with: harness cassettes convert"
        raise CassetteError(f"this is no cassette in the format of the harness: {error}; {advice}") from error


def _interactions(document: Document) -> Iterator[dict[str, Any]]:
    remaining = LARGEST_CONTENT
    for number, entry in enumerate(document.interactions, 1):
        try:
            item = read_entry(entry, remaining)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise CassetteError(f"interaction {number} cannot be read: {error}") from error
        remaining -= len(item.response.body)
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
    """Convert vcrpy's data to a cassette of the harness.

    Raises:
        CassetteError: an interaction cannot be represented.
    """
    items = [_interaction_in(number, entry) for number, entry in enumerate(cassette_dict["interactions"], 1)]
    return write_document(items, None, metadata=cassette_dict.get("metadata")).decode()


def _interaction_in(number: int, entry: Mapping[str, Any]) -> Interaction:
    request = {**entry["request"], "body": _request_body(entry["request"].get("body"))}
    try:
        return interaction_from({**entry, "request": request}, LARGEST_CONTENT)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CassetteError(f"interaction {number} cannot be written: {error!r}") from error


def _request_body(body: Any) -> Any:
    """Read the body of a request, which vcrpy may pass as a file or an iterator."""
    if hasattr(body, "read"):
        return body.read()
    if isinstance(body, Iterable) and not isinstance(body, str | bytes):
        return b"".join(part.encode() if isinstance(part, str) else part for part in body)
    return body


class VcrSerializer:
    """A serializer for vcrpy's ``register_serializer``; vcrpy then uses the cassette format of the harness."""

    serialize = staticmethod(serialize)
    deserialize = staticmethod(deserialize)
