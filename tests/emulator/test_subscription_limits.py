"""The limits that apply are those in the store."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from harness.emulator.store import Store
from harness.emulator.subscription_limits import SubscriptionLimit, SubscriptionLimits


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store(":memory:")) as new_store:
        yield new_store


@pytest.fixture
def limits(store: Store) -> SubscriptionLimits:
    return SubscriptionLimits(store)


REFUSING = SubscriptionLimit(refused_keys="RequestDisallowedByPolicy")


def test_they_hold_from_when_they_are_put_until_they_are_ended(limits: SubscriptionLimits) -> None:
    assert limits.key_refusal("group") is None

    limits.put("mine", REFUSING)
    assert (limits.names(), limits.key_refusal("group")) == (["mine"], "RequestDisallowedByPolicy")

    limits.delete("mine")
    assert (limits.names(), limits.key_refusal("group")) == ([], None)


def test_those_of_an_earlier_process_hold(limits: SubscriptionLimits, store: Store) -> None:
    limits.put("mine", REFUSING)

    assert SubscriptionLimits(store).names() == ["mine"]


def test_those_of_a_transaction_that_failed_do_not_hold(limits: SubscriptionLimits, store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            limits.put("mine", REFUSING)
            assert limits.names() == ["mine"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (limits.names(), limits.key_refusal("group")) == ([], None)
