"""What a cassette is made of: one frozen record for each request and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as a cassette keeps it.

    Attributes:
        method: upper-case.
        uri: absolute, canonical (never the emulator's own address).
        headers: only those that tell requests apart or help a reader.
        body: what was sent, or a marker with length and SHA-256 for an upload.
    """

    method: str
    uri: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """A response as a cassette keeps it.

    Attributes:
        status: the HTTP status code.
        reason: the reason phrase.
        headers: all headers but ``Set-Cookie``; lines of one name are joined by commas.
        body: whole, and no longer content-encoded.
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
    """A request and its response; ``count`` identical polls are one interaction."""

    request: RecordedRequest
    response: RecordedResponse
    count: int = 1
