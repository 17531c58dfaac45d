"""Lines in the execution logs of a job, in the form in which its supervisor writes them."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from harness.clock import Clock


class JobLog:
    """The execution logs of a job. One that cannot be written, on a full disk for one, never fails the job."""

    def __init__(self, paths: Iterable[str], clock: Clock) -> None:
        self._paths = tuple(map(Path, paths))
        self._clock = clock

    def write(self, text: str) -> None:
        """Add a line to each."""
        moment = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for path in self._paths:
            with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as stream:
                stream.write(f"{moment} {text}\n")
