"""The importance of parameters, by Optuna."""

import math
from dataclasses import replace

import pytest

from harness.experiments.outcomes import Outcome
from harness.results.goal import Goal
from tests.results.conftest import trial

pytest.importorskip("optuna", reason="optuna is not installed")

from harness.report.importance import importance_of

LOSS = Goal("minimize", "loss")


def grid(count: int) -> list[Outcome]:
    """Trials whose loss depends on the rate, and hardly on the other parameters."""
    outcomes = []
    for number in range(count):
        rate, kind = 10.0 ** -(number % 4), "ab"[number // 4 % 2]
        outcomes.append(
            trial({"rate": rate, "kind": kind, "same": 1}, {"loss": math.log10(rate) ** 2 + (kind == "a") / 10})
        )
    return outcomes


@pytest.mark.parametrize(("count", "method"), [(16, "fANOVA"), (200, "PED-ANOVA")])
def test_what_matters_has_the_largest_share(count: int, method: str) -> None:
    importance = importance_of(LOSS, ["rate", "kind"], grid(count))
    assert importance is not None
    assert importance.method == method
    assert next(iter(importance.shares)) == "rate"
    assert sum(importance.shares.values()) == pytest.approx(1)


def test_the_same_trials_give_the_same_shares() -> None:
    assert importance_of(LOSS, ["rate", "kind"], grid(16)) == importance_of(LOSS, ["rate", "kind"], grid(16))


def test_what_is_no_number_and_what_failed_does_not_count() -> None:
    trials = grid(10)
    broken = [replace(trials[0], metrics={"loss": value}) for value in (math.nan, math.inf)]
    assert importance_of(LOSS, ["rate", "kind"], [*trials, *broken]) == importance_of(LOSS, ["rate", "kind"], trials)
    assert importance_of(LOSS, ["rate", "kind"], [replace(outcome, state="failed") for outcome in trials]) is None


def test_too_little_says_nothing() -> None:
    assert importance_of(LOSS, ["rate", "kind"], grid(7)) is None
    assert importance_of(LOSS, ["same"], grid(16)) is None
    assert importance_of(LOSS, ["rate"], [replace(outcome, metrics={"loss": 1.0}) for outcome in grid(16)]) is None


def test_one_parameter_has_all_of_it() -> None:
    importance = importance_of(LOSS, ["rate", "same"], grid(16))
    assert importance is not None
    assert importance.shares == {"rate": 1.0}
