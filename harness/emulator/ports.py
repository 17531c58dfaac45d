"""Which ports an emulator takes: those of its options, those that it had before, the usual ones, or free ones."""

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

Door = Literal["proxy", "file", "blob"]

OPTIONS: Mapping[Door, str] = MappingProxyType({"proxy": "--port", "file": "--file-port", "blob": "--blob-port"})
USUAL: Mapping[Door, int] = MappingProxyType({"file": 10004, "blob": 10000})  # Azurite has its blobs there, too


_NAMES: Mapping[Door, str] = MappingProxyType({"proxy": "clients of the proxy", "file": "files", "blob": "blobs"})


class Ports:
    """Opens the listening sockets of an emulator, and remembers the ports in its data directory.

    Only ports that nobody asked for are remembered. ``notes`` say which of them were taken.

    Args:
        address: to listen at; ``0.0.0.0`` and ``::`` mean every address of the machine.
        usual: the ports to take at the first start, if they are free.
    """

    def __init__(self, paths: DataDirectory, address: str, usual: Mapping[Door, int] = USUAL) -> None:
        self._path = paths.ports
        self._address = address
        self._usual = usual
        self._before = self._read()
        self._taken: dict[str, int] = {}
        self.notes: list[str] = []

    def open(self, door: Door, port: int | None) -> socket.socket:
        """A listening socket.

        Args:
            port: the one to take; 0 takes any free one. None takes the one that this emulator had before, else the
                usual one, else a free one: whichever is not taken by somebody else.

        Raises:
            EmulatorError: a certain port was asked for, and it cannot be used.
        """
        if port is not None:
            return self._open(door, port)
        opened = None
        for candidate in filter(None, (self._before.get(door), self._usual.get(door))):
            with contextlib.suppress(OSError):
                opened = listening_socket(self._address, candidate)
                break
            self.notes.append(f"port {candidate} is taken: {_NAMES[door]} get another one")
        opened = opened or self._open(door, 0)
        self._taken[door] = int(opened.getsockname()[1])
        return opened

    def remember(self) -> None:
        """Keep the ports that were opened for the next start."""
        kept = self._before | self._taken
        if kept != self._before:
            write_file(self._path, msgspec.json.encode(kept))

    def _open(self, door: Door, port: int) -> socket.socket:
        try:
            return listening_socket(self._address, port)
        except OSError as error:
            where = f" at {self._address}" if self._address != LOOPBACK else ""
            reason = os.strerror(error.errno) if error.errno else str(error)  # Python's text names the address, too
            if error.errno == errno.EADDRNOTAVAIL:
                raise EmulatorError(
                    f"--listen {self._address}: no address of this machine ({reason}); 0.0.0.0 means all that it has"
                ) from error
            raise EmulatorError(
                f"port {port}{where} cannot be used: {reason}; choose another with {OPTIONS[door]}"
            ) from error

    def _read(self) -> dict[str, int]:
        """The ports of before; none where they cannot be read: they are a convenience."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
        except (OSError, msgspec.MsgspecError):
            return {}


def listening_socket(address: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Raises:
        OSError: it cannot.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    both = address == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((address, port), family=family, backlog=512, dualstack_ipv6=both)


def is_open_to_others(address: str) -> bool:
    """Whether other machines can reach what listens at an address."""
    return not ipaddress.ip_address(address).is_loopback


def reachable(address: str) -> str:
    """How a client on this machine names what listens at an address, as part of a URL."""
    if address in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return LOOPBACK
    return f"[{address}]" if ":" in address else address
