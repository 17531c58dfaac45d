"""The document of a report: plain data of some runs, which the page draws."""

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
_MOST_GROUPS, _MOST_NAMED = 50, 500  # groups of failures, and named trials of a group
_MOST_ERRORS = 5  # of a trial
_FEWEST_FOR_IMPORTANCE, _MOST_IMPORTANCES = 8, 3  # trials, and metrics; an evaluation takes seconds
_HOUR = 3600.0
_LONGEST_PAUSE = 600.0  # seconds between jobs that count as time of the cluster, since its nodes are paid

ImportanceOf = Callable[[Goal, Sequence[str], Sequence[Outcome]], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a report shows.

    Attributes:
        goals: the directions of metrics, the most important first; the direction of other metrics is guessed.
        prices: the price of a node-hour in USD, by VM size.
        importance_of: evaluates how much parameters affect a metric; None to leave that out.
        is_live: whether the page polls for changes.
    """

    goals: tuple[Goal, ...] = ()
    prices: Mapping[str, float] = field(default_factory=dict)
    importance_of: ImportanceOf | None = None
    is_live: bool = False


def document_of(runs: Sequence[RunRecord], options: ReportOptions, now: datetime) -> dict[str, Any]:
    """The document of one run, or of several for comparison; it can be encoded as JSON.

    Args:
        runs: at least one run.
        options: what the report shows.
        now: the current time.
    """
    parts = [_Part(run, plan) for run in runs for plan in run.plans.values()]
    outcomes = [outcome for part in parts for outcome in part.outcomes]
    fields = Fields(outcomes, (name for run in runs for name in run.metrics))
    varied = [field.name for field in varying(map(fields.parameter, fields.parameters), outcomes)]
    parameters = [name.removeprefix("parameters.") for name in varied][:_MOST_NAMES]
    metrics = [name for name in fields.metrics if any(name in outcome.metrics for outcome in outcomes)][:_MOST_NAMES]
    series = list(dict.fromkeys(name for outcome in outcomes for name in outcome.series))[:_MOST_NAMES]
    goals = _goals(parts, metrics, options.goals)
    most = points_for(len(outcomes) * len(series))
    numbers = {id(outcome): number for number, outcome in enumerate(outcomes)}
    first = outcomes[0] if outcomes else None
    constants = dict(first.parameters) if first else {}
    return {
        "generated": now.isoformat(timespec="seconds"),
        "live": options.is_live,
        "runs": [_run_facts(part, options.prices) for part in parts],
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
        "running": [_running(trial) for run in runs for trial in run.running] if options.is_live else [],
        "importance": dict(_importance(options.importance_of, goals, parameters, outcomes)),
    }


@dataclass(frozen=True, slots=True)
class _Part:
    """The trials of one scenario in one run."""

    run: RunRecord
    plan: Plan

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for outcome in self.run.outcomes if outcome.scenario == self.plan.scenario]


def _run_facts(part: _Part, prices: Mapping[str, float]) -> dict[str, Any]:
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
        "cloud": _distinct(outcome.cloud for outcome in outcomes),
        "service": _distinct(outcome.service for outcome in outcomes),
        "data": _distinct(outcome.data for outcome in outcomes),
        "toolkit": _distinct(outcome.toolkit for outcome in outcomes),
        "versions": {name: value for outcome in outcomes for name, value in outcome.versions.items()},
    }


@dataclass(frozen=True, slots=True)
class _Names:
    """The names whose values the page has of each trial, in this order."""

    parameters: list[str]
    metrics: list[str]
    series: list[str]


def _trial(outcome: Outcome, run: int, names: _Names, most: int) -> dict[str, Any]:
    """A trial for the page, with at most about ``most`` points of each series."""
    begin, end = _job_times(outcome)
    series = {name: outcome.series[name] for name in names.series if outcome.series.get(name)}
    return {
        "id": outcome.trial,
        "run": run,
        "p": [_scalar(outcome.parameters.get(name)) for name in names.parameters],
        "m": [_metric(outcome.metrics.get(name)) for name in names.metrics],
        "s": {name: encoded_series(values, most, outcome.steps.get(name)) for name, values in series.items()},
        "state": outcome.state,
        "exit": outcome.exit_code,
        "met": outcome.is_met,
        "eligible": outcome.is_eligible,
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


def _goals(parts: Sequence[_Part], metrics: Sequence[str], requested_goals: Sequence[Goal]) -> list[Goal]:
    """A goal for each metric: first the requested goals, then the scenario's, then metrics with bounds, then others."""
    scenario_goals = (goal for part in parts for goal in part.plan.goals)
    goals: dict[str, Goal] = {}
    for goal in (*requested_goals, *scenario_goals):
        if goal.metric in metrics:
            goals.setdefault(goal.metric, goal)
    directions = {name: way for part in parts for name, way in part.plan.better.items() if name in metrics}
    for name in (*directions, *metrics):
        goals.setdefault(name, Goal(directions.get(name) or guessed_direction(name), name))
    return list(goals.values())


def _importance(
    importance_of: ImportanceOf | None, goals: Sequence[Goal], parameters: Sequence[str], outcomes: Sequence[Outcome]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # Loading Optuna takes a second, so it is loaded only if the result is meaningful.
    if importance_of is None or len(parameters) < 2 or len(outcomes) < _FEWEST_FOR_IMPORTANCE:
        return
    for goal in goals[:_MOST_IMPORTANCES]:
        importance = importance_of(goal, parameters, outcomes)
        if importance is not None:
            yield goal.metric, importance


def _job_times(outcome: Outcome) -> tuple[float | None, float | None]:
    """When the job started and ended, in seconds since 1970."""
    return _seconds(outcome.times.get("started")), _seconds(outcome.times.get("ended"))


def _busy_seconds(outcomes: Sequence[Outcome]) -> float | None:
    """How long jobs ran, without long pauses, after which the run was resumed."""
    bounds = [(begin, end) for begin, end in map(_job_times, outcomes) if begin is not None and end is not None]
    if not bounds:
        return None
    seconds, last_end = 0.0, min(begin for begin, _ in bounds)
    for begin, end in sorted(bounds):
        pause = begin - last_end
        seconds += max(0.0, end - max(begin, last_end)) + (pause if 0 < pause <= _LONGEST_PAUSE else 0.0)
        last_end = max(last_end, end)
    return seconds


def _seconds(moment: object) -> float | None:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except (ValueError, OverflowError):
        return None


def _distinct(values: Iterator[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _scalar(value: Any) -> Any:
    """A parameter as JSON, with text in place of a number that is not finite."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _metric(value: float | None) -> float | str | None:
    return None if value is None else float(f"{value:.7g}") if math.isfinite(value) else str(value)
