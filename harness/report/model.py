"""What a report shows, as plain data: from runs to one document, which the page draws."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from harness.experiments.outcomes import Outcome
from harness.experiments.running_trials import LiveTrial
from harness.report.series import encoded_series, points_for
from harness.results.failures import FailureGroup, group_failures
from harness.results.fields import Fields, varying
from harness.results.goal import Goal, guessed_direction
from harness.results.run_record import Plan, RunRecord

_MOST_NAMES = 100  # parameters, metrics
_MOST_GROUPS, _MOST_NAMED = 50, 500  # groups of failures, and trials that one names
_MOST_ERRORS = 5  # of a trial
_FEWEST_FOR_IMPORTANCE, _MOST_IMPORTANCES = 8, 3  # trials, and metrics it is evaluated for: it takes seconds
_HOUR = 3600.0
_LONGEST_PAUSE = 600.0  # seconds between jobs, of which the nodes are paid

ImportanceOf = Callable[[Goal, Sequence[str], Sequence[Outcome]], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader wants to see.

    Attributes:
        goals: what makes trials better, the first one first; for other metrics it is guessed.
        prices: of a node-hour in USD, by VM size.
        importance_of: says how much parameters matter; None to leave that out.
        is_live: the page asks for news.
    """

    goals: tuple[Goal, ...] = ()
    prices: Mapping[str, float] = field(default_factory=dict)
    importance_of: ImportanceOf | None = None
    is_live: bool = False


def document_of(runs: Sequence[RunRecord], asked: Asked, now: datetime) -> dict[str, Any]:
    """All that the page of one run shows, or of several beside one another; JSON can hold it.

    Args:
        runs: at least one.
        asked: what the reader wants.
        now: the time.
    """
    parts = [_Part(run, plan) for run in runs for plan in run.plans.values()]
    everything = [outcome for part in parts for outcome in part.outcomes]
    fields = Fields(everything, (name for run in runs for name in run.metrics))
    varied = [field.name for field in varying(map(fields.parameter, fields.parameters), everything)]
    parameters = [name.removeprefix("parameters.") for name in varied][:_MOST_NAMES]
    metrics = [name for name in fields.metrics if any(name in one.metrics for one in everything)][:_MOST_NAMES]
    series = list(dict.fromkeys(name for one in everything for name in one.series))[:_MOST_NAMES]
    goals = _goals(parts, metrics, asked.goals)
    most = points_for(len(everything) * len(series))
    numbers = {id(outcome): number for number, outcome in enumerate(everything)}
    first = everything[0] if everything else None
    constants = dict(first.parameters) if first else {}
    return {
        "generated": now.isoformat(timespec="seconds"),
        "live": asked.is_live,
        "runs": [_about(part, asked.prices) for part in parts],
        "parameters": parameters,
        "constants": {name: value for name, value in constants.items() if name not in parameters},
        "metrics": metrics,
        "series": series,
        "goals": [{"metric": goal.metric, "direction": goal.direction} for goal in goals],
        "trials": [
            _trial(outcome, index, _Names(parameters, metrics, series), most)
            for index, part in enumerate(parts)
            for outcome in part.outcomes
        ],
        "failures": [
            _failure(group, index, numbers)
            for index, part in enumerate(parts)
            for group in group_failures(part.run.path, part.outcomes)[:_MOST_GROUPS]
        ],
        "running": [_running(trial) for run in runs for trial in run.running] if asked.is_live else [],
        "importance": dict(_importance(asked.importance_of, goals, parameters, everything)),
    }


@dataclass(frozen=True, slots=True)
class _Part:
    """The trials of one scenario in one run."""

    run: RunRecord
    plan: Plan

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for outcome in self.run.outcomes if outcome.scenario == self.plan.scenario]


def _about(part: _Part, prices: Mapping[str, float]) -> dict[str, Any]:
    run, plan, outcomes = part.run, part.plan, part.outcomes
    seconds = _busy_seconds(outcomes)
    running = sum(outcome.durations.get("running", 0.0) for outcome in outcomes)
    return {
        "name": run.name,
        "scenario": plan.scenario,
        "description": plan.description,
        "started": run.started,
        "location": plan.location,
        "vm_size": plan.vm_size,
        "nodes": plan.nodes,
        "job_nodes": plan.job_nodes,
        "seconds": seconds,
        "job_hours": running * plan.job_nodes / _HOUR if plan.job_nodes else None,
        "cluster_hours": seconds * plan.nodes / _HOUR if seconds is not None and plan.nodes else None,
        "price": prices.get(plan.vm_size),
        "cloud": _each(outcome.cloud for outcome in outcomes),
        "service": _each(outcome.service for outcome in outcomes),
        "data": _each(outcome.data for outcome in outcomes),
        "toolkit": _each(outcome.toolkit for outcome in outcomes),
        "versions": {name: value for outcome in outcomes for name, value in outcome.versions.items()},
    }


