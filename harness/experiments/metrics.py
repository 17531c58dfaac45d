"""Numbers out of a job's log."""

import re
from collections.abc import Mapping

from harness.scenario.model import MetricSpec


def read_metrics(
    specs: Mapping[str, MetricSpec], logs: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """The last value of every metric that occurs, and the series of those that keep one.

    Args:
        specs: metric name -> how to read it.
        logs: file name (``stdout.txt``, ``stderr.txt``) -> its text.
    """
    last: dict[str, float] = {}
    series: dict[str, list[float]] = {}
    for name, spec in specs.items():
        matches = re.finditer(spec.pattern, logs.get(spec.file, ""))
        values = [float(match[1]) * spec.scale for match in matches]
        if values:
            last[name] = values[-1]
            if spec.step:
                series[name] = values
    return last, series
