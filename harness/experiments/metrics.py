"""Numbers out of a job's logs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.experiments.job_logs import resolve
from harness.experiments.log_lines import nearest_lines
from harness.experiments.pattern_matching import Found, PatternError, PatternMatcher
from harness.scenario.model import MetricSpec

PATTERN_SECONDS = 10.0  # of processor time for one pattern on one log
LONGEST_SERIES = 100_000  # values

_SHOWN_LOGS = 10
_SHOWN_LINES = 2


@dataclass(frozen=True, slots=True)
class Readings:
    """What the metrics of a trial are.

    Attributes:
        last: the last value of each metric that has one; ``nan`` and infinities are values.
        series: the values of each metric that keeps them, in the order of the log.
        missing: why a metric has no value, by its name.
        notes: what else is worth knowing, a sentence each.
    """

    last: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_metrics(specs: Mapping[str, MetricSpec], logs: Mapping[str, Path], matcher: PatternMatcher) -> Readings:
    """The metrics of a job that has ended.

    The last match of a metric counts, whatever it is: where training has diverged, an older value would hide it.

    Args:
        specs: metric name -> how to read it.
        logs: name of a log (``stdout.txt``) -> the file.
        matcher: matches the patterns.
    """
    readings = Readings()
    for name, spec in specs.items():
        log = resolve(spec.file, logs)
        if log is None:
            readings.missing[name] = f"there is no log {spec.file}; {_logs(logs)}"
            continue
        try:
            found = matcher.find(
                spec.pattern, logs[log], keep=LONGEST_SERIES if spec.step else 1, seconds=PATTERN_SECONDS
            )
        except PatternError as error:
            readings.missing[name] = f"the pattern {spec.pattern!r} {error} on {log}; write a simpler one"
            continue
        _take(readings, name, spec, found)
        if not found.count:
            near = "".join(f"; near: {line!r}" for line in nearest_lines(logs[log], name, spec.pattern, _SHOWN_LINES))
            readings.missing[name] = f"no match of {spec.pattern!r} in {log}{near}; {_logs(logs)}"
    return readings


def _take(readings: Readings, name: str, spec: MetricSpec, found: Found) -> None:
    if not found.texts:
        return
    value = number_of(found.texts[-1])
    if value is None:
        readings.missing[name] = f"the last match of {spec.pattern!r} is {found.texts[-1]!r}, which is not a number"
    else:
        readings.last[name] = value * spec.scale
    if spec.step:
        readings.series[name] = [number * spec.scale for number in _numbers(found.texts)]
    if spec.step and found.count > len(found.texts):
        readings.notes.append(
            f"the series of metric {name} has {found.count} values; the last {LONGEST_SERIES} are kept"
        )


def _numbers(texts: tuple[str, ...]) -> Iterator[float]:
    for text in texts:
        if (number := number_of(text)) is not None:
            yield number


def number_of(text: str) -> float | None:
    """The number that a text is, ``nan`` and infinities too; None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def _logs(logs: Mapping[str, Path]) -> str:
    if not logs:
        return "the job has no logs"
    more = f" and {len(logs) - _SHOWN_LOGS} more" if len(logs) > _SHOWN_LOGS else ""
    return f"the job's logs: {', '.join(sorted(logs)[:_SHOWN_LOGS])}{more}"
