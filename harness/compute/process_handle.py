"""Signals for a process of which only the id is known: it is verified first, and no other process gets the signal.

The kernel reuses the id of an ended process. A pidfd always refers to the process that it was opened for, so
``open_process`` opens it first, then reads ``/proc``, and then checks by the pidfd whether the process is still
running: if it is, no other process can have had the id while ``/proc`` was read (man 2 pidfd_open, NOTES).
"""

import contextlib
import errno
import os
import selectors
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NO_SUCH_PROCESS = {errno.ESRCH, errno.EINVAL}  # EINVAL: the id is not positive, or it is the id of a thread


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """The facts in ``/proc`` about a process.

    Attributes:
        user: the real user id; None if it cannot be read.
        command_line: its arguments, the program first; empty for a zombie, or if it cannot be read.
        environment: the variables that its program was started with; empty if they cannot be read.
    """

    pid: int
    user: int | None
    command_line: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProcessHandle:
    """A verified process, and the descriptor that refers to it and to no other process."""

    pid: int
    descriptor: int

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process; do nothing if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, number)

    def ends_within(self, seconds: float) -> bool:
        """Whether the process ends within ``seconds``; a zombie has ended, even if no parent reaps it."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.descriptor, selectors.EVENT_READ)
            return bool(selector.select(seconds))


@contextmanager
def open_process(pid: int, is_expected: Callable[[ProcessFacts], bool]) -> Iterator[ProcessHandle | None]:
    """Open the running process with an id if it is the expected one; yield None if it is not, or if there is none.

    Args:
        pid: the id, from any source; any integer is safe.
        is_expected: decides by the facts about the process.

    Raises:
        OSError: this kernel has no pidfd, or this process has too many files open.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except OverflowError:
        yield None
        return
    except OSError as error:
        if error.errno not in _NO_SUCH_PROCESS:
            raise
        yield None
        return
    try:
        handle = ProcessHandle(pid, descriptor)
        is_verified = is_expected(read_facts(pid)) and not handle.ends_within(0)
        yield handle if is_verified else None
    finally:
        os.close(descriptor)


def ends(pid: int, seconds: float) -> bool:
    """Whether a process ends within ``seconds``.

    A zombie has ended: process 1 of a container may reap it late or never.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process, selectors.EVENT_READ)
            return bool(selector.select(seconds))
    finally:
        os.close(process)


def read_facts(pid: int) -> ProcessFacts:
    """Read the facts about a process id. Before a signal is sent, ``open_process`` has to verify the process."""
    root = Path("/proc", str(pid))
    variables = (word.partition("=") for word in _words(root / "environ"))
    environment = {name: value for name, equals, value in variables if equals}
    return ProcessFacts(pid, _user(root / "status"), _words(root / "cmdline"), environment)


def _words(path: Path) -> tuple[str, ...]:
    content = _content(path)
    return tuple(os.fsdecode(word) for word in content.removesuffix(b"\0").split(b"\0")) if content else ()


def _user(path: Path) -> int | None:
    for line in _content(path).splitlines():
        if line.startswith(b"Uid:"):
            return int(line.split()[1])
    return None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended, or belongs to another user
        return b""
