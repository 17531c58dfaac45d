"""The best outcomes by the goal of a sweep. Pure."""

from collections.abc import Iterator, Sequence

from harness.experiments.outcomes import Outcome
from harness.scenario.direction import cost
from harness.scenario.sweep import GoalSpec


def best(outcomes: Sequence[Outcome], goal: GoalSpec) -> list[Outcome]:
    """The outcomes that no other dominates: one for a goal of one metric, the Pareto front for several.

    An outcome takes part if it is eligible and every metric of the goal is a number. Of equally good outcomes, the
    first is returned.

    Args:
        outcomes: the outcomes of a sweep.
        goal: the metrics to minimize and to maximize.
    """
    front: list[tuple[tuple[float, ...], Outcome]] = []
    for outcome in outcomes:
        costs = costs_of(outcome, goal)
        if costs is None or any(_dominates(other, costs) for other, _ in front):
            continue
        front = [entry for entry in front if not _dominates(costs, entry[0])]
        front.append((costs, outcome))
    return [outcome for _, outcome in front]


def costs_of(outcome: Outcome, goal: GoalSpec) -> tuple[float, ...] | None:
    """The metrics of the goal as costs, where less is better; None if the outcome is not eligible or lacks a metric."""
    values = {name: value for name in goal.names if (value := outcome.final_value(name)) is not None}
    if len(values) < len(goal.names):
        return None
    return tuple(cost(value, goal.direction(name)) for name, value in values.items())


def describe_best(outcomes: Sequence[Outcome], goal: GoalSpec | None) -> Iterator[str]:
    """A line for each of the best outcomes; nothing without a goal."""
    if goal is None:
        return
    for outcome in best(outcomes, goal):
        values = ", ".join(f"{name} {outcome.metrics[name]:.6g}" for name in goal.names)
        yield f"best: {outcome.trial} ({values})"


def _dominates(costs: Sequence[float], others: Sequence[float]) -> bool:
    """Whether every cost is at most the other one."""
    return all(value <= other for value, other in zip(costs, others, strict=True))
