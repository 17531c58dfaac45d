"""Conversion between the messages of ``requests`` and those of a cassette."""

import io
import re
from collections.abc import Iterable, Mapping
from email.message import Message
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from harness.recording.cookies import HEADER
from harness.recording.interactions import RecordedResponse

# Sign-ins are not recorded: a replay needs no token, and a cassette must not contain one.
_SIGN_IN = re.compile(r"https?://login\.[^/]+/|.*/oauth2/(?:v2\.0/)?token\b")
_BUILDER = HTTPAdapter()  # sends nothing; `requests` builds its responses in an adapter only


def is_sign_in(url: str) -> bool:
    """Whether a request asks for a token."""
    return _SIGN_IN.match(url) is not None


def plain_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """Decode headers that a client sends as bytes."""
    return {
        name: value.decode("latin-1") if isinstance(value, bytes) else str(value) for name, value in headers.items()
    }


def request_body(request: requests.PreparedRequest) -> bytes:
    """Read the body of a request that is about to be sent.

    A seekable file is rewound. Any other stream is replaced by its content.
    """
    body: Any = request.body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if not hasattr(body, "read"):
        data = b"".join(body)
        request.body = data
        return data
    start = body.tell() if hasattr(body, "tell") else None
    content: bytes = body.read()
    if start is None:
        request.body = content
    else:
        body.seek(start)
    return content


def recorded_response(response: requests.Response, body: bytes) -> RecordedResponse:
    """Convert a received response, and its body, to a recorded response."""
    headers = {name: value for name, value in response.headers.items() if name.lower() != HEADER.lower()}
    lines = response.raw.headers.getlist(HEADER)
    return RecordedResponse(response.status_code, response.reason or "", headers, body, tuple(lines))


class _CookieSource:
    """Takes the place of the response of `http.client`, from which `requests` reads only cookies."""

    def __init__(self, cookies: Iterable[str]) -> None:
        self.msg = Message()
        for line in cookies:
            self.msg[HEADER] = line

    def close(self) -> None:
        """There is no connection."""

    def isclosed(self) -> bool:
        """There is no connection."""
        return True


def rebuild_response(request: requests.PreparedRequest, response: RecordedResponse) -> requests.Response:
    """Convert a recorded response to one of ``requests``, which can be read at once or streamed."""
    is_head = request.method == "HEAD"
    dropped = {"content-encoding", "transfer-encoding"} | (set() if is_head else {"content-length"})
    headers = urllib3.HTTPHeaderDict(
        {name: value for name, value in response.headers.items() if name.lower() not in dropped}
    )
    if not is_head and response.status not in (204, 304):
        headers["Content-Length"] = str(len(response.body))
    for line in response.cookies:
        headers.add(HEADER, line)
    raw = urllib3.HTTPResponse(
        body=io.BytesIO(response.body),
        headers=headers,
        status=response.status,
        reason=response.reason,
        preload_content=False,
        original_response=_CookieSource(response.cookies) if response.cookies else None,  # type: ignore[arg-type]
        request_method=request.method,
    )
    return _BUILDER.build_response(request, raw)
