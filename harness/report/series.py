"""Series as a report draws them: no more points than a screen can show. Pure."""

import math
from collections.abc import Sequence
from typing import Any

_MOST_POINTS = 200_000  # of all series together
_FEWEST, _MOST = 20, 1000  # of one series


def points_for(count: int) -> int:
    """How many points each of ``count`` series may have."""
    return max(_FEWEST, min(_MOST, _MOST_POINTS // max(1, count)))


def thinned(values: Sequence[float], most: int) -> tuple[list[int], list[float]]:
    """Indices and values of a series, at most about ``most``: of each stretch the lowest and the highest value.

    The first and the last value stay, and so does the first that is not finite: where training diverged.
    """
    if len(values) <= most:
        return list(range(len(values))), list(values)
    stretch = math.ceil(len(values) / (most // 2))
    kept = {0, len(values) - 1}
    for start in range(0, len(values), stretch):
        inside = range(start, min(start + stretch, len(values)))
        finite = [index for index in inside if math.isfinite(values[index])]
        kept |= {min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)} if finite else {start}
    kept |= {next((index for index, value in enumerate(values) if not math.isfinite(value)), 0)}
    indices = sorted(kept)
    return indices, [values[index] for index in indices]


def encoded_series(values: Sequence[float], most: int, steps: Sequence[int] | None = None) -> dict[str, Any]:
    """A series for the page: ``y``, and ``x`` where that is not 1, 2, 3 and so on; what is not finite is null.

    Args:
        values: of the metric.
        most: points.
        steps: of the values; default from 1.
    """
    indices, kept = thinned(values, most)
    numbers = [_number(value) for value in kept]
    if steps is not None and len(steps) == len(values):
        return {"x": [steps[index] for index in indices], "y": numbers}
    return {"y": numbers} if len(kept) == len(values) else {"x": [index + 1 for index in indices], "y": numbers}


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
