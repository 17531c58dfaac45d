"""The parts of uvicorn's connection that ours uses, although they are not public.

The dependency has an upper bound. Run these tests and those of hostile heads before it is raised.
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
    """A transport that records the data written to it."""

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
    """An application that records its requests and responds after ``may_answer`` is set."""

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
    """An application that records the pieces of each body before it responds."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[list[bytes]] = []
        self.may_answer.set()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        pieces: list[bytes] = []
        self.bodies.append(pieces)
        has_more = True
        while has_more:
            event = await receive()
            pieces.append(event["body"])
            has_more = event["more_body"]
        await super().__call__(scope, receive, send)


class Setup:
    """A connection with its application, on a recording transport."""

    def __init__(self, app: App | None = None) -> None:
        self.app, self.wire = app or App(), Wire()
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"uvicorn's")]
        config = uvicorn.Config(self.app, lifespan="off", log_config=None, ws="none")
        config.load()
        slot = Admission(5).enter("127.0.0.1", self.wire.close)
        assert slot is not None
        self.slot = slot
        self.connection = Connection(config, self.state, slot)
        self.connection.connection_made(self.wire)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


async def run_tasks() -> None:
    """Let pending tasks run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_request_becomes_a_scope_that_knows_its_connection(runner: asyncio.Runner) -> None:
    async def check() -> None:
        setup = Setup()
        setup.connection.data_received(GET)
        await run_tasks()

        [scope] = setup.app.scopes
        assert (scope["method"], scope["path"], scope["raw_path"], scope["query_string"]) == (
            "GET", "/a b", b"/a%20b", b"c=d",
        )  # fmt: skip
        assert scope["headers"] == [(b"host", b"x")]
        assert scope["state"]["connection"] is setup.connection
        assert setup.connection in setup.state.connections
        assert setup.state.tasks
        setup.app.may_answer.set()
        await run_tasks()
        assert not setup.state.tasks

    runner.run(check())


def test_an_answer_may_bring_its_own_date(runner: asyncio.Runner) -> None:
    async def check() -> None:
        setup = Setup()
        setup.app.may_answer.set()
        setup.connection.data_received(GET)
        await run_tasks()

        assert setup.wire.written == b"HTTP/1.1 204 No Content\r\ndate: ours\r\n\r\n"

    runner.run(check())


def test_the_activity_of_a_connection_is_known_at_any_time(runner: asyncio.Runner) -> None:
    async def check() -> None:
        setup = Setup()
        assert setup.slot.activity() is Activity.SILENT
        setup.connection.data_received(POST)
        await run_tasks()
        assert setup.slot.activity() is Activity.RECEIVING
        setup.connection.data_received(b"abc")
        assert setup.slot.activity() is Activity.WORKING
        setup.connection.pause_writing()
        assert setup.slot.activity() is Activity.RECEIVING
        setup.connection.resume_writing()
        setup.app.may_answer.set()
        await run_tasks()
        assert setup.slot.activity() is Activity.IDLE

    runner.run(check())


def test_a_large_body_that_is_not_read_pauses_reading(runner: asyncio.Runner) -> None:
    async def check() -> None:
        setup = Setup()
        setup.connection.data_received(POST.replace(b"3", b"1000000") + b"x" * 100_000)
        await run_tasks()

        assert setup.wire.is_reading_paused
        assert setup.slot.activity() is Activity.WORKING

    runner.run(check())


@pytest.mark.parametrize("first", [0, 1, 70_000, 199_999])
def test_a_body_comes_in_any_pieces_and_the_next_head_right_behind_it(runner: asyncio.Runner, first: int) -> None:
    async def check() -> None:
        app = Reader()
        setup = Setup(app)
        body = random.Random(7).randbytes(200_000)
        setup.connection.data_received(POST.replace(b"3", b"200000") + body[:first])
        await run_tasks()
        setup.connection.data_received(body[first:] + POST + b"a")
        await run_tasks()
        setup.connection.data_received(b"bc" + GET)
        await run_tasks()

        assert [b"".join(pieces) for pieces in app.bodies] == [body, b"abc", b""]
        assert [scope["method"] for scope in app.scopes] == ["POST", "POST", "GET"]

    runner.run(check())


def test_a_piece_of_a_body_reaches_the_application_without_a_copy(runner: asyncio.Runner) -> None:
    async def check() -> None:
        app = Reader()
        setup = Setup(app)
        setup.connection.data_received(POST.replace(b"3", b"300000") + b"x" * 100_000)
        await run_tasks()
        piece = b"y" * 200_000
        setup.connection.data_received(piece)
        await run_tasks()

        assert app.bodies[0][-1] is piece

    runner.run(check())


def test_pieces_that_come_before_the_application_reads_are_put_together(runner: asyncio.Runner) -> None:
    async def check() -> None:
        app = Reader()
        setup = Setup(app)
        for piece in (POST.replace(b"3", b"9"), b"ab", b"cde", b"fghi"):
            setup.connection.data_received(piece)
        await run_tasks()
        chunked = POST.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked")
        setup.connection.data_received(chunked + b"1\r\na\r\n" * 5 + b"0\r\n\r\n" + GET)
        await run_tasks()

        assert app.bodies == [[b"abcdefghi"], [b"aaaaa"], [b""]]

    runner.run(check())


def test_the_rest_of_a_body_that_was_answered_early_is_passed_over(runner: asyncio.Runner) -> None:
    async def check() -> None:
        setup = Setup()
        setup.app.may_answer.set()
        setup.connection.data_received(POST.replace(b"3", b"100000") + b"x" * 10)
        await run_tasks()
        setup.connection.data_received(b"x" * 99_990 + GET)
        await run_tasks()

        assert [scope["method"] for scope in setup.app.scopes] == ["POST", "GET"]
        assert setup.wire.written.count(b"HTTP/1.1 204") == 2

    runner.run(check())


def test_a_silent_connection_has_a_deadline(runner: asyncio.Runner) -> None:
    async def check() -> None:
        setup = Setup()
        assert setup.connection.timeout_keep_alive_task is not None
        setup.connection.data_received(GET[:5])
        assert setup.connection.timeout_keep_alive_task is None  # from here on the head has a deadline

    runner.run(check())


def test_shutdown_closes_an_idle_connection_and_lets_a_busy_one_answer(runner: asyncio.Runner) -> None:
    async def check() -> None:
        idle, busy = Setup(), Setup()
        busy.connection.data_received(GET)
        idle.connection.shutdown()
        busy.connection.shutdown()
        assert (idle.wire.has_ended, busy.wire.has_ended) == (True, False)
        busy.app.may_answer.set()
        await run_tasks()
        assert busy.wire.has_ended

    runner.run(check())


def test_what_was_held_is_let_go_at_the_end(runner: asyncio.Runner) -> None:
    async def check() -> None:
        setup = Setup()
        setup.connection.data_received(GET)
        setup.connection.connection_lost(None)
        setup.app.may_answer.set()
        await run_tasks()

        assert setup.connection not in setup.state.connections
        assert setup.wire.written == b""
        assert (setup.connection.parser, setup.connection.cycle, setup.connection.app_state) == (None, None, {})

    runner.run(check())
