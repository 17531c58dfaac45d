"""Injects faults into requests on their way to a host.

The host of a request writes the injected error, in its own words and envelope, so a client cannot tell it from a real
failure.
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
_CREATES = frozenset({"", "blocklist"})  # ``comp`` of the writes that create a resource
_MOST_HIDDEN = 10_000  # hidden resources; beyond that the oldest become visible


class FaultInjector:
    """Passes requests to their host, and injects faults.

    Args:
        faults: the fault plans; while none is in force, requests need not pass through the injector.
    """

    def __init__(self, faults: Faults, clock: Clock) -> None:
        self.faults = faults
        self._clock = clock
        self._hidden_until: dict[str, datetime] = {}  # new resources, and when they become visible

    async def answer(self, host: Host, request: Request) -> Response:
        """The host's response, or what a fault makes of it.

        Raises:
            DroppedRequestError: the connection must be closed without a response.
        """
        target = host.fault_target(request)
        if target is None:
            return await host.handle(request)
        resource = f"{request.headers.get('host')} {request.path.rstrip('/').lower()}"
        if request.method in ("GET", "HEAD") and self._is_hidden(resource):
            return host.refuse(request, "absent")
        strike = self.faults.strike(request_key(request.method, request.path), target, possible_faults(request, target))
        answer = await (_apply(strike, host, request, self._clock) if strike else host.handle(request))
        if request.method == "PUT" and answer.status in (201, 202) and request.query.get("comp", "") in _CREATES:
            self._delay_reads(resource, request, target)
        return answer

    def _delay_reads(self, resource: str, request: Request, target: FaultTarget) -> None:
        strike = self.faults.strike(request_key("creation of", request.path), target, ("late-read",))
        if strike:
            while len(self._hidden_until) >= _MOST_HIDDEN:
                del self._hidden_until[next(iter(self._hidden_until))]
            self._hidden_until[resource] = self._clock.now() + timedelta(seconds=strike.seconds)

    def _is_hidden(self, resource: str) -> bool:
        until = self._hidden_until.get(resource)
        if until is None or until > self._clock.now():
            return until is not None
        del self._hidden_until[resource]
        return False


def possible_faults(request: Request, target: FaultTarget) -> tuple[Fault, ...]:
    """The faults that can strike a request; pure."""
    if target.service == "arm":
        return _MANAGEMENT
    if target.service == "aad":
        return _ANYWHERE
    fills = request.method == "PUT" and request.query.get("comp", "").lower() in _FILLS_DISK
    return (*_STORAGE, "full-disk") if fills else _STORAGE


async def _apply(strike: Strike, host: Host, request: Request, clock: Clock) -> Response:
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
            return _cut(await host.handle(request), request)
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


def _cut(answer: Response, request: Request) -> Response:
    """A response with half of its body, after which the connection breaks.

    Raises:
        DroppedRequestError: the response has no body to cut.
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
    """The first ``most`` bytes of a body.

    Raises:
        BrokenAnswerError: always, after these bytes.
    """
    if isinstance(body, bytes):
        yield body[:most]
    else:
        remaining = most
        async for piece in body:
            yield piece[:remaining]
            remaining -= len(piece)
            if remaining <= 0:
                break
    raise BrokenAnswerError
