"""Which trials are shown, and in which order."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.results.fields import Fields, order_key
from harness.results.goal import Goal, best_first, read_goal
from harness.results.selection import Selection, read_condition, read_order
from tests.results.conftest import SWEEP, trial

FIELDS = Fields(SWEEP)
RATES = [outcome.parameters["rate"] for outcome in SWEEP]


def rates(outcomes: list[Outcome]) -> list[Any]:
    return [outcome.parameters["rate"] for outcome in outcomes]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rate = 1e-1", [0.1]),
        ("rate==0.1", [0.1]),
        ("rate != 0.1", [0.01, 0.001, 1.0]),
        ("depth >= 3", [0.001, 1.0]),
        ("loss < 0.5", [0.01]),
        ("loss <= 0.5", [0.1, 0.01]),
        ("loss = nan", [0.001]),
        ("loss != nan", [0.1, 0.01, 1.0]),
        ("state=failed", [1.0]),
        ("state = fail*", [1.0]),
        ("expected = no", [1.0]),
        ("exit_code > 0", [1.0]),
        ("trial = *depth=2*", [0.1, 0.01]),
        ("metrics.loss > 0", [0.1, 0.01]),
        ("running = 2.5", RATES),
    ],
)
def test_a_condition_selects(text: str, wanted: list[float]) -> None:
    assert rates(Selection((read_condition(text, FIELDS),)).of(SWEEP)) == wanted


def test_all_conditions_must_hold() -> None:
    conditions = tuple(read_condition(text, FIELDS) for text in ("depth = 2", "loss < 0.5"))
    assert rates(Selection(conditions).of(SWEEP)) == [0.01]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loss", "--where 'loss': write NAME OPERATOR VALUE with one of = != < <= > >=, such as 'loss < 0.1'"),
        ("loss < much", "--where 'loss < much': < compares with a number, and 'much' is none"),
        ("los < 1", "the trials have no field 'los'; did you mean 'loss'?"),
    ],
)
def test_a_wrong_condition_says_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_condition(text, FIELDS)
    assert str(caught.value) == message


def test_a_name_that_two_things_have_is_not_guessed() -> None:
    fields = Fields([trial({"loss": 1}, {"loss": 2.0})])
    assert [fields.named(f"{kind}.loss").name for kind in ("parameters", "metrics")] == [
        "parameters.loss",
        "metrics.loss",
    ]
    with pytest.raises(UserError, match=r"'loss' can be any of parameters\.loss, metrics\.loss; write one of them"):
        fields.named("loss")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["loss"], [0.01, 0.1, 0.001, 1.0]),
        (["-loss"], [0.1, 0.01, 0.001, 1.0]),
        (["depth", "-rate"], [0.1, 0.01, 1.0, 0.001]),
    ],
)
def test_trials_are_sorted_and_those_without_a_value_come_last(words: list[str], wanted: list[float]) -> None:
    assert rates(Selection(order=tuple(read_order(word, FIELDS) for word in words)).of(SWEEP)) == wanted


def test_the_best_are_those_that_reached_most() -> None:
    assert rates(Selection(goal=Goal("minimize", "loss"), best=1).of(SWEEP)) == [0.01]
    assert rates(best_first(SWEEP, Goal("maximize", "loss"))) == [0.1, 0.01]


def test_a_trial_that_failed_is_never_the_best() -> None:
    broken = trial({"rate": 5}, {"loss": 0.0}, state="failed")
    assert rates(best_first([*SWEEP, broken], Goal("minimize", "loss"))) == [0.01, 0.1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("least", "loss"), "--goal least loss: the first word is minimize or maximize, the second a metric"),
        (("minimize", "lss"), "--goal minimize lss: there is no metric 'lss'; did you mean 'loss'?"),
    ],
)
def test_a_wrong_goal_says_what_is_allowed(words: tuple[str, str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_goal(words, ["loss", "error"])
    assert str(caught.value) == message


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))


@given(st.lists(VALUES))
def test_any_values_have_an_order_in_which_nothing_is_last(values: list[Any]) -> None:
    ordered = sorted(values, key=order_key)
    absent = [value is None or (isinstance(value, float) and math.isnan(value)) for value in ordered]
    assert absent == sorted(absent)
