"""Lines in the execution logs of a job, in the form in which its supervisor writes them."""

import contextlib
import os
from collections.abc import Iterable

from harness.clock import Clock
from harness.compute.supervisor import open_output


class JobLog:
    """The execution logs of a job. One that cannot be written, on a full disk for one, never fails the job.

    Args:
        paths: the logs.
        directory: of the job.
        clock: dates the lines.
    """

    def __init__(self, paths: Iterable[str], directory: str, clock: Clock) -> None:
        self._paths, self._directory, self._clock = tuple(paths), directory, clock

    def write(self, text: str) -> None:
        """Add a line to each."""
        moment = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for path in self._paths:
            with (
                contextlib.suppress(OSError),
                os.fdopen(open_output(path, self._directory, make=True), "a", encoding="utf-8") as stream,
            ):
                stream.write(f"{moment} {text}\n")
