"""Chooses the ports of an emulator: those of its options, those of the last start, the default ones, or free ones."""

import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from harness.atomic_file import write_file
from harness.emulator.options import LOOPBACK
from harness.emulator.paths import DataDirectory
from harness.errors import EmulatorError

PortName = Literal["proxy", "file", "blob"]

OPTIONS: Mapping[PortName, str] = MappingProxyType({"proxy": "--port", "file": "--file-port", "blob": "--blob-port"})
DEFAULTS: Mapping[PortName, int] = MappingProxyType({"file": 10004, "blob": 10000})  # Azurite has its blobs there, too


_NAMES: Mapping[PortName, str] = MappingProxyType({"proxy": "clients of the proxy", "file": "files", "blob": "blobs"})


class Ports:
    """Opens the listening sockets of an emulator, and stores the ports in its data directory.

    Only ports that the options leave open are stored. ``notes`` report which of these were in use.

    Args:
        address: the address to listen at; ``0.0.0.0`` and ``::`` mean every address of the machine.
        defaults: the ports to take at the first start, if they are free.
    """

    def __init__(self, paths: DataDirectory, address: str, defaults: Mapping[PortName, int] = DEFAULTS) -> None:
        self._path = paths.ports
        self._address = address
        self._defaults = defaults
        self._last = self._read()
        self._opened: dict[str, int] = {}
        self.notes: list[str] = []

    def open(self, name: PortName, port: int | None) -> socket.socket:
        """Open a listening socket.

        Args:
            name: the service that the port is for.
            port: the port; 0 takes a free one. None takes the first that is not in use: the port of the last start, the
                default one, or any free one.

        Raises:
            EmulatorError: the requested port cannot be used.
        """
        if port is not None:
            return self._open(name, port)
        listener = None
        for candidate in filter(None, (self._last.get(name), self._defaults.get(name))):
            with contextlib.suppress(OSError):
                listener = listening_socket(self._address, candidate)
                break
            self.notes.append(f"port {candidate} is in use: {_NAMES[name]} get another one")
        listener = listener or self._open(name, 0)
        self._opened[name] = int(listener.getsockname()[1])
        return listener

    def remember(self) -> None:
        """Store the opened ports for the next start."""
        ports = self._last | self._opened
        if ports != self._last:
            write_file(self._path, msgspec.json.encode(ports))

    def _open(self, name: PortName, port: int) -> socket.socket:
        try:
            return listening_socket(self._address, port)
        except OSError as error:
            where = f" at {self._address}" if self._address != LOOPBACK else ""
            reason = os.strerror(error.errno) if error.errno else str(error)  # Python's text names the address, too
            if error.errno == errno.EADDRNOTAVAIL:
                raise EmulatorError(
                    f"--listen {self._address}: not an address of this machine ({reason}); 0.0.0.0 means all of them"
                ) from error
            raise EmulatorError(
                f"port {port}{where} cannot be used: {reason}; choose another with {OPTIONS[name]}"
            ) from error

    def _read(self) -> dict[str, int]:
        """The ports of the last start; empty if they cannot be read, since they are only a convenience."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
        except (OSError, msgspec.MsgspecError):
            return {}


def listening_socket(address: str, port: int) -> socket.socket:
    """Open a socket that listens at an address.

    Raises:
        OSError: the address or the port cannot be used.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    both = address == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((address, port), family=family, backlog=512, dualstack_ipv6=both)


def is_open_to_others(address: str) -> bool:
    """Whether other machines can reach a server that listens at an address."""
    return not ipaddress.ip_address(address).is_loopback


def reachable(address: str) -> str:
    """The host, as part of a URL, by which a client on this machine reaches a server at an address."""
    if address in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return LOOPBACK
    return f"[{address}]" if ":" in address else address
