"""The emulator as one ASGI application: the steps of a request, in order."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import lru_cache
from typing import Any

from harness.clock import SystemClock
from harness.emulator.connection import CasedName
from harness.emulator.context import (
    BrokenAnswerError,
    ClientDisconnectedError,
    DroppedRequestError,
    MalformedRequestError,
    Receive,
    Request,
    Response,
)
from harness.emulator.faults.injector import FaultInjector
from harness.emulator.host_names import host_of
from harness.emulator.providers import Host
from harness.emulator.request_log import RequestLog, entry_of

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_RECORD = 15 << 10  # bytes of a body that fits into one TLS record together with its head (RFC 8446, section 5.1)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # characters that RFC 9110, section 5.5, forbids in a field value
_UNSENDABLE_VALUE = "The request has a value with a control character that would become a header of the answer."

_CLOCK = SystemClock()

_log = logging.getLogger(__name__)


class Emulator:
    """Answers the requests to every host that the emulator plays.

    Args:
        hosts: the hosts; the first one that plays the host of a request answers it.
        injector: injects faults while a fault plan is in force.
        advice: added to the response when the emulator does not play the host of the request.
        log: where requests are logged; by default they are not.
    """

    def __init__(
        self, hosts: Sequence[Host], injector: FaultInjector, advice: str = "", log: RequestLog | None = None
    ) -> None:
        self._hosts = hosts
        self._log = log
        self._advice = advice
        self._injector = injector
        self._faults = injector.faults

    def plays(self, host: str) -> bool:
        """Whether the emulator answers for a host name (lower case, no port)."""
        return any(part.plays(host) for part in self._hosts)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            return
        if self._log is None:
            await self._handle(scope, receive, send)
            return
        start = _CLOCK.monotonic()
        answer = await self._handle(scope, receive, send)
        seconds = _CLOCK.monotonic() - start
        self._log.add(entry_of(scope, answer, now=_CLOCK.now(), seconds=seconds))

    async def _handle(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> Response | None:
        """Answer one request; returns the response, or None if the connection ended without one."""
        try:
            answer = await self._answer(scope, receive)
            if answer.reason:
                scope["state"]["answer"].set_phrase(answer.reason)
            await _send(answer, scope, send)
            return answer
        except ClientDisconnectedError:
            pass
        except DroppedRequestError:
            scope["state"]["connection"].abort()
            await _wait_for_disconnect(receive)
        except BrokenAnswerError:
            scope["state"]["connection"].close()
            await _wait_for_disconnect(receive)
        return None

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Response:
        headers = dict(scope["headers"])
        name = host_of(headers.get(b"host", b"").decode("latin-1"))
        part = next((part for part in self._hosts if part.plays(name)), None)
        if part is None:
            return Response(421, f"The emulator does not play the host {name!r}.{self._advice}\n".encode())
        try:
            request = Request(scope, receive)
            if self._faults.active:
                answer = await self._injector.answer(part, request)
                if request.ahead:
                    scope["state"]["connection"].leave_date()
            else:
                answer = await part.handle(request)
            return answer if _is_sendable(answer) else part.malformed(_UNSENDABLE_VALUE)
        except MalformedRequestError as error:
            return part.malformed(str(error))
        except (ClientDisconnectedError, DroppedRequestError):
            raise
        except Exception:
            # The path holds no secret, but the query may: a SAS signature.
            _log.exception("%s https://%s%s failed", scope["method"], name, scope["path"])
            return part.broken()


def _is_sendable(answer: Response) -> bool:
    """Whether no header of a response holds a control character: a line break would begin another header."""
    return not _CONTROL.search("".join([value for _, value in answer.headers]))


async def _wait_for_disconnect(receive: Receive) -> None:
    """Wait until the connection has closed: uvicorn treats an application that returns earlier as failed."""
    while (await receive())["type"] != "http.disconnect":
        pass


@lru_cache(256)
def _name(name: str) -> bytes:
    encoded = name.encode("latin-1", "replace")
    return encoded if name.islower() else CasedName(encoded)


def _checked_send(scope: MutableMapping[str, Any], send: Send) -> Send:
    """A ``send`` that stops once the client has disconnected.

    uvicorn discards what is sent to a disconnected client without waiting, so a large sparse file would keep it busy
    for hours. The returned function raises ``ClientDisconnectedError`` instead.
    """

    async def attempt(message: MutableMapping[str, Any]) -> None:
        await send(message)
        if message.get("more_body"):
            await asyncio.sleep(0)  # lets other requests run, and the end of the connection be noticed
            if scope["state"]["connection"].is_closed:
                raise ClientDisconnectedError

    return attempt


async def _send(answer: Response, scope: MutableMapping[str, Any], send: Send) -> None:
    headers = [(_name(name), value.encode("latin-1", "replace")) for name, value in answer.headers]
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if isinstance(answer.body, bytes):
        if answer.status not in (204, 304) and b"content-length" not in dict(headers):
            headers.append((b"content-length", str(len(answer.body)).encode()))
        body = b"" if scope["method"] == "HEAD" else answer.body
        if len(body) < _RECORD:
            scope["state"]["answer"].hold()
        await send(start)
        await send({"type": "http.response.body", "body": body})
        scope["state"]["answer"].release()
        return
    attempt = _checked_send(scope, send)
    await attempt(start)
    async for piece in answer.body:
        await attempt({"type": "http.response.body", "body": piece, "more_body": True})
    await attempt({"type": "http.response.body", "body": b""})
