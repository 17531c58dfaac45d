"""Starts the processes of a job on one node, for the job's programs on other nodes; uses the standard library alone.

It serves one job, and only clients with that job's key. It ends, together with all processes that it has started, by an
order, when the lifeline to the job's first node is cut, or when the node's agent or its Ray node ends.
"""

import contextlib
import ctypes
import json
import os
import secrets
import selectors
import signal
import socket
import sys
import time
from typing import Any

from harness.compute.ray.channel import MAX_ORDER_BYTES, decode_order, keep_alive
from harness.compute.ray.leash import detach_from_agent, report_started
from harness.compute.supervisor import (
    SHORT_GRACE,
    descendants,
    exec_process,
    open_input,
    open_output,
    reap,
    terminate_all,
)

_MAX_UNAUTHENTICATED = 64  # connections without a valid order
_MAX_STREAMS = 256  # connections that wait for the order to start their process
_AUTHENTICATION_SECONDS = 30.0  # the time limit for the order of a connection


class Client:
    """A connection: first without an order, then with an order, then with the process that the order has started."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.nonce = secrets.token_hex(16).encode()
        self.deadline = time.monotonic() + _AUTHENTICATION_SECONDS
        self.received = b""
        self.kind = ""
        self.stream = ""  # the name by which the order of a process refers to this connection
        self.process: int | None = None


class Server:
    """The server of one node.

    Args:
        listener: the listening socket.
        key: the job's key.
        variables: the service's variables on this node; they override those of a command from another node.
        handles: pidfds of the processes whose end ends the server.
    """

    def __init__(self, listener: socket.socket, key: bytes, variables: dict[str, str], handles: list[int]) -> None:
        self.listener, self.key, self.variables = listener, key, variables
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.clients: dict[int, Client] = {}
        self.streams: dict[str, Client] = {}
        self.selector = selectors.DefaultSelector()
        self.handles = set(handles)
        self.bell, wake = socket.socketpair()
        self.bell.setblocking(False)
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self.wake = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: None)
        for descriptor in (listener.fileno(), self.bell.fileno(), *handles):
            self.selector.register(descriptor, selectors.EVENT_READ)

    def serve(self) -> float:
        """Serve until the end; return the grace, in seconds, for the processes that still run."""
        while True:
            unauthenticated = [client for client in self.clients.values() if not client.kind]
            deadline = min((client.deadline for client in unauthenticated), default=None)
            timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
            for key, _ in self.selector.select(timeout):
                grace = self._handle(key.fd, key.data)
                if grace is not None:
                    return grace
            for client in unauthenticated:
                if not client.kind and client.deadline <= time.monotonic():
                    self._close(client)

    def _handle(self, ready: int, client: Client | None) -> float | None:
        """Handle a ready descriptor, of a client or not; return a grace if that ends the server."""
        if ready in self.handles:
            return 0.0
        if ready == self.listener.fileno():
            self._accept()
        elif ready == self.bell.fileno():
            numbers = self.bell.recv(4096)
            if signal.SIGTERM in numbers:
                return SHORT_GRACE
            self._report_exits()
        elif client is not None and self.clients.get(ready) is client:  # not closed in this round and its number reused
            return self._receive(client)
        return None

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:  # the client has already disconnected
            return
        if sum(not client.kind for client in self.clients.values()) >= _MAX_UNAUTHENTICATED:
            connection.close()
            return
        keep_alive(connection)
        client = Client(connection)
        self.clients[connection.fileno()] = client
        self.selector.register(connection, selectors.EVENT_READ, client)
        with contextlib.suppress(OSError):
            connection.sendall(client.nonce + b"\n")

    def _receive(self, client: Client) -> float | None:
        try:
            content = client.connection.recv(65536)
        except OSError:
            content = b""
        if not content:
            return self._disconnect(client)
        client.received += content
        if client.kind:
            self._forward_signals(client)
        elif b"\n" in client.received:
            line, _, client.received = client.received.partition(b"\n")
            order = decode_order(self.key, client.nonce, line)
            if order is None:
                self._close(client)
                return None
            return self._execute(client, order)
        if len(client.received) > MAX_ORDER_BYTES:
            return self._disconnect(client)
        return None

    def _disconnect(self, client: Client) -> float | None:
        """Close the connection of a client and kill its process; return a grace if that ends the server."""
        self._close(client)
        if client.process is not None:
            self._signal(client.process, signal.SIGKILL)
        return SHORT_GRACE if client.kind == "lifeline" else None

    def _close(self, client: Client) -> None:
        self._detach(client)
        client.connection.close()

    def _detach(self, client: Client) -> None:
        """Stop serving a client, without closing its connection."""
        self.clients.pop(client.connection.fileno(), None)
        self.selector.unregister(client.connection)
        if self.streams.get(client.stream) is client:
            del self.streams[client.stream]

    def _execute(self, client: Client, order: dict[str, Any]) -> float | None:
        client.kind = order["kind"]
        if client.kind == "end":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            terminate_all(order["grace"])
            with contextlib.suppress(OSError):
                client.connection.sendall(b"ended\n")
            return 0.0
        if client.kind == "stream":
            self._keep_stream(client, order["name"])
        elif client.kind in ("run", "shell"):
            self._start(client, order)
        return None

    def _keep_stream(self, client: Client, name: str) -> None:
        """Keep a connection until the order to start its process, unless too many wait."""
        if len(self.streams) >= _MAX_STREAMS or name in self.streams:
            self._close(client)
            return
        client.stream, self.streams[name] = name, client
        with contextlib.suppress(OSError):  # the order of the process reports a lost connection
            client.connection.sendall(b"ready\n")

    def _start(self, client: Client, order: dict[str, Any]) -> None:
        environment = order["environment"]
        if client.kind == "shell":
            environment = {**environment, **self.variables}
        execution = {"argv": order["argv"], "environment": environment, "cwd": order["cwd"]}
        parent = os.getpid()
        with contextlib.ExitStack() as stack:
            try:
                streams = self._streams(client, order, stack)
                child = os.fork()
            except OSError as error:
                with contextlib.suppress(OSError):
                    client.connection.sendall(f"exit 127 {error}\n".encode())
                return
            if child == 0:
                signal.set_wakeup_fd(-1)
                exec_process(execution, self.libc, parent=parent, streams=streams)
        client.process = child

    def _streams(self, client: Client, order: dict[str, Any], stack: contextlib.ExitStack) -> tuple[int, int, int]:
        """Return the descriptors of a process, which the stack closes; its outputs are files or connections."""

        def closed_by_stack(descriptor: int) -> int:
            stack.callback(os.close, descriptor)
            return descriptor

        stdin = closed_by_stack(open_input(order.get("stdin", "")))
        if client.kind == "shell":
            outputs = [closed_by_stack(self._take_stream(f"{order['name']}{number}")) for number in (1, 2)]
            for descriptor in outputs:
                os.set_blocking(descriptor, True)
            return stdin, outputs[0], outputs[1]
        out = closed_by_stack(open_output(order["stdout"], order["directory"]))
        return stdin, out, closed_by_stack(open_output(order["stderr"], order["directory"]))

    def _take_stream(self, name: str) -> int:
        """Return the descriptor of a connection that waits for a process.

        Raises:
            OSError: the connection does not exist, was lost, or was refused because too many wait.
        """
        client = self.streams.get(name)
        if client is None:
            raise OSError(f"the output of the command is not connected; at most {_MAX_STREAMS} connections may wait")
        self._detach(client)
        return client.connection.detach()

    def _forward_signals(self, client: Client) -> None:
        *names, client.received = client.received.split(b"\n")
        for name in names:
            if name == b"TERM" and client.process is not None:
                self._signal(client.process, signal.SIGTERM)

    def _signal(self, process: int, number: signal.Signals) -> None:
        for target in (process, *descendants(process)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(target, number)

    def _report_exits(self) -> None:
        ended = reap()
        for client in list(self.clients.values()):
            if client.process in ended:
                with contextlib.suppress(OSError):
                    client.connection.sendall(f"exit {ended[client.process]}\n".encode())
                client.process = None


def main() -> None:
    """Execute the order on standard input; print the process id and the port once the server listens."""
    order = json.load(sys.stdin)
    handles = detach_from_agent(order["agent"])
    listener = socket.create_server((order["address"], 0))
    server = Server(listener, bytes.fromhex(order["key"]), order["variables"], handles)
    report_started({"pid": os.getpid(), "port": listener.getsockname()[1]})
    grace = server.serve()
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    terminate_all(grace)


if __name__ == "__main__":
    main()
