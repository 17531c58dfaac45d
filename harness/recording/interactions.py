"""The records of a cassette: a request, its response, and both together."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request in a cassette.

    Attributes:
        method: upper-case.
        uri: absolute and canonical: Azure's address, never the emulator's.
        headers: only those that distinguish requests or help a reader.
        body: the sent body, or a marker with length and SHA-256 for an upload.
    """

    method: str
    uri: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """A response in a cassette.

    Attributes:
        status: the HTTP status code.
        reason: the reason phrase.
        headers: all headers but ``Set-Cookie``; lines of one name are joined by commas.
        body: the complete body, without content encoding.
        cookies: one ``Set-Cookie`` line for each cookie.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()


def date_of(response: RecordedResponse) -> str | None:
    """The ``Date`` header of a response."""
    return next((value for name, value in response.headers.items() if name.lower() == "date"), None)


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request and its response; ``count`` is the number of identical polls that it represents."""

    request: RecordedRequest
    response: RecordedResponse
    count: int = 1
