"""Metrics of a job, read from its logs, JSON lines, CSV files, and TensorBoard's event files."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from harness.experiments.event_file import scalar_points, tags_in
from harness.experiments.job_logs import most_informative, resolve
from harness.experiments.log_lines import nearest_lines
from harness.experiments.metric_points import CsvColumn, Point, csv_points, json_point, json_points
from harness.experiments.pattern_matching import Matches, PatternError, PatternMatcher
from harness.experiments.pattern_worker import bounded_text
from harness.scenario.metric import LOGGED_METRICS, MetricSpec
from harness.suggestions import suggestion

PATTERN_SECONDS = 10.0  # seconds of processor time for one pattern on one log
LONGEST_SERIES = 100_000  # values

_SEARCHED_LOGS = 4  # other logs that are searched for a pattern without a match in its own log
_SEARCH_SECONDS = 1.0
_SHOWN_LOGS = 10
_SHOWN_LINES = 2
_SHOWN_TAGS = 20
_MOST_EVENT_FILES = 100


@dataclass(frozen=True, slots=True)
class Readings:
    """The metrics of a trial.

    Attributes:
        last: the last value of each metric that has one; ``nan`` and infinities are values.
        series: the values of each metric that keeps them, in the order of the file.
        steps: the step of each value of a series, if the file has steps.
        missing: why a metric has no value, by its name.
        notes: further facts, one sentence each.
    """

    last: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[float]] = field(default_factory=dict)
    steps: dict[str, list[int]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_metrics(specs: Mapping[str, MetricSpec], files: Mapping[str, Path], matcher: PatternMatcher) -> Readings:
    """The metrics of a job that has ended.

    The last value of a metric counts, even ``nan``: an earlier value would hide that training has diverged.

    Args:
        specs: metric name -> how to read it.
        files: name of a log (``stdout.txt``), or of a file of an output directory (``MODEL/history.csv``) -> the file.
        matcher: matches the patterns.
    """
    readings = Readings()
    for name, spec in specs.items():
        file_names = named_files(spec.file, files)
        if not file_names:
            readings.missing[name] = _no_file(spec, files)
        elif spec.pattern is not None:
            _read_pattern(readings, (name, spec), files, matcher)
        else:
            _read_points(readings, name, spec, {file: files[file] for file in file_names})
    return readings


def named_files(pattern: str, names: Iterable[str]) -> list[str]:
    """The files from which a metric is read, sorted: the log of that name, else all files that match the pattern."""
    available = list(names)
    if (log := resolve(pattern, available)) is not None:
        return [log]
    return sorted(name for name in available if fnmatchcase(name, pattern))


def output_patterns(specs: Mapping[str, MetricSpec], directory: str) -> tuple[str, ...]:
    """The names and patterns of the files in an output directory from which metrics are read."""
    files = (spec.file.partition("/") for spec in specs.values())
    return tuple(dict.fromkeys(name for output, slash, name in files if slash and output == directory))


def line_reader(name: str, spec: MetricSpec) -> Callable[[str], Point | None] | None:
    """A function that reads a metric from a line of a growing file; None if single lines do not suffice.

    Args:
        name: the name of the metric.
        spec: how to read it.
    """
    if spec.pattern is not None or not spec.is_followed:
        return None
    if spec.column is not None:
        return CsvColumn(spec.column, spec.index).point
    return partial(json_point, key=spec.key or name, index=spec.index)


def number_of(text: str) -> float | None:
    """The number in a text, ``nan`` and infinities included; None for any other text."""
    try:
        return float(text)
    except ValueError:
        return None


def _read_pattern(
    readings: Readings, metric: tuple[str, MetricSpec], files: Mapping[str, Path], matcher: PatternMatcher
) -> None:
    name, spec = metric
    pattern, log = spec.pattern or "", named_files(spec.file, files)[-1]
    try:
        matches = matcher.find(pattern, files[log], keep=LONGEST_SERIES if spec.step else 1, seconds=PATTERN_SECONDS)
    except PatternError as error:
        readings.missing[name] = f"the pattern {pattern!r} {error} on {log}; write a simpler one"
        return
    _record_matches(readings, name, spec, matches)
    if not matches.count:
        near = "".join(f"; near: {line!r}" for line in nearest_lines(files[log], name, pattern, _SHOWN_LINES))
        hint = _match_elsewhere(pattern, log, files, matcher) or near
        readings.missing[name] = f"no match of {pattern!r} in {log}{hint}; {_names(files)}"


def _match_elsewhere(pattern: str, log: str, files: Mapping[str, Path], matcher: PatternMatcher) -> str:
    """A hint at another log of the job in which a pattern matches; empty if there is none."""
    for other in [name for name in most_informative(files) if name != log][:_SEARCHED_LOGS]:
        try:
            count = matcher.find(pattern, files[other], keep=1, seconds=_SEARCH_SECONDS).count
        except PatternError:
            return ""
        if count:
            return f", but {count} in {other}: write file: {other}"
    return ""


def _record_matches(readings: Readings, name: str, spec: MetricSpec, matches: Matches) -> None:
    if not matches.texts:
        return
    value = number_of(matches.texts[-1])
    if value is None:
        readings.missing[name] = f"the last match of {spec.pattern!r} is {matches.texts[-1]!r}, which is not a number"
    else:
        readings.last[name] = value * spec.scale
    if spec.step:
        numbers = map(number_of, matches.texts)
        readings.series[name] = [number * spec.scale for number in numbers if number is not None]
    if spec.step and matches.count > len(matches.texts):
        readings.notes.append(_shortened_note(name, matches.count))


def _read_points(readings: Readings, name: str, spec: MetricSpec, files: Mapping[str, Path]) -> None:
    points: deque[Point] = deque(maxlen=LONGEST_SERIES)
    count = 0
    try:
        for point in _points(name, spec, files):
            points.append(point)
            count += 1
    except OSError as error:
        readings.missing[name] = f"{spec.file} cannot be read: {error.strerror}"
        return
    if not points:
        readings.missing[name] = _no_point(name, spec, files)
        return
    readings.last[name] = points[-1].value * spec.scale
    if not spec.step:
        return
    readings.series[name] = [point.value * spec.scale for point in points]
    steps = [point.step for point in points if point.step is not None]
    if len(steps) == len(points):
        readings.steps[name] = steps
    if count > len(points):
        readings.notes.append(_shortened_note(name, count))


def _points(name: str, spec: MetricSpec, files: Mapping[str, Path]) -> Iterator[Point]:
    """The values of all event files in order; of text files, only those of the last one."""
    if spec.tag is not None:
        for path in list(files.values())[-_MOST_EVENT_FILES:]:
            yield from scalar_points(path, spec.tag)
        return
    lines = _lines(list(files.values())[-1])
    if spec.column is not None:
        yield from csv_points(lines, CsvColumn(spec.column, spec.index))
    else:
        yield from json_points(lines, spec.key or name, spec.index)


def _lines(path: Path) -> Sequence[str]:
    return bounded_text(str(path)).split("\n")


def _no_point(name: str, spec: MetricSpec, files: Mapping[str, Path]) -> str:
    """A message that says why a metric has no value, and what the file has instead."""
    file, path = list(files.items())[-1]
    if spec.tag is not None:
        tags = list(dict.fromkeys(tag for event_file in files.values() for tag in tags_in(event_file, _SHOWN_TAGS)))
        hint = suggestion(spec.tag, tags) if tags else "it has none"
        return f"there is no scalar {spec.tag!r} in {', '.join(files)}; {hint}"
    if spec.column is not None:
        reader = CsvColumn(spec.column, spec.index)
        reader.point(next((line for line in _lines(path) if line.strip()), ""))
        columns = list(reader.names or ())
        if spec.column in columns:
            return f"the column {spec.column!r} of {file} holds no number"
        return f"there is no column {spec.column!r} in {file}; {suggestion(spec.column, columns) or 'it is empty'}"
    key = spec.key or name
    near = "".join(f"; near: {line!r}" for line in nearest_lines(path, name, key, _SHOWN_LINES))
    return f"no line of {file} is a JSON object with a number under {key!r}{near}"


def _no_file(spec: MetricSpec, files: Mapping[str, Path]) -> str:
    if spec.file == LOGGED_METRICS:
        return (
            f"the job has logged none: there is no {LOGGED_METRICS}, which harness.job.log_metric writes; "
            f"a number in a log needs a pattern; {_names(files)}"
        )
    kind = "file" if "/" in spec.file else "log"
    return f"there is no {kind} {spec.file}; {_names(files)}"


def _shortened_note(name: str, count: int) -> str:
    return f"the series of metric {name} has {count} values; the last {LONGEST_SERIES} are kept"


def _names(files: Mapping[str, Path]) -> str:
    if not files:
        return "the job has no logs"
    logs = sorted(files, key=lambda name: ("/" in name, name))
    more = f" and {len(logs) - _SHOWN_LOGS} more" if len(logs) > _SHOWN_LOGS else ""
    kind = "files" if any("/" in name for name in logs[:_SHOWN_LOGS]) else "logs"
    return f"the job's {kind}: {', '.join(logs[:_SHOWN_LOGS])}{more}"
