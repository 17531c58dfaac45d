"""The log of requests: one JSON line for each, to show people what their code has sent.

It holds no secrets: no headers, no bodies, and no query value that grants access.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from harness.emulator.context import Response
from harness.request_entry import RequestEntry

_LARGEST = 16 << 20  # bytes; then a new log begins, and the old one is kept beside it
_LONGEST = 2000  # characters of a logged address
_SECRET = re.compile("sig$|.*(secret|token|password|key|assertion|code|signature)", re.IGNORECASE | re.DOTALL)


class RequestLog:
    """Appends to a file, once for all requests that are answered in one turn of the event loop.

    Lines that the disk refuses are dropped, because no request may fail for the log.

    Args:
        path: the file, which only its owner can read; created if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[bytes] = []
        self._descriptor: int | None = None
        self._size = 0

    def add(self, entry: RequestEntry) -> None:
        """Log a request."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append(msgspec.json.encode(entry) + b"\n")

    def flush(self) -> None:
        """Write the waiting lines."""
        lines, self._waiting = b"".join(self._waiting), []
        with contextlib.suppress(OSError):
            os.write(self._open(len(lines)), lines)

    def _open(self, more: int) -> int:
        if self._descriptor is not None and self._size + more > _LARGEST:
            os.close(self._descriptor)
            self._descriptor = None
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, mode=0o600)
            self._size = os.fstat(self._descriptor).st_size
        self._size += more
        return self._descriptor


def entry_of(scope: Mapping[str, Any], answer: Response | None, *, now: datetime, seconds: float) -> RequestEntry:
    """The log entry of a request.

    Args:
        scope: the ASGI scope of the request.
        answer: the response; None if the connection was dropped instead.
        now: when the response was sent.
        seconds: the time from the head of the request to the end of the response.
    """
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return RequestEntry(
        time=f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z",
        method=str(scope["method"]),
        url=without_secrets(f"{scope['scheme']}://{host}", scope["raw_path"], scope["query_string"]),
        status=answer.status if answer else 0,
        milliseconds=round(seconds * 1000, 1),
        error=_code(answer) if answer and answer.status >= 400 else "" if answer else "ConnectionDropped",
    )


def without_secrets(origin: str, raw_path: bytes, query: bytes) -> str:
    """A URL without signatures and other query values that grant access."""
    path = raw_path.partition(b"?")[0].decode("latin-1")
    shown = "&".join(map(_shown, query.decode("latin-1").split("&")))
    address = f"{origin}{path}?{shown}" if shown else f"{origin}{path}"
    return address if len(address) <= _LONGEST else f"{address[:_LONGEST]}..."


def _shown(parameter: str) -> str:
    """A query parameter without its value if that is secret; the name is decoded first, as the services do."""
    name, equals, _ = parameter.partition("=")
    return f"{name}=..." if equals and _SECRET.match(unquote_plus(name)) else parameter


class _Error(msgspec.Struct):
    code: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Error | str = ""


def _code(answer: Response) -> str:
    """The error code of a response: storage sends it in a header, other services in a JSON body."""
    if code := dict(answer.headers).get("x-ms-error-code", ""):
        return code
    with contextlib.suppress(msgspec.MsgspecError, TypeError):
        error = msgspec.json.decode(answer.body if isinstance(answer.body, bytes) else b"", type=_ErrorBody).error
        return error if isinstance(error, str) else error.code
    return ""
