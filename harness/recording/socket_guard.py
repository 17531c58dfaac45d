"""Refuse network connections during a replay, with an error that names the host."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from harness.errors import UnmatchedRequestError


def _refuse(address: str) -> UnmatchedRequestError:
    return UnmatchedRequestError(
        f"a connection to {address} was attempted during a replay, which must not use the network;\n"
        "use the clients of the `cloud` fixture, or run against the emulator: pytest --cloud emulator"
    )


@contextmanager
def blocked_sockets() -> Iterator[None]:
    """Refuse every network connection and name look-up of this process while the block runs.

    Unix-domain sockets stay usable, because test runners and event loops communicate through them.

    Raises:
        UnmatchedRequestError: raised in the code that connects; it names the host.
    """
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            raise _refuse(_name(address))
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family != socket.AF_UNIX:
            raise _refuse(_name(address))
        return connect_ex(self, address)

    def guarded_sendto(_socket: socket.socket, _data: Any, *rest: Any) -> int:
        raise _refuse(_name(rest[-1] if rest else "an address"))

    def guarded_lookup(host: Any, port: Any, *_args: Any, **_options: Any) -> Any:
        raise _refuse(f"{host}:{port}")

    with ExitStack() as stack:
        _replace(stack, socket.socket, "connect", guarded_connect)
        _replace(stack, socket.socket, "connect_ex", guarded_connect_ex)
        _replace(stack, socket.socket, "sendto", guarded_sendto)
        _replace(stack, socket, "getaddrinfo", guarded_lookup)
        yield


def _replace(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Replace an attribute until the stack is closed; an inherited attribute is then inherited again."""
    if name in vars(owner):
        stack.callback(setattr, owner, name, getattr(owner, name))
    else:
        stack.callback(delattr, owner, name)
    setattr(owner, name, value)


def _name(address: Any) -> str:
    return ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address)
