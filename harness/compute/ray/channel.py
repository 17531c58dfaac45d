"""The connections of a job's programs to the servers on its nodes: one TCP connection for each order.

The server sends a nonce. The client replies with its order and a signature (HMAC-SHA256) of both with the job's key, so
the key itself is never sent, and an order cannot be replayed. This module uses the standard library alone.
"""

import hashlib
import hmac
import json
import socket
from collections.abc import Mapping
from typing import Any

MAX_ORDER_BYTES = 4 << 20
_SECONDS = 30.0  # the time limit for the nonce
_IDLE, _INTERVAL, _PROBES = 10, 5, 4  # seconds before the first keep-alive probe and between two, number of probes


class NodeLostError(Exception):
    """The server of a node does not answer, or has ended."""


def sign(key: bytes, nonce: bytes, body: bytes) -> str:
    """Return the signature of an order."""
    return hmac.new(key, nonce + body, hashlib.sha256).hexdigest()


def decode_order(key: bytes, nonce: bytes, line: bytes) -> dict[str, Any] | None:
    """Return the order in a line; None if its signature is wrong."""
    signature, _, body = line.partition(b" ")
    if not hmac.compare_digest(signature, sign(key, nonce, body).encode()):
        return None
    order: dict[str, Any] = json.loads(body)
    return order


def keep_alive(connection: socket.socket) -> None:
    """Make the kernel detect within half a minute that the machine at the other end has failed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _INTERVAL)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def send_order(address: tuple[str, int], key: bytes, order: Mapping[str, Any]) -> socket.socket:
    """Send an order to a server; return the connection.

    Raises:
        NodeLostError: no server answers at the address.
    """
    body = json.dumps(order).encode()
    try:
        connection = socket.create_connection(address, timeout=_SECONDS)
        keep_alive(connection)
        nonce = _read_line(connection)
        connection.sendall(sign(key, nonce, body).encode() + b" " + body + b"\n")
        connection.settimeout(None)
    except OSError as error:
        raise NodeLostError(f"{address[0]} does not answer: {error}") from error
    return connection


def _read_line(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        content = connection.recv(256)
        if not content or len(received) > MAX_ORDER_BYTES:
            raise ConnectionError("no nonce")
        received += content
    return received.strip()
