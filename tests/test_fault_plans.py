"""Fault plans: their forms, scopes and mistakes."""

from typing import Any

import pytest

from harness.emulator.fault_targets import FaultTarget, covers
from harness.errors import UserError
from harness.fault_plans import FaultPlan, Rule, Scope, parse_plan, parse_rates
from harness.fault_vocabulary import FAULTS

FAULT_NAMES = ", ".join(FAULTS)


def test_a_rule_is_a_rate_or_a_mapping() -> None:
    document = {"seed": 7, "faults": {"throttle": 0.3, "preempt": {"rate": 1, "times": 1, "seconds": 2}}}

    assert parse_plan("p", document) == FaultPlan("p", 7, {"throttle": Rule(0.3), "preempt": Rule(1, 1, 2)})


def test_times_apply_to_every_fault_and_seconds_to_faults_with_a_duration() -> None:
    assert parse_rates(["slow=0.5", "drop=1"], times=3, seconds=2) == {
        "slow": {"rate": 0.5, "times": 3, "seconds": 2},
        "drop": {"rate": 1.0, "times": 3},
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"faults": {"thrtle": 1}}, "there is no fault 'thrtle'; did you mean 'throttle'?"),
        ({"faults": {"meteor": 1}}, f"there is no fault 'meteor'; the faults are {FAULT_NAMES}"),
        ({"faults": {"drop": 1.5}}, "the rate of drop must be a number from 0 to 1, not 1.5"),
        ({"faults": {"drop": True}}, "the rate of drop must be a number from 0 to 1, not True"),
        ({"faults": {"drop": {"times": 1}}}, "the rate of drop must be a number from 0 to 1, not None"),
        ({"faults": {"drop": {"rate": 1, "times": 0}}}, "the times of drop must be a whole number from 1, not 0"),
        ({"faults": {"slow": {"rate": 1, "seconds": -1}}}, "the seconds of slow must be a number from 0 to 86400"),
        ({"faults": {"drop": {"rate": 1, "seconds": 1}}}, "drop has no duration; throttle, slow, late-read, "),
        ({"faults": {"drop": {"rate": 1, "often": 1}}}, "a fault has rate, times and seconds, not 'often'"),
        ({"faults": {}}, f"a fault plan needs a fault, such as {{'throttle': 0.3}}; the faults are {FAULT_NAMES}"),
        ({"faults": {"drop": 1}, "seed": "x"}, "the seed must be a whole number below 2^63, not 'x'"),
        ({"faults": {"drop": 1}, "sede": 1}, "a fault plan has seed, faults and scope, not 'sede'"),
        ({"faults": {"drop": 1}, "scope": {"grp": "g"}}, "the scope names a group, a share, or both"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_what_is_allowed(document: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_plan("p", document)
    assert message in str(caught.value)


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(UserError, match=r"the seed .* not 1.5; the rate of cut .* not 7; there is no fault 'x'"):
        parse_plan("p", {"seed": 1.5, "faults": {"cut": 7, "x": 1}})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["throttle"], f"'throttle' is not a fault with its rate, such as throttle=0.3; the faults are {FAULT_NAMES}"),
        (["throttle=often"], "'throttle=often' is not a fault with its rate"),
    ],
)
def test_a_word_without_a_rate_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_rates(words)
    assert message in str(caught.value)


def test_seconds_without_a_fault_that_has_a_duration_are_refused() -> None:
    with pytest.raises(UserError, match=r"seconds are for throttle, slow, .*; drop=1 has no duration"):
        parse_rates(["drop=1"], seconds=1)


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), {"group", "other", "share", "other share", "sign-in", "poll"}),
        (Scope("group"), {"group", "poll"}),
        (Scope(share="share"), {"share", "poll"}),
        (Scope("GROUP", "share"), {"group", "share", "poll"}),
    ],
)
def test_a_scope_covers_a_group_a_share_and_every_poll(scope: Scope, covered: set[str]) -> None:
    places = {
        "group": FaultTarget("arm", "Group"),
        "other": FaultTarget("compute", "other"),
        "share": FaultTarget("storage", share="share"),
        "other share": FaultTarget("storage", share="other"),
        "sign-in": FaultTarget("aad"),
        "poll": FaultTarget("arm", polls=True),
    }

    assert {name for name, target in places.items() if covers(scope, target)} == covered
