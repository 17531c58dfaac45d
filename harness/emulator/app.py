"""The emulator as one ASGI application: what happens to a request, in order."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import lru_cache
from typing import Any

from harness.clock import SystemClock
from harness.emulator.connection import SpelledName
from harness.emulator.context import (
    BrokenAnswerError,
    ClientGoneError,
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

_RECORD = 15 << 10  # bytes of a body that fits with its head into one record of TLS (RFC 8446, section 5.1)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # what RFC 9110, section 5.5, does not allow in a field value
_UNSENDABLE_VALUE = "The request has a value with a control character that would become a header of the answer."

_CLOCK = SystemClock()

_log = logging.getLogger(__name__)


class Emulator:
    """Answers for every host that it plays.

    Args:
        hosts: who answers; the first that plays a request's host does.
        injector: makes faults strike, while a plan for them is in force.
        advice: what an answer adds when the emulator does not serve the host of the request.
        log: where requests are logged; default nowhere.
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
        """Whether some part of the emulator answers for a host (lower case, no port)."""
        return any(part.plays(host) for part in self._hosts)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            return
        if self._log is None:
            await self._handle(scope, receive, send)
            return
        began = _CLOCK.monotonic()
        answer = await self._handle(scope, receive, send)
        seconds = _CLOCK.monotonic() - began
        self._log.add(entry_of(scope, answer, now=_CLOCK.now(), seconds=seconds))

    async def _handle(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> Response | None:
        """Answer one request; the answer, or None where the connection ended without one."""
        try:
            answer = await self._answer(scope, receive)
            if answer.reason:
                scope["state"]["answer"].set_phrase(answer.reason)
            await _send(answer, scope, send)
            return answer
        except ClientGoneError:
            pass
        except DroppedRequestError:
            scope["state"]["connection"].abort()
            await _gone(receive)
        except BrokenAnswerError:
            scope["state"]["connection"].close()
            await _gone(receive)
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
        except (ClientGoneError, DroppedRequestError):
            raise
        except Exception:
            # The path may hold no secret, the query may: a SAS signature.
            _log.exception("%s https://%s%s failed", scope["method"], name, scope["path"])
            return part.broken()


def _is_sendable(answer: Response) -> bool:
    """Whether the headers of an answer hold no control characters: a new line would begin another header."""
    return not _CONTROL.search("".join([value for _, value in answer.headers]))


async def _gone(receive: Receive) -> None:
    """Wait until a connection that was closed is: uvicorn takes an early end for a mistake and answers it."""
    while (await receive())["type"] != "http.disconnect":
        pass


@lru_cache(256)
def _name(name: str) -> bytes:
    encoded = name.encode("latin-1", "replace")
    return encoded if name.islower() else SpelledName(encoded)


def _while_there(scope: MutableMapping[str, Any], send: Send) -> Send:
    """Send to a client that is there: to one that has gone uvicorn sends without waiting, a file with holes for hours.

    Raises:
        ClientGoneError: by what is returned; the client has gone.
    """

    async def attempt(message: MutableMapping[str, Any]) -> None:
        await send(message)
        if message.get("more_body"):
            await asyncio.sleep(0)  # other requests get their turn, and the end of the connection is noted
            if scope["state"]["connection"].is_closed:
                raise ClientGoneError

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
    attempt = _while_there(scope, send)
    await attempt(start)
    async for piece in answer.body:
        await attempt({"type": "http.response.body", "body": piece, "more_body": True})
    await attempt({"type": "http.response.body", "body": b""})
