"""Runs one command on another node of a job; uses the standard library alone.

``remote.py run NODES < ORDER`` is a process of the job's plan. ``remote.py shell NODES HOST COMMAND`` is called by
``ssh`` and ``mpirun``. ``remote.py end NODES < ORDER`` ends the remaining processes when the job has ended. ``NODES``
is the file with the addresses of the job's servers and its key.
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


class JobNodes:
    """The nodes of a job: their servers, and the job's key."""

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - pathlib takes long to import
            content = json.load(stream)
        self.key = bytes.fromhex(content["key"])
        self.servers: dict[str, tuple[str, int]] = {node: (host, port) for node, host, port in content["nodes"]}
        self.shell: str = content["shell"]

    def node_at(self, host: str) -> str:
        """Return the node at an address.

        Raises:
            NodeLostError: no node has the address.
        """
        for node, (address, _) in self.servers.items():
            if host in (address, node):
                return node
        raise NodeLostError(
            f"no node of this job is at {host}; there are {', '.join(a for a, _ in self.servers.values())}"
        )


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    kind, path, *rest = arguments
    nodes = JobNodes(path)
    if kind == "shell":
        return _shell(nodes, rest[0], rest[1])
    order = json.load(sys.stdin)
    return _run(nodes, order) if kind == "run" else _end(nodes, order)


def _run(nodes: JobNodes, order: dict[str, Any]) -> int:
    node = order["node"]
    try:
        connection = send_order(nodes.servers[node], nodes.key, {**order, "kind": "run"})
        return _exit_code(connection)
    except NodeLostError as error:
        refusal = {"error": NODE_LOST, "message": f"A node of the job was lost: {error}", "details": [["nodeId", node]]}
        with open(order["refusal"], "w", encoding="utf-8") as stream:  # noqa: PTH123
            json.dump(refusal, stream)
        return _SSH_FAILED


def _shell(nodes: JobNodes, host: str, command: str) -> int:
    try:
        server, name = nodes.servers[nodes.node_at(host)], secrets.token_hex(8)
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


def _end(nodes: JobNodes, order: dict[str, Any]) -> int:
    """Order every server to end its processes; a server that has ended has already done so."""
    for node, server in nodes.servers.items():
        with contextlib.suppress(NodeLostError, OSError):
            connection = send_order(server, nodes.key, {"kind": "end", "grace": order["grace"], "node": node})
            connection.recv(6)
    return 0


def _exit_code(connection: socket.socket) -> int:
    """Wait for the exit code of a command, and forward SIGTERM to it."""

    def forward(*_: object) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(b"TERM\n")

    signal.signal(signal.SIGTERM, forward)
    received = b""
    while not received.endswith(b"\n"):
        try:
            content = connection.recv(4096)
        except OSError as error:
            raise NodeLostError(f"{error}") from error
        if not content:
            raise NodeLostError("the connection to its server was cut")
        received += content
    _, code, *details = received.decode(errors="replace").split(maxsplit=2)
    if details:
        sys.stderr.write(f"cannot start: {details[0]}")
    return int(code)


def _copy(stream: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):
        while content := stream.recv(65536):
            while content:
                content = content[os.write(number, content) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
