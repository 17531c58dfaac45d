"""A line of the log of requests, and how people read it."""

import msgspec

LOG_NAME = "requests.log"  # in the data directory of an emulator


class RequestEntry(msgspec.Struct, frozen=True):
    """One request.

    ``status`` is 0 where the connection was dropped without an answer; ``error`` is Azure's code, empty after success.
    """

    time: str
    method: str
    url: str
    status: int
    milliseconds: float
    error: str = ""

    def line(self) -> str:
        """The entry as a line of text."""
        return f"{self.time} {self.method:<6} {self.status or '---'} {self.milliseconds:>8.1f} ms  {self.url}" + (
            f"  {self.error}" if self.error else ""
        )
