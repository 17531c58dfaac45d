"""Writes lines to the execution logs of a job, in the supervisor's format."""

import contextlib
import os
from collections.abc import Iterable

from harness.clock import Clock
from harness.compute.supervisor import open_output


class JobLog:
    """The execution logs of a job. A log that cannot be written, because the disk is full, never fails the job.

    Args:
        paths: the paths of the logs.
        directory: the job directory.
        clock: provides the times of the lines.
    """

    def __init__(self, paths: Iterable[str], directory: str, clock: Clock) -> None:
        self._paths, self._directory, self._clock = tuple(paths), directory, clock

    def write(self, text: str) -> None:
        """Append a line to each log."""
        timestamp = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for path in self._paths:
            with (
                contextlib.suppress(OSError),
                os.fdopen(open_output(path, self._directory, make=True), "a", encoding="utf-8") as stream,
            ):
                stream.write(f"{timestamp} {text}\n")
