"""An entry of the emulator's request log, and its text."""

import msgspec

LOG_NAME = "requests.log"  # in the data directory of an emulator


class RequestEntry(msgspec.Struct, frozen=True):
    """A request and its response.

    ``status`` is 0 if the connection was dropped without a response; ``error`` is Azure's error code, empty after
    success.
    """

    time: str
    method: str
    url: str
    status: int
    milliseconds: float
    error: str = ""

    def line(self) -> str:
        """Return the entry as a line of text."""
        return f"{self.time} {self.method:<6} {self.status or '---'} {self.milliseconds:>8.1f} ms  {self.url}" + (
            f"  {self.error}" if self.error else ""
        )
