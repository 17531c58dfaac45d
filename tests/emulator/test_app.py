"""The application replaces responses that no client could read."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from harness.clock import SystemClock
from harness.emulator.answer_transport import AnswerTransport
from harness.emulator.app import Emulator
from harness.emulator.context import Request, Response
from harness.emulator.fault_targets import FaultTarget, InjectedError
from harness.emulator.faults.active import Faults
from harness.emulator.faults.injector import FaultInjector
from harness.emulator.store import Store


class Careless:
    """A host that returns a value of the query in a header, unchecked."""

    def plays(self, host: str) -> bool:
        return host == "careless"

    async def handle(self, request: Request) -> Response:
        return Response(200, b"done", headers=[("x-echo", request.query["value"])])

    def malformed(self, message: str) -> Response:
        return Response(400, message.encode())

    def broken(self) -> Response:
        return Response(500)

    def fault_target(self, request: Request) -> FaultTarget | None:
        return None

    def refuse(self, request: Request, trouble: InjectedError) -> Response:
        return Response(503)


def send(query: bytes, host: bytes = b"careless") -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of what the application sends."""
    events: list[MutableMapping[str, Any]] = []

    async def record(event: MutableMapping[str, Any]) -> None:
        events.append(event)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "scheme": "https", "client": ("127.0.0.1", 1), "headers": [(b"host", host)],
        "path": "/", "raw_path": b"/", "query_string": query,
        "state": {"connection": None, "answer": AnswerTransport(asyncio.Transport())},
    }  # fmt: skip
    emulator = Emulator(
        [Careless()], FaultInjector(Faults(Store(":memory:")), SystemClock()), advice=" Use another host."
    )
    asyncio.run(emulator(scope, receive, record))
    return events[0]["status"], dict(events[0]["headers"]), events[1]["body"]


@pytest.mark.parametrize("value", [b"a%0d%0aSet-Cookie:b", b"%0a", b"%0d", b"%00", b"%7f", b"%1f"])
def test_a_value_that_would_begin_another_header_is_a_bad_request(value: bytes) -> None:
    status, headers, body = send(b"value=" + value)

    assert status == 400
    assert b"x-echo" not in headers
    assert b"control character" in body


def test_any_other_value_is_sent() -> None:
    status, headers, _ = send(b"value=%C3%A9%09%E2%82%AC")

    assert (status, headers[b"x-echo"]) == (200, b"\xe9\t?")


def test_a_host_that_nobody_plays_is_misdirected() -> None:
    assert send(b"", host=b"other:80")[::2] == (
        421, b"The emulator does not play the host 'other'. Use another host.\n",
    )  # fmt: skip
