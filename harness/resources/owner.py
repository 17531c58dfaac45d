"""Which process a resource belongs to, said so that any later process on the machine can tell whether it still runs."""

import functools
import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_PROC = Path("/proc")
_DEAD = frozenset("ZX")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, never to be mistaken for another that got the same id later.

    Attributes:
        host: names the machine (and on it the container) without telling its name: tags are seen by others.
        pid: the process id there.
        started: boot of the machine and, in ticks since, start of the process.
    """

    host: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.started}"

    @property
    def state(self) -> Literal["running", "ended", "elsewhere"]:
        """Whether it runs; ``elsewhere`` when that cannot be seen from this machine."""
        if self.host != _host():
            return "elsewhere"
        return "running" if self.started and _started(self.pid) == self.started else "ended"


def parse_owner(text: str) -> Owner | None:
    """The owner that ``str`` wrote, None for anything else."""
    host, _, rest = text.partition("/")
    pid, _, started = rest.partition("/")
    return Owner(host, int(pid), started) if host and started and pid.isdecimal() else None


def this_process() -> Owner:
    """The process that asks."""
    return owner_of(os.getpid())


def owner_of(pid: int) -> Owner:
    """The process of this machine that has an id now."""
    return Owner(_host(), pid, _started(pid))


@functools.cache
def _host() -> str:
    # Machines made from one image share their id, containers of one machine their name: all three together differ.
    parts = (socket.gethostname(), _text(Path("/etc/machine-id")), _namespace())
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:12]


def _namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Boot and start of a living process, empty where there is none."""
    # The command, in parentheses, may hold spaces and parentheses itself; state and start are fields 3 and 22.
    fields = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in _DEAD:
        return ""
    return f"{_text(_PROC / 'sys/kernel/random/boot_id')[:8]}.{fields[19]}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
