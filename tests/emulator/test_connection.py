"""What our connection uses of uvicorn's, which is not uvicorn's public interface.

The dependency has an upper bound. Whoever raises it runs these, and the tests of hostile heads.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from harness.emulator.admission import Activity, Admission
from harness.emulator.connection import Connection

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
GET = b"GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_reading_paused = False
        self.has_ended = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.has_ended

    def close(self) -> None:
        self.has_ended = True

    abort = close

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass

    def can_write_eof(self) -> bool:
        return False


class App:
    """Answers when it is let; remembers what it was asked."""

    def __init__(self) -> None:
        self.scopes: list[MutableMapping[str, Any]] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: MutableMapping[str, Any], _receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await self.may_answer.wait()
        scope["state"]["connection"].leave_date()
        await send({"type": "http.response.start", "status": 204, "headers": [(b"date", b"ours")]})
        await send({"type": "http.response.body", "body": b""})


class Reader(App):
    """Reads each request's body before it answers; remembers the pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[list[bytes]] = []
        self.may_answer.set()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        pieces: list[bytes] = []
        self.bodies.append(pieces)
        more = True
        while more:
            event = await receive()
            pieces.append(event["body"])
            more = event["more_body"]
        await super().__call__(scope, receive, send)


class Set:
    """A connection on a transport of our own."""

    def __init__(self, app: App | None = None) -> None:
        self.app, self.wire = app or App(), Wire()
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"uvicorn's")]
        config = uvicorn.Config(self.app, lifespan="off", log_config=None, ws="none")
        config.load()
        visitor = Admission(5).enter("127.0.0.1", self.wire.close)
        assert visitor is not None
        self.visitor = visitor
        self.connection = Connection(config, self.state, visitor)
        self.connection.connection_made(self.wire)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


async def turns() -> None:
    """Let tasks that have something to do, do it."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_request_becomes_a_scope_that_knows_its_connection(runner: asyncio.Runner) -> None:
    async def check() -> None:
        made = Set()
        made.connection.data_received(GET)
        await turns()

        [scope] = made.app.scopes
        assert (scope["method"], scope["path"], scope["raw_path"], scope["query_string"]) == (
            "GET", "/a b", b"/a%20b", b"c=d",
        )  # fmt: skip
        assert scope["headers"] == [(b"host", b"x")]
        assert scope["state"]["connection"] is made.connection
        assert made.connection in made.state.connections
        assert made.state.tasks
        made.app.may_answer.set()
        await turns()
        assert not made.state.tasks

    runner.run(check())


def test_an_answer_may_bring_its_own_date(runner: asyncio.Runner) -> None:
    async def check() -> None:
        made = Set()
        made.app.may_answer.set()
        made.connection.data_received(GET)
        await turns()

        assert made.wire.written == b"HTTP/1.1 204 No Content\r\ndate: ours\r\n\r\n"

    runner.run(check())


def test_what_a_connection_does_can_be_told_at_any_time(runner: asyncio.Runner) -> None:
    async def check() -> None:
        made = Set()
        assert made.visitor.activity() is Activity.SILENT
        made.connection.data_received(POST)
        await turns()
        assert made.visitor.activity() is Activity.RECEIVING
        made.connection.data_received(b"abc")
        assert made.visitor.activity() is Activity.WORKING
        made.connection.pause_writing()
        assert made.visitor.activity() is Activity.RECEIVING
        made.connection.resume_writing()
        made.app.may_answer.set()
        await turns()
        assert made.visitor.activity() is Activity.IDLE

    runner.run(check())


def test_a_large_body_that_is_not_read_pauses_reading(runner: asyncio.Runner) -> None:
    async def check() -> None:
        made = Set()
        made.connection.data_received(POST.replace(b"3", b"1000000") + b"x" * 100_000)
        await turns()

        assert made.wire.is_reading_paused
        assert made.visitor.activity() is Activity.WORKING

    runner.run(check())


@pytest.mark.parametrize("first", [0, 1, 70_000, 199_999])
def test_a_body_comes_in_any_pieces_and_the_next_head_right_behind_it(runner: asyncio.Runner, first: int) -> None:
    async def check() -> None:
        app = Reader()
        made = Set(app)
        body = random.Random(7).randbytes(200_000)
        made.connection.data_received(POST.replace(b"3", b"200000") + body[:first])
        await turns()
        made.connection.data_received(body[first:] + POST + b"a")
        await turns()
        made.connection.data_received(b"bc" + GET)
        await turns()

        assert [b"".join(pieces) for pieces in app.bodies] == [body, b"abc", b""]
        assert [scope["method"] for scope in app.scopes] == ["POST", "POST", "GET"]

    runner.run(check())


def test_a_piece_of_a_body_reaches_the_application_without_a_copy(runner: asyncio.Runner) -> None:
    async def check() -> None:
        app = Reader()
        made = Set(app)
        made.connection.data_received(POST.replace(b"3", b"300000") + b"x" * 100_000)
        await turns()
        piece = b"y" * 200_000
        made.connection.data_received(piece)
        await turns()

        assert app.bodies[0][-1] is piece

    runner.run(check())


def test_pieces_that_come_before_the_application_reads_are_put_together(runner: asyncio.Runner) -> None:
    async def check() -> None:
        app = Reader()
        made = Set(app)
        for piece in (POST.replace(b"3", b"9"), b"ab", b"cde", b"fghi"):
            made.connection.data_received(piece)
        await turns()
        chunked = POST.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked")
        made.connection.data_received(chunked + b"1\r\na\r\n" * 5 + b"0\r\n\r\n" + GET)
        await turns()

        assert app.bodies == [[b"abcdefghi"], [b"aaaaa"], [b""]]

    runner.run(check())


def test_the_rest_of_a_body_that_was_answered_early_is_passed_over(runner: asyncio.Runner) -> None:
    async def check() -> None:
        made = Set()
        made.app.may_answer.set()
        made.connection.data_received(POST.replace(b"3", b"100000") + b"x" * 10)
        await turns()
        made.connection.data_received(b"x" * 99_990 + GET)
        await turns()

        assert [scope["method"] for scope in made.app.scopes] == ["POST", "GET"]
        assert made.wire.written.count(b"HTTP/1.1 204") == 2

    runner.run(check())


def test_a_silent_connection_has_a_deadline(runner: asyncio.Runner) -> None:
    async def check() -> None:
        made = Set()
        assert made.connection.timeout_keep_alive_task is not None
        made.connection.data_received(GET[:5])
        assert made.connection.timeout_keep_alive_task is None  # from here on the head has one

    runner.run(check())


def test_shutdown_closes_an_idle_connection_and_lets_a_busy_one_answer(runner: asyncio.Runner) -> None:
    async def check() -> None:
        idle, busy = Set(), Set()
        busy.connection.data_received(GET)
        idle.connection.shutdown()
        busy.connection.shutdown()
        assert (idle.wire.has_ended, busy.wire.has_ended) == (True, False)
        busy.app.may_answer.set()
        await turns()
        assert busy.wire.has_ended

    runner.run(check())


def test_what_was_held_is_let_go_at_the_end(runner: asyncio.Runner) -> None:
    async def check() -> None:
        made = Set()
        made.connection.data_received(GET)
        made.connection.connection_lost(None)
        made.app.may_answer.set()
        await turns()

        assert made.connection not in made.state.connections
        assert made.wire.written == b""
        assert (made.connection.parser, made.connection.cycle, made.connection.app_state) == (None, None, {})

    runner.run(check())
