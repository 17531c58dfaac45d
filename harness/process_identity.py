"""What tells a process from every other one, of this machine and of others, before and after.

Resources and temporary directories remember the process that made them. Whoever finds one later has to know whether
that process still runs, and deletes nothing on a guess.
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
    """Names this start of this machine, and the container on it, without revealing their names.

    The part before the dot stands for host name, machine id and process namespace: machines made from one image share
    their id, and containers of one machine their name. The part after the dot stands for the boot: all three are alike
    in a cloned virtual machine, and the boot id is not (man 4 random, ``/proc/sys/kernel/random/boot_id``).
    """
    parts = (socket.gethostname(), _text(Path("/etc/machine-id")), _process_namespace())
    return f"{_digest('|'.join(parts))}.{_digest(_boot_id())}"


def has_boot_id() -> bool:
    """Whether this machine tells one of its starts from another; some sandboxes do not."""
    return bool(_boot_id())


def start_of_process(pid: int) -> str:
    """When a living process of this machine started, in clock ticks since the boot; empty if there is none."""
    # The command, in parentheses, may hold spaces and parentheses itself; state and start are fields 3 and 22.
    fields = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    return "" if len(fields) < 20 or fields[0] in _ENDED else fields[19]


def has_ended(pid: int, started: str) -> bool:
    """Whether the process that had an id and a start, since this machine was last started, has provably ended."""
    return has_boot_id() and start_of_process(pid) != started and not _is_hidden(pid)


def _is_hidden(pid: int) -> bool:
    """Whether a process lives of which ``/proc`` says nothing: ``hidepid`` hides those of other users (man 5 proc)."""
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
