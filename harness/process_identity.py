"""The identity of a process: different from that of every other process, on this machine and others, at any time.

Resources and temporary directories record the process that created them. Before one is deleted, this module proves
that the process has ended.
"""

import functools
import hashlib
import os
import socket
from pathlib import Path

_PROC = Path("/proc")
_ENDED = frozenset("ZX")  # a zombie, and a process that the kernel is removing


@functools.cache
def this_machine() -> str:
    """Return an id of this boot of this machine, or of this container, without revealing its name.

    The part before the dot is a digest of host name, machine id and process namespace, because machines made from one
    image share their id, and containers of one machine may share their name. The part after the dot is a digest of the
    boot id: in a cloned virtual machine the other three are the same, and the boot id differs (man 4 random,
    ``/proc/sys/kernel/random/boot_id``).
    """
    parts = (socket.gethostname(), _text(Path("/etc/machine-id")), _process_namespace())
    return f"{_digest('|'.join(parts))}.{_digest(_boot_id())}"


def has_boot_id() -> bool:
    """Whether this machine has a boot id; some sandboxes have none."""
    return bool(_boot_id())


def start_of_process(pid: int) -> str:
    """Return when a running process started, in clock ticks since the boot; empty if it does not run."""
    # The command, in parentheses, may contain spaces and parentheses; state and start are fields 3 and 22.
    fields = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    return "" if len(fields) < 20 or fields[0] in _ENDED else fields[19]


def has_ended(pid: int, started: str) -> bool:
    """Whether the process of this boot that had an id and a start time has provably ended."""
    return has_boot_id() and start_of_process(pid) != started and not _is_hidden(pid)


def _is_hidden(pid: int) -> bool:
    """Whether a process runs that ``/proc`` hides: ``hidepid`` hides those of other users (man 5 proc)."""
    if _text(_PROC / str(pid) / "stat"):
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _boot_id() -> str:
    return _text(_PROC / "sys/kernel/random/boot_id")


def _process_namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
