"""Between ``requests`` and what a cassette keeps: bodies that were sent, answers that can be read again."""

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

# A cassette never holds a sign-in: a replay needs no token, and a cassette must hold none.
_SIGN_IN = re.compile(r"https?://login\.[^/]+/|.*/oauth2/(?:v2\.0/)?token\b")
_BUILDER = HTTPAdapter()  # sends nothing: only it knows how to make a response of `requests`


def is_sign_in(url: str) -> bool:
    """Whether a request asks for a token."""
    return _SIGN_IN.match(url) is not None


def plain_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """Headers as text; some clients send bytes."""
    return {
        name: value.decode("latin-1") if isinstance(value, bytes) else str(value) for name, value in headers.items()
    }


def sent_bytes(request: requests.PreparedRequest) -> bytes:
    """What is about to be sent. A file is read and rewound; any other stream is read and put back."""
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
    """A response that came over the wire, and its body, as a cassette keeps them."""
    headers = {name: value for name, value in response.headers.items() if name.lower() != HEADER.lower()}
    lines = response.raw.headers.getlist(HEADER)
    return RecordedResponse(response.status_code, response.reason or "", headers, body, tuple(lines))


class _CookieSource:
    """Stands for the response of `http.client`, from which `requests` reads cookies and nothing else."""

    def __init__(self, cookies: Iterable[str]) -> None:
        self.msg = Message()
        for line in cookies:
            self.msg[HEADER] = line

    def close(self) -> None:
        """There is no connection."""

    def isclosed(self) -> bool:
        """There is no connection."""
        return True


def rebuild(request: requests.PreparedRequest, answer: RecordedResponse) -> requests.Response:
    """A response that can be read at once or streamed, like the one that came over the wire."""
    is_head = request.method == "HEAD"
    dropped = {"content-encoding", "transfer-encoding"} | (set() if is_head else {"content-length"})
    headers = urllib3.HTTPHeaderDict(
        {name: value for name, value in answer.headers.items() if name.lower() not in dropped}
    )
    if not is_head and answer.status not in (204, 304):
        headers["Content-Length"] = str(len(answer.body))
    for line in answer.cookies:
        headers.add(HEADER, line)
    raw = urllib3.HTTPResponse(
        body=io.BytesIO(answer.body),
        headers=headers,
        status=answer.status,
        reason=answer.reason,
        preload_content=False,
        original_response=_CookieSource(answer.cookies) if answer.cookies else None,  # type: ignore[arg-type]
        request_method=request.method,
    )
    return _BUILDER.build_response(request, raw)
