"""The logs of a running job: new lines of the files from which metrics are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import CloudError
from harness.experiments.job_logs import resolve
from harness.experiments.log_lines import LineSplitter
from harness.experiments.metrics import LONGEST_SERIES, line_reader, number_of
from harness.experiments.pattern_matching import PatternError, PatternMatcher
from harness.resources.events import LogLine, LogSkipped, Note, Sink, StepRead
from harness.scenario.consistency import STDOUTERR
from harness.scenario.metric import MetricSpec
from harness.services.service import JobOutput, OutputFile

_MOST_BYTES = 16 << 20  # of one log at a time; if it has grown by more, only the end is read
_MOST_LINES = 2000
_MATCHING_SECONDS = 1.0  # of processor time for the lines of one log


@dataclass
class _LogState:
    """How much of a log was read, and its incomplete last line."""

    position: int = 0
    splitter: LineSplitter = field(default_factory=LineSplitter)


class LogReader:
    """Follows the log files that a scenario names; its progress depends only on the responses of the service.

    Args:
        output: the output of the job.
        trial: the id of the job's trial.
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
        self._log_names = tuple(dict.fromkeys(spec.file for spec in metrics.values() if spec.is_followed))
        self._metrics = metrics
        self._tables = {
            name: reader for name, spec in metrics.items() if (reader := line_reader(name, spec)) is not None
        }
        self._files: dict[str, OutputFile] = {}  # keys: names of logs in the scenario
        self._states: dict[str, _LogState] = {}  # keys: names of logs in the job
        self._last_error = ""
        self._step_metrics = {name: spec for name, spec in metrics.items() if spec.step}
        self.values: dict[str, list[float]] = {name: [] for name in self._step_metrics}
        self._reported_steps = dict.fromkeys(self._step_metrics, 0)

    def stream(self) -> None:
        """Report the lines that were written since the last call; errors of the service are reported, not raised."""
        try:
            if any(name not in self._files for name in self._log_names):
                self._find_files()
            for file in {file.name: file for file in self._files.values()}.values():
                state = self._states.setdefault(file.name, _LogState())
                tail = self._output.tail(file, start=state.position, most=_MOST_BYTES)
                self._report_content(file.name, tail.start, tail.content)
        except CloudError as error:
            if str(error) != self._last_error:
                self._last_error = str(error)
                self._sink(Note(f"{self._trial}: the log cannot be followed: {error}"))

    def finish(self, logs: Mapping[str, Path]) -> None:
        """Report the rest of the logs of a finished job.

        Args:
            logs: the downloaded logs, by name.
        """
        for name in dict.fromkeys(resolve(log, logs) for log in self._log_names):
            if name is None:
                continue
            state = self._states.setdefault(name, _LogState())
            with logs[name].open("rb") as stream:
                start = max(state.position, stream.seek(0, 2) - _MOST_BYTES)
                stream.seek(start)
                self._report_content(name, start, stream.read())
            self._report_lines(name, state.splitter.end())

    def _find_files(self) -> None:
        files = {file.name: file for file in self._output.files(STDOUTERR).files}
        names = {log: resolve(log, files) for log in self._log_names}
        self._files |= {log: files[name] for log, name in names.items() if name is not None}

    def _report_content(self, name: str, start: int, content: bytes) -> None:
        state = self._states[name]
        if start != state.position:
            state.splitter.restart(inside=start > 0)
        if start > state.position:
            self._sink(LogSkipped(self._trial, name, f"{start - state.position} bytes"))
        state.position = start + len(content)
        if (line_count := content.count(b"\n") - _MOST_LINES) > 0:
            self._sink(LogSkipped(self._trial, name, f"{line_count} lines"))
        self._report_lines(name, state.splitter.feed(content, most=_MOST_LINES))

    def _report_lines(self, name: str, lines: list[str]) -> None:
        matches = self._match_lines(lines)
        rows = self._read_rows(name, lines)
        for line, is_match, is_row in zip(lines, matches, rows, strict=True):
            self._sink(LogLine(self._trial, name, line, is_metric=is_match or is_row))
        self._read_values(name, [line for line, is_match in zip(lines, matches, strict=True) if is_match])
        for metric, values in self.values.items():
            if len(values) > self._reported_steps[metric]:  # several new steps are reported as one event, the last
                self._reported_steps[metric] = len(values)
                self._sink(StepRead(self._trial, metric, len(values), values[-1]))

    def _read_rows(self, name: str, lines: list[str]) -> list[bool]:
        """Record the values in lines of JSON and CSV; return for each line whether it has one."""
        rows = [False] * len(lines)
        for metric, read in self._tables.items():
            spec = self._metrics[metric]
            if resolve(spec.file, [name]) is None:
                continue
            for number, line in enumerate(lines):
                if (point := read(line)) is not None:
                    rows[number] = True
                    self._append_value(metric, point.value)
        return rows

    def _append_value(self, metric: str, value: float) -> None:
        if metric in self.values and len(self.values[metric]) < LONGEST_SERIES:
            self.values[metric].append(value * self._metrics[metric].scale)

    def _read_values(self, name: str, lines: list[str]) -> None:
        """Record the values of metrics with steps in the lines of a log."""
        steps = {
            metric: spec
            for metric, spec in self._step_metrics.items()
            if spec.pattern is not None and spec.file in self._files and self._files[spec.file].name == name
        }
        if not (lines and steps and self._patterns):
            return
        patterns = [spec.pattern or "" for spec in steps.values()]
        try:
            matches = self._matcher.groups(patterns, lines, seconds=_MATCHING_SECONDS)
        except PatternError:
            return  # read_metrics reads the values when the job has ended
        for metric, texts in zip(steps, matches, strict=True):
            for number in map(number_of, texts):
                if number is not None:
                    self._append_value(metric, number)

    def _match_lines(self, lines: list[str]) -> list[bool]:
        if not (lines and self._patterns):
            return [False] * len(lines)
        try:
            return self._matcher.match_lines(self._patterns, lines, seconds=_MATCHING_SECONDS)
        except PatternError as error:
            self._patterns = ()
            self._sink(Note(f"{self._trial}: no more lines are searched for metrics: a pattern {error}"))
            return [False] * len(lines)
