"""The best outcomes of a sweep."""

from dataclasses import replace
from typing import Any

from harness.experiments.outcomes import Outcome
from harness.experiments.ranking import best, describe_best
from harness.scenario.sweep import GoalSpec


def sweep(example: Outcome, *metrics: dict[str, float], **changes: Any) -> list[Outcome]:
    return [replace(example, trial=str(number), metrics=values, **changes) for number, values in enumerate(metrics)]


def test_one_goal_has_one_best_and_of_equal_ones_the_first(example: Outcome) -> None:
    outcomes = sweep(example, {"loss": 2.0}, {"loss": 1.0}, {"loss": 1.0}, {"loss": float("nan")}, {})
    assert [outcome.trial for outcome in best(outcomes, GoalSpec(minimize=("loss",)))] == ["1"]
    assert [outcome.trial for outcome in best(outcomes, GoalSpec(maximize=("loss",)))] == ["0"]
    assert list(describe_best(outcomes, GoalSpec(minimize=("loss",)))) == ["best: 1 (loss 1)"]


def test_several_goals_have_a_pareto_front(example: Outcome) -> None:
    outcomes = sweep(example, *({"loss": loss, "gain": gain} for loss, gain in ((1, 1), (2, 3), (3, 2), (0.5, 0))))
    goal = GoalSpec(minimize=("loss",), maximize=("gain",))
    assert [outcome.trial for outcome in best(outcomes, goal)] == ["0", "1", "3"]


def test_a_trial_outside_of_the_constraints_is_not_the_best(example: Outcome) -> None:
    outside, inside = sweep(example, {"loss": 1.0, "memory": 9.0}, {"loss": 2.0, "memory": 4.0})
    outcomes = [replace(outside, violated=("memory",)), inside]
    assert list(describe_best(outcomes, GoalSpec(minimize=("loss",)))) == ["best: 1 (loss 2)"]


def test_a_job_that_failed_is_not_the_best(example: Outcome) -> None:
    assert best(sweep(example, {"loss": 1.0}, state="failed"), GoalSpec(minimize=("loss",))) == []
    assert list(describe_best(sweep(example, {"loss": 1.0}), None)) == []
