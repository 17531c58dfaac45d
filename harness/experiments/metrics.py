"""Numbers out of a job's log."""

import math
import re
from collections.abc import Mapping

from harness.scenario.model import MetricSpec


def read_metrics(
    specs: Mapping[str, MetricSpec], logs: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """The last value of every metric that occurs, and the series of those that keep one.

    Args:
        specs: metric name -> how to read it; a match that is no finite number is passed over.
        logs: file name (``stdout.txt``, ``stderr.txt``) -> its text.
    """
    last: dict[str, float] = {}
    series: dict[str, list[float]] = {}
    for name, spec in specs.items():
        matches = (_number(match[1]) for match in re.finditer(spec.pattern, logs.get(spec.file, "")))
        values = [value * spec.scale for value in matches if value is not None]
        if values:
            last[name] = values[-1]
            if spec.step:
                series[name] = values
    return last, series


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
