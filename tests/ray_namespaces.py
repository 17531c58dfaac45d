"""A Ray cluster whose nodes have their own addresses and files: each is in a network namespace and a mount namespace.

The nodes see the programs of this machine, but not the files of tests.
"""

import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.ray_cluster import NoRayError, RayCluster

_REACH = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 10).close()"
# Hides the directories before "--" from the command after it.
_HIDE = 'while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 1; shift; done; shift; exec "$@"'


@dataclass(slots=True)
class NamespacedCluster(RayCluster):
    """A cluster whose head is on this machine, and whose nodes are not.

    Attributes:
        hidden: a directory that the nodes do not see.
    """

    hidden: Path = Path("/nowhere")
    name: str = field(default_factory=lambda: f"bh{secrets.token_hex(3)}")
    subnet: str = field(default_factory=lambda: f"10.{77 + secrets.randbelow(100)}.{secrets.randbelow(256)}")

    def start_head(self) -> None:
        """Start the head and its network."""
        if os.geteuid() or not all(map(shutil.which, ("ip", "unshare"))):
            raise NoRayError("network namespaces need root, ip and unshare")
        _run("ip", "link", "add", self.name, "type", "bridge")
        _run("ip", "address", "add", f"{self.host(0)}/24", "dev", self.name)
        _run("ip", "link", "set", self.name, "up")
        RayCluster.start_head(self)

    def host(self, number: int) -> str:
        """Return the address of a node by its number; 0 is the head."""
        return f"{self.subnet}.{number + 1}"

    def stop(self) -> None:
        """End all nodes, and the network."""
        RayCluster.stop(self)
        for number in range(1, len(self.nodes)):
            subprocess.run(["ip", "netns", "delete", f"{self.name}-{number}"], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self.name], check=False, capture_output=True)

    def _command_prefix(self, number: int) -> list[str]:
        if number == 0:
            return []
        space = f"{self.name}-{number}"
        _run("ip", "netns", "add", space)
        _run("ip", "link", "add", space, "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "link", "set", space, "master", self.name, "up")
        within = ["ip", "netns", "exec", space]
        _run(*within, "ip", "address", "add", f"{self.host(number)}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            _run(*within, "ip", "link", "set", device, "up")
        _run(*within, sys.executable, "-c", _REACH, *self.address.split(":"))  # a firewall may block the connection
        hidden = ["/dev/shm", "/var/tmp", str(self.hidden)]
        return [*within, "unshare", "-m", "sh", "-c", _HIDE, "sh", *hidden, "--"]


def _run(*argv: str) -> None:
    process = subprocess.run(argv, check=False, capture_output=True, text=True)
    if process.returncode:
        raise NoRayError(f"{' '.join(argv)}: {process.stderr.strip()}")
