"""The log of a job while it runs: what is new in the files that metrics are read from, line by line."""

from collections.abc import Mapping

from harness.resources import JobOutput, OutputFile
from harness.resources.events import LogLine, Sink
from harness.resources.output import STDOUTERR
from harness.scenario.model import MetricSpec


class LogReader:
    """Follows the log files that a scenario names; how far it has read depends on what it was answered alone."""

    def __init__(self, output: JobOutput, trial: str, metrics: Mapping[str, MetricSpec], sink: Sink) -> None:
        self._output = output
        self._trial = trial
        self._sink = sink
        self._wanted = tuple(dict.fromkeys(spec.file for spec in metrics.values()))
        self._files: dict[str, OutputFile] = {}
        self._read: dict[str, int] = {}
        self._rest: dict[str, bytes] = {}

    def stream(self) -> None:
        """Tell the lines that were written since the last call.

        Raises:
            JobError: the service does not give them.
        """
        if any(name not in self._files for name in self._wanted):
            self._files |= {file.name: file for file in self._output.files(STDOUTERR) if file.name in self._wanted}
        for name in self._files:
            self._tell(name, self._fetch(name))

    def finish(self, logs: Mapping[str, str]) -> None:
        """Tell what is left of the files, of which all is here now."""
        for name in self._wanted:
            content = logs.get(name, "").encode()
            self._rest[name] = self._rest.get(name, b"") + content[self._read.get(name, 0) :]
            self._read[name] = len(content)
            for line in self._rest.pop(name).splitlines():
                self._sink(LogLine(self._trial, name, line.decode("utf-8", "replace")))

    def _fetch(self, name: str) -> bytes:
        return self._output.tail(self._files[name], start=self._read.get(name, 0))

    def _tell(self, name: str, content: bytes) -> None:
        self._read[name] = self._read.get(name, 0) + len(content)
        *lines, rest = (self._rest.get(name, b"") + content).split(b"\n")
        self._rest[name] = rest
        for line in lines:
            self._sink(LogLine(self._trial, name, line.decode("utf-8", "replace").rstrip("\r")))
