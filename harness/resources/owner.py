"""The process that owns a resource, in a form with which later processes can check whether it still runs."""

import os
from dataclasses import dataclass
from typing import Literal

from harness.process_identity import has_ended, start_of_process, this_machine

_LONGEST_PID = 10  # digits; Linux has process ids up to 2^22


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, identified so that a later one with the same process id is not mistaken for it.

    Attributes:
        host: the machine, its boot, and the container on it, as ``this_machine`` returns them.
        pid: the process id on that machine.
        started: the start of the process, as ``start_of_process`` returns it; empty if it is unknown.
    """

    host: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.started}"

    @property
    def state(self) -> Literal["running", "ended", "elsewhere"]:
        """Whether the process runs.

        ``elsewhere`` means that this machine cannot know: the process is on another machine, or of an earlier boot, or
        hidden because it is another user's. A clone of a virtual machine differs from the original only by its boot, so
        another boot does not prove the end of a process.
        """
        if self.host != this_machine() or not self.started:
            return "elsewhere"
        if start_of_process(self.pid) == self.started:
            return "running"
        return "ended" if has_ended(self.pid, self.started) else "elsewhere"

    @property
    def is_of_an_earlier_boot(self) -> bool:
        """Whether the process ran on this machine before its last boot, or runs on a clone of this machine."""
        return self.host != this_machine() and self.host.partition(".")[0] == this_machine().partition(".")[0]


def parse_owner(text: str) -> Owner | None:
    """Parse the result of ``str(owner)``; None for anything else."""
    host, _, rest = text.partition("/")
    pid, _, started = rest.partition("/")
    is_number = pid.isascii() and pid.isdigit() and len(pid) <= _LONGEST_PID
    return Owner(host, int(pid), started) if host and started and is_number else None


def this_process() -> Owner:
    """The calling process."""
    return owner_of(os.getpid())


def owner_of(pid: int) -> Owner:
    """The process of this machine that has a process id now."""
    return Owner(this_machine(), pid, start_of_process(pid))
