"""Finds the container engine, and checks whether it answers; uses the standard library alone."""

import http.client
import os
import socket
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 2.0  # the time limit of a request; an engine that is started by its socket answers in half a second


class EngineError(Exception):
    """No engine can be used; the message names the addresses tried and a remedy."""


_REMEDY = (
    "start Docker, or Podman's service (systemctl --user enable --now podman.socket), or name its socket in DOCKER_HOST"
)


def find_engine(environ: Mapping[str, str]) -> str:
    """Return the address of the engine: ``DOCKER_HOST``, otherwise the first usable socket of Docker or Podman.

    Raises:
        EngineError: there is none, or it does not see the files of this machine.
    """
    host = environ.get("DOCKER_HOST", "")
    if host:
        if not host.startswith("unix://"):
            raise EngineError(
                f"DOCKER_HOST is {host}: jobs need an engine of this machine, which sees the same files; "
                "name its socket as unix:///PATH"
            )
        return host
    sockets = default_sockets(environ)
    usable = [path for path in sockets if path.is_socket() and os.access(path, os.R_OK | os.W_OK)]
    if not usable:
        paths = ", ".join(map(str, sockets))
        raise EngineError(f"there is no container engine (none of {paths} can be used); {_REMEDY}")
    return f"unix://{usable[0]}"


def default_sockets(environ: Mapping[str, str]) -> list[Path]:
    """Return the default sockets of Docker and Podman, those of the user first."""
    runtime, home = environ.get("XDG_RUNTIME_DIR", ""), environ.get("HOME", "")
    user = [Path(runtime, "docker.sock"), Path(runtime, "podman", "podman.sock")] if runtime else []
    desktop = [Path(home, ".docker", "run", "docker.sock")] if home else []
    return [*user, Path("/var/run/docker.sock"), Path("/run/podman/podman.sock"), *desktop]


def check_engine(address: str) -> None:
    """Check that the engine at an address answers.

    Raises:
        EngineError: it does not answer within two seconds.
    """
    connection = _UnixConnection(address.removeprefix("unix://"))
    try:
        connection.request("GET", "/_ping")
        response = connection.getresponse()
        if response.status != 200:
            raise EngineError(
                f"the container engine at {address} answers {response.status} {response.reason}; {_REMEDY}"
            )
    except (OSError, http.client.HTTPException) as error:
        text = " ".join(str(error).split())
        raise EngineError(f"no container engine answers at {address} ({text}); {_REMEDY}") from error
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix domain socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(self._path)
