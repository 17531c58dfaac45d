"""Makes faults strike requests on their way to a host.

The answer of a request that is struck comes from the host that the request is for, in the host's own words and
envelope, so a client cannot tell it from a real failure.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime, timedelta

from harness.clock import Clock
from harness.emulator.context import BrokenAnswerError, DroppedRequestError, Request, Response
from harness.emulator.fault_targets import FaultTarget
from harness.emulator.faults.active import Faults, Strike
from harness.emulator.faults.draws import request_key
from harness.emulator.providers import Host
from harness.emulator.wire import http_date, retry_after
from harness.fault_vocabulary import Fault

_ANYWHERE: tuple[Fault, ...] = ("throttle", "unavailable", "drop", "cut", "slow")
_MANAGEMENT: tuple[Fault, ...] = (*_ANYWHERE, "expired-token", "clock-skew")
_STORAGE: tuple[Fault, ...] = (*_ANYWHERE, "clock-skew")
_FILLS_DISK = frozenset({"", "range", "block", "blocklist"})  # ``comp`` of the writes that need room
_CREATES = frozenset({"", "blocklist"})  # ``comp`` of the writes that make what was not there
_MOST_LATE = 10_000  # resources that are not to be seen yet; then the oldest are


class FaultInjector:
    """Hands requests to their host, unless a fault strikes.

    Args:
        faults: the plans; while none is in force, no request has to pass through here.
    """

    def __init__(self, faults: Faults, clock: Clock) -> None:
        self.faults = faults
        self._clock = clock
        self._late: dict[str, datetime] = {}  # what was created, until when it is not seen

    async def answer(self, host: Host, request: Request) -> Response:
        """The host's answer, or what becomes of it.

        Raises:
            DroppedRequestError: the connection is to be closed without one.
        """
        place = host.fault_target(request)
        if place is None:
            return await host.handle(request)
        resource = f"{request.headers.get('host')} {request.path.rstrip('/').lower()}"
        if request.method in ("GET", "HEAD") and self._is_late(resource):
            return host.refuse(request, "absent")
        strike = self.faults.strike(request_key(request.method, request.path), place, possible(request, place))
        answer = await (_struck(strike, host, request, self._clock) if strike else host.handle(request))
        if request.method == "PUT" and answer.status in (201, 202) and request.query.get("comp", "") in _CREATES:
            self._created(resource, request, place)
        return answer

    def _created(self, resource: str, request: Request, place: FaultTarget) -> None:
        strike = self.faults.strike(request_key("creation of", request.path), place, ("late-read",))
        if strike:
            while len(self._late) >= _MOST_LATE:
                del self._late[next(iter(self._late))]
            self._late[resource] = self._clock.now() + timedelta(seconds=strike.seconds)

    def _is_late(self, resource: str) -> bool:
        until = self._late.get(resource)
        if until is None or until > self._clock.now():
            return until is not None
        del self._late[resource]
        return False


def possible(request: Request, place: FaultTarget) -> tuple[Fault, ...]:
    """The faults that can strike a request; pure."""
    if place.service == "arm":
        return _MANAGEMENT
    if place.service == "aad":
        return _ANYWHERE
    fills = request.method == "PUT" and request.query.get("comp", "").lower() in _FILLS_DISK
    return (*_STORAGE, "full-disk") if fills else _STORAGE


async def _struck(strike: Strike, host: Host, request: Request, clock: Clock) -> Response:
    match strike.fault:
        case "throttle":
            answer = host.refuse(request, "throttled")
            if answer.status == 429:
                answer.headers.append(retry_after(request, strike.seconds))
            return answer
        case "unavailable":
            if strike.draw.late:
                await host.handle(request)
            return host.refuse(request, "unavailable" if strike.draw.heads else "failed")
        case "drop":
            if strike.draw.late:
                await host.handle(request)
            raise DroppedRequestError
        case "cut":
            return _half(await host.handle(request), request)
        case "slow":
            answer = await host.handle(request)
            await asyncio.sleep(strike.seconds)
            return answer
        case "expired-token":
            return host.refuse(request, "expired")
        case "clock-skew":
            request.ahead = timedelta(seconds=strike.seconds)
            answer = await host.handle(request)
            answer.headers.append(("date", http_date(clock.now() + request.ahead)))
            return answer
        case _:
            return host.refuse(request, "full")


def _half(answer: Response, request: Request) -> Response:
    """The head of an answer and half of its body.

    Raises:
        DroppedRequestError: there is no body to cut.
    """
    lengths = [int(value) for name, value in answer.headers if name == "content-length"]
    body = answer.body
    length = len(body) if isinstance(body, bytes) else (lengths or [1])[0]
    if not length or request.method == "HEAD" or answer.status in (204, 304):
        raise DroppedRequestError
    headers = answer.headers
    if isinstance(body, bytes) and not lengths:
        headers = [*headers, ("content-length", str(length))]
    return Response(answer.status, _pieces(body, length // 2), headers=headers)


async def _pieces(body: bytes | AsyncIterable[bytes], most: int) -> AsyncIterator[bytes]:
    """So many bytes of a body.

    Raises:
        BrokenAnswerError: after them.
    """
    if isinstance(body, bytes):
        yield body[:most]
    else:
        left = most
        async for piece in body:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                break
    raise BrokenAnswerError
