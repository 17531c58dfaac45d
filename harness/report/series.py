"""Series for the charts of a report, with no more points than a screen can show. Pure."""

import math
from collections.abc import Sequence
from typing import Any

_MOST_POINTS = 200_000  # of all series together
_FEWEST, _MOST = 20, 1000  # of one series


def points_for(count: int) -> int:
    """The maximum number of points of each of ``count`` series."""
    return max(_FEWEST, min(_MOST, _MOST_POINTS // max(1, count)))


def downsample(values: Sequence[float], most: int) -> tuple[list[int], list[float]]:
    """Indices and values of at most about ``most`` points of a series: the lowest and highest of each stretch.

    The first and last value are included, and the first value that is not finite, where training diverged.
    """
    if len(values) <= most:
        return list(range(len(values))), list(values)
    stretch = math.ceil(len(values) / (most // 2))
    index_set = {0, len(values) - 1}
    for start in range(0, len(values), stretch):
        inside = range(start, min(start + stretch, len(values)))
        finite = [index for index in inside if math.isfinite(values[index])]
        index_set |= {min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)} if finite else {start}
    index_set |= {next((index for index, value in enumerate(values) if not math.isfinite(value)), 0)}
    indices = sorted(index_set)
    return indices, [values[index] for index in indices]


def encoded_series(values: Sequence[float], most: int, steps: Sequence[int] | None = None) -> dict[str, Any]:
    """A series for the page: ``y``, with null for values that are not finite, and ``x`` unless it is 1, 2, 3 and so on.

    Args:
        values: the values of the metric.
        most: the maximum number of points.
        steps: the step of each value; default 1, 2, 3 and so on.
    """
    indices, points = downsample(values, most)
    numbers = [_number(value) for value in points]
    if steps is not None and len(steps) == len(values):
        return {"x": [steps[index] for index in indices], "y": numbers}
    return {"y": numbers} if len(points) == len(values) else {"x": [index + 1 for index in indices], "y": numbers}


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
