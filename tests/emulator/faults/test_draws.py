"""Draws depend on seed, fault, key and ordinal, and on nothing else."""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.fault_targets import FaultTarget
from harness.emulator.faults.active import Faults, Strikes
from harness.emulator.faults.draws import draw, request_key
from harness.emulator.store import Store
from harness.fault_plans import FaultPlan, parse_plan
from harness.fault_vocabulary import FAULTS

ANYWHERE = FaultTarget("arm")
seeds, keys = st.integers(-(1 << 63), (1 << 63) - 1), st.text(max_size=40)
rates = st.floats(0, 1)
plans = st.builds(
    lambda seed, faults: parse_plan("p", {"seed": seed, "faults": faults}),
    seeds,
    st.dictionaries(st.sampled_from(FAULTS), rates, min_size=1),
)


def strikes(plan: FaultPlan, looks: Iterable[str]) -> list[Any]:
    """The strike at each occurrence of a key, with a new store."""
    with closing(Store(":memory:")) as store:
        faults = Faults(store)
        faults.put(plan)
        return [faults.strike(key, ANYWHERE) for key in looks]


@given(seeds, st.sampled_from(FAULTS), keys, st.integers(0, 10_000))
def test_a_draw_is_the_same_whenever_it_is_drawn_and_never_one(seed: int, fault: str, key: str, ordinal: int) -> None:
    assert draw(seed, fault, key, ordinal) == draw(seed, fault, key, ordinal)
    assert 0 <= draw(seed, fault, key, ordinal).chance < 1


@given(plans, st.lists(keys, max_size=30))
def test_the_same_plan_and_the_same_looks_give_the_same_faults(plan: FaultPlan, looks: list[str]) -> None:
    assert strikes(plan, looks) == strikes(plan, looks)


@given(plans, st.lists(keys, max_size=30))
def test_looks_at_other_keys_change_nothing(plan: FaultPlan, looks: list[str]) -> None:
    of_key = {
        key: [strike for look, strike in zip(looks, strikes(plan, looks), strict=True) if look == key] for key in looks
    }

    for key, expected in of_key.items():
        assert strikes(plan, [key] * len(expected)) == expected


@given(seeds, rates, st.integers(1, 5))
def test_a_fault_strikes_as_often_as_it_may_at_most(seed: int, rate: float, times: int) -> None:
    plan = parse_plan("p", {"seed": seed, "faults": {"drop": {"rate": rate, "times": times}}})

    assert sum(strike is not None for strike in strikes(plan, map(str, range(100)))) <= times


@given(seeds)
def test_a_rate_of_nothing_never_strikes_and_one_of_one_always(seed: int) -> None:
    plan = parse_plan("p", {"seed": seed, "faults": {"drop": 0, "cut": 1}})

    assert {strike.fault for strike in strikes(plan, map(str, range(50)))} == {"cut"}


def test_a_fault_strikes_about_as_often_as_its_rate_says() -> None:
    plan = parse_plan("p", {"faults": {"drop": 0.3}})
    outcomes = strikes(plan, ["the same"] * 4000)
    forms = Counter((strike.draw.late, strike.draw.heads) for strike in outcomes if strike)

    assert abs(sum(forms.values()) - 1200) < 120
    assert all(abs(count - 300) < 80 for count in forms.values())


def test_guids_and_casing_make_no_other_key() -> None:
    first = request_key("GET", "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/G")
    other = request_key("GET", "/Subscriptions/7d8e1f00-1111-4222-a333-444455556666/resourcegroups/g")

    assert first == other == "GET /subscriptions/{guid}/resourcegroups/g"


def test_the_first_plan_by_name_that_strikes_wins() -> None:
    with closing(Store(":memory:")) as store:
        faults = Faults(store)
        for name, fault in (("b", "drop"), ("a", "cut"), ("c", "slow")):
            faults.put(parse_plan(name, {"faults": {fault: {"rate": 1, "times": 1}}}))

        assert [strike and strike.fault for strike in (faults.strike("key", ANYWHERE) for _ in range(4))] == [
            "cut", "drop", "slow", None,
        ]  # fmt: skip


def test_plans_and_what_they_have_struck_are_stored(tmp_path: Path) -> None:
    plan = parse_plan("p", {"seed": 3, "faults": {"drop": {"rate": 1, "times": 2}}, "scope": {"group": "g"}})
    target = FaultTarget("arm", "G")
    with closing(Store(tmp_path / "db")) as store:
        faults = Faults(store)
        faults.put(plan)
        assert faults.strike("key", target)
    with closing(Store(tmp_path / "db")) as store:
        faults = Faults(store)
        assert faults.active
        assert faults.get("p") == (plan, {"drop": 1})
        assert [bool(faults.strike("key", target)) for _ in range(2)] == [True, False]
        assert faults.delete("p")
    with closing(Store(tmp_path / "db")) as store:
        assert not Faults(store).active


def test_without_a_plan_nothing_strikes_and_nothing_is_stored() -> None:
    with closing(Store(":memory:")) as store:
        faults = Faults(store)

        assert (faults.active, faults.strike("key", ANYWHERE), faults.names()) == (False, None, [])
        assert (store.list(FaultPlan), store.list(Strikes)) == ([], [])
