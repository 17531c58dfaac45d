"""Where the container engine answers, and whether it does; standard library alone."""

import http.client
import os
import socket
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 2.0  # in which an engine has to answer; one that is started by its socket takes half a second


class EngineError(Exception):
    """No engine can be used; the message says where it was looked for and what would help."""


_REMEDY = (
    "start Docker, or Podman's service (systemctl --user enable --now podman.socket), or name its socket in DOCKER_HOST"
)


def find_engine(environ: Mapping[str, str]) -> str:
    """The address of the engine: ``DOCKER_HOST``, else the first default socket of Docker or Podman that is there.

    Raises:
        EngineError: there is none, or it is one that does not see the files of this machine.
    """
    named = environ.get("DOCKER_HOST", "")
    if named:
        if not named.startswith("unix://"):
            raise EngineError(
                f"DOCKER_HOST is {named}: jobs need an engine of this machine, which sees the same files; "
                "name its socket as unix:///PATH"
            )
        return named
    sockets = default_sockets(environ)
    found = next((path for path in sockets if path.is_socket() and os.access(path, os.R_OK | os.W_OK)), None)
    if found is None:
        looked = ", ".join(map(str, sockets))
        raise EngineError(f"there is no container engine (none of {looked} can be used); {_REMEDY}")
    return f"unix://{found}"


def default_sockets(environ: Mapping[str, str]) -> list[Path]:
    """Where Docker and Podman have their sockets: those of the user first."""
    runtime, home = environ.get("XDG_RUNTIME_DIR", ""), environ.get("HOME", "")
    own = [Path(runtime, "docker.sock"), Path(runtime, "podman", "podman.sock")] if runtime else []
    desktop = [Path(home, ".docker", "run", "docker.sock")] if home else []
    return [*own, Path("/var/run/docker.sock"), Path("/run/podman/podman.sock"), *desktop]


def check_engine(address: str) -> None:
    """Return if the engine at an address answers.

    Raises:
        EngineError: it does not, within two seconds.
    """
    connection = _UnixConnection(address.removeprefix("unix://"))
    try:
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        if answer.status != 200:
            raise EngineError(f"the container engine at {address} answers {answer.status} {answer.reason}; {_REMEDY}")
    except (OSError, http.client.HTTPException) as error:
        text = " ".join(str(error).split())
        raise EngineError(f"no container engine answers at {address} ({text}); {_REMEDY}") from error
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket of the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(self._path)
