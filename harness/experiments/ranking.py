"""The best outcomes by the goal of a sweep; pure."""

from collections.abc import Iterator, Sequence

from harness.experiments.outcomes import Outcome
from harness.scenario.direction import cost
from harness.scenario.sweep import GoalSpec


def best(outcomes: Sequence[Outcome], goal: GoalSpec) -> list[Outcome]:
    """The outcomes that no other beats: one for a goal of one metric, the Pareto front for several.

    A trial counts when its job succeeded and every metric of the goal is a number. Of equally good ones the first is
    given.

    Args:
        outcomes: of a sweep.
        goal: the metrics to minimize and to maximize.
    """
    front: list[tuple[tuple[float, ...], Outcome]] = []
    for outcome in outcomes:
        costs = costs_of(outcome, goal)
        if costs is None or any(_covers(other, costs) for other, _ in front):
            continue
        front = [(other, kept) for other, kept in front if not _covers(costs, other)]
        front.append((costs, outcome))
    return [outcome for _, outcome in front]


def costs_of(outcome: Outcome, goal: GoalSpec) -> tuple[float, ...] | None:
    """The metrics of the goal, each the better the smaller; None where the outcome does not count."""
    values = {name: value for name in goal.names if (value := outcome.final_value(name)) is not None}
    if len(values) < len(goal.names):
        return None
    return tuple(cost(value, goal.direction(name)) for name, value in values.items())


def describe_best(outcomes: Sequence[Outcome], goal: GoalSpec | None) -> Iterator[str]:
    """A line for each of the best, where there is a goal."""
    if goal is None:
        return
    for outcome in best(outcomes, goal):
        values = ", ".join(f"{name} {outcome.metrics[name]:.6g}" for name in goal.names)
        yield f"best: {outcome.trial} ({values})"


def _covers(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether costs are at least as good as others in everything."""
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))
