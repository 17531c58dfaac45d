"""Request heads that no honest client sends: they are refused, and do not affect other clients.

HARNESS_TEST_DOSE=full pytest -m slow tests/emulator/test_heads.py          # 10,000 of them instead of 1,000
"""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from harness.emulator import connection
from harness.emulator.connection import HEAD_LIMIT, HEADERS_LIMIT
from harness.emulator.endpoint import Endpoint
from harness.emulator.listener import serve_http

ROOT = Path(__file__).parents[2]
HOST = "management.azure.com"
BEGINNING = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode()
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@contextmanager
def plain(endpoint: Endpoint) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port_of(endpoint.file_url)), timeout=60) as sock:
        yield sock


@contextmanager
def tunnel(endpoint: Endpoint) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port_of(endpoint.proxy_url)), timeout=60) as sock:
        sock.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
        yield sock


@contextmanager
def encrypted(endpoint: Endpoint) -> Iterator[socket.socket]:
    context = ssl.create_default_context(cafile=endpoint.ca_path)
    with tunnel(endpoint) as sock, context.wrap_socket(sock, server_hostname=HOST) as wrapped:
        yield wrapped


@contextmanager
def encrypted_at_once(endpoint: Endpoint) -> Iterator[socket.socket]:
    context = ssl.create_default_context(cafile=endpoint.ca_path)
    with (
        socket.create_connection(("127.0.0.1", port_of(endpoint.proxy_url)), timeout=60) as sock,
        context.wrap_socket(sock, server_hostname=HOST) as wrapped,
    ):
        yield wrapped


ENTRANCES = [
    pytest.param(plain, id="plain"),
    pytest.param(encrypted, id="TLS"),
    pytest.param(encrypted_at_once, id="TLS without a tunnel"),
]
Entrance = Callable[[Endpoint], contextlib.AbstractContextManager[socket.socket]]


def everything(sock: socket.socket) -> bytes:
    """All data until the connection ends."""
    received = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := sock.recv(1 << 16):
            received += piece
    return received


def until(sock: socket.socket, end: bytes) -> bytes:
    """All data until it ends with ``end``."""
    received = b""
    while not received.endswith(end):
        piece = sock.recv(1000)
        assert piece, received
        received += piece
    return received


def response(sock: socket.socket, data: bytes) -> bytes:
    """The response to the data, which the server may not read to its end."""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        sock.sendall(data)
    return everything(sock)


def head_of(size: int) -> bytes:
    beginning, end = BEGINNING + b"Connection: close\r\nX: ", b"\r\n\r\n"
    return beginning + b"y" * (size - len(beginning) - len(end)) + end


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_head_of_64_kib_is_read(endpoint: Endpoint, entrance: Entrance) -> None:
    with entrance(endpoint) as sock:
        received = response(sock, head_of(HEAD_LIMIT))

    assert b" 431 " not in received
    assert received.startswith(b"HTTP/1.1 4")  # the request is not authenticated


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_longer_head_is_refused_and_the_connection_closed(
    endpoint: Endpoint, entrance: Entrance, pieces: int
) -> None:
    head = head_of(HEAD_LIMIT + 1)
    step = len(head) // pieces + 1
    with entrance(endpoint) as sock:
        for start in range(0, len(head) - step, step):
            sock.sendall(head[start : start + step])
        received = response(sock, head[(pieces - 1) * step :])

    assert received.startswith(b"HTTP/1.1 431 ")
    assert b"connection: close" in received
    assert received.endswith(b"The head of the request is longer than 64 KiB.")


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_the_same_limits_hold_for_a_head_that_comes_right_behind_a_body(endpoint: Endpoint, entrance: Entrance) -> None:
    body = b"z" * 200_000
    first = BEGINNING.replace(b"GET", b"PUT") + b"Content-Length: 200000\r\n\r\n" + body

    with entrance(endpoint) as sock:
        fits = response(sock, first + head_of(HEAD_LIMIT))
    with entrance(endpoint) as sock:
        too_long = response(sock, first + head_of(HEAD_LIMIT + 1))

    assert b" 431 " not in fits
    assert fits.count(b"HTTP/1.1 4") == 2
    # While the first response is still being written, the error cannot be sent.
    assert b"HTTP/1.1 431 " in too_long or too_long.count(b"HTTP/1.1 4") < 2


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET /" + b"x" * (64 << 20), id="a request line of 64 MiB"),
        pytest.param(BEGINNING + b"x:y\r\n" * 5000, id="thousands of headers"),
        pytest.param(BEGINNING + b"x" * 100_000, id="a name without an end"),
        pytest.param(BEGINNING + b"x:" + b" " * 100_000, id="spaces without an end"),
        pytest.param(b"\r\n" * 50_000, id="empty lines"),
    ],
)
def test_what_could_fill_the_memory_is_refused(endpoint: Endpoint, entrance: Entrance, data: bytes) -> None:
    with entrance(endpoint) as sock:
        received = response(sock, data)

    assert received.startswith(b"HTTP/1.1 431 ")


