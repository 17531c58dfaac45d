"""The deletion of a group continues after a restart, and after a provider failed to start it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from harness.emulator.providers.arm.deletions import Deletions
from harness.emulator.providers.arm.model import GroupDeletion, ResourceGroup, group_key
from harness.emulator.routing import Route
from harness.emulator.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GROUP = ResourceGroup("/subscriptions/s/resourceGroups/mine", "mine", "eastus", {})


class OneResource:
    """A provider with one resource in the group.

    Args:
        refusals: how often deleting it fails with an error of the disk.
    """

    namespace = "Microsoft.Mine"
    routes: tuple[Route, ...] = ()

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.exists = True

    def begin_group_delete(self, subscription: str, group: str) -> None:
        del subscription, group
        if self.refusals:
            self.refusals -= 1
            raise OSError(5, "Input/output error")
        self.exists = False

    def group_is_empty(self, subscription: str, group: str) -> bool:
        del subscription, group
        return not self.exists


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store(":memory:")) as new_store:
        new_store.put(group_key("s", GROUP.name), GROUP)
        yield new_store


def is_deleted(store: Store) -> bool:
    return store.get(ResourceGroup, group_key("s", GROUP.name)) is None


def test_a_group_whose_deletion_a_killed_process_only_stored_is_deleted(store: Store) -> None:
    store.put("operation", GroupDeletion("mine", "s", NOW))
    provider = OneResource()
    Deletions(store, [provider]).reconcile(NOW)

    assert not provider.exists
    assert is_deleted(store)


def test_a_provider_that_could_not_begin_is_asked_again(store: Store) -> None:
    first, second = OneResource(refusals=1), OneResource()
    deletions = Deletions(store, [first, second])
    operation = deletions.begin("s", GROUP, NOW)
    assert (first.exists, second.exists, is_deleted(store)) == (True, False, False)

    deletions.reconcile(NOW)
    assert is_deleted(store)
    assert (done := store.get(GroupDeletion, operation)) is not None
    assert done.done
