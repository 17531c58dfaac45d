"""The copies that run at this moment."""

import threading

from msgspec.structs import replace

from harness.emulator.providers.files.model import Copy


class AbortedError(Exception):
    """Somebody aborted the copy."""


class RunningCopy:
    """A copy that runs: a thread moves the bytes, and looks now and then whether it shall stop."""

    def __init__(self) -> None:
        self.done = 0
        self.stop = threading.Event()

    def report(self, done: int) -> None:
        """The thread has come so far.

        Raises:
            AbortedError: it shall stop.
        """
        if self.stop.is_set():
            raise AbortedError
        self.done = done


class RunningCopies(dict[str, RunningCopy]):
    """By the id of the copy."""

    def current(self, copy: Copy) -> Copy:
        """A copy as it is now: one that is pending and does not run was cut short with an earlier emulator."""
        if copy.status != "pending":
            return copy
        running = self.get(copy.id)
        if running is None:
            return replace(copy, status="failed", description="The emulator was stopped during the copy.")
        return replace(copy, done=running.done)
