"""``python -m harness.emulator.health DIRECTORY``: the exit code is 0 if the emulator of a directory answers.

It is for health checks of containers, which run it every few seconds: it imports little and needs no credentials.
"""

import json
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

_SECONDS = 3.0


def main(arguments: list[str]) -> int:
    """Check the storage ports: 0 if each accepts a connection, otherwise 1 with the reason on standard error."""
    try:
        endpoint = json.loads(Path(arguments[0], "endpoint.json").read_bytes())
        for name in ("blob_url", "file_url"):
            address = urlsplit(endpoint[name])
            with socket.create_connection((address.hostname, address.port or 0), timeout=_SECONDS) as connection:
                connection.settimeout(_SECONDS)
                if endpoint[name].startswith("http:") and not _answers(connection):
                    raise OSError(f"{endpoint[name]} does not speak HTTP")
    except (OSError, ValueError, KeyError, IndexError) as error:
        sys.stderr.write(f"the emulator does not answer: {error}\n")
        return 1
    return 0


def _answers(connection: socket.socket) -> bool:
    """Whether a request gets any HTTP response, be it an error."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return connection.recv(5) == b"HTTP/"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
