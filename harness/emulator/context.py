"""What a handler sees of HTTP: one request in, one response out."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, MutableMapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

from harness.emulator.host_names import host_of
from harness.emulator.text_cache import text_cache

_STALL_SECONDS = 30.0  # without a byte of a body that is awaited
_NOTHING = timedelta()
_NO_NAMES: Mapping[bytes, bytes] = {}
BODY_LIMIT = 4 << 20  # bytes; Resource Manager's own limit for a request body


class Receive(Protocol):
    """ASGI's source of request events."""

    async def __call__(self) -> MutableMapping[str, Any]:
        """The next event."""


class Connection(Protocol):
    """What a request needs of the connection on which it came."""

    def trust(self) -> None:
        """Note that a request on this connection had valid credentials."""


class MalformedRequestError(Exception):
    """The request line, a header or the encoding of the path cannot be understood; the text says which."""


class ClientGoneError(Exception):
    """The client left in the middle of its request: nobody waits for an answer."""


class BodyTooLargeError(Exception):
    """The request's body is longer than the operation takes, which is ``limit`` bytes."""

    def __init__(self, limit: int = BODY_LIMIT) -> None:
        super().__init__(f"the body is longer than {limit} bytes")
        self.limit = limit


class BodyStalledError(MalformedRequestError):
    """The client stopped in the middle of its body."""


class BrokenAnswerError(Exception):
    """An answer's body cannot be sent to the end that its head promised: the connection is dropped instead."""


class DroppedRequestError(Exception):
    """A request gets no answer: the connection is dropped instead."""


class Request:
    """One HTTP request.

    ``host`` is lower-case without port (``host_of``); ``path`` is percent-decoded and ``raw_target`` is path and query
    exactly as sent; names in ``query`` and ``headers`` are lower-case; ``params`` holds what the route's
    template matched, in the caller's casing. ``spelled`` has the names of headers of metadata as the client wrote
    them, by their names in lower case. ``ahead`` is how far the clock of who judges the request is ahead of ours.
    ``content`` is the body, once it has been read whole.

    Raises:
        MalformedRequestError: the path is not UTF-8 or holds a NUL.
    """

    __slots__ = (
        "_connection",
        "_receive",
        "ahead",
        "client",
        "content",
        "headers",
        "host",
        "method",
        "params",
        "path",
        "query",
        "raw_target",
        "scheme",
        "spelled",
    )

    def __init__(self, scope: Mapping[str, Any], receive: Receive) -> None:
        self._receive = receive
        self._connection: Connection = scope["state"]["connection"]
        self.ahead = _NOTHING
        self.content = b""
        self.method: str = scope["method"]
        self.scheme: str = scope["scheme"]
        self.client: str = scope["client"][0] if scope.get("client") else ""
        self.headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        spelled: Mapping[bytes, bytes] = scope.get("state", {}).get("spelled", _NO_NAMES)
        self.spelled = {lowered.decode("latin-1"): name.decode("latin-1") for lowered, name in spelled.items()}
        self.host = host_of(self.headers.get("host", ""))
        raw_path: bytes = scope["raw_path"].partition(b"?")[0]
        query: bytes = scope["query_string"]
        self.raw_target = raw_path + b"?" + query if query else raw_path
        try:
            self.path = _decoded(raw_path)
            self.query = _parsed(query)
        except ValueError as error:
            raise MalformedRequestError("The request URI is not valid.") from error
        self.params: Mapping[str, str] = {}

    def trust(self) -> None:
        """Note that the request has valid credentials, before its body is read."""
        self._connection.trust()

    def part(self, method: str, target: bytes, headers: Mapping[str, str]) -> "Request":
        """A request without a body that came in this one's body, as if it had come by itself.

        Args:
            target: path and query as sent.
            headers: by their names in lower case.

        Raises:
            MalformedRequestError: the target cannot be understood.
        """
        path, _, query = target.partition(b"?")
        scope = {
            "state": {"connection": self._connection},
            "method": method,
            "scheme": self.scheme,
            "client": (self.client, 0),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            "raw_path": path,
            "query_string": query,
        }
        made = Request(scope, _nothing)
        made.host, made.ahead = self.host, self.ahead
        return made

    async def read(self, limit: int = BODY_LIMIT) -> bytes:
        """The whole body.

        Raises:
            BodyTooLargeError: it is longer than ``limit`` bytes.
            BodyStalledError: the client stopped sending it.
        """
        parts: list[bytes] = []
        size = 0
        async for part in self.stream():
            size += len(part)
            if size > limit:
                raise BodyTooLargeError(limit)
            parts.append(part)
        self.content = b"".join(parts)
        return self.content

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it arrives.

        Raises:
            ClientGoneError: the client went away before the end.
            BodyStalledError: nothing came for half a minute.
        """
        more = True
        while more:
            event = await self._next()
            if event["type"] == "http.disconnect":
                raise ClientGoneError
            more = event.get("more_body", False)
            if body := event.get("body"):
                yield body

    async def _next(self) -> MutableMapping[str, Any]:
        try:
            async with asyncio.timeout(_STALL_SECONDS):
                return await self._receive()
        except TimeoutError:
            raise BodyStalledError from None


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


@text_cache
def _decoded(raw_path: bytes) -> str:
    path = unquote_to_bytes(raw_path).decode("utf-8")
    if "\0" in path:
        raise ValueError("the path holds a NUL")
    return path


@text_cache
def _parsed(query: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=100, errors="strict"):
        found.setdefault(name.lower(), value)
    return MappingProxyType(found)


class Response:
    """One HTTP answer. A body of bytes gets its ``content-length``; a streamed one must bring its own or is chunked.

    ``reason`` is what the status line says beside the status; the standard's words where it is empty.
    """

    __slots__ = ("body", "headers", "reason", "status")

    def __init__(
        self,
        status: int,
        body: bytes | AsyncIterable[bytes] = b"",
        *,
        headers: list[tuple[str, str]] | None = None,
        reason: str = "",
    ) -> None:
        self.status = status
        self.reason = reason
        self.body = body
        self.headers = headers if headers is not None else []
