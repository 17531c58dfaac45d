"""Baselines: the metrics of each trial, in a file of the project, with which later results are compared."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.atomic_file import write_file
from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.scenario.direction import Direction, cost

_MOST_BYTES = 64 << 20
_READABLE = 0o644  # the file is committed beside the scenario


@dataclass(frozen=True, slots=True)
class Baseline:
    """Metrics by trial; a value may be ``nan`` or an infinity."""

    scenario: str
    trials: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Change:
    """How a metric of a trial has changed since the baseline.

    Attributes:
        amount: by how much the metric is worse; negative if it is better, ``nan`` if it has no number now.
    """

    trial: str
    metric: str
    before: float
    now: float | None
    amount: float

    @property
    def description(self) -> str:
        """Both values as text: ``0.1 before, 0.2 now``."""
        return f"{self.before:.6g} before, {'no value' if self.now is None else f'{self.now:.6g}'} now"


def baseline_of(scenario: str, outcomes: Sequence[Outcome]) -> Baseline:
    """The metrics of the trials of a scenario that succeeded."""
    succeeded = [outcome for outcome in outcomes if outcome.scenario == scenario and outcome.state == "succeeded"]
    return Baseline(scenario, {outcome.trial: dict(outcome.metrics) for outcome in succeeded})


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline with one trial per line, sorted, so that changes are easy to review.

    Raises:
        UserError: the file cannot be written.
    """
    trials = {
        name: {key: _json_number(value) for key, value in sorted(metrics.items())}
        for name, metrics in baseline.trials.items()
    }
    lines = [f"    {json.dumps(name)}: {json.dumps(metrics)}" for name, metrics in sorted(trials.items())]
    text = f'{{\n  "scenario": {json.dumps(baseline.scenario)},\n  "trials": {{\n' + ",\n".join(lines) + "\n  }\n}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode(), mode=_READABLE)
    except OSError as error:
        raise UserError(f"the baseline {path} cannot be written: {error.strerror}") from error


def read_baseline(path: Path) -> Baseline:
    """A baseline that ``write_baseline`` has written.

    Raises:
        UserError: the file does not exist or holds no baseline.
    """
    try:
        with path.open("rb") as stream:
            document: Any = json.loads(stream.read(_MOST_BYTES))
        trials = {
            str(name): {str(key): float(value) for key, value in metrics.items()}
            for name, metrics in document["trials"].items()
        }
        return Baseline(str(document["scenario"]), trials)
    except OSError as error:
        hint = f"write one: harness baseline save RUN_DIR {path}"
        raise UserError(f"the baseline {path} cannot be read: {error.strerror}; {hint}") from None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise UserError(f"{path} is no baseline; write one: harness baseline save RUN_DIR {path}") from None


def worsening(baseline: Baseline, outcomes: Sequence[Outcome], metric: str, direction: Direction) -> Iterator[Change]:
    """How a metric has changed in each trial that the baseline and the run have in common.

    If they have no trial in common, as with two searches, their best values are compared.

    Args:
        baseline: the earlier results.
        outcomes: the outcomes of the run that is compared with the baseline.
        metric: the name of the metric.
        direction: whether less or more is better.
    """
    before = {trial: metrics[metric] for trial, metrics in baseline.trials.items() if metric in metrics}
    common = [outcome for outcome in outcomes if outcome.trial in before]
    for outcome in common:
        now = outcome.metrics.get(metric) if outcome.state == "succeeded" else None
        yield _change(outcome.trial, metric, before[outcome.trial], now, direction)
    if not common:
        values = [value for outcome in outcomes if (value := outcome.final_value(metric)) is not None]
        best_before, best_now = _best(list(before.values()), direction), _best(values, direction)
        if best_before is not None:
            yield _change("the best", metric, best_before, best_now, direction)


def _change(trial: str, metric: str, before: float, now: float | None, direction: Direction) -> Change:
    is_same = now is not None and (now == before or (math.isnan(now) and math.isnan(before)))
    amount = 0.0 if is_same else math.nan if now is None else cost(now - before, direction)
    return Change(trial, metric, before, now, amount)


def _best(values: Sequence[float], direction: Direction) -> float | None:
    numbers = [value for value in values if not math.isnan(value)]
    return min(numbers, key=lambda value: cost(value, direction), default=None)


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
