"""The logs of a running job: new lines of the files from which metrics are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import CloudError
from harness.experiments.job_logs import resolve
from harness.experiments.log_lines import LineSplitter
from harness.experiments.metrics import LONGEST_SERIES, line_reader, number_of
from harness.experiments.pattern_matching import PatternError, PatternMatcher
from harness.resources.events import LogLine, LogSkipped, Noted, Sink, StepRead
from harness.scenario.consistency import STDOUTERR
from harness.scenario.metric import MetricSpec
from harness.services.service import JobOutput, OutputFile

# Bytes of one log that are read and reported at a time; of more, only the end is reported.
_MOST_BYTES = 16 << 20
_MOST_LINES = 2000
_MATCHING_SECONDS = 1.0  # seconds of processor time for the lines of one log


@dataclass
class _Followed:
    """A log that is followed: how much of it was read, and the line that has begun."""

    position: int = 0
    splitter: LineSplitter = field(default_factory=LineSplitter)


class LogReader:
    """Follows the log files that a scenario names; its progress depends only on the responses of the service.

    Args:
        output: the output of the job.
        trial: its id.
        metrics: the metrics of the scenario.
        matcher: matches the patterns.
        sink: gets the lines.
    """

    def __init__(
        self,
        output: JobOutput,
        trial: str,
        metrics: Mapping[str, MetricSpec],
        *,
        matcher: PatternMatcher,
        sink: Sink,
    ) -> None:
        self._output = output
        self._trial = trial
        self._matcher = matcher
        self._sink = sink
        self._patterns = tuple(
            dict.fromkeys(spec.pattern for spec in metrics.values() if spec.pattern is not None and spec.is_followed)
        )
        self._wanted = tuple(dict.fromkeys(spec.file for spec in metrics.values() if spec.is_followed))
        self._metrics = metrics
        self._tables = {
            name: reader for name, spec in metrics.items() if (reader := line_reader(name, spec)) is not None
        }
        self._files: dict[str, OutputFile] = {}  # by the names that the scenario gives
        self._followed: dict[str, _Followed] = {}  # by the names that the logs have
        self._trouble = ""
        self._watched = {name: spec for name, spec in metrics.items() if spec.step}
        self.values: dict[str, list[float]] = {name: [] for name in self._watched}
        self._told = dict.fromkeys(self._watched, 0)

    def stream(self) -> None:
        """Report the lines that were written since the last call; trouble is reported too, and never raised."""
        try:
            if any(name not in self._files for name in self._wanted):
                self._find()
            for file in {file.name: file for file in self._files.values()}.values():
                followed = self._followed.setdefault(file.name, _Followed())
                tail = self._output.tail(file, start=followed.position, most=_MOST_BYTES)
                self._report(file.name, tail.start, tail.content)
        except CloudError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._sink(Noted(f"{self._trial}: the log cannot be followed: {error}"))

    def finish(self, logs: Mapping[str, Path]) -> None:
        """Report the rest of the logs of a finished job.

        Args:
            logs: by name, as they were downloaded.
        """
        for name in dict.fromkeys(resolve(wanted, logs) for wanted in self._wanted):
            if name is None:
                continue
            followed = self._followed.setdefault(name, _Followed())
            with logs[name].open("rb") as stream:
                start = max(followed.position, stream.seek(0, 2) - _MOST_BYTES)
                stream.seek(start)
                self._report(name, start, stream.read())
            self._tell(name, followed.splitter.end())

    def _find(self) -> None:
        listed = {file.name: file for file in self._output.files(STDOUTERR).files}
        found = {wanted: resolve(wanted, listed) for wanted in self._wanted}
        self._files |= {wanted: listed[name] for wanted, name in found.items() if name is not None}

    def _report(self, name: str, start: int, content: bytes) -> None:
        followed = self._followed[name]
        if start != followed.position:
            followed.splitter.restart(inside=start > 0)
        if start > followed.position:
            self._sink(LogSkipped(self._trial, name, f"{start - followed.position} bytes"))
        followed.position = start + len(content)
        if (skipped := content.count(b"\n") - _MOST_LINES) > 0:
            self._sink(LogSkipped(self._trial, name, f"{skipped} lines"))
        self._tell(name, followed.splitter.feed(content, most=_MOST_LINES))

    def _tell(self, name: str, lines: list[str]) -> None:
        holding = self._holding(lines)
        in_tables = self._read_tables(name, lines)
        for line, is_match, is_row in zip(lines, holding, in_tables, strict=True):
            self._sink(LogLine(self._trial, name, line, is_metric=is_match or is_row))
        self._read_values(name, [line for line, is_match in zip(lines, holding, strict=True) if is_match])
        for metric, values in self.values.items():
            if len(values) > self._told[metric]:  # of many steps at a time, the last one
                self._told[metric] = len(values)
                self._sink(StepRead(self._trial, metric, len(values), values[-1]))

    def _read_tables(self, name: str, lines: list[str]) -> list[bool]:
        """Record values in lines of JSON and CSV; returns which lines have one."""
        held = [False] * len(lines)
        for metric, read in self._tables.items():
            spec = self._metrics[metric]
            if resolve(spec.file, [name]) is None:
                continue
            for number, line in enumerate(lines):
                if (point := read(line)) is not None:
                    held[number] = True
                    self._note(metric, point.value)
        return held

    def _note(self, metric: str, value: float) -> None:
        if metric in self.values and len(self.values[metric]) < LONGEST_SERIES:
            self.values[metric].append(value * self._metrics[metric].scale)

    def _read_values(self, name: str, lines: list[str]) -> None:
        """Record the values of the watched metrics in the lines of a log."""
        steps = {
            metric: spec
            for metric, spec in self._watched.items()
            if spec.pattern is not None and spec.file in self._files and self._files[spec.file].name == name
        }
        if not (lines and steps and self._patterns):
            return
        patterns = [spec.pattern or "" for spec in steps.values()]
        try:
            found = self._matcher.groups(patterns, lines, seconds=_MATCHING_SECONDS)
        except PatternError:
            return  # the values of the metric are read when the job has ended
        for metric, texts in zip(steps, found, strict=True):
            for number in map(number_of, texts):
                if number is not None:
                    self._note(metric, number)

    def _holding(self, lines: list[str]) -> list[bool]:
        if not (lines and self._patterns):
            return [False] * len(lines)
        try:
            return self._matcher.holding(self._patterns, lines, seconds=_MATCHING_SECONDS)
        except PatternError as error:
            self._patterns = ()
            self._sink(Noted(f"{self._trial}: lines with metrics are not looked for any more: a pattern {error}"))
            return [False] * len(lines)
