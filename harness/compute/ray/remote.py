"""Runs one command on another node of a job; standard library alone.

``remote.py run NODES < ORDER`` is a process of the job's plan, ``remote.py shell NODES HOST COMMAND`` is what ``ssh``
and ``mpirun`` call, and ``remote.py end NODES < ORDER`` ends what still runs there when the job is over. ``NODES`` is
the file with the addresses of the job's servers and its key.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import threading
from typing import Any

from harness.compute.ray.channel import NodeLostError, send_order

NODE_LOST = "JobNodeLost"
_SSH_FAILED = 255


class Nodes:
    """The nodes of a job: their addresses, and the servers there."""

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - pathlib takes long to import
            content = json.load(stream)
        self.key = bytes.fromhex(content["key"])
        self.servers: dict[str, tuple[str, int]] = {node: (host, port) for node, host, port in content["nodes"]}
        self.shell: str = content["shell"]

    def named(self, host: str) -> str:
        """The node at an address."""
        for node, (address, _) in self.servers.items():
            if host in (address, node):
                return node
        raise NodeLostError(
            f"no node of this job is at {host}; there are {', '.join(a for a, _ in self.servers.values())}"
        )


def main(words: list[str]) -> int:
    """The exit code of the command."""
    kind, path, *rest = words
    nodes = Nodes(path)
    if kind == "shell":
        return _shell(nodes, rest[0], rest[1])
    order = json.load(sys.stdin)
    return _run(nodes, order) if kind == "run" else _end(nodes, order)


def _run(nodes: Nodes, order: dict[str, Any]) -> int:
    node = order["node"]
    try:
        connection = send_order(nodes.servers[node], nodes.key, {**order, "kind": "run"})
        return _exit_code(connection)
    except NodeLostError as error:
        refusal = {"error": NODE_LOST, "message": f"A node of the job was lost: {error}", "details": [["nodeId", node]]}
        with open(order["refusal"], "w", encoding="utf-8") as stream:  # noqa: PTH123
            json.dump(refusal, stream)
        return _SSH_FAILED


def _shell(nodes: Nodes, host: str, command: str) -> int:
    try:
        server, name = nodes.servers[nodes.named(host)], secrets.token_hex(8)
        streams = [send_order(server, nodes.key, {"kind": "stream", "name": f"{name}{number}"}) for number in (1, 2)]
        for stream in streams:
            stream.recv(6, socket.MSG_WAITALL)
        copies = [
            threading.Thread(target=_copy, args=(stream, number)) for number, stream in enumerate(streams, start=1)
        ]
        order = {
            "kind": "shell",
            "name": name,
            "argv": [nodes.shell, "-c", command],
            "environment": dict(os.environ),
            "cwd": os.environ.get("HOME", "/"),
        }
        connection = send_order(server, nodes.key, order)
        for copy in copies:
            copy.start()
        code = _exit_code(connection)
        for copy in copies:
            copy.join()
    except NodeLostError as error:
        sys.stderr.write(f"ssh: {error}\n")
        return _SSH_FAILED
    return code


def _end(nodes: Nodes, order: dict[str, Any]) -> int:
    """Ask every other server to end what it has started; those that are gone have ended it."""
    for node, server in nodes.servers.items():
        with contextlib.suppress(NodeLostError, OSError):
            connection = send_order(server, nodes.key, {"kind": "end", "grace": order["grace"], "node": node})
            connection.recv(6)
    return 0


def _exit_code(connection: socket.socket) -> int:
    """Wait for the end of a command, and pass SIGTERM on to it."""

    def pass_on(*_: object) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(b"TERM\n")

    signal.signal(signal.SIGTERM, pass_on)
    received = b""
    while not received.endswith(b"\n"):
        try:
            content = connection.recv(4096)
        except OSError as error:
            raise NodeLostError(f"{error}") from error
        if not content:
            raise NodeLostError("the connection to its server was cut")
        received += content
    _, code, *words = received.decode(errors="replace").split(maxsplit=2)
    if words:
        sys.stderr.write(f"cannot start: {words[0]}")
    return int(code)


def _copy(stream: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):
        while content := stream.recv(65536):
            while content:
                content = content[os.write(number, content) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
