"""How a job's programs reach the servers on its nodes: one TCP connection for each order; standard library alone.

The server greets with a number that is used once. The client answers with its order and a code made of both and of
the job's key (HMAC-SHA256): the key itself is never sent, and an order cannot be sent a second time.
"""

import hashlib
import hmac
import json
import socket
from collections.abc import Mapping
from typing import Any

MOST = 4 << 20  # bytes of an order
_SECONDS = 30.0  # in which a server greets
_IDLE, _BETWEEN, _TRIES = 10, 5, 4  # seconds, seconds and number of the probes of a silent connection


class NodeLostError(Exception):
    """The server of a node does not answer, or is gone."""


def sign(key: bytes, greeting: bytes, body: bytes) -> str:
    """The code of an order."""
    return hmac.new(key, greeting + body, hashlib.sha256).hexdigest()


def decode_order(key: bytes, greeting: bytes, line: bytes) -> dict[str, Any] | None:
    """The order in a line; None where its code is not the right one."""
    code, _, body = line.partition(b" ")
    if not hmac.compare_digest(code, sign(key, greeting, body).encode()):
        return None
    order: dict[str, Any] = json.loads(body)
    return order


def keep_alive(connection: socket.socket) -> None:
    """Have the kernel find out, within half a minute, that the machine at the other end is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _BETWEEN)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _TRIES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def send_order(address: tuple[str, int], key: bytes, order: Mapping[str, Any]) -> socket.socket:
    """A connection over which an order was given.

    Raises:
        NodeLostError: no server answers at the address.
    """
    body = json.dumps(order).encode()
    try:
        connection = socket.create_connection(address, timeout=_SECONDS)
        keep_alive(connection)
        greeting = _line(connection)
        connection.sendall(sign(key, greeting, body).encode() + b" " + body + b"\n")
        connection.settimeout(None)
    except OSError as error:
        raise NodeLostError(f"{address[0]} does not answer: {error}") from error
    return connection


def _line(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        content = connection.recv(256)
        if not content or len(received) > MOST:
            raise ConnectionError("no greeting")
        received += content
    return received.strip()
