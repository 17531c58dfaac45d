"""The bodies of a Blob Batch: requests in one multipart message, their responses in another; pure.

Source: Microsoft's "Blob Batch"; RFC 2046, section 5.1, for the message.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.emulator.storage_service import errors
from harness.emulator.storage_service.errors import StorageError

LIMIT = 4 << 20  # bytes of a body
MOST = 256  # requests in a batch

_BOUNDARY = re.compile(
    r'\s*multipart/mixed\s*;(?:.*;)?\s*boundary=("?)([0-9A-Za-z\'()+_,./:=?-]{1,70})\1\s*(?:;|\Z)', re.IGNORECASE
)
_LINE = re.compile(rb"([A-Z]{1,20}) (/[\x21-\x7e]*) HTTP/1\.[01]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff]*)")
_END = "\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """One request. Header names are in lower case; ``id`` is the ``Content-ID`` of its part, or empty."""

    id: str
    method: str
    target: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartResponse:
    """The response to the part with the same id."""

    id: str
    status: int
    reason: str
    headers: Sequence[tuple[str, str]]
    body: bytes


def boundary_of(content_type: str) -> str:
    """Return the boundary between the parts, from the content type of the body.

    Raises:
        StorageError: the body is not a multipart message.
    """
    match = _BOUNDARY.match(content_type)
    if match is None:
        raise errors.invalid_header("content-type")
    return match[2]


def parts(body: bytes, boundary: str) -> list[Part]:
    """Return the requests in a body.

    Raises:
        StorageError: the body is malformed, or does not contain 1 to 256 requests.
    """
    body = body.replace(b"\r\n", b"\n")
    pieces = (b"\n" + body).split(b"\n--" + boundary.encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise _invalid("it does not end with its boundary")
    part_texts = pieces[1:-1]
    if not 1 <= len(part_texts) <= MOST:
        raise _invalid(f"it has {len(part_texts)} requests, of 1 to {MOST}")
    return [_part(piece) for piece in part_texts]


def _part(piece: bytes) -> Part:
    part_headers, _, request = piece.partition(b"\n\n")
    fields = _headers(part_headers.lstrip(b"\n "))
    if fields.get("content-type", "").partition(";")[0].strip().lower() != "application/http":
        raise _invalid("a part is no application/http")
    head, _, body = request.lstrip(b"\n").partition(b"\n\n")
    line, _, rest = head.partition(b"\n")
    match = _LINE.fullmatch(line.rstrip())
    if match is None:
        raise _invalid("a part does not begin with a request line")
    if body.strip():
        raise _invalid("a request has a body")
    return Part(fields.get("content-id", ""), match[1].decode(), match[2], _headers(rest))


def _headers(lines: bytes) -> dict[str, str]:
    headers = {}
    for line in lines.decode("latin-1").splitlines():
        if not line.strip():
            continue
        match = _HEADER.fullmatch(line.rstrip())
        if match is None:
            raise _invalid("a header cannot be understood")
        headers[match[1].lower()] = match[2].strip()
    return headers


def response_body(responses: Sequence[PartResponse], boundary: str) -> bytes:
    """Return the message with the responses."""
    return b"".join(_response_part(response, boundary) for response in responses) + f"--{boundary}--{_END}".encode()


def _response_part(response: PartResponse, boundary: str) -> bytes:
    lines = [f"--{boundary}", "Content-Type: application/http"]
    if response.id:
        lines.append(f"Content-ID: {response.id}")
    lines += ["", f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if response.body:
        lines.append(f"Content-Length: {len(response.body)}")
    return (_END.join(lines) + _END * 2).encode("latin-1", "replace") + response.body + _END.encode()


def _invalid(problem: str) -> StorageError:
    return errors.invalid_input(f"The body of the batch is not valid: {problem}.")