def test_as_many_headers_as_are_allowed_are_read(endpoint: Endpoint) -> None:
    with plain(endpoint) as sock:
        headers = b"Host: localhost\r\n" + b"x: y\r\n" * (HEADERS_LIMIT - 2) + b"Connection: close\r\n\r\n"
        received = response(sock, b"GET / HTTP/1.1\r\n" + headers)

    assert received.startswith(b"HTTP/1.1 40")
    assert b"AuthenticationInformation" in received  # the head was read


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_trailers_are_as_limited_as_headers(endpoint: Endpoint, entrance: Entrance) -> None:
    with entrance(endpoint) as sock:
        received = response(sock, BEGINNING + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 5000)

    assert b"HTTP/1.1 200" not in received  # the connection has ended, whatever the response


def test_a_proxy_request_that_is_too_long_is_refused(endpoint: Endpoint) -> None:
    with socket.create_connection(("127.0.0.1", port_of(endpoint.proxy_url)), timeout=60) as sock:
        received = response(sock, b"CONNECT " + b"x" * (1 << 20))

    assert received.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x40\x00\x01\x01\x00\x00" + bytes(1000), id="a ClientHello of 64 KiB"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no TLS"),
    ],
)
def test_what_does_not_begin_like_a_tls_handshake_ends_the_tunnel(endpoint: Endpoint, data: bytes) -> None:
    with tunnel(endpoint) as sock:
        assert response(sock, data) == b""


@pytest.mark.slow  # hundreds of connections
@pytest.mark.parametrize("entrance", [plain, tunnel, encrypted])
def test_connections_without_credentials_do_not_lock_others_out(endpoint: Endpoint, entrance: Entrance) -> None:
    """More connections than may be open, each with half a head; the first ones are closed to make room."""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(entrance(endpoint))
        first.sendall(b"G")
        for _ in range(600):
            sock = stack.enter_context(entrance(endpoint))
            sock.sendall(b"G" if entrance is not tunnel else b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")

        url = f"{endpoint.file_url}/{endpoint.storage_account}?comp=list"
        assert requests.get(url, timeout=60).status_code == 401
        assert everything(first) == b""
        assert len(psutil.Process(endpoint.pid).net_connections()) < 800  # one for each tunnel


@contextmanager
def run_server(app: Callable[..., Awaitable[None]]) -> Iterator[int]:
    """Run the server in a thread of this process; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    loop, stopping = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve_http(app, listener, stopping)))
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()


async def hello(_scope: object, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["first", "second"])
def test_a_head_that_does_not_end_is_refused_in_time(monkeypatch: pytest.MonkeyPatch, before: bytes) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.05)
    with run_server(hello) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        if before:
            sock.sendall(before)
            assert until(sock, b"hello").startswith(b"HTTP/1.1 200 ")
        sock.sendall(b"GET / HTTP/1.1\r\nHost: ")

        assert everything(sock).startswith(b"HTTP/1.1 408 ")


def test_a_head_may_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_server(hello) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            sock.sendall(bytes([byte]))

        assert everything(sock).endswith(b"hello")


def test_a_body_that_is_not_read_does_not_keep_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.emulator.listener._IDLE_SECONDS", 0.2)
    with run_server(hello) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        until(sock, b"hello")
        with contextlib.suppress(ConnectionError):
            while True:  # ends with the connection
                sock.sendall(b"x" * 1000)


def test_more_requests_in_a_row_than_can_wait_end_the_connection() -> None:
    with run_server(hello) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        received = response(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)

    assert received.count(b"hello") < 1000


@pytest.mark.slow  # thousands of connections
def test_hostile_heads_cost_less_than_50_mb() -> None:
    count = 10_000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 1000
    command = [sys.executable, str(ROOT / "bench" / "hostile_heads.py"), "--json", "--count", str(count)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)

    figures = json.loads(result.stdout.splitlines()[-1])
    assert figures["memory_growth_mb"] < 50
    assert figures["failures"] == 0
