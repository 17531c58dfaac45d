"""Starts the processes of a job on one node, for the job's programs on the others; standard library alone.

It serves one job and whoever has that job's key. It ends, and ends all that it has started, when it is told to, when
the lifeline to the job's first node is cut, or when the node's agent or its Ray node is gone.
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

from harness.compute.ray.channel import MOST, decode_order, keep_alive
from harness.compute.ray.leash import leave_agent, say
from harness.compute.supervisor import HURRY, become, descendants, end_all, open_input, open_output, reap

_MOST_STRANGERS = 64  # connections that have not shown the key
_MOST_STREAMS = 256  # connections that wait for the order of their process
_GREETED_SECONDS = 30.0


class Client:
    """A connection: greeted, then with an order, then with the process that the order has started."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.greeting = secrets.token_hex(16).encode()
        self.deadline = time.monotonic() + _GREETED_SECONDS
        self.received = b""
        self.kind = ""
        self.stream = ""  # the name under which the order of a process will call it
        self.process: int | None = None


class Server:
    """The server of one node.

    Args:
        listener: where it is reached.
        key: the job's.
        variables: of the service on this node; they override those of a command that comes from another node.
        handles: of the processes with which it ends.
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
        for each in (listener.fileno(), self.bell.fileno(), *handles):
            self.selector.register(each, selectors.EVENT_READ)

    def serve(self) -> float:
        """Serve until the end; the grace, in seconds, that what still runs has then."""
        while True:
            strangers = [client for client in self.clients.values() if not client.kind]
            soonest = min((client.deadline for client in strangers), default=None)
            wait = None if soonest is None else max(0.0, soonest - time.monotonic())
            for key, _ in self.selector.select(wait):
                grace = self._handle(key.fd, key.data)
                if grace is not None:
                    return grace
            for client in strangers:
                if not client.kind and client.deadline <= time.monotonic():
                    self._drop(client)

    def _handle(self, ready: int, client: Client | None) -> float | None:
        """Answer to one descriptor, of a client if it is one's; a grace where that ends the server."""
        if ready in self.handles:
            return 0.0
        if ready == self.listener.fileno():
            self._accept()
        elif ready == self.bell.fileno():
            numbers = self.bell.recv(4096)
            if signal.SIGTERM in numbers:
                return HURRY
            self._tell_of_ends()
        elif client is not None and self.clients.get(ready) is client:  # not dropped just now, and its number reused
            return self._hear(client)
        return None

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:  # whoever came is gone again
            return
        if sum(not client.kind for client in self.clients.values()) >= _MOST_STRANGERS:
            connection.close()
            return
        keep_alive(connection)
        client = Client(connection)
        self.clients[connection.fileno()] = client
        self.selector.register(connection, selectors.EVENT_READ, client)
        with contextlib.suppress(OSError):
            connection.sendall(client.greeting + b"\n")

    def _hear(self, client: Client) -> float | None:
        try:
            content = client.connection.recv(65536)
        except OSError:
            content = b""
        if not content:
            return self._lose(client)
        client.received += content
        if client.kind:
            self._pass_on(client)
        elif b"\n" in client.received:
            line, _, client.received = client.received.partition(b"\n")
            order = decode_order(self.key, client.greeting, line)
            if order is None:
                self._drop(client)
                return None
            return self._obey(client, order)
        if len(client.received) > MOST:
            return self._lose(client)
        return None

    def _lose(self, client: Client) -> float | None:
        """What a client that is gone had started, ends."""
        self._drop(client)
        if client.process is not None:
            self._signal(client.process, signal.SIGKILL)
        return HURRY if client.kind == "lifeline" else None

    def _drop(self, client: Client) -> None:
        self._detach(client)
        client.connection.close()

    def _detach(self, client: Client) -> None:
        """Serve a client no longer."""
        self.clients.pop(client.connection.fileno(), None)
        self.selector.unregister(client.connection)
        if self.streams.get(client.stream) is client:
            del self.streams[client.stream]

    def _obey(self, client: Client, order: dict[str, Any]) -> float | None:
        client.kind = order["kind"]
        if client.kind == "end":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            end_all(order["grace"])
            with contextlib.suppress(OSError):
                client.connection.sendall(b"ended\n")
            return 0.0
        if client.kind == "stream":
            self._keep_stream(client, order["name"])
        elif client.kind in ("run", "shell"):
            self._start(client, order)
        return None

    def _keep_stream(self, client: Client, name: str) -> None:
        """Have a connection wait for the order of its process, unless too many do."""
        if len(self.streams) >= _MOST_STREAMS or name in self.streams:
            self._drop(client)
            return
        client.stream, self.streams[name] = name, client
        with contextlib.suppress(OSError):  # one that is gone is missed by the process
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
                become(execution, self.libc, parent=parent, streams=streams)
        client.process = child

    def _streams(self, client: Client, order: dict[str, Any], stack: contextlib.ExitStack) -> tuple[int, int, int]:
        """The descriptors of a process, which the stack closes: outputs are files, or connections to who asked."""

        def kept(descriptor: int) -> int:
            stack.callback(os.close, descriptor)
            return descriptor

        given = kept(open_input(order.get("stdin", "")))
        if client.kind == "shell":
            found = [kept(self._take_stream(f"{order['name']}{number}")) for number in (1, 2)]
            for descriptor in found:
                os.set_blocking(descriptor, True)
            return given, found[0], found[1]
        out = kept(open_output(order["stdout"], order["directory"]))
        return given, out, kept(open_output(order["stderr"], order["directory"]))

    def _take_stream(self, name: str) -> int:
        """The descriptor of a connection that waits for a process.

        Raises:
            OSError: it did not come, is gone, or found no room.
        """
        client = self.streams.get(name)
        if client is None:
            raise OSError(f"the output of the command is not connected; a node keeps {_MOST_STREAMS} that wait")
        self._detach(client)
        return client.connection.detach()

    def _pass_on(self, client: Client) -> None:
        *names, client.received = client.received.split(b"\n")
        for name in names:
            if name == b"TERM" and client.process is not None:
                self._signal(client.process, signal.SIGTERM)

    def _signal(self, process: int, number: signal.Signals) -> None:
        for each in (process, *descendants(process)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)

    def _tell_of_ends(self) -> None:
        ended = reap()
        for client in list(self.clients.values()):
            if client.process in ended:
                with contextlib.suppress(OSError):
                    client.connection.sendall(f"exit {ended[client.process]}\n".encode())
                client.process = None


def main() -> None:
    """``node_server.py`` with its order on standard input; prints its process id and its port once it listens."""
    order = json.load(sys.stdin)
    handles = leave_agent(order["agent"])
    listener = socket.create_server((order["address"], 0))
    server = Server(listener, bytes.fromhex(order["key"]), order["variables"], handles)
    say({"pid": os.getpid(), "port": listener.getsockname()[1]})
    grace = server.serve()
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    end_all(grace)


if __name__ == "__main__":
    main()