@dataclass(frozen=True, slots=True)
class _Names:
    """What the page has of each trial, in this order."""

    parameters: list[str]
    metrics: list[str]
    series: list[str]


def _trial(outcome: Outcome, run: int, names: _Names, most: int) -> dict[str, Any]:
    """A trial for the page; of each series ``most`` points."""
    begin, end = _job_times(outcome)
    there = {name: outcome.series[name] for name in names.series if outcome.series.get(name)}
    return {
        "id": outcome.trial,
        "run": run,
        "p": [_scalar(outcome.parameters.get(name)) for name in names.parameters],
        "m": [_metric(outcome.metrics.get(name)) for name in names.metrics],
        "s": {name: encoded_series(values, most, outcome.steps.get(name)) for name, values in there.items()},
        "state": outcome.state,
        "exit": outcome.exit_code,
        "met": outcome.is_met,
        "counts": outcome.counts,
        "violated": list(outcome.violated),
        "queued": outcome.durations.get("queued"),
        "running": outcome.durations.get("running"),
        "begin": begin,
        "end": end,
        "unmet": [f"{unmet} (line {unmet.line})" for unmet in outcome.unmet],
        "errors": list(outcome.errors[:_MOST_ERRORS]),
        "directory": outcome.directory,
    }


def _running(trial: LiveTrial) -> dict[str, Any]:
    metrics = {name: {"step": step, "value": _metric(value)} for name, (step, value) in trial.metrics.items()}
    return {"id": trial.trial, "state": trial.state, "since": trial.since, "metrics": metrics}


def _failure(group: FailureGroup, run: int, numbers: Mapping[int, int]) -> dict[str, Any]:
    return {
        "run": run,
        "reason": group.reason,
        "exit": group.outcomes[0].exit_code,
        "count": len(group.outcomes),
        "trials": [numbers[id(outcome)] for outcome in group.outcomes[:_MOST_NAMED]],
        "log": group.log,
        "tail": "\n".join(group.tail),
    }


def _goals(parts: Sequence[_Part], metrics: Sequence[str], asked: Sequence[Goal]) -> list[Goal]:
    """A goal for each metric: those that are asked for, those of the scenario, those with a bound, then the others."""
    planned = (goal for part in parts for goal in part.plan.goals)
    goals: dict[str, Goal] = {}
    for goal in (*asked, *planned):
        if goal.metric in metrics:
            goals.setdefault(goal.metric, goal)
    bounded = {name: way for part in parts for name, way in part.plan.better.items() if name in metrics}
    for name in (*bounded, *metrics):
        goals.setdefault(name, Goal(bounded.get(name) or guessed_direction(name), name))
    return list(goals.values())


def _importance(
    importance_of: ImportanceOf | None, goals: Sequence[Goal], parameters: Sequence[str], outcomes: Sequence[Outcome]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # To load Optuna takes a second: nothing is asked of it that needs no answer.
    if importance_of is None or len(parameters) < 2 or len(outcomes) < _FEWEST_FOR_IMPORTANCE:
        return
    for goal in goals[:_MOST_IMPORTANCES]:
        found = importance_of(goal, parameters, outcomes)
        if found is not None:
            yield goal.metric, found


def _job_times(outcome: Outcome) -> tuple[float | None, float | None]:
    """When the job started and ended, in seconds since 1970."""
    return _seconds(outcome.times.get("started")), _seconds(outcome.times.get("ended"))


def _busy_seconds(outcomes: Sequence[Outcome]) -> float | None:
    """How long jobs ran; a long pause between them, after which a run was resumed, does not count."""
    bounds = [(begin, end) for begin, end in map(_job_times, outcomes) if begin is not None and end is not None]
    if not bounds:
        return None
    seconds, until = 0.0, min(begin for begin, _ in bounds)
    for begin, end in sorted(bounds):
        pause = begin - until
        seconds += max(0.0, end - max(begin, until)) + (pause if 0 < pause <= _LONGEST_PAUSE else 0.0)
        until = max(until, end)
    return seconds


def _seconds(moment: object) -> float | None:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except (ValueError, OverflowError):
        return None


def _each(values: Iterator[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _scalar(value: Any) -> Any:
    """A parameter as JSON can hold it."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _metric(value: float | None) -> float | str | None:
    return None if value is None else float(f"{value:.7g}") if math.isfinite(value) else str(value)
